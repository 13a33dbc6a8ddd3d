package pipeline

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"postdesk/internal/addr"
	"postdesk/internal/compose"
	"postdesk/internal/ticket"
	"postdesk/store"
)

// Outcome is told of each mail that was delivered, failed, or became late, in
// the transaction that records it: the ticket's history and the mails that
// follow from it are in the same commit. It implements relay.Reports, which
// calls Record in a new transaction when it fails.
func (p *Pipeline) Outcome(tx store.Tx, row store.Outgoing, now time.Time) error {
	if row.State == store.Delivered {
		return letGo(tx, row)
	}
	t, row, err := concerned(tx, row)
	if err != nil || t == nil {
		return err
	}
	if row.State == store.Ready {
		return p.late(tx, p.world.Load(), t, row, now)
	}
	return p.undelivered(tx, p.world.Load(), t, row, now, refusedForGood(row))
}

// largeCopy is the size, in bytes, above which what agents got is not kept: a
// large mail to a whole team would stay in the journal once for each.
const largeCopy = 256 << 10

// letGo erases a large copy once it is delivered, an agent's or an outside
// observer's. The customer's mail itself stays, and so does what customers and
// experts got.
func letGo(tx store.Tx, row store.Outgoing) error {
	observers := row.Purpose == store.PurposeAside && row.Agent == ""
	if row.Purpose != store.PurposeCopy && row.Purpose != store.PurposeNote && row.Purpose != store.PurposeNotice && !observers {
		return nil
	}
	m, err := tx.Mail(row.Mail)
	if errors.Is(err, store.ErrErased) || err == nil && m.Size() < largeCopy {
		return nil
	}
	if err != nil {
		return err
	}
	return tx.EraseMail(row.Mail)
}

// Record writes only that a mail failed or is late, when what follows from it
// could not be written: that it happened must be known, and the row must not be
// tried for ever.
func (p *Pipeline) Record(tx store.Tx, row store.Outgoing, now time.Time) error {
	t, row, err := concerned(tx, row)
	if err != nil || t == nil {
		return err
	}
	what := ticket.DeliveryFailed
	if row.State == store.Ready {
		what = ticket.DeliveryLate
	}
	if err := store.AddEvent(tx, t, deliveryEvent(what, row, now)); err != nil {
		return err
	}
	return p.save(tx, p.world.Load(), t)
}

// concerned is the ticket that an outcome is told to, and the row as it reads
// there; nil when there is nothing to tell.
func concerned(tx store.Tx, row store.Outgoing) (*ticket.Ticket, store.Outgoing, error) {
	if row.State == store.Delivered || row.Ticket == 0 {
		return nil, row, nil
	}
	row, err := store.Settle(tx, row)
	if err != nil {
		return nil, row, err
	}
	t, err := store.GetTicket(tx, row.Ticket)
	if errors.Is(err, store.ErrNotFound) {
		return nil, row, nil
	}
	return t, row, err
}

// undelivered is a permanent failure, learned in the session or from a report
// that came back; dead says that there is no such address.
func (p *Pipeline) undelivered(tx store.Tx, w *world, t *ticket.Ticket, row store.Outgoing, now time.Time, dead bool) error {
	var err error
	if dead {
		if err := p.bury(tx, w, t, row, now); err != nil {
			return err
		}
	}
	switch row.Purpose {
	case store.PurposeCopy:
		err = p.deadCopy(tx, w, t, row, now)
	case store.PurposeReply:
		err = p.failedReply(tx, w, t, row, now)
	case store.PurposeAside:
		err = p.undeliveredOutside(tx, w, t, row, now)
	case store.PurposeNotice:
		err = p.failedNotice(tx, w, t, row, now)
	default:
		err = store.AddEvent(tx, t, deliveryEvent(ticket.DeliveryFailed, row, now))
	}
	if err != nil {
		return err
	}
	return p.save(tx, w, t)
}

