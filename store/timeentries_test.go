package store_test

import (
	"slices"
	"testing"
	"time"

	"postdesk/internal/ticket"
	"postdesk/store"
)

func TestTimeSpentIsFoundByDay(t *testing.T) {
	db := openTables(t)
	update(t, db, func(tx store.Tx) error {
		tk, err := newTicket(tx, "sav")
		if err != nil {
			return err
		}
		for i, minutes := range []string{"15", "90"} {
			e := ticket.Event{At: noon.AddDate(0, 0, i), By: ticket.Actor{Kind: ticket.ByAgent, ID: "anne"}, What: ticket.TimeSpent,
				Data: map[string]string{"minutes": minutes, "text": "appel"}}
			if err := store.AddEvent(tx, tk, e); err != nil {
				return err
			}
		}
		if tk.Minutes != 105 {
			t.Errorf("%d minutes", tk.Minutes)
		}
		return store.SaveTicket(tx, tk)
	})
	for _, c := range []struct {
		from, to time.Time
		want     []string
	}{
		{time.Time{}, time.Time{}, []string{"15", "90"}},
		{noon, noon.AddDate(0, 0, 1), []string{"15"}},
		{noon.Add(time.Second), time.Time{}, []string{"90"}},
	} {
		var got []string
		view(t, db, func(tx store.ReadTx) error {
			return store.TimeSpent(tx, c.from, c.to, func(e store.TimeEntry) error {
				if e.Ticket.Number != 10000 || e.Event.By.ID != "anne" {
					t.Errorf("%+v", e)
				}
				got = append(got, e.Event.Data["minutes"])
				return nil
			})
		})
		if !slices.Equal(got, c.want) {
			t.Errorf("from %s to %s: %v, want %v", c.from, c.to, got, c.want)
		}
	}
}
