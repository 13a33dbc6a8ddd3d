package relay

import (
	"context"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"net"
	"net/netip"
	"strings"
	"time"

	"github.com/emersion/go-sasl"
)

// security says what TLS must be on a connection.
type security int

const (
	opportunistic security = iota // STARTTLS where it is offered, any certificate
	verified                      // TLS with a certificate for the host's name, or nothing
	clear                         // after opportunistic TLS failed
)

// server is one address of one host that may take the mail.
type server struct {
	host     string // the name that a certificate must bear
	addr     string // host:port to dial
	implicit bool   // TLS from the first byte, RFC 8314 §3.3
	security security
	username string // for AUTH, "" is none
	password string
}

// open begins a session up to the point where MAIL may be said, and gives up at
// until, which also ends all that comes before DATA. When
// opportunistic TLS fails it tries again in clear text, on a new connection:
// RFC 7435 §3. Where a password is to be said it does not.
func (r *Relay) open(ctx context.Context, s server, hostname string, until time.Time) (*conn, *failure) {
	c, f := r.openOnce(ctx, s, hostname, until)
	if f != nil && f.tls && s.security == opportunistic && s.username == "" && ctx.Err() == nil && time.Now().Before(until) {
		s.security = clear
		return r.openOnce(ctx, s, hostname, until)
	}
	return c, f
}

func (r *Relay) openOnce(ctx context.Context, s server, hostname string, until time.Time) (*conn, *failure) {
	dialCtx, cancel := context.WithDeadline(ctx, earliest(time.Now().Add(r.opts.Timeouts.Dial), until))
	nc, err := r.opts.Dial(dialCtx, "tcp", s.addr)
	cancel()
	if err != nil {
		return nil, brokenOff(s.host, "connect", err)
	}
	c := newConn(ctx, nc, s.host, &r.opts.Timeouts, until)
	if f := r.greet(c, s, hostname); f != nil {
		c.close()
		return nil, f
	}
	return c, nil
}

func (r *Relay) greet(c *conn, s server, hostname string) *failure {
	if s.implicit {
		if f := r.handshake(c, s); f != nil {
			return f
		}
	}
	a, f := c.read("greeting", c.timeouts.Greeting)
	if f != nil {
		return f
	}
	if a.code != 220 {
		return unwelcome(c.host, "greeting", a)
	}
	if f := c.hello(hostname); f != nil {
		return f
	}
	if f := r.secure(c, s, hostname); f != nil {
		return f
	}
	return c.authenticate(s)
}

// unwelcome is a refusal of the session. It says nothing about a mail, so that
// it is never final for one: another host may answer, or this one later.
func unwelcome(host, stage string, a answer) *failure {
	f := refusal(host, stage, a)
	f.final, f.lost = false, true
	return f
}

// hello says EHLO, or HELO to a server that does not know it, RFC 5321 §3.2.
func (c *conn) hello(hostname string) *failure {
	c.ext = nil
	a, lines, f := c.commandLines("EHLO", c.timeouts.Command, "EHLO ", hostname)
	if f != nil {
		return f
	}
	if a.permanent() {
		a, f = c.command("HELO", c.timeouts.Command, "HELO ", hostname)
		if f != nil {
			return f
		}
		lines = nil
	}
	if a.code != 250 {
		return unwelcome(c.host, "EHLO", a)
	}
	c.ext = make(map[string]string, len(lines))
	for i, line := range lines {
		if i > 0 {
			name, param, _ := strings.Cut(strings.TrimSpace(line), " ")
			c.ext[strings.ToUpper(name)] = param
		}
	}
	return nil
}

// secure brings TLS about as far as s demands it, RFC 3207.
func (r *Relay) secure(c *conn, s server, hostname string) *failure {
	if s.security == clear || c.secure {
		return nil
	}
	if !c.has("STARTTLS") {
		if s.security == opportunistic {
			return nil
		}
		return brokenOff(c.host, "STARTTLS", errors.New("the server offers no TLS, and TLS is required"))
	}
	a, f := c.command("STARTTLS", c.timeouts.Command, "STARTTLS")
	if f == nil && a.code != 220 {
		f = unwelcome(c.host, "STARTTLS", a)
	}
	if f == nil && c.r.Buffered() > 0 {
		// Whatever follows the 220 in clear text was put there by someone else.
		f = brokenOff(c.host, "STARTTLS", errors.New("the server spoke on before TLS began"))
	}
	if f != nil {
		f.tls = true
		return f
	}
	if f := r.handshake(c, s); f != nil {
		return f
	}
	return c.hello(hostname)
}

