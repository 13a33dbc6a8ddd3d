package milter

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/netip"
	"net/textproto"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/emersion/go-milter"
	"go.uber.org/goleak"

	"postdesk/internal/addr"
	"postdesk/internal/message"
)

// script is a filter that notes what it is told and answers as it is told.
type script struct {
	milter.NoOpMilter
	mu     sync.Mutex
	heard  []string
	body   bytes.Buffer
	at     map[string]milter.Response // by stage
	finish func(m *milter.Modifier) (milter.Response, error)
}

func (s *script) note(stage, what string) (milter.Response, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.heard = append(s.heard, stage+" "+what)
	if r := s.at[stage]; r != nil {
		return r, nil
	}
	return milter.RespContinue, nil
}

func (s *script) Connect(host, family string, port uint16, ip net.IP, m *milter.Modifier) (milter.Response, error) {
	return s.note("connect", fmt.Sprintf("%s %s %d %s j=%s", host, family, port, ip, m.Macros["j"]))
}
func (s *script) Helo(name string, _ *milter.Modifier) (milter.Response, error) {
	return s.note("helo", name)
}
func (s *script) MailFrom(from string, m *milter.Modifier) (milter.Response, error) {
	return s.note("mail", from+" i="+m.Macros["i"]+" auth="+m.Macros["{auth_authen}"])
}
func (s *script) RcptTo(to string, _ *milter.Modifier) (milter.Response, error) {
	return s.note("rcpt", to)
}
func (s *script) Header(name, value string, _ *milter.Modifier) (milter.Response, error) {
	return s.note("header", fmt.Sprintf("%s=%q", name, value))
}
func (s *script) Headers(textproto.MIMEHeader, *milter.Modifier) (milter.Response, error) {
	return s.note("eoh", "")
}
func (s *script) BodyChunk(p []byte, _ *milter.Modifier) (milter.Response, error) {
	s.mu.Lock()
	s.body.Write(p)
	s.mu.Unlock()
	return s.note("body", fmt.Sprint(len(p)))
}
func (s *script) Body(m *milter.Modifier) (milter.Response, error) {
	if s.finish != nil {
		return s.finish(m)
	}
	return milter.RespAccept, nil
}

// serve runs a filter on a free port and returns its address.
func serve(t *testing.T, s *script, protocol milter.OptProtocol) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return serveOn(t, l, s, protocol, "inet:"+l.Addr().String())
}

func serveOn(t *testing.T, l net.Listener, s *script, protocol milter.OptProtocol, name string) string {
	srv := milter.Server{NewMilter: func() milter.Milter { return s }, Protocol: protocol,
		Actions: milter.OptAddHeader | milter.OptChangeHeader | milter.OptQuarantine}
	done := make(chan struct{})
	go func() { defer close(done); _ = srv.Serve(l) }()
	t.Cleanup(func() { _ = l.Close(); <-done })
	return name
}

func testMail(body string) In {
	return In{
		ServerName: "mx.example.com", Peer: netip.MustParseAddrPort("192.0.2.7:4711"), PeerName: "mail.client.example", Helo: "mail.client.example",
		From: addr.Address{Local: "jean client", Domain: "client.example"}, QueueID: "Q1",
		To: []addr.Address{{Local: "relationclient", Domain: "example.com"}, {Local: "export", Domain: "example.com"}},
		Fields: []message.Field{
			{Name: "Received", Raw: []byte("Received: from a\r\n\tby b\r\n")}, {Name: "From", Raw: []byte("From:  jean@client.example\r\n")},
			{Raw: []byte("no field\r\n")}, {Name: "X-Nul", Raw: []byte("X-Nul: a\x00From\x00b\r\n")}, {Name: "Received", Raw: []byte("Received: by c\r\n")}, {Name: "Empty", Raw: []byte("Empty:\r\n")},
		},
		Body: message.BytesSource([]byte(body)),
	}
}

