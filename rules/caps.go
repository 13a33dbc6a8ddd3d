package rules

import (
	"time"

	"postdesk/internal/config"
)

const (
	maxEntries = 128                 // of a window, before the older half is merged
	maxAge     = 32 * 24 * time.Hour // what is older is forgotten
)

// Window counts what happened in the latest stretch of time: acknowledgements
// to one address, to one domain, or all of them. It is small however much it
// counts, because older entries are merged, and it is plain data that can be stored as JSON.
// The zero Window is empty.
type Window struct {
	Entries []WindowEntry `json:"e,omitempty"`
}

// WindowEntry says that N things happened at, or a little before, the Unix
// time T in seconds.
type WindowEntry struct {
	T int64 `json:"t"`
	N int   `json:"n"`
}

// Add counts one more at now. The Window that it was called on must not be
// shared: its entries may be changed in place.
func (w *Window) Add(now time.Time) {
	w.prune(now)
	t := now.Unix()
	if n := len(w.Entries); n > 0 && w.Entries[n-1].T == t {
		w.Entries[n-1].N++
		return
	}
	w.Entries = append(w.Entries, WindowEntry{T: t, N: 1})
	if len(w.Entries) > maxEntries {
		w.merge()
	}
}

// Count says how many fell within period before now. An entry from the future
// (the clock was set back) counts while it is less than a period ahead: a clock
// that jumps back by a month opens no flood and blocks nobody for a month.
func (w *Window) Count(now time.Time, period time.Duration) int {
	n := 0
	for _, e := range w.Entries {
		if age := now.Sub(time.Unix(e.T, 0)); age < period && age > -period {
			n += e.N
		}
	}
	return n
}

// Empty says whether nothing is left to remember at now.
func (w *Window) Empty(now time.Time) bool { return w.Count(now, maxAge) == 0 }

// Full says whether one more at now would be over the rate. The zero Rate is
// never full.
func (w *Window) Full(now time.Time, r config.Rate) bool {
	return r.N > 0 && r.Per > 0 && w.Count(now, r.Per) >= r.N
}

func (w *Window) prune(now time.Time) {
	kept := w.Entries[:0]
	for _, e := range w.Entries {
		if age := now.Sub(time.Unix(e.T, 0)); age < maxAge && age > -maxAge {
			kept = append(kept, e)
		}
	}
	w.Entries = kept
}

// merge joins neighbours of the older half into the later of the two, so that
// an old entry counts a little too long rather than too short.
func (w *Window) merge() {
	half := len(w.Entries) / 2
	var merged []WindowEntry
	for i := 0; i+1 < half; i += 2 {
		a, b := w.Entries[i], w.Entries[i+1]
		merged = append(merged, WindowEntry{T: max(a.T, b.T), N: a.N + b.N})
	}
	if half%2 == 1 {
		merged = append(merged, w.Entries[half-1])
	}
	w.Entries = append(merged, w.Entries[half:]...)
}

// Caps are the counters that bound acknowledgements. A nil Window is empty.
type Caps struct {
	Limits  config.Acknowledge
	Ticket  bool    // this ticket was acknowledged before
	Address *Window // acknowledgements to the target
	Domain  *Window // to CapDomain of the target's domain
	All     *Pulse  // of the whole desk
	Tripped bool    // the breaker opened and no admin has closed it yet
}

func full(w *Window, now time.Time, r config.Rate) bool { return w != nil && w.Full(now, r) }

func (c *Caps) addressFull(now time.Time) bool {
	return full(c.Address, now, c.Limits.PerAddress) || full(c.Address, now, c.Limits.PerAddressDay)
}

// domainFull also keeps one domain to a tenth of the breaker, so that none can
// trip it alone and leave all others without acknowledgements.
func (c *Caps) domainFull(now time.Time) bool {
	b := c.Limits.Breaker
	share := config.Rate{N: max(b.N/10, 10), Per: b.Per}
	return full(c.Domain, now, c.Limits.PerDomain) || b.N > share.N && full(c.Domain, now, share)
}

func (c *Caps) breakerOpen(now time.Time) bool {
	return c.Tripped || c.All != nil && c.All.Full(now, c.Limits.Breaker) != ""
}

// counted is the time by which the windows were filled.
func (f *AckFacts) counted() time.Time {
	if f.Counted.IsZero() {
		return f.Now
	}
	return f.Counted
}
