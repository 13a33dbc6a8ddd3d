package server_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/smtp"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"postdesk/internal/config"
	"postdesk/internal/message"
	"postdesk/internal/password"
	"postdesk/internal/testkit"
	"postdesk/relay"
	"postdesk/server"
	"postdesk/store"
)

// desk is a running postdesk with the world around it: the customers' mail
// server, the agents' mail server, and the DNS.
type desk struct {
	*testing.T
	srv               *server.Server
	customers, agents *testkit.Sink
	dns               *testkit.DNS
	dir               string
	text              string                                // the configuration file
	skew              atomic.Int64                          // how far postdesk's clock is ahead
	alarm             alarm                                 // of the timers
	elapsed           func() time.Duration                  // a clock that nobody sets; nil follows postdesk's
	resolver          func(server.Resolver) server.Resolver // between postdesk and the DNS, nil for nothing
	storage           func(*store.Options)                  // what the data lies on, nil for the disk
	relay             func(*relay.Options)                  // how mail goes out, nil for as configured
}

// now is postdesk's clock.
func (d *desk) now() time.Time { return time.Now().Add(time.Duration(d.skew.Load())) }

// later moves postdesk's clock ahead.
func (d *desk) later(by time.Duration) { d.skew.Add(int64(by)) }

// anneHash is made once: it is meant to be slow.
var anneHash = sync.OnceValues(func() (string, error) { return password.Hash("secret of anne") })

const wait = 60 * time.Second // of a busy machine

// records of the world: customers' and agents' domains have SPF for loopback.
func world() map[string][]string {
	spf := testkit.TXT("v=spf1 ip4:127.0.0.0/8 -all")
	return map[string][]string{
		"client.example":        {spf, "MX 10 mx.client.example."},
		"corp.example":          {spf, "MX 10 mx.corp.example."},
		"other.example":         {spf},
		"strict.example":        {testkit.TXT("v=spf1 -all")},
		"_dmarc.strict.example": {testkit.TXT("v=DMARC1; p=reject")},
		"nobody.example":        {"A 192.0.2.1"},
	}
}

// newDesk starts everything. extra is added to the configuration file, before
// its tables.
func newDesk(t *testing.T, change func(config string) string) *desk {
	t.Helper()
	return newDeskWith(t, change, func(*desk) {})
}

// newDeskWith is newDesk with something set before the first start.
func newDeskWith(t *testing.T, change func(config string) string, set func(*desk)) *desk {
	t.Helper()
	d := &desk{T: t, dir: t.TempDir()}
	set(d)
	d.customers = testkit.NewSink(t, testkit.SinkOptions{Hostname: "mx.client.example"})
	d.agents = testkit.NewSink(t, testkit.SinkOptions{Hostname: "mx.corp.example"})
	d.dns = testkit.NewDNS(t, world())
	text := d.config()
	if change != nil {
		text = change(text)
	}
	d.start(text)
	return d
}

func (d *desk) config() string {
	hash, err := anneHash()
	if err != nil {
		d.Fatal(err)
	}
	cert, key := testkit.CertFiles(d.T, d.dir, "mx.example.com")
	return fmt.Sprintf(`
hostname = "mx.example.com"
data_dir = %q
postmaster = "it@corp.example"

[listen]
mx = ["127.0.0.1:0"]
submission = ["127.0.0.1:0"]
submissions = []
http = ["127.0.0.1:0"]
admin = %q

[tls]
cert = %q
key = %q

[limits]
min_free_disk = "1MB"
messages_per_ip = ""
connections_per_ip = 200

[relay]
retry = ["1s"]

[relay.routes]
"client.example" = %q
"other.example" = %q
"corp.example" = %q

[[agent]]
id = "anne"
name = "Anne Durand"
address = "anne.durand@corp.example"
aliases = ["a.durand@corp.example"]
password_hash = %q

[[agent]]
id = "bruno"
name = "Bruno Petit"
address = "bruno.petit@corp.example"

[[team]]
name = "Relation Client"
address = "relationclient@example.com"
aliases = ["sav@example.com"]
agents = ["anne", "bruno"]
language = "fr"

[[team]]
name = "Export"
address = "export@example.com"
agents = ["bruno"]
language = "en"
`, filepath.Join(d.dir, "data"), "unix:"+filepath.Join(d.dir, "admin.sock"), cert, key, d.customers.Addr, d.customers.Addr, d.agents.Addr, hash)
}

