package compose

import (
	"html"
	"strings"
	"testing"

	"postdesk/internal/message"
)

// FuzzReplyHTML: no secret and no command comes out without a finding, and the words
// that are nobody's secret stay.
func FuzzReplyHTML(f *testing.F) {
	for _, c := range clients {
		if p := parse(f, c.write(f, ownText, ownHTML)).HTMLPart(); p != nil {
			f.Add(p.Text(1<<20), "bonjour")
		}
	}
	f.Add("<div>#solved Réinstallé</div>#tag +panne<p>a</p>anne.du<b>rand@</b>corp.example", "x")
	f.Add("#solved R&eacute;install&eacute;<br>#tag&nbsp;+panne<table><td>[== postdesk 10000 rdx73r ==]<p>x[== /postdesk 10000 rdx73r ==]", "y")
	f.Add("<a href='mailto:anne%2edurand%40corp.example'>x</a><!-- anne.durand@corp.example --><p title=anne.durand@corp.example>", "z")
	c := testComposer(f)
	f.Fuzz(func(t *testing.T, body, word string) {
		word = letters(word)
		if len(body) > 1<<16 || len(word) > 100 {
			return
		}
		doc := body + "</title></style></script></textarea>--><div>keepword" + html.EscapeString(word) + "</div>"
		in := testReplyIn(t, agentHeader+"Content-Type: text/html; charset=utf-8\nContent-Transfer-Encoding: base64\n\n"+wrap64(doc))
		in.Commands = []string{"#solved Réinstallé", "#tag +panne"}
		out, err := c.Reply(in)
		if err != nil {
			t.Fatal(err)
		}
		again, err := c.Reply(in)
		if err != nil || bytesOf(t, out.Source) != bytesOf(t, again.Source) {
			t.Fatal("the same input gave other bytes")
		}
		shown := shownText(t, out.Source)
		if !strings.Contains(letters(shown), "keepword"+word) && len(out.Findings) == 0 && !swallows(body) {
			t.Fatalf("%q was lost: %q", word, shown)
		}
		if all := decodeAll(t, out.Source); len(out.Findings) == 0 && (standsAlone(all, private) || standsAlone(all, tokenAddr)) {
			t.Fatalf("an address came out without a finding: %q", all)
		}
	})
}

// FuzzTemplates: whatever is in the data, a notice has the same header fields, and no mark
// of ours can be written by data.
func FuzzTemplates(f *testing.F) {
	f.Add("Panne\r\nBcc: x@y.example", "Anne\x00", "text\x12a\x13javascript:x\x14")
	f.Add("\u202esujet", "<script>", "a\u2028b")
	c := testComposer(f)
	f.Fuzz(func(t *testing.T, subject, name, text string) {
		in := testNotice(t, NoticeGuard, "fr")
		in.Head.Subject, in.Agent, in.Data.Text, in.Ticket.Subject = subject, name, text, subject
		in.Data.Findings = []Finding{{FindSecret, text, name}}
		src, err := c.Notice(in)
		if err != nil {
			t.Fatal(err)
		}
		raw := bytesOf(t, src)
		head, _, _ := strings.Cut(raw, "\r\n\r\n")
		for line := range strings.SplitSeq(head, "\r\n") {
			name, _, ok := strings.Cut(line, ":")
			switch {
			case strings.HasPrefix(line, " "):
			case !ok:
				t.Fatalf("no field: %q", line)
			case !strings.Contains("From To Subject Date Message-ID In-Reply-To References Auto-Submitted X-Auto-Response-Suppress MIME-Version Content-Type", name):
				t.Fatalf("field %q", name)
			}
		}
		if strings.ContainsAny(strings.ReplaceAll(raw, "\r\n", ""), "\r\n\x00"+markChars) {
			t.Fatal("control characters")
		}
		m, err := message.Parse(src)
		if err != nil {
			t.Fatal(err)
		}
		shown := m.HTMLPart().Text(1 << 20)
		if strings.Contains(shown, `href="javascript`) || strings.Contains(shown, "<script") {
			t.Fatal("markup from data")
		}
	})
}

