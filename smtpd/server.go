package smtpd

import (
	"context"
	"errors"
	"net"
	"sync/atomic"
)

// Server receives mail on any number of listeners. Its methods may be called
// from many goroutines.
type Server struct {
	opts   Options
	policy atomic.Pointer[Policy]
}

// New makes a server that listens nowhere yet.
func New(o Options) *Server {
	s := &Server{opts: o.withDefaults()}
	s.SetPolicy(o.Policy)
	return s
}

// SetPolicy replaces the policy in one step.
func (s *Server) SetPolicy(p Policy) {
	p = p.withDefaults()
	s.policy.Store(&p)
}

// Serve accepts connections on l until l is closed or the server shuts down; it
// then returns nil. It owns l and closes it. For Submissions it speaks TLS from
// the first byte, l must not. An error is one of l, or of a second use.
func (s *Server) Serve(k Kind, l net.Listener) error { return errors.New("not yet") }

// Shutdown closes the listeners, says 421 to who is idle, lets what is being
// received finish, and returns when the last connection is gone. When ctx ends
// first, it cuts the rest off and returns ctx's error.
func (s *Server) Shutdown(ctx context.Context) error { return errors.New("not yet") }
