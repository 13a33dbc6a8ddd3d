package compose

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"postdesk/internal/message"
	"postdesk/internal/testkit"
)

func numbered(format string, n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, format, i)
	}
	return b.String()
}

// bombs is HTML of a customer that is made to be costly, about a megabyte each.
func bombs() map[string]string {
	many := strings.Repeat
	return map[string]string{
		"open links, other ends":   many("<a>", 150000) + many("</b>", 150000),
		"4000 links, other ends":   many("<a>", 4000) + many("</b>", 250000),
		"unclosed tags":            many("<div><b><table>", 60000),
		"unclosed bold":            "<p>" + numbered("<b id=%d>", 400) + many("<p>x", 250000),
		"nested tables":            many("<table><tr><td>", 60000),
		"attributes":               "<p " + numbered("a%d=1 ", 100000) + ">x",
		"tags with attributes":     many("<p "+numbered("a%d=1 ", 100)+">", 900),
		"a comment":                "<!--" + many("-", 1<<20),
		"comments":                 many("<!--->", 170000),
		"half comments":            many("<!-", 300000),
		"entities":                 many("&amp;&#64;&nope", 70000),
		"ampersands":               many("&", 1<<20),
		"less-than signs":          many("<", 1<<20),
		"end tag beginnings":       many("</", 1<<19),
		"raw text":                 "<textarea>" + many("</textare", 110000),
		"scripts":                  many("<script><!--<script>", 50000),
		"style sheets":             many("<style>", 150000),
		"meta":                     many("<meta charset", 80000),
		"blockquotes":              many("<blockquote type=cite>", 45000),
		"paragraphs":               many("<p>On 1 a wrote:</p>\n", 45000),
		"attributions":             many("<div>Le 1 janv. 2026 à 10:00, Jean <j@x.example> a écrit :</div>", 10000),
		"via":                      "<div>" + many("<span>(via Relation Client)</span>", 30000) + "</div>",
		"token addresses":          many("<i>"+tokenAddr+"</i>", 20000),
		"marks":                    many("[== postdesk 1 aaaaaa ==]", 40000),
		"open marks":               many("[ = ", 250000),
		"at signs":                 many("@corp.example", 80000),
		"one long word":            many("a", 1<<20) + "@",
		"local parts":              many("a-b.c+d%41", 100000),
		"percent":                  many("%25", 300000),
		"texts between wrong ends": many("a</x>", 200000),
	}
}

// fastest is how much processor f takes: when it took more than is fine, the least of five, since the
// collector's work for another may fall into it.
func fastest(fine time.Duration, f func()) time.Duration {
	least := time.Hour
	for range 5 {
		start := testkit.CPU()
		f()
		if least = min(least, testkit.CPU()-start); least < fine || least > 20*fine {
			break
		}
	}
	return least
}

func TestCopyOfHostileHTMLIsLinear(t *testing.T) {
	if slowness > 10 {
		t.Skip("times mean little under the race detector")
	}
	c := testComposer(t)
	for name, src := range bombs() {
		for _, kind := range []string{"text/html", "text/plain"} {
			in := testCopyIn(t, "fr")
			in.Mail = parse(t, "From: jean@client.example\nMIME-Version: 1.0\nContent-Type: "+kind+"\n\n"+src+"\n")
			in.Cautions = []Caution{{Warning: WarnNotBacked}}
			took := fastest(100*time.Millisecond, func() {
				if _, err := c.Copy(in); err != nil {
					t.Error(err)
				}
			})
			if ms := float64(took.Microseconds()) / 1000; ms/float64(len(src)+1<<18)*(1<<20) > 50*slowness {
				t.Errorf("%s as %s: %.0f ms for %d KB", name, kind, ms, len(src)>>10)
			} else {
				t.Logf("%s as %s: %.0f ms for %d KB", name, kind, ms, len(src)>>10)
			}
		}
	}
}

// A bomb in an agent's reply comes by quoting a customer.
func TestReplyThatQuotesABombIsHeldOrCheap(t *testing.T) {
	if slowness > 10 {
		t.Skip("times mean little under the race detector")
	}
	for name, src := range bombs() {
		for _, where := range []string{"text/html", "text/plain", "text/html; name=a.html"} {
			in := testReplyIn(t, agentHeader+"Content-Type: "+where+"\n\n<p>Bonjour</p>\n<blockquote type=cite>"+src+"</blockquote>\n")
			var out ReplyOut
			d := fastest(400*time.Millisecond, func() {
				var err error
				if out, err = testComposer(t).Reply(in); err != nil {
					t.Fatal(err)
				}
			})
			if d > 400*time.Millisecond*slowness {
				t.Errorf("%s as %s: %v for %d KB, %v", name, where, d, len(src)>>10, out.Findings)
			} else {
				t.Logf("%s as %s: %v for %d KB, %v", name, where, d, len(src)>>10, out.Findings)
			}
		}
	}
}

