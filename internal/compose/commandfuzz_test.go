package compose

import (
	"html"
	"strings"
	"testing"

	"golang.org/x/net/html/atom"

	"postdesk/internal/message"
)

// obeyed are the commands of the fuzzed mails, and how clients write the same.
var obeyed = []string{"#tag +garantie -vip", "#résolu échange \"std\" fait...", "#cc +a@autre.example"}

// asClients writes one command line as some client might.
func asClients(line string, style byte) string {
	if style&1 != 0 {
		line = strings.NewReplacer("-", "–", "...", "…").Replace(line)
	}
	if style&2 != 0 {
		line = strings.Replace(strings.Replace(line, `"`, "“", 1), `"`, "”", 1)
	}
	if style&4 != 0 {
		line = strings.ReplaceAll(line, " ", "\u00a0")
	}
	if style&8 != 0 {
		line = "\u200b" + line
	}
	if style&16 != 0 {
		line = strings.Replace(line, "#", "＃", 1)
	}
	return line
}

// markedUp writes a line as HTML of some client.
func markedUp(line string, style byte) string {
	line = html.EscapeString(line)
	switch style >> 5 {
	case 0:
		return "<div>" + line + "</div>"
	case 1:
		return "<p class=MsoNormal><span>" + line + "<o:p></o:p></span></p>"
	case 2:
		return line + "<br>"
	case 3:
		cut := strings.IndexByte(line, ' ')
		return "<div><b>" + line[:max(cut, 0)] + "</b>" + line[max(cut, 0):] + "</div>"
	case 4:
		return "<table><tr><td>" + line + "</td></tr></table>"
	case 5:
		return "<ul><li>" + line + "</li></ul>"
	case 6:
		return "<div><br></div><div dir=auto>" + strings.Replace(line, "a@autre.example", `<a href="mailto:a@autre.example">a@autre.example</a>`, 1) + "</div>"
	}
	return "<div><font>" + strings.ReplaceAll(line, " ", " <span></span>") + "</font></div>"
}

// FuzzCommandsVanish: whatever form a client gives to commands, nothing of them is left in any part, and
// nothing else is lost.
func FuzzCommandsVanish(f *testing.F) {
	f.Add("Bonjour,\nvoici la réponse.", byte(0), byte(1), byte(2))
	f.Add("- un\n- deux\n\n#12 est cassé", byte(0x3f), byte(0x6f), byte(0xa8))
	f.Add("#hashtag\ntexte & <b>", byte(0xc7), byte(0x84), byte(0xff))
	c := testComposer(f)
	f.Fuzz(func(t *testing.T, text string, a, b, d byte) {
		text = strings.Map(func(r rune) rune {
			if r == '\n' || r >= ' ' && r < 0x7f || r >= 0xa0 && r < 0x24f {
				return r
			}
			return -1
		}, text)
		if len(text) > 4000 || strings.ContainsAny(text, "@%&>[]") || mentionsClient(text) || message.HTMLToText(text, 1<<16) == "" {
			return
		}
		styles := []byte{a, b, d}
		var plain, page strings.Builder
		for i, line := range obeyed {
			typed := asClients(line, styles[i])
			plain.WriteString(typed + "\n")
			page.WriteString(markedUp(typed, styles[i]))
		}
		plain.WriteString("\n" + text + "\nAnne Durand\n")
		for line := range strings.SplitSeq(text, "\n") {
			page.WriteString("<div>" + html.EscapeString(line) + "</div>")
		}
		page.WriteString("<div>Anne Durand</div>")
		raw := draftHeader + "Content-Type: multipart/alternative; boundary=b\n\n--b\nContent-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: base64\n\n" + wrap64(plain.String()) +
			"\n--b\nContent-Type: text/html; charset=utf-8\nContent-Transfer-Encoding: base64\n\n" + wrap64(page.String()) + "\n--b--\n"
		in := testReplyIn(t, raw)
		in.Commands = obeyed
		out, err := c.Reply(in)
		if err != nil {
			t.Fatal(err)
		}
		checkVanished(t, out, text)
		rest, missing := c.Draft(in.Mail).Strike(obeyed)
		if len(missing) > 0 || strings.Contains(letters(rest.Plain+rest.HTML), "garantie") && !strings.Contains(letters(text), "garantie") {
			t.Fatalf("missing %q, left %q and %q", missing, rest.Plain, rest.HTML)
		}
	})
}

func checkVanished(t *testing.T, out ReplyOut, text string) {
	t.Helper()
	m, err := message.Parse(out.Source)
	if err != nil {
		t.Fatal(err)
	}
	want := letters(text + "Anne Durand")
	for _, p := range []*message.Part{m.TextPart(), m.HTMLPart()} {
		got := p.Text(1 << 20)
		if p.MediaType == "text/html" {
			got = readableText(got)
		}
		if letters(got) != want {
			t.Fatalf("%s: %q, want %q; findings %v", p.MediaType, got, text, out.Findings)
		}
	}
	for _, f := range out.Findings {
		if f.Kind == FindCommand {
			t.Fatalf("a command is left: %v", out.Findings)
		}
	}
}

// FuzzHTMLCommandRemoval: of any HTML at all, a command that was found goes and the visible rest stays.
func FuzzHTMLCommandRemoval(f *testing.F) {
	f.Add("<div>#tag +a</div><p>texte <b>gras</b></p>")
	f.Add("<ul><li>#tag +a</li><li>reste</li></ul>")
	f.Add("x<br>#tag&nbsp;+a<br>y<table><td>z")
	f.Add("<pre>#tag\n+a\nz</pre>")
	f.Fuzz(func(t *testing.T, src string) {
		if len(src) > 1<<14 {
			return
		}
		root, err := message.NewHTMLBudget(maxHTML).Parse(src)
		if err != nil {
			return
		}
		flat := flattenHTML(root, nil)
		list, missing := commandEdits(flat.text, []string{"#tag +a"}, "")
		if len(missing) > 0 {
			return
		}
		want := letters(applyEdits(flat.text, list, 0, len(flat.text)))
		flat.apply(list)
		if body := findElement(root, atom.Body); body == nil {
			return
		}
		if got := letters(flattenHTML(root, nil).text); got != want {
			t.Fatalf("left %q, want %q", got, want)
		}
	})
}
