package server_test

import (
	"cmp"
	"strings"
	"testing"
	"time"

	"postdesk/internal/testkit"
	"postdesk/internal/ticket"
	"postdesk/store"
)

// marksStripped takes out every field by which one program knows another's mail.
var marksStripped = testkit.Strip("Auto-Submitted", "Precedence", "List-*", "X-*", "References", "In-Reply-To", "Return-Path")

// proxy is what stands between two desks, and how many mails may pass in seven days.
type proxy struct {
	name    string
	caps    string // of both desks
	days    int    // 0 is seven
	changes []testkit.Change
	most    int
	trips   bool // a breaker must
}

// fewer are caps that are reached soon.
const fewer = "per_address = \"2/h\"\nper_address_day = \"3/d\"\n"

// fixed is the bound of mails where addresses stay as they are: each desk writes to
// each of the other's so many acknowledgements and letters a day at most, and shows each
// mail to nobody else. The other desk's answer to a mail is one of those.
func fixed(perDay, addresses, days int) int { return 2 * addresses * days * 2 * perDay }

// Two desks with all that writes by itself, and a proxy between them, for seven
// days (make torture: for all of them, and with more proxies). People start it;
// whatever the proxy does the caps hold, and people are served.
func TestTwoDesksAndAProxy(t *testing.T) {
	t.Parallel()
	for _, c := range []proxy{
		{name: "nothing", most: 40},
		{name: "all marks and the null sender", caps: fewer, days: 2, most: fixed(3, 2, 3), changes: []testkit.Change{marksStripped, testkit.NewMessageID, testkit.NewSubject,
			testkit.RealSender, testkit.DropExtensions, testkit.Footer}},
		{name: "another author each time", caps: `breaker = "4/h"`, days: 2, trips: true, most: 150, changes: []testkit.Change{marksStripped, testkit.NewMessageID,
			testkit.NewSubject, testkit.RealSender, testkit.NewFrom(wild(60)...), testkit.DropExtensions, testkit.Addressed, testkit.Fresh}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			c.run(t, 1)
		})
	}
}

func (c proxy) run(t *testing.T, seed uint64) {
	w := twoDesks(t, seed, c.caps, c.changes...)
	a := w.desks[0]
	a.person("Relation Client", "relationclient@desk-b.example").writes(generic, "Bonjour", "Une vraie question.\n")
	a.person("Marie", "marie@other.example").writes(generic, "Une panne", "Bonjour\n", "Cc: relationclient@desk-b.example")
	days := cmp.Or(c.days, 7)
	w.days(days, func(day int) {
		if day%3 == 1 {
			a.anne().answers(a.lastCopy(a.anne()), "Nous regardons cela.\n")
		}
	})
	t.Log(w.tally())
	w.capsHold()
	if n := w.carried(); n > c.most {
		t.Errorf("%d mails in %d days, want at most %d", n, days, c.most)
	}
	opened := 0
	for _, d := range w.desks {
		opened += d.breakersOpened()
	}
	if (opened > 0) != c.trips {
		t.Errorf("the breakers opened %d times, want them to: %v", opened, c.trips)
	}
	w.stillUsable(a)
}

// breakersOpened counts the events that say so, and checks that the metrics and the
// admin know it too.
func (d *desk) breakersOpened() (n int) {
	d.Helper()
	for i := range uint64(d.tickets()) {
		n += len(d.happened(10000+i, ticket.BreakerOpened))
	}
	if n == 0 {
		return 0
	}
	for _, series := range []string{`postdesk_acknowledgements_total{reason="breaker"}`, `postdesk_events_total{kind="breaker"}`, `postdesk_outbox{state="held"}`} {
		if v := d.metric(series); v == "" || v == "0" {
			d.Errorf("%s is %q with the breaker open", series, v)
		}
	}
	told := 0
	for _, m := range d.person("", "it@corp.example").mailbox() {
		if r := parse(d.T, m); strings.Contains(r.subject(), "Acknowledgements wait") {
			if !strings.Contains(r.text(), "\npostdesk queue release --all\n") || !strings.Contains(r.text(), "\npostdesk queue drop ID\n") {
				d.Errorf("the admin was told %q", r.text())
			}
			told++
		}
	}
	if told != n {
		d.Errorf("the admin was told %d times, want %d", told, n)
	}
	return n
}

// lastCopy is the latest mail of the agent that is a copy.
func (d *desk) lastCopy(p *person) received {
	d.Helper()
	list := p.mailbox()
	for i := len(list) - 1; i >= 0; i-- {
		if r := parse(d.T, list[i]); isCopy(r) {
			return r
		}
	}
	d.Fatal("no copy")
	return received{}
}

// stillUsable: a person who writes after the storm is served: a ticket, the agent's
// copy, an answer; and an acknowledgement where none waits for an admin.
func (w *loopWorld) stillUsable(d *desk) {
	w.Helper()
	w.later(25 * time.Hour)
	paul := d.person("Paul Autre", "paul@other.example")
	agents := d.agents.Count()
	paul.writes(generic, "Une vraie demande", "Bonjour, c’est Paul.\n")
	d.drained()
	if d.agents.Count() == agents {
		w.Error("nobody gets the mail of a person after the storm")
	}
	waiting := 0
	for _, row := range d.automatic(store.PurposeAck) {
		if row.State == store.Held {
			waiting++
		}
	}
	if got := len(paul.mailbox()); waiting == 0 && got == 0 {
		w.Error("a person gets no acknowledgement after the storm")
	}
}
