package smtpd

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"runtime/debug"
	"strconv"
	"sync"
	"time"
)

// leg is the connection as go-smtp sees it, from the greeting to STARTTLS or
// from there to the end. It hands over one checked command at a time, so that
// nothing waits in go-smtp's buffers, and looks at each reply on the way out.
//
// A new leg, a new session and a new go-smtp connection begin after STARTTLS:
// nothing that was said in clear can survive, RFC 3207 §4.2.
type leg struct {
	g       *gate
	s       *session
	pending []byte // of a command, not yet taken by go-smtp
	partial []byte // of a reply, up to its line end
	instead *instead

	once   sync.Once
	closed chan struct{}
}

// instead replaces go-smtp's next reply.
type instead struct {
	class int    // only a reply of this class (2 is 2xx); 0 is any
	reply answer // no lines: nothing is sent
}

func newLeg(g *gate) *leg { return &leg{g: g, closed: make(chan struct{})} }

// Read gives go-smtp the next command. A panic here would be nobody's: go-smtp
// recovers only inside of a command.
func (l *leg) Read(p []byte) (n int, err error) {
	defer func() {
		if r := recover(); r != nil {
			l.s.log.Error("panic", "what", "command", "err", fmt.Sprint(r), "stack", string(debug.Stack()))
			l.g.end(answerPanic)
			n, err = 0, errEnded
		}
	}()
	for len(l.pending) == 0 {
		if l.isClosed() || l.s.upgraded {
			return 0, io.EOF
		}
		pass, ok, err := l.s.next()
		if err != nil {
			return 0, err
		}
		if ok {
			l.pending = []byte(pass + "\r\n")
		}
	}
	n = copy(p, l.pending)
	l.pending = l.pending[n:]
	return n, nil
}

// Write takes go-smtp's replies.
func (l *leg) Write(p []byte) (int, error) {
	l.partial = append(l.partial, p...)
	for {
		i := bytes.IndexByte(l.partial, '\n')
		if i < 0 {
			return len(p), nil
		}
		line := string(l.partial[:i+1])
		l.partial = l.partial[i+1:]
		l.relay(line)
	}
}

// relay sends one line of a reply, or what is to be said instead of it.
func (l *leg) relay(line string) {
	if len(line) < 4 {
		return
	}
	code, err := strconv.Atoi(line[:3])
	if err != nil {
		return
	}
	last, in := line[3] != '-', l.instead
	if last && code/100 != 3 { // 334 is not the last word of AUTH
		l.instead = nil
	}
	if in == nil || in.class != 0 && in.class != code/100 {
		l.g.put(line)
		if last {
			l.s.replied(code)
		}
		return
	}
	if last && len(in.reply.lines) > 0 {
		l.s.answer(in.reply)
	}
}

// Close ends the leg. The connection itself is closed by its owner.
func (l *leg) Close() error {
	l.once.Do(func() { close(l.closed) })
	return nil
}

func (l *leg) isClosed() bool {
	select {
	case <-l.closed:
		return true
	default:
		return false
	}
}

// LocalAddr is for net.Conn.
func (l *leg) LocalAddr() net.Addr { return l.g.raw.LocalAddr() }

// RemoteAddr is for net.Conn.
func (l *leg) RemoteAddr() net.Addr { return l.g.raw.RemoteAddr() }

// SetDeadline does nothing: the gate sets the deadlines.
func (l *leg) SetDeadline(time.Time) error { return nil }

// SetReadDeadline does nothing: the gate sets the deadlines.
func (l *leg) SetReadDeadline(time.Time) error { return nil }

// SetWriteDeadline does nothing: the gate sets the deadlines.
func (l *leg) SetWriteDeadline(time.Time) error { return nil }

// errNoMore ends go-smtp's accept loop. It must not look temporary.
var errNoMore = errors.New("no more connections")

// oneConn is a listener that gives out one connection, and then waits for it
// to be over.
type oneConn struct {
	l     *leg
	given bool
}

func (o *oneConn) Accept() (net.Conn, error) {
	if !o.given {
		o.given = true
		return o.l, nil
	}
	<-o.l.closed
	return nil, errNoMore
}

func (o *oneConn) Close() error   { return nil }
func (o *oneConn) Addr() net.Addr { return o.l.LocalAddr() }
