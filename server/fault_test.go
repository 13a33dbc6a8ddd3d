package server_test

import (
	"context"
	"crypto/sha256"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"postdesk/internal/addr"
	"postdesk/internal/message"
	"postdesk/internal/testkit"
	"postdesk/internal/ticket"
	"postdesk/server"
	"postdesk/smtpd"
	"postdesk/store"
)

// Without DNS a mail is taken, marked, and not acknowledged; an agent is not believed.
// TestOneBudgetForAllNamesOfAMail is about how long that may take.
func TestWithoutDNS(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		mode testkit.DNSMode
	}{
		{"SERVFAIL", testkit.DNSServFail}, {"REFUSED", testkit.DNSRefused}, {"no answer", testkit.DNSTimeout}, {"garbage", testkit.DNSGarbage},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			d := newDesk(t, nil)
			jean, anne := d.jean(), d.anne()
			d.dns.SetMode(".", c.mode)
			jean.writes(generic, "Une question", "Bonjour\n")
			copy := anne.reads()
			d.says(copy, "rien ne prouve")
			jean.hearsNothing()
			if e := d.happened(10000, ticket.Silent); len(e) != 1 || e[0].Data["reason"] != "not-backed" {
				t.Errorf("events: %+v", e)
			}
			d.dns.SetMode(".", testkit.DNSServFail)
			anne.answers(copy, "Voici la réponse.\n")
			anne.reads() // the notice
			jean.hearsNothing()
			d.dns.SetMode(".", testkit.DNSNormal)
			anne.answers(copy, "Voici encore la réponse.\n")
			d.says(jean.reads(), "encore")
		})
	}
}

// panics is a DNS that breaks the stage that asks it.
type panics struct{ *net.Resolver }

func (panics) LookupTXT(context.Context, string) ([]string, error) { panic("a fault of the checker") }

// A stage that panics costs what it would have learned, not the mail.
func TestAStagePanics(t *testing.T) {
	t.Parallel()
	d := newDesk(t, nil)
	d.restart(func(o *server.Options) { o.Resolver = panics{d.dns.Resolver()} })
	jean, anne := d.jean(), d.anne()
	jean.writes(generic, "Une question", "Le texte de Jean.\n")
	got := anne.reads()
	if !strings.Contains(string(got.Raw), "Le texte de Jean.") {
		t.Errorf("the mail is not in it:\n%s", got.Raw)
	}
	jean.hearsNothing()
	if e := d.happened(10000, ticket.Unreadable); len(e) != 1 || !strings.Contains(e[0].Data["why"], "fault of the checker") {
		t.Errorf("events: %+v", e)
	}
	// The desk goes on.
	d.again()
	anne.answers(got, "Bonjour Jean.\n")
	d.says(jean.reads(), "Bonjour Jean.")
}

// restart starts on the same data directory with other options.
func (d *desk) restart(change func(*server.Options)) {
	d.Helper()
	if err := d.srv.Close(); err != nil {
		d.Fatal(err)
	}
	o := server.Options{Config: d.srv.Config(), Resolver: d.dns.Resolver(), Now: d.now}
	change(&o)
	var err error
	if d.srv, err = server.Start(context.Background(), o); err != nil {
		d.Fatal(err)
	}
	d.Cleanup(func() { _ = d.srv.Close() })
}

// trap is a mail whose n-th reading panics, once.
type trap struct {
	message.Source
	left *atomic.Int64
}

func (s trap) ReadAt(p []byte, off int64) (int, error) {
	if s.left.Add(-1) == 0 {
		panic("a fault of a reader")
	}
	return s.Source.ReadAt(p, off)
}

// SHA256 was summed while the mail arrived.
func (s trap) SHA256() [sha256.Size]byte {
	b := make([]byte, s.Size())
	if _, err := s.Source.ReadAt(b, 0); err != nil {
		panic(err)
	}
	return sha256.Sum256(b)
}

