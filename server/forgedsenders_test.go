package server_test

import (
	"bytes"
	"fmt"
	"net/smtp"
	"strings"
	"testing"

	"postdesk/internal/testkit"
	"postdesk/store"
)

// forgery is how a sender stands with SPF and DMARC, and with its envelope.
type forgery struct {
	name     string
	from     string // of the header, %d a number
	envelope string // MAIL FROM
	answered bool   // it may be acknowledged: the address is backed, and is the Return-Path
}

var forgeries = []forgery{
	{"nothing published", "v%d@nobody.example", "v%d@nobody.example", false},
	{"SPF fails", "v%d@closed.example", "v%d@closed.example", false},
	{"SPF softfails", "v%d@soft.example", "v%d@soft.example", false},
	{"SPF neutral", "v%d@neutral.example", "v%d@neutral.example", false},
	{"SPF permerror", "v%d@broken.example", "v%d@broken.example", false},
	{"SPF passes for another domain", "v%d@nobody.example", "sender%d@other.example", false},
	{"SPF passes for another domain, a victim in the envelope", "own%d@other.example", "victim%d@nobody.example", false},
	{"DMARC quarantine", "v%d@quarantine.example", "v%d@quarantine.example", false},
	{"null sender", "v%d@client.example", "", false},
	{"SPF passes, aligned", "v%d@client.example", "v%d@client.example", true},
}

// A thousand forged senders get no acknowledgement; the backed one in ten gets one, as
// far as the caps of its domain go. Nothing of what the sender chose is in it, and it
// is not larger than a small multiple of a mail.
func TestForgedSendersGetNoAcknowledgement(t *testing.T) {
	t.Parallel()
	forgedSenders(t, 10)
}

func forgedSenders(t *testing.T, each int) {
	d := newDesk(t, nil)
	for name, record := range map[string]string{"closed.example": "v=spf1 -all", "soft.example": "v=spf1 ~all", "neutral.example": "v=spf1 ?all", "broken.example": "v=spf1 include:", "quarantine.example": "v=spf1 -all",
		"_dmarc.quarantine.example": "v=DMARC1; p=quarantine"} {
		if err := d.dns.Set(name, testkit.TXT(record)); err != nil {
			t.Fatal(err)
		}
	}
	c, err := smtp.Dial(d.srv.Addr("mx"))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := c.Hello("mx.client.example"); err != nil {
		t.Fatal(err)
	}
	in, allowed := 0, 0
	var pieces []string
	for i := range each {
		for _, f := range forgeries {
			from, envelope := fmt.Sprintf(f.from, i), f.envelope
			if envelope != "" {
				envelope = fmt.Sprintf(envelope, i)
			}
			subject, body := fmt.Sprintf("Offre-%06x pour %s", i*7919, f.name), fmt.Sprintf("Achetez-%06x http://spam.test/%d\nFormez le numéro.\n", i*104729, i)
			name := fmt.Sprintf("Promotion%05d Exceptionnelle", i)
			pieces = append(pieces, subject, body, name)
			mail := letter(fmt.Sprintf("%q <%s>", name, from), generic, fmt.Sprintf("f%d.%d@forged", i, len(pieces)), subject, body)
			if err := transact(c, envelope, []string{generic}, mail); err != nil {
				t.Fatalf("%s: %v", f.name, err)
			}
			if f.answered {
				in += len(mail)
				allowed++
			}
		}
	}
	d.drained()
	out, got := 0, 0
	marks := eights(pieces)
	for _, m := range d.customers.Mails() {
		if len(m.To) != 1 || !strings.HasSuffix(m.To[0], "@client.example") || m.From != "" {
			t.Errorf("an acknowledgement from %q to %v", m.From, m.To)
		}
		out += len(m.Raw)
		got++
		checkConstant(t, m, marks)
	}
	rows := d.automatic(store.PurposeAck, store.PurposeSentence, store.PurposeLetter)
	if got != len(rows) || got > allowed || got == 0 {
		t.Errorf("%d acknowledgements arrived, %d rows, %d allowed", got, len(rows), allowed)
	}
	if got > 0 && out/got > 4096 {
		t.Errorf("an acknowledgement of %d bytes, want at most 4096", out/got)
	}
	t.Logf("%d forged, %d backed, %d acknowledgements; %.1f bytes out for one in", each*len(forgeries)-allowed, allowed, got, float64(out)/float64(max(in, 1)))
}

// eights are all runs of eight bytes of what the senders chose.
func eights(pieces []string) map[string]bool {
	runs := map[string]bool{}
	for _, p := range pieces {
		for i := 0; i+8 <= len(p); i++ {
			runs[p[i:i+8]] = true
		}
	}
	return runs
}

// checkConstant looks for them in a mail, as bytes and decoded.
func checkConstant(t *testing.T, m testkit.Received, runs map[string]bool) {
	t.Helper()
	r := parse(t, m)
	seen := append(bytes.Clone(m.Raw), "\n"+r.subject()+"\n"+r.text()...)
	for i := 0; i+8 <= len(seen); i++ {
		if runs[string(seen[i:i+8])] {
			t.Errorf("the acknowledgement to %v holds %q of a sender's", m.To, seen[i:i+8])
			return
		}
	}
}
