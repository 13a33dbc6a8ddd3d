package server_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"postdesk/internal/config"
	"postdesk/internal/testkit"
	"postdesk/internal/ticket"
	"postdesk/store"
)

// loopWorld is one or two desks, a hop that carries their mail to each other, and
// mailboxes that answer by themselves, through days of a clock that the test moves.
type loopWorld struct {
	*testing.T
	hop    *testkit.Hop // nil for none
	desks  []*desk
	robots []*mailbox
	most   int // carried mails above which a run is over: it has no end
}

// wild are domains in which a hop makes up people; SPF backs them.
func wild(n int) (domains []string) {
	for i := range n {
		domains = append(domains, fmt.Sprintf("w%d-wild.example", i))
	}
	return domains
}

// twoDesks face each other as 127.0.0.3 and 127.0.0.4, with all that writes by itself
// switched on. Mail between them, and to domains that nobody knows, goes by the hop.
// caps are lines of [acknowledge] of both, "" for what is usual.
func twoDesks(t *testing.T, seed uint64, caps string, changes ...testkit.Change) *loopWorld {
	w := &loopWorld{T: t, hop: testkit.NewHop(t, "127.0.0.2", seed, changes...), most: 5000}
	w.desks = []*desk{w.desk("127.0.0.3", "example.com", caps), w.desk("127.0.0.4", "desk-b.example", caps)}
	return w
}

func (w *loopWorld) desk(ip, domain, caps string) *desk {
	d := newDesk(w.T, func(text string) string {
		text = withTimers(`first_reply = "1d"`, `update_every = "1d"`, `remind_customer = "1d"`, `close_after = "2d"`)(asking(text))
		text = strings.Replace(text, `mx = ["127.0.0.1:0"]`, fmt.Sprintf("mx = [%q]", ip+":0"), 1)
		text = strings.Replace(text, "[relay]\n", fmt.Sprintf("[relay]\nsmarthost = %q\n", w.hop.Addr), 1)
		text = strings.Replace(text, "language = \"en\"\n", "language = \"en\"\naccept = \"known\"\n", 1) + `
[[team]]
name = "Technique"
address = "technique@example.com"
agents = ["bruno"]
language = "fr"
first_reply = "1d"

[[rule]]
name = "moved"
when = { subject = '[27]\b', new = true }
then = { team = "technique@example.com" }

[[rule]]
name = "all"
then = { observe = ["supplier@other.example"] }
`
		if caps != "" {
			text += "\n[acknowledge]\n" + caps + "\n"
		}
		return strings.ReplaceAll(strings.ReplaceAll(text, "@example.com", "@"+domain), "mx.example.com", "mx."+domain)
	})
	for _, name := range append(wild(60), "example.com", "desk-b.example", "hop.test") {
		if err := d.dns.Set(name, testkit.TXT("v=spf1 ip4:127.0.0.0/8 -all")); err != nil {
			w.Fatal(err)
		}
	}
	w.hop.Route(domain, d.srv.Addr("mx"))
	d.at("Mon 2030-11-18 10:00")
	return d
}

// days lets a number of days pass: whatever is due is done, and carried to and fro
// until it is quiet. daily is what people do each morning.
func (w *loopWorld) days(n int, daily func(day int)) {
	w.Helper()
	for day := range n {
		if daily != nil {
			daily(day)
		}
		for end := w.now().Add(24 * time.Hour); w.now().Before(end); {
			w.settle()
			w.advance(end)
		}
	}
	w.settle()
}

func (w *loopWorld) now() time.Time { return w.desks[0].now() }

func (w *loopWorld) later(by time.Duration) {
	for _, d := range w.desks {
		d.later(by)
	}
}

// lap is how long a round of mails takes.
const lap = 20 * time.Second

// settle goes on until nobody has anything to say.
func (w *loopWorld) settle() {
	w.Helper()
	for {
		n := 0
		for _, d := range w.desks {
			d.timers()
			d.drained()
		}
		for _, r := range w.robots {
			n += r.look(w.now())
		}
		if w.hop != nil {
			n += w.hop.Pass(w.now())
		}
		if n == 0 {
			return
		}
		if carried := w.carried(); carried > w.most {
			w.Fatalf("%d mails by %s, and no end", carried, w.now().Format(time.DateTime))
		}
		w.later(lap)
	}
}

// carried is how many mails came and went by the hop and the robots.
func (w *loopWorld) carried() int {
	n := 0
	if w.hop != nil {
		n = w.hop.Passed + w.hop.Refused + w.hop.Lost
	}
	for _, r := range w.robots {
		n += r.answered
	}
	return n
}