// Wherever reading the mail panics, parser, stage or transaction, the mail
// becomes one ticket with its bytes.
func TestAPanicAnywhereLosesNoMail(t *testing.T) {
	t.Parallel()
	d := newDesk(t, nil)
	for _, from := range []*person{d.jean(), d.anne(), d.person("", "x@nobody.example")} {
		for n := int64(1); ; n++ {
			mail := crlf(from.mail(generic, "Une question", part("Content-Type: text/plain", "Bonjour")+part("Content-Type: text/html", "<p>Bonjour")+"--b--\n",
				"MIME-Version: 1.0", "Content-Type: multipart/alternative; boundary=b"))
			src := trap{message.BytesSource([]byte(mail)), new(atomic.Int64)}
			src.left.Store(n)
			env := &smtpd.Envelope{Peer: smtpd.Peer{Listener: smtpd.MX}, From: d.mustParse(from.address), To: []addr.Address{d.mustParse(generic)}}
			kept := d.keeps()
			_, _, err := d.srv.Pipeline.Deliver(context.Background(), env, src)
			if err != nil {
				t.Fatalf("%s, reading %d: %v", from.address, n, err)
			}
			if got := d.keeps(); got != kept+1 {
				t.Fatalf("%s, reading %d: %d mails kept, want one after %d", from.address, n, got, kept)
			}
			if src.left.Load() > 0 {
				t.Logf("%s: %d readings", from.address, n-1)
				break
			}
		}
	}
}

// keeps is how many tickets and held mails there are.
func (d *desk) keeps() int { return d.tickets() + len(d.held()) }

// After a restart what was to go out goes out once, tokens are valid, and
// what is known is known.
func TestRestart(t *testing.T) {
	t.Parallel()
	d := newDesk(t, nil)
	jean, anne := d.jean(), d.anne()
	d.customers.SetScript(testkit.Script{testkit.AtMAIL: {Reply: "451 4.3.2 later"}})
	mail := jean.mail(generic, "Une question", "Bonjour\n")
	if err := jean.posts([]string{generic}, mail); err != nil {
		t.Fatal(err)
	}
	copy := anne.reads()
	anne.from("x@nobody.example").answers(copy, "De mon téléphone.\n")
	notice := anne.reads()

	d.again()
	d.customers.SetScript(nil)
	d.later(2 * time.Hour)
	if ack := jean.reads(); ack.subject() != "Votre demande n°10000" {
		t.Errorf("the first mail after the restart: %q", ack.subject())
	}
	if err := jean.posts([]string{generic}, mail); err != nil { // the same again
		t.Fatal(err)
	}
	jean.hearsNothing()
	anne.hearsNothing()

	d.again()
	anne.answers(notice, "#send\n")
	reply := jean.reads()
	d.says(reply, "De mon téléphone.")
	anne.answers(copy, "Et une autre.\n")
	jean.reads()
	d.again()
	jean.answers(reply, "Merci.\n")
	anne.reads()
	jean.hearsNothing()
	anne.hearsNothing()
	if kinds := d.messages(10000); kinds != "in out out in" || d.tickets() != 1 {
		t.Errorf("messages: %s, %d tickets", kinds, d.tickets())
	}
	for _, row := range d.outbox() {
		if row.State != store.Delivered {
			t.Errorf("%s to %s is %s", row.Purpose, row.To, row.State)
		}
	}
}

// Closing while the other server keeps us waiting before the final dot sends
// the mail again: it was not taken.
func TestRestartInTheMiddleOfADelivery(t *testing.T) {
	t.Parallel()
	d := newDesk(t, nil)
	d.customers.SetScript(testkit.Script{testkit.AtDATA: {Stall: true, Times: 1}})
	jean, anne := d.jean(), d.anne()
	jean.writes(generic, "Une question", "Bonjour\n")
	anne.reads()
	d.again()
	d.later(time.Hour)
	jean.reads()
	jean.hearsNothing()
}
