package rules

import (
	"encoding/json"
	"net/mail"
	"net/textproto"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"postdesk/internal/addr"
)

// ackCase is one labelled mail: what is known of it, and whether it may be
// acknowledged.
type ackCase struct {
	ID      string            `json:"id"`
	EnvFrom string            `json:"env_from"`
	Auth    string            `json:"auth"`
	Ctx     string            `json:"ctx"`
	Headers map[string]string `json:"headers"`
	Expect  string            `json:"expect"`
	Reason  string            `json:"reason"`
}

// TestLabelledMails compares the table with mails that were labelled by hand.
func TestLabelledMails(t *testing.T) {
	cases := readAckCases(t)
	for _, c := range cases {
		t.Run(c.ID, func(t *testing.T) {
			ack := Acknowledge(c.facts(t))
			if want := c.Expect == "ack"; ack.Send != want {
				t.Fatalf("send %v (%s, line %d), want %v (%s)", ack.Send, ack.Reason, ack.Line, want, c.Reason)
			}
			want := Reason(strings.ReplaceAll(c.Reason, " ", "-"))
			if want == "" {
				want = ReasonSent
			}
			if ack.Reason != want {
				t.Errorf("reason %q, want %q", ack.Reason, want)
			}
			if !slices.Contains(Reasons(), ack.Reason) {
				t.Errorf("%q is not one of the fixed reasons", ack.Reason)
			}
		})
	}
}

func readAckCases(t *testing.T) []ackCase {
	t.Helper()
	corpora := os.Getenv("POSTDESK_CORPORA")
	if corpora == "" {
		corpora = filepath.Join("..", "..", "shared", "corpora")
	}
	data, err := os.ReadFile(filepath.Join(corpora, "..", "probes", "ack_cases.json"))
	if err != nil {
		t.Skip("no labelled mails; set POSTDESK_CORPORA: ", err)
	}
	var cases []ackCase
	if err := json.Unmarshal(data, &cases); err != nil {
		t.Fatal(err)
	}
	if len(cases) < 91 {
		t.Fatalf("%d cases, want 91", len(cases))
	}
	return cases
}

func (c *ackCase) facts(t *testing.T) *AckFacts {
	f := humanMail()
	f.EnvelopeFrom = parseAddr(t, c.EnvFrom)
	f.Target = f.EnvelopeFrom
	f.From = authorsOf(t, c.Headers["From"])
	f.Subject = c.Headers["Subject"]
	f.Header = headerOf(c.Headers)
	f.ToCcHasOurs = strings.Contains(c.Headers["To"]+c.Headers["Cc"], "support@desk.test")
	f.AgentClaimed = len(f.From) == 1 && f.From[0].Local == "agent1"
	switch c.Auth {
	case "pass", "spf=pass(aligned)":
	case "dmarc=fail":
		f.Backed, f.EnvelopeAligned, f.DMARCFail = false, false, true
	case "temperror":
		f.Backed, f.EnvelopeAligned, f.TempError = false, false, true
	case "spf=none dkim=none dmarc=none", "spf=pass(unaligned) dkim=none":
		f.Backed, f.EnvelopeAligned = false, false
	default:
		t.Fatalf("auth %q is not known", c.Auth)
	}
	c.context(t, f)
	return f
}

func (c *ackCase) context(t *testing.T, f *AckFacts) {
	switch c.Ctx {
	case "":
	case "thread=existing":
		f.New = false
	case "authenticated agent":
		f.AgentSubmission = true
	case "Date 30 days old":
		f.Date = f.Now.AddDate(0, 0, -30)
	case "global breaker open":
		f.Caps.Tripped = true
	case "spam=yes":
		f.Spam = true
	case "malware=yes":
		f.Malware = true
	case "same sender+subject+body-hash within 24h":
		f.SameContent = true
	case "60 Received headers":
		f.Received = 60
	default:
		t.Fatalf("context %q is not known", c.Ctx)
	}
}

// humanMail is a customer's first mail to support@desk.test: the one that is
// acknowledged.
func humanMail() *AckFacts {
	jean := addr.Address{Local: "jean", Domain: "client.test"}
	now := time.Date(2026, 11, 16, 10, 0, 0, 0, time.UTC)
	return &AckFacts{
		Now: now, Date: now.Add(-time.Minute), Subject: "Bonjour",
		Header:       headerOf(nil),
		New:          true,
		EnvelopeFrom: jean, From: []addr.Address{jean}, Target: jean,
		Backed: true, EnvelopeAligned: true, ToCcHasOurs: true,
		OwnSubjects: []string{"Votre demande n°", "Your request no. "},
		Own: func(a addr.Address) bool {
			base, _ := a.SplitExt()
			return a.Domain == "desk.test" && (base.Local == "support" || base.Local == "sales")
		},
	}
}

func headerOf(fields map[string]string) func(string) []string {
	h := textproto.MIMEHeader{}
	for name, value := range fields {
		h.Add(name, value)
	}
	return func(name string) []string { return h.Values(name) }
}

func parseAddr(t *testing.T, s string) addr.Address {
	t.Helper()
	if s == "" {
		return addr.Address{}
	}
	a, err := addr.Parse(s)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func authorsOf(t *testing.T, from string) []addr.Address {
	list, err := mail.ParseAddressList(from)
	if err != nil {
		return nil
	}
	var authors []addr.Address
	for _, m := range list {
		authors = append(authors, parseAddr(t, m.Address))
	}
	return authors
}
