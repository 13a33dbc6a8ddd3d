package server_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"testing"

	"postdesk/internal/message"
)

// Every mail of the corpora as what an agent's program makes of an answer: marks in its header, its texts, its
// calendars and contacts, in each writing; to the customer, to an expert, to an approver, as a resolution, and passed on
// to somebody new. Nothing of them leaves, or it waits.
func TestNoMarkLeavesInMailsOfTheCorpora(t *testing.T) {
	t.Parallel()
	sweep(t, 60, 1)
}

// sweep takes every n-th mail, on so many desks at once.
func sweep(t *testing.T, n, desks int) {
	list := foreignMails(t)
	for part := range desks {
		t.Run(fmt.Sprint(part), func(t *testing.T) {
			t.Parallel()
			c := newCanaryDesk(t)
			r := rand.New(rand.NewPCG(uint64(part), 4))
			for i, f := range list {
				if i%n == 0 && i/n%desks == part && bytes.IndexByte(f.mail, 0) < 0 {
					c.dressed(f, r)
				}
			}
			c.clean()
		})
	}
}

// errands are where an answer may go: the commands above it.
var errands = []string{"", "", "", "#ask Dr Expert <expert@other.example> Avis\n", "#approve Mme Patron <patron@other.example>\n", "#solved! Réinstallé, canari à part.\n", "#public\n"}

// dressed sends a foreign mail as the agent's: as the answer itself, as a part of it, and as a mail that is
// attached.
func (c *canaryDesk) dressed(f *foreign, r *rand.Rand) {
	c.Helper()
	contentType, body := planted(f.mail, r)
	orders := errands[r.IntN(len(errands))]
	inner := "Content-Type: " + contentType + "\n\n" + body
	if m, err := message.Parse(message.BytesSource(f.mail)); err == nil && m.Root.Encoding != "" {
		inner = "Content-Transfer-Encoding: " + m.Root.Encoding + "\n" + inner
	}
	parts := canaryParts([]string{canaryAddress, canaryAlias, canaryPeer}[r.IntN(3)])
	one := parts[r.IntN(len(parts))]
	switch r.IntN(4) {
	case 0: // the answer is the mail
		if orders == "" && !strings.Contains(inner, "Content-Transfer-Encoding:") {
			c.answer(f.name, c.copy.token(), contentType, body)
			return
		}
		outer, text := bundle(c.typed(orders, ""), inner)
		c.answer(f.name+", a part", c.copy.token(), outer, text)
	case 1:
		outer, text := bundle(c.typed(orders, ""), inner, one.header+"\n\n"+one.body)
		c.answer(f.name+", a part, and "+one.name, c.copy.token(), outer, text)
	case 2:
		outer, text := bundle(c.typed(orders, "> "+strings.ReplaceAll(strings.TrimSpace(c.copy.text()), "\n", "\n> ")), "Content-Type: message/rfc822\n\nFrom: "+canaryPeer+"\nReceived: from canarihost by canarihost\nX-Mailer: CanariMUA\nMIME-Version: 1.0\n"+inner)
		c.answer(f.name+", attached", c.copy.token(), outer, text)
	default:
		outer, text := bundle(c.typed(orders, ""), "Content-Type: application/octet-stream; name=vieux.eml\nContent-Transfer-Encoding: base64\n\n"+b64(crlf("From: "+canaryPeer+"\nMIME-Version: 1.0\n"+inner)))
		c.answer(f.name+", a file", c.copy.token(), outer, text)
	}
}

// planted is a mail's body with marks in all texts that are ASCII's kin, and its Content-Type.
func planted(raw []byte, r *rand.Rand) (contentType, body string) {
	m, err := message.Parse(message.BytesSource(raw))
	if err != nil {
		return "text/plain", string(raw)
	}
	var out bytes.Buffer
	at := m.Root.Body
	m.Walk(func(p *message.Part) bool {
		if len(p.Children) == 0 && !p.Opaque && strings.HasPrefix(p.MediaType, "text/") && p.Body >= at && plainCharset(p) {
			out.Write(raw[at:p.Body])
			out.WriteString(encodedAs(p.Encoding, plant(p, r)))
			at = p.End
		}
		return true
	})
	out.Write(raw[at:])
	contentType = strings.TrimSpace(foldedLine.ReplaceAllString(m.Header.Get("Content-Type"), " "))
	if contentType == "" {
		contentType = "text/plain"
	}
	return contentType, strings.ReplaceAll(out.String(), "\r\n", "\n")
}

var foldedLine = regexp.MustCompile(`\r?\n[ \t]+`)

// plainCharset: marks in ASCII can be put in.
func plainCharset(p *message.Part) bool {
	charset := strings.ToLower(p.Params["charset"])
	return !slices.ContainsFunc([]string{"utf-16", "utf-32", "utf-7", "utf16", "2022", "ucs", "hz"}, func(s string) bool { return strings.Contains(charset, s) })
}

// plant puts marks into a text.
func plant(p *message.Part, r *rand.Rand) string {
	var b bytes.Buffer
	_, _ = b.ReadFrom(p.Decode())
	text := strings.ReplaceAll(b.String(), "\r\n", "\n")
	a := []string{canaryAddress, canaryAlias, canaryPeer}[r.IntN(3)]
	easy := hidings[:3]
	switch {
	case p.MediaType == "text/html":
		ways := append(slices.Clone(easy), markup...)
		at := r.IntN(len(text) + 1)
		if i := strings.Index(text[at:], ">\n"); i >= 0 { // between elements
			at += i + 1
		} else {
			at = len(text)
		}
		return text[:at] + "\n" + ways[r.IntN(len(ways))].hide(a) + "\n" + text[at:] + "\n" + ways[r.IntN(len(ways))].hide(a) + "\n"
	case strings.Contains(text, "END:VEVENT"):
		return strings.ReplaceAll(text, "END:VEVENT", calendarLines(a)+"END:VEVENT")
	case strings.Contains(text, "END:VCARD"):
		return strings.ReplaceAll(text, "END:VCARD", cardLines(a)+"END:VCARD")
	}
	ways := easy
	if r.IntN(4) == 0 {
		ways = hidings
	}
	at := strings.IndexByte(text, '\n') + 1
	return text[:at] + ways[r.IntN(len(ways))].hide(a) + "\n" + text[at:] + "\n" + ways[r.IntN(len(ways))].hide(a) + "\n"
}

// encodedAs writes text in a transfer encoding.
func encodedAs(encoding, text string) string {
	switch encoding {
	case "base64":
		return strings.ReplaceAll(b64(text), "\n", "\r\n")
	case "quoted-printable":
		return strings.ReplaceAll(qp(text), "\n", "\r\n") + "\r\n"
	}
	return strings.ReplaceAll(text, "\n", "\r\n") + "\r\n"
}
