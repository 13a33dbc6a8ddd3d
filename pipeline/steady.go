package pipeline

import "time"

// steady is a clock that nobody sets: the real one at the start, and the time that
// passed since. What is counted by the hour, and what is forgotten after some days, is
// measured by it: a clock that jumps by a month must not make a mail new that comes
// again, nor a cap empty. A restart takes the real clock for right.
type steady struct {
	started time.Time
	elapsed func() time.Duration // since whenever
	before  time.Duration        // what it was at the start
}

func newSteady(now func() time.Time, elapsed func() time.Duration) steady {
	started := now()
	if elapsed == nil {
		elapsed = func() time.Duration { return now().Sub(started) }
	}
	return steady{started.Round(0).UTC(), elapsed, elapsed()} // Round takes the monotonic reading away
}

func (s steady) now() time.Time { return s.started.Add(s.elapsed() - s.before) }
