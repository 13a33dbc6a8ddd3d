package rules

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"postdesk/internal/config"
)

// days is a delay of working days.
func days(n int) config.Delay { return config.Delay{Days: n} }

func TestTimer(t *testing.T) {
	h := shop(t)
	all := TimerDelays{Hours: h, FirstReply: days(2), UpdateEvery: days(3), RemindCustomer: days(5), Close: days(7), KeepClosed: 24 * time.Hour}
	fri, sat, tue := at(t, h, "Fri 2026-11-20 10:00"), at(t, h, "Sat 2026-11-21 10:00"), at(t, h, "Tue 2026-11-24 10:00")
	for _, c := range []struct {
		name  string
		facts TimerFacts
		off   func(*TimerDelays)
		want  TimerAction
		when  string
	}{
		{"a new request", TimerFacts{Stand: StandDesk, Since: fri, Asked: fri, Writable: true}, nil, TimerLate, "Mon 2026-11-23 10:00"},
		{"one that nobody may answer by itself still warns", TimerFacts{Stand: StandDesk, Since: fri, Asked: fri}, nil, TimerLate, "Mon 2026-11-23 10:00"},
		{"the first answer is promised anew", TimerFacts{Stand: StandDesk, Since: fri, Asked: sat, Told: sat, Writable: true}, nil, TimerLate, "Tue 2026-11-24 10:00"},
		{"late is once", TimerFacts{Stand: StandDesk, Since: fri, Asked: fri, Late: tue, Told: tue, Writable: true}, nil, TimerUpdate, "Fri 2026-11-27 10:00"},
		{"late and not told", TimerFacts{Stand: StandDesk, Since: fri, Asked: fri, Late: tue}, nil, "", ""},
		{"updates count from the holding mail", TimerFacts{Stand: StandDesk, Since: fri, Asked: fri, Late: tue, Told: tue, Writable: true}, nil, TimerUpdate, "Fri 2026-11-27 10:00"},
		{"at the same moment the holding mail goes first", TimerFacts{Stand: StandDesk, Since: fri, Asked: fri, Writable: true},
			func(d *TimerDelays) { d.UpdateEvery = days(2) }, TimerLate, "Mon 2026-11-23 10:00"},
		{"a shorter update goes before", TimerFacts{Stand: StandDesk, Since: fri, Asked: fri, Writable: true},
			func(d *TimerDelays) { d.UpdateEvery = days(1) }, TimerUpdate, "Sat 2026-11-21 10:00"},
		{"and does not push the holding mail away", TimerFacts{Stand: StandDesk, Since: fri, Asked: fri, Told: at(t, h, "Mon 2026-11-23 09:00"), Writable: true},
			func(d *TimerDelays) { d.UpdateEvery = days(1) }, TimerLate, "Mon 2026-11-23 10:00"},
		{"the customer wrote again after an answer", TimerFacts{Stand: StandDesk, Since: tue, Asked: fri, Replied: true, Told: sat, Writable: true}, nil, TimerUpdate, "Fri 2026-11-27 10:00"},
		{"no first_reply, no update_every", TimerFacts{Stand: StandDesk, Since: fri, Asked: fri, Writable: true},
			func(d *TimerDelays) { d.FirstReply, d.UpdateEvery = config.Delay{}, config.Delay{} }, "", ""},
		{"updates end after a year", TimerFacts{Stand: StandDesk, Since: fri, Asked: fri, Late: fri, Told: fri.AddDate(1, 0, 2), Writable: true}, nil, "", ""},
		{"the customer's turn", TimerFacts{Stand: StandCustomer, Since: fri, Told: fri, Writable: true}, nil, TimerRemind, "Thu 2026-11-26 10:00"},
		{"a second question counts anew", TimerFacts{Stand: StandCustomer, Since: fri, Told: sat, Writable: true}, nil, TimerRemind, "Fri 2026-11-27 10:00"},
		{"reminded is once", TimerFacts{Stand: StandCustomer, Since: fri, Told: fri, Reminded: tue, Writable: true}, nil, "", ""},
		{"a reminder of an earlier question", TimerFacts{Stand: StandCustomer, Since: tue, Told: tue, Reminded: sat, Writable: true}, nil, TimerRemind, "Mon 2026-11-30 10:00"},
		{"a third party's turn", TimerFacts{Since: fri, Asked: fri, Writable: true}, nil, "", ""},
		{"solved", TimerFacts{Stand: StandSolved, Since: fri}, nil, TimerClose, "Sat 2026-11-28 10:00"},
		{"closed", TimerFacts{Stand: StandClosed, Since: fri}, nil, TimerErase, "Sat 2026-11-21 10:00"},
		{"closed and kept", TimerFacts{Stand: StandClosed, Since: fri}, func(d *TimerDelays) { d.KeepClosed = 0 }, "", ""},
	} {
		d := all
		if c.off != nil {
			c.off(&d)
		}
		what, when := Timer(c.facts, d)
		if what != c.want || (c.when == "") != when.IsZero() || c.when != "" && !when.Equal(at(t, h, c.when)) {
			t.Errorf("%s: %q at %s, want %q at %s", c.name, what, when.In(zone(h)).Format(clock), c.want, c.when)
		}
	}
}

