package relay

import (
	"bufio"
	"context"
	"net"
	"strings"
	"sync"
	"time"
)

// conn is one SMTP conversation as a client. It is not go-smtp's client: that
// one says EHLO localhost before STARTTLS, reads replies without bound, knows
// no PIPELINING and takes a 251 to the final dot for a failure.
type conn struct {
	nc       net.Conn
	r        *bufio.Reader
	w        *bufio.Writer
	host     string // for the record: the name, or the address where there is none
	timeouts *Timeouts
	until    time.Time         // the end of all that comes before DATA
	ext      map[string]string // by EHLO, upper case
	secure   bool
	dirty    bool // a transaction was left open: RSET first
	mails    int
	release  func() bool // ends the watch on the context
}

var bufferPool = sync.Pool{New: func() any { b := make([]byte, 32<<10); return &b }}

// newConn takes a connection over. It is closed when ctx ends; until is the end
// of all that comes before DATA.
func newConn(ctx context.Context, nc net.Conn, host string, t *Timeouts, until time.Time) *conn {
	c := &conn{host: host, timeouts: t, until: until}
	c.use(nc)
	c.release = context.AfterFunc(ctx, func() { nc.Close() })
	return c
}

// use begins to talk over nc with nothing of before: a reply that was sent
// ahead in clear text must not be read as one under TLS.
func (c *conn) use(nc net.Conn) {
	c.nc = nc
	c.r = bufio.NewReaderSize(nc, 4<<10)
	c.w = bufio.NewWriterSize(nc, 16<<10)
}

// close drops the connection without a word.
func (c *conn) close() {
	c.release()
	c.nc.Close()
}

// quit says goodbye and does not insist on an answer.
func (c *conn) quit() {
	c.nc.SetDeadline(time.Now().Add(c.timeouts.Quit))
	if _, err := c.w.WriteString("QUIT\r\n"); err == nil && c.w.Flush() == nil {
		readReply(c.r)
	}
	c.close()
}

func (c *conn) has(ext string) bool {
	_, ok := c.ext[ext]
	return ok
}

// write queues a command line. Whatever stands in it, it stays one line.
func (c *conn) write(parts ...string) {
	for _, p := range parts {
		if strings.ContainsAny(p, "\r\n\x00") {
			p = strings.NewReplacer("\r", "", "\n", "", "\x00", "").Replace(p)
		}
		c.w.WriteString(p) // the error is sticky and comes back from Flush
	}
	c.w.WriteString("\r\n")
}

// deadline is that of one step.
func (c *conn) deadline(timeout time.Duration) time.Time {
	return earliest(time.Now().Add(timeout), c.until)
}

// earliest is the earlier of two times; a zero until is never.
func earliest(t, until time.Time) time.Time {
	if !until.IsZero() && until.Before(t) {
		return until
	}
	return t
}

// flush sends what is queued. All that was said before has been answered by then: a
// server that has spoken on is out of step, and its yes to the final dot might come
// before the mail.
func (c *conn) flush(stage string, timeout time.Duration) *failure {
	if c.r.Buffered() > 0 {
		return brokenOff(c.host, stage, errOutOfStep)
	}
	c.nc.SetWriteDeadline(c.deadline(timeout))
	if err := c.w.Flush(); err != nil {
		return brokenOff(c.host, stage, err)
	}
	return nil
}

// read takes one reply. A failure is a broken connection, never an answer.
func (c *conn) read(stage string, timeout time.Duration) (answer, *failure) {
	a, _, f := c.readLines(stage, timeout)
	return a, f
}

func (c *conn) readLines(stage string, timeout time.Duration) (answer, []string, *failure) {
	c.nc.SetReadDeadline(c.deadline(timeout))
	code, lines, err := readReply(c.r)
	if err != nil {
		f := brokenOff(c.host, stage, err)
		if err == errReplyTooLong {
			return newAnswer(code, lines), nil, f
		}
		return answer{}, nil, f
	}
	return newAnswer(code, lines), lines, nil
}

// command sends one line and takes the reply.
func (c *conn) command(stage string, timeout time.Duration, parts ...string) (answer, *failure) {
	a, _, f := c.commandLines(stage, timeout, parts...)
	return a, f
}

func (c *conn) commandLines(stage string, timeout time.Duration, parts ...string) (answer, []string, *failure) {
	c.write(parts...)
	if f := c.flush(stage, timeout); f != nil {
		return answer{}, nil, f
	}
	return c.readLines(stage, timeout)
}
