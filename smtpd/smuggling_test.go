package smtpd

import (
	"encoding/base64"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// endings are byte sequences that some server somewhere has taken for the end
// of data.
var endings = map[string]string{
	"LF.LF": "\n.\n", "LF.CRLF": "\n.\r\n", "CRLF.LF": "\r\n.\n", "CR.CR": "\r.\r", "CR.CRLF": "\r.\r\n", "CRLF.CR": "\r\n.\r",
	"CR.LF": "\r.\n", "LF.CR": "\n.\r", "CRCRLF.CRLF": "\r\r\n.\r\n", "CRLF.CRCRLF": "\r\n.\r\r\n", "CRLF.NULCRLF": "\r\n.\x00\r\n",
	"CRLFNUL.CRLF": "\r\n\x00.\r\n", "CRLF..CRLF": "\r\n..\r\n", "CRLF. CRLF": "\r\n. \r\n", "CRLF.TABCRLF": "\r\n.\t\r\n",
	"LSEP": "\u2028.\u2028", "NEL": "\x85.\x85", "VT": "\x0b.\x0b",
}

// No ending but CR LF . CR LF may begin a second mail; neither from anybody
// nor through a frontend that lets the sequence pass.
func TestSmuggling(t *testing.T) {
	for _, from := range []sender{{MX, 0}, {MX, 9}, {LMTP, 9}, {Submissions, 0}} {
		for name, ending := range endings {
			t.Run(from.String()+"/"+name, func(t *testing.T) { smuggle(t, from, ending) })
		}
	}
}

// sender is whom a listener hears, from 127.0.0.from as dial has it.
type sender struct {
	kind Kind
	from byte
}

func (s sender) String() string { return fmt.Sprintf("%s from %d", s.kind, s.from) }

// frontend says that it is one of the MTAs in front of us.
func (s sender) frontend() bool { return s.from == 9 }

// begins goes from the greeting to 354.
func (s sender) begins(w *world) *client {
	c := w.dial(s.kind, s.from)
	c.expect("220 ")
	c.say(map[bool]string{true: "LHLO", false: "EHLO"}[s.kind == LMTP]+" client.test", "250")
	if s.kind == Submissions {
		c.say("AUTH PLAIN "+base64.StdEncoding.EncodeToString([]byte("\x00anne\x00"+rightPassword)), "235")
	}
	c.transaction("desk@ours.test")
	return c
}

func smuggle(t *testing.T, from sender, ending string) {
	w := newWorld(t, nil)
	c := from.begins(w)
	c.raw("Subject: outer\r\n\r\nouter" + ending +
		"MAIL FROM:<admin@b.test>\r\nRCPT TO:<desk@ours.test>\r\nDATA\r\nSubject: smuggled\r\n\r\nx\r\n.\r\n")
	first, second := c.reply(), ""
	if ending == endings["CRCRLF.CRLF"] {
		second = c.reply()
		if !strings.HasPrefix(second, "421 ") {
			t.Errorf("then %q", second)
		}
	} else if c.say("NOOP", "250"); t.Failed() {
		t.Errorf("after %q", first)
	}
	c.conn.Close()
	w.close()
	mails := w.desk.all()
	if from.frontend() && (len(mails) != 1 || !strings.HasPrefix(first, "250 ")) {
		t.Errorf("the frontend's mail was not taken: %q", first)
	}
	if len(mails) > 1 || len(mails) == 1 && strings.HasPrefix(mails[0].raw, "Subject: smuggled") {
		t.Errorf("smuggled: %d mails", len(mails))
	}
	for _, m := range mails {
		for i := range m.raw {
			if m.raw[i] == '\n' && (i == 0 || m.raw[i-1] != '\r') {
				t.Errorf("a bare LF was kept in %q", m.raw)
			}
		}
		if !from.frontend() && strings.ContainsAny(strings.ReplaceAll(m.raw, "\r\n", ""), "\r\x00") {
			t.Errorf("stray bytes were kept in %q", m.raw)
		}
	}
}

// A body whose last line ends in CR CR LF: go-smtp waits for an end for ever.
func TestCRCRLFBeforeTheFinalDotEnds(t *testing.T) {
	w := newWorld(t, nil)
	c := w.dial(MX, 0)
	c.envelope("EHLO", "desk@ours.test")
	c.raw("x\r\r\n.\r\n")
	c.expect("550 5.6.0", "421 4.6.0", "EOF")
	c = w.dial(LMTP, 0)
	c.envelope("LHLO", "desk@ours.test")
	c.raw("x\r\r\n.\r\n")
	c.expect("250 2.0.0", "421 4.6.0", "EOF")
	if got := w.desk.all()[0].raw; got != "x\r\r\n" {
		t.Errorf("got %q", got)
	}
}

// The same where the read buffer ends between the two CRs and the LF.
func TestCRCRLFAcrossTheBuffer(t *testing.T) {
	w := newWorld(t, nil)
	for n := inBuffer - 4; n <= inBuffer+1; n++ {
		c := w.dial(LMTP, 0)
		c.envelope("LHLO", "desk@ours.test")
		c.raw(strings.Repeat("x", n) + "\r\r\n.\r\nMAIL FROM:<evil@b.test>\r\n")
		c.expect("250 2.0.0", "421 4.6.0", "EOF")
		c.conn.Close()
	}
}

// hurried runs the probe with waits for a reply in place of waits for silence, which
// are long on a quiet machine and too short on a busy one; and as somebody else:
// from another address, over LMTP, or logged in over TLS.
const hurried = `import re, socket, ssl, sys
src = open(sys.argv[1]).read()
src = re.sub(r"def rd\(.*?\n(?=def run)", "", src, flags=re.S)
def rd(s, t=1.0):
    b = b""
    s.settimeout(60)
    try:
        while not re.search(rb"(^|\n)[0-9]{3} [^\n]*\n$", b):
            d = s.recv(65536)
            if not d: return b + b"<EOF>"
            b += d
        s.settimeout(.25)
        while t > 1: # after the mail: whatever more comes
            d = s.recv(65536)
            if not d: return b + b"<EOF>"
            b += d
    except (socket.timeout, ConnectionResetError): pass
    return b
who, login, sys.argv = sys.argv[2], sys.argv[3], [sys.argv[1]] + sys.argv[4:]
def connect(to, timeout):
    s = raw_connect(to, timeout, ("127.0.0.9" if "frontend" in who or who == "lmtp" else "127.0.0.1", 0))
    if who == "submissions":
        c = ssl.create_default_context()
        c.check_hostname, c.verify_mode = False, ssl.CERT_NONE
        s = c.wrap_socket(s)
    return s
raw_connect, socket.create_connection = socket.create_connection, connect
if who == "lmtp":
    src = src.replace("EHLO", "LHLO")
if who == "submissions":
    src = src.replace("MAIL FROM:", "AUTH PLAIN " + login + "',f'MAIL FROM:", 1)
exec(compile(src, sys.argv[0], "exec"))`

// The probe of the corpora's neighbour folder, if it is there.
func TestSmuggleProbe(t *testing.T) {
	corpora := os.Getenv("POSTDESK_CORPORA")
	if corpora == "" {
		corpora = filepath.Join("..", "..", "shared", "corpora")
	}
	probe := filepath.Join(corpora, "..", "probes", "smuggle.py")
	python, err := exec.LookPath("python3")
	if _, statErr := os.Stat(probe); err != nil || statErr != nil || testing.Short() {
		t.Skip("no python3, no probe beside POSTDESK_CORPORA, or -short")
	}
	for who, kind := range map[string]Kind{"stranger": MX, "frontend": MX, "lmtp": LMTP, "submissions": Submissions} {
		t.Run(who, func(t *testing.T) {
			t.Parallel()
			probeSmuggling(t, python, probe, who, kind)
		})
	}
}

func probeSmuggling(t *testing.T, python, probe, who string, kind Kind) {
	w := newWorld(t, func(o *Options) { o.Policy.ConnectionsPerIP = 100 })
	host, port, err := net.SplitHostPort(w.listen(kind).String())
	if err != nil {
		t.Fatal(err)
	}
	login := base64.StdEncoding.EncodeToString([]byte("\x00anne\x00" + rightPassword))
	out, err := exec.Command(python, "-c", hurried, probe, who, login, host, port, "a@b.test", "desk@ours.test").CombinedOutput()
	if err != nil || strings.Contains(string(out), "VULNERABLE") || strings.Contains(string(out), "setup") || strings.Count(string(out), " ok\n") != len(endings) {
		t.Errorf("%v\n%s", err, out)
	}
	for _, m := range w.desk.all() {
		if strings.HasPrefix(m.raw, "Subject: SMUGGLED") {
			t.Errorf("smuggled: %q", m.raw)
		}
	}
}

// relayForms are ways to write an address elsewhere so that it looks like one
// of ours, or as nothing at all.
var relayForms = []string{
	"<x@other.test>", "x@other.test", "<x%other.test>", `<"x@other.test">`, "<@ours.test:x@other.test>",
	"<@a.test,@ours.test:x@other.test>", "<other.test!x>", "<x@[192.0.2.1]>", "<x@[IPv6:2001:db8::1]>", "<desk@ours.test@other.test>",
	"<x@other.test@ours.test@other.test>", "<x@other.test.>", "<X@OTHER.TEST>", "<x@ours.test.other.test>", "<x@otherours.test>",
	"<@ours.test>", "<x@>", "<>", "< >", "<x@other.test\x00@ours.test>", "<x@other.test>\x00", "<x@other.test\r@ours.test>",
	"<x@other.test> <desk@ours.test>", "<x@other.test,desk@ours.test>", "<x@other.test;desk@ours.test>", "<x@other.test:desk@ours.test>",
	"<desk@ours.test>x@other.test", "<desk@ours.test", "desk@ours.test>", "<<desk@ours.test>>", "<desk @ours.test>", "<desk@ours.test >",
	"<desk@ ours.test>", "<.desk@ours.test>", "<desk.@ours.test>", "<de..sk@ours.test>", `<"desk"x@ours.test>`, `<"desk@ours.test>`,
	"<desk@ours_.test>", "<desk@-ours.test>", "<d\xffesk@ours.test>", "<x@ours.test\u202e>", "<x@öther.test>", "<postmaster@other.test>",
	"<d(c)esk@ours.test>", "<desk@127.0.0.1>", "<\"a\tb\x07\"@ours.test>",
}

// Nobody relays: 40 forms and more, in MAIL's listeners without a login. What
// is accepted has ours.test as its domain after strict reading.
func TestNoRelayByAnyForm(t *testing.T) {
	w := newWorld(t, nil)
	for _, k := range []Kind{MX, LMTP} {
		for _, form := range relayForms {
			c := w.dial(k, 0)
			c.expect("220")
			c.say(map[Kind]string{MX: "EHLO", LMTP: "LHLO"}[k]+" a.test", "250")
			c.say("MAIL FROM:<a@b.test> SMTPUTF8", "250")
			c.say("RCPT TO:"+form, "5(01|50|53|00|55) ")
			c.say("RSET", "250")
			c.conn.Close()
		}
	}
	c := w.dial(Submission, 0)
	c.expect("220")
	c.say("EHLO a.test", "250")
	c.say("MAIL FROM:<desk@ours.test>", "530")
	c.say("RCPT TO:<x@other.test>", "503")
}

// These look odd and are ours: percent, bang and quotes mean nothing to us.
func TestOddAddressesThatAreOurs(t *testing.T) {
	w := newWorld(t, nil)
	for form, want := range map[string]string{
		"<x%other.test@ours.test>": "x%other.test@ours.test", "<other.test!x@ours.test>": "other.test!x@ours.test",
		`<"x@other.test"@ours.test>`: `"x@other.test"@ours.test`, `<"desk"@ours.test>`: "desk@ours.test",
		`<"a\"b"@ours.test>`: `"a\"b"@ours.test`, "<@other.test:desk@ours.test>": "desk@ours.test", "<desk@OURS.test>": "desk@ours.test",
	} {
		c := w.dial(LMTP, 0)
		c.expect("220")
		c.say("LHLO a.test", "250")
		c.say("MAIL FROM:<a@b.test>", "250")
		c.say("RCPT TO:"+form, "250")
		c.say("DATA", "354")
		c.send("x", ".")
		c.expect("250 2.0.0")
		all := w.desk.all()
		if got := all[len(all)-1].env.To[0].String(); got != want {
			t.Errorf("%s is %s", form, got)
		}
		c.conn.Close()
	}
}