func ask(t *testing.T, in In, filters ...string) (Verdict, error) {
	t.Helper()
	c, err := New(filters, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	return c.Ask(t.Context(), in)
}

func TestFilterHearsTheMail(t *testing.T) {
	s := &script{}
	body := strings.Repeat("0123456789abcdef\r\n", 10_000)
	v, err := ask(t, testMail(body), serve(t, s, 0))
	if err != nil || v.Action != Accept || v.Spam || v.Filter != "" {
		t.Fatalf("%+v, %v", v, err)
	}
	want := []string{
		"connect mail.client.example tcp4 4711 192.0.2.7 j=mx.example.com", "helo mail.client.example",
		`mail "jean client"@client.example i=Q1 auth=`, "rcpt relationclient@example.com", "rcpt export@example.com",
		`header Received="from a\n\tby b"`, `header From=" jean@client.example"`, `header X-Nul="a From b"`, `header Received="by c"`, `header Empty=""`, "eoh ",
		"body 65535", "body 65535", "body 48930",
	}
	if got := strings.Join(s.heard, "\n"); got != strings.Join(want, "\n") {
		t.Errorf("heard:\n%s", got)
	}
	if s.body.String() != body {
		t.Error("the body is not the same")
	}
}

func TestFilterOnUnixSocketThatSkips(t *testing.T) {
	path := filepath.Join(t.TempDir(), "m.sock")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	s := &script{}
	in := testMail("x")
	in.Peer = netip.AddrPort{}
	name := serveOn(t, l, s, milter.OptNoHelo|milter.OptNoHeaders|milter.OptNoEOH|milter.OptNoBody|milter.OptNoRcptTo, "unix:"+path)
	if v, err := ask(t, in, name); err != nil || v.Action != Accept {
		t.Fatalf("%+v, %v", v, err)
	}
	if got := strings.Join(s.heard, "\n"); !strings.HasPrefix(got, "connect mail.client.example unknown 0 <nil>") || len(s.heard) != 2 {
		t.Errorf("heard:\n%s", got)
	}
}

func TestFilterVerdicts(t *testing.T) {
	type want struct {
		action   Action
		code     int
		enhanced [3]int
		text     string
	}
	reply := func(s string) milter.Response { return milter.NewResponseStr('y', s) }
	for _, stage := range []string{"connect", "helo", "mail", "rcpt", "header", "eoh", "body", "end"} {
		for _, c := range []struct {
			resp milter.Response
			want want
		}{
			{milter.RespReject, want{Reject, 550, [3]int{5, 7, 1}, "Message refused by a filter"}},
			{milter.RespTempFail, want{TempFail, 451, [3]int{4, 7, 1}, "Message deferred by a filter, please try again later"}},
			{milter.RespDiscard, want{action: Discard}},
			{milter.RespAccept, want{action: Accept}},
			{reply("554 5.7.9 Gtube\r\n250 ok\x1b[0m"), want{Reject, 554, [3]int{5, 7, 9}, "Gtube 250 ok[0m"}},
			{reply("451 5.7.9 Greylisted"), want{TempFail, 451, [3]int{4, 7, 1}, "Greylisted"}},
		} {
			s := &script{at: map[string]milter.Response{stage: c.resp}}
			if stage == "end" {
				s.finish = func(*milter.Modifier) (milter.Response, error) { return c.resp, nil }
			}
			v, err := ask(t, testMail("x"), serve(t, s, 0))
			if got := (want{v.Action, v.Code, v.Enhanced, v.Text}); err != nil || got != c.want {
				t.Errorf("%s: %+v, %v; want %+v", stage, got, err, c.want)
			}
		}
	}
}

func TestFilterAddsFields(t *testing.T) {
	first := &script{finish: func(m *milter.Modifier) (milter.Response, error) {
		_ = m.AddHeader("X-Spam", "Yes")
		_ = m.AddHeader("X-Evil", "a\r\nBcc: all@example.com")
		_ = m.AddHeader("Bad Name", "x")
		_ = m.ReplaceBody([]byte("other"))
		return milter.RespContinue, nil
	}}
	second := &script{finish: func(m *milter.Modifier) (milter.Response, error) {
		_ = m.InsertHeader(0, "X-Virus", "none")
		return milter.RespAccept, m.Quarantine("odd attachment")
	}}
	v, err := ask(t, testMail("x"), serve(t, first, 0), serve(t, second, 0))
	if err != nil || v.Action != Quarantine || !v.Spam || v.Text != "odd attachment" || v.Filter == "" {
		t.Fatalf("%+v, %v", v, err)
	}
	if got := fmt.Sprint(v.Headers); got != "[{X-Spam Yes} {X-Evil a Bcc: all@example.com} {X-Virus none}]" {
		t.Error(got)
	}
}

func TestSpamFlags(t *testing.T) {
	for h, want := range map[Header]bool{
		{"X-Spam", "Yes"}: true, {"x-spam-flag", " YES"}: true, {"X-Spam-Status", "Yes, score=12"}: true, {"X-Spam-Status", "No, score=-1"}: false,
		{"X-Spam-Level", "*****"}: false, {"X-Spam", "no"}: false,
	} {
		if isSpamFlag(h.Name, h.Value) != want {
			t.Error(h)
		}
	}
	s := &script{finish: func(m *milter.Modifier) (milter.Response, error) {
		return milter.RespAccept, m.ChangeHeader(1, "subject", "[SPAM] x")
	}}
	if v, err := ask(t, testMail("x"), serve(t, s, 0)); err != nil || !v.Spam {
		t.Error(v, err)
	}
}

// A filter that is not there, or goes away at any point, leaves no verdict.
func TestFilterThatDiesFailsClosed(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	if v, err := ask(t, testMail("x"), "unix:"+filepath.Join(t.TempDir(), "none")); err == nil || v.Action == Accept {
		t.Errorf("%+v, %v", v, err)
	}
	for packets := range 12 {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		done := make(chan struct{})
		go func() {
			defer close(done)
			conn, err := l.Accept()
			if err != nil {
				return
			}
			answerSome(conn, packets)
			_ = conn.Close()
		}()
		if v, err := ask(t, testMail("x"), "inet:"+l.Addr().String()); err == nil || v.Action == Accept {
			t.Errorf("after %d answers: %+v, %v", packets, v, err)
		}
		_ = l.Close()
		<-done
	}
}

// answerSome speaks just enough of the protocol to answer n packets with
// "continue", and ends in the middle of the next one's answer.
func answerSome(conn net.Conn, n int) {
	for {
		head := make([]byte, 5)
		if _, err := io.ReadFull(conn, head); err != nil {
			return
		}
		if _, err := io.CopyN(io.Discard, conn, int64(head[2])<<8|int64(head[3])-1); err != nil {
			return
		}
		switch {
		case head[4] == 'D':
			continue
		case n == 0:
			_, _ = conn.Write([]byte{0, 0, 0})
			return
		case head[4] == 'O':
			_, _ = conn.Write([]byte{0, 0, 0, 13, 'O', 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0})
		default:
			_, _ = conn.Write([]byte{0, 0, 0, 1, 'c'})
		}
		n--
	}
}

func TestFilterThatSpeaksNonsenseFailsClosed(t *testing.T) {
	for _, end := range [][]byte{{0, 0, 0, 1, 'Z'}, {0, 0, 0, 0}, {0xff, 0xff, 0xff, 0xff, 'a'}, {0, 0, 0, 3, 'y', '9', '9'}, {0, 0, 0, 9, 'y', '2', '5', '0', ' ', 'o', 'k', '!', 0},
		{0, 0, 0, 3, 'm', 0, 0}, {0, 0, 0, 3, 'h', 'a', 'b'}} {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		go func() {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			answerUntilEnd(conn, end)
			_ = conn.Close()
		}()
		in := testMail("")
		in.Body = nil
		if v, err := ask(t, in, "inet:"+l.Addr().String()); err == nil {
			t.Errorf("%q: %+v", end, v)
		}
		_ = l.Close()
	}
}

func answerUntilEnd(conn net.Conn, end []byte) {
	for {
		head := make([]byte, 5)
		if _, err := io.ReadFull(conn, head); err != nil {
			return
		}
		_, _ = io.CopyN(io.Discard, conn, int64(head[2])<<8|int64(head[3])-1)
		switch head[4] {
		case 'D':
		case 'O':
			_, _ = conn.Write([]byte{0, 0, 0, 13, 'O', 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0})
		case 'E':
			_, _ = conn.Write(end)
			return
		default:
			_, _ = conn.Write([]byte{0, 0, 0, 1, 'c'})
		}
	}
}

// A filter that only says "I am at work" is cut off when the time is over.
func TestFilterThatNeverEndsIsCutOff(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		conn, err := l.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		_, _ = conn.Write([]byte{0, 0, 0, 13, 'O', 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0})
		for err == nil {
			_, err = conn.Write([]byte{0, 0, 0, 1, 'p'})
		}
	}()
	c, err := New([]string{"inet:" + l.Addr().String()}, 100*time.Millisecond)
	if err != nil {
		t.Fatal(err)
	}
	if v, err := c.Ask(context.Background(), testMail("x")); err == nil || !strings.Contains(err.Error(), "deadline") { // else it never ends
		t.Errorf("%+v, %v", v, err)
	}
	_ = l.Close()
	<-done
}

