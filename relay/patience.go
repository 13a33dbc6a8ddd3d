package relay

import (
	"context"
	"errors"
	"net"
	"slices"
	"time"
)

// patience is how long all that comes before the mail's data may take, over all
// addresses. The minimum times of RFC 5321 §4.5.3.2 are for each command; a
// server that is slow in each of them, at each of its addresses, would have a
// worker for most of an hour. So the first attempt at a server that nobody
// knows is short, and a later one has time for one address by the book.
func (r *Relay) patience(w *worker, d *delivery) time.Duration {
	first := func(i int) bool { return d.job.rows[i].Attempts == 0 }
	switch t := r.opts.Timeouts; {
	case r.sched.knows(w.dest):
		return t.Known
	case slices.ContainsFunc(d.pending, first):
		return t.First
	default:
		return t.Later
	}
}

// leastShare is what an address gets however little time is left.
const leastShare = 10 * time.Second

// half is the end of one address' share: half of the time that is left, so that
// the next one gets its turn when it is silent.
func half(until time.Time) time.Time {
	left := time.Until(until)
	return time.Now().Add(min(left, max(left/2, leastShare)))
}

// crowded is the reason not to use an address to which there are enough
// connections. Where nothing was tried yet the mail waits for one of them.
func (d *delivery) crowded(s server) *failure {
	d.parked = d.last == nil && len(d.pending) == len(d.job.rows)
	f := localFailure(451, "4.4.5", "there are enough connections to "+s.host)
	f.host = s.host
	return f
}

// standing is how the destination did in this attempt: it answers when it said
// something about a mail or a session, and stalls when it let us wait.
func (d *delivery) standing() standing {
	if d.stalled {
		return stalls
	}
	st := unasked
	for _, v := range d.verdicts {
		switch f := v.failure; {
		case f == nil:
			st = answers
		case timedOut(f.err):
			return stalls
		case f.err == nil && f.code != 0 && f.host != "":
			st = answers
		}
	}
	return st
}

func timedOut(err error) bool {
	var ne net.Error
	return errors.Is(err, context.DeadlineExceeded) || errors.As(err, &ne) && ne.Timeout()
}
