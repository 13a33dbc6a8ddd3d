package server

import (
	"context"
	"math"
	"strings"
	"sync"
	"time"

	"postdesk/internal/config"
	"postdesk/internal/metrics"
	"postdesk/internal/ticket"
	"postdesk/pipeline"
	"postdesk/rules"
	"postdesk/store"
)

// watcher looks at the disk, at most once a second.
type watcher struct {
	store *store.DB
	now   func() time.Time

	mu     sync.Mutex
	at     time.Time
	bytes  uint64
	inodes uint64
	err    error
}

func newWatcher(db *store.DB, now func() time.Time) *watcher { return &watcher{store: db, now: now} }

func (w *watcher) free() (bytes, inodes uint64, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if now := w.now(); w.at.IsZero() || now.Sub(w.at) > time.Second || now.Before(w.at) {
		w.at = now
		w.bytes, w.inodes, w.err = w.store.Free()
	}
	return w.bytes, w.inodes, w.err
}

// minInodes is how many inodes the store and the spool need to go on.
const minInodes = 200

// low says that the disk is too full to take mail. A file system without inodes
// tells of none at all.
func (w *watcher) low(min int64) bool {
	bytes, inodes, err := w.free()
	return err != nil || bytes < uint64(min) || inodes < minInodes && inodes != 0 && inodes != math.MaxUint64
}

// spoolBudget is what mails that arrive may still take of the disk. It is not
// the watcher's word, which is up to a second old.
func (s *Server) spoolBudget() int64 {
	bytes, inodes, err := s.Store.Free()
	if err != nil || inodes < minInodes && inodes != 0 && inodes != math.MaxUint64 {
		return 0
	}
	return int64(min(bytes, math.MaxInt64)) - s.Config().Limits.MinFreeDisk
}

func (s *Server) metricsOptions() metrics.Options {
	o := metrics.Options{Teams: teamAddresses(s.Config()), Why: pipeline.HoldReasons()}
	for _, r := range rules.Reasons() {
		o.Reasons = append(o.Reasons, string(r))
	}
	for _, w := range ticket.Whats() {
		o.Events = append(o.Events, string(w))
	}
	o.Tickets, o.OldestDue = s.countTickets, s.oldestDue
	o.Outbox = func() (map[string]int, error) { return s.tally("outbox") }
	o.Held = func() (map[string]int, error) { return s.tally("held") }
	o.DiskFree = func() (uint64, error) {
		bytes, _, err := s.watch.free()
		return bytes, err
	}
	return o
}

func teamAddresses(cfg *config.Config) []string {
	var list []string
	for _, t := range cfg.Teams {
		list = append(list, t.Address.String())
	}
	return list
}

func (s *Server) tally(what string) (map[string]int, error) {
	counts := map[string]int{}
	err := s.Store.View(context.Background(), func(tx store.ReadTx) error {
		all, err := store.Tally(tx, what)
		for k, n := range all {
			counts[k] = int(n)
		}
		return err
	})
	return counts, err
}

func (s *Server) countTickets() (map[metrics.TeamStatus]int, error) {
	counts := map[metrics.TeamStatus]int{}
	for _, team := range teamAddresses(s.Config()) {
		all, err := s.tally("tickets/" + team)
		if err != nil {
			return nil, err
		}
		for status, n := range all {
			counts[metrics.TeamStatus{Team: strings.ToLower(team), Status: status}] = n
		}
	}
	return counts, nil
}

func (s *Server) oldestDue() (age time.Duration, err error) {
	err = s.Store.View(context.Background(), func(tx store.ReadTx) error {
		oldest, ok, err := store.OldestWaiting(tx)
		if ok {
			age = max(0, s.opts.Now().Sub(oldest))
		}
		return err
	})
	return age, err
}
