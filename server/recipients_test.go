package server_test

import (
	"context"
	"crypto/tls"
	"encoding/base64"
	"fmt"
	"net"
	"net/textproto"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"postdesk/internal/config"
	"postdesk/internal/testkit"
	"postdesk/internal/ticket"
)

// relayForms are the ways in which people have talked servers into passing mail
// on. None of them is an address of ours.
var relayForms = []string{
	"victim@other.example", "victim%other.example@example.com", `"victim@other.example"@example.com`, "@example.com:victim@other.example",
	"@example.com,@other.example:victim@other.example", "other.example!victim@example.com", "other.example!victim", "victim@[127.0.0.1]", "victim@[192.0.2.1]",
	"victim@[IPv6:::1]", "relationclient@example.com@other.example", "victim@other.example@example.com", "victim%other.example", "victim",
	`"relationclient@example.com"@other.example`, "relationclient@example.com.", "victim@other.example.", "relationclient@example.com.other.example",
	"relationclient@sub.example.com", "relationclient@xexample.com", "relationclient%example.com@other.example", "relationclient@localhost", "victim@localhost",
	"relationclient@mx.client.example", "victim@mx.example.com", "relationclient+tabcdefghijklmnop@other.example", "relationclient@", "@example.com",
	"victim@exämple.com", "relationclient@example.com%other.example", `"a\"b"@other.example`, `"relationclient"@other.example`, "relationclient @example.com", "relationclient@example.com other.example",
	"victim:relationclient@example.com", "relationclient@127.0.0.1", "a@b@example.com", "!victim@example.com", "|victim@example.com", "/etc/passwd", "relationclient@@example.com",
	"smtp:victim@other.example", "relationclient+tx@sub.example.com", "mailer-daemon@example.com", "root@example.com", "anne.durand@corp.example",
}

// session is a raw SMTP session.
type session struct {
	*desk
	c *textproto.Conn
}

func (d *desk) dial(listener string) *session {
	d.Helper()
	nc, err := net.Dial("tcp", d.srv.Addr(listener))
	if err != nil {
		d.Fatal(err)
	}
	s := &session{d, textproto.NewConn(nc)}
	if _, _, err := s.c.ReadResponse(220); err != nil {
		d.Fatal(err)
	}
	s.says("EHLO mx.other.example", 250)
	if listener != "mx" {
		s.says("STARTTLS", 220)
		s.c = textproto.NewConn(tls.Client(nc, &tls.Config{InsecureSkipVerify: true}))
		s.says("EHLO mx.other.example", 250)
	}
	d.Cleanup(func() { s.c.Close() })
	return s
}

func (s *session) login() *session {
	s.Helper()
	s.says("AUTH PLAIN "+base64.StdEncoding.EncodeToString([]byte("\x00anne\x00secret of anne")), 235)
	return s
}

// command sends a line and gives the reply.
func (s *session) command(line string) (int, string) {
	s.Helper()
	if err := s.c.PrintfLine("%s", line); err != nil {
		s.Fatalf("%s: %v", line, err)
	}
	code, text, err := s.c.ReadResponse(0)
	if code == 0 {
		s.Fatalf("%s: %v", line, err)
	}
	return code, text
}

func (s *session) says(line string, want int) {
	s.Helper()
	if code, text := s.command(line); code != want {
		s.Fatalf("%s: %d %s, want %d", line, code, text, want)
	}
}

// Nothing is relayed, neither from the street nor for one of our own agents.
func TestNothingIsRelayed(t *testing.T) {
	t.Parallel()
	d := newDesk(t, nil)
	for _, listener := range []string{"mx", "submission"} {
		for forms := range slices.Chunk(relayForms, 20) { // who guesses for long is sent away
			s := d.dial(listener)
			if listener == "submission" {
				s.login()
			}
			d.refuses(s, forms, listener)
		}
	}
	if d.tickets() != 0 {
		t.Errorf("%d tickets", d.tickets())
	}
}

func (d *desk) refuses(s *session, forms []string, listener string) {
	d.Helper()
	for _, form := range forms {
		s.says("MAIL FROM:<anne.durand@corp.example>", 250)
		code, text := s.command("RCPT TO:<" + form + ">")
		if code == 250 && listener == "submission" { // what the mail is about is known after DATA
			s.says("DATA", 354)
			if code, text := s.command(crlf(letter("anne.durand@corp.example", form, "p@corp.example", "Samedi", "Bonjour\n")) + "\r\n."); code != 550 {
				d.Errorf("%s: private mail to <%s>: %d %s", listener, form, code, text)
			}
			continue
		}
		if code < 500 || code > 599 {
			d.Errorf("%s: RCPT TO:<%s>: %d %s", listener, form, code, text)
		}
		if code, _ := s.command("DATA"); code < 500 {
			d.Fatalf("%s: DATA after %s: %d", listener, form, code)
		}
		s.says("RSET", 250)
	}
}

