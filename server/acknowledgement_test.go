package server_test

import (
	"bytes"
	"context"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"postdesk/internal/testkit"
	"postdesk/internal/ticket"
	"postdesk/pipeline"
	"postdesk/store"
)

// Each line of the table that a mail over SMTP can show. The request is a ticket
// all the same, and its agent gets it.
func TestNoAcknowledgement(t *testing.T) {
	t.Parallel()
	d := newDesk(t, nil)
	for _, c := range []struct {
		name, reason, envelope, address string
		headers                         []string
	}{
		{name: "stale", reason: "stale", headers: []string{"X-Stale: yes"}},
		{name: "arrived long ago", reason: "stale", headers: []string{"Received: from a.client.example by b.client.example with SMTP id 1; Sat, 21 Nov 2020 10:00:00 +0100"}},
		{name: "null sender", reason: "null-sender", envelope: "<>"},
		{name: "auto-submitted", reason: "auto-submitted", headers: []string{"Auto-Submitted: auto-generated"}},
		{name: "auto-submitted, oddly", reason: "auto-submitted", headers: []string{"Auto-Submitted: (yes) Auto-Replied; owner=x"}},
		{name: "precedence", reason: "precedence", headers: []string{"Precedence: bulk"}},
		{name: "list", reason: "list", headers: []string{"List-Id: <news.client.example>"}},
		{name: "unsubscribe", reason: "list", headers: []string{"List-Unsubscribe: <mailto:x@client.example>"}},
		{name: "suppress", reason: "x-auto-response-suppress", headers: []string{"X-Auto-Response-Suppress: DR, OOF"}},
		{name: "autoresponder", reason: "autoresponder-header", headers: []string{"X-Autorespond: out"}},
		{name: "loop header", reason: "loop-header", headers: []string{"X-Loop: x@client.example"}},
		{name: "noreply", reason: "system-sender", address: "no-reply@client.example"},
		{name: "ne pas repondre", reason: "system-sender", address: "ne-pas-repondre@client.example"},
		{name: "owner", reason: "system-sender", address: "owner-news@client.example"},
		{name: "unbacked", reason: "unauthenticated", address: "x@nobody.example"},
		{name: "not aligned", reason: "unauthenticated", envelope: "x@other.example"},
		{name: "calendar answer", reason: "itip", headers: []string{"Content-Type: text/calendar; method=REPLY"}},
		{name: "automatic subject", reason: "auto-subject", headers: []string{"X-Subject: Réponse automatique : en congé"}},
		{name: "our own words", reason: "auto-subject", headers: []string{"X-Subject: Votre demande n°77"}},
	} {
		jean := d.person("Jean", "jean@client.example")
		if c.address != "" {
			jean.address = c.address
		}
		jean.envelope = c.envelope
		subject := "Question " + c.name
		mail := jean.mail(generic, subject, "Texte "+c.name+".\n", c.headers...)
		if rest := field(mail, "X-Subject"); rest != "" {
			mail = strings.Replace(mail, "Subject: "+subject, "Subject: "+rest, 1)
		}
		if c.name == "stale" {
			mail = regexp.MustCompile(`(?m)^Date: .*$`).ReplaceAllString(mail, "Date: "+d.now().Add(-4*24*time.Hour).Format(time.RFC1123Z))
		}
		if err := jean.posts([]string{generic}, mail); err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		number := uint64(9999 + d.tickets())
		d.drained()
		if n := len(jean.mailbox()); n != 0 {
			t.Errorf("%s: %d mails to the sender", c.name, n)
		}
		if e := d.happened(number, ticket.Silent); len(e) != 1 || e[0].Data["reason"] != c.reason {
			t.Errorf("%s: %+v, want %s", c.name, e, c.reason)
		}
		if n := len(d.happened(number, ticket.Received)) + len(d.happened(number, ticket.Created)); n != 1 || d.ticket(number).Status != ticket.New {
			t.Errorf("%s: the ticket is %+v", c.name, d.ticket(number))
		}
		if d.agents.Count() == 0 || !strings.Contains(parse(t, d.agents.Mails()[d.agents.Count()-1]).text(), "Texte "+c.name) && c.reason != "itip" {
			t.Errorf("%s: no copy to the agents", c.name)
		}
	}
	if d.customers.Count() != 0 {
		t.Errorf("%d mails went out", d.customers.Count())
	}
}