func (r *Relay) handshake(c *conn, s server) *failure {
	tc := tls.Client(c.nc, r.tlsConfig(s))
	c.nc.SetDeadline(c.deadline(c.timeouts.Command))
	if err := tc.Handshake(); err != nil {
		f := brokenOff(c.host, "TLS", err)
		f.tls = !s.implicit
		return f
	}
	c.nc.SetDeadline(time.Time{})
	c.use(tc)
	c.secure = true
	return nil
}

func (r *Relay) tlsConfig(s server) *tls.Config {
	cfg := &tls.Config{ServerName: strings.TrimSuffix(s.host, "."), RootCAs: r.opts.RootCAs, MinVersion: tls.VersionTLS12}
	if s.security == opportunistic {
		// The other choice is clear text: an unknown certificate, or an old
		// version, is better than that (RFC 7435 §3).
		cfg.InsecureSkipVerify = true
		cfg.MinVersion = tls.VersionTLS10
	}
	return cfg
}

// authenticate says AUTH where s has a user, RFC 4954. No password goes over a
// connection without TLS, except to this machine itself.
func (c *conn) authenticate(s server) *failure {
	if s.username == "" {
		return nil
	}
	if !c.secure && !isLoopback(s.addr) {
		return brokenOff(c.host, "AUTH", errors.New("no TLS, so no password is sent"))
	}
	client, ok := c.mechanism(s)
	if !ok {
		return brokenOff(c.host, "AUTH", errors.New("the server offers neither PLAIN nor LOGIN"))
	}
	f := c.runAuth(client)
	if f != nil {
		// A wrong password is a mistake of ours that an admin mends, not a fault of
		// the mail.
		f.final, f.lost = false, true
	}
	return f
}

func (c *conn) mechanism(s server) (sasl.Client, bool) {
	offered := strings.Fields(strings.ToUpper(c.ext["AUTH"]))
	for _, m := range offered {
		if m == "PLAIN" {
			return sasl.NewPlainClient("", s.username, s.password), true
		}
	}
	for _, m := range offered {
		if m == "LOGIN" {
			return &loginClient{s.username, s.password, 0}, true
		}
	}
	return nil, false
}

// loginClient is LOGIN as servers do it: the username is asked for as well,
// and challenges are worded in several ways. go-sasl's client sends the
// username ahead, which Exchange does not take, and knows one wording only.
type loginClient struct {
	username, password string
	step               int
}

func (l *loginClient) Start() (string, []byte, error) { return "LOGIN", nil, nil }

func (l *loginClient) Next([]byte) ([]byte, error) {
	l.step++
	switch l.step {
	case 1:
		return []byte(l.username), nil
	case 2:
		return []byte(l.password), nil
	}
	return nil, sasl.ErrUnexpectedServerChallenge
}

func (c *conn) runAuth(client sasl.Client) *failure {
	name, initial, err := client.Start()
	if err != nil {
		return brokenOff(c.host, "AUTH", err)
	}
	line := "AUTH " + name
	if initial != nil {
		line += " " + base64.StdEncoding.EncodeToString(initial)
	}
	for {
		a, lines, f := c.commandLines("AUTH", c.timeouts.Command, line)
		switch {
		case f != nil:
			return f
		case a.code == 235:
			return nil
		case a.code != 334 || len(lines) == 0:
			return unwelcome(c.host, "AUTH", a)
		}
		challenge, err := base64.StdEncoding.DecodeString(lines[0])
		if err != nil {
			return brokenOff(c.host, "AUTH", errGarbage)
		}
		response, err := client.Next(challenge)
		if err != nil {
			return brokenOff(c.host, "AUTH", err)
		}
		line = base64.StdEncoding.EncodeToString(response)
	}
}

func isLoopback(hostport string) bool {
	host, _, err := net.SplitHostPort(hostport)
	if err != nil {
		return false
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.Unmap().IsLoopback()
}