// Without a login submission takes nothing, and without TLS no login.
func TestSubmissionWantsALogin(t *testing.T) {
	t.Parallel()
	d := newDesk(t, nil)
	s := d.dial("submission")
	if code, text := s.command("MAIL FROM:<anne.durand@corp.example>"); code != 530 {
		t.Errorf("MAIL without AUTH: %d %s", code, text)
	}
	nc, err := net.Dial("tcp", d.srv.Addr("submission"))
	if err != nil {
		t.Fatal(err)
	}
	clear := &session{d, textproto.NewConn(nc)}
	defer clear.c.Close()
	if _, _, err := clear.c.ReadResponse(220); err != nil {
		t.Fatal(err)
	}
	_, text := clear.command("EHLO x.example")
	if strings.Contains(text, "AUTH") {
		t.Error("AUTH is offered without TLS")
	}
	if code, text := clear.command("AUTH PLAIN AGFubmUAeA=="); code != 538 && code != 530 && code != 502 && code != 523 {
		t.Errorf("AUTH without TLS: %d %s", code, text)
	}
}

// Refusals are sentences that a human understands.
func TestRefusalsAreSentences(t *testing.T) {
	t.Parallel()
	d := newDesk(t, nil)
	for _, c := range []struct {
		listener, to string
		code         int
		enhanced     string
		words        string
	}{
		{"mx", "relationclinet@example.com", 550, "5.1.1", "relationclinet@example.com"},
		{"mx", "victim@other.example", 550, "5.7.1", "other.example"},
		{"submission", "cousin@localhost", 550, "5.7.1", "localhost"},
	} {
		s := d.dial(c.listener)
		if c.listener == "submission" {
			s.login()
		}
		s.says("MAIL FROM:<anne.durand@corp.example>", 250)
		code, text := s.command("RCPT TO:<" + c.to + ">")
		if code != c.code || !strings.HasPrefix(text, c.enhanced+" ") || !strings.Contains(text, c.words) || len(strings.Fields(text)) < 6 {
			t.Errorf("%s: %d %s", c.to, code, text)
		}
	}
}

// Postmaster and abuse reach the admin, whatever the domain of ours and in any
// case; they are no request and get no acknowledgement.
func TestPostmasterAndAbuse(t *testing.T) {
	t.Parallel()
	d := newDesk(t, nil)
	jean, it := d.jean(), d.person("", "it@corp.example")
	for i, to := range []string{"postmaster@example.com", "abuse@example.com", "PostMaster@mx.example.com", "postmaster"} {
		if err := jean.posts([]string{to}, jean.mail("postmaster@example.com", "Souci", "Bonjour "+to+"\n")); err != nil {
			t.Fatalf("%s: %v", to, err)
		}
		if got := it.reads(); !strings.Contains(string(got.Raw), "Bonjour "+to) || got.From != "" {
			t.Errorf("from %q:\n%s", got.From, got.Raw)
		}
		if tk := d.ticket(uint64(10000 + i)); tk.Status != ticket.Closed {
			t.Errorf("%s: the ticket is %s", to, tk.Status)
		}
	}
	jean.hearsNothing()
	// Together with a team it is both.
	if err := jean.posts([]string{generic, "postmaster@example.com"}, jean.mail(generic, "Les deux", "Bonjour à tous\n")); err != nil {
		t.Fatal(err)
	}
	it.reads()
	jean.reads()
	d.anne().reads()
	it.hearsNothing()
}

// Addresses are ours without regard to case, and with an extension.
func TestFormsOfOurAddresses(t *testing.T) {
	t.Parallel()
	d := newDesk(t, nil)
	jean := d.jean()
	for _, to := range []string{"RelationClient@Example.COM", `"relationclient"@example.com`, "sav@example.com", "relationclient+facture@example.com"} {
		if err := jean.posts([]string{to}, jean.mail(to, "Bonjour", "À "+to+"\n")); err != nil {
			t.Errorf("%s: %v", to, err)
			continue
		}
		if ack := jean.reads(); ack.token() != generic {
			t.Errorf("%s is acknowledged by %s", to, ack.token())
		}
	}
}

// With a full disk nothing is taken, and what is queued still goes out.
func TestALowDisk(t *testing.T) {
	t.Parallel()
	d := newDesk(t, nil)
	d.customers.SetScript(testkit.Script{testkit.AtMAIL: {Reply: "451 4.3.2 later"}})
	jean := d.jean()
	jean.writes(generic, "Bonjour", "Une question.\n")
	free, _, err := d.srv.Store.Free()
	if err != nil {
		t.Fatal(err)
	}
	more := fmt.Sprintf(`min_free_disk = "%dMB"`, free*3/2>>20) // the lower floors, of writing at all, are not reached
	d.reload(strings.Replace(d.text, `min_free_disk = "1MB"`, more, 1))
	if err := jean.posts([]string{generic}, jean.mail(generic, "Bonjour", "Une autre.\n")); !refused(err, 452, "4.3.1") {
		t.Errorf("got %v, want 452 4.3.1", err)
	}
	d.customers.SetScript(nil)
	d.later(time.Hour)
	d.srv.Relay.Wake()
	jean.reads()
	d.reload(d.text)
	jean.writes(generic, "Bonjour", "Encore une autre.\n")
	jean.reads()
}

// reload takes another configuration, as SIGHUP does.
func (d *desk) reload(text string) {
	d.Helper()
	cfg, err := config.Parse(filepath.Join(d.dir, "config.toml"), []byte(text))
	if err != nil {
		d.Fatal(err)
	}
	if err := d.srv.Reload(context.Background(), cfg); err != nil {
		d.Fatal(err)
	}
}
