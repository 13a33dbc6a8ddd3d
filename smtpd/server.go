package smtpd

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"runtime/debug"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"postdesk/internal/message"
)

// maxHashing is how many passwords are checked at the same time.
const maxHashing = 4

// killGrace is how long Shutdown waits, after it has cut everything off, for
// handlers to notice that their context is over.
const killGrace = 2 * time.Second

// errClosed is returned by Serve of a server that has been shut down.
var errClosed = errors.New("smtpd: server closed")

// Server receives mail on any number of listeners. Its methods may be called
// from many goroutines.
type Server struct {
	opts     Options
	policy   atomic.Pointer[Policy]
	tls      map[Kind]*tls.Config // apart, so that none takes another's session tickets
	conns    *registry
	messages *buckets[netip.Prefix]
	bytes    *buckets[netip.Prefix]
	spools   *message.Spools
	logins   *logins
	hashing  chan struct{}
	running  sync.WaitGroup

	accepting context.Context // ends when Shutdown begins
	stop      context.CancelFunc
	base      context.Context // ends when Shutdown loses patience, and at its end
	cut       context.CancelFunc
}

// New makes a server that listens nowhere yet.
func New(o Options) *Server {
	s := &Server{
		opts: o.withDefaults(), tls: map[Kind]*tls.Config{},
		hashing: make(chan struct{}, maxHashing),
	}
	s.conns = newRegistry(s.opts.Now, s.opts.Timeouts.Yield)
	s.messages, s.bytes = newBuckets[netip.Prefix](s.opts.Now), newBuckets[netip.Prefix](s.opts.Now)
	s.logins = newLogins(s.opts.Now)
	s.spools = message.NewSpools(message.SpoolOptions{Dir: s.opts.SpoolDir, Budget: s.opts.SpoolBudget, Now: s.opts.Now})
	s.base, s.cut = context.WithCancel(context.Background())
	s.accepting, s.stop = context.WithCancel(s.base)
	for _, k := range []Kind{MX, Submission, Submissions, LMTP} {
		s.tls[k] = &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: s.certificate}
	}
	s.SetPolicy(o.Policy)
	return s
}

// SetPolicy replaces the policy in one step.
func (s *Server) SetPolicy(p Policy) {
	p = p.withDefaults()
	s.policy.Store(&p)
}

// certificate asks the policy of now.
func (s *Server) certificate(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	get := s.policy.Load().GetCertificate
	if get == nil {
		return nil, errors.New("no certificate")
	}
	return get(hello)
}

// Serve accepts connections on l until the server shuts down; it then returns
// nil. It owns l and closes it. For Submissions it speaks TLS from the first
// byte, l must not. An error is that of l.
func (s *Server) Serve(k Kind, l net.Listener) error {
	defer l.Close()
	if s.tls[k] == nil {
		return fmt.Errorf("smtpd: unknown kind of listener %q", k)
	}
	if !s.conns.listen(l) {
		return errClosed
	}
	defer s.conns.unlisten(l)
	for delay := 5 * time.Millisecond; ; {
		c, err := l.Accept()
		switch {
		case err == nil:
			delay = 5 * time.Millisecond
			s.running.Go(func() { s.handle(k, c) })
		case s.conns.isClosing():
			return nil
		case !isTemporary(err):
			return fmt.Errorf("smtpd: %s: %w", k, err)
		default: // out of file descriptors, most likely
			s.opts.Log.Error("cannot accept", "listener", k, "err", err)
			sleep(s.accepting, delay)
			delay = min(2*delay, time.Second)
		}
	}
}

func isTemporary(err error) bool {
	var t interface{ Temporary() bool }
	return errors.As(err, &t) && t.Temporary()
}

// Shutdown closes the listeners, says 421 to who is idle, lets what is being
// received finish, and returns when the last connection is gone. When ctx ends
// first, it cuts the rest off, the handlers' contexts too, and returns ctx's
// error. A second call waits like the first.
func (s *Server) Shutdown(ctx context.Context) error {
	s.stop()
	err := s.conns.drain()
	gone := make(chan struct{})
	go func() {
		s.running.Wait()
		close(gone)
	}()
	select {
	case <-gone:
		s.cut()
		return err
	case <-ctx.Done():
	}
	s.cut()
	s.conns.kill()
	grace, cancel := context.WithTimeout(context.Background(), killGrace)
	defer cancel()
	select {
	case <-gone:
	case <-grace.Done():
	}
	return ctx.Err()
}

// handle is the life of one connection.
func (s *Server) handle(k Kind, c net.Conn) {
	g := newGate(c, s.opts.Timeouts, s.opts.Now)
	defer g.close()
	peer := peerOf(k, c)
	log := s.opts.Log.With("session", peer.Session, "listener", string(k), "peer", peerName(peer))
	defer func() {
		if r := recover(); r != nil {
			log.Error("panic", "what", "session", "err", fmt.Sprint(r), "stack", string(debug.Stack()))
			g.end(answerPanic)
		}
	}()
	policy := s.policy.Load()
	peer.Frontend = policy.isFrontend(peer.Addr, peer.Unix)
	if no := s.conns.add(g, peer, policy); no != nil {
		log.Info("connection refused", "why", no.lines[0])
		s.turnAway(g, k, *no)
		return
	}
	defer s.conns.remove(g)
	if k == Submissions {
		if _, err := g.startTLS(s.base, s.tls[k]); err != nil {
			log.Info("TLS failed", "err", clean(err.Error()))
			return
		}
	}
	s.opts.Observer.Session(k)
	log.Debug("connected")
	for first := true; ; first = false {
		ses := s.newSession(g, peer, log)
		ses.run(first)
		if !ses.upgraded {
			log.Debug("disconnected", "for_a_newcomer", g.yields())
			return
		}
	}
}

// turnAway says no before a greeting, RFC 5321 §3.1. Who waits for TLS is not
// answered.
func (s *Server) turnAway(g *gate, k Kind, no answer) {
	if k == Submissions {
		g.err = goneError{"turned away"}
		return
	}
	g.end(no)
	g.err = goneError{"turned away"} // no lingering
}

// peerOf is who is connected, as far as the connection says.
func peerOf(k Kind, c net.Conn) Peer {
	p := Peer{Listener: k, Session: strings.ToLower(rand.Text()[:12])}
	switch a := c.RemoteAddr().(type) {
	case *net.TCPAddr:
		p.Addr = a.AddrPort().Addr().Unmap()
	case *net.UnixAddr:
		p.Unix = true
	}
	return p
}

func peerName(p Peer) string {
	if p.Unix {
		return "unix"
	}
	return p.Addr.String()
}
