package testkit

import (
	"bufio"
	"crypto/tls"
	"net"
	"slices"
	"sync"
	"testing"
	"time"
)

// Stage is a moment of an SMTP conversation at which a sink's script may act.
type Stage string

// The stages, in the order in which a conversation reaches them.
const (
	AtConnect  Stage = "connect" // before the greeting
	AtEHLO     Stage = "EHLO"
	AtHELO     Stage = "HELO"
	AtSTARTTLS Stage = "STARTTLS"
	AtTLS      Stage = "tls" // after 220 to STARTTLS: Reply is sent in place of the handshake
	AtAUTH     Stage = "AUTH"
	AtMAIL     Stage = "MAIL"
	AtRCPT     Stage = "RCPT"
	AtDATA     Stage = "DATA"
	AtNobody   Stage = "DATA without a recipient" // with 354 what comes is thrown away and answered with 250
	AtBody     Stage = "body"                     // after the first line of the mail
	AtDot      Stage = "dot"                      // after the final dot
	AtRSET     Stage = "RSET"
	AtQUIT     Stage = "QUIT"
)

// Step is what a sink does at a stage in place of its ordinary answer.
type Step struct {
	Reply  string // sent with a CRLF added; may hold several lines
	Big    int    // the reply is padded to about so many octets of continuation lines
	Raw    bool   // the reply is sent as it is, without CRLF
	Drop   bool   // the connection is closed, after Reply if there is one
	Stall  bool   // nothing more is said until the peer leaves
	Accept bool   // at AtDot: the mail is kept all the same, and Unanswered unless Reply is a yes
	Times  int    // act so many times, then be ordinary again; 0 is always
}

// Script says where a sink misbehaves.
type Script map[Stage]Step

// SinkOptions say what a sink is. The zero value is a fast modern server
// without TLS that takes everything.
type SinkOptions struct {
	Addr        string // "127.0.0.1:0" when empty
	Hostname    string // "sink.test" when empty
	Script      Script
	Recipients  map[string]string // reply to RCPT by address: "550 5.1.1 no such user"
	Without     []string          // extensions that are not offered: "8BITMIME", "SMTPUTF8", "PIPELINING", "DSN", "SIZE"
	MaxSize     int64             // offered with SIZE, and enforced
	TLS         *tls.Config       // offers STARTTLS
	ImplicitTLS bool              // TLS from the first byte
	Users       map[string]string // offers AUTH PLAIN and LOGIN, under TLS
	Mechanisms  []string          // what AUTH offers, "PLAIN", "LOGIN" when empty
	AuthInClear bool              // offers AUTH without TLS as well
	Discard     bool              // counts mails and keeps no bytes, for benchmarks
}

// Received is a mail as a sink got it.
type Received struct {
	From   string   // without brackets, as written
	To     []string // accepted recipients, as written
	Params []string // of MAIL, then of each RCPT
	Raw    []byte   // exactly as received, dots unstuffed, final dot excluded
	Helo   string
	User   string // who authenticated
	TLS    bool
	Conn   int // number of the connection, from 1
	At     time.Time

	// Unanswered: it was kept and the peer was told nothing or nonsense, so that it has to
	// send it again.
	Unanswered bool
}

// Sink is an SMTP server that remembers what it is sent. It is closed when the
// test ends.
type Sink struct {
	Addr string // host:port

	t    testing.TB
	opts SinkOptions
	ln   net.Listener
	wg   sync.WaitGroup

	mu       sync.Mutex
	changed  chan struct{} // closed and replaced when a mail comes
	script   Script
	mails    []Received
	count    int
	conns    map[net.Conn]bool
	accepted int
	peak     int
	commands []string
	heard    int
	done     bool
}

// NewSink starts a sink on loopback.
func NewSink(t testing.TB, opts SinkOptions) *Sink {
	t.Helper()
	if opts.Addr == "" {
		opts.Addr = "127.0.0.1:0"
	}
	if opts.Hostname == "" {
		opts.Hostname = "sink.test"
	}
	ln, err := net.Listen("tcp", opts.Addr)
	if err != nil {
		t.Fatalf("sink: %v", err)
	}
	s := &Sink{Addr: ln.Addr().String(), t: t, opts: opts, ln: ln,
		changed: make(chan struct{}), conns: make(map[net.Conn]bool)}
	s.SetScript(opts.Script)
	s.wg.Add(1)
	go s.accept()
	t.Cleanup(s.Close)
	return s
}

