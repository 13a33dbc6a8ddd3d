package store

import (
	"time"

	"postdesk/internal/ticket"
)

// TicketsByNumber calls fn for every ticket from number on upwards, or downwards
// from the last when reverse. Numbers are given in the order of arrival.
func TicketsByNumber(tx ReadTx, from uint64, reverse bool, fn func(*ticket.Ticket) error) error {
	lo, hi := within([]byte{tableTicket})
	if from > 0 {
		lo = key(tableTicket, from)
	}
	return tx.Scan(lo, hi, 0, reverse, func(_, v []byte) error {
		t := new(ticket.Ticket)
		if err := decode(v, t); err != nil {
			return err
		}
		return fn(t)
	})
}

// clockSlack is how far the clock may have been set back between two tickets
// without one being missed.
const clockSlack = 24 * time.Hour

// TicketsSince calls fn for the tickets created at since or later, the latest
// first.
func TicketsSince(tx ReadTx, since time.Time, fn func(*ticket.Ticket) error) error {
	err := TicketsByNumber(tx, 0, true, func(t *ticket.Ticket) error {
		switch {
		case t.Created.Before(since.Add(-clockSlack)):
			return errEnough
		case t.Created.Before(since):
			return nil
		}
		return fn(t)
	})
	if err == errEnough {
		return nil
	}
	return err
}

// AllHeld calls fn for every held mail that there ever was, decided ones too,
// the latest first.
func AllHeld(tx ReadTx, fn func(*HeldMail) error) error {
	lo, hi := within([]byte{tableHeld})
	return tx.Scan(lo, hi, 0, true, func(_, v []byte) error {
		h := new(HeldMail)
		if err := decode(v, h); err != nil {
			return err
		}
		return fn(h)
	})
}

// AllOutgoing calls fn for every row of the outbox, the latest first.
func AllOutgoing(tx ReadTx, fn func(Outgoing) error) error {
	lo, hi := within([]byte{tableOutgoing})
	return tx.Scan(lo, hi, 0, true, func(_, v []byte) error {
		var row Outgoing
		if err := decodeOutgoing(v, &row); err != nil {
			return err
		}
		return fn(row)
	})
}