func (d *desk) start(text string) {
	d.Helper()
	d.text = text
	cfg, err := config.Parse(filepath.Join(d.dir, "config.toml"), []byte(text))
	if err != nil {
		d.Fatal(err)
	}
	log := slog.New(slog.DiscardHandler)
	if os.Getenv("POSTDESK_TEST_LOG") != "" {
		log = slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelDebug}))
	}
	o := server.Options{Config: cfg, Resolver: d.dns.Resolver(), Log: log, Now: d.now, Elapsed: d.elapsed, After: d.alarm.after, Relay: d.relay}
	if d.resolver != nil {
		o.Resolver = d.resolver(o.Resolver)
	}
	looked, _, _ := d.alarm.state()
	srv, err := server.Start(context.Background(), o)
	if err != nil {
		d.Fatal(err)
	}
	d.alarm.looked(d.T, looked) // before the test moves the clock
	d.srv = srv
	d.Cleanup(func() { _ = srv.Close() })
}

// send plays a mail server that hands a mail to the MX.
func (d *desk) send(from string, to []string, mail string) error {
	d.Helper()
	err := sendTo(d.srv.Addr("mx"), from, to, mail)
	var op *net.OpError
	if errors.As(err, &op) && op.Op == "dial" {
		d.Fatal(err)
	}
	return err
}

// sendTo is the same for a server that may not be there.
func sendTo(at, from string, to []string, mail string) error {
	c, err := smtp.Dial(at)
	if err != nil {
		return err
	}
	defer c.Close()
	if err := c.Hello("mx.client.example"); err != nil {
		return err
	}
	return transact(c, from, to, mail)
}

// submit plays a mail client: STARTTLS, AUTH, then the mail.
func (d *desk) submit(user, pass, from string, to []string, mail string) error {
	d.Helper()
	c, err := smtp.Dial(d.srv.Addr("submission"))
	if err != nil {
		d.Fatal(err)
	}
	defer c.Close()
	if err := c.StartTLS(&tls.Config{InsecureSkipVerify: true, ServerName: "mx.example.com"}); err != nil {
		return err
	}
	if err := c.Auth(plainAuth{user, pass}); err != nil {
		return err
	}
	return transact(c, from, to, mail)
}

// plainAuth is AUTH PLAIN without a look at the certificate's name.
type plainAuth struct{ user, pass string }

func (a plainAuth) Start(*smtp.ServerInfo) (string, []byte, error) {
	return "PLAIN", []byte("\x00" + a.user + "\x00" + a.pass), nil
}
func (a plainAuth) Next([]byte, bool) ([]byte, error) { return nil, nil }

func transact(c *smtp.Client, from string, to []string, mail string) error {
	if err := c.Mail(from); err != nil {
		return err
	}
	for _, r := range to {
		if err := c.Rcpt(r); err != nil {
			return err
		}
	}
	w, err := c.Data()
	if err != nil {
		return err
	}
	if _, err := w.Write([]byte(crlf(mail))); err != nil {
		return err
	}
	return w.Close()
}

func crlf(s string) string {
	return strings.ReplaceAll(strings.ReplaceAll(s, "\r\n", "\n"), "\n", "\r\n")
}

// letter is a plain mail.
func letter(from, to, id, subject, body string, headers ...string) string {
	h := fmt.Sprintf("From: %s\nTo: %s\nMessage-ID: <%s>\nSubject: %s\nDate: %s\n", from, to, id, subject, time.Now().Format(time.RFC1123Z))
	for _, x := range headers {
		h += x + "\n"
	}
	return h + "\n" + body
}

