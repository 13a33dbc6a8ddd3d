package store_test

import (
	"slices"
	"testing"
	"time"

	"postdesk/internal/addr"
	"postdesk/internal/ticket"
	"postdesk/store"
)

func TestTheOldestOfAList(t *testing.T) {
	db := openTables(t)
	for i := range 5 {
		update(t, db, func(tx store.Tx) error {
			tk, err := newTicket(tx, "desk")
			if err != nil {
				return err
			}
			e := ticket.Event{At: noon.Add(-time.Duration(i) * time.Hour), What: ticket.Assigned, Data: map[string]string{"agent": []string{"", "anne"}[i%2]}}
			if err := store.AddEvent(tx, tk, e); err != nil {
				return err
			}
			if err := store.AddRequest(tx, 7, tk.Number); err != nil {
				return err
			}
			return store.SaveTicket(tx, tk)
		})
	}
	desk := addr.Address{Local: "desk", Domain: "example.com"}
	list := func(nobody bool, limit int) (total int, found []uint64) {
		view(t, db, func(tx store.ReadTx) (err error) {
			total, err = store.Oldest(tx, desk, ticket.New, nobody, limit, func(tk *ticket.Ticket) error { found = append(found, tk.Number); return nil })
			return err
		})
		return total, found
	}
	if total, found := list(false, 3); total != 5 || !slices.Equal(found, []uint64{10004, 10003, 10002}) {
		t.Errorf("the oldest three of %d: %v", total, found)
	}
	if total, found := list(true, 9); total != 3 || !slices.Equal(found, []uint64{10004, 10002, 10000}) {
		t.Errorf("of nobody %d: %v", total, found)
	}
	view(t, db, func(tx store.ReadTx) error {
		var mine, asked []uint64
		total, err := store.InHand(tx, "anne", 1, func(tk *ticket.Ticket) error { mine = append(mine, tk.Number); return nil })
		if err != nil || total != 2 || !slices.Equal(mine, []uint64{10001}) {
			t.Errorf("in hand of anne: %d, %v, %v", total, mine, err)
		}
		err = store.LatestRequests(tx, 7, 2, func(tk *ticket.Ticket) error { asked = append(asked, tk.Number); return nil })
		if !slices.Equal(asked, []uint64{10004, 10003}) {
			t.Errorf("the latest requests: %v", asked)
		}
		return err
	})
}
