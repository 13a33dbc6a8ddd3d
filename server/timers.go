package server

import (
	"context"
	"time"
)

const (
	// timersLook is the longest time between two looks at what is due: the clock
	// may be set meanwhile.
	timersLook = time.Minute
	// settleStart is how long timers wait after a start. Mails that other servers
	// kept for us while we were away come first: they may be the answers.
	settleStart = 2 * time.Minute
	// settleJump is how long timers wait after the clock was set ahead, for
	// somebody to see that it is wrong.
	settleJump = 10 * time.Minute
	// clockJump is the difference between the clock and the time that passed
	// above which the clock was set.
	clockJump = 5 * time.Minute
	// timersFault is how long timers wait after an error of the store.
	timersFault = 30 * time.Second
)

// timers is the state of the goroutine that does what is due.
type timers struct {
	s       *Server
	at      time.Time     // the clock at the last look
	elapsed time.Duration // and how long the server had been running
	settled time.Duration // when timers may go on, as elapsed
}

func newTimers(s *Server) *timers {
	t := &timers{s: s, at: s.opts.Now(), elapsed: s.opts.Elapsed()}
	t.settled = t.elapsed + settleStart
	return t
}

// run ends with ctx. It looks at what is due when the next moment comes, after a
// reload, and at least once a minute.
func (t *timers) run(ctx context.Context) {
	for ctx.Err() == nil {
		pause := t.round(ctx)
		select {
		case <-ctx.Done():
		case <-t.s.timersWake:
		case <-t.s.opts.After(pause):
		}
	}
}

// ClockMoved tells that the clock was moved on purpose, as a demonstration does:
// what is due by it is done at once.
func (s *Server) ClockMoved() {
	s.Relay.Wake()
	s.wakeTimers()
}

// wakeTimers makes the server look at once at what is due.
func (s *Server) wakeTimers() {
	select {
	case s.timersWake <- struct{}{}:
	default: // it will look anyway
	}
}

// round does what is due, in many small transactions, and says how long nothing
// else is.
func (t *timers) round(ctx context.Context) time.Duration {
	back := t.lookAtClock()
	if err := t.s.Pipeline.SetTimers(ctx, back); err != nil {
		return t.fault(ctx, err)
	}
	if wait := t.settled - t.elapsed; wait > 0 {
		return min(wait, timersLook)
	}
	for ctx.Err() == nil {
		fired, err := t.s.Pipeline.RunTimers(ctx)
		if err != nil {
			return t.fault(ctx, err)
		}
		wait := fired.Next.Sub(t.s.opts.Now())
		if fired.Next.IsZero() || wait > timersLook {
			return timersLook
		}
		if wait > 0 {
			return wait
		}
	}
	return 0
}

func (t *timers) fault(ctx context.Context, err error) time.Duration {
	if ctx.Err() == nil {
		t.s.log.Error("the timers failed; they are tried again", "in", timersFault, "error", err)
	}
	return timersFault
}

// lookAtClock compares the clock with the time that passed: set ahead, it makes
// timers wait; back is true when it was set back.
func (t *timers) lookAtClock() (back bool) {
	now, elapsed := t.s.opts.Now(), t.s.opts.Elapsed()
	set := now.Round(0).Sub(t.at.Round(0)) - (elapsed - t.elapsed) // Round takes the monotonic reading away
	t.at, t.elapsed = now, elapsed
	switch {
	case set > clockJump:
		t.settled = max(t.settled, elapsed+settleJump)
		t.s.log.Warn("the clock was set ahead: timers wait, in case it is wrong", "by", set, "wait", settleJump)
	case set < -clockJump:
		t.settled = min(t.settled, elapsed+settleStart)
		t.s.log.Warn("the clock was set back: all timers are set anew", "by", -set)
		return true
	}
	return false
}

// running is how long a clock has been running since now, by its monotonic
// reading where it has one.
func running(now func() time.Time) func() time.Duration {
	start := now()
	return func() time.Duration { return now().Sub(start) }
}
