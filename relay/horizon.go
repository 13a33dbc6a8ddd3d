package relay

import "time"

const (
	wholeEvery = time.Second            // between two looks at all of the queue, while there is work
	lateCommit = 250 * time.Millisecond // a row is mostly written so soon after the moment at which it is due
)

// horizon is how far the queue was looked through. The index keeps a trace of each row
// that is gone for some time, so that a look at all of it becomes slow under load; what is
// new is nearly always due just now. A row that is due earlier (the mail that caused it was
// examined for long, its commit took long, or it was given back) is found by the next look at
// all of them.
type horizon struct {
	until time.Time // rows due before it were in memory or gone; zero: there may be others
	whole time.Time // when all rows were looked at; of the machine's clock
}

// from is where the look at now begins; zero is at the first row. mono is the same moment by
// the machine's clock, behind says that rows due earlier were given back.
func (h *horizon) from(now, mono time.Time, behind bool) time.Time {
	if behind || mono.Sub(h.whole) >= wholeEvery || now.Before(h.until) {
		h.until = time.Time{}
	}
	if h.until.IsZero() {
		h.whole = mono
	}
	return h.until
}

// looked notes a look that began at now, after which another one is wanted in next. It
// returns when all rows are to be looked at again.
func (h *horizon) looked(now, mono time.Time, next time.Duration) time.Duration {
	wasWhole := h.until.IsZero()
	h.until = now.Add(-lateCommit)
	switch {
	case next <= crowded:
		h.until = time.Time{} // rows were left behind, or the next is due so soon that it does not matter
		return next
	case wasWhole:
		return lookAhead
	}
	return max(wholeEvery-mono.Sub(h.whole), 0)
}
