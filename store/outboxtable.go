package store

import (
	"fmt"
	"time"
)

// Enqueue gives row its ID and writes it, ready at row.Due or held. The caller
// wakes the relay after the commit.
func Enqueue(tx Tx, row *Outgoing) error {
	id, err := next(tx, "outgoing", 1)
	if err != nil {
		return err
	}
	row.ID = id
	if row.State == "" {
		row.State = Ready
	}
	if row.Ticket != 0 {
		if err := tx.Set(key(indexSent, row.Ticket, row.Message, id), []byte{}); err != nil {
			return err
		}
	}
	if row.Item != 0 {
		if err := tx.Set(key(indexItem, row.Ticket, row.Item, id), []byte{}); err != nil {
			return err
		}
	}
	return writeOutgoing(tx, row)
}

// SentAs calls fn for the outbox rows of one outgoing mail of a ticket, by the
// item that its tokens bear.
func SentAs(tx ReadTx, number, item uint64, fn func(Outgoing) error) error {
	return scanSent(tx, key(indexItem, number, item), fn)
}

// GetOutgoing reads one row, or ErrNotFound.
func GetOutgoing(tx ReadTx, id uint64) (Outgoing, error) {
	var row Outgoing
	b, err := tx.Get(key(tableOutgoing, id))
	if err == nil {
		err = decodeOutgoing(b, &row)
	}
	return row, err
}

// PutOutgoing writes a row that Enqueue made, and keeps the indexes of state
// and due time right.
func PutOutgoing(tx Tx, row Outgoing) error {
	old, err := GetOutgoing(tx, row.ID)
	if err != nil {
		return fmt.Errorf("outbox row %d: %w", row.ID, err)
	}
	return ReplaceOutgoing(tx, &old, &row)
}

// ReplaceOutgoing is PutOutgoing for a row that the same transaction has just
// read as old.
func ReplaceOutgoing(tx Tx, old, row *Outgoing) error {
	if old.State == Ready && (row.State != Ready || !row.Due.Equal(old.Due)) {
		if err := tx.Delete(key(indexDue, old.Due, old.ID)); err != nil {
			return err
		}
	}
	if old.State != row.State {
		if err := tx.Delete(key(indexState, string(old.State), old.ID)); err != nil {
			return err
		}
		if err := tally(tx, -1, "outbox", string(old.State)); err != nil {
			return err
		}
		return writeOutgoing(tx, row)
	}
	if err := tx.Set(key(tableOutgoing, row.ID), encodeOutgoing(row)); err != nil {
		return err
	}
	if row.State != Ready {
		return nil
	}
	return tx.Set(key(indexDue, row.Due, row.ID), []byte{})
}

func writeOutgoing(tx Tx, row *Outgoing) error {
	if err := tx.Set(key(tableOutgoing, row.ID), encodeOutgoing(row)); err != nil {
		return err
	}
	if err := tx.Set(key(indexState, string(row.State), row.ID), []byte{}); err != nil {
		return err
	}
	if err := tally(tx, 1, "outbox", string(row.State)); err != nil {
		return err
	}
	if row.State != Ready {
		return nil
	}
	return tx.Set(key(indexDue, row.Due, row.ID), []byte{})
}

// DueOutgoing calls fn for the ready rows that became due at from or later and are due at
// now, by due time; a zero from is all. Those that skip names are not read. limit bounds both,
// 0 is no bound.
func DueOutgoing(tx ReadTx, from, now time.Time, limit int, skip func(id uint64) bool, fn func(Outgoing) error) error {
	lo, hi := []byte{indexDue}, key(indexDue, now.Add(1))
	if !from.IsZero() {
		lo = key(indexDue, from)
	}
	return tx.Scan(lo, hi, limit, false, func(k, _ []byte) error {
		if skip(lastUint(k)) {
			return nil
		}
		row, err := GetOutgoing(tx, lastUint(k))
		if err != nil {
			return fmt.Errorf("outbox row %d is due and missing: %w", lastUint(k), err)
		}
		return fn(row)
	})
}

// LaterOutgoing calls fn for the ready rows that are due at from or later, by due time.
func LaterOutgoing(tx ReadTx, from time.Time, fn func(Outgoing) error) error {
	_, hi := within([]byte{indexDue})
	return tx.Scan(key(indexDue, from), hi, 0, false, func(k, _ []byte) error {
		row, err := GetOutgoing(tx, lastUint(k))
		if err != nil {
			return fmt.Errorf("outbox row %d is due and missing: %w", lastUint(k), err)
		}
		return fn(row)
	})
}

// ListOutgoing calls fn for every row in a state, by number.
func ListOutgoing(tx ReadTx, state State, fn func(Outgoing) error) error {
	lo, hi := within(key(indexState, string(state)))
	return tx.Scan(lo, hi, 0, false, func(k, _ []byte) error {
		row, err := GetOutgoing(tx, lastUint(k))
		if err != nil {
			return err
		}
		return fn(row)
	})
}

// SentWith calls fn for the outbox rows that carry a ticket's message.
func SentWith(tx ReadTx, number, message uint64, fn func(Outgoing) error) error {
	return scanSent(tx, key(indexSent, number, message), fn)
}

// SentOf calls fn for all outbox rows of a ticket, by message.
func SentOf(tx ReadTx, number uint64, fn func(Outgoing) error) error {
	return scanSent(tx, key(indexSent, number), fn)
}

func scanSent(tx ReadTx, prefix []byte, fn func(Outgoing) error) error {
	lo, hi := within(prefix)
	return tx.Scan(lo, hi, 0, false, func(k, _ []byte) error {
		row, err := GetOutgoing(tx, lastUint(k))
		if err != nil {
			return err
		}
		return fn(row)
	})
}

// OldestWaiting is when the oldest mail that is ready or under way was written.
func OldestWaiting(tx ReadTx) (at time.Time, ok bool, err error) {
	for _, state := range []State{Ready, Sending} {
		lo, hi := within(key(indexState, string(state)))
		err := tx.Scan(lo, hi, 1, false, func(k, _ []byte) error {
			row, err := GetOutgoing(tx, lastUint(k))
			if err == nil && (!ok || row.Created.Before(at)) {
				at, ok = row.Created, true
			}
			return err
		})
		if err != nil {
			return at, ok, err
		}
	}
	return at, ok, nil
}
