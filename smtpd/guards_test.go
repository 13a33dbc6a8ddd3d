package smtpd

import (
	"bufio"
	"context"
	"crypto/tls"
	"io"
	"net"
	"os"
	"strings"
	"testing"
	"time"
)

// go-smtp says 554 when DATA stalls, and then runs the rest of the mail as
// commands.
func TestStallInDataEndsTheSession(t *testing.T) {
	w := newWorld(t, func(o *Options) { o.Timeouts.Data = 50 * time.Millisecond })
	c := w.dial(MX, 0)
	c.envelope("EHLO", "desk@ours.test")
	c.raw("Subject: x\r\n\r\nwait")
	c.expect("421 4.4.2")
	c.raw("\r\nRSET\r\nMAIL FROM:<evil@b.test>\r\nRCPT TO:<desk@ours.test>\r\nDATA\r\nx\r\n.\r\n")
	c.expect("EOF")
	if n := len(w.desk.all()); n != 0 || w.tally.get("mx aborted") != 1 {
		t.Errorf("%d mails, %v", n, w.tally.n)
	}
}

// A mail whose end was not seen is never delivered, however politely the
// client leaves.
func TestHalfCloseInDataDeliversNothing(t *testing.T) {
	for _, k := range []Kind{MX, LMTP} {
		for _, secure := range []bool{false, true} {
			w := newWorld(t, nil)
			c := w.dial(k, 0)
			hello := "EHLO"
			if k == LMTP {
				hello = "LHLO"
			}
			c.expect("220")
			if secure {
				c.say(hello+" a.test", "250")
				c.say("STARTTLS", "220")
				c.startTLS()
			}
			c.say(hello+" a.test", "250")
			c.transaction("desk@ours.test")
			c.raw("Subject: x\r\n\r\nhalf\r\n.")
			if err := c.conn.(interface{ CloseWrite() error }).CloseWrite(); err != nil {
				t.Fatal(err)
			}
			c.expect("EOF")
			w.close()
			if n := len(w.desk.all()); n != 0 {
				t.Errorf("%s: %d mails", k, n)
			}
		}
	}
}

// What was sent in clear behind STARTTLS must not be run inside of TLS.
func TestSTARTTLSInjection(t *testing.T) {
	w := newWorld(t, nil)
	c := w.dial(MX, 0)
	c.expect("220")
	c.say("EHLO a.test", "250")
	c.raw("STARTTLS\r\nEHLO evil.test\r\nMAIL FROM:<evil@b.test>\r\n")
	c.expect("220")
	c.startTLS()
	c.say("RCPT TO:<desk@ours.test>", "503")
	c.say("MAIL FROM:<a@b.test>", "503")
	c.say("EHLO a.test", "250-mx")
	c.say("NOOP", "250 2.0.0")
}

// What was agreed on in clear is forgotten after STARTTLS.
func TestSTARTTLSResetsATransaction(t *testing.T) {
	w := newWorld(t, nil)
	c := w.dial(MX, 0)
	c.expect("220")
	c.say("EHLO a.test", "250")
	c.say("MAIL FROM:<a@b.test>", "250")
	c.say("RCPT TO:<desk@ours.test>", "250")
	c.say("STARTTLS", "220")
	c.startTLS()
	c.say("DATA", "503")
	c.say("EHLO a.test", "250")
	c.transaction("desk@ours.test")
	c.send("x", ".")
	c.expect("250")
	if got := w.desk.all()[0].env.Peer.TLS; !strings.HasPrefix(got, "TLS 1.3 TLS_") {
		t.Errorf("TLS is %q", got)
	}
}

func TestLongCommandLineKeepsTheSession(t *testing.T) {
	w := newWorld(t, nil)
	c := w.dial(MX, 0)
	c.expect("220")
	for _, n := range []int{maxCommand + 1, 5000, 200_000} {
		c.send("EHLO " + strings.Repeat("a", n))
		c.expect("500 5.5.2")
	}
	c.send("EHLO a.test\x00")
	c.expect("500 5.5.2")
	c.send("EHLO a\rb")
	c.expect("500 5.5.2")
	c.say("EHLO a.test", "250")
}

func TestEndlessCommandLineEndsTheSession(t *testing.T) {
	w := newWorld(t, nil)
	c := w.dial(MX, 0)
	c.expect("220")
	c.raw(strings.Repeat("a", maxSkip+3*inBuffer))
	c.expect("421", "EOF")
}

