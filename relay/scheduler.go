package relay

import (
	"net/netip"
	"slices"
	"sync"
	"time"

	"postdesk/store"
)

// Bounds of what the scheduler holds in memory. The rest of the queue stays in
// the store.
const (
	maxClaimed    = 20000 // rows, all together
	maxRecipients = 100   // of one transaction, RFC 5321 §4.5.3.1.8
	quantum       = 20    // mails that a connection sends before it makes room for another hop
)

// job is one SMTP transaction to be: rows of one mail with one sender and one
// next hop.
type job struct {
	hop  hop
	rows []store.Outgoing
}

// urgent says whether a job is to go before acknowledgements.
func (j *job) urgent() bool { return urgent(&j.rows[0]) }

// destination is the queue of one hop. At most one worker works for a
// destination that could not be reached.
type destination struct {
	hop     hop
	site    *site
	first   []*job // urgent ones
	queue   []*job // the others
	popped  int    // jobs, so far
	claimed int    // rows, queued or under way
	workers int
	idle    []*worker
	failing bool
	crowded netip.Addr // all connections that may go there are in use; the zero one is none
}

func (d *destination) waiting() int { return len(d.first) + len(d.queue) }

// nextIsUrgent says of which queue the next job is. By a route or a smarthost,
// where each has its turn, every fourth job may be one that is not urgent.
func (d *destination) nextIsUrgent() bool {
	if len(d.queue) == 0 || len(d.first) == 0 {
		return len(d.first) > 0
	}
	return d.hop.kind == byMX || d.popped%4 != 3
}

func (d *destination) queueOf(isUrgent bool) *[]*job {
	if isUrgent {
		return &d.first
	}
	return &d.queue
}

func (d *destination) putBack(j *job) {
	q := d.queueOf(j.urgent())
	*q = slices.Insert(*q, 0, j)
}

// drain takes all waiting jobs out.
func (d *destination) drain() (jobs []*job) {
	jobs = append(d.first, d.queue...)
	d.first, d.queue = nil, nil
	return jobs
}

// worker owns one goroutine and at most one connection.
type worker struct {
	dest *destination
	jobs chan *job // holds one; closed to end an idle worker
	sent int
	busy bool       // with a job of a tier, in the scheduler's counts
	tier tier       // of that job
	slot netip.Addr // the remote address where it has a place, if any
	conn *conn
	made *activePolicy // under which conn was opened

	recording  sync.WaitGroup // the last mail's outcome, being recorded
	unrecorded bool           // and that came to nothing; read after recording.Wait
}

// scheduler decides which destination gets which share of the connections. It
// holds no timer and does no I/O.
type scheduler struct {
	max   int           // workers
	start func(*worker) // begins a worker's goroutine; called without the lock

	// running counts the workers. It is raised under the lock and never after
	// stop, so that one may wait for it then.
	running sync.WaitGroup

	mu      sync.Mutex
	perHost int
	dests   map[hop]*destination
	sites   map[hop]*site
	order   []*destination // those with work, the longest unserved first
	claims  map[uint64]bool
	workers int
	idle    int        // workers that wait for a job
	busy    [tiers]int // workers that have one
	slots   map[netip.Addr]int
	stopped bool

	standings map[hop]standing // of sites
}

func newScheduler(workers int) *scheduler {
	return &scheduler{max: workers, perHost: 1, dests: make(map[hop]*destination), sites: make(map[hop]*site), claims: make(map[uint64]bool),
		slots: make(map[netip.Addr]int), standings: make(map[hop]standing)}
}

// has says whether a row is in memory.
func (s *scheduler) has(id uint64) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.claims[id]
}

