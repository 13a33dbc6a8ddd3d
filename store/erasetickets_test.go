package store_test

import (
	"context"
	"strings"
	"testing"

	"postdesk/internal/ticket"
	"postdesk/store"
)

// What people said stands in events too: none of it is left in an erased ticket,
// nor in one that was merged into it.
func TestNothingThatWasSaidStaysInTheHistory(t *testing.T) {
	said := map[ticket.What]string{
		ticket.Created: "subject", ticket.SubjectSet: "subject", ticket.FieldSet: "value", ticket.StatusChanged: "text", ticket.Categorised: "category",
		ticket.Decided: "text", ticket.TimeSpent: "text", ticket.Planned: "title", ticket.ContactChanged: "is", ticket.AttachmentSent: "name",
	}
	db := openTables(t)
	var numbers []uint64
	update(t, db, func(tx store.Tx) error {
		numbers = nil
		for range 2 {
			tk, err := newTicket(tx, "sav")
			if err != nil {
				return err
			}
			for what, key := range said {
				if err := store.AddEvent(tx, tk, ticket.Event{At: noon, By: ticket.System, What: what, Data: map[string]string{key: "SECRET"}}); err != nil {
					return err
				}
			}
			if len(numbers) > 0 {
				tk.Merged = []uint64{numbers[0]}
			}
			numbers = append(numbers, tk.Number)
			if err := store.SaveTicket(tx, tk); err != nil {
				return err
			}
		}
		return nil
	})
	if _, err := store.EraseTickets(context.Background(), db, numbers[1:], ticket.System, noon); err != nil {
		t.Fatal(err)
	}
	view(t, db, func(tx store.ReadTx) error {
		for _, n := range numbers {
			err := store.Events(tx, n, func(e ticket.Event) error {
				for k, v := range e.Data {
					if strings.Contains(v, "SECRET") {
						t.Errorf("ticket %d: %s still says %s=%s", n, e.What, k, v)
					}
				}
				return nil
			})
			if err != nil {
				return err
			}
		}
		return nil
	})
}