// RFC 5321 §4.5.3.1.6 promises 1000 octets; real mail has far longer lines,
// and go-smtp's default cuts the connection at 2000.
func TestLongLinesInData(t *testing.T) {
	w := newWorld(t, nil)
	for _, v := range []struct {
		kind  Kind
		hello string
		n     int
		reply string
	}{
		{MX, "EHLO", 2000, "250"}, {MX, "EHLO", 60_000, "250"}, {MX, "EHLO", maxLine + 1, "500 5.5.2"},
		{LMTP, "LHLO", maxLine + 1, "250"},
	} {
		c := w.dial(v.kind, 0)
		c.envelope(v.hello, "desk@ours.test")
		c.send("Subject: "+strings.Repeat("x", v.n), "", "body", ".")
		c.expect(v.reply)
		c.say("NOOP", "250")
	}
}

// An over-long mail is read to its real end: go-smtp 0.24 ran the tail as
// commands over LMTP.
func TestTooBigIsRefusedAfterTheRealEnd(t *testing.T) {
	w := newWorld(t, nil)
	for _, k := range []Kind{MX, LMTP} {
		c := w.dial(k, 0)
		c.envelope(map[Kind]string{MX: "EHLO", LMTP: "LHLO"}[k], "desk@ours.test")
		c.raw(strings.Repeat(strings.Repeat("x", 898)+"\r\n", 1200))
		c.raw("RSET\r\nMAIL FROM:<evil@b.test>\r\n.\nNOOP\r\n.\r\n")
		c.expect("552 5.3.4")
		c.say("MAIL FROM:<a@b.test>", "250 2.1.0")
	}
	if n := len(w.desk.all()); n != 0 {
		t.Errorf("%d mails", n)
	}
}

func TestEndlessDataIsCutOff(t *testing.T) {
	w := newWorld(t, func(o *Options) { o.Policy.MessageSize = 1000 })
	c := w.dial(MX, 0)
	c.envelope("EHLO", "desk@ours.test")
	c.raw(strings.Repeat(strings.Repeat("x", 1022)+"\r\n", 1100))
	c.expect("552 5.3.4", "EOF")
}

func TestMailOfExactlyTheLimitIsTaken(t *testing.T) {
	w := newWorld(t, func(o *Options) { o.Policy.MessageSize = 1000 })
	c := w.dial(MX, 0)
	c.envelope("EHLO", "desk@ours.test")
	c.send(strings.Repeat("x", 998), ".")
	c.expect("250")
	c.transaction("desk@ours.test")
	c.send(strings.Repeat("x", 999), ".")
	c.expect("552")
}

// A large mail goes to a file, of which nothing stays.
func TestLargeMailGoesThroughAFile(t *testing.T) {
	dir := t.TempDir()
	w := newWorld(t, func(o *Options) { o.SpoolDir = dir })
	c := w.dial(MX, 0)
	c.envelope("EHLO", "desk@ours.test")
	body := strings.Repeat(strings.Repeat("y", 70)+"\r\n", 10_000)
	c.raw(body + ".\r\n")
	c.expect("250")
	if got := w.desk.all()[0].raw; got != body {
		t.Errorf("%d bytes of %d", len(got), len(body))
	}
	if left, _ := os.ReadDir(dir); len(left) != 0 {
		t.Errorf("left: %v", left)
	}
}

func TestSpoolThatFailsIsATemporaryError(t *testing.T) {
	w := newWorld(t, func(o *Options) { o.SpoolDir = "/absent/folder" })
	c := w.dial(MX, 0)
	c.envelope("EHLO", "desk@ours.test")
	c.raw(strings.Repeat(strings.Repeat("y", 70)+"\r\n", 10_000) + ".\r\n")
	c.expect("451 4.3.0 Internal error, please try again later .id")
	c.say("NOOP", "250")
}

// go-smtp's ReadTimeout covers a whole DATA and cuts a steady slow sender.
func TestSlowButSteadySenderIsServed(t *testing.T) {
	w := newWorld(t, func(o *Options) { o.Timeouts.Data = time.Second })
	for longest := time.Hour; longest > 300*time.Millisecond; { // else the machine was too busy to be a steady sender
		c := w.dial(MX, 0)
		c.envelope("EHLO", "desk@ours.test")
		longest = 0
		last := time.Now()
		for range 15 {
			time.Sleep(100 * time.Millisecond) // longer in all than Data
			c.raw("x\r\n")
			longest, last = max(longest, time.Since(last)), time.Now()
		}
		c.raw(".\r\n")
		if got := c.reply(); longest <= 300*time.Millisecond && !strings.HasPrefix(got, "250 ") {
			t.Errorf("reply %q", got)
		}
		c.conn.Close()
	}
}