// received is a mail that arrived somewhere, parsed.
type received struct {
	testkit.Received
	*message.Message
}

func parse(t testing.TB, r testkit.Received) received {
	t.Helper()
	m, err := message.Parse(message.BytesSource(r.Raw))
	if err != nil {
		t.Fatal(err)
	}
	return received{r, m}
}

func (r received) text() string {
	s, _ := r.TextBody(1 << 20)
	return s
}

// arrives waits for the n-th mail of a sink and returns it.
func (d *desk) arrives(s *testkit.Sink, n int) received {
	d.Helper()
	mails := s.Wait(n, wait)
	if len(mails) < n {
		d.Fatalf("%s: %d mails, want %d", s.Addr, len(mails), n)
	}
	return parse(d.T, mails[n-1])
}

// quiet checks that no more than n mails have come once the outbox is empty.
func (d *desk) quiet(s *testkit.Sink, n int) {
	d.Helper()
	d.drained()
	if got := s.Count(); got != n {
		for _, m := range s.Mails() {
			d.Logf("--- from %s to %v\n%s", m.From, m.To, m.Raw)
		}
		d.Fatalf("%s: %d mails, want %d", s.Addr, got, n)
	}
}

// drained waits until nothing is ready or under way in the outbox.
func (d *desk) drained() {
	d.Helper()
	for end := time.Now().Add(wait); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		var left int64
		d.view(func(tx store.ReadTx) error {
			all, err := store.Tally(tx, "outbox")
			left = all["ready"] + all["sending"]
			return err
		})
		if left == 0 {
			return
		}
	}
	d.Fatal("the outbox does not drain")
}

func (d *desk) view(fn func(store.ReadTx) error) {
	d.Helper()
	if err := d.srv.Store.View(context.Background(), fn); err != nil {
		d.Fatal(err)
	}
}

// replyTo is what a mail client writes when its user presses Reply.
func replyTo(m received, from, text string, headers ...string) (to string, mail string) {
	to = m.Header.Mailboxes("From")[0].Address.String()
	if list := m.Header.Mailboxes("Reply-To"); len(list) > 0 {
		to = list[0].Address.String()
	}
	id := m.Header.MessageIDs("Message-ID")[0]
	refs := append(m.Header.MessageIDs("References"), id)
	subject := m.Header.Text("Subject")
	if !strings.HasPrefix(subject, "Re:") {
		subject = "Re: " + subject
	}
	quoted := "> " + strings.ReplaceAll(strings.TrimRight(m.text(), "\n"), "\n", "\n> ")
	headers = append([]string{"In-Reply-To: <" + id + ">", "References: <" + strings.Join(refs, ">\n <") + ">",
		"MIME-Version: 1.0", "Content-Type: text/plain; charset=utf-8", "Content-Transfer-Encoding: 8bit"}, headers...)
	body := text + "\n\nLe 21/11/2026 à 10:00, " + m.Header.Mailboxes("From")[0].Name + " a écrit :\n" + quoted + "\n"
	return to, letter(from, to, fmt.Sprintf("r%d@client", time.Now().UnixNano()), message.EncodeWord(subject), body, headers...)
}

// without checks that none of the marks is anywhere in a mail, as bytes or decoded.
func (d *desk) without(m received, marks ...string) {
	d.Helper()
	seen := bytes.ToLower(m.Raw)
	m.Walk(func(p *message.Part) bool {
		if len(p.Children) == 0 {
			seen = append(seen, bytes.ToLower([]byte(p.Text(1<<20)))...)
		}
		return true
	})
	for _, mark := range marks {
		if bytes.Contains(seen, bytes.ToLower([]byte(mark))) {
			d.Errorf("the mail to %v shows %q:\n%s", m.To, mark, m.Raw)
		}
	}
}
