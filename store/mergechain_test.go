package store_test

import (
	"testing"

	"postdesk/internal/ticket"
	"postdesk/store"
)

// Tickets that were merged one by one, the youngest first, make a long chain: a
// mail to the youngest must still find its way, and so must what came of its
// first message.
func TestALongChainOfMerges(t *testing.T) {
	t.Parallel()
	db := openTables(t)
	const n = 150
	var first, last uint64
	update(t, db, func(tx store.Tx) error {
		for range n {
			tk, err := newTicket(tx, "sav")
			if err != nil {
				return err
			}
			if first == 0 {
				first = tk.Number
			}
			last = tk.Number
		}
		tk, err := store.GetTicket(tx, last)
		if err != nil {
			return err
		}
		if err := store.AddMessage(tx, tk, &ticket.Message{Kind: ticket.KindIn, At: noon}); err != nil {
			return err
		}
		return store.SaveTicket(tx, tk)
	})
	for number := last; number > first; number-- {
		update(t, db, func(tx store.Tx) error { return chain(tx, number, number-1) })
	}
	view(t, db, func(tx store.ReadTx) error {
		if tk, err := store.LiveTicket(tx, last); err != nil || tk.Number != first {
			t.Errorf("the ticket: %v, want %d", err, first)
		}
		if number, m, err := store.FindMessage(tx, last, 1); err != nil || number != first || m.Seq != 1 {
			t.Errorf("the message is %d of %d: %v", m.Seq, number, err)
		}
		return nil
	})
}

// chain makes one ticket a part of another, with its messages.
func chain(tx store.Tx, from, to uint64) error {
	gone, err := store.GetTicket(tx, from)
	if err != nil {
		return err
	}
	stay, err := store.GetTicket(tx, to)
	if err != nil {
		return err
	}
	for seq := uint64(1); seq <= gone.Messages; seq++ {
		if _, err := store.MoveMessage(tx, gone, seq, stay); err != nil {
			return err
		}
	}
	gone.MergedInto = to
	if err := store.SaveTicket(tx, gone); err != nil {
		return err
	}
	return store.SaveTicket(tx, stay)
}