// claim takes a due row, if nobody has it and its destination has room. Room
// shrinks as memory fills, so that one site's backlog never fills it: each may
// hold an eighth of what is free. A third of all is not for acknowledgements to
// sites that we do not know, and urgent rows may have twice as much.
func (s *scheduler) claim(h hop, row *store.Outgoing) (taken, full bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.claims[row.ID] {
		return false, false
	}
	d := s.destination(h)
	defer s.forget(d) // where nothing was claimed
	isUrgent := urgent(row)
	free, part := s.tierOf(d, isUrgent).limit(maxClaimed)-len(s.claims), 8
	if isUrgent {
		part = 4
	}
	if s.stopped || free <= 0 || d.site.claimed >= max(free/part, 1) {
		return false, true
	}
	d.claimed++
	d.site.claimed++
	s.claims[row.ID] = true
	return true, false
}

// destination is that of a hop, made when there is none.
func (s *scheduler) destination(h hop) *destination {
	d := s.dests[h]
	if d == nil {
		key := siteKey(h)
		if s.sites[key] == nil {
			s.sites[key] = &site{key: key, standing: s.standings[key]}
		}
		d = &destination{hop: h, site: s.sites[key]}
		d.site.dests++
		s.dests[h] = d
	}
	return d
}

// add queues jobs whose rows were claimed.
func (s *scheduler) add(jobs []*job) {
	s.mu.Lock()
	for _, j := range jobs {
		if s.stopped {
			break
		}
		d := s.dests[j.hop]
		if n := len(d.idle); n > 0 {
			w := d.idle[n-1]
			w.jobs <- s.engage(w, j)
			d.idle = d.idle[:n-1]
			s.idle--
			continue
		}
		if d.waiting() == 0 {
			s.order = append(s.order, d)
		}
		q := d.queueOf(j.urgent())
		*q = append(*q, j)
	}
	s.assignAndUnlock()
}

// done gives up the claim on rows: their outcome is recorded, or they are left
// as they were.
func (s *scheduler) done(h hop, rows []store.Outgoing) {
	s.mu.Lock()
	defer s.mu.Unlock()
	d := s.dests[h]
	for i := range rows {
		if s.claims[rows[i].ID] {
			delete(s.claims, rows[i].ID)
			d.claimed--
			d.site.claimed--
		}
	}
	s.forget(d)
}

// forget drops a destination that nothing refers to.
func (s *scheduler) forget(d *destination) {
	if d.claimed > 0 || d.workers > 0 || s.dests[d.hop] != d {
		return
	}
	delete(s.dests, d.hop)
	if d.site.dests--; d.site.dests == 0 {
		delete(s.sites, d.site.key)
	}
}

// assignAndUnlock starts workers for waiting jobs, one destination after the
// other.
func (s *scheduler) assignAndUnlock() {
	var started []*worker
	for i := 0; i < len(s.order) && s.workers < s.max && !s.stopped; {
		d := s.order[i]
		if !s.mayStart(d) {
			i++
			continue
		}
		started = append(started, s.hire(d))
	}
	if len(s.order) > 0 && s.workers >= s.max && s.idle > 0 {
		s.endIdle(func(*worker) bool { return true })
	}
	s.mu.Unlock()
	for _, w := range started {
		s.start(w)
	}
}

// hire makes a worker for d's next job. At an address that was waited for it
// has its place already.
func (s *scheduler) hire(d *destination) *worker {
	s.workers++
	s.running.Add(1)
	d.workers++
	d.site.workers++
	w := &worker{dest: d, jobs: make(chan *job, 1)}
	if d.crowded.IsValid() {
		s.occupy(w, d.crowded)
		d.crowded = netip.Addr{}
	}
	w.jobs <- s.engage(w, s.pop(d))
	return w
}

// endIdle ends an idle worker somewhere; its place is free a moment later.
func (s *scheduler) endIdle(which func(*worker) bool) {
	for _, d := range s.dests {
		if i := slices.IndexFunc(d.idle, which); i >= 0 {
			close(d.idle[i].jobs)
			d.idle = slices.Delete(d.idle, i, i+1)
			s.idle--
			return
		}
	}
}

// pop takes a destination's next job and puts the destination behind the
// others.
func (s *scheduler) pop(d *destination) *job {
	q := d.queueOf(d.nextIsUrgent())
	j := (*q)[0]
	(*q)[0] = nil
	*q = (*q)[1:]
	d.popped++
	s.unlist(d)
	if d.waiting() > 0 {
		s.order = append(s.order, d)
	}
	return j
}

