package pipeline

import (
	"fmt"
	"slices"
	"strings"

	"postdesk/internal/addr"
	"postdesk/internal/compose"
	"postdesk/internal/message"
	"postdesk/internal/ticket"
	"postdesk/store"
)

// split is #split: the customer's mail that this one answers becomes a ticket of
// its own. It comes before everything else in the mail: text and commands are
// about the new ticket. The customer is told nothing: the answers will say it.
func (out *outbound) split() error {
	i := slices.IndexFunc(out.commands, func(c ticket.Command) bool { return c.Name == ticket.CmdSplit })
	if i < 0 || out.t == nil {
		return nil
	}
	c := out.commands[i]
	seq, err := out.answeredMessage()
	if err != nil {
		return err
	}
	if out.released != nil && out.t.SplitFrom != 0 && seq == 1 {
		return nil // done before the text was held
	}
	m, err := out.splittable(c, seq)
	if err != nil {
		return err
	}
	from := out.t
	if out.t, err = store.NewTicket(out.tx, out.w.cfg.Tickets.FirstNumber); err != nil {
		return err
	}
	if err := out.splitOff(from, m, c.Arg); err != nil {
		return err
	}
	out.parted = fmt.Sprintf(words(out.lang(), "doneSplit"), c.Line, out.t.Number, out.t.Subject)
	return out.tellSplit(from)
}

// saySplit is what the transcript says: the work is done already.
func (out *outbound) saySplit(ticket.Command) (string, error) {
	if out.parted == "" {
		return "", nil
	}
	return out.inWords(out.parted), nil
}

// splittable is the message of that number, if it may leave its ticket: a mail
// from outside that is not the one which opened it.
func (out *outbound) splittable(c ticket.Command, seq uint64) (*ticket.Message, error) {
	if seq == 0 {
		return nil, refuse(c, words(out.lang(), "splitWhich"))
	}
	m, err := store.GetMessage(out.tx, out.t.Number, seq)
	if err != nil {
		return nil, err
	}
	var first uint64
	err = store.Messages(out.tx, out.t.Number, func(m ticket.Message) error {
		if first == 0 && (m.Kind == ticket.KindIn || m.Kind == ticket.KindAuto) {
			first = m.Seq
		}
		return nil
	})
	switch {
	case err != nil:
		return nil, err
	case m.Aside != 0, m.Kind != ticket.KindIn && m.Kind != ticket.KindVisitor && m.Kind != ticket.KindAuto:
		return nil, refuse(c, words(out.lang(), "splitWhich"))
	case seq == first:
		return nil, refuse(c, words(out.lang(), "splitFirst"))
	case out.t.Erased:
		return nil, refuse(c, fmt.Sprintf(words(out.lang(), "mergeErased"), out.t.Number))
	}
	return &m, nil
}

// splitOff fills the new ticket, and gives the old one its state back.
func (out *outbound) splitOff(from *ticket.Ticket, m *ticket.Message, typed string) error {
	t := out.t
	t.Team, t.Language = from.Team, from.Language
	err := out.eventsOf(t,
		ticket.Event{What: ticket.Created, Data: map[string]string{"subject": out.splitSubject(from, m, typed)}},
		ticket.Event{What: ticket.SplitFrom, Data: numbered("number", from.Number)},
		ticket.Event{What: ticket.Linked, Data: numbered("number", from.Number)})
	if err != nil {
		return err
	}
	if err := out.splitPeople(from, m); err != nil {
		return err
	}
	was, err := statusBefore(out.tx, from, m.Seq)
	if err != nil {
		return err
	}
	seq, err := store.MoveMessage(out.tx, from, m.Seq, t)
	if err != nil {
		return err
	}
	// Whoever may be written to by timers in the one ticket may be in the other.
	t.Acknowledged = from.Acknowledged && m.Kind == ticket.KindIn && m.Backed != ""
	if err := store.MoveCalendar(out.tx, from, t, map[uint64]uint64{m.Seq: seq}, false); err != nil {
		return err
	}
	received := ticket.Event{At: out.at, By: ticket.Actor{Kind: ticket.ByContact, ID: m.From.Address.String()}, What: ticket.Received, Message: t.Messages}
	if err := store.AddEvent(out.tx, t, received); err != nil {
		return err
	}
	if err := out.eventsOf(t, ticket.Event{What: ticket.Assigned, Data: map[string]string{"agent": out.agent.ID, "why": "split"}}); err != nil {
		return err
	}
	parted := numbered("number", t.Number)
	events := []ticket.Event{{What: ticket.SplitOff, Message: m.Seq, Data: parted}}
	if was != from.Status {
		events = append(events, ticket.Event{What: ticket.StatusChanged, Data: map[string]string{"status": string(was), "why": "split"}})
	}
	return out.eventsOf(from, events...)
}

