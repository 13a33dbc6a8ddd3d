package server_test

import (
	"strings"
	"testing"

	"postdesk/internal/ticket"
)

// Who gets a request: by turns, then whoever answered this contact or this
// company; people of a freemail domain are no company.
func TestWhoGetsARequest(t *testing.T) {
	t.Parallel()
	d := newDesk(t, nil)
	route(d, "gmail.com")
	if err := d.dns.Set("gmail.com", "TXT \"v=spf1 ip4:127.0.0.0/8 -all\""); err != nil {
		t.Fatal(err)
	}
	anne, bruno := d.anne(), d.bruno()
	jean := d.jean()
	jean.writes(generic, "Un", "1\n")
	copy := anne.reads()
	d.person("", "paul@other.example").writes(generic, "Deux", "2\n")
	brunos := bruno.reads()
	bruno.answers(brunos, "Je suis l'homme d'Other.\n")
	anne.answers(copy, "Et moi celle de Client.\n")
	d.drained()

	// Colleagues of the same companies, in an order that the turn would not give.
	for _, x := range []struct {
		from string
		to   *person
	}{{"marie@other.example", bruno}, {"luc@other.example", bruno}, {"jean@client.example", anne}, {"zoe@client.example", anne}} {
		d.person("", x.from).writes(generic, "Suite", "De "+x.from+"\n")
		d.says(x.to.reads(), "De "+x.from)
	}
	d.person("", "a@gmail.com").writes(generic, "Tour", "gmail 1\n")
	d.drained()
	first := d.ticket(uint64(9999 + d.tickets())).Assignee
	d.person("", "b@gmail.com").writes(generic, "Tour", "gmail 2\n")
	d.drained()
	if second := d.ticket(uint64(9999 + d.tickets())).Assignee; second == first {
		t.Errorf("two people of a freemail domain both go to %s", first)
	}
}

// Rules set what they match, and refuse with a sentence.
func TestRules(t *testing.T) {
	t.Parallel()
	d := newDesk(t, func(config string) string {
		return config + `
[[rule]]
name = "pharmacies"
when = { subject = '\bPH\b' }
then = { assign = "bruno", category = "pharmacie", priority = "high", tags = ["ph"] }

[[rule]]
name = "no lottery"
when = { body = "lottery" }
then = { refuse = "We take part in no lottery, thank you" }
`
	})
	jean, bruno := d.jean(), d.bruno()
	jean.writes(generic, "Question PH", "Bonjour\n")
	bruno.reads()
	tk := d.ticket(10000)
	if tk.Category != "pharmacie" || tk.Priority != ticket.High || len(tk.Tags) != 1 || tk.Assignee != "bruno" {
		t.Errorf("ticket: %+v", tk)
	}
	err := jean.posts([]string{generic}, jean.mail(generic, "Won", "You won the LOTTERY\n"))
	if err == nil || !strings.Contains(err.Error(), "We take part in no lottery") {
		t.Errorf("refused with %v", err)
	}
	if d.tickets() != 1 {
		t.Errorf("%d tickets", d.tickets())
	}
}
