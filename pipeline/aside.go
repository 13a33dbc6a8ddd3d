package pipeline

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"postdesk/internal/addr"
	"postdesk/internal/compose"
	"postdesk/internal/config"
	"postdesk/internal/ticket"
	"postdesk/store"
)

// Bounds of asides: how many people one mail asks, and how many asides a ticket
// has.
const (
	maxAsked  = 10
	maxAsides = 60
)

// asked is somebody to whom an agent's mail goes beside the customer. Each has an
// aside of his own: two suppliers never learn of each other.
type asked struct {
	to       addr.Mailbox
	agent    *config.Agent // an approver with an account; else nil
	subject  string        // "" is the ticket's
	approval bool
	aside    uint64 // the aside that goes on; 0: a new one, or the same question's
}

// askOutside sends the agent's mail to people outside, each in an aside of its own. What
// the mail goes on with, it goes on with too.
func (out *outbound) askOutside(people []addr.Mailbox, subject string) (*result, error) {
	list, err := out.answering()
	if err != nil {
		return nil, err
	}
	for _, m := range people {
		list = append(list, asked{to: m, subject: subject})
	}
	return out.askAll(list)
}

// thirds are those outside for whom the mail's text is: by command, or since it
// goes on with an aside. None when it is for the customer or for colleagues.
func (out *outbound) thirds() ([]asked, error) {
	list, err := out.thirdsByCommand()
	if err != nil || len(list) > 0 {
		return list, err
	}
	if out.note || out.commandsOnly() {
		return nil, nil
	}
	if ticket.Has(out.commands, ticket.CmdPublic) {
		return nil, out.leaveQuote()
	}
	return out.answering()
}

// leaveQuote leaves out of a public answer what it quotes of a note or an aside:
// the text is for the customer, and the quote was not.
func (out *outbound) leaveQuote() error {
	a, err := out.continued()
	if err != nil {
		return err
	}
	internal, err := out.answersInternal()
	out.dropsQuote = a != nil || internal
	return err
}

// thirdsByCommand are the people of #ask and #approve.
func (out *outbound) thirdsByCommand() ([]asked, error) {
	var list []asked
	for _, c := range out.commands {
		if c.Name != ticket.CmdAsk && c.Name != ticket.CmdApprove || wantsList(c) {
			continue
		}
		people, subject, ok := ticket.ParseAsk(c.Arg)
		switch {
		case out.t == nil:
			return nil, refuse(c, words(out.lang(), "noTicket"))
		case ticket.Has(out.commands, ticket.CmdNote), ticket.Has(out.commands, ticket.CmdPublic):
			return nil, refuse(c, words(out.lang(), "askAlso"))
		case !ok:
			return nil, refuse(c, words(out.lang(), "askWhom"), "#"+string(c.Name)+" expert@lab.example")
		}
		for _, p := range people {
			a := asked{to: p.Mailbox, subject: subject, approval: c.Name == ticket.CmdApprove}
			if err := out.mayAsk(c, p, &a); err != nil {
				return nil, err
			}
			list = append(list, a)
		}
	}
	return list, nil
}

// mayAsk refuses to write to ourselves: a colleague is told by a note, and asked only for
// a decision.
func (out *outbound) mayAsk(c ticket.Command, p ticket.Person, a *asked) error {
	colleague := out.w.byAddress[p.Mailbox.Address.Key()]
	switch {
	case colleague == nil && isRequester(out.t.Who(p.Mailbox.Address)):
		return refuse(c, words(out.lang(), "isCustomer"))
	case colleague == nil:
		return out.someoneOutside(c, p)
	case !a.approval:
		return refuse(c, fmt.Sprintf(words(out.lang(), "askColleague"), colleague.Name), "#note", "#assign "+colleague.ID)
	case colleague.ID == out.agent.ID:
		return refuse(c, words(out.lang(), "approveSelf"))
	}
	a.agent, a.to = colleague, addr.Mailbox{}
	return nil
}

func isRequester(p *ticket.Participant) bool { return p != nil && p.Relation == ticket.Requester }