func TestReplyWithCostlyHTMLIsHeld(t *testing.T) {
	src := "<p>Bonjour, <a href='mailto:" + private + "'>Anne</a></p><blockquote><p>" + numbered("<b id=%d>", 400) + strings.Repeat("<p>x", 16000)
	out, all := replyTo(t, agentHeader+"Content-Type: text/html\n\n"+src)
	if kinds(out.Findings) != "unreadable" || strings.Contains(all, "<b") || !strings.Contains(all, "Bonjour") {
		t.Errorf("%v %.2000s", out.Findings, all)
	}
	// within a mail that is attached, too
	out, _ = replyTo(t, withPart("Content-Type: message/rfc822", "Subject: x\nContent-Type: text/html\n\n"+src))
	if kinds(out.Findings) != "unreadable" {
		t.Error(out.Findings)
	}
}

func TestGuardReadsCostlyMarkupOfAnAttachment(t *testing.T) {
	src := numbered("<b id=%d>", 400) + strings.Repeat("<p>x", 16000) + "<p>anne.<b>durand</b><style>p{}</style>@corp<i>.example</i>"
	out, _ := replyTo(t, withPart("Content-Type: text/html; name=a.html\nContent-Disposition: attachment; filename=a.html", src))
	if kinds(out.Findings) != "secret" {
		t.Error(out.Findings)
	}
}

func TestHTMLThatHidesTheBlockIsShownAsText(t *testing.T) {
	for _, src := range []string{"<p>Bonjour</p><!-- ", "<p>Bonjour</p><textarea>", "<p>Bonjour</p><title>", "<p>Bonjour</p><plaintext>", "<p>Bonjour</p>" + strings.Repeat("<b>", 6000)} {
		for _, text := range []string{"Le texte du client.\n", ""} {
			in := testCopyIn(t, "fr")
			in.Mail = parse(t, alternative(text, src))
			if text == "" {
				in.Mail = parse(t, "From: jean@client.example\nContent-Type: text/html\n\n"+src)
			}
			in.Cautions = []Caution{{Warning: WarnSuspect}}
			out, err := testComposer(t).Copy(in)
			if err != nil {
				t.Fatal(err)
			}
			m, err := message.Parse(out.Source)
			if err != nil {
				t.Fatal(err)
			}
			files := Attachments(m)
			if m.HTMLPart() != nil || len(files) != 1 || files[0].Name != "message.html" {
				t.Fatalf("%.40q: %v", src, files)
			}
			last := ""
			m.Walk(func(p *message.Part) bool {
				if p.MediaType == "text/plain" {
					last = p.Text(maxBody)
				}
				return true
			})
			if !strings.Contains(last, "message suspect") || !strings.Contains(last, "[== /postdesk 10000") || text != "" && !strings.Contains(last, "Le texte du client.") || text == "" && !strings.Contains(last, "Bonjour") {
				t.Errorf("%.40q: %s", src, last)
			}
		}
	}
}

func TestWarningStandsOnTopOfTheHTML(t *testing.T) {
	in := testCopyIn(t, "fr")
	in.Mail = parse(t, alternative("Bonjour\n", "<html><head><style>body>*{display:none}</style></head><body><p>Bonjour</p></body></html>"))
	in.Cautions = []Caution{{Warning: WarnSuspect}}
	c := testComposer(t)
	out, err := c.Copy(in)
	if err != nil {
		t.Fatal(err)
	}
	m, err := message.Parse(out.Source)
	if err != nil {
		t.Fatal(err)
	}
	page := m.HTMLPart().Text(maxBody)
	if strings.Contains(page, "display:none") || strings.Index(page, "message suspect") > strings.Index(page, "<p>Bonjour") || strings.Count(page, "message suspect") != 2 {
		t.Error(page)
	}
	// an answer that quotes both tells the customer neither
	reply, all := replyTo(t, agentHeader+"Content-Type: text/html\n\n<p>Bonjour</p><blockquote>"+page+"</blockquote>")
	if strings.Contains(all, "suspect") || len(reply.Findings) > 0 {
		t.Errorf("%v %s", reply.Findings, all)
	}
}
