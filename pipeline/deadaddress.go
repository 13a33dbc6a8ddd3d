package pipeline

import (
	"slices"
	"time"

	"postdesk/internal/bounce"
	"postdesk/internal/compose"
	"postdesk/internal/ticket"
	"postdesk/store"
)

// deadScope keeps the addresses that take no mail, deadFor how long: after a year
// one letter may try again.
const (
	deadScope = "dead-address"
	deadFor   = 366 * 24 * time.Hour
)

// refusedForGood: the other server said in the session that there is no such address.
func refusedForGood(row store.Outgoing) bool {
	return bounce.OfReply(row.Enhanced, row.Text) == bounce.Hard
}

// bury writes down that an address of the customer's side is dead: the desk writes to
// it by itself no more, in no ticket. That is an event, and the agent hears of it
// once: of an answer that failed the agent is told in any case, and of an observer when
// a mail can't be shown.
func (p *Pipeline) bury(tx store.Tx, w *world, t *ticket.Ticket, row store.Outgoing, now time.Time) error {
	switch row.Purpose {
	case store.PurposeReply, store.PurposeAck, store.PurposeLetter:
	default:
		return nil
	}
	var since time.Time
	known, err := store.Window(tx, deadScope, row.To.Key(), &since)
	if err != nil || known && !since.IsZero() {
		return err
	}
	if err := store.SetWindow(tx, deadScope, row.To.Key(), now, now.Add(deadFor)); err != nil {
		return err
	}
	if err := store.AddEvent(tx, t, deliveryEvent(ticket.AddressDead, row, now)); err != nil {
		return err
	}
	if who := t.Who(row.To); row.Purpose == store.PurposeReply || who != nil && who.Relation == ticket.Observer {
		return nil
	}
	return p.tellWriter(tx, w, t, row, compose.NoticeFailed, now)
}

// rises: who writes from an address is there again.
func (in *inbound) rises() error {
	var since time.Time
	known, err := store.Window(in.tx, deadScope, in.author.Address.Key(), &since)
	if err != nil || !known || since.IsZero() || in.facts.Auth.Backed == "" {
		return err
	}
	return store.SetWindow(in.tx, deadScope, in.author.Address.Key(), time.Time{}, in.at)
}

// living leaves out those whose address is dead. A letter without its first reader has
// none.
func living(tx store.ReadTx, to []*ticket.Participant) ([]*ticket.Participant, error) {
	var dead []*ticket.Participant
	for _, who := range to {
		var since time.Time
		known, err := store.Window(tx, deadScope, answerTo(who).Address.Key(), &since)
		if err != nil {
			return nil, err
		}
		if known && !since.IsZero() {
			dead = append(dead, who)
		}
	}
	if len(dead) == 0 {
		return to, nil
	}
	if slices.Contains(dead, to[0]) {
		return nil, nil
	}
	return slices.DeleteFunc(slices.Clone(to), func(who *ticket.Participant) bool { return slices.Contains(dead, who) }), nil
}
