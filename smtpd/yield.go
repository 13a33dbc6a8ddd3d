package smtpd

import (
	"slices"
	"time"
)

// When all places are taken, whoever has kept us waiting longest makes room for
// a newcomer: a line that drips in, or nothing at all, costs a client nothing
// and must not keep out those who have a mail to hand over. RFC 5321 §3.8 allows
// 421 at any time, and a client of good will comes back.

// yieldShare is the part of all connections that make room at once, so that not
// every newcomer has to look at all of them.
const yieldShare = 50

// turn marks the time in which the client keeps us waiting.
func (g *gate) turn(on bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.got, g.since = 0, time.Time{}
	if on {
		g.since = g.now()
	}
}

// progress counts what a client brings of a mail. With as many bytes as the
// least rate gives in the time of Overload, the waiting begins anew; a command
// is waited for as a whole.
func (g *gate) progress(n int) {
	if g.got += int64(n); g.pace.idle == 0 || g.got < int64(g.t.Overload.Seconds()*float64(g.t.MinRate)) {
		return
	}
	g.turn(true)
}

// waits is since when the client keeps us waiting; false when it does not.
func (g *gate) waits() (since time.Time, ok bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.since, !g.since.IsZero() && !g.yielding
}

// yield takes its place from a client that keeps us waiting. False: it does not
// any more.
func (g *gate) yield() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.since.IsZero() || g.yielding {
		return false
	}
	g.yielding = true
	_ = g.conn.SetReadDeadline(time.Unix(1, 0)) // fails only when closed
	return true
}

func (g *gate) yields() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.yielding
}

// kick asks the session to end at the next pause: at once if it waits for a
// command, else after the one that it is busy with.
func (g *gate) kick() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.draining = true
	if g.waiting {
		_ = g.conn.SetReadDeadline(time.Unix(1, 0)) // fails only when closed
	}
}

// waiter is a connection that could make room.
type waiter struct {
	g     *gate
	since time.Time
}

// makeRoom lets those go who have waited longest, and says whether there is a
// place now. It is called under the lock. When nobody has waited long enough it
// looks again only after a tenth of that time.
func (r *registry) makeRoom() bool {
	now := r.now()
	if now.Before(r.lookAgain) {
		return false
	}
	var late []waiter
	for g, p := range r.conns {
		if since, ok := g.waits(); ok && !p.keeps && now.Sub(since) >= r.patience {
			late = append(late, waiter{g, since})
		}
	}
	slices.SortFunc(late, func(a, b waiter) int { return a.since.Compare(b.since) })
	room := false
	for _, w := range late[:min(len(late), max(1, len(r.conns)/yieldShare))] {
		if w.g.yield() {
			r.leave(w.g)
			room = true
		}
	}
	if !room {
		r.lookAgain = now.Add(r.patience / 10)
	}
	return room
}
