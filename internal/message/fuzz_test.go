package message

import (
	"strings"
	"testing"
	"unicode/utf8"

	"postdesk/internal/addr"
)

func FuzzParse(f *testing.F) {
	f.Add([]byte(ordinaryMail))
	f.Add([]byte("Content-Type: multipart/mixed; boundary=a\n\n--a\nContent-Type: message/rfc822\n\nContent-Type: multipart/mixed; boundary=a\n\n--a\n--a--\n--a--\n"))
	f.Add([]byte("From x\n>From y\nA:b\n c\nno field\n\n"))
	f.Add([]byte("Content-Transfer-Encoding: x-uuencode\r\n\r\nbegin 644 a\r\n#AAAA\r\n`\r\nend\r\n"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		m, err := Parse(BytesSource(raw))
		if err != nil {
			t.Fatal(err)
		}
		checkTiles(t, m, raw)
		readAll(t, m)
		m.IsSealed()
		m.CalendarMethod()
		r, err := NewBuilder(counter()).Build(CopyContent(m.Root))
		if err != nil {
			t.Fatal(err)
		}
		checkClean(t, readSource(t, r))
		if out, err := SevenBit(m.Source, m); err == nil && !isASCII(readSource(t, out)) {
			t.Fatal("still 8 bit")
		}
	})
}

// checkHarmless fails for text that may not stand in one line of a header.
func checkHarmless(t *testing.T, s string) {
	t.Helper()
	if !utf8.ValidString(s) || strings.ContainsAny(s, "\r\n\x00\u2028\u2029\u202e\u2066") || len(s) > MaxText {
		t.Fatalf("harmful: %q", s)
	}
}

func FuzzHeader(f *testing.F) {
	f.Add("Subject", "=?utf-8?q?a=0D=0Ab?= =?iso-8859-1?b?6Q==?=\r\n c")
	f.Add("Content-Type", "text/plain; charset*0*=utf-8''a%20; charset*1=\"b\\\"\"; name=x y.pdf (c)")
	f.Add("Date", "Fri, 21 Nov 97 09:55:06 EST (x)")
	f.Add("References", "<a@b> <c@d")
	f.Fuzz(func(t *testing.T, name, value string) {
		h := Header{Fields: []Field{{Name: name, Raw: []byte(name + ":" + value)}}}
		checkHarmless(t, h.Text(name))
		h.Values(name)
		for _, id := range h.MessageIDs(name) {
			checkHarmless(t, id)
		}
		h.MediaType(name)
		parseDisposition(value)
		parseDate(value)
		checkHarmless(t, cleanFileName(value))
	})
}

func FuzzMailboxes(f *testing.F) {
	f.Add(`"A, B" <a@b.test>, C, D <c@d.test>; G: e@f.test (x), =?utf-8?q?a,b?= <g@h.test>;`)
	f.Add(`<@a,@b:c@d.test> <<x@y.test>> "z" z@z.test`)
	f.Fuzz(func(t *testing.T, s string) {
		for _, m := range parseMailboxes(s) {
			checkHarmless(t, m.Name)
			if again, err := addr.Parse(m.Address.String()); err != nil || again != m.Address {
				t.Fatalf("%q: %v", m.Address, err)
			}
		}
	})
}

func FuzzHTMLToText(f *testing.F) {
	f.Add(`<p>a<br>b<ul><li>c</ul><blockquote>d</blockquote><a href="http://x">e</a><table><td>f<td>g<pre> h </pre>`)
	f.Fuzz(func(t *testing.T, s string) {
		if got := HTMLToText(s, 1000); len(got) > 1000 || !utf8.ValidString(got) || strings.ContainsAny(got, "\x00\x1b\r") {
			t.Fatalf("got %q", got)
		}
	})
}

func FuzzSplitQuote(f *testing.F) {
	f.Add("a\n\nOn Mon, 3 Feb 2025, X <a@b.test>\nwrote:\n> b\n-- \nc")
	f.Add("De : x\nEnvoyé : y\nObjet : z\n")
	f.Fuzz(func(t *testing.T, s string) {
		if fresh, quoted := SplitQuote(s); fresh+quoted != s {
			t.Fatalf("%q, %q", fresh, quoted)
		}
		if text, signature := SplitSignature(s); text+signature != s {
			t.Fatalf("%q, %q", text, signature)
		}
	})
}

// Whatever the values are, two parsers see the fields that were meant, no more.
func FuzzBuilder(f *testing.F) {
	f.Add("a\r\nBcc: b", "x <y>", "é", "1@x")
	f.Add(strings.Repeat("x", 1200), "\u2028", "=?utf-8?q?a?=", "a b")
	f.Fuzz(func(t *testing.T, a, b, c, d string) {
		w := NewBuilder(counter())
		w.Field("X-One", a)
		w.Text("Subject", b)
		w.Mailboxes("From", []addr.Mailbox{{Name: c, Address: addr.Address{Local: a, Domain: "b.test"}}})
		w.MessageIDs("References", []string{d, a})
		out := build(t, w, MultipartContent("mixed", map[string]string{a: b}, TextContent("text/plain", c), DataContent(File{Name: d, MediaType: a, Data: BytesSource([]byte(b))})))
		checkHeaderNames(t, out, "X-One", "Subject", "From", "References", "Mime-Version", "Content-Type")
	})
}

// FuzzSplitSignature cuts, and loses nothing.
func FuzzSplitSignature(f *testing.F) {
	f.Add("Bonjour\n-- \nAnne\n")
	f.Add("Oui\n\nEnvoyé de mon iPhone\n\nSent from my iPad\n")
	f.Add("--\r\n--\r\n")
	f.Fuzz(func(t *testing.T, fresh string) {
		if text, signature := SplitSignature(fresh); text+signature != fresh {
			t.Fatalf("%q and %q of %q", text, signature, fresh)
		}
	})
}
