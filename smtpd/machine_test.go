package smtpd

import (
	"bufio"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"postdesk/internal/testkit"
)

// TestStateMachine plays random sessions against the model: MX, submission,
// submissions and LMTP, with and without TLS, in pieces and pipelined. What fell
// is repeated by POSTDESK_SEED=n go test -run TestStateMachine ./smtpd.
func TestStateMachine(t *testing.T) {
	if text := os.Getenv("POSTDESK_SEED"); text != "" {
		seed, err := strconv.ParseUint(text, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		playMany(t, seed, 1)
		return
	}
	playMany(t, 1, 2000/testkit.RaceFactor) // always the same: what falls, falls everywhere
}

// playMany plays the sessions of n seeds on all processors.
func playMany(t *testing.T, from uint64, n int) {
	cert, dir := testCertificate(t), t.TempDir()
	var next, mails atomic.Uint64
	var failed atomic.Bool
	var running sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		running.Go(func() {
			b := newBench(cert, dir)
			defer b.srv.cut()
			for i := next.Add(1) - 1; i < uint64(n) && !failed.Load(); i = next.Add(1) - 1 {
				s := newSequence(from + i)
				mails.Add(uint64(len(s.end.mails)))
				if err := b.play(s); err != nil {
					failed.Store(true)
					t.Errorf("%v\nto repeat: POSTDESK_SEED=%d\n%s", err, s.seed, s)
				}
			}
		})
	}
	running.Wait()
	t.Logf("seeds %d to %d, %d mails taken", from, from+uint64(n)-1, mails.Load())
}

// bench is a server that plays one session after the other. TLS sessions are
// resumed, which is most of the time of a session else.
type bench struct {
	srv   *Server
	desk  *desk
	clock *fakeClock
	cert  func(*tls.ClientHelloInfo) (*tls.Certificate, error)
	cache tls.ClientSessionCache
}

func newBench(cert func(*tls.ClientHelloInfo) (*tls.Certificate, error), dir string) *bench {
	b := &bench{desk: &desk{}, clock: &fakeClock{t: time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)}, cert: cert, cache: tls.NewLRUClientSessionCache(8)}
	b.srv = New(Options{Handler: b.desk, Now: b.clock.now, Sleep: b.clock.sleep, SpoolDir: dir})
	return b
}

// prepare makes the server what the sequence wants it to be. A day goes by, so
// that wrong passwords of before do not count.
func (b *bench) prepare(s *sequence) {
	b.clock.add(24 * time.Hour)
	b.desk.mails = nil
	policy := Policy{Hostname: "mx.ours.test", MessageSize: s.start.size, Recipients: modelRecipients, Frontends: prefixes("127.0.0.9/32")}
	if s.start.cert {
		policy.GetCertificate = b.cert
	}
	b.srv.SetPolicy(policy)
}

// play runs one sequence.
func (b *bench) play(s *sequence) error {
	b.prepare(s)
	near, far := newWire(s.peer())
	var served sync.WaitGroup
	served.Go(func() { b.srv.handle(s.start.kind, far) })
	late := time.AfterFunc(5*time.Minute, func() { near.Close() })
	p := &machinePlayer{s: s, r: rand.New(rand.NewPCG(s.seed, 2)), wire: near, conn: near, in: bufio.NewReaderSize(near, 512), cache: b.cache}
	err := p.all()
	near.Close()
	served.Wait()
	if !late.Stop() {
		return errors.New("the session hangs")
	}
	if err != nil {
		return err
	}
	return s.compare(b.desk.all())
}

// String is the session as the model has it.
func (s *sequence) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s frontend=%v certificate=%v size=%d\n", s.start.kind, s.start.frontend, s.start.cert, s.start.size)
	for _, p := range s.parts {
		fmt.Fprintf(&b, "C: %.300q\n", p.send)
		for _, w := range p.want {
			fmt.Fprintf(&b, "S: %s\n", w)
		}
		if p.then != "" {
			fmt.Fprintf(&b, "   %s\n", p.then)
		}
	}
	fmt.Fprintf(&b, "cut %q, over=%v, mails %.1000q\n", s.cut, s.end.over, s.end.mails)
	return b.String()
}

