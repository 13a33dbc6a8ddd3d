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
	maxAsides = 100
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

// asideMail is one mail of an aside before it leaves.
type asideMail struct {
	who   *ticket.Participant // nil for an approver with an account
	agent *config.Agent
	aside ticket.Aside
	fresh bool   // the aside begins with it
	typed string // the name that was typed
	mark  marks
	mail  compose.ReplyOut
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

// planAsides composes each mail as it will be, on a copy of the ticket: nothing is
// written, since the guard may hold it all.
func (out *outbound) planAsides(list []asked) ([]asideMail, error) {
	t := *out.t
	t.Participants, t.Asides = slices.Clone(t.Participants), slices.Clone(t.Asides)
	var plans []asideMail
	for _, a := range list {
		if len(plans) == maxAsked || a.aside == 0 && len(t.Asides) >= maxAsides || len(t.Participants) >= 2*maxParticipants {
			return nil, &refusal{line: cmp.Or(a.to.Address.String(), a.subject), why: words(out.lang(), "tooManyAsked")}
		}
		q, err := out.asideMail(&t, a)
		if err != nil {
			return nil, err
		}
		if slices.ContainsFunc(plans, func(o asideMail) bool { return o.mark.thread == q.mark.thread }) {
			continue // the same person twice
		}
		if q.mail, err = out.composeQuestion(&t, q); err != nil {
			return nil, err
		}
		plans = append(plans, q)
	}
	return plans, nil
}

// asideMail finds or makes the person and the aside on a copy of the ticket.
func (out *outbound) asideMail(t *ticket.Ticket, a asked) (asideMail, error) {
	q := asideMail{agent: a.agent, typed: shortName(a.to.Name)}
	who := addr.Person{Agent: true}
	if a.agent != nil {
		who.N = out.w.numbers[a.agent.ID]
	} else {
		if was := t.Who(a.to.Address); was != nil && was.Relation == ticket.Requester {
			return q, &refusal{line: a.to.Address.String(), why: words(out.lang(), "isCustomer")}
		}
		p := &ticket.Participant{Relation: ticket.Expert, Name: shortName(a.to.Name), Address: a.to.Address}
		if a.approval {
			p.Relation = ticket.Approver
		}
		t.Apply(&ticket.Event{What: ticket.Joined, Participant: p})
		q.who, who = t.Participant(p.ID), addr.Person{N: p.ID}
	}
	if same := out.sameAside(t, a, q); same != nil {
		q.aside = *same
	} else {
		aside := &ticket.Aside{Approval: a.approval, Subject: cmp.Or(a.subject, t.Subject), By: out.agent.ID, Opened: out.at}
		if q.who != nil {
			aside.With = []uint64{q.who.ID}
		} else {
			aside.Agent = a.agent.ID
		}
		t.Apply(&ticket.Event{At: out.at, What: ticket.Asked, Aside: aside})
		q.aside, q.fresh = *aside, true
	}
	m := out.p.minter(out.w, t)
	q.mark = m.nextIn(q.aside.ID, who)
	return q, nil
}

// sameAside is the aside that the mail goes on with: the one that it answers, or the
// one in which the same person was asked under the same subject. A decision that
// was taken is not asked for in the same aside again.
func (out *outbound) sameAside(t *ticket.Ticket, a asked, q asideMail) *ticket.Aside {
	if a.aside != 0 {
		return t.Aside(a.aside)
	}
	for i := range t.Asides {
		have := &t.Asides[i]
		if have.Approval != a.approval || have.Decision != "" || !strings.EqualFold(have.Subject, cmp.Or(a.subject, t.Subject)) {
			continue
		}
		if q.who != nil && slices.Equal(have.With, []uint64{q.who.ID}) || q.agent != nil && have.Agent == q.agent.ID {
			return have
		}
	}
	return nil
}

// composeQuestion writes the mail for one person: as to a customer, but nothing
// of notes, of other asides, and no mark of anyone else is in it.
func (out *outbound) composeQuestion(t *ticket.Ticket, q asideMail) (compose.ReplyOut, error) {
	m := out.p.minter(out.w, t)
	who := addr.Person{Agent: true}
	var to addr.Mailbox
	if q.agent != nil {
		who.N, to = out.w.numbers[q.agent.ID], addr.Mailbox{Name: q.agent.Name, Address: q.agent.Address}
	} else {
		who, to = addr.Person{N: q.who.ID}, answerTo(q.who)
	}
	head := compose.Head{From: addr.Mailbox{Address: m.sideAddress(q.aside.ID, who)}, To: []addr.Mailbox{to}, Subject: q.aside.Subject, Date: out.at, MessageID: q.mark.messageID}
	var err error
	if head.InReplyTo, head.References, err = out.asideHistory(q); err != nil {
		return compose.ReplyOut{}, err
	}
	secrets, err := out.secretTexts(q.aside.ID)
	if err != nil {
		return compose.ReplyOut{}, err
	}
	for _, s := range out.w.secrets {
		if q.agent == nil || s != q.agent.Address.String() { // it stands in To
			secrets = append(secrets, s)
		}
	}
	own := addr.Token{Kind: addr.KindParticipant, Ticket: t.Number, Item: q.aside.ID, Person: who}
	return out.w.compose.Reply(compose.ReplyIn{
		Head: head, Team: out.team, Agent: out.agent.Name, Mail: out.mail, Commands: out.lines(), Insert: out.insert,
		Decision: q.aside.Approval && q.aside.Decision == "", Ticket: out.w.ticketData(t), Rewrite: out.rewriteAside,
		Secrets: secrets,
		IsToken: func(word string) bool { return out.isToken(word) && !out.bears(word, own) },
	})
}

// bears says whether a word is an address with this very token.
func (out *outbound) bears(word string, own addr.Token) bool {
	a, err := addr.Parse(word)
	if err != nil {
		return false
	}
	tok, ok := addr.FindToken(a, out.w.cfg.Tickets.TokenDomain)
	if !ok {
		return false
	}
	t, ok := out.p.keys.Verify(tok)
	return ok && t == own
}

// rewriteAside is rewrite for somebody who is not the customer: the customer's
// address is not told either, unless the agent typed it.
func (out *outbound) rewriteAside(a addr.Address) (addr.Address, bool) {
	to, ok := out.rewrite(a)
	if ok && out.w.team(to) == nil {
		return out.team.Address, true
	}
	return to, ok
}

// asideHistory is what the client of an expert threads by: the mails of this
// aside and no other.
func (out *outbound) asideHistory(q asideMail) (inReplyTo string, references []string, err error) {
	references = []string{q.mark.thread}
	if q.fresh {
		return "", references, nil
	}
	var ids []string
	err = store.LatestMessages(out.tx, out.t.Number, maxLookBack, func(m ticket.Message) error {
		if m.Aside != q.aside.ID || m.MessageID == "" || len(ids) == maxReferences {
			return nil
		}
		if m.Kind == ticket.KindAsideIn && inReplyTo == "" {
			inReplyTo = m.MessageID
		}
		ids = append(ids, m.MessageID)
		return nil
	})
	slices.Reverse(ids)
	return inReplyTo, append(references, ids...), err
}

// sendQuestion writes one of the mails, the first as the message that was kept,
// the others as copies of it in their own asides.
func (out *outbound) sendQuestion(i int, q asideMail) error {
	id, err := out.tx.PutMail(q.mail.Source)
	if err != nil {
		return err
	}
	m := out.m
	if i > 0 {
		further := *out.m
		m = &further
	}
	m.Aside, m.Sent, m.MessageID, m.Excerpt = q.aside.ID, uint64(id), q.mark.messageID, excerpt(out.rest)
	if i > 0 {
		if err := store.AddMessage(out.tx, out.t, m); err != nil {
			return err
		}
	} else if err := store.IndexMessageID(out.tx, m.MessageID, out.t.Number, m.Seq); err != nil {
		return err
	}
	if err := out.recordQuestion(q, m.Seq); err != nil {
		return err
	}
	row := store.Outgoing{Mail: id, From: q.mark.sender, Domain: out.team.Address.Domain, MessageID: m.MessageID, Item: q.mark.item, Purpose: store.PurposeAside,
		Ticket: out.t.Number, Message: m.Seq, Agent: out.agent.ID, Due: out.at, Created: out.at}
	if q.agent != nil {
		row.To = q.agent.Address
	} else {
		row.To = answerTo(q.who).Address
	}
	row.SMTPUTF8 = !row.From.IsASCII() || !row.To.IsASCII()
	out.t.Outgoing = max(out.t.Outgoing, q.mark.item)
	return store.Enqueue(out.tx, &row)
}

// recordQuestion writes the events of a mail: who joined, and that the aside
// began or went on.
func (out *outbound) recordQuestion(q asideMail, seq uint64) error {
	if q.who != nil {
		p := *q.who
		if err := out.include(&p, out.by()); err != nil {
			return err
		}
		if err := store.Solicit(out.tx, out.team.Address, addr.Mailbox{Name: cmp.Or(q.typed, p.Name), Address: p.Address}, out.at); err != nil {
			return err
		}
	}
	if !q.fresh {
		return out.event(ticket.Event{By: out.by(), What: ticket.AsideSent, Message: seq, Data: numbered("aside", q.aside.ID)})
	}
	aside := q.aside
	e := ticket.Event{By: out.by(), What: ticket.Asked, Message: seq, Aside: &aside}
	if q.aside.Approval {
		e.What = ticket.ApprovalAsked
	}
	return out.event(e)
}

// join makes somebody a participant, unless that changes nothing.
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
	list, err := store.ListSolicited(out.tx, out.team.Address, maxOffered)
	if err != nil {
		return "", err
	}
	if len(list) == 0 {
		return fmt.Sprintf(words(out.lang(), "askNobody"), c.Line), nil
	}
	data := compose.NoticeData{Title: "#" + string(c.Name)}
	for _, s := range list {
		data.People = append(data.People, compose.Offered{Who: addr.Mailbox{Name: s.Name, Address: s.Address}, Times: s.Times, Last: s.Last})
	}
	out.page(compose.NoticeSolicited, data)
	return "", nil
}

func wantsList(c ticket.Command) bool { return strings.Trim(c.Arg, "? \u00a0") == "" && c.Arg != "" }
