package smtpd

import (
	"bufio"
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/big"
	"net"
	"net/netip"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"postdesk/internal/addr"
	"postdesk/internal/message"
	"postdesk/internal/reply"
)

// delivered is a mail that the desk took.
type delivered struct {
	env Envelope
	raw string
}

// desk is a Handler that serves ours.test and knows one agent.
type desk struct {
	mu      sync.Mutex
	mails   []delivered
	tried   int           // calls of Authenticate
	block   chan struct{} // Deliver waits for it, if there is one
	arrived chan struct{} // told when Deliver begins, if there is one
}

const rightPassword = "correct horse"

func (d *desk) Authenticate(_ context.Context, _ Peer, user, password string) (string, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.tried++
	if user == "panic" {
		panic("authenticate")
	}
	if (user == "anne" || user == "anne.durand@corp.test") && password == rightPassword {
		return "anne", nil
	}
	if user == "user@testserver" && password == "secretpassword" { // of the foreign dialogues
		return "user", nil
	}
	return "", errors.New("wrong password")
}

func (d *desk) Mail(_ context.Context, env *Envelope) error {
	switch env.From.Local {
	case "banned":
		return reply.New(550, [3]int{5, 7, 1}, "We know you\r\n250 2.0.0 ok")
	case "full":
		return reply.New(452, [3]int{4, 3, 1}, "Disk full")
	}
	return nil
}

func (d *desk) Recipient(_ context.Context, env *Envelope, to addr.Address) error {
	switch to.Local {
	case "nobody":
		return reply.New(550, [3]int{5, 1, 1}, "Adresse inconnue ici, désolé")
	case "broken":
		return errors.New("open /var/secret: no such file")
	case "panic":
		panic("recipient")
	case "goodbye":
		return reply.New(421, [3]int{4, 3, 2}, "Leave")
	}
	local := to.Domain == "ours.test" || to.Domain == "testserver" || to == addr.Address{Local: "postmaster"}
	if !local && env.Peer.Login == "" {
		return reply.New(550, [3]int{5, 7, 1}, "Relaying denied")
	}
	return nil
}

func (d *desk) Deliver(_ context.Context, env *Envelope, raw message.Source) (string, []error, error) {
	if d.arrived != nil {
		d.arrived <- struct{}{}
	}
	if d.block != nil {
		<-d.block
	}
	data, err := io.ReadAll(io.NewSectionReader(raw, 0, raw.Size()))
	if err != nil {
		return "", nil, err
	}
	verdicts := make([]error, len(env.To))
	for i, to := range env.To {
		switch to.Local {
		case "dpanic":
			panic("deliver")
		case "dbroken":
			return "", nil, errors.New("badger: /var/lib/postdesk: dump of the mail")
		case "drefused":
			verdicts[i] = reply.New(550, [3]int{5, 7, 1}, "Not with us")
		}
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.mails = append(d.mails, delivered{*env, string(data)})
	return fmt.Sprintf("id-%d", len(d.mails)), verdicts, nil
}

func (d *desk) all() []delivered {
	d.mu.Lock()
	defer d.mu.Unlock()
	return append([]delivered(nil), d.mails...)
}

// tally is an Observer.
type tally struct {
	mu sync.Mutex
	n  map[string]int
}

func (c *tally) count(s string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.n[s]++
}
func (c *tally) Session(k Kind)           { c.count("session " + string(k)) }
func (c *tally) AuthFailure(k Kind)       { c.count("auth " + string(k)) }
func (c *tally) Mail(k Kind, what string) { c.count(string(k) + " " + what) }
func (c *tally) get(s string) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.n[s]
}

// fakeClock moves only when told.
type fakeClock struct {
	mu    sync.Mutex
	t     time.Time
	slept []time.Duration
}

func (c *fakeClock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.t
}

func (c *fakeClock) add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.t = c.t.Add(d)
}

// sleep takes no time; the clock stays, so that a test counts what it wants.
func (c *fakeClock) sleep(_ context.Context, d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.slept = append(c.slept, d)
}

// logBuffer is a log that a test can read.
type logBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// world is a server with its listeners, and those who talk to it.
type world struct {
	t      testing.TB
	srv    *Server
	desk   *desk
	tally  *tally
	clock  *fakeClock
	log    *logBuffer
	addrs  map[Kind]net.Addr
	served sync.WaitGroup
}

// newWorld starts a server. change may alter the options before that.
func newWorld(t testing.TB, change func(*Options)) *world {
	t.Helper()
	w := &world{t: t, desk: &desk{}, tally: &tally{n: map[string]int{}}, log: &logBuffer{}, addrs: map[Kind]net.Addr{},
		clock: &fakeClock{t: time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)}}
	o := Options{
		Handler: w.desk, Observer: w.tally, Now: w.clock.now, Sleep: w.clock.sleep, SpoolDir: t.TempDir(),
		Log:      slog.New(slog.NewJSONHandler(w.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
		Timeouts: Timeouts{Linger: 200 * time.Millisecond},
		Policy: Policy{
			Hostname: "mx.ours.test", MessageSize: 1 << 20, Recipients: 5,
			Frontends: prefixes("127.0.0.9/32"), TrustedNetworks: prefixes("127.0.0.8/32"), FrontendUnix: true,
			GetCertificate: testCertificate(t),
		},
	}
	if change != nil {
		change(&o)
	}
	w.srv = New(o)
	t.Cleanup(w.close)
	return w
}

// patience is that of a busy machine.
const patience = time.Minute

// until waits for what the server does by itself.
func (w *world) until(ok func() bool) {
	w.t.Helper()
	for end := time.Now().Add(patience); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			w.t.Fatal("it does not come")
		}
	}
}

