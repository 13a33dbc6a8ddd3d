// Package server puts the parts together: store, pipeline, relay, listeners,
// metrics. serve, demo and the end-to-end tests run the same thing.
package server

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"postdesk/internal/config"
	"postdesk/internal/metrics"
	"postdesk/pipeline"
	"postdesk/relay"
	"postdesk/smtpd"
	"postdesk/store"
)

// KeyFile is the token key's name in the data directory.
const KeyFile = "token.key"

// Options is what a Server is made of. Config is required.
type Options struct {
	Config   *config.Config
	Log      *slog.Logger
	Now      func() time.Time
	Elapsed  func() time.Duration                 // a clock that nobody sets; nil is Now's monotonic reading
	After    func(time.Duration) <-chan time.Time // the alarm of the timers; nil is time.After
	Resolver Resolver                             // nil: as configured
	// Relay lets tests and the demo change how mail goes out.
	Relay func(*relay.Options)
	// Store lets tests change what the data lies on.
	Store func(*store.Options)
}

// Server is a running postdesk.
type Server struct {
	Store    *store.DB
	Pipeline *pipeline.Pipeline
	Relay    *relay.Relay
	Metrics  *metrics.Metrics

	opts      Options
	log       *slog.Logger
	smtp      *smtpd.Server
	config    atomic.Pointer[config.Config]
	cert      atomic.Pointer[certificates]
	http      []*http.Server
	addresses map[string][]net.Addr
	ready     atomic.Bool
	fatal     chan error
	running   sync.WaitGroup
	stopRelay context.CancelFunc

	timersWake chan struct{}
	watch      *watcher
}

// Start opens the data directory and all listeners. On an error nothing stays
// open.
func Start(ctx context.Context, o Options) (_ *Server, err error) {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Elapsed == nil {
		o.Elapsed = running(o.Now)
	}
	if o.After == nil {
		o.After = time.After
	}
	s := &Server{opts: o, log: o.Log, addresses: map[string][]net.Addr{}, fatal: make(chan error, 1), timersWake: make(chan struct{}, 1), stopRelay: func() {}}
	s.config.Store(o.Config)
	s.Metrics = metrics.New(s.metricsOptions()) // before the store, which tells it of every commit
	defer func() {
		if err != nil {
			err = errors.Join(err, s.Close())
		}
	}()
	if err := s.openStore(); err != nil {
		return nil, err
	}
	if err := s.build(ctx); err != nil {
		return nil, err
	}
	if err := s.listen(); err != nil {
		return nil, err
	}
	if err := s.listenAdmin(); err != nil {
		return nil, err
	}
	s.ready.Store(true)
	s.startRelay()
	return s, nil
}

// openStore opens the data directory, which no other process may use meanwhile.
func (s *Server) openStore() (err error) {
	cfg := s.Config()
	if err := os.MkdirAll(filepath.Join(cfg.DataDir, "spool"), 0o700); err != nil {
		return err
	}
	so := StoreOptions(cfg, s.log, s.opts.Now, s.Metrics.Commit)
	if s.opts.Store != nil {
		s.opts.Store(&so)
	}
	if s.Store, err = store.Open(so); err != nil {
		return err
	}
	s.watch = newWatcher(s.Store, s.opts.Now, s.log)
	return emptySpool(filepath.Join(cfg.DataDir, "spool"))
}

// StoreOptions are those of every command that opens the data directory.
func StoreOptions(cfg *config.Config, log *slog.Logger, now func() time.Time, onCommit func(int, time.Duration)) store.Options {
	return store.Options{Dir: cfg.DataDir, Log: log, Now: now, MinFreeDisk: cfg.Limits.MinFreeDisk, Extra: []string{KeyFile}, OnCommit: onCommit}
}