func TestDripIsCutOff(t *testing.T) {
	w := newWorld(t, func(o *Options) {
		o.Timeouts.MinRate, o.Timeouts.RateWindow = 1000, 60*time.Millisecond
	})
	c := w.dial(MX, 0)
	c.envelope("EHLO", "desk@ours.test")
	stop := make(chan struct{})
	go func() {
		defer close(stop)
		for {
			if _, err := io.WriteString(c.conn, "x"); err != nil {
				return
			}
			time.Sleep(20 * time.Millisecond)
		}
	}()
	c.expect("421 4.4.2")
	c.conn.Close()
	<-stop
}

// The deadline of a command is for the whole line: bytes do not renew it.
func TestDrippedCommandIsCutOff(t *testing.T) {
	w := newWorld(t, func(o *Options) { o.Timeouts.Command = 100 * time.Millisecond })
	c := w.dial(MX, 0)
	c.expect("220")
	stop := make(chan struct{})
	go func() {
		defer close(stop)
		for {
			if _, err := io.WriteString(c.conn, "E"); err != nil {
				return
			}
			time.Sleep(20 * time.Millisecond)
		}
	}()
	c.expect("421 4.4.2")
	c.conn.Close()
	<-stop
}

func TestWholeDataAndSessionHaveAnEnd(t *testing.T) {
	w := newWorld(t, func(o *Options) { o.Timeouts.DataTotal = 50 * time.Millisecond })
	c := w.dial(MX, 0)
	c.envelope("EHLO", "desk@ours.test")
	c.expect("421 4.4.2", "EOF")

	w = newWorld(t, func(o *Options) { o.Timeouts.Session = 50 * time.Millisecond })
	c = w.dial(MX, 0)
	c.expect("220", "421 4.4.2", "EOF")
}

func TestConnectionLimits(t *testing.T) {
	w := newWorld(t, func(o *Options) { o.Policy.ConnectionsPerIP, o.Policy.Connections = 2, 6 })
	w.dial(MX, 1).expect("220")
	second := w.dial(MX, 1)
	second.expect("220")
	w.dial(MX, 1).expect("421 4.7.0", "EOF")
	for range 4 {
		w.dial(MX, 9).expect("220") // the frontend has no limit of its own
	}
	w.dial(MX, 2).expect("421 4.3.2", "EOF")
	second.say("QUIT", "221")
	second.expect("EOF")
	w.until(func() bool { return strings.HasPrefix(w.dial(MX, 1).reply(), "220") }) // once the server has let go of the place
}

func TestLMTPIsForFrontendsOnly(t *testing.T) {
	w := newWorld(t, nil)
	w.dial(LMTP, 1).expect("421 4.7.1", "EOF")
	w.dial(LMTP, 9).expect("220")

	w = newWorld(t, nil)
	w.listenUnix(LMTP)
	c := w.dial(LMTP, 0)
	c.envelope("LHLO", "desk@ours.test")
	c.send("x", ".")
	c.expect("250")
	if p := w.desk.all()[0].env.Peer; !p.Unix || !p.Frontend || p.Addr.IsValid() || p.Helo != "client.test" {
		t.Errorf("peer %+v", p)
	}

	w = newWorld(t, func(o *Options) { o.Policy.FrontendUnix = false })
	w.listenUnix(LMTP)
	w.dial(LMTP, 0).expect("421 4.7.1")
}

// A peer that a reload takes off the list is one no more.
func TestFrontendTakenAwayByReload(t *testing.T) {
	w := newWorld(t, nil)
	c := w.dial(LMTP, 9)
	c.expect("220")
	c.say("LHLO a.test", "250")
	w.srv.SetPolicy(Policy{Hostname: "new.ours.test"})
	c.say("MAIL FROM:<a@b.test>", "421 4.7.1")
	c.expect("EOF")
}

func TestReloadHoldsForTheNextTransaction(t *testing.T) {
	w := newWorld(t, nil)
	c := w.dial(MX, 0)
	c.expect("220 mx.ours.test")
	c.say("EHLO a.test", "250-mx.ours.test")
	c.say("MAIL FROM:<a@b.test>", "250")
	w.srv.SetPolicy(Policy{Hostname: "new.ours.test", Recipients: 1, MessageSize: 1000})
	c.say("RCPT TO:<a1@ours.test>", "250")
	c.say("RCPT TO:<a2@ours.test>", "250")
	c.say("RSET", "250")
	c.say("MAIL FROM:<a@b.test> SIZE=1001", "552")
	c.say("MAIL FROM:<a@b.test>", "250")
	c.say("RCPT TO:<a1@ours.test>", "250")
	c.say("RCPT TO:<a2@ours.test>", "452 4.5.3")
	c.say("EHLO a.test", "250-new.ours.test\n250-PIPELINING\n250-SIZE 1000\n")
	c.say("STARTTLS", "502")
}

