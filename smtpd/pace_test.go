package smtpd

import (
	"testing"
	"time"
)

// A sender who keeps the least rate and is never silent for long has all of DataTotal; one who does not is cut off at
// the end of the window, or after the silence.
func TestPaceOfAMail(t *testing.T) {
	start := time.Date(2026, 11, 2, 10, 0, 0, 0, time.UTC)
	times := Timeouts{Data: 3 * time.Minute, DataTotal: time.Hour, RateWindow: 5 * time.Minute, MinRate: 128}
	for _, c := range []struct {
		name  string
		every time.Duration // between two reads
		bytes int64         // in each
		lasts time.Duration
	}{
		{"steady", time.Minute, 60 * 128, time.Hour},
		{"in lumps", 150 * time.Second, 150 * 128, time.Hour},
		{"a byte less than the rate", 5 * time.Minute, 5*60*128 - 1, 5 * time.Minute},
		{"drip", 10 * time.Second, 1, 5 * time.Minute},
	} {
		p, now := dataPace(times, start), start
		for {
			deadline, ok := p.next(now)
			if !ok {
				break
			}
			if idle := deadline.Sub(now); idle > times.Data || idle < times.Data && !deadline.Equal(start.Add(times.DataTotal)) {
				t.Fatalf("%s: waits %v for a read after %v", c.name, idle, now.Sub(start))
			}
			now = now.Add(c.every)
			p.bytes += c.bytes
		}
		if got := now.Sub(start); got != c.lasts {
			t.Errorf("%s: cut off after %v, want %v", c.name, got, c.lasts)
		}
	}
	p := dataPace(Timeouts{Data: time.Minute, DataTotal: time.Hour, RateWindow: time.Minute, MinRate: -1}, start)
	if _, ok := p.next(start.Add(59 * time.Minute)); !ok {
		t.Error("without a least rate nobody is too slow")
	}
}