// emptySpool removes what was being received when the program ended: nobody was
// told that it was taken.
func emptySpool(dir string) error {
	list, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, f := range list {
		if err := os.Remove(filepath.Join(dir, f.Name())); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

// build makes the parts, from the inside to the outside.
func (s *Server) build(ctx context.Context) (err error) {
	cfg := s.Config()
	keys, err := TokenKeys(ctx, s.Store, cfg.DataDir)
	if err != nil {
		return err
	}
	s.Pipeline, err = pipeline.New(ctx, pipeline.Options{
		Store: s.Store, Keys: keys, Config: cfg, Resolver: s.resolver(), Now: s.opts.Now, Elapsed: s.opts.Elapsed, Log: s.log, Meters: s.Metrics,
		Wake: func() { s.Relay.Wake() }, DiskLow: func() bool { return s.watch.low(s.Config().Limits.MinFreeDisk) },
	})
	if err != nil {
		return err
	}
	ro := relay.Options{Store: s.Store, Resolver: s.resolver(), Now: s.opts.Now, Elapsed: s.opts.Elapsed, Log: s.log, Reports: s.Pipeline, Observer: s.Metrics, Policy: relayPolicy(cfg)}
	if s.opts.Relay != nil {
		s.opts.Relay(&ro)
	}
	s.Relay = relay.New(ro)
	cert, err := newCertificates(cfg, s.opts.Now, s.log)
	if err != nil {
		return err
	}
	s.cert.Store(cert)
	s.smtp = smtpd.New(smtpd.Options{Handler: s.Pipeline, Policy: s.smtpPolicy(cfg), Observer: sessionMeters{s.Metrics}, Log: s.log,
		SpoolDir: filepath.Join(cfg.DataDir, "spool"), SpoolBudget: s.spoolBudget, Now: s.opts.Now})
	return nil
}

// startRelay runs the relay, the timers and the housekeeping until Close.
func (s *Server) startRelay() {
	ctx, stop := context.WithCancel(context.Background())
	s.stopRelay = stop
	s.running.Go(func() { s.keepHouse(ctx) })
	s.running.Go(func() { s.watchDisk(ctx) })
	timers := newTimers(s) // the clock as it is now
	s.running.Go(func() { timers.run(ctx) })
	s.running.Go(func() {
		if err := s.Relay.Run(ctx); err != nil && ctx.Err() == nil {
			s.fail(fmt.Errorf("the relay stopped: %w", err))
		}
	})
	s.running.Go(func() {
		select {
		case err := <-s.Store.Fatal():
			s.fail(fmt.Errorf("the store stopped; start again, nothing that was taken is lost: %w", err))
		case <-ctx.Done():
		}
	})
}

// Config is the configuration in force.
func (s *Server) Config() *config.Config { return s.config.Load() }

// Fatal gives the error that ends the server: the disk failed, or a part that
// it can't do without stopped. The caller closes it.
func (s *Server) Fatal() <-chan error { return s.fatal }

// fail makes the server not ready, since it can no longer do its work. Only the
// first error is told.
func (s *Server) fail(err error) {
	s.ready.Store(false)
	select {
	case s.fatal <- err:
	default:
	}
}

// Shutdown takes no new mail, lets what is being received and sent finish until
// ctx ends, and closes everything.
func (s *Server) Shutdown(ctx context.Context) error {
	s.ready.Store(false)
	var received, sent error
	var parts sync.WaitGroup
	if s.smtp != nil {
		parts.Go(func() { received = s.smtp.Shutdown(ctx) })
	}
	if s.Relay != nil {
		parts.Go(func() { sent = s.Relay.Stop(ctx) })
	}
	parts.Wait()
	return errors.Join(received, sent, s.Close())
}

// Close closes everything at once.
func (s *Server) Close() error {
	now, cancel := context.WithCancel(context.Background())
	cancel()
	var errs []error
	if s.smtp != nil {
		if err := s.smtp.Shutdown(now); err != nil && !errors.Is(err, context.Canceled) {
			errs = append(errs, err)
		}
	}
	for _, h := range s.http {
		errs = append(errs, h.Close())
	}
	s.stopRelay()
	s.running.Wait()
	if s.Store != nil {
		errs = append(errs, s.Store.Close())
	}
	return errors.Join(errs...)
}

// Addr is where a listener listens, for tests and the demo that ask for port 0.
func (s *Server) Addr(name string) string {
	if list := s.addresses[name]; len(list) > 0 {
		return list[0].String()
	}
	return ""
}
