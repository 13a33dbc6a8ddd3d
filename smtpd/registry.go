package smtpd

import (
	"errors"
	"net"
	"net/netip"
	"slices"
	"sync"
	"time"
)

// registry holds the listeners and the connections. go-smtp's own can't be
// closed after a Shutdown that timed out: its connections live on and still
// take mail.
type registry struct {
	mu        sync.Mutex
	listeners map[net.Listener]struct{}
	conns     map[*gate]*place
	taken     int // of conns
	perNet    map[netip.Prefix]int
	closing   bool

	now       func() time.Time
	patience  time.Duration // see makeRoom
	lookAgain time.Time
}

// place is that of a connection.
type place struct {
	nets  []network
	keeps bool // a frontend's: never given to another
	left  bool // given to another, and soon gone
}

func newRegistry(now func() time.Time, patience time.Duration) *registry {
	return &registry{listeners: map[net.Listener]struct{}{}, conns: map[*gate]*place{}, perNet: map[netip.Prefix]int{}, now: now, patience: patience}
}

// listen adds a listener, unless the server is closing.
func (r *registry) listen(l net.Listener) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closing {
		return false
	}
	r.listeners[l] = struct{}{}
	return true
}

func (r *registry) unlisten(l net.Listener) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.listeners, l)
}

func (r *registry) isClosing() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.closing
}

// add counts a connection in, or says why not. Frontends have no limit of
// their own.
func (r *registry) add(g *gate, peer Peer, p *Policy) *answer {
	r.mu.Lock()
	defer r.mu.Unlock()
	var nets []network
	if !peer.Frontend {
		nets = networksOf(peer.Addr)
	}
	switch {
	case r.closing:
		return &answerShutdown
	case peer.Listener == LMTP && !peer.Frontend:
		return &answerNoFrontend
	case slices.ContainsFunc(nets, func(n network) bool { return r.perNet[n.prefix] >= p.ConnectionsPerIP*n.times }):
		return &answerTooManyOfYou
	case r.taken >= p.Connections && !r.makeRoom():
		return &answerBusy
	}
	r.conns[g] = &place{nets: nets, keeps: peer.Frontend}
	r.taken++
	for _, n := range nets {
		r.perNet[n.prefix]++
	}
	return nil
}

func (r *registry) remove(g *gate) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.leave(g)
	delete(r.conns, g)
}

// leave gives a connection's place back. It is called under the lock.
func (r *registry) leave(g *gate) {
	p := r.conns[g]
	if p == nil || p.left {
		return
	}
	p.left = true
	r.taken--
	for _, n := range p.nets {
		if r.perNet[n.prefix]--; r.perNet[n.prefix] <= 0 {
			delete(r.perNet, n.prefix)
		}
	}
}

// crowded says that four fifths of the connections are in use.
func (r *registry) crowded(limit int) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.taken*5 >= limit*4
}

// drain closes the listeners and asks the connections to end.
func (r *registry) drain() (err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.closing = true
	for l := range r.listeners {
		if e := l.Close(); !errors.Is(e, net.ErrClosed) { // by an earlier call, before Serve let go of it
			err = errors.Join(err, e)
		}
	}
	for g := range r.conns {
		g.kick()
	}
	return err
}

// kill cuts what is left.
func (r *registry) kill() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for g := range r.conns {
		g.kill()
	}
}
