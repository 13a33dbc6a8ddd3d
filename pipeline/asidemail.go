package pipeline

import (
	"cmp"
	"slices"
	"strings"

	"postdesk/internal/addr"
	"postdesk/internal/compose"
	"postdesk/internal/config"
	"postdesk/internal/ticket"
	"postdesk/store"
)

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

// planAsides composes each mail as it will be, on a copy of the ticket: nothing is
// written, since the guard may hold it all.
func (out *outbound) planAsides(list []asked) ([]asideMail, error) {
	t := *out.t
	t.Participants, t.Asides = slices.Clone(t.Participants), slices.Clone(t.Asides)
	var plans []asideMail
	for _, a := range list {
		if len(plans) == maxAsked || a.aside == 0 && len(t.Asides) >= maxAsides || len(t.Participants) >= maxInTicket || t.Full() {
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
	a.subject = clip(cmp.Or(a.subject, t.Subject)) // the ticket's record holds it
	who := addr.Person{Agent: true}
	if a.agent != nil {
		who.N = out.w.numbers[a.agent.ID]
	} else {
		if isRequester(t.Who(a.to.Address)) {
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
		aside := &ticket.Aside{Approval: a.approval, Subject: a.subject, By: out.agent.ID, Opened: out.at}
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
		if have.Approval != a.approval || have.Decision != "" || !strings.EqualFold(have.Subject, a.subject) {
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
		Secrets: secrets, Logins: out.w.logins, IsToken: func(word string) bool { return out.isToken(word) && !out.bears(word, own) },
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
	if q.fresh {
		return "", []string{q.mark.thread}, nil
	}
	return out.p.threadedBy(out.tx, out.t, q.mark.thread, func(m *ticket.Message) bool { return m.Aside == q.aside.ID })
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
