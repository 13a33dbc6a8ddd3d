package smtpd

import (
	"strings"
	"sync"
	"testing"
	"time"
)

// Hundreds of connections that say next to nothing do not keep a healthy one
// from being served.
func TestManySlowConnections(t *testing.T) {
	w := newWorld(t, nil)
	var slow []*client
	for i := range 300 {
		c := w.dial(MX, byte(20+i/15))
		c.expect("220")
		c.raw("EHLO a")
		slow = append(slow, c)
	}
	for range 20 {
		c := w.dial(MX, 2)
		c.envelope("EHLO", "desk@ours.test")
		c.send("x", ".")
		c.expect("250")
		c.say("QUIT", "221")
		c.conn.Close()
	}
	for _, c := range slow {
		c.conn.Close()
	}
}

// When most places are taken, those who wait have only a moment.
func TestOverloadShortensThePatience(t *testing.T) {
	w := newWorld(t, func(o *Options) {
		o.Policy.Connections, o.Timeouts.Overload = 10, 50*time.Millisecond
	})
	var crowd []*client
	for range 8 {
		c := w.dial(MX, 9)
		c.expect("220")
		crowd = append(crowd, c)
	}
	c := w.dial(MX, 2)
	c.expect("220", "421 4.4.2", "EOF")
	c.conn.Close()
	crowd[0].say("NOOP", "250") // the frontend has all the time
}

// Many at once, each with its own mails, and nothing is mixed up.
func TestManyAtOnce(t *testing.T) {
	w := newWorld(t, func(o *Options) { o.Policy.ConnectionsPerIP = 100 })
	w.listen(MX)
	var wg sync.WaitGroup
	for i := range 20 {
		c := w.dial(MX, 0)
		wg.Go(func() {
			name := "w" + strings.Repeat("x", i)
			c.expect("220")
			c.say("EHLO "+name+".test", "250")
			for range 5 {
				c.raw("MAIL FROM:<" + name + "@b.test>\r\nRCPT TO:<" + name + "@ours.test>\r\nDATA\r\n")
				c.expect("250", "250", "354")
				c.send(name, ".")
				c.expect("250")
			}
			c.say("QUIT", "221")
		})
	}
	wg.Wait()
	all := w.desk.all()
	if len(all) != 100 {
		t.Errorf("%d mails", len(all))
	}
	for _, m := range all {
		name := m.env.From.Local
		if m.env.To[0].Local != name || m.raw != name+"\r\n" || m.env.Peer.Helo != name+".test" {
			t.Errorf("mixed up: %+v %q", m.env, m.raw)
		}
	}
	if w.tally.get("mx accepted") != 100 || w.tally.get("session mx") != 20 {
		t.Errorf("counted %v", w.tally.n)
	}
}
