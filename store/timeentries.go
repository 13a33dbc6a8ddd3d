package store

import (
	"encoding/binary"
	"time"

	"postdesk/internal/ticket"
)

// TimeEntry is time that an agent spent on a ticket. The index that finds it
// holds no text: the event does, and an erasure blanks it there.
type TimeEntry struct {
	Ticket *ticket.Ticket
	Event  ticket.Event // of the kind ticket.TimeSpent
}

// TimeSpent calls fn for the time entries of from <= moment < to, in order. A
// zero to is no bound.
func TimeSpent(tx ReadTx, from, to time.Time, fn func(TimeEntry) error) error {
	lo, hi := within([]byte{indexTime})
	if !from.IsZero() {
		lo = key(indexTime, from)
	}
	if !to.IsZero() {
		hi = key(indexTime, to)
	}
	return tx.Scan(lo, hi, 0, false, func(k, _ []byte) error {
		number, seq := binary.BigEndian.Uint64(k[len(k)-16:]), lastUint(k)
		t, err := GetTicket(tx, number)
		if err != nil {
			return err
		}
		entry := TimeEntry{Ticket: t}
		if err := get(tx, key(tableEvent, number, seq), &entry.Event); err != nil {
			return err
		}
		return fn(entry)
	})
}
