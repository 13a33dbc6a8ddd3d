package server_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"postdesk/server"
)

// alarm is the alarm clock of postdesk's timers: it rings when the test says so,
// so that nothing that time brings comes unasked.
type alarm struct {
	mu     sync.Mutex
	c      chan time.Time
	pause  time.Duration // that was asked for last
	rounds int           // how many times: how many rounds have ended
}

func (a *alarm) after(pause time.Duration) <-chan time.Time {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.rounds++
	a.pause, a.c = pause, make(chan time.Time, 1)
	return a.c
}

func (a *alarm) state() (rounds int, pause time.Duration, c chan time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.rounds, a.pause, a.c
}

// timers lets postdesk do what is due by its clock, and returns when it is done
// and how long postdesk means to sleep then. The first ring may meet a round that
// has just begun, the second begins one.
func (d *desk) timers() (sleep time.Duration) {
	d.Helper()
	for range 2 {
		before, _, c := d.alarm.state()
		for end := time.Now().Add(wait); c == nil && time.Now().Before(end); time.Sleep(time.Millisecond) {
			before, _, c = d.alarm.state()
		}
		select {
		case c <- time.Now():
		default:
		}
		d.alarm.looked(d.T, before)
	}
	_, sleep, _ = d.alarm.state()
	return sleep
}

// looked waits until a round has ended since there had been so many.
func (a *alarm) looked(t testing.TB, before int) {
	t.Helper()
	for end := time.Now().Add(wait); time.Now().Before(end); time.Sleep(time.Millisecond) {
		if now, _, _ := a.state(); now > before {
			return
		}
	}
	t.Fatal("the timers do not come to an end")
}

// at sets the clock to a moment in Paris before anything happens; it must lie
// ahead.
func (d *desk) at(moment string) {
	d.Helper()
	to := d.paris(moment)
	if to.Before(d.now()) {
		d.Fatalf("%s is over", moment)
	}
	d.later(to.Sub(d.now()))
}

// paris is a moment on the clocks there.
func (d *desk) paris(moment string) time.Time {
	d.Helper()
	zone, err := time.LoadLocation("Europe/Paris")
	if err != nil {
		d.Skip("no time zones on this machine: ", err)
	}
	t, err := time.ParseInLocation("Mon 2006-01-02 15:04", moment, zone)
	if err != nil {
		d.Fatal(err)
	}
	return t
}

// gate holds the answers about one name back until it is opened.
type gate struct {
	server.Resolver
	name  string
	asked chan struct{} // gets one value for each question
	open  chan struct{} // is closed to let answers through
}

// gated puts a gate before the DNS.
func (d *desk) gated(name string) *gate {
	g := &gate{name: name, asked: make(chan struct{}, 100), open: make(chan struct{})}
	d.resolver = func(r server.Resolver) server.Resolver {
		g.Resolver = r
		return g
	}
	return g
}

// LookupTXT is what SPF asks first.
func (g *gate) LookupTXT(ctx context.Context, name string) ([]string, error) {
	if name == g.name || name == g.name+"." {
		g.asked <- struct{}{}
		select {
		case <-g.open:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	return g.Resolver.LookupTXT(ctx, name)
}
