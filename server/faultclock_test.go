package server_test

import (
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"postdesk/internal/testkit"
	"postdesk/store"
)

const month = 30 * 24 * time.Hour

// A desk whose clock is set by a month, ahead, back, or there and back, while mails
// wait, timers are armed, caps are full and a sender has lost our 250: nothing
// is given up or told to be late, nothing is acknowledged beyond the caps, nothing
// is written to anybody, and the same mail stays the same.
func TestTheClockIsSetWhileMailWaits(t *testing.T) {
	t.Parallel()
	for name, jumps := range map[string][]time.Duration{
		"ahead": {month}, "back": {-month}, "ahead and back": {month, -month}, "back and ahead": {-month, month},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			clockIsSet(t, jumps)
		})
	}
}

// clockIsSet has a conversation in the middle of which the clock jumps.
func clockIsSet(t *testing.T, jumps []time.Duration) {
	var real atomic.Int64 // what the steady clock shows
	d := newDeskWith(t, withTimers(`first_reply = "2d"`), func(d *desk) { d.elapsed = func() time.Duration { return time.Duration(real.Load()) } })
	jean, anne, claire := d.jean(), d.anne(), d.claire()
	d.customers.SetScript(testkit.Script{testkit.AtRCPT: {Reply: "451 4.7.1 come back"}})
	first := jean.mail(generic, "Encore", "Numéro 0.\n")
	again := func() {
		d.Helper()
		if err := jean.posts([]string{generic}, first); err != nil {
			t.Fatal(err)
		}
		if d.tickets() != 7 {
			t.Errorf("%d tickets, want 7: the same mail is another", d.tickets())
		}
	}
	if err := jean.posts([]string{generic}, first); err != nil {
		t.Fatal(err)
	}
	copy := anne.reads()
	for i := range 6 {
		jean.writes(generic, "Encore", fmt.Sprintf("Numéro %d.\n", i+1))
	}
	anne.answers(copy, "Voici la réponse.\n")
	d.until("tried", d.tried)
	anne.read = len(anne.mailbox())

	for _, jump := range jumps {
		d.later(jump)
		d.timers()
		d.srv.ClockMoved()
		again()
	}
	if err := d.srv.Pipeline.Housekeep(t.Context()); err != nil {
		t.Fatal(err)
	}
	again()
	d.person("", "paul@client.example").writes(generic, "Autre", "Bonjour\n")
	jean.writes(generic, "Encore", "Et encore.\n")
	d.until("tried", d.tried)

	d.customers.SetScript(nil)
	real.Add(int64(5 * time.Minute)) // not long enough for timers to believe the clock
	d.later(5 * time.Minute)
	d.srv.ClockMoved()
	d.timers()
	d.drained()
	d.deliveredInTime()
	if got := len(jean.mailbox()); got != 6 {
		t.Errorf("%d mails to jean, want 5 acknowledgements and an answer", got)
	}
	if got := len(d.person("", "paul@client.example").mailbox()); got != 1 {
		t.Errorf("%d acknowledgements to paul", got)
	}
	claire.hearsNothing()
	for _, m := range anne.mailbox()[anne.read:] {
		if got := parse(t, m); got.Header.Get("Auto-Submitted") != "" {
			t.Errorf("anne got a notice:\n%s", m.Raw)
		}
	}
}

// deliveredInTime: nothing waits, was given up, or was said to be late.
func (d *desk) deliveredInTime() {
	d.Helper()
	for _, row := range d.outbox() {
		if row.State != store.Delivered || row.Delayed {
			d.Errorf("%s to %s is %s, delayed %v: %s", row.Purpose, row.To, row.State, row.Delayed, row.Text)
		}
	}
}
