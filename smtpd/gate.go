package smtpd

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"net"
	"sync"
	"time"
)

// inBuffer is the size of a connection's read buffer. It is also the longest
// piece that the data scanner sees at once.
const inBuffer = 16 << 10

// maxSkip is how much of one over-long command line is read and thrown away
// before the session ends.
const maxSkip = 1 << 20

// goneError is what every read returns once the client is gone. It does not
// unwrap to io.EOF: somebody below would take that for the end of a mail.
type goneError struct{ cause string }

func (e goneError) Error() string { return "connection lost: " + e.cause }

// errEnded is what every read returns once we have ended the session.
var errEnded = errors.New("session ended")

// gate stands between the network and go-smtp. It owns the connection, its
// deadlines and its buffers. The first error is sticky: go-smtp goes on after
// a failed read in DATA and would take the rest of the mail for commands.
//
// All methods but kick and kill belong to the session.
type gate struct {
	t     Timeouts
	in    *bufio.Reader
	out   []byte
	store *bufio.Writer // of a mail that arrives; nil before the first
	pace  pace
	err   error
	until time.Time // no command is waited for after this

	raw net.Conn // what the listener gave, below TLS
	now func() time.Time
	got int64 // bytes since the client last made progress, see progress

	mu       sync.Mutex
	conn     net.Conn // changed by the session only
	waiting  bool     // for a command or a handshake: Shutdown may interrupt
	draining bool
	since    time.Time // that the client keeps us waiting; zero while it does not
	yielding bool      // its place is another's
}

func newGate(c net.Conn, t Timeouts, now func() time.Time) *gate {
	g := &gate{t: t, raw: c, conn: c, now: now, until: time.Now().Add(t.Session)}
	g.in = bufio.NewReaderSize(gateReader{g}, inBuffer)
	return g
}

// gateReader is the network as the gate's buffer sees it.
type gateReader struct{ g *gate }

// Read sends the replies that wait, sets the deadline and reads.
func (r gateReader) Read(p []byte) (int, error) {
	g := r.g
	if g.err == nil {
		g.flush()
	}
	if g.err == nil {
		g.arm()
	}
	if g.err != nil {
		return 0, g.err
	}
	n, err := g.conn.Read(p)
	if n > 0 {
		g.pace.bytes += int64(n)
		g.progress(n)
		return n, nil
	}
	if err != nil {
		g.fail(err)
	}
	return 0, g.err
}

// arm sets the deadline of the next read.
func (g *gate) arm() {
	deadline, ok := g.pace.next(time.Now())
	if !ok {
		g.end(answerTimeout)
		return
	}
	g.mu.Lock()
	leave := g.leave()
	err := g.conn.SetReadDeadline(deadline)
	g.mu.Unlock()
	switch {
	case leave != nil:
		g.end(*leave)
	case err != nil:
		g.err = goneError{err.Error()}
	}
}

// fail makes an error sticky and tells the client why, if there is one left.
func (g *gate) fail(err error) {
	if g.err != nil {
		return
	}
	var ne net.Error
	if !errors.As(err, &ne) || !ne.Timeout() {
		g.err = goneError{err.Error()}
		return
	}
	g.mu.Lock()
	leave := g.leave()
	g.mu.Unlock()
	if leave == nil {
		leave = &answerTimeout
	}
	g.end(*leave)
}

// leave is the last word, when it is time for one. It is called under the lock.
func (g *gate) leave() *answer {
	switch {
	case g.yielding:
		return &answerBusy
	case g.draining && g.waiting:
		return &answerShutdown
	}
	return nil
}

// put queues text for the client. It goes out before the next read, so that
// the replies to a pipelined group leave together, RFC 2920 §3.2.
func (g *gate) put(text string) {
	if g.err == nil {
		g.out = append(g.out, text...)
	}
}

// flush sends what is queued.
func (g *gate) flush() {
	if err := g.send(g.t.Write); err != nil && g.err == nil {
		g.err = goneError{err.Error()}
	}
}

func (g *gate) send(patience time.Duration) error {
	if len(g.out) == 0 {
		return nil
	}
	defer func() { g.out = g.out[:0] }()
	if err := g.conn.SetWriteDeadline(time.Now().Add(patience)); err != nil {
		return err
	}
	_, err := g.conn.Write(g.out)
	return err
}