// failedNotice passes on to the admin what postdesk could not tell an agent: a
// word that a delivery failed must not fail in silence too.
func (p *Pipeline) failedNotice(tx store.Tx, w *world, t *ticket.Ticket, row store.Outgoing, now time.Time) error {
	if err := store.AddEvent(tx, t, deliveryEvent(ticket.DeliveryFailed, row, now)); err != nil {
		return err
	}
	if row.Reduced { // an attachment: the notice about it can be small
		return p.failedAttachment(tx, w, t, row, now)
	}
	mail, err := tx.Mail(row.Mail)
	if err != nil {
		return err
	}
	title := fmt.Sprintf("Ticket %d: a notice reaches no agent", t.Number)
	text := fmt.Sprintf("The attached notice to %s (%s) could not be delivered: %s", w.agentName(row.Agent), row.To, remoteAnswer(row))
	return p.notifyPostmaster(tx, w, title, text, mail, now)
}

func deliveryEvent(what ticket.What, row store.Outgoing, now time.Time) ticket.Event {
	return ticket.Event{At: now, By: ticket.System, What: what, Message: row.Message, Data: map[string]string{
		"to": row.To.String(), "purpose": string(row.Purpose), "code": strconv.Itoa(row.Code), "text": row.Text, "host": row.Host,
	}}
}

// remoteAnswer is what the other server said, for people.
func remoteAnswer(row store.Outgoing) string {
	if row.Code == 0 {
		return row.Text
	}
	return fmt.Sprintf("%d %s (%s)", row.Code, row.Text, row.Host)
}

// failedReply tells the agent in words that the customer did not get the
// answer: it is our turn again.
func (p *Pipeline) failedReply(tx store.Tx, w *world, t *ticket.Ticket, row store.Outgoing, now time.Time) error {
	if err := store.AddEvent(tx, t, deliveryEvent(ticket.DeliveryFailed, row, now)); err != nil {
		return err
	}
	if t.Turn() == ticket.TurnCustomer {
		reopen := ticket.Event{At: now, By: ticket.System, What: ticket.StatusChanged, Data: map[string]string{"status": string(ticket.Open)}}
		if err := store.AddEvent(tx, t, reopen); err != nil {
			return err
		}
	}
	return p.tellWriter(tx, w, t, row, compose.NoticeFailed, now)
}

func (p *Pipeline) late(tx store.Tx, w *world, t *ticket.Ticket, row store.Outgoing, now time.Time) error {
	if row.Purpose != store.PurposeReply && row.Purpose != store.PurposeAside {
		return nil
	}
	if err := store.AddEvent(tx, t, deliveryEvent(ticket.DeliveryLate, row, now)); err != nil {
		return err
	}
	if err := p.tellWriter(tx, w, t, row, compose.NoticeLate, now); err != nil {
		return err
	}
	return p.save(tx, w, t)
}

// tellWriter tells the agent whose answer it was; when that one is gone or
// away, those who look after the ticket.
func (p *Pipeline) tellWriter(tx store.Tx, w *world, t *ticket.Ticket, row store.Outgoing, kind compose.NoticeKind, now time.Time) error {
	ids, err := w.writerOrNext(tx, t, row.Agent, now)
	if err != nil {
		return err
	}
	text, err := sentText(tx, row.Mail)
	if err != nil {
		return err
	}
	automatic := row.Purpose == store.PurposeAck || row.Purpose == store.PurposeLetter
	for _, id := range ids {
		n := notice{kind: kind, agent: w.agents[id], t: t, at: now, data: compose.NoticeData{Automatic: automatic,
			Recipient: row.To, Answer: remoteAnswer(row), Enhanced: row.Enhanced, Until: row.Created.Add(w.cfg.Relay.Expire), Text: text}}
		if err := p.notify(tx, w, n); err != nil {
			return err
		}
	}
	return nil
}

// tooLarge: RFC 3463 §3.3 and §3.4 5.2.3, 5.3.4; RFC 1870 §6.1 552.
func tooLarge(row store.Outgoing) bool {
	return row.Enhanced == "5.3.4" || row.Enhanced == "5.2.3" || row.Enhanced == "" && row.Code == 552
}