// shownText is all that a reader sees of a mail.
func shownText(t testing.TB, src message.Source) string { return decodeAll(t, src) }

// swallows says whether markup takes what follows it for no text, or shows none of it.
func swallows(body string) bool {
	body = strings.ToLower(body)
	for _, tag := range []string{"<plaintext", "<xmp", "<noembed", "<noframes", "<iframe", "<select", "<frameset", "<template", "<object", "<embed", "<applet", "<xml", "<svg", "<math", "<noscript", "<button", "<!", "<?", "</!", "<textarea", "<title", "<script", "<style", "<head", "<option", "[=="} {
		if strings.Contains(body, tag) {
			return true
		}
	}
	return strings.Count(body, "<")*2 != strings.Count(body, "<")+strings.Count(body, ">") || strings.ContainsAny(body, "\"'")
}

// FuzzReplyText: as FuzzReplyHTML, for plain text with any charset and quoting.
func FuzzReplyText(f *testing.F) {
	for _, c := range clients {
		f.Add(parse(f, c.write(f, ownText, ownHTML)).TextPart().Text(1<<20), true)
	}
	f.Add("#solved\u00a0Réin\nstallé\r\n#tag +panne\n\n> > [== postdesk\n> > 10000 rdx73r ==] x\n> [== /postdesk 10000 rdx73r ==]\n", false)
	c := testComposer(f)
	f.Fuzz(func(t *testing.T, body string, flowed bool) {
		if len(body) > 1<<16 {
			return
		}
		param := ""
		if flowed {
			param = "; format=flowed; delsp=yes"
		}
		in := testReplyIn(t, agentHeader+"Content-Type: text/plain; charset=utf-8"+param+"\nContent-Transfer-Encoding: base64\n\n"+wrap64(body+"\nkeepword\n"))
		in.Commands = []string{"#solved Réinstallé", "#tag +panne"}
		out, err := c.Reply(in)
		if err != nil {
			t.Fatal(err)
		}
		if len(out.Findings) > 0 {
			return
		}
		if shown := shownText(t, out.Source); !strings.Contains(letters(shown), "keepword") && !strings.Contains(body, "PGP") {
			t.Fatalf("lost: %q", shown)
		}
		if all := decodeAll(t, out.Source); standsAlone(all, private) || standsAlone(all, tokenAddr) {
			t.Fatalf("an address came out without a finding: %q", all)
		}
	})
}

// FuzzTNEF: any bytes are read or refused within bounds.
func FuzzTNEF(f *testing.F) {
	f.Add([]byte(tnef("plan.pdf", "%PDF")))
	f.Fuzz(func(t *testing.T, b []byte) {
		files, _ := tnefFiles(b)
		for _, file := range files {
			if len(file.data) > len(b) || strings.ContainsAny(file.name, "/\\\x00\r\n") {
				t.Fatalf("%q", file.name)
			}
		}
	})
}

// FuzzAppendHTML: the block always stands outside of the customer's elements.
func FuzzAppendHTML(f *testing.F) {
	f.Add("<div style='display:none'><p>x</body></html>")
	f.Add("a</body></html><table><tr><td>")
	f.Fuzz(func(t *testing.T, src string) {
		out, ok := placeHTML(src, "", "<div>BLOCK</div>")
		if ok && (len(out) < len(src)+len("<div>BLOCK</div>") || !strings.Contains(out, "<div>BLOCK</div>")) {
			t.Fatalf("%q", out)
		}
	})
}

// standsAlone says whether an address is in text, and not as a part of a longer one.
func standsAlone(text, address string) bool {
	text = strings.ToLower(text)
	for pos := 0; ; {
		i := strings.Index(text[pos:], address)
		if i < 0 {
			return false
		}
		start, end := pos+i, pos+i+len(address)
		pos = start + 1
		before := start == 0 || !isLocalByte(text[start-1])
		after := end == len(text) || !isDomainByte(text[end])
		if before && after {
			return true
		}
	}
}