// machinePlayer is the client of one sequence.
type machinePlayer struct {
	s      *sequence
	r      *rand.Rand
	wire   *wire
	conn   io.ReadWriter
	cache  tls.ClientSessionCache
	in     *bufio.Reader
	unsent string
	want   []string
	utf8   bool // MAIL said SMTPUTF8: replies may be more than ASCII, RFC 6531 §3.7.4.2
	junk   bool // what comes after it is no SMTP
}

func (s *sequence) peer() net.Addr {
	if s.start.frontend {
		return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 9)}
	}
	return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)}
}

func (s *sequence) compare(got []delivered) error {
	var mails []string
	for _, d := range got {
		var to []string
		for _, a := range d.env.To {
			to = append(to, a.String())
		}
		mails = append(mails, fmt.Sprintf("helo=%s tls=%v login=%s from=%s to=%s utf8=%v size=%d %q", d.env.Peer.Helo, d.env.Peer.TLS != "",
			d.env.Peer.Login, d.env.From, strings.Join(to, ","), d.env.SMTPUTF8, d.env.Size, d.raw))
	}
	if !slices.Equal(mails, s.end.mails) {
		return fmt.Errorf("mails %.2000q, want %.2000q", mails, s.end.mails)
	}
	return nil
}

// all plays the session to its end.
func (p *machinePlayer) all() error {
	p.want = []string{p.s.greeting}
	if p.s.start.kind == Submissions {
		if err := p.handshake(); err != nil {
			return err
		}
	}
	for _, part := range p.s.parts {
		if err := p.part(part); err != nil {
			return err
		}
	}
	p.unsent += p.s.cut
	if err := p.sync(); err != nil {
		return err
	}
	return p.hangUp()
}

// part sends one exchange: at once or with others, and waits for its replies or
// does not. RFC 2920.
func (p *machinePlayer) part(e turn) error {
	if e.then != "" {
		return p.upgrade(e)
	}
	p.utf8 = p.utf8 || strings.Contains(e.send, "SMTPUTF8")
	p.unsent += e.send
	p.want = append(p.want, e.want...)
	if p.r.IntN(3) > 0 {
		return nil
	}
	p.flush()
	if p.r.IntN(2) == 0 {
		return p.replies()
	}
	return nil
}

func (p *machinePlayer) sync() error {
	p.flush()
	return p.replies()
}

// flush sends what waits, in one piece, some, or byte by byte.
func (p *machinePlayer) flush() {
	most := len(p.unsent)
	switch p.r.IntN(4) {
	case 0:
		most = 1 + len(p.unsent)/2000
	case 1:
		most = 1 + p.r.IntN(100)
	}
	for p.unsent != "" {
		n := min(len(p.unsent), 1+p.r.IntN(max(1, most)))
		_, _ = io.WriteString(p.conn, p.unsent[:n]) // a server that has hung up is seen by its replies
		p.unsent = p.unsent[n:]
	}
}

// replies reads what is expected.
func (p *machinePlayer) replies() error {
	for i, want := range p.want {
		got, err := p.reply()
		if err != nil {
			return fmt.Errorf("reply %q and then %w, want %q of %q", got, err, want, p.want[i:])
		}
		if all := strings.Join(got, ""); !p.utf8 && !isASCII(all) {
			return fmt.Errorf("reply %q is not ASCII", all)
		}
		if err := checkReply(got, want); err != nil {
			return err
		}
	}
	p.want = nil
	return nil
}

// reply reads one reply.
func (p *machinePlayer) reply() (lines []string, err error) {
	for {
		line, err := p.in.ReadString('\n')
		if err != nil {
			return append(lines, line), err
		}
		lines = append(lines, line)
		if len(line) < 4 || line[3] != '-' {
			return lines, nil
		}
	}
}