// deadCopy is a customer's mail that an agent's server refused. Refused for its
// size it goes again without the large attachments. Otherwise the ticket loses
// its agent, and the others of the team and the supervisors get the mail, else
// the postmaster: a customer's mail never dies in a dead mailbox.
func (p *Pipeline) deadCopy(tx store.Tx, w *world, t *ticket.Ticket, row store.Outgoing, now time.Time) error {
	c, err := copyAgain(tx, t, row.Message, now)
	if err != nil {
		return err
	}
	if c == nil {
		return store.AddEvent(tx, t, deliveryEvent(ticket.Undeliverable, row, now)) // the mail was erased
	}
	if tooLarge(row) && !row.Reduced {
		c.omitOver, c.readers = largeAttachment, []string{row.Agent}
		return p.sendCopies(tx, w, *c)
	}
	e := deliveryEvent(ticket.Undeliverable, row, now)
	e.Data["agent"] = row.Agent
	if err := store.AddEvent(tx, t, e); err != nil {
		return err
	}
	if t.Assignee == row.Agent && t.Assignee != "" {
		off := ticket.Event{At: now, By: ticket.System, What: ticket.Assigned, Data: map[string]string{"agent": "", "why": "undeliverable"}}
		if err := store.AddEvent(tx, t, off); err != nil {
			return err
		}
	} else if reached, err := p.othersReached(tx, row); err != nil || reached {
		return err
	}
	return p.rescue(tx, w, t, row, *c, now)
}

// othersReached says whether a copy of the same mail to another agent is on its way
// or was delivered.
func (p *Pipeline) othersReached(tx store.Tx, row store.Outgoing) (bool, error) {
	reached := false
	err := store.SentWith(tx, row.Ticket, row.Message, func(r store.Outgoing) error {
		if r.ID != row.ID && r.Agent != row.Agent && r.Purpose == store.PurposeCopy && r.State != store.Failed && r.State != store.Dropped {
			reached = true
		}
		return nil
	})
	return reached, err
}

// rescue sends a mail that one agent could not get to whom else it may concern,
// leaving out those whose copy of it failed before.
func (p *Pipeline) rescue(tx store.Tx, w *world, t *ticket.Ticket, row store.Outgoing, c copyOf, now time.Time) error {
	tried := map[string]bool{row.Agent: true}
	err := store.SentWith(tx, row.Ticket, row.Message, func(r store.Outgoing) error {
		tried[r.Agent] = true
		return nil
	})
	if err != nil {
		return err
	}
	team := w.teamOf(t)
	c.review = w.supervisors(team)
	for _, id := range append(w.crew(team), c.review...) {
		if !tried[id] && !slices.Contains(c.readers, id) {
			c.readers = append(c.readers, id)
		}
	}
	if c.readers, err = reachable(tx, c.readers, now); err != nil {
		return err
	}
	c.cautions = append(c.cautions, compose.Caution{Warning: compose.WarnUndelivered, Detail: w.agentName(row.Agent)})
	if len(c.readers) > 0 {
		return p.sendCopies(tx, w, c)
	}
	title := fmt.Sprintf("Ticket %d reaches no agent", t.Number)
	text := fmt.Sprintf("The copy to %s (%s) could not be delivered: %s. No other agent of %s is left to get it; the customer's mail is attached.",
		w.agentName(row.Agent), row.To, remoteAnswer(row), team.Address)
	return p.notifyPostmaster(tx, w, title, text, c.mail.Source, now)
}

// mailboxes are the people in Cc of a ticket, for the block.
func mailboxes(t *ticket.Ticket) []addr.Mailbox {
	var list []addr.Mailbox
	_, cc := t.Audience()
	for _, c := range cc {
		list = append(list, addr.Mailbox{Name: c.Name, Address: c.Address})
	}
	return list
}

// attending are the agents who look after a ticket: the assignee, else the
// whole team.
func (p *Pipeline) attending(w *world, t *ticket.Ticket) []string {
	if t.Assignee != "" && w.agents[t.Assignee] != nil {
		return []string{t.Assignee}
	}
	return w.crew(w.teamOf(t))
}