func TestFilterAddress(t *testing.T) {
	for _, a := range []string{"", "unix:", "unix:relative", "inet:host", "inet::", "inet:host:", "tcp:host:1", "/run/x.sock"} {
		if _, err := New([]string{a}, 0); err == nil {
			t.Errorf("%q was accepted", a)
		}
	}
	if c, err := New([]string{"unix:/run/rspamd/milter.sock", "inet:127.0.0.1:11332", "inet:[::1]:11332"}, 0); err != nil || c.Len() != 3 {
		t.Error(c, err)
	}
}

func FuzzVerdict(f *testing.F) {
	f.Add(554, "5.7.1 Gtube", "X-Spam", "Yes")
	f.Add(451, "4.-7.1\r\n250 ok", "X-\u2028", "No, a\x00b")
	f.Add(599, "5.7.1", "Subject", strings.Repeat("é", 300))
	f.Fuzz(func(t *testing.T, code int, text, name, value string) {
		v, err := verdict([]milter.ModifyAction{{Code: milter.ActAddHeader, HeaderName: name, HeaderValue: value}, {Code: milter.ActChangeHeader, HeaderName: name, HeaderValue: value}},
			&milter.Action{Code: milter.ActReplyCode, SMTPCode: code, SMTPText: text})
		if err != nil {
			return
		}
		if v.Code < 400 || v.Code > 599 || v.Enhanced[0] != v.Code/100 || v.Text == "" {
			t.Fatalf("%+v", v)
		}
		for _, s := range []string{v.Text, fmt.Sprint(v.Headers)} {
			if strings.ContainsFunc(s, unicode.IsControl) || !utf8.ValidString(s) {
				t.Fatalf("%q", s)
			}
		}
	})
}