func TestMessagesPerAddress(t *testing.T) {
	w := newWorld(t, func(o *Options) { o.Policy.MessagesPerIP = Rate{2, time.Hour} })
	c := w.dial(MX, 1)
	c.expect("220")
	c.say("EHLO a.test", "250")
	for range 2 {
		c.say("MAIL FROM:<a@b.test>", "250")
		c.say("RSET", "250")
	}
	c.say("MAIL FROM:<a@b.test>", "450 4.7.1")
	for _, other := range []byte{2, 8, 9} { // another address, trusted, frontend
		c := w.dial(MX, other)
		c.expect("220")
		c.say("EHLO a.test", "250")
		for range 2 + int(other)/8*3 {
			c.say("MAIL FROM:<a@b.test>", "250")
			c.say("RSET", "250")
		}
	}
	w.clock.add(30 * time.Minute)
	c.say("MAIL FROM:<a@b.test>", "250")
}

func TestTrustedPeerAndEnvelope(t *testing.T) {
	w := newWorld(t, nil)
	c := w.dial(MX, 8)
	c.expect("220")
	c.say("EHLO app.corp.test", "250")
	c.say("MAIL FROM:<élan@élan.test> SMTPUTF8 SIZE=10", "250")
	c.say("RCPT TO:<Desk@OURS.test>", "250")
	c.say("RCPT TO:<desk@ours.test>", "250")
	c.say("DATA", "354")
	c.send("x", ".")
	c.expect("250")
	env := w.desk.all()[0].env
	if !env.Peer.Trusted || env.Peer.Frontend || env.Peer.Helo != "app.corp.test" || env.Peer.Addr.String() != "127.0.0.8" {
		t.Errorf("peer %+v", env.Peer)
	}
	if env.From.String() != "élan@xn--lan-9la.test" || !env.SMTPUTF8 || env.Size != 10 || !env.Received.Equal(w.clock.now()) {
		t.Errorf("envelope %+v", env)
	}
	if len(env.To) != 1 || env.To[0].String() != "Desk@ours.test" {
		t.Errorf("to %v", env.To)
	}
}

// The replies of a pipelined group come, in order, RFC 2920.
func TestPipelining(t *testing.T) {
	w := newWorld(t, nil)
	c := w.dial(MX, 0)
	c.expect("220")
	c.say("EHLO a.test", "250")
	c.raw("MAIL FROM:<a@b.test>\r\nRCPT TO:<nobody@ours.test>\r\nRCPT TO:<desk@ours.test>\r\nDATA\r\n")
	c.expect("250", "550", "250", "354")
	c.raw("one\r\n.\r\nMAIL FROM:<a@b.test>\r\nRCPT TO:<nobody@ours.test>\r\nDATA\r\nNOOP\r\nQUIT\r\n")
	c.expect("250 2.0.0 queued", "250", "550", "503", "250", "221", "EOF")
}

// Commands arrive byte by byte as well as all at once.
func TestByteByByte(t *testing.T) {
	w := newWorld(t, nil)
	c := w.dial(MX, 0)
	if tcp, ok := c.conn.(*net.TCPConn); ok {
		_ = tcp.SetNoDelay(true)
	}
	for _, b := range []byte("EHLO a.test\r\nMAIL FROM:<a@b.test>\r\nRCPT TO:<desk@ours.test>\r\nDATA\r\n..x\r\n.\r\nQUIT\r\n") {
		c.raw(string(b))
	}
	c.expect("220", "250", "250", "250", "354", "250", "221", "EOF")
	if got := w.desk.all()[0].raw; got != ".x\r\n" {
		t.Errorf("got %q", got)
	}
}

