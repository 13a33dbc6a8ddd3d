package smtpd

import (
	"io"
	"net"
	"sync"
	"time"
)

// wire is a connection within the process that keeps what was written, and gives
// it out again in the same pieces. It knows no deadlines.
type wire struct {
	in, out *oneWay
	remote  net.Addr
}

// newWire makes both ends; remote is where the server sees the client.
func newWire(remote net.Addr) (client, server *wire) {
	a, b := newOneWay(), newOneWay()
	return &wire{a, b, remote}, &wire{b, a, remote}
}

// oneWay is one direction.
type oneWay struct {
	mu     sync.Mutex
	more   sync.Cond
	pieces [][]byte
	closed bool
}

func newOneWay() *oneWay {
	o := &oneWay{}
	o.more.L = &o.mu
	return o
}

func (w *wire) Read(p []byte) (int, error) {
	o := w.in
	o.mu.Lock()
	defer o.mu.Unlock()
	for len(o.pieces) == 0 {
		if o.closed {
			return 0, io.EOF
		}
		o.more.Wait()
	}
	n := copy(p, o.pieces[0])
	if o.pieces[0] = o.pieces[0][n:]; len(o.pieces[0]) == 0 {
		o.pieces = o.pieces[1:]
	}
	return n, nil
}

func (w *wire) Write(p []byte) (int, error) {
	o := w.out
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.closed {
		return 0, net.ErrClosed
	}
	if len(p) > 0 {
		o.pieces = append(o.pieces, append([]byte(nil), p...))
		o.more.Signal()
	}
	return len(p), nil
}

// Close ends both directions; what is under way still arrives.
func (w *wire) Close() error {
	for _, o := range []*oneWay{w.in, w.out} {
		o.mu.Lock()
		o.closed = true
		o.more.Broadcast()
		o.mu.Unlock()
	}
	return nil
}

func (w *wire) LocalAddr() net.Addr              { return w.remote }
func (w *wire) RemoteAddr() net.Addr             { return w.remote }
func (w *wire) SetDeadline(time.Time) error      { return nil }
func (w *wire) SetReadDeadline(time.Time) error  { return nil }
func (w *wire) SetWriteDeadline(time.Time) error { return nil }

// closeWrite ends the direction to the other side only.
func (w *wire) closeWrite() {
	w.out.mu.Lock()
	defer w.out.mu.Unlock()
	w.out.closed = true
	w.out.more.Broadcast()
}