// field is the value of a header field of a mail.
func field(mail, name string) string {
	m := regexp.MustCompile(`(?m)^` + name + `: (.*)$`).FindStringSubmatch(mail)
	if m == nil {
		return ""
	}
	return m[1]
}

// A failure of a p=reject domain is refused with a sentence, or marked.
func TestDMARCFailure(t *testing.T) {
	t.Parallel()
	t.Run("enforce", func(t *testing.T) {
		t.Parallel()
		d := newDesk(t, nil)
		boss := d.person("Boss", "boss@strict.example")
		err := boss.posts([]string{generic}, boss.mail(generic, "Virement", "Payez.\n"))
		if err == nil || !refused(err, 550, "5.7.26") || !strings.Contains(err.Error(), "strict.example") {
			t.Errorf("got %v, want 550 5.7.26 with a sentence", err)
		}
		d.drained()
		if d.tickets() != 0 || d.agents.Count() != 0 {
			t.Errorf("%d tickets, %d mails", d.tickets(), d.agents.Count())
		}
	})
	t.Run("mark", func(t *testing.T) {
		t.Parallel()
		d := newDesk(t, func(config string) string { return config + "\n[auth]\ndmarc = \"mark\"\n" })
		boss, anne := d.person("Boss", "boss@strict.example"), d.anne()
		boss.writes(generic, "Virement", "Payez.\n")
		d.says(anne.reads(), "suspect")
		boss.hearsNothing()
		if !d.ticket(10000).Suspect {
			t.Error("the ticket is not suspect")
		}
	})
}

// A generic address of ours as sender, from outside, is held: no ticket, no mail.
func TestOurOwnAddressAsSender(t *testing.T) {
	t.Parallel()
	d := newDesk(t, nil)
	for _, from := range []string{generic, "sav@example.com", "export@example.com"} {
		forger := d.person("Relation Client", from).from("x@other.example")
		forger.writes(generic, "Bonjour", "De "+from+" à vous.\n")
	}
	d.drained()
	held := d.held()
	if len(held) != 3 || held[0].Why != "own-address" {
		t.Errorf("held: %+v", held)
	}
	if d.tickets() != 0 || d.agents.Count()+d.customers.Count() != 0 {
		t.Errorf("%d tickets, mails %d and %d", d.tickets(), d.agents.Count(), d.customers.Count())
	}
	// Its envelope sender alone gets no acknowledgement either.
	jean := d.jean().from(generic)
	jean.writes(generic, "Bonjour", "Retour à vous-même.\n")
	d.drained()
	if d.customers.Count() != 0 {
		t.Error("an acknowledgement to ourselves")
	}
}

