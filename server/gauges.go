package server

import (
	"context"
	"log/slog"
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

// watcher looks at the disk, at most once a second, and logs when it becomes
// too full and when that is over.
type watcher struct {
	look func() (bytes, inodes uint64, err error)
	now  func() time.Time
	log  *slog.Logger

	mu     sync.Mutex
	at     time.Time
	bytes  uint64
	inodes uint64
	err    error
	told   bool // that it is low
}

func newWatcher(db *store.DB, now func() time.Time, log *slog.Logger) *watcher {
	return &watcher{look: db.Free, now: now, log: log}
}

func (w *watcher) free() (bytes, inodes uint64, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if now := w.now(); w.at.IsZero() || now.Sub(w.at) > time.Second || now.Before(w.at) {
		w.at = now
		w.bytes, w.inodes, w.err = w.look()
	}
	return w.bytes, w.inodes, w.err
}

// minInodes is how many inodes the store and the spool need to go on.
const minInodes = 200

// low says that the disk is too full to take mail. A file system without inodes
// tells of none at all.
func (w *watcher) low(min int64) bool {
	bytes, inodes, err := w.free()
	low := err != nil || bytes < uint64(min) || inodes < minInodes && inodes != 0 && inodes != math.MaxUint64
	w.mu.Lock()
	defer w.mu.Unlock()
	if low == w.told {
		return low
	}
	w.told = low
	switch {
	case err != nil:
		w.log.Warn("low disk: mail is answered with 452, the disk can't be looked at", "error", err)
	case low:
		w.log.Warn("low disk: mail is answered with 452", "free_bytes", bytes, "min_free_bytes", min, "free_inodes", inodes)
	default:
		w.log.Info("the disk has room again: mail is taken", "free_bytes", bytes, "min_free_bytes", min)
	}
	return low
}

// diskEvery is how often the disk is looked at when no mail comes.
const diskEvery = time.Minute

// watchDisk runs until ctx ends.
func (s *Server) watchDisk(ctx context.Context) {
	tick := time.NewTicker(diskEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			s.watch.low(s.Config().Limits.MinFreeDisk)
		}
	}
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
	o.CertificateLeft = s.certificateLeft
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