func TestTimersKeepTheClockTimeOverDaylightSaving(t *testing.T) {
	h := shop(t)
	h.Days[time.Sunday] = true
	d := TimerDelays{Hours: h, FirstReply: days(2)}
	for from, want := range map[string]string{
		"Sat 2026-10-24 10:00": "Mon 2026-10-26 10:00", // 49 hours
		"Sat 2027-03-27 10:00": "Mon 2027-03-29 10:00", // 47 hours
		"Thu 2026-12-24 10:00": "Sun 2026-12-27 10:00", // Christmas is a holiday
	} {
		_, when := Timer(TimerFacts{Stand: StandDesk, Since: at(t, h, from), Asked: at(t, h, from)}, d)
		if !when.Equal(at(t, h, want)) {
			t.Errorf("from %s: %s, want %s", from, when.In(zone(h)).Format(clock), want)
		}
	}
}

// TestTimersEnd plays a ticket that nobody touches: what a timer did is written
// down, and every action is due later than the one before.
func TestTimersEnd(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		start := time.Date(2026, 11, 20, 10, 0, 0, 0, time.UTC)
		delay := func(name string) config.Delay {
			return config.Delay{Days: rapid.IntRange(0, 3).Draw(t, name), Time: time.Duration(rapid.IntRange(0, 3).Draw(t, name+" hours")) * time.Hour}
		}
		d := TimerDelays{FirstReply: delay("first"), UpdateEvery: delay("update"), RemindCustomer: delay("remind"), Close: delay("close")}
		f := TimerFacts{Stand: rapid.SampledFrom([]Stand{StandDesk, StandCustomer, StandSolved}).Draw(t, "stand"), Since: start, Asked: start, Writable: rapid.Bool().Draw(t, "writable")}
		for n := 0; ; n++ {
			what, when := Timer(f, d)
			if what == "" {
				return
			}
			if when.Before(start) || n > 10000 {
				t.Fatalf("%d: %s at %s", n, what, when)
			}
			done := when.Add(time.Duration(rapid.IntRange(0, 100).Draw(t, "lateness")) * time.Hour)
			switch what {
			case TimerLate:
				f.Late = done
				if f.Writable {
					f.Told = done
				}
			case TimerUpdate:
				if done.Sub(latest(f.Since, f.Told)) < d.UpdateEvery.Time {
					t.Fatalf("two updates within %s", done.Sub(f.Told))
				}
				f.Told = done
			case TimerRemind:
				f.Reminded = done
			case TimerClose:
				f.Stand = StandClosed
			}
		}
	})
}
