package smtpd

import (
	"bufio"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"postdesk/internal/testkit"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(testkit.Settled{M: m}) }

// TestDialogs plays the conversations of testdata/*.dialog over real sockets:
//
//	listener mx     who is called, first line; from 9 calls from 127.0.0.9
//	C: text         the client says a line
//	C~ "text"       the client sends a Go string, as it is
//	S: pattern      one reply (its lines joined) matches from its beginning
//	TLS             the client begins TLS
//	HANGUP          the client closes
//	EOF             the server has closed
//	MAILS 2         so many mails have been delivered
//	GOT "text"      the last mail is this Go string
//	CONNECT         once more
func TestDialogs(t *testing.T) {
	files, err := filepath.Glob("testdata/*.dialog")
	if err != nil || len(files) == 0 {
		t.Fatal("no dialogues", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".dialog"), func(t *testing.T) { playFile(t, file) })
	}
}

func playFile(t *testing.T, file string) {
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	p := &player{t: t, w: newWorld(t, nil)}
	sc := bufio.NewScanner(f)
	for p.line = 1; sc.Scan(); p.line++ {
		text := sc.Text()
		if strings.TrimSpace(text) == "" || strings.HasPrefix(text, "#") {
			continue
		}
		p.step(text)
		if t.Failed() {
			t.Fatalf("%s:%d: %s", file, p.line, text)
		}
	}
}

// player is where a dialogue stands.
type player struct {
	t    *testing.T
	w    *world
	c    *client
	kind Kind
	from byte
	line int
}

func (p *player) step(text string) {
	word, rest, _ := strings.Cut(text, " ")
	switch word {
	case "listener":
		p.kind = Kind(rest)
		p.c = p.w.dial(p.kind, p.from)
	case "from":
		n, err := strconv.Atoi(rest)
		p.check(err == nil, "%v", err)
		p.from = byte(n)
	case "CONNECT":
		p.c = p.w.dial(p.kind, p.from)
	case "C:":
		p.c.send(rest)
	case "C~":
		p.c.raw(p.unquote(rest))
	case "S:":
		p.c.expect(rest)
	case "TLS":
		p.c.startTLS()
	case "HANGUP":
		p.c.conn.Close()
	case "EOF":
		p.check(p.c.reply() == "EOF", "the connection is still open")
	case "MAILS":
		p.check(strconv.Itoa(len(p.w.desk.all())) == rest, "%d mails", len(p.w.desk.all()))
	case "GOT":
		all := p.w.desk.all()
		if p.check(len(all) > 0, "no mail"); len(all) > 0 {
			got := all[len(all)-1].raw
			p.check(got == p.unquote(rest), "got %q", got)
		}
	default:
		p.check(false, "unknown step")
	}
}

func (p *player) check(ok bool, format string, args ...any) {
	if !ok {
		p.t.Errorf(format, args...)
	}
}

func (p *player) unquote(s string) string {
	out, err := strconv.Unquote(s)
	p.check(err == nil, "bad string: %v", err)
	return out
}