// end says a last word and ends the session: nothing is read or written after
// it. Later calls do nothing.
func (g *gate) end(a answer) {
	if g.err == nil {
		g.out = append(g.out, a.String()...)
		_ = g.send(g.t.Linger) // the client may be gone, and it is the last word anyway
		g.err = errEnded
	}
}

// wait marks the time in which Shutdown may interrupt: it is the client's turn.
func (g *gate) wait(on bool) {
	g.turn(on)
	g.mu.Lock()
	g.waiting = on
	g.mu.Unlock()
}

// readLine reads one command line without its line end. The deadline is for
// the whole line, RFC 5321 §4.5.3.2: a client that drips does not renew it. A
// line longer than limit is skipped, and long is true.
func (g *gate) readLine(limit int, patience time.Duration) (line string, long bool, err error) {
	g.wait(true)
	defer g.wait(false)
	g.pace = pace{end: earlier(time.Now().Add(patience), g.until)}
	var buf []byte
	for total := 0; ; {
		part, err := g.in.ReadSlice('\n')
		if total += len(part); total > limit+2 {
			long = true
		}
		if !long {
			buf = append(buf, part...)
		}
		switch {
		case err == nil:
			return string(bytes.TrimSuffix(bytes.TrimSuffix(buf, []byte("\n")), []byte("\r"))), long, nil
		case err != bufio.ErrBufferFull:
			return "", false, g.broken(err)
		case total > maxSkip:
			g.end(answerTooManyErrors)
			return "", false, g.err
		}
	}
}

// skip throws n bytes of input away.
func (g *gate) skip(n int64) error {
	g.pace = dataPace(g.t, time.Now())
	g.turn(true)
	defer g.turn(false)
	for n > 0 && g.err == nil {
		k, err := g.in.Discard(int(min(n, 1<<20)))
		n -= int64(k)
		if err != nil {
			break
		}
	}
	return g.err
}

// broken is the sticky error after a read that failed.
func (g *gate) broken(err error) error {
	if g.err == nil {
		g.err = goneError{err.Error()}
	}
	return g.err
}

// startTLS makes the TLS handshake. What the client sent before it is thrown
// away, unread: a man in the middle could have put it there.
func (g *gate) startTLS(ctx context.Context, config *tls.Config) (*tls.Conn, error) {
	g.flush()
	if g.err != nil {
		return nil, g.err
	}
	g.in.Reset(gateReader{g})
	ctx, cancel := context.WithTimeout(ctx, g.t.Handshake)
	defer cancel()
	g.mu.Lock()
	conn := tls.Server(g.conn, config)
	g.conn, g.waiting, g.since = conn, true, g.now()
	if g.draining || g.yielding {
		g.err = errEnded
	}
	_ = conn.SetDeadline(time.Time{}) // an error shows in the handshake
	g.mu.Unlock()
	defer g.wait(false)
	if g.err != nil {
		return nil, g.err
	}
	if err := conn.HandshakeContext(ctx); err != nil {
		g.err = goneError{"TLS: " + err.Error()}
		return nil, g.err
	}
	return conn, nil
}

// close sends what is queued and closes. After a last word of ours it waits a
// moment for the client to read it: closing with unread input resets the
// connection, and the word would be lost. Not for those who must make room.
func (g *gate) close() {
	if g.err == nil {
		g.flush()
	} else if g.err == errEnded && !g.yields() {
		g.linger()
	}
	_ = g.conn.Close()
}

func (g *gate) linger() {
	half, ok := g.conn.(interface{ CloseWrite() error })
	if !ok || half.CloseWrite() != nil {
		return
	}
	end := time.Now().Add(g.t.Linger)
	if g.conn.SetReadDeadline(end) != nil {
		return
	}
	buf := make([]byte, 4096)
	for total := 0; total < 1<<20 && time.Now().Before(end); {
		n, err := g.conn.Read(buf)
		if err != nil {
			return
		}
		total += n
	}
}

// kill cuts the connection, below TLS: its Close would wait for the peer.
func (g *gate) kill() { _ = g.raw.Close() }

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}
