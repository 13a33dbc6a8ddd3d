package store

import (
	"time"

	"postdesk/internal/ticket"
)

// Timer is what is to be looked at in a ticket, and when.
type Timer struct {
	At time.Time `json:",omitzero"` // zero is never
	// Letters are the outgoing mails of the ticket, by item, that a timer wrote and
	// that may still wait in the outbox.
	Letters []uint64 `json:",omitempty"`
}

// GetTimer reads a ticket's timer; the zero Timer when it has none.
func GetTimer(tx ReadTx, number uint64) (Timer, error) {
	var t Timer
	_, err := find(tx, key(tableTimer, number), &t)
	return t, err
}

// SetTimer writes a ticket's timer: it has one at most.
func SetTimer(tx Tx, number uint64, t Timer) error {
	old, err := GetTimer(tx, number)
	if err != nil {
		return err
	}
	if !old.At.Equal(t.At) {
		if err := moveTimer(tx, number, old.At, t.At); err != nil {
			return err
		}
	} else if len(old.Letters) == 0 && len(t.Letters) == 0 {
		return nil
	}
	if t.At.IsZero() && len(t.Letters) == 0 {
		return tx.Delete(key(tableTimer, number))
	}
	return put(tx, key(tableTimer, number), t)
}

func moveTimer(tx Tx, number uint64, from, to time.Time) error {
	if !from.IsZero() {
		if err := tx.Delete(key(indexTimer, from, number)); err != nil {
			return err
		}
	}
	if to.IsZero() {
		return nil
	}
	return tx.Set(key(indexTimer, to, number), []byte{})
}

// DueTimers lists at most limit tickets whose timer's moment has come at now,
// the earliest first.
func DueTimers(tx ReadTx, now time.Time, limit int) ([]uint64, error) {
	var numbers []uint64
	err := tx.Scan([]byte{indexTimer}, key(indexTimer, now.Add(1)), limit, false, func(k, _ []byte) error {
		numbers = append(numbers, lastUint(k))
		return nil
	})
	return numbers, err
}

// NextTimer is when the earliest timer's moment comes; ok is false when there is
// none.
func NextTimer(tx ReadTx) (at time.Time, ok bool, err error) {
	lo, hi := within([]byte{indexTimer})
	err = tx.Scan(lo, hi, 1, false, func(k, _ []byte) error {
		at, ok = timeOf(k[1:]), true
		return nil
	})
	return at, ok, err
}

// TicketsAfter reads at most limit tickets with a number above the given one, in
// order.
func TicketsAfter(tx ReadTx, number uint64, limit int) ([]*ticket.Ticket, error) {
	var list []*ticket.Ticket
	_, hi := within([]byte{tableTicket})
	err := tx.Scan(key(tableTicket, number+1), hi, limit, false, func(_, v []byte) error {
		t := new(ticket.Ticket)
		list = append(list, t)
		return decode(v, t)
	})
	return list, err
}
