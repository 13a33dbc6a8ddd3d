package smtpd

import (
	"bufio"
	"bytes"
	"io"
	"net"
	"strings"
	"testing"
	"time"
)

// scan runs the data scanner over in, with a buffer of n bytes.
func scan(in []byte, n int) (out []byte, rest int, found defects, ended bool) {
	var buf bytes.Buffer
	src := bytes.NewReader(in)
	r := bufio.NewReaderSize(src, n)
	d := dataScanner{out: &buf, max: 1 << 40}
	for {
		frag, err := r.ReadSlice('\n')
		if err != nil && err != bufio.ErrBufferFull {
			return buf.Bytes(), 0, d.found, false
		}
		if d.feed(frag) {
			return buf.Bytes(), src.Len() + r.Buffered(), d.found, true
		}
	}
}

// scanSimply is the same, one byte at a time and without regard to speed.
func scanSimply(in []byte) (out []byte, rest int, ended bool) {
	line, counts := []byte{}, true // counts: a dot at the beginning has a meaning
	for i, b := range in {
		line = append(line, b)
		if b != '\n' {
			continue
		}
		if counts && string(line) == ".\r\n" {
			return out, len(in) - i - 1, true
		}
		if counts && line[0] == '.' {
			line = line[1:]
		}
		counts = bytes.HasSuffix(line, []byte("\r\n")) || len(line) == 1 && counts && string(in[max(0, i-1):i+1]) == "\r\n"
		line = append(bytes.TrimSuffix(bytes.TrimSuffix(line, []byte("\n")), []byte("\r")), '\r', '\n')
		out, line = append(out, line...), []byte{}
	}
	return out, 0, false
}

func FuzzData(f *testing.F) {
	for _, ending := range endings {
		f.Add([]byte("a\r\nb" + ending + "MAIL FROM:<>\r\n.\r\n"))
	}
	f.Add([]byte(".\r\n"))
	f.Add([]byte("..\r\n.x\r\n.\r\nrest"))
	f.Add([]byte(strings.Repeat("x", 15) + "\r\n.\r\n"))
	f.Add([]byte(strings.Repeat("x", 16) + "\r\n.\r\n"))
	f.Add([]byte(".\n.\n.\r.\r\n.\r\n"))
	f.Fuzz(func(t *testing.T, in []byte) {
		out, rest, found, ended := scan(in, 16)
		big, bigRest, bigFound, bigEnded := scan(in, inBuffer)
		if ended != bigEnded || rest != bigRest || ended && (!bytes.Equal(out, big) || found != bigFound) {
			t.Fatalf("the buffer's size matters: %q and %q of %q", out, big, in)
		}
		want, wantRest, wantEnded := scanSimply(in)
		if ended != wantEnded || rest != wantRest || ended && !bytes.Equal(out, want) {
			t.Fatalf("%q gave %q (%d left, ended %v), want %q (%d, %v)", in, out, rest, ended, want, wantRest, wantEnded)
		}
		bare := strings.ReplaceAll(string(out), "\r\n", "")
		if strings.Contains(bare, "\n") || ended && found.stray != strings.ContainsAny(bare, "\r\x00") {
			t.Fatalf("%q gave %q, stray %v", in, out, found.stray)
		}
	})
}

// FuzzDialogue lets anything be said to a server. Nothing may hang, every reply
// is well formed, and no mail has a bare line end.
func FuzzDialogue(f *testing.F) {
	start := "EHLO a.test\r\nMAIL FROM:<a@b.test>\r\nRCPT TO:<desk@ours.test>\r\nDATA\r\n"
	f.Add([]byte(start+"Subject: x\r\n\r\n.\r\nQUIT\r\n"), false)
	f.Add([]byte("LHLO a.test\r\nMAIL FROM:<>\r\nRCPT TO:<desk@ours.test>\r\nRCPT TO:<desk@ours.test>\r\nDATA\r\nx\r\n.\r\nNOOP\r\n"), true)
	f.Add([]byte("EHLO a\r\nAUTH PLAIN\r\nAHgAeQ==\r\nBDAT 5 LAST\r\nabcdeNOOP\r\n"), false)
	f.Add([]byte("EHLO a\r\nSTARTTLS\r\n\x16\x03\x01\x00"), false)
	f.Add([]byte(start+"x\r\r\n.\r\nMAIL FROM:<>\r\n"), false)
	f.Add([]byte("MAIL FROM:<\"a\\\"b\"@c> SIZE=1 BODY=8BITMIME SMTPUTF8 AUTH=<>\r\nRCPT TO:<@a,@b:c@d>\n"), false)
	for _, form := range relayForms {
		f.Add([]byte("EHLO a\r\nMAIL FROM:"+form+"\r\nMAIL FROM:<>\r\nRCPT TO:"+form+"\r\nDATA\r\n"), false)
	}
	cert := testCertificate(f)
	f.Fuzz(func(t *testing.T, in []byte, lmtp bool) {
		d := &desk{}
		kind, policy := MX, Policy{GetCertificate: cert, MessageSize: 10_000}
		s := New(Options{Handler: d, Policy: policy, SpoolDir: t.TempDir(), Timeouts: Timeouts{Handshake: time.Second}})
		near, far := net.Pipe()
		if lmtp {
			kind = LMTP
			policy.FrontendUnix = true
			s.SetPolicy(policy)
			far = unixPipe{far}
		}
		s.running.Go(func() { s.handle(kind, far) })
		var out bytes.Buffer
		read := make(chan struct{})
		go func() {
			defer close(read)
			_, _ = io.Copy(&out, near)
		}()
		_ = near.SetDeadline(time.Now().Add(5 * time.Second))
		_, _ = near.Write(in)
		_ = near.Close()
		s.running.Wait()
		<-read
		checkReplies(t, out.Bytes())
		for _, m := range d.all() {
			if strings.Contains(strings.ReplaceAll(m.raw, "\r\n", ""), "\n") {
				t.Fatalf("a bare LF in %q", m.raw)
			}
		}
		s.cut()
	})
}

