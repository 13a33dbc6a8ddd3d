package store_test

import (
	"testing"

	"postdesk/store"
)

// A new request asks how much every agent of a team has: the count has an end.
func TestCountInHandEnds(t *testing.T) {
	t.Parallel()
	db := openTables(t)
	for range 4 {
		update(t, db, func(tx store.Tx) error {
			for range 300 {
				tk, err := newTicket(tx, "sav")
				if err != nil {
					return err
				}
				tk.Assignee = "anne"
				if err := store.SaveTicket(tx, tk); err != nil {
					return err
				}
			}
			return nil
		})
	}
	view(t, db, func(tx store.ReadTx) error {
		if n, err := store.CountInHand(tx, "anne"); err != nil || n != 1000 {
			t.Errorf("%d, %v, want 1000", n, err)
		}
		return nil
	})
}
