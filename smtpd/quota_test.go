package smtpd

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"
)

// largeMail has about n bytes.
func largeMail(n int) string { return strings.Repeat(strings.Repeat("y", 70)+"\r\n", n/72) }

// Mails that arrive at the same time share the room on the disk: when it is
// spent the reply is 452, and the session goes on.
func TestArrivingMailsShareTheDisk(t *testing.T) {
	var w *world
	const room = 2 << 20
	w = newWorld(t, func(o *Options) {
		o.SpoolBudget = func() int64 { return room - w.srv.spools.Held() }
	})
	mail := largeMail(900 << 10) // fits twice
	var early []*client
	for i := range 2 { // each has a whole mail but its end under way
		c := w.dial(MX, byte(i+1))
		c.envelope("EHLO", "desk@ours.test")
		c.raw(mail)
		all := int64((i + 1) * len(mail))
		w.until(func() bool { return w.srv.spools.Held() > all-32<<10 }) // the rest is in buffers
		early = append(early, c)
	}
	late := w.dial(MX, 6)
	late.expect("220")
	late.say("EHLO a.test", "250")
	late.say("MAIL FROM:<a@b.test> SIZE=1000000", "452 4.3.1 Insufficient system storage")
	var refused []*client
	for i := range 3 {
		c := w.dial(MX, byte(i+3))
		c.envelope("EHLO", "desk@ours.test")
		c.raw(mail + ".\r\n")
		c.expect("452 4.3.1")
		refused = append(refused, c)
	}
	if held := w.srv.spools.Held(); held > room {
		t.Errorf("%d bytes on the disk", held)
	}
	for _, c := range early {
		c.raw(".\r\n")
		c.expect("250")
	}
	if n := len(w.desk.all()); n != 2 || w.srv.spools.Held() != 0 {
		t.Errorf("%d mails, %d bytes left behind", n, w.srv.spools.Held())
	}
	refused[2].transaction("desk@ours.test") // now there is room
	refused[2].raw(mail + ".\r\n")
	refused[2].expect("250")
}

// The rate of messages is one of bytes as well, also within one mail.
func TestBytesPerAddress(t *testing.T) {
	w := newWorld(t, func(o *Options) { o.Policy.MessagesPerIP, o.Policy.MessageSize = Rate{3, time.Hour}, 3<<20 })
	mail := largeMail(2<<20) + ".\r\n"
	c := w.dial(MX, 1)
	c.envelope("EHLO", "desk@ours.test")
	c.raw(mail)
	c.expect("250")
	c.transaction("desk@ours.test") // its size is not announced
	c.raw(mail)
	c.expect("450 4.7.1 Too many bytes")
	if held := w.srv.spools.Held(); held != 0 {
		t.Errorf("%d bytes of a refused mail", held)
	}
	c.say("MAIL FROM:<a@b.test> SIZE=2000000", "450 4.7.1")
	for _, other := range []byte{2, 8, 9} { // another address, trusted, frontend
		c := w.dial(MX, other)
		c.envelope("EHLO", "desk@ours.test")
		c.raw(mail)
		c.expect("250")
	}
	w.clock.add(time.Hour)
	c.transaction("desk@ours.test")
	c.raw(mail)
	c.expect("250")
}

// However small the rate, the largest mail fits.
func TestLargestMailFitsTheRateOfBytes(t *testing.T) {
	w := newWorld(t, func(o *Options) { o.Policy.MessagesPerIP, o.Policy.MessageSize = Rate{1, time.Hour}, 3<<20 })
	c := w.dial(MX, 1)
	c.envelope("EHLO", "desk@ours.test")
	c.raw(largeMail(3<<20-100) + ".\r\n")
	c.expect("250")
}

// Who has an IPv6 /48 has 65536 networks of the size /64.
func TestMessagesPerIPv6Site(t *testing.T) {
	w := newWorld(t, func(o *Options) { o.Policy.MessagesPerIP = Rate{2, time.Hour} })
	p := w.srv.policy.Load()
	take := func(addr string) bool {
		return w.srv.takeMessage(Peer{Addr: netip.MustParseAddr(addr)}, p, 0)
	}
	for i, want := range []bool{true, true, false} { // one /64
		if take(fmt.Sprintf("2001:db8:1:1::%d", i)) != want {
			t.Errorf("mail %d of a /64: %v", i, !want)
		}
	}
	taken := 2
	for i := range 30 {
		if take(fmt.Sprintf("2001:db8:1:%x::1", i+2)) {
			taken++
		}
	}
	if taken != 16 {
		t.Errorf("%d mails of a /48, want 16", taken)
	}
	if !take("2001:db8:2::1") || !take("192.0.2.1") {
		t.Error("another network is out too")
	}
}

func TestConnectionsPerIPv6Site(t *testing.T) {
	r, p := newRegistry(time.Now, time.Second), Policy{ConnectionsPerIP: 2}.withDefaults()
	var gates []*gate
	add := func(addr string) bool {
		g := &gate{}
		gates = append(gates, g)
		return r.add(g, Peer{Listener: MX, Addr: netip.MustParseAddr(addr)}, &p) == nil
	}
	if !add("2001:db8:1:1::1") || !add("2001:db8:1:1::2") || add("2001:db8:1:1::3") {
		t.Error("limit of a /64")
	}
	taken := 2
	for i := range 30 {
		if add(fmt.Sprintf("2001:db8:1:%x::1", i+2)) {
			taken++
		}
	}
	if taken != 16 {
		t.Errorf("%d connections of a /48, want 16", taken)
	}
	for _, g := range gates {
		r.remove(g)
	}
	if len(r.perNet) != 0 || !add("2001:db8:1:1::1") {
		t.Errorf("left: %v", r.perNet)
	}
}