// checkReplies looks at the form of what the server said, up to a handshake.
func checkReplies(t *testing.T, out []byte) {
	text, _, _ := strings.Cut(string(out), "220 2.0.0 Ready to start TLS\r\n")
	for line := range strings.SplitAfterSeq(text, "\r\n") {
		body, whole := strings.CutSuffix(line, "\r\n")
		switch {
		case !whole: // the end, or cut off by the client
		case len(body) < 4 || strings.Trim(body[:3], "0123456789") != "" || body[3] != ' ' && body[3] != '-':
			t.Fatalf("bad reply %q", line)
		case len(line) > 700 || strings.ContainsFunc(body, func(r rune) bool { return r < ' ' || r == 0x7f }):
			t.Fatalf("bad bytes in reply %q", line)
		}
	}
}

// unixPipe is a pipe that says it is a unix socket.
type unixPipe struct{ net.Conn }

func (unixPipe) RemoteAddr() net.Addr { return &net.UnixAddr{Net: "unix"} }

// FuzzPaths reads the arguments of MAIL and RCPT. An address that is taken is
// written without control characters, and read again as itself.
func FuzzPaths(f *testing.F) {
	for _, form := range relayForms {
		f.Add("FROM:"+form+" SIZE=1", true)
		f.Add("TO:"+form, false)
	}
	f.Add("FROM:<@a.test,@b.test:\"a\\\"b\"@c.test> BODY=8BITMIME SMTPUTF8 AUTH=<> SIZE=99999999999999999999", true)
	f.Fuzz(func(t *testing.T, arg string, utf8 bool) {
		if !isPrintable(arg) {
			t.Skip() // does not get so far
		}
		if m, no := parseMail(arg); no == nil {
			again, no := parseMail("FROM:<" + m.from.String() + "> SMTPUTF8")
			if no != nil || again.from != m.from || m.size < 0 || !isPrintable(m.from.String()) {
				t.Fatalf("%q is %+v, and then %+v %v", arg, m, again, no)
			}
		}
		if to, no := parseRcpt(arg, utf8); no == nil && to.Domain != "" {
			again, no := parseRcpt("TO:<"+to.String()+">", utf8)
			if no != nil || again != to || !isPrintable(to.String()) {
				t.Fatalf("%q is %+v, and then %+v %v", arg, to, again, no)
			}
		}
	})
}

// FuzzLogin gives the mechanisms any answers: only the right name with the right
// password logs in.
func FuzzLogin(f *testing.F) {
	f.Add(true, []byte("\x00anne\x00"+rightPassword), []byte(nil))
	f.Add(true, []byte("bruno\x00anne\x00"+rightPassword), []byte(nil))
	f.Add(false, []byte("anne"), []byte(rightPassword))
	f.Add(false, []byte(""), []byte("x\x00y"))
	f.Fuzz(func(t *testing.T, plain bool, one, two []byte) {
		clock := &fakeClock{}
		srv := New(Options{Handler: &desk{}, Now: clock.now, Sleep: clock.sleep})
		defer srv.cut()
		_, far := newWire(nil)
		ses := srv.newSession(newGate(far, srv.opts.Timeouts, clock.now), Peer{Listener: Submissions}, srv.opts.Log)
		mech, right := "LOGIN", string(one) == "anne" && string(two) == rightPassword
		if plain {
			parts := strings.Split(string(one), "\x00")
			mech, right = "PLAIN", len(parts) == 3 && (parts[0] == "" || strings.EqualFold(parts[0], "anne")) && parts[1] == "anne" && parts[2] == rightPassword
		}
		x, err := ses.Auth(mech)
		if err != nil {
			t.Fatal(err)
		}
		_, done, err := x.Next(one)
		if !done && err == nil {
			_, _, err = x.Next(two)
		}
		if ok := err == nil; ok != right && ses.peer.Login != "user" || (ses.peer.Login != "") != ok {
			t.Fatalf("%s %q %q: %v, login %q", mech, one, two, err, ses.peer.Login)
		}
	})
}
