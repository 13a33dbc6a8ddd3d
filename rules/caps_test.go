package rules

import (
	"encoding/json"
	"testing"
	"time"

	"pgregory.net/rapid"

	"postdesk/internal/config"
)

var noon = time.Date(2026, 11, 16, 12, 0, 0, 0, time.UTC)

func TestWindowSlides(t *testing.T) {
	var w Window
	for i := range 6 {
		w.Add(noon.Add(time.Duration(i) * 10 * time.Minute))
	}
	last := noon.Add(50 * time.Minute)
	for _, c := range []struct {
		now    time.Time
		period time.Duration
		want   int
	}{
		{last, time.Hour, 6}, {last, 10 * time.Minute, 1}, {last, 15 * time.Minute, 2},
		{noon.Add(time.Hour), time.Hour, 5}, {noon.Add(3 * time.Hour), time.Hour, 0}, {noon.Add(3 * time.Hour), 24 * time.Hour, 6},
	} {
		if got := w.Count(c.now, c.period); got != c.want {
			t.Errorf("%v, %v: %d, want %d", c.now, c.period, got, c.want)
		}
	}
}

func TestWindowRates(t *testing.T) {
	var w Window
	perHour := config.Rate{N: 5, Per: time.Hour}
	for i := range 5 {
		if w.Full(noon, perHour) {
			t.Fatalf("full after %d", i)
		}
		w.Add(noon)
	}
	if !w.Full(noon, perHour) || w.Full(noon.Add(time.Hour), perHour) || w.Full(noon, config.Rate{}) {
		t.Error("five an hour")
	}
	if len(w.Entries) != 1 {
		t.Error("one second is one entry")
	}
}

// TestClockJumps: a clock that jumps a month ahead and back opens no flood and
// blocks nobody for a month.
func TestClockJumps(t *testing.T) {
	rate := config.Rate{N: 5, Per: time.Hour}
	var w Window
	fill := func(now time.Time) (n int) {
		for !w.Full(now, rate) {
			w.Add(now)
			n++
		}
		return n
	}
	sent := fill(noon)
	sent += fill(noon.AddDate(0, 0, 30))
	sent += fill(noon.Add(time.Minute))
	if sent > 10 {
		t.Errorf("%d sent", sent)
	}
	if w.Full(noon.Add(2*time.Hour), rate) {
		t.Error("blocked by what was sent in the future")
	}
	if n := w.Count(noon.Add(-10*time.Minute), time.Hour); n < 5 {
		t.Errorf("%d: a clock set back by ten minutes forgets", n)
	}
}

func TestWindowStaysSmall(t *testing.T) {
	var w Window
	now := noon
	for range 100000 {
		now = now.Add(3 * time.Second)
		w.Add(now)
	}
	data, err := json.Marshal(w)
	if err != nil || len(data) > 5000 {
		t.Errorf("%d bytes, %v", len(data), err)
	}
	var again Window
	if err := json.Unmarshal(data, &again); err != nil || again.Count(now, time.Minute) != w.Count(now, time.Minute) {
		t.Error("lost on the way through JSON")
	}
	if !w.Empty(now.AddDate(1, 0, 0)) || w.Empty(now) {
		t.Error("a year later nothing is left")
	}
}

// TestWindowNeverCountsTooFew: whatever is merged, a cap is never exceeded.
func TestWindowNeverCountsTooFew(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var w Window
		var exact []time.Time
		now := noon
		for range rapid.IntRange(0, 1000).Draw(t, "n") {
			now = now.Add(time.Duration(rapid.IntRange(0, 600).Draw(t, "seconds")) * time.Second)
			w.Add(now)
			exact = append(exact, now)
		}
		for _, period := range []time.Duration{time.Minute, time.Hour, 24 * time.Hour} {
			want := 0
			for _, e := range exact {
				if now.Sub(e) < period {
					want++
				}
			}
			if got := w.Count(now, period); got < want {
				t.Fatalf("%v: %d, want at least %d", period, got, want)
			}
		}
	})
}