// Close ends the sink and all its connections.
func (s *Sink) Close() {
	s.mu.Lock()
	s.done = true
	s.ln.Close()
	for c := range s.conns {
		c.Close()
	}
	s.mu.Unlock()
	s.wg.Wait()
}

// SetScript replaces the script, for what is said from now on.
func (s *Sink) SetScript(script Script) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.script = make(Script, len(script))
	for stage, step := range script {
		s.script[stage] = step
	}
}

// Wait returns all mails as soon as there are at least n of them, and ends the
// test when that takes longer than timeout.
func (s *Sink) Wait(n int, timeout time.Duration) []Received {
	s.t.Helper()
	timer := time.NewTimer(timeout)
	defer timer.Stop()
	for {
		s.mu.Lock()
		have, changed := s.count, s.changed
		mails := slices.Clone(s.mails)
		s.mu.Unlock()
		if have >= n {
			return mails
		}
		select {
		case <-changed:
		case <-timer.C:
			s.t.Fatalf("sink: %d mails after %v, want %d; it was told: %q", have, timeout, n, s.Commands())
		}
	}
}

// Mails returns what has come so far.
func (s *Sink) Mails() []Received {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.mails)
}

// Count says how many mails have come, also with Discard.
func (s *Sink) Count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.count
}

// Forget drops the mails and commands that have come.
func (s *Sink) Forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mails, s.count, s.commands = nil, 0, nil
}

// Connections says how many connections were accepted, and how many were open
// at the same time at most.
func (s *Sink) Connections() (accepted, peak int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.accepted, s.peak
}

// Commands returns the command lines received on all connections, without
// mails and AUTH answers; at most the first 10,000.
func (s *Sink) Commands() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.commands)
}

// Heard is how many command lines were received since the start, without a limit.
func (s *Sink) Heard() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.heard
}

func (s *Sink) accept() {
	defer s.wg.Done()
	for {
		c, err := s.ln.Accept()
		if err != nil {
			return
		}
		s.mu.Lock()
		if s.done {
			s.mu.Unlock()
			c.Close()
			return
		}
		s.conns[c] = true
		s.accepted++
		s.peak = max(s.peak, len(s.conns))
		n := s.accepted
		s.wg.Add(1)
		s.mu.Unlock()
		go s.serve(c, n)
	}
}

func (s *Sink) serve(c net.Conn, n int) {
	defer s.wg.Done()
	defer func() {
		c.Close()
		s.mu.Lock()
		delete(s.conns, c)
		s.mu.Unlock()
	}()
	if s.opts.ImplicitTLS {
		tc := tls.Server(c, s.opts.TLS)
		if tc.Handshake() != nil {
			return
		}
		session := &sinkSession{sink: s, conn: tc, raw: c, n: n, tls: true}
		session.reset(tc)
		session.run()
		return
	}
	session := &sinkSession{sink: s, conn: c, raw: c, n: n}
	session.reset(c)
	session.run()
}

// step takes the step that the script wants at a stage, if any.
func (s *Sink) step(at Stage) (Step, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	step, ok := s.script[at]
	if !ok || step.Times == 0 {
		return step, ok
	}
	if step.Times--; step.Times == 0 {
		delete(s.script, at)
	} else {
		s.script[at] = step
	}
	return step, true
}

func (s *Sink) keep(m Received) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.count++
	if !s.opts.Discard {
		s.mails = append(s.mails, m)
	}
	close(s.changed)
	s.changed = make(chan struct{})
}

func (s *Sink) note(line string) {
	if s.opts.Discard {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.heard++
	if len(s.commands) < 10000 {
		s.commands = append(s.commands, line)
	}
}

func (s *Sink) offers(ext string) bool { return !slices.Contains(s.opts.Without, ext) }

func newSinkReader(c net.Conn) *bufio.Reader { return bufio.NewReaderSize(c, 64<<10) }
