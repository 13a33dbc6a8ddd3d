// Package testkit holds what tests need and nothing else imports: a clock, a
// name server, mail sinks and faulty disks.
package testkit

import (
	"sync"
	"time"
)

// Clock is a clock that stands still until it is moved. Its timers fire, in
// order, while Advance moves it. It may be used by many goroutines.
type Clock struct {
	mu     sync.Mutex
	cond   *sync.Cond
	now    time.Time
	timers map[*Timer]struct{}
	made   uint64
}

// Timer is a timer of a Clock. C receives the clock's time when it fires,
// unless it was made by AfterFunc.
type Timer struct {
	C <-chan time.Time

	clock *Clock
	c     chan time.Time
	f     func()
	due   time.Time
	seq   uint64
}

// NewClock makes a clock that shows t.
func NewClock(t time.Time) *Clock {
	c := &Clock{now: t, timers: map[*Timer]struct{}{}}
	c.cond = sync.NewCond(&c.mu)
	return c
}

// Now is the time that the clock shows. The method value is what packages take
// as their source of time.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

// NewTimer makes a timer that fires after d of the clock's time; at once if d
// is not positive.
func (c *Clock) NewTimer(d time.Duration) *Timer {
	t := &Timer{clock: c, c: make(chan time.Time, 1)}
	t.C = t.c
	c.start(t, d)
	return t
}

// After is the channel of a new timer.
func (c *Clock) After(d time.Duration) <-chan time.Time { return c.NewTimer(d).C }

// AfterFunc calls f, in the goroutine that moves the clock, after d.
func (c *Clock) AfterFunc(d time.Duration, f func()) *Timer {
	t := &Timer{clock: c, f: f}
	c.start(t, d)
	return t
}

func (c *Clock) start(t *Timer, d time.Duration) {
	c.mu.Lock()
	t.due = c.now.Add(d)
	c.made++
	t.seq = c.made
	c.timers[t] = struct{}{}
	c.cond.Broadcast()
	c.mu.Unlock()
	if d <= 0 {
		c.Advance(0)
	}
}

// Stop takes the timer off the clock and says whether it was still to fire.
func (t *Timer) Stop() bool {
	t.clock.mu.Lock()
	defer t.clock.mu.Unlock()
	_, ok := t.clock.timers[t]
	delete(t.clock.timers, t)
	return ok
}

// Reset makes the timer fire after d from now.
func (t *Timer) Reset(d time.Duration) bool {
	was := t.Stop()
	t.clock.start(t, d)
	return was
}

// Advance moves the clock by d, which may be negative (nothing fires then),
// and fires what is due on the way, each at its own time.
func (c *Clock) Advance(d time.Duration) {
	c.mu.Lock()
	c.moveTo(c.now.Add(d))
}

// Set moves the clock to t, as Advance does.
func (c *Clock) Set(t time.Time) {
	c.mu.Lock()
	c.moveTo(t)
}

// moveTo is called with the lock held and releases it.
func (c *Clock) moveTo(end time.Time) {
	for {
		t := c.next(end)
		if t == nil {
			c.now = end
			c.mu.Unlock()
			return
		}
		delete(c.timers, t)
		if t.due.After(c.now) {
			c.now = t.due
		}
		now := c.now
		c.mu.Unlock()
		t.fire(now)
		c.mu.Lock()
	}
}

func (t *Timer) fire(now time.Time) {
	if t.f != nil {
		t.f()
		return
	}
	select {
	case t.c <- now:
	default:
	}
}

// next is the timer that is due first, none after end.
func (c *Clock) next(end time.Time) *Timer {
	var first *Timer
	for t := range c.timers {
		if t.due.After(end) {
			continue
		}
		if first == nil || t.due.Before(first.due) || t.due.Equal(first.due) && t.seq < first.seq {
			first = t
		}
	}
	return first
}

// WaitTimers blocks until at least n timers are pending: the code under test
// has gone to sleep and the clock may be moved.
func (c *Clock) WaitTimers(n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for len(c.timers) < n {
		c.cond.Wait()
	}
}