// The acknowledgement holds nothing that the sender chose.
func TestTheAcknowledgementIsConstant(t *testing.T) {
	t.Parallel()
	d := newDesk(t, nil)
	pieces := []string{"Achetez nos montres", "http://spam.test/cheap", "BUY-NOW-PLEASE", "l'homme au complet"}
	jean := d.jean()
	jean.name = pieces[2] + " " + pieces[3]
	jean.writes(generic, pieces[0]+" "+pieces[1], strings.Join(pieces, "\n")+"\n")
	ack := jean.reads()
	if len(ack.Raw) > 4096 {
		t.Errorf("%d bytes, want at most 4 KB", len(ack.Raw))
	}
	decoded := append(bytes.Clone(ack.Raw), ack.text()...)
	decoded = append(decoded, ack.subject()...)
	for _, piece := range pieces {
		for i := 0; i+8 <= len(piece); i++ {
			if bytes.Contains(decoded, []byte(piece[i:i+8])) {
				t.Errorf("it holds %q of the sender:\n%s", piece[i:i+8], ack.Raw)
				break
			}
		}
	}
	for name, want := range map[string]string{"Auto-Submitted": "auto-replied", "X-Auto-Response-Suppress": "All"} {
		if got := ack.Header.Get(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	if ack.From != "" || ack.Header.Get("X-Postdesk-Loop") == "" || len(ack.Attachments()) != 0 {
		t.Errorf("sender %q:\n%s", ack.From, ack.Raw)
	}
	if p := strings.Join(ack.Params, " "); !strings.Contains(p, "NOTIFY=NEVER") {
		t.Errorf("parameters %q, want NOTIFY=NEVER", p)
	}
}

// Five acknowledgements an hour to one address, then silence; all are tickets.
func TestAcknowledgementsAreCapped(t *testing.T) {
	t.Parallel()
	d := newDesk(t, nil)
	jean := d.jean()
	ask := func(n int) {
		for range n {
			jean.writes(generic, "Encore", fmt.Sprintf("Question %d.\n", d.tickets()))
		}
		d.drained()
	}
	ask(8)
	if got := len(jean.mailbox()); got != 5 {
		t.Errorf("%d acknowledgements in an hour, want 5", got)
	}
	if e := d.happened(10007, ticket.Silent); len(e) != 1 || e[0].Data["reason"] != "cap-address" {
		t.Errorf("events: %+v", e)
	}
	for range 5 {
		d.later(61 * time.Minute)
		ask(6)
	}
	if got := len(jean.mailbox()); got != 20 {
		t.Errorf("%d acknowledgements in a day, want 20", got)
	}
	d.later(25 * time.Hour)
	ask(1)
	if got := len(jean.mailbox()); got != 21 {
		t.Errorf("%d acknowledgements after a day, want one more than 20", got)
	}
	if d.tickets() != 39 {
		t.Errorf("%d tickets, want 39", d.tickets())
	}
}

// Past the breaker acknowledgements wait for an admin.
func TestTheBreakerMakesAcknowledgementsWait(t *testing.T) {
	t.Parallel()
	d := newDesk(t, func(config string) string { return config + "\n[acknowledge]\nbreaker = \"3/m\"\n" })
	for i := range 6 {
		d.person("", fmt.Sprintf("c%d@client.example", i)).writes(generic, "Question", fmt.Sprintf("Numéro %d.\n", i))
	}
	d.drained()
	if got := d.customers.Count(); got != 3 {
		t.Errorf("%d acknowledgements went out, want 3", got)
	}
	waiting := 0
	for _, row := range d.outbox() {
		if row.State == store.Held && row.Reason == pipeline.BreakerReason {
			waiting++
		}
	}
	if waiting != 3 || d.tickets() != 6 {
		t.Errorf("%d wait, of %d tickets", waiting, d.tickets())
	}
	// The breaker stays open until someone closes it, however late it is.
	d.later(time.Hour)
	d.person("", "late@client.example").writes(generic, "Question", "Plus tard.\n")
	d.drained()
	if got := d.customers.Count(); got != 3 {
		t.Errorf("%d acknowledgements went out with the breaker open", got)
	}
	if err := d.srv.Pipeline.CloseBreaker(context.Background(), false); err != nil {
		t.Fatal(err)
	}
	d.person("", "last@client.example").writes(generic, "Question", "Enfin.\n")
	d.arrives(d.customers, 4)
}

// carry takes a mail to another desk as a relay between them would, with what
// it does to the header.
func carry(t *testing.T, m testkit.Received, to *desk, rcpt string, strip *regexp.Regexp, n int) {
	raw := strings.ReplaceAll(string(m.Raw), "\r\n", "\n")
	raw = regexp.MustCompile(`\n[ \t]+`).ReplaceAllString(raw, " ")
	head, body, _ := strings.Cut(raw, "\n\n")
	head = strip.ReplaceAllString(head+"\n", "")
	head += fmt.Sprintf("Message-ID: <carried-%d@relay.example>\nSubject: Sujet %d\n", n, n)
	from := m.From
	if from == "" {
		from = regexp.MustCompile(`[\w.+-]+@[\w.]+`).FindString(field(raw, "From"))
	}
	if err := to.send(from, []string{rcpt}, head+"\n"+body+fmt.Sprintf("\n%d\n", n)); err != nil {
		t.Logf("refused: %v", err)
	}
}

// Two desks that acknowledge each other through a relay that takes every mark
// out stop at the caps.
func TestTwoDesksDoNotLoop(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		strip string
		most  int
	}{
		{"marks kept", `(?mi)^(Message-ID|Subject):.*\n`, 2},
		{"Auto-Submitted stripped", `(?mi)^(Message-ID|Subject|Auto-Submitted):.*\n`, 2},
		{"all marks stripped", `(?mi)^(Message-ID|Subject|Auto-Submitted|X-[\w-]+|In-Reply-To|References):.*\n`, 40},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			a := newDesk(t, nil)
			b := newDesk(t, func(config string) string {
				return strings.ReplaceAll(strings.ReplaceAll(config, "@example.com", "@client.example"), "mx.example.com", "mx.desk-b.example")
			})
			for _, d := range []*desk{a, b} {
				if err := d.dns.Set("example.com", testkit.TXT("v=spf1 ip4:127.0.0.0/8 -all")); err != nil {
					t.Fatal(err)
				}
				route(d, "example.com")
			}
			total := pingPong(t, a, b, regexp.MustCompile(c.strip))
			t.Logf("%d mails in all", total)
			if total > c.most {
				t.Errorf("%d mails, want at most %d", total, c.most)
			}
		})
	}
}

