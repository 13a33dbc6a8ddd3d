package load

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// patience is how long one reply may take.
const patience = 2 * time.Minute

// drive sends the mails over the connections and returns the ledger, in the
// order of the letters. A letter that was not begun when ctx ended is not in it.
func drive(ctx context.Context, o Options, letters []letter) []Entry {
	entries := make([]Entry, len(letters))
	var next atomic.Int64
	var sessions atomic.Int64
	var wg sync.WaitGroup
	for range o.Connections {
		wg.Go(func() {
			c := client{ctx: ctx, o: &o, sessions: &sessions}
			defer c.quit()
			for {
				i := int(next.Add(1)) - 1
				if i >= len(letters) || ctx.Err() != nil {
					return
				}
				entries[i] = c.send(letters[i])
			}
		})
	}
	wg.Wait()
	sent := entries[:0]
	for _, e := range entries {
		if e.MessageID != "" {
			sent = append(sent, e)
		}
	}
	return sent
}

// client is one sender with at most one connection.
type client struct {
	ctx      context.Context
	o        *Options
	sessions *atomic.Int64
	session  int
	nc       net.Conn
	r        *bufio.Reader
	sizes    bool // the server wants to know how large a mail is, RFC 1870
}

// send hands one mail over and records the reply. What fails before the final
// dot was sent counts as refused (a 4xx of our own), since the server can't have it.
func (c *client) send(l letter) Entry {
	start := time.Now()
	var code int
	var text string
	if len(c.o.Command) > 0 {
		code, text = hand(c.ctx, c.o.Command, l)
	} else {
		code, text = c.transact(l)
	}
	e := Entry{Session: c.session, MessageID: l.id, SHA256: l.sum, Code: code, Text: text, At: time.Now(), Took: time.Since(start)}
	if c.o.Single || code/100 != 2 {
		c.quit()
	}
	return e
}

// notSent is the code of a mail whose final dot was never sent.
const notSent = 499

func (c *client) transact(l letter) (code int, text string) {
	if c.nc == nil {
		if code, text, err := c.dial(); err != nil || code/100 != 2 {
			return broken(code, text, err)
		}
	}
	mail := "MAIL FROM:<" + l.from + ">"
	if c.sizes {
		mail += " SIZE=" + strconv.Itoa(len(l.wire))
	}
	for _, command := range []string{mail, "RCPT TO:<" + c.o.To + ">", "DATA"} {
		code, text, err := c.command(command)
		if err != nil || code/100 != 2 && code != 354 {
			return broken(code, text, err)
		}
	}
	bufs := net.Buffers{l.wire, []byte(".\r\n")}
	if _, err := bufs.WriteTo(c.nc); err != nil {
		return 0, err.Error()
	}
	code, text, err := c.reply()
	if err != nil {
		return 0, err.Error()
	}
	return code, text
}

func broken(code int, text string, err error) (int, string) {
	if err != nil {
		return notSent, err.Error()
	}
	return code, text
}

func (c *client) dial() (code int, text string, err error) {
	var d net.Dialer
	if c.nc, err = d.DialContext(c.ctx, "tcp", c.o.Addr); err != nil {
		c.nc = nil
		return 0, "", err
	}
	c.session, c.r = int(c.sessions.Add(1)), bufio.NewReader(c.nc)
	if code, text, err = c.reply(); err != nil || code/100 != 2 {
		return code, text, err
	}
	return c.command("EHLO client.example")
}

func (c *client) command(text string) (int, string, error) {
	c.nc.SetWriteDeadline(time.Now().Add(patience))
	if _, err := io.WriteString(c.nc, text+"\r\n"); err != nil {
		return 0, "", err
	}
	return c.reply()
}

// reply reads one reply of one or more lines, RFC 5321 §4.2.1.
func (c *client) reply() (code int, text string, err error) {
	c.nc.SetReadDeadline(time.Now().Add(patience))
	for {
		l, err := c.r.ReadString('\n')
		if err != nil {
			return 0, "", err
		}
		l = strings.TrimRight(l, "\r\n")
		if len(l) < 3 {
			return 0, "", fmt.Errorf("a reply of %d characters: %q", len(l), l)
		}
		c.sizes = c.sizes || len(l) > 3 && strings.HasPrefix(l[4:], "SIZE")
		if len(l) > 3 && l[3] == '-' {
			continue
		}
		code, err := strconv.Atoi(l[:3])
		if err != nil {
			return 0, "", fmt.Errorf("no reply code in %q", l)
		}
		return code, strings.TrimSpace(l[3:]), nil
	}
}

func (c *client) quit() {
	if c.nc == nil {
		return
	}
	c.nc.SetDeadline(time.Now().Add(5 * time.Second))
	if _, err := io.WriteString(c.nc, "QUIT\r\n"); err == nil {
		c.reply()
	}
	c.nc.Close()
	c.nc = nil
}
