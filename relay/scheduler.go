package relay

import (
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

// destination is the queue of one hop. At most one worker works for a
// destination that could not be reached.
type destination struct {
	hop     hop
	queue   []*job
	claimed int // rows, queued or under way
	workers int
	idle    []*worker
	failing bool
}

// worker owns one goroutine and at most one connection.
type worker struct {
	dest *destination
	jobs chan *job // holds one; closed to end an idle worker
	sent int
	conn *conn
	made *activePolicy // under which conn was opened

	recording sync.WaitGroup // the last mail's outcome, being recorded
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
	order   []*destination // those with work, the longest unserved first
	claims  map[uint64]bool
	workers int
	idle    int // workers that wait for a job
	stopped bool
}

func newScheduler(workers int) *scheduler {
	return &scheduler{max: workers, perHost: 1, dests: make(map[hop]*destination), claims: make(map[uint64]bool)}
}

// has says whether a row is in memory.
func (s *scheduler) has(id uint64) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.claims[id]
}

// claim takes a due row, if nobody has it and its destination has room. Room
// shrinks as memory fills, so that one destination's backlog never fills it:
// each may hold an eighth of what is free.
func (s *scheduler) claim(h hop, row *store.Outgoing) (taken, full bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.claims[row.ID] {
		return false, false
	}
	d := s.dests[h]
	room := max((maxClaimed-len(s.claims))/8, 1)
	if s.stopped || len(s.claims) >= maxClaimed || d != nil && d.claimed >= room {
		return false, true
	}
	if d == nil {
		d = &destination{hop: h}
		s.dests[h] = d
	}
	d.claimed++
	s.claims[row.ID] = true
	return true, false
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
			d.idle[n-1].jobs <- j
			d.idle = d.idle[:n-1]
			s.idle--
			continue
		}
		if len(d.queue) == 0 {
			s.order = append(s.order, d)
		}
		d.queue = append(d.queue, j)
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
		}
	}
	s.forget(d)
}

// forget drops a destination that nothing refers to.
func (s *scheduler) forget(d *destination) {
	if d.claimed == 0 && d.workers == 0 {
		delete(s.dests, d.hop)
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
		s.workers++
		s.running.Add(1)
		d.workers++
		w := &worker{dest: d, jobs: make(chan *job, 1)}
		w.jobs <- s.pop(d) // which puts d last, or takes it out
		started = append(started, w)
	}
	if len(s.order) > 0 && s.workers >= s.max && s.idle > 0 {
		s.endIdle()
	}
	s.mu.Unlock()
	for _, w := range started {
		s.start(w)
	}
}

// mayStart keeps a quarter of the workers for destinations that have none, so
// that a few that hang never hold all of them.
func (s *scheduler) mayStart(d *destination) bool {
	if d.workers == 0 {
		return true
	}
	return !d.failing && d.workers < s.perHost && s.workers < s.max-s.max/4
}

// endIdle ends an idle worker somewhere; its place is free a moment later.
func (s *scheduler) endIdle() {
	for _, d := range s.dests {
		if len(d.idle) > 0 {
			close(d.idle[0].jobs)
			d.idle = d.idle[1:]
			s.idle--
			return
		}
	}
}

// pop takes a destination's next job and puts the destination behind the
// others.
func (s *scheduler) pop(d *destination) *job {
	j := d.queue[0]
	d.queue[0] = nil
	d.queue = d.queue[1:]
	for i, other := range s.order {
		if other == d {
			s.order = append(s.order[:i], s.order[i+1:]...)
			break
		}
	}
	if len(d.queue) > 0 {
		s.order = append(s.order, d)
	}
	return j
}

// next returns the worker's next job, at once or when it comes within idle. Nil
// ends the worker: it must close its connection and call left.
func (s *scheduler) next(w *worker, idle time.Duration) *job {
	s.mu.Lock()
	d := w.dest
	if s.stopped || w.conn == nil && d.failing || s.mustYield(w) {
		s.mu.Unlock()
		return nil
	}
	if len(d.queue) > 0 {
		defer s.mu.Unlock()
		w.sent++
		return s.pop(d)
	}
	if w.conn == nil {
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
// none, when all are busy.
func (s *scheduler) mustYield(w *worker) bool {
	if w.sent < quantum || s.workers < s.max {
		return false
	}
	for _, d := range s.order {
		if d.workers == 0 {
			return true
		}
	}
	return false
}

// left says that a worker has ended.
func (s *scheduler) left(w *worker) {
	s.mu.Lock()
	s.workers--
	w.dest.workers--
	s.forget(w.dest)
	s.assignAndUnlock()
}

// reached says whether a destination could be reached. When it could not, the
// jobs that wait for it are taken out and returned: they would fail likewise.
func (s *scheduler) reached(d *destination, ok bool) (others []*job) {
	s.mu.Lock()
	defer s.mu.Unlock()
	d.failing = !ok
	if ok || len(d.queue) == 0 {
		return nil
	}
	others, d.queue = d.queue, nil
	for i, other := range s.order {
		if other == d {
			s.order = append(s.order[:i], s.order[i+1:]...)
			break
		}
	}
	return others
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
		d.queue = nil
		for _, w := range d.idle {
			close(w.jobs)
		}
		d.idle = nil
	}
	s.idle = 0
	s.order = nil
}