func TestJunkInsteadOfTLS(t *testing.T) {
	w := newWorld(t, nil)
	w.listen(Submissions)
	conn, err := net.Dial("tcp", w.addrs[Submissions].String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	io.WriteString(conn, strings.Repeat("EHLO junk\r\n", 20))
	_ = conn.SetReadDeadline(time.Now().Add(patience))
	_, _ = io.Copy(io.Discard, conn) // ends, with an alert or a reset
	c := w.dial(Submissions, 0)
	c.expect("220")
}

// A session ticket of one service must not open another.
func TestSessionTicketsAreNotShared(t *testing.T) {
	w := newWorld(t, nil)
	cache := tls.NewLRUClientSessionCache(8)
	connect := func(k Kind) bool {
		conf := &tls.Config{InsecureSkipVerify: true, ServerName: "mx.ours.test", ClientSessionCache: cache}
		c := w.dial(MX, 0)
		c.conn.Close()
		raw, err := net.Dial("tcp", w.listen(k).String())
		if err != nil {
			t.Fatal(err)
		}
		defer raw.Close()
		p := &client{t: t, conn: raw}
		if k == Submission {
			p = newPlain(t, raw)
			p.expect("220")
			p.say("EHLO a.test", "250")
			p.say("STARTTLS", "220")
		}
		conn := tls.Client(raw, conf)
		p = newPlain(t, conn)
		if k == Submissions {
			p.expect("220")
		}
		p.say("EHLO a.test", "250")
		p.say("QUIT", "221")
		return conn.ConnectionState().DidResume
	}
	if connect(Submissions) || !connect(Submissions) {
		t.Error("a service does not take its own tickets")
	}
	if connect(Submission) {
		t.Error("a ticket of 465 was taken on 587")
	}
}

// Everybody may fish for addresses only so long.
func TestFishingForAddresses(t *testing.T) {
	w := newWorld(t, nil)
	c := w.dial(MX, 0)
	c.expect("220")
	c.say("EHLO a.test", "250")
	c.say("MAIL FROM:<a@b.test>", "250")
	for range maxRefused {
		c.say("RCPT TO:<nobody@ours.test>", "550")
	}
	c.expect("421 4.7.0", "EOF")
}

func TestShutdownLetsWhatIsBeingReceivedFinish(t *testing.T) {
	w := newWorld(t, nil)
	idle, busy, tlsIdle := w.dial(MX, 0), w.dial(MX, 0), w.dial(Submissions, 0)
	idle.expect("220")
	tlsIdle.expect("220")
	busy.envelope("EHLO", "desk@ours.test")
	busy.raw("Subject: x\r\n")
	done := make(chan error, 1)
	go func() { done <- w.srv.Shutdown(context.Background()) }()
	idle.expect("421 4.3.2", "EOF")
	tlsIdle.expect("421 4.3.2", "EOF")
	if _, err := net.Dial("tcp", w.addrs[MX].String()); err == nil {
		t.Error("the listener is still open")
	}
	idle.conn.Close()
	tlsIdle.conn.Close()
	busy.send("still here", ".")
	busy.expect("250 2.0.0 queued", "421 4.3.2", "EOF")
	busy.conn.Close()
	if err := <-done; err != nil {
		t.Error(err)
	}
	if len(w.desk.all()) != 1 {
		t.Error("the mail is lost")
	}
}

// go-smtp's Shutdown that times out can't be followed by Close; connections
// live on and still take mail.
func TestShutdownThatTimesOutCutsOff(t *testing.T) {
	w := newWorld(t, nil)
	c := w.dial(MX, 0)
	c.envelope("EHLO", "desk@ours.test")
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	if err := w.srv.Shutdown(ctx); err != context.DeadlineExceeded {
		t.Errorf("shutdown: %v", err)
	}
	c.send("late", ".")
	if got := c.reply(); got != "EOF" {
		t.Errorf("reply %q", got)
	}
	if len(w.desk.all()) != 0 {
		t.Error("mail taken after the end")
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := w.srv.Serve(MX, l); err == nil {
		t.Error("serves after the end")
	}
}

// The 250 of a mail that is being committed still arrives.
func TestShutdownWaitsForTheCommit(t *testing.T) {
	w := newWorld(t, nil)
	w.desk.block, w.desk.arrived = make(chan struct{}), make(chan struct{}, 1)
	c := w.dial(MX, 0)
	c.envelope("EHLO", "desk@ours.test")
	c.send("x", ".")
	<-w.desk.arrived
	done := make(chan error, 1)
	go func() { done <- w.srv.Shutdown(context.Background()) }()
	w.until(w.srv.conns.isClosing)
	close(w.desk.block)
	c.expect("250 2.0.0 queued", "421")
	c.conn.Close()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// newPlain wraps a connection of the test's own.
func newPlain(t *testing.T, conn net.Conn) *client {
	return &client{t: t, conn: conn, r: bufio.NewReader(conn)}
}
