package rules

import (
	"encoding/json"
	"testing"
	"time"

	"pgregory.net/rapid"

	"postdesk/internal/config"
)

func addMany(p *Pulse, n int, from time.Time, every time.Duration) (last time.Time) {
	for i := range n {
		last = from.Add(time.Duration(i) * every)
		p.Add(last)
	}
	return last
}

// A slow loop stays below every rate; ten times what is usual stops it, on the first
// day too.
func TestASlowLoopIsASurge(t *testing.T) {
	var p Pulse
	rate := config.Rate{N: 300, Per: time.Minute}
	n := 0
	for now := noon; p.Full(now, rate) == "" && n < 5000; now = now.Add(time.Minute) {
		p.Add(now)
		n++
	}
	if n != surgeFactor*leastUsual {
		t.Errorf("%d before it stops, want %d", n, surgeFactor*leastUsual)
	}
}

// What is usual for a large desk is not a surge, a holiday and a busy Monday neither.
func TestABusyDeskIsNotASurge(t *testing.T) {
	var p Pulse
	day := noon
	for i := range 30 {
		n := []int{800, 900, 700, 850, 950, 100, 20}[i%7]
		addMany(&p, n, day, time.Minute/2)
		day = day.AddDate(0, 0, 1)
	}
	if u := p.UsualDay(day); u < 700 || u > 900 {
		t.Errorf("usual: %d", u)
	}
	last := addMany(&p, 5000, day, 4*time.Second)
	if p.Surge(last) {
		t.Errorf("%d is a surge where %d are usual", p.Day(last), p.UsualDay(last))
	}
	last = addMany(&p, 5000, last, 4*time.Second)
	if !p.Surge(last) {
		t.Errorf("%d is no surge where %d are usual", p.Day(last), p.UsualDay(last))
	}
}

// The admin's word decides what a surge teaches.
func TestTheAdminSaysWhatIsUsual(t *testing.T) {
	for _, allowed := range []bool{false, true} {
		var p Pulse
		last := addMany(&p, 1000, noon, time.Second)
		if !p.Surge(last) {
			t.Fatal("no surge")
		}
		p.Begin(last, allowed)
		last = addMany(&p, 1000, last, time.Second)
		if p.Surge(last) == allowed {
			t.Errorf("allowed %v: surge %v", allowed, p.Surge(last))
		}
	}
}

// The day's count is never too small, too large by an hour at most, and the record
// stays small, whatever the clock does.
func TestPulseCounts(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var p Pulse
		var at []time.Time
		now := noon
		for range rapid.IntRange(1, 300).Draw(t, "n") {
			now = now.Add(time.Duration(rapid.IntRange(0, 30000).Draw(t, "seconds")) * time.Second)
			p.Add(now)
			at = append(at, now)
		}
		low, high := 0, 0
		for _, a := range at {
			if now.Sub(a) < 24*time.Hour {
				low++
			}
			if now.Sub(a) < 25*time.Hour {
				high++
			}
		}
		if n := p.Day(now); n < low || n > high {
			t.Fatalf("%d in a day, want %d to %d", n, low, high)
		}
		if len(p.Hours) > keptHours || len(p.Days) > keptDays+1 {
			t.Fatalf("%d hours, %d days", len(p.Hours), len(p.Days))
		}
		p.Add(now.AddDate(0, 0, -40))
		p.Add(now.AddDate(1, 0, 0))
		if n := p.Day(now.AddDate(1, 0, 0)); n != 1 {
			t.Fatalf("%d in a day after a jump", n)
		}
	})
}

// What was stored before there were days is read.
func TestAnOldWindowIsAPulse(t *testing.T) {
	var w Window
	w.Add(noon)
	data, err := json.Marshal(w)
	if err != nil {
		t.Fatal(err)
	}
	var p Pulse
	if err := json.Unmarshal(data, &p); err != nil || p.Count(noon, time.Minute) != 1 {
		t.Errorf("%v, %+v", err, p)
	}
	p.Add(noon)
	if p.Day(noon) != 1 || p.Count(noon, time.Minute) != 2 {
		t.Errorf("%+v", p)
	}
}