// advance moves the clocks to when something is due next, at most to end.
func (w *loopWorld) advance(end time.Time) {
	next := end
	earlier := func(at time.Time, ok bool) {
		if ok && at.Before(next) {
			next = at
		}
	}
	if w.hop != nil {
		earlier(w.hop.NextDue())
	}
	for _, r := range w.robots {
		earlier(r.next())
	}
	for _, d := range w.desks {
		d.view(func(tx store.ReadTx) error {
			at, ok, err := store.NextTimer(tx)
			earlier(at, ok)
			return err
		})
	}
	w.later(max(next.Sub(w.now()), 0) + time.Second)
}

// automatic are the rows of a desk that it wrote by itself to people outside.
func (d *desk) automatic(purposes ...store.Purpose) (rows []store.Outgoing) {
	d.Helper()
	for _, row := range d.outbox() {
		if slices.Contains(purposes, row.Purpose) && row.To.Domain != "corp.example" {
			rows = append(rows, row)
		}
	}
	slices.SortStableFunc(rows, func(a, b store.Outgoing) int { return a.Created.Compare(b.Created) })
	return rows
}

// busiest is the largest number of rows with one key within a period.
func busiest(rows []store.Outgoing, per time.Duration, key func(store.Outgoing) string) (most int, of string) {
	times := map[string][]time.Time{}
	for _, row := range rows {
		k := key(row)
		list := append(times[k], row.Created)
		n := 0
		for _, at := range list {
			if row.Created.Sub(at) < per-time.Second { // windows count in whole seconds
				n++
			}
		}
		times[k] = list
		if n > most {
			most, of = n, k
		}
	}
	return most, of
}

func byAddress(row store.Outgoing) string { return row.To.Key() }
func byDomain(row store.Outgoing) string  { return row.To.Domain }
func byTicket(row store.Outgoing) string  { return fmt.Sprint(row.Ticket) }
func byDesk(store.Outgoing) string        { return "the whole desk" }

// capsHold checks each desk's mails against the caps of its configuration, and of
// a ticket.
func (w *loopWorld) capsHold() {
	w.Helper()
	const day = 24 * time.Hour
	for i, d := range w.desks {
		c := d.srv.Config().Acknowledge
		acks, letters := d.automatic(store.PurposeAck, store.PurposeSentence), d.automatic(store.PurposeLetter)
		sent := slices.DeleteFunc(slices.Clone(acks), func(row store.Outgoing) bool { return row.State == store.Held })
		for _, c := range []struct {
			what string
			rows []store.Outgoing
			key  func(store.Outgoing) string
			most config.Rate
		}{
			{"acknowledgements of a ticket", acks, byTicket, config.Rate{N: 1, Per: 1000 * day}},
			{"acknowledgements to an address", sent, byAddress, c.PerAddress},
			{"acknowledgements to an address", sent, byAddress, c.PerAddressDay},
			{"acknowledgements to a domain", sent, byDomain, c.PerDomain},
			{"acknowledgements of a desk", sent, byDesk, c.Breaker},
			{"acknowledgements of a desk", sent, byDesk, config.Rate{N: 1000, Per: day}},
			{"letters to an address", letters, byAddress, c.PerAddress},
			{"letters to an address", letters, byAddress, c.PerAddressDay},
			{"letters of a ticket", letters, byTicket, config.Rate{N: 5, Per: day}},
		} {
			if n, of := busiest(c.rows, c.most.Per, c.key); n > c.most.N {
				w.Errorf("desk %d: %d %s (%s) in %s, want at most %d", i, n, c.what, of, c.most.Per, c.most.N)
			}
		}
	}
}

// silences are the reasons why requests were not acknowledged, with how many.
func (d *desk) silences() map[string]int {
	counts := map[string]int{}
	for n := range uint64(d.tickets()) {
		for _, e := range d.happened(10000+n, ticket.Silent) {
			counts[e.Data["reason"]]++
		}
	}
	return counts
}

// tally says in one line what each desk has sent.
func (w *loopWorld) tally() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d mails", w.carried())
	for _, d := range w.desks {
		counts := map[store.Purpose]int{}
		held := 0
		for _, row := range d.outbox() {
			counts[row.Purpose]++
			if row.State == store.Held {
				held++
			}
		}
		fmt.Fprintf(&b, "\n\t%d tickets, %v, %d held in the outbox, %d held mails, silent: %v", d.tickets(), counts, held, len(d.held()), d.silences())
	}
	return b.String()
}
