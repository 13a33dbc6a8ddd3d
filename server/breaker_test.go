package server_test

import (
	"fmt"
	"testing"
	"time"

	"postdesk/internal/ticket"
	"postdesk/store"
)

// With the breaker open nothing that nobody wrote goes to people outside: no
// holding mail, no update, no new request to an observer whom a rule names. Agents and
// their answers go on. When an admin closes it, what is due is written.
func TestAnOpenBreakerHoldsAllThatNobodyWrote(t *testing.T) {
	t.Parallel()
	d := newDesk(t, func(text string) string {
		return withTimers(`first_reply = "1d"`, `update_every = "1d"`)(text) + "\n[acknowledge]\nbreaker = \"3/h\"\n" +
			"\n[[rule]]\nname = \"shown\"\nwhen = { subject = \"fournisseur\" }\nthen = { observe = [\"acme@other.example\"] }\n"
	})
	d.at("Mon 2030-11-18 10:00")
	jean, supplier := d.jean(), d.supplier()
	jean.writes(generic, "Une panne", "Bonjour\n")
	jean.reads()
	copy := d.anne().reads()
	for i := range 3 {
		d.person("", fmt.Sprintf("c%d@client.example", i)).writes(generic, "Question", fmt.Sprintf("Numéro %d.\n", i))
	}
	d.drained()
	opened := d.breakersOpened()
	if e := d.happened(10003, ticket.BreakerOpened); opened != 1 || len(e) != 1 || e[0].Data["why"] != "rate" {
		t.Errorf("opened %d times; %+v", opened, e)
	}
	d.later(time.Hour)
	jean.writes(generic, "Pour le fournisseur", "À voir.\n")
	d.later(2 * 24 * time.Hour)
	d.timers()
	jean.hearsNothing()
	supplier.hearsNothing()

	d.anne().answers(copy, "Une réponse.\n")
	d.drained()
	if n := len(d.customers.Mails()); n != 4 {
		t.Errorf("%d mails outside, want three acknowledgements and the answer", n)
	}
	held := 0
	for _, row := range d.outbox() {
		if row.State == store.Held {
			held++
		}
	}
	if held != 3 { // two acknowledgements, and what the supplier is to see
		t.Errorf("%d are held", held)
	}
	if err := d.srv.Pipeline.CloseBreaker(t.Context(), true); err != nil {
		t.Fatal(err)
	}
	before := d.customers.Count()
	d.later(2 * time.Hour)
	d.timers()
	d.later(24 * time.Hour)
	d.timers()
	d.drained()
	if d.customers.Count() == before {
		t.Error("no letter after the breaker was closed")
	}
}