// answering are the people of the aside whose address the mail was sent to, or
// whose mail it answers.
func (out *outbound) answering() ([]asked, error) {
	a, err := out.continued()
	if err != nil || a == nil {
		return nil, err
	}
	var list []asked
	for _, id := range a.With {
		if p := out.t.Participant(id); p != nil && !p.Address.IsZero() {
			list = append(list, asked{to: answerTo(p), aside: a.ID, approval: a.Approval})
		}
	}
	if approver := out.w.agents[a.Agent]; approver != nil && approver.ID != out.agent.ID {
		list = append(list, asked{agent: approver, aside: a.ID, approval: true})
	}
	if len(list) == 0 {
		return nil, &refusal{line: a.Subject, why: words(out.lang(), "asideNobody")}
	}
	return list, nil
}

// askAll composes the mails, and sends them or holds them all.
func (out *outbound) askAll(list []asked) (*result, error) {
	plans, err := out.planAsides(list)
	if err != nil {
		return nil, err
	}
	var findings []compose.Finding
	for _, q := range plans {
		for _, f := range out.counted(q.mail.Findings) {
			if !slices.Contains(findings, f) {
				findings = append(findings, f)
			}
		}
	}
	if len(findings) > 0 && !out.guardPassed() {
		return out.hold(holdGuard, findings, nil)
	}
	if err := out.keepAs(ticket.KindAsideOut); err != nil {
		return nil, err
	}
	for i, q := range plans {
		if err := out.sendQuestion(i, q); err != nil {
			return nil, err
		}
	}
	out.facts.Decision = cmp.Or(out.facts.Decision, "an aside of "+out.agent.ID+" in ticket "+strconv.FormatUint(out.t.Number, 10))
	return out.afterQuestions(plans)
}

// afterQuestions does what follows: the agent looks after the ticket if nobody
// did, colleagues who follow it read along, and the commands are carried out. It
// stays our turn: the customer has no answer yet, and #hold says otherwise.
func (out *outbound) afterQuestions(plans []asideMail) (*result, error) {
	if err := out.take(); err != nil {
		return nil, err
	}
	readers := slices.DeleteFunc(out.w.present(append(slices.Clone(out.t.Observers), out.t.Assignee)), func(id string) bool {
		return id == out.agent.ID || slices.ContainsFunc(plans, func(q asideMail) bool { return q.agent != nil && q.agent.ID == id })
	})
	c := copyOf{t: out.t, m: out.m, mail: out.mail, kind: compose.CopyAsked, at: out.at, readers: readers, commands: out.lines(), why: out.facts.why()}
	if err := out.p.sendCopies(out.tx, out.w, c); err != nil {
		return nil, err
	}
	if _, err := out.apply(); err != nil {
		return nil, err
	}
	if err := out.sendPages(false); err != nil {
		return nil, err
	}
	return out.finish()
}

// asideWith names whom an aside is with, for agents.
func (w *world) asideWith(t *ticket.Ticket, a *ticket.Aside) []addr.Mailbox {
	if a == nil {
		return nil
	}
	var list []addr.Mailbox
	for _, id := range a.With {
		if p := t.Participant(id); p != nil {
			list = append(list, addr.Mailbox{Name: p.Name, Address: p.Address})
		}
	}
	if a.Agent != "" {
		list = append(list, addr.Mailbox{Name: w.agentName(a.Agent)})
	}
	return list
}

// maxOffered is how many addresses "#ask ?" offers.
const maxOffered = 20

// ask answers "#ask ?" and "#approve ?": whom the team has asked before, the most often asked
// first. Any other #ask said where the text goes, and was heeded before.
func (out *outbound) ask(c ticket.Command) (string, error) {
	if !wantsList(c) {
		return "", nil
	}
	if !out.commandsOnly() {
		return "", refuse(c, words(out.lang(), "askAlone"))
	}
	team := out.team
	if out.outside && !inTeam(team, out.agent.ID) {
		team = out.w.homeTeam(out.agent) // whom another team asks is that team's business
	}
	list, err := store.ListSolicited(out.tx, team.Address, maxOffered)
	if err != nil {
		return "", err
	}
	if len(list) == 0 {
		return fmt.Sprintf(words(out.lang(), "askNobody"), c.Line), nil
	}
	data := compose.NoticeData{Title: spoken(out.lang(), "#"+string(c.Name))}
	for _, s := range list {
		data.People = append(data.People, compose.Offered{Who: addr.Mailbox{Name: s.Name, Address: s.Address}, Times: s.Times, Last: s.Last})
	}
	out.page(compose.NoticeSolicited, data)
	return "", nil
}

func wantsList(c ticket.Command) bool { return strings.Trim(c.Arg, "? \u00a0") == "" && c.Arg != "" }
