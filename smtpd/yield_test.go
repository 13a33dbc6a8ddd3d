package smtpd

import (
	"strings"
	"testing"
	"time"
)

// crowded starts a server with places for n connections.
func crowded(t *testing.T, n int) *world {
	return newWorld(t, func(o *Options) {
		o.Policy.Connections, o.Policy.ConnectionsPerIP, o.Timeouts.Overload = n, n, 5*time.Minute
	})
}

// greeted connects and says hello after a second in which those who are there wait.
func (w *world) greeted(from byte) *client {
	w.t.Helper()
	w.clock.add(time.Second)
	c := w.dial(MX, from)
	c.expect("220")
	c.say("EHLO a.test", "250")
	return c
}

// waitsFor waits until the server has seen that so many clients keep it waiting.
func (w *world) waitsFor(n int) {
	w.t.Helper()
	w.until(func() bool { return w.waiting() >= n })
}

func (w *world) waiting() (n int) {
	w.srv.conns.mu.Lock()
	defer w.srv.conns.mu.Unlock()
	for g := range w.srv.conns.conns {
		if _, ok := g.waits(); ok {
			n++
		}
	}
	return n
}

// A newcomer gets the place of whoever has said nothing for longest, and nobody
// else loses theirs.
func TestNewcomerGetsThePlaceOfTheSlowest(t *testing.T) {
	w := crowded(t, 4)
	front := w.greeted(9)
	var all []*client
	for i := range byte(3) {
		all = append(all, w.greeted(10+i))
		w.waitsFor(int(i) + 2)
	}
	all[0].raw("NOOP\r\n") // it is now the second that has waited longest
	all[0].expect("250")
	w.waitsFor(4)
	w.clock.add(time.Minute)
	w.greeted(20).say("NOOP", "250")
	all[1].expect("421 4.3.2", "EOF")
	all[2].say("NOOP", "250")
	all[0].say("NOOP", "250")
	front.say("NOOP", "250")
}

// A byte now and then is no line; and nobody loses their place within a second.
func TestDrippingKeepsNoPlace(t *testing.T) {
	w := crowded(t, 2)
	busy := w.dial(MX, 2)
	busy.expect("220")
	drip := w.dial(MX, 3)
	drip.expect("220")
	w.waitsFor(2)
	w.clock.add(999 * time.Millisecond)
	c := w.dial(MX, 4)
	c.expect("421 4.3.2", "EOF")
	busy.say("NOOP", "250")
	w.waitsFor(2)
	for range 5 {
		drip.raw("N")
		w.clock.add(time.Second)
	}
	busy.say("NOOP", "250")
	w.waitsFor(2)
	w.greeted(4).say("NOOP", "250")
	drip.expect("421 4.3.2", "EOF")
	busy.say("NOOP", "250")
}

// In DATA, too: who drips loses the place, who brings enough keeps it.
func TestDrippedMailKeepsNoPlace(t *testing.T) {
	w := crowded(t, 2)
	steady, drip := w.dial(MX, 2), w.dial(MX, 3)
	for _, c := range []*client{drip, steady} {
		c.envelope("EHLO", "desk@ours.test")
	}
	w.waitsFor(2)
	w.clock.add(10 * time.Second)
	drip.raw("x")
	steady.raw(strings.Repeat(strings.Repeat("y", 98)+"\r\n", 400)) // 128 bytes a second for 300 s
	w.until(func() bool { return w.youngest() < 5*time.Second })
	w.greeted(4)
	drip.expect("421 4.3.2", "EOF")
	steady.send(".")
	steady.expect("250")
	if n := len(w.desk.all()); n != 1 {
		t.Errorf("%d mails", n)
	}
}

// youngest is how long the client that keeps the server waiting least does so.
func (w *world) youngest() time.Duration {
	w.srv.conns.mu.Lock()
	defer w.srv.conns.mu.Unlock()
	least := time.Hour
	for g := range w.srv.conns.conns {
		if since, ok := g.waits(); ok {
			least = min(least, w.clock.now().Sub(since))
		}
	}
	return least
}

// While a mail is being committed its client waits for us, and keeps its place.
func TestWhoWaitsForUsKeepsThePlace(t *testing.T) {
	w := crowded(t, 1)
	w.desk.block, w.desk.arrived = make(chan struct{}), make(chan struct{})
	c := w.dial(MX, 2)
	c.envelope("EHLO", "desk@ours.test")
	c.send("x", ".")
	<-w.desk.arrived
	w.clock.add(time.Hour)
	other := w.dial(MX, 3)
	other.expect("421 4.3.2", "EOF")
	close(w.desk.block)
	c.expect("250")
}

// Hundreds who drip, on a server with fewer places, and come again when they are
// sent away: each mail of a healthy client gets in, and when they have gone
// nothing of them is left.
func TestHealthyClientAmongHundredsWhoDrip(t *testing.T) {
	w := newWorld(t, func(o *Options) { o.Policy.Connections, o.Timeouts.Overload = 100, 5*time.Minute })
	var slow []*client
	for i := range 300 {
		slow = append(slow, w.drips(i))
	}
	for i := range 20 {
		w.clock.add(2 * time.Second)
		c := w.dial(MX, 2)
		c.envelope("EHLO", "desk@ours.test")
		c.send("x", ".")
		c.expect("250")
		c.say("QUIT", "221")
		c.conn.Close()
		slow = append(slow, w.drips(i))
	}
	for _, c := range slow {
		c.conn.Close()
	}
	w.until(func() bool {
		w.srv.conns.mu.Lock()
		defer w.srv.conns.mu.Unlock()
		return len(w.srv.conns.conns) == 0 && w.srv.conns.taken == 0 && len(w.srv.conns.perNet) == 0
	})
	if n := len(w.desk.all()); n != 20 {
		t.Errorf("%d mails", n)
	}
}

// drips connects and says a part of a line.
func (w *world) drips(i int) *client {
	c := w.dial(MX, byte(20+i/15))
	if strings.HasPrefix(c.reply(), "220") {
		c.raw("EHLO a")
	}
	return c
}