// route makes mail for a domain go to the customers' sink.
func route(d *desk, domain string) {
	d.text = strings.Replace(d.text, "[relay.routes]", fmt.Sprintf("[relay.routes]\n%q = %q", domain, d.customers.Addr), 1)
	d.again()
}

// pingPong lets A's mails go to B and back until they fall silent, and counts them.
func pingPong(t *testing.T, a, b *desk, strip *regexp.Regexp) int {
	const ours, theirs = generic, "relationclient@client.example"
	if err := a.send(theirs, []string{ours}, letter("Relation Client <"+theirs+">", ours, "first@client.example", "Bonjour", "Une vraie question.\n")); err != nil {
		t.Fatal(err)
	}
	sentA, sentB, total := 0, 0, 0
	for total < 500 {
		a.drained()
		b.drained()
		fromA, fromB := a.customers.Mails()[sentA:], b.customers.Mails()[sentB:]
		sentA, sentB = sentA+len(fromA), sentB+len(fromB)
		for _, m := range fromA {
			total++
			carry(t, m, b, theirs, strip, total)
		}
		for _, m := range fromB {
			total++
			carry(t, m, a, ours, strip, total)
		}
		if len(fromA)+len(fromB) == 0 {
			break // it has stopped
		}
		a.later(time.Minute)
		b.later(time.Minute)
	}
	return total
}

// What has gone round too often is refused, RFC 5321 §6.3.
func TestTooManyHops(t *testing.T) {
	t.Parallel()
	d := newDesk(t, nil)
	jean := d.jean()
	for _, n := range []int{49, 50} {
		mail := strings.Repeat("Received: from a by b; Sat, 21 Nov 2026 10:00:00 +0000\n", n) + jean.mail(generic, "Bonjour", fmt.Sprintf("%d sauts\n", n))
		if err := jean.posts([]string{generic}, mail); (n == 50) != refused(err, 554, "5.4.6") {
			t.Errorf("%d Received fields: %v", n, err)
		}
	}
	d.drained()
	if d.tickets() != 1 {
		t.Errorf("%d tickets", d.tickets())
	}
}
