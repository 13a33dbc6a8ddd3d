package pipeline

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"postdesk/internal/compose"
	"postdesk/internal/message"
	"postdesk/internal/ticket"
	"postdesk/store"
)

// maxTemplates is how many canned answers one mail may use.
const maxTemplates = 5

// asksTemplates is "#template ?": which ones there are.
func asksTemplates(c ticket.Command) bool { return c.Name == ticket.CmdTemplate && c.Arg == "?" }

// usesTemplate: a canned answer is the mail's text, so that the mail is an
// answer to the customer although nothing else stands in it.
func (out *outbound) usesTemplate() bool {
	return slices.ContainsFunc(out.commands, func(c ticket.Command) bool { return c.Name == ticket.CmdTemplate && !asksTemplates(c) })
}

// prepareTemplates fills in the canned answers before the mail is written: in
// the order of the commands, each once.
func (out *outbound) prepareTemplates() error {
	if out.prepared = true; !out.usesTemplate() {
		return nil
	}
	out.used, out.attach = nil, nil
	data, err := out.cannedData()
	if err != nil {
		return err
	}
	var texts []string
	for _, c := range out.commands {
		if c.Name != ticket.CmdTemplate || asksTemplates(c) {
			continue
		}
		a, err := out.w.compose.Canned(out.team, out.w.language(out.t), c.Arg, data)
		var unknown *compose.UnknownCanned
		if errors.As(err, &unknown) {
			return out.noTemplate(c, unknown)
		}
		if err != nil {
			return refuse(c, err.Error())
		}
		if slices.Contains(out.used, a.Name) {
			continue
		}
		if len(out.used) == maxTemplates {
			return refuse(c, fmt.Sprintf(words(out.lang(), "templateMany"), maxTemplates))
		}
		out.used = append(out.used, a.Name)
		texts = append(texts, a.Text)
		out.attach = append(out.attach, a.Files...)
	}
	out.insert = strings.Join(texts, "\n\n")
	return nil
}

// noTemplate says which there are.
func (out *outbound) noTemplate(c ticket.Command, unknown *compose.UnknownCanned) error {
	if len(unknown.Known) == 0 {
		return refuse(c, words(out.lang(), "templateNone"))
	}
	var closest []string
	for _, name := range unknown.Closest() {
		closest = append(closest, "#"+string(ticket.CmdTemplate)+" "+name)
	}
	known := unknown.Known[:min(len(unknown.Known), 50)]
	return refuse(c, fmt.Sprintf(words(out.lang(), "templateUnknown"), strings.Join(known, ", ")), closest...)
}

// cannedData is what a canned answer may say.
func (out *outbound) cannedData() (compose.CannedData, error) {
	data := compose.CannedData{Ticket: out.w.ticketData(out.t), Team: compose.TeamData{Name: out.team.Name, Address: out.team.Address.String()},
		Agent: compose.AgentData{Name: out.agent.Name}}
	r := out.t.Requester()
	if r == nil {
		return data, nil
	}
	data.Customer = compose.CustomerData{Name: r.Name, Address: r.Address.String()}
	c, err := store.GetContact(out.tx, r.Contact)
	if errors.Is(err, store.ErrNotFound) {
		return data, nil
	}
	if err == nil {
		data.Customer.Company = c.Company
		if c.Name != "" && c.Known {
			data.Customer.Name = c.Name
		}
	}
	return data, err
}

// template is #template once its text has gone out, or "#template ?".
func (out *outbound) template(c ticket.Command) (string, error) {
	if asksTemplates(c) {
		return "", out.listTemplates()
	}
	if !out.prepared {
		return "", refuse(c, words(out.lang(), "templateNote"))
	}
	if len(out.used) == 0 {
		return "", nil // named twice
	}
	name := out.used[0]
	out.used = out.used[1:]
	return "", out.event(ticket.Event{By: out.by(), What: ticket.CannedUsed, Message: out.m.Seq, Data: map[string]string{"name": name}})
}

// asSent is the agent's mail for colleagues: as the customer got it where a
// canned answer is most of it.
func (out *outbound) asSent() (*message.Message, error) {
	if out.insert == "" || out.composed == nil {
		return out.mail, nil
	}
	return message.Parse(out.composed)
}

// maxListedTemplates bounds the page of canned answers.
const maxListedTemplates = 100

// listTemplates mails the names, how each begins, and its files.
func (out *outbound) listTemplates() error {
	data, err := out.cannedData()
	if err != nil {
		return err
	}
	list := out.w.compose.CannedNames(out.team, out.w.language(out.t), data)
	var b strings.Builder
	for _, a := range list[:min(len(list), maxListedTemplates)] {
		fmt.Fprintf(&b, "%s\n    %s\n", spoken(out.lang(), "#template "+a.Name), beginning(a.Text))
		for _, f := range a.Files {
			fmt.Fprintf(&b, "    + %s\n", f.Name)
		}
		b.WriteString("\n")
	}
	if len(list) == 0 {
		b.WriteString(words(out.lang(), "templateNone"))
	}
	out.page(compose.NoticePage, compose.NoticeData{Title: words(out.lang(), "templates"), Text: b.String()})
	return nil
}

// beginning is the start of a text in one line.
func beginning(text string) string {
	text = strings.Join(strings.Fields(text), " ")
	if len(text) <= 100 {
		return text
	}
	return strings.ToValidUTF8(text[:100], "") + "…"
}