func isASCII(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r > '~' })
}

var replyForm = regexp.MustCompile(`^[2-5][0-5][0-9][ -](([245])\.[0-9]{1,3}\.[0-9]{1,3} )?[^\x00-\x1f\x7f]+\r\n$`)

// checkReply compares the code, for EHLO the extensions, and else looks at the
// form: RFC 5321 §4.2, RFC 2034 §4.
func checkReply(lines []string, want string) error {
	code, list, ehlo := strings.Cut(want, " ")
	bare := ehlo || slices.Contains([]string{"220", "214", "334", "354"}, code)
	var extensions []string
	for i, line := range lines {
		m := replyForm.FindStringSubmatch(line)
		if m == nil && code != "334" || line[:3] != code || m != nil && m[2] != "" && m[2] != code[:1] {
			return fmt.Errorf("reply %q, want %s", lines, want)
		}
		if i > 0 {
			extensions = append(extensions, strings.ReplaceAll(strings.TrimSpace(line[4:]), " ", "="))
		}
		if !bare && m[1] == "" && !strings.Contains(line, "mx.ours.test") { // HELO's has none
			return fmt.Errorf("reply %q without an enhanced code", lines)
		}
	}
	slices.Sort(extensions)
	for i, e := range extensions {
		if strings.HasPrefix(e, "AUTH=") && e == "AUTH=PLAIN=LOGIN" {
			extensions[i] = "AUTH=LOGIN=PLAIN"
		}
	}
	if got := strings.Join(extensions, " "); got != list {
		return fmt.Errorf("extensions %q, want %q", got, list)
	}
	return nil
}

// upgrade is STARTTLS and what comes after it: a handshake, with words in clear
// before it that must not count, or no handshake.
func (p *machinePlayer) upgrade(e turn) error {
	if err := p.sync(); err != nil {
		return err
	}
	if e.then == "inject" { // in one piece: what comes later is a part of the handshake
		_, _ = io.WriteString(p.conn, e.send+"EHLO evil.test\r\nMAIL FROM:<evil@b.test>\r\nRSET\r\nNOOP\r\n")
	} else {
		p.unsent = e.send
	}
	p.want = e.want
	if err := p.sync(); err != nil {
		return err
	}
	if e.then == "junk" {
		p.junk = true
		_, _ = io.WriteString(p.conn, "NOOP\r\nMAIL FROM:<evil@b.test>\r\n")
		return nil
	}
	return p.handshake()
}

func (p *machinePlayer) handshake() error {
	version := pick(p.r, uint16(tls.VersionTLS12), tls.VersionTLS12, tls.VersionTLS13)
	conn := tls.Client(p.wire, &tls.Config{InsecureSkipVerify: true, MinVersion: version, MaxVersion: version, CurvePreferences: []tls.CurveID{tls.X25519},
		ServerName: fmt.Sprintf("%s.%x.test", p.s.start.kind, version), ClientSessionCache: p.cache})
	if err := conn.Handshake(); err != nil {
		return fmt.Errorf("TLS: %w", err)
	}
	p.conn, p.in = conn, bufio.NewReaderSize(conn, 512)
	return nil
}

// hangUp reads the end after a last word, or closes the client's direction, with
// TLS properly or not, and sees that nothing more is said.
func (p *machinePlayer) hangUp() error {
	if !p.s.end.over || p.junk {
		if conn, ok := p.conn.(*tls.Conn); ok && p.r.IntN(2) == 0 {
			_ = conn.CloseWrite()
		}
		p.wire.closeWrite()
	}
	rest, err := io.ReadAll(p.in)
	var tlsEnd *net.OpError
	if p.junk || errors.Is(err, io.ErrUnexpectedEOF) || errors.As(err, &tlsEnd) {
		err = nil
	}
	if err != nil || len(rest) > 0 && !p.junk {
		return fmt.Errorf("after the end %q, %w", rest, err)
	}
	return nil
}
