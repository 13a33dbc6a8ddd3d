package relay

import (
	"net/netip"

	"postdesk/internal/addr"
	"postdesk/store"
)

// tier says how much a job is worth when workers run short. Whoever sends us a
// mail decides where its acknowledgement goes, and may run a server there that
// takes connections and says nothing; so such jobs never get all workers.
type tier int

const (
	sure    tier = iota // a route, the smarthost, or what people of the desk wrote or read
	known               // an acknowledgement to a site that answered when it was last asked
	unknown             // an acknowledgement to any other
	tiers
)

// limit is how many workers may be busy with jobs of t and of the tiers behind
// it: a third is never for the unknown, and half of that only for the sure.
func (t tier) limit(workers int) int {
	switch t {
	case known:
		return workers - workers/6
	case unknown:
		return workers - workers/3
	}
	return workers
}

// urgent says whether a row is more than an automatic answer to a stranger.
func urgent(row *store.Outgoing) bool {
	switch row.Purpose {
	case store.PurposeCopy, store.PurposeReply, store.PurposeNote, store.PurposeNotice, store.PurposeAside:
		return true
	}
	return false
}

// site is all hops of one organisational domain: names below it cost their
// owner nothing. A route or the smarthost is a site of its own.
type site struct {
	key      hop
	standing standing
	dests    int
	workers  int
	claimed  int // rows
}

func siteKey(h hop) hop {
	if h.kind != byMX {
		return h
	}
	return hop{byMX, addr.OrgDomain(h.name)}
}

// standing is how a site did when it was last asked. Nothing is remembered
// across a restart.
type standing byte

const (
	unasked standing = iota
	answers          // it said something about a mail, be it no
	stalls           // it let us wait until we gave up
)

const (
	maxStandings  = 10000
	stallsWorkers = 2 // for a site that let us wait the last time
)

// remember notes how a site did. The forgetting begins with those that stall:
// who has many names must not be able to push the others out.
func (s *scheduler) remember(key hop, st standing) {
	if key.kind != byMX || st == unasked {
		return
	}
	if _, ok := s.standings[key]; !ok && len(s.standings) >= maxStandings {
		s.forgetStandings(func(old standing) bool { return old == stalls })
		s.forgetStandings(func(standing) bool { return true })
	}
	s.standings[key] = st
	if at := s.sites[key]; at != nil {
		at.standing = st
	}
}

// forgetStandings makes room for a tenth, as far as which allows.
func (s *scheduler) forgetStandings(which func(standing) bool) {
	for key, st := range s.standings {
		if len(s.standings) <= maxStandings*9/10 {
			return
		}
		if which(st) {
			delete(s.standings, key)
		}
	}
}

// knows says whether the admin named the destination's server, or its site
// answered lately.
func (s *scheduler) knows(d *destination) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return d.hop.kind != byMX || d.site.standing == answers
}

func (s *scheduler) tierOf(d *destination, isUrgent bool) tier {
	switch {
	case isUrgent || d.hop.kind != byMX:
		return sure
	case d.site.standing == answers:
		return known
	}
	return unknown
}

// share is how many workers one site, and one remote address, may have.
func (s *scheduler) share() int { return max(s.perHost, s.max/10, 1) }

func (s *scheduler) siteLimit(d *destination) int {
	switch {
	case d.hop.kind != byMX:
		return s.max
	case d.site.standing == stalls:
		return min(stallsWorkers, s.share())
	}
	return s.share()
}

// busyFrom counts the workers that are busy with jobs of t and of the tiers
// behind it.
func (s *scheduler) busyFrom(t tier) (n int) {
	for _, k := range s.busy[t:] {
		n += k
	}
	return n
}

// mayStart keeps a quarter of the workers, all in all and of each tier, for
// destinations that have none, so that a few that hang never hold all of them.
func (s *scheduler) mayStart(d *destination) bool {
	t := s.tierOf(d, d.nextIsUrgent())
	busy, limit := s.busyFrom(t), t.limit(s.max)
	if busy >= limit || !s.hasRoom(d) {
		return false
	}
	if d.workers == 0 {
		return true
	}
	return !d.failing && d.workers < s.perHost && busy < limit*3/4 && s.workers < s.max-s.max/4
}

// hasRoom says whether d's site, and the address that it waits for, have room
// for one more.
func (s *scheduler) hasRoom(d *destination) bool {
	if d.crowded.IsValid() && s.slots[d.crowded] >= s.share() {
		return false
	}
	return d.site.workers < s.siteLimit(d)
}

// engage counts a worker in that begins a job of d.
func (s *scheduler) engage(w *worker, j *job) *job {
	s.disengage(w)
	w.busy, w.tier = true, s.tierOf(w.dest, j.urgent())
	s.busy[w.tier]++
	return j
}

// disengage counts a worker out, if it is in.
func (s *scheduler) disengage(w *worker) {
	if w.busy {
		w.busy = false
		s.busy[w.tier]--
	}
}

// slotOf is what counts as one remote address: an IPv4 address or an IPv6 /64.
func slotOf(hostport string) netip.Addr {
	ap, err := netip.ParseAddrPort(hostport)
	if err != nil {
		return netip.Addr{}
	}
	ip := ap.Addr().Unmap().WithZone("")
	if ip.Is6() {
		return netip.PrefixFrom(ip, 64).Masked().Addr()
	}
	return ip
}

// enter takes a place at a remote address for the worker's next connection, and
// gives up the one that it has elsewhere. It is false when there is none.
func (s *scheduler) enter(w *worker, to server) bool {
	slot := slotOf(to.addr)
	if w.dest.hop.kind != byMX || !slot.IsValid() {
		return true
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if w.slot == slot {
		return true
	}
	s.vacate(w)
	if s.slots[slot] >= s.share() {
		return false
	}
	s.occupy(w, slot)
	return true
}

func (s *scheduler) occupy(w *worker, slot netip.Addr) {
	w.slot = slot
	s.slots[slot]++
}

func (s *scheduler) vacate(w *worker) {
	if !w.slot.IsValid() {
		return
	}
	if s.slots[w.slot]--; s.slots[w.slot] <= 0 {
		delete(s.slots, w.slot)
	}
	w.slot = netip.Addr{}
}

// park puts a job back at the head of its queue until there is room at a remote
// address. An idle connection to that address makes room.
func (s *scheduler) park(w *worker, j *job, at server) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopped {
		return
	}
	d := w.dest
	d.crowded = slotOf(at.addr)
	if d.waiting() == 0 {
		s.order = append(s.order, d)
	}
	d.putBack(j)
	s.endIdle(func(other *worker) bool { return other.slot == d.crowded })
}
