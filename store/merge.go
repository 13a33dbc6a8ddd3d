package store

import (
	"errors"
	"fmt"
	"slices"

	"postdesk/internal/ticket"
)

// maxMoves bounds how often a message or a ticket is followed to where it is
// now. Merges always go to the lower number, so there are no circles, and a
// hundred alarms may have been merged one by one, the youngest first.
const maxMoves = 10000

// MaxMoved is how many bytes of records one merge may move: half of what an
// Update holds, as each message leaves a mark behind.
const MaxMoved = MaxUpdate / 2

// MoveMessage takes a message of one ticket to another, as its next. In the old
// place stays the mark where it is now, so that all that ever led to it still
// does: its Message-IDs, those of its copies, and what comes back. One of an
// aside is of the aside that Absorb has made of it. One that moved before is left
// alone: the result is 0. The caller saves both tickets.
func MoveMessage(tx Tx, from *ticket.Ticket, seq uint64, to *ticket.Ticket) (uint64, error) {
	m, err := GetMessage(tx, from.Number, seq)
	if errors.Is(err, ErrNotFound) || err == nil && m.Moved != nil {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	to.Messages++
	place := ticket.Place{Ticket: to.Number, Message: to.Messages}
	mark := ticket.Message{Seq: seq, Kind: ticket.KindMoved, At: m.At, Moved: &place}
	if m.Was == 0 {
		m.Was = from.Number
	}
	if from.MovedAsides[m.Aside] != 0 {
		m.Aside = from.MovedAsides[m.Aside]
	}
	m.Seq = place.Message
	if err := PutMessage(tx, to.Number, m); err != nil {
		return 0, err
	}
	if err := PutMessage(tx, from.Number, mark); err != nil {
		return 0, err
	}
	return place.Message, moveSent(tx, from.Number, seq, place)
}

// moveSent files the outbox rows of a message under its new place. The rows
// themselves stay as they are: the relay may have one in hand, and would write
// it back. Settle reads them.
func moveSent(tx Tx, number, seq uint64, to ticket.Place) error {
	var ids []uint64
	lo, hi := within(key(indexSent, number, seq))
	err := tx.Scan(lo, hi, 0, false, func(k, _ []byte) error { ids = append(ids, lastUint(k)); return nil })
	if err != nil {
		return err
	}
	for _, id := range ids {
		if err := tx.Delete(key(indexSent, number, seq, id)); err != nil {
			return err
		}
		if err := tx.Set(key(indexSent, to.Ticket, to.Message, id), []byte{}); err != nil {
			return err
		}
	}
	return nil
}

// MessagesSize is how many bytes the records of a ticket's messages have.
func MessagesSize(tx ReadTx, number uint64) (n int, err error) {
	lo, hi := within(key(tableMessage, number))
	err = tx.Scan(lo, hi, 0, false, func(k, v []byte) error { n += len(k) + len(v); return nil })
	return n, err
}

// Trail lists the places of a message, from the one given to where it is now.
func Trail(tx ReadTx, p ticket.Place) ([]ticket.Place, error) {
	trail := []ticket.Place{p}
	for range maxMoves {
		m, err := GetMessage(tx, p.Ticket, p.Message)
		if errors.Is(err, ErrNotFound) || err == nil && m.Moved == nil {
			return trail, nil
		}
		if err != nil {
			return nil, err
		}
		p = *m.Moved
		trail = append(trail, p)
	}
	return nil, fmt.Errorf("message %d of ticket %d: moved too often", trail[0].Message, trail[0].Ticket)
}

// FindMessage reads a message where it is now, and says in which ticket that is.
func FindMessage(tx ReadTx, number, seq uint64) (uint64, ticket.Message, error) {
	trail, err := Trail(tx, ticket.Place{Ticket: number, Message: seq})
	if err != nil {
		return 0, ticket.Message{}, err
	}
	p := trail[len(trail)-1]
	m, err := GetMessage(tx, p.Ticket, p.Message)
	return p.Ticket, m, err
}

// LiveTicket reads the ticket that a number leads to: itself, or what it was
// merged into. ErrNotFound when there never was one.
func LiveTicket(tx ReadTx, number uint64) (*ticket.Ticket, error) {
	for range maxMoves {
		t, err := GetTicket(tx, number)
		if err != nil || t.MergedInto == 0 {
			return t, err
		}
		number = t.MergedInto
	}
	return nil, fmt.Errorf("ticket %d: merged too often", number)
}

// Settle gives an outbox row as it reads now: with the ticket and the message
// that its own have become. It is not to be written.
func Settle(tx ReadTx, row Outgoing) (Outgoing, error) {
	if row.Ticket == 0 {
		return row, nil
	}
	if row.Message != 0 {
		trail, err := Trail(tx, ticket.Place{Ticket: row.Ticket, Message: row.Message})
		if err != nil {
			return row, err
		}
		p := trail[len(trail)-1]
		row.Ticket, row.Message = p.Ticket, p.Message
	}
	t, err := LiveTicket(tx, row.Ticket)
	if errors.Is(err, ErrNotFound) {
		return row, nil
	}
	if err == nil {
		row.Ticket = t.Number
	}
	return row, err
}

// MoveHeld makes the mails that wait for a word in one ticket another's.
func MoveHeld(tx Tx, from, to uint64) error {
	var list []*HeldMail
	err := ListHeld(tx, func(h *HeldMail) error {
		if h.Ticket == from {
			list = append(list, h)
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, h := range list {
		h.Ticket = to
		if err := put(tx, key(tableHeld, h.ID), h); err != nil {
			return err
		}
	}
	return nil
}

// History calls fn for the events of a ticket and of those that were merged into
// it, in the order of time. number is the ticket whose event it is.
func History(tx ReadTx, t *ticket.Ticket, fn func(number uint64, e ticket.Event) error) error {
	if len(t.Merged) == 0 {
		return Events(tx, t.Number, func(e ticket.Event) error { return fn(t.Number, e) })
	}
	type entry struct {
		number uint64
		ticket.Event
	}
	var list []entry
	for _, n := range append([]uint64{t.Number}, t.Merged...) {
		err := Events(tx, n, func(e ticket.Event) error {
			if e.What != ticket.MergedAway { // told by the other's own event
				list = append(list, entry{n, e})
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	slices.SortStableFunc(list, func(a, b entry) int { return a.At.Compare(b.At) })
	for _, e := range list {
		if err := fn(e.number, e.Event); err != nil {
			return err
		}
	}
	return nil
}
