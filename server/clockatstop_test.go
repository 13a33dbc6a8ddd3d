package server_test

import (
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"postdesk/internal/testkit"
	"postdesk/store"
)

// The clock is set by a month while postdesk is stopped, ahead, back, or there and back: it cannot know.
// Mail that waits is neither given up nor told to be late, and goes out once. A month that seems to have
// passed sends the one holding mail that was due then, and setting it right sends none again; the same mail
// is the same while the clock does not say that its seven days are over.
func TestTheClockIsSetBetweenStopAndStart(t *testing.T) {
	t.Parallel()
	for name, jumps := range map[string][]time.Duration{
		"ahead": {month}, "back": {-month}, "ahead and back": {month, -month}, "back and ahead": {-month, month},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var real atomic.Int64 // what the steady clock shows
			d := newDeskWith(t, withTimers(`first_reply = "2d"`, `update_every = ""`), func(d *desk) { d.elapsed = func() time.Duration { return time.Duration(real.Load()) } })
			passes := func(by time.Duration) { real.Add(int64(by)); d.later(by) }
			jean, paul, anne := d.jean(), d.person("Paul", "paul@client.example"), d.anne()
			_, copy := d.ask(jean, anne, "Une question", "Bonjour\n")
			paul.writes(generic, "Une panne", "Rien ne va.\n") // waits for a first reply
			paul.reads()
			d.drained()
			d.customers.SetScript(testkit.Script{testkit.AtRCPT: {Reply: "451 4.7.1 come back"}})
			lost := jean.mail(generic, "Encore une", "Sans le 250.\n") // its sender never heard our 250
			if err := jean.posts([]string{generic}, lost); err != nil {
				t.Fatal(err)
			}
			anne.answers(copy, "Voici la réponse.\n")
			d.until("tried", d.tried)

			ahead := false
			for _, jump := range jumps {
				d.later(jump)
				d.again()
				ahead = ahead || jump > 0
				passes(11 * time.Minute)
				d.timers()
				d.timers()
			}
			if name != "ahead" {
				if err := jean.posts([]string{generic}, lost); err != nil {
					t.Fatal(err)
				}
				if d.tickets() != 3 {
					t.Errorf("%d tickets, want 3: the same mail is another", d.tickets())
				}
			}
			d.customers.SetScript(nil)
			passes(2 * time.Hour)
			d.srv.Relay.Wake()
			d.drained()
			for _, row := range d.outbox() {
				if row.State != store.Delivered || row.Delayed {
					t.Errorf("%s to %s is %s, delayed %v: %s", row.Purpose, row.To, row.State, row.Delayed, row.Text)
				}
			}
			subjects := func(p *person) (list string) {
				for _, m := range p.mailbox() {
					list += parse(t, m).subject() + "\n"
				}
				return list
			}
			if got := subjects(jean); strings.Count(got, "Une question") != 1 || strings.Count(got, "Votre demande") != 2 {
				t.Errorf("jean got\n%s", got)
			}
			holding := 0
			if ahead {
				holding = 1
			}
			if got := subjects(paul); strings.Count(got, "Une panne") != holding {
				t.Errorf("paul got\n%swant %d holding mails", got, holding)
			}
		})
	}
}
