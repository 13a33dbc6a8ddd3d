package store_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"postdesk/internal/addr"
	"postdesk/internal/ticket"
	"postdesk/store"
)

// A ticket that was filled to the last by people, asides, tags or fields, whatever is in them, is still below what a
// value may have, with all that may come afterwards.
func TestAFullTicketFits(t *testing.T) {
	quotes := func(n int) string { return strings.Repeat(`"`, n) }
	domain := strings.Repeat(strings.Repeat("d", 60)+".", 3) + "example"
	for name, add := range map[string]ticket.Event{
		"people": {What: ticket.Joined, Participant: &ticket.Participant{Relation: ticket.Approver, Name: quotes(100), Contact: 1 << 60}},
		"asides": {What: ticket.Asked, By: ticket.Actor{Kind: ticket.ByAgent, ID: "anne"}, Aside: &ticket.Aside{Subject: quotes(250), With: []uint64{1 << 60}, By: "anne", Opened: time.Now()}},
		"tags":   {What: ticket.Tagged},
		"fields": {What: ticket.FieldSet},
		"merges": {What: ticket.Linked},
	} {
		t.Run(name, func(t *testing.T) {
			tk := &ticket.Ticket{Number: 10000, Team: addr.Address{Local: "support", Domain: "desk.example"}}
			tk.Apply(&ticket.Event{What: ticket.Created, Data: map[string]string{"subject": quotes(300)}})
			for i := 0; !tk.Full(); i++ {
				e := add
				switch {
				case e.Participant != nil:
					p := *e.Participant
					p.Address = addr.Address{Local: fmt.Sprint("a", i, strings.Repeat("a", 50)), Domain: domain}
					p.ReplyTo = addr.Address{Local: fmt.Sprint("r", i, strings.Repeat("a", 50)), Domain: domain}
					e.Participant = &p
				case e.Aside != nil:
					a := *e.Aside
					e.Aside = &a
				default:
					e.Data = map[string]string{"number": fmt.Sprint(1000 + i), "tag": fmt.Sprint(i, quotes(290)), "name": fmt.Sprint(i, quotes(90)), "value": quotes(500)}
				}
				tk.Apply(&e)
			}
			tk.Apply(&ticket.Event{What: ticket.StatusChanged, At: time.Now(), Data: map[string]string{"status": "solved", "text": quotes(4 << 10)}})
			tk.Apply(&ticket.Event{What: ticket.Categorised, Data: map[string]string{"category": quotes(300)}})
			tk.MovedPeople, tk.MovedAsides = map[uint64]uint64{}, map[uint64]uint64{}
			for i := range uint64(100) {
				tk.Writers = append(tk.Writers, fmt.Sprint("agent", i))
				tk.MovedPeople[i], tk.MovedAsides[i] = 1000+i, 1000+i
			}
			db := openTables(t)
			if err := db.Update(t.Context(), func(tx store.Tx) error { return store.SaveTicket(tx, tk) }); err != nil {
				t.Error(err)
			}
		})
	}
}