func (w *world) close() {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := w.srv.Shutdown(ctx); err != nil {
		w.t.Errorf("shutdown: %v", err)
	}
	w.served.Wait()
}

// listen starts a listener of the kind, once.
func (w *world) listen(k Kind) net.Addr {
	if a, ok := w.addrs[k]; ok {
		return a
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		w.t.Fatal(err)
	}
	return w.serve(k, l)
}

func (w *world) listenUnix(k Kind) net.Addr {
	l, err := net.Listen("unix", filepath.Join(w.t.TempDir(), "s"))
	if err != nil {
		w.t.Fatal(err)
	}
	return w.serve(k, l)
}

func (w *world) serve(k Kind, l net.Listener) net.Addr {
	w.addrs[k] = l.Addr()
	w.served.Go(func() {
		if err := w.srv.Serve(k, l); err != nil {
			w.t.Errorf("serve %s: %v", k, err)
		}
	})
	return l.Addr()
}

func prefixes(list ...string) (out []netip.Prefix) {
	for _, s := range list {
		out = append(out, netip.MustParsePrefix(s))
	}
	return out
}

// client is one connection to the server.
type client struct {
	t    testing.TB
	conn net.Conn
	r    *bufio.Reader
}

// dial connects from 127.0.0.from; 0 is 127.0.0.1. LMTP comes from a frontend.
func (w *world) dial(k Kind, from byte) *client {
	w.t.Helper()
	a := w.listen(k)
	d := net.Dialer{Timeout: patience}
	if a.Network() == "tcp" {
		if from == 0 {
			from = 1
			if k == LMTP {
				from = 9
			}
		}
		d.LocalAddr = &net.TCPAddr{IP: net.IPv4(127, 0, 0, from)}
	}
	conn, err := d.Dial(a.Network(), a.String())
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { conn.Close() })
	c := &client{t: w.t, conn: conn, r: bufio.NewReader(conn)}
	if k == Submissions {
		c.startTLS()
	}
	return c
}

func (c *client) startTLS() {
	c.t.Helper()
	conn := tls.Client(c.conn, &tls.Config{InsecureSkipVerify: true})
	_ = c.conn.SetDeadline(time.Now().Add(patience))
	if err := conn.Handshake(); err != nil {
		c.t.Fatalf("TLS: %v", err)
	}
	c.conn, c.r = conn, bufio.NewReader(conn)
}

// raw sends bytes as they are.
func (c *client) raw(s string) {
	c.t.Helper()
	_ = c.conn.SetWriteDeadline(time.Now().Add(patience))
	if _, err := io.WriteString(c.conn, s); err != nil {
		c.t.Logf("write: %v", err)
	}
}

// send sends lines.
func (c *client) send(lines ...string) {
	c.t.Helper()
	c.raw(strings.Join(lines, "\r\n") + "\r\n")
}

// reply reads one reply; its lines are joined with "\n". "EOF" is the end.
func (c *client) reply() string {
	_ = c.conn.SetReadDeadline(time.Now().Add(patience))
	var lines []string
	for {
		line, err := c.r.ReadString('\n')
		if err != nil {
			if len(lines) > 0 || line != "" {
				return fmt.Sprintf("cut off: %q %q %v", lines, line, err)
			}
			var ne net.Error
			if errors.As(err, &ne) && ne.Timeout() {
				return "timeout"
			}
			return "EOF"
		}
		line = strings.TrimSuffix(line, "\r\n")
		lines = append(lines, line)
		if len(line) < 4 || line[3] != '-' {
			return strings.Join(lines, "\n")
		}
	}
}

// expect reads one reply per pattern; each must match from its beginning.
func (c *client) expect(patterns ...string) {
	c.t.Helper()
	for _, p := range patterns {
		got := c.reply()
		if !regexp.MustCompile("(?s)^(?:" + p + ")").MatchString(got) {
			c.t.Fatalf("reply %q, want %q", got, p)
		}
	}
}

// say sends a line and expects a reply.
func (c *client) say(line, pattern string) {
	c.t.Helper()
	c.send(line)
	c.expect(pattern)
}

// envelope goes from the greeting to 354.
func (c *client) envelope(hello string, to ...string) {
	c.t.Helper()
	c.expect("220 ")
	c.say(hello+" client.test", "250")
	c.transaction(to...)
}

func (c *client) transaction(to ...string) {
	c.t.Helper()
	c.say("MAIL FROM:<jean@client.test>", "250 2.1.0")
	for _, a := range to {
		c.say("RCPT TO:<"+a+">", "250 2.1.5")
	}
	c.say("DATA", "354 ")
}

// testCertificate is a self-made certificate for mx.ours.test.
func testCertificate(t testing.TB) func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	cert, err := makeCertificate("mx.ours.test", time.Now().Add(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	return func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return cert, nil }
}

func makeCertificate(name string, until time.Time) (*tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	tmpl := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, DNSNames: []string{name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: until,
	}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, &key.PublicKey, key)
	if err != nil {
		return nil, err
	}
	leaf, err := x509.ParseCertificate(der)
	return &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}, err
}
