package server

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"os"
	"strings"
	"syscall"
	"time"

	"golang.org/x/net/netutil"

	"postdesk/internal/config"
	"postdesk/internal/metrics"
	"postdesk/relay"
	"postdesk/smtpd"
)

// listen opens every configured listener before any of them is served.
func (s *Server) listen() error {
	l := s.Config().Listen
	for _, x := range []struct {
		kind smtpd.Kind
		at   []string
	}{{smtpd.MX, l.MX}, {smtpd.Submission, l.Submission}, {smtpd.Submissions, l.Submissions}, {smtpd.LMTP, l.LMTP}} {
		for _, at := range x.at {
			ln, err := Listen(at, 0o666)
			if err != nil {
				return err
			}
			s.addresses[string(x.kind)] = append(s.addresses[string(x.kind)], ln.Addr())
			s.running.Go(func() {
				if err := s.smtp.Serve(x.kind, ln); err != nil && s.ready.Load() {
					s.fail(fmt.Errorf("the listener %s on %s stopped: %w", x.kind, at, err))
				}
			})
		}
	}
	if err := s.listenHTTP("http", l.HTTP, s.handler()); err != nil {
		return err
	}
	if acme := s.cert.Load().acme; acme != nil {
		return s.listenHTTP("acme", l.ACME, acme.HTTPHandler())
	}
	return nil
}

// maxHTTP is how many connections an HTTP listener has at a time: one of them is
// open to everybody (ACME), and mail needs the descriptors.
const maxHTTP = 100

func (s *Server) listenHTTP(name string, at []string, h http.Handler) error {
	for _, a := range at {
		ln, err := Listen(a, 0o660)
		if err != nil {
			return err
		}
		s.addresses[name] = append(s.addresses[name], ln.Addr())
		srv := &http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second, ReadTimeout: time.Minute, WriteTimeout: time.Minute, IdleTimeout: 2 * time.Minute}
		s.http = append(s.http, srv)
		s.running.Go(func() {
			if err := srv.Serve(netutil.LimitListener(ln, maxHTTP)); !errors.Is(err, http.ErrServerClosed) {
				s.log.Error("a listener stopped", "listener", name, "address", a, "error", err)
			}
		})
	}
	return nil
}

// Listen opens "host:port" or "unix:/path". A socket that nobody listens on is
// left from a crash and is replaced; no other file is. A new socket never has
// more permissions than mode.
func Listen(at string, mode os.FileMode) (net.Listener, error) {
	path, ok := strings.CutPrefix(at, "unix:")
	if !ok {
		ln, err := net.Listen("tcp", at)
		if err != nil {
			return nil, fmt.Errorf("listen on %s: %w", at, err)
		}
		return ln, nil
	}
	if err := removeStale(path); err != nil {
		return nil, fmt.Errorf("listen on %s: %w", at, err)
	}
	ln, err := listenUnix(path, mode)
	if err != nil {
		return nil, fmt.Errorf("listen on %s: %w", at, err)
	}
	return ln, nil
}

func removeStale(path string) error {
	switch info, err := os.Lstat(path); {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	case info.Mode().Type() != fs.ModeSocket:
		return errors.New("it is there and is no socket")
	}
	c, err := net.Dial("unix", path)
	switch {
	case err == nil:
		c.Close()
		return errors.New("another process listens there")
	case !errors.Is(err, syscall.ECONNREFUSED):
		return err
	}
	return os.Remove(path)
}

// listenUnix gives the socket its mode before it has a name: Linux makes the
// file with the mode of the socket's descriptor, less the umask. After a chmod
// alone, who was quick would already be connected.
func listenUnix(path string, mode os.FileMode) (net.Listener, error) {
	config := net.ListenConfig{Control: func(_, _ string, c syscall.RawConn) error {
		var err error
		return errors.Join(c.Control(func(fd uintptr) { err = syscall.Fchmod(int(fd), uint32(mode.Perm())) }), err)
	}}
	ln, err := config.Listen(context.Background(), "unix", path)
	if err != nil {
		return nil, err
	}
	if err := os.Chmod(path, mode); err != nil { // what the umask took away
		return nil, errors.Join(err, ln.Close())
	}
	return ln, nil
}

// handler serves metrics and health. /readyz says whether mail is taken: not
// before the start is complete, not while stopping, not when the disk is low.
func (s *Server) handler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", s.Metrics.Handler())
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "ok") })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) {
		switch {
		case !s.ready.Load():
			http.Error(w, "not ready", http.StatusServiceUnavailable)
		case s.watch.low(s.Config().Limits.MinFreeDisk):
			http.Error(w, "the disk is low: mail is deferred", http.StatusServiceUnavailable)
		default:
			fmt.Fprintln(w, "ok")
		}
	})
	return mux
}

// smtpPolicy is what the listeners have to know of a configuration.
func (s *Server) smtpPolicy(cfg *config.Config) smtpd.Policy {
	p := smtpd.Policy{
		Hostname: cfg.Hostname, MessageSize: cfg.Limits.MessageSize, Recipients: cfg.Limits.Recipients, Connections: cfg.Limits.Connections,
		ConnectionsPerIP: cfg.Limits.ConnectionsPerIP, MessagesPerIP: smtpd.Rate(cfg.Limits.MessagesPerIP),
		TrustedNetworks: cfg.TrustedNetworks, Frontends: cfg.Frontends.Networks, FrontendUnix: cfg.Frontends.Unix,
	}
	if get := s.cert.Load().get; get != nil {
		p.GetCertificate = get
	}
	return p
}

func relayPolicy(cfg *config.Config) relay.Policy {
	return relay.Policy{Hostname: cfg.Hostname, Relay: cfg.Relay, DKIM: cfg.DKIM}
}

// sessionMeters counts for smtpd.
type sessionMeters struct{ m *metrics.Metrics }

func (x sessionMeters) Session(k smtpd.Kind)              { x.m.Session(string(k)) }
func (x sessionMeters) AuthFailure(k smtpd.Kind)          { x.m.AuthFailure(string(k)) }
func (x sessionMeters) Mail(k smtpd.Kind, verdict string) { x.m.Mail(string(k), verdict) }
