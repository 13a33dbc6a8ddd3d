package pipeline

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"postdesk/internal/compose"
	"postdesk/internal/message"
	"postdesk/internal/ticket"
	"postdesk/store"
)

// show answers with the whole conversation of a ticket.
func (out *outbound) show(c ticket.Command) (string, error) {
	t, err := out.asked(c)
	if err != nil {
		return "", err
	}
	lang := out.lang()
	entries, skipped, err := out.conversation(t)
	if err != nil {
		return "", err
	}
	title := fmt.Sprintf(pageWord(lang, "showTitle"), t.Number)
	talk := compose.Section{Heading: pageWord(lang, "conversation"), Entries: entries}
	if skipped > 0 {
		talk.Lines = []string{fmt.Sprintf(pageWord(lang, "earlierMails"), skipped)}
	}
	pg := &compose.Page{Title: title, Sections: []compose.Section{
		{Heading: title, Lines: []string{t.Subject}, Table: out.factTable(t), Links: out.nextSteps(t, ticket.CmdAssign, ticket.CmdClose, ticket.CmdHistory)}, talk}}
	out.answerPage(pg, t)
	return "", nil
}

// factTable is what the ticket is.
func (out *outbound) factTable(t *ticket.Ticket) *compose.Table {
	lang, team := out.lang(), out.w.teamOf(t)
	table := &compose.Table{Columns: []compose.Column{{}, {Wide: true}}}
	add := func(name, value string) {
		if value != "" {
			table.Rows = append(table.Rows, compose.Row{Cells: []string{name, value}})
		}
	}
	add(pageWord(lang, "colState"), compose.Word(lang, string(t.Status)))
	add(pageWord(lang, "colAssignee"), out.w.assigneeName(t))
	add(pageWord(lang, "colTeam"), team.Name)
	for _, p := range t.Participants {
		if !p.Removed {
			add(pageWord(lang, "rel-"+string(p.Relation)), strings.TrimSpace(p.Name+" <"+p.Address.String()+">"))
		}
	}
	add(pageWord(lang, "colPriority"), compose.Word(lang, string(t.Priority)))
	add(pageWord(lang, "colCategory"), t.Category)
	add(pageWord(lang, "colTags"), strings.Join(t.Tags, ", "))
	for _, name := range slices.Sorted(maps.Keys(t.Fields)) {
		add(name, t.Fields[name])
	}
	add(pageWord(lang, "colCreated"), compose.When(t.Created.In(zoneOf(team)), lang))
	add(pageWord(lang, "colResolution"), t.Resolution)
	return table
}

// conversation are the latest messages that people wrote, the oldest of them
// first. skipped is how many came before.
func (out *outbound) conversation(t *ticket.Ticket) (entries []compose.Entry, skipped int, err error) {
	var list []ticket.Message
	err = store.LatestMessages(out.tx, t.Number, maxLookBack, func(m ticket.Message) error {
		switch {
		case m.Kind == ticket.KindInternal || m.Kind == ticket.KindBounce || m.Kind == ticket.KindAck:
		case len(list) == maxPageMessages:
			skipped++
		default:
			list = append(list, m)
		}
		return nil
	})
	if err != nil {
		return nil, 0, err
	}
	slices.Reverse(list)
	for i := range list {
		e, err := out.entry(t, &list[i])
		if err != nil {
			return nil, 0, err
		}
		entries = append(entries, e)
	}
	return entries, skipped, nil
}

// entry is one message with its text, without what it quotes.
func (out *outbound) entry(t *ticket.Ticket, m *ticket.Message) (compose.Entry, error) {
	lang := out.lang()
	who := strings.TrimSpace(m.From.Name + " <" + m.From.Address.String() + ">")
	if m.Agent != "" {
		who = out.w.agentName(m.Agent)
	}
	head := compose.When(m.At.In(zoneOf(out.w.teamOf(t))), lang) + " – " + who
	if label := pageWord(lang, "kind-"+string(m.Kind)); label != "" {
		head += " – " + label
	}
	e := compose.Entry{Head: head, Inside: !m.Kind.Public()}
	id := store.MailID(m.Mail)
	if m.Sent != 0 {
		id = store.MailID(m.Sent) // as it left, without commands
	}
	mail, err := keptMail(out.tx, id)
	if err != nil {
		return e, err
	}
	if mail == nil {
		e.Text = pageWord(lang, "erased")
		return e, nil
	}
	e.Text = entryText(mail, m)
	for i, a := range mail.Attachments() {
		e.Files = append(e.Files, fmt.Sprintf("%d. %s (%s)", i+1, a.FileName(), compose.Size(a.End-a.Body, lang)))
	}
	return e, nil
}

// entryText is what the writer said. A note is kept without its commands.
func entryText(mail *message.Message, m *ticket.Message) string {
	text, _ := mail.TextBody(64 << 10)
	text, _ = message.SplitQuote(text)
	if m.Sent == 0 && m.Agent != "" {
		if m.Excerpt != "" {
			text = m.Excerpt
		} else {
			_, text, _ = ticket.ParseCommands(text)
		}
	}
	if r := []rune(text); len(r) > maxPageText {
		text = string(r[:maxPageText]) + "\n[…]"
	}
	return text
}