// unlist takes a destination out of the order.
func (s *scheduler) unlist(d *destination) {
	if i := slices.Index(s.order, d); i >= 0 {
		s.order = slices.Delete(s.order, i, i+1)
	}
}

// next returns the worker's next job, at once or when it comes within idle. Nil
// ends the worker: it must close its connection and call left.
func (s *scheduler) next(w *worker, idle time.Duration) *job {
	s.mu.Lock()
	d := w.dest
	s.disengage(w)
	if s.stopped || w.conn == nil && (d.failing || d.crowded.IsValid()) || s.mustYield(w) {
		s.mu.Unlock()
		return nil
	}
	if d.waiting() > 0 {
		defer s.mu.Unlock()
		w.sent++
		return s.engage(w, s.pop(d))
	}
	if w.conn == nil || s.isWanted(w) {
		s.mu.Unlock()
		return nil
	}
	d.idle = append(d.idle, w)
	s.idle++
	s.assignAndUnlock() // others may wait for this worker's place
	timer := time.NewTimer(idle)
	defer timer.Stop()
	select {
	case j := <-w.jobs:
		return j
	case <-timer.C:
		return s.tired(w)
	}
}

// tired ends a wait. A job that was assigned at the last moment counts.
func (s *scheduler) tired(w *worker) *job {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, other := range w.dest.idle {
		if other == w {
			w.dest.idle = append(w.dest.idle[:i], w.dest.idle[i+1:]...)
			s.idle--
			return nil
		}
	}
	return <-w.jobs
}

// mustYield says whether a busy worker makes room for a destination that has
// none and waits for the place of such a worker.
func (s *scheduler) mustYield(w *worker) bool {
	return w.sent >= quantum && slices.ContainsFunc(s.order, func(d *destination) bool { return d.workers == 0 && s.waitsFor(d, w) })
}

// waitsFor says whether d could begin if w ended: it wants the address of w, a
// place in its site, in its tier, or any at all. The worker does not count as
// busy at that moment.
func (s *scheduler) waitsFor(d *destination, w *worker) bool {
	switch {
	case d.crowded.IsValid() && s.slots[d.crowded] >= s.share():
		return d.crowded == w.slot
	case d.site.workers >= s.siteLimit(d):
		return d.site == w.dest.site
	case s.workers >= s.max:
		return true
	}
	t := s.tierOf(d, d.nextIsUrgent())
	return t <= w.tier && s.busyFrom(t)+1 >= t.limit(s.max)
}

// isWanted says whether a destination waits for the address at which w would
// sit idle.
func (s *scheduler) isWanted(w *worker) bool {
	return w.slot.IsValid() && slices.ContainsFunc(s.order, func(d *destination) bool { return d.crowded == w.slot })
}

// left says that a worker has ended.
func (s *scheduler) left(w *worker) {
	s.mu.Lock()
	s.disengage(w)
	s.vacate(w)
	s.workers--
	w.dest.workers--
	w.dest.site.workers--
	s.forget(w.dest)
	s.assignAndUnlock()
}

// reached says whether a destination could be reached, and how its site did.
// When it could not, the jobs that wait for it are taken out and returned: they
// would fail likewise.
func (s *scheduler) reached(d *destination, ok bool, st standing) (others []*job) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.remember(d.site.key, st)
	d.failing = !ok
	if ok || d.waiting() == 0 {
		return nil
	}
	s.unlist(d)
	return d.drain()
}

// setPerHost is the limit of connections to one destination.
func (s *scheduler) setPerHost(n int) {
	s.mu.Lock()
	s.perHost = max(n, 1)
	s.assignAndUnlock()
}

// stop ends the giving out of work. Jobs that nobody has begun are dropped:
// their rows stay ready in the store.
func (s *scheduler) stop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stopped = true
	for _, d := range s.dests {
		d.drain()
		for _, w := range d.idle {
			close(w.jobs)
		}
		d.idle = nil
	}
	s.idle = 0
	s.order = nil
}