// splitSubject is what was typed, else the mail's own subject, without "Re:". One
// that shows the old ticket's number would be that ticket's for ever.
func (out *outbound) splitSubject(from *ticket.Ticket, m *ticket.Message, typed string) string {
	subject := clip(message.Clean(strings.Trim(typed, " «»“”\"\u00a0\u202f"), 250))
	if subject == "" {
		subject = withoutPrefixes(m.Subject)
	}
	if subject == "" || len(out.w.tags.Find(subject)) > 0 {
		return from.Subject
	}
	return subject
}

// withoutPrefixes drops what answers put before a subject.
func withoutPrefixes(s string) string {
	for {
		before, after, ok := strings.Cut(s, ":")
		if !ok || !answerPrefix[ticket.Fold(strings.TrimSpace(before))] {
			return strings.TrimSpace(s)
		}
		s = after
	}
}

// answerPrefix are the folded words that clients put before a subject.
var answerPrefix = map[string]bool{"re": true, "ref": true, "rep": true, "tr": true, "fw": true, "fwd": true, "aw": true, "wg": true, "sv": true, "antw": true, "rv": true, "r": true}

// splitPeople are who wrote the mail, and of those whom it named the ones who
// take part already. History is sent to nobody because of a Cc.
func (out *outbound) splitPeople(from *ticket.Ticket, m *ticket.Message) error {
	who := ticket.Participant{Name: m.From.Name, Address: m.From.Address}
	if known := from.Who(m.From.Address); known != nil {
		who = *known
	} else if r := from.Requester(); m.Kind == ticket.KindIn && r != nil {
		who = *r // a form's mail names its author in the text
	}
	if who.Address.IsZero() {
		return nil
	}
	if who.Contact == 0 {
		c, err := store.SeeContact(out.tx, addr.Mailbox{Name: who.Name, Address: who.Address}, out.at)
		if err != nil {
			return err
		}
		who.Contact = c.ID
	}
	who.ID, who.Relation = 0, ticket.Requester
	if err := store.AddRequest(out.tx, who.Contact, out.t.Number); err != nil {
		return err
	}
	if err := out.eventsOf(out.t, ticket.Event{What: ticket.Joined, Participant: &who}); err != nil {
		return err
	}
	return out.splitCopied(from, m)
}

func (out *outbound) splitCopied(from *ticket.Ticket, m *ticket.Message) error {
	if m.Backed == "" || m.Kind != ticket.KindIn {
		return nil
	}
	mail, err := keptMail(out.tx, store.MailID(m.Mail))
	if err != nil || mail == nil {
		return err
	}
	for _, named := range append(mail.Header.Mailboxes("To"), mail.Header.Mailboxes("Cc")...) {
		p := from.Who(named.Address)
		if p == nil || p.Relation != ticket.Requester && p.Relation != ticket.Copied || out.t.Who(p.Address) != nil {
			continue
		}
		copied := *p
		copied.ID, copied.Relation = 0, ticket.Copied
		if err := out.eventsOf(out.t, ticket.Event{What: ticket.Joined, Participant: &copied}); err != nil {
			return err
		}
	}
	return nil
}

// statusBefore is the status that a ticket has without one of its mails: the one
// before it came, when nothing has happened since that makes it our turn.
func statusBefore(tx store.ReadTx, t *ticket.Ticket, seq uint64) (ticket.Status, error) {
	var before ticket.Ticket
	var received, later bool
	err := store.Events(tx, t.Number, func(e ticket.Event) error {
		switch {
		case e.What == ticket.Received && e.Message == seq:
			received = true
		case !received:
			before.Apply(&e)
		case e.What == ticket.Received || e.What == ticket.StatusChanged || e.What == ticket.Replied:
			later = true
		}
		return nil
	})
	if err != nil || !received || later || t.Turn() != ticket.TurnDesk || before.Status == ticket.New {
		return t.Status, err
	}
	return before.Status, nil
}

// tellSplit gives the agent the mail from its new ticket, and tells who looks
// after the old one.
func (out *outbound) tellSplit(from *ticket.Ticket) error {
	c, err := copyAgain(out.tx, out.t, 1, out.at)
	if err != nil {
		return err
	}
	if c != nil {
		c.readers, c.why = []string{out.agent.ID}, "split off ticket "+fmt.Sprint(from.Number)+" by "+out.agent.ID
		if err := out.p.sendCopies(out.tx, out.w, *c); err != nil {
			return err
		}
	}
	if id := from.Assignee; id != "" && id != out.agent.ID {
		line := fmt.Sprintf(words(out.lang(), "splitTold"), out.agent.Name, from.Number, out.t.Number, out.t.Subject)
		n := notice{kind: compose.NoticeNews, agent: out.w.agents[id], t: from, at: out.at, data: compose.NoticeData{Lines: []string{line + "."}}}
		if err := out.p.notify(out.tx, out.w, n); err != nil {
			return err
		}
	}
	if err := out.p.save(out.tx, out.w, from); err != nil {
		return err
	}
	return out.p.save(out.tx, out.w, out.t)
}
