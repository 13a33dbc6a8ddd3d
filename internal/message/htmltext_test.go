package message

import (
	"strings"
	"testing"

	"golang.org/x/net/html"
)

func TestHTMLToText(t *testing.T) {
	for _, c := range []struct{ name, in, want string }{
		{"paragraphs", "<p>One  two\n three</p><p>Four</p>", "One two three\n\nFour\n"},
		{"br", "a<br>b<br><br>c", "a\nb\n\nc\n"},
		{"div", "<div>a</div><div><br></div><div>b</div>", "a\n\nb\n"},
		{"outlook", "<p class=MsoNormal>a<o:p></o:p></p><p class=MsoNormal>&nbsp;</p><p>b</p>", "a\n\nb\n"},
		{"list", "<p>x</p><ul><li>a</li><li>b<ol><li>c<li>d</ol></li></ul>y", "x\n\n- a\n- b\n  1. c\n  2. d\n\ny\n"},
		{"table", "<table><tr><td>a</td><td>b</td></tr><tr><td></td><td>c</td></tr></table>", "a | b\nc\n"},
		{"quote", "new<blockquote>old<br>line<p>more</p></blockquote>end", "new\n\n> old\n> line\n>\n> more\n\nend\n"},
		{"nested quote", "<blockquote>a<blockquote>b</blockquote></blockquote>", "> a\n>\n> > b\n"},
		{"link", `see <a href="https://x.test/a?b=1&amp;c=2">here</a>.`, "see here <https://x.test/a?b=1&c=2>.\n"},
		{"link is its text", `<a href="https://x.test/">x.test</a> <a href="mailto:a@b.test?subject=x">a@b.test</a>`, "x.test a@b.test\n"},
		{"script link", `<a href="javascript:alert(1)">x</a>`, "x\n"},
		{"dropped", "<head><title>t</title><style>p{}</style></head><script>x()</script>a<!-- b -->", "a\n"},
		{"entities", "caf&eacute; &lt;b&gt; &#8364; &amp;amp;", "café <b> € &amp;\n"},
		{"pre", "<pre>a  b\n  c</pre>", "a  b\n  c\n"},
		{"hidden", `<div style="display: none">preview <div>x</div></div>shown`, "shown\n"},
		{"image", `<img alt="Logo"> <img src=x>`, "[Logo]\n"},
		{"hr", "a<hr>b", "a\n-----\nb\n"},
		{"controls", "a\x00\x1bb", "ab\n"},
		{"unclosed", "<b><p>a<td>b", "a | b\n"},
		{"empty", "", ""},
	} {
		if got := HTMLToText(c.in, 1000); got != c.want {
			t.Errorf("%s: got %q, want %q", c.name, got, c.want)
		}
	}
}

func TestHTMLToTextIsBounded(t *testing.T) {
	for _, in := range []string{
		strings.Repeat("<blockquote>", 100000) + "x", strings.Repeat("<ul><li>", 50000) + "x", strings.Repeat("<a href=http://x>", 50000), strings.Repeat("word ", 100000),
	} {
		if got := HTMLToText(in, 5000); len(got) > 5000 {
			t.Errorf("%d bytes", len(got))
		}
	}
}

func TestQuoteStart(t *testing.T) {
	for _, c := range []struct{ name, in, before string }{
		{"gmail", `<div dir="ltr">New</div><br><div class="gmail_quote"><div dir="ltr" class="gmail_attr">On Mon, 3 Feb 2025 at 10:00, X &lt;<a>x@y.test</a>&gt; wrote:<br></div><blockquote>old</blockquote></div>`, "New"},
		{"apple", `New<div><br><blockquote type="cite"><div>On 3 Feb 2025, at 10:00, X &lt;x@y.test&gt; wrote:</div>old</blockquote></div>`, "New"},
		{"thunderbird", `<p>New</p><div class="moz-cite-prefix">Le 03/02/2025 à 10:00, X a écrit :<br></div><blockquote type="cite" cite="mid:x">old</blockquote>`, "New"},
		{"outlook", `<div class=WordSection1><p>New</p><div><div style='border:none;border-top:solid #E1E1E1 1.0pt;padding:3.0pt 0cm 0cm 0cm'><p class=MsoNormal><b>De&nbsp;:</b> X &lt;x@y.test&gt; <br><b>Envoyé&nbsp;:</b> lundi 3 février 2025 10:00<br><b>À&nbsp;:</b> y<br><b>Objet&nbsp;:</b> z</p></div></div><p>old</p></div>`, "New"},
		{"outlook web", `<div>New</div><hr style="width:98%"><div id="divRplyFwdMsg"><b>From:</b> X</div><div>old</div>`, "New"},
		{"yahoo", `<div>New</div><div id="yahoo_quoted_1" class="yahoo_quoted">old</div>`, "New"},
		{"plain attribution", `<p>New</p><p>Am Mo., 3. Feb. 2025 um 10:00 Uhr schrieb X &lt;x@y.test&gt;:</p><blockquote>old</blockquote>`, "New"},
		{"none", `<p>New</p><blockquote>a saying</blockquote><p>From: Paris</p>`, ""},
		{"sentence", `<p>Vous nous avez écrit : bravo</p><p>Il a écrit :</p><p>rien</p>`, ""},
	} {
		root, err := html.Parse(strings.NewReader(c.in))
		if err != nil {
			t.Fatal(err)
		}
		n := QuoteStart(root)
		if n == nil {
			if c.before != "" {
				t.Errorf("%s: nothing found", c.name)
			}
			continue
		}
		n.Parent.InsertBefore(&html.Node{Type: html.TextNode, Data: "|SIGNATURE|"}, n)
		var b strings.Builder
		if err := html.Render(&b, root); err != nil {
			t.Fatal(err)
		}
		before, after, _ := strings.Cut(b.String(), "|SIGNATURE|")
		text := strings.TrimSpace(HTMLToText(before, 1000))
		if text != c.before || !strings.Contains(after, "old") {
			t.Errorf("%s: before is %q, after %q", c.name, text, after)
		}
	}
}
