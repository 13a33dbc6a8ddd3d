package compose

import (
	"slices"
	"strings"

	"golang.org/x/net/html"
)

// maxOpenTags is how many elements may be left open in a customer's HTML.
const maxOpenTags = 5000

// placeHTML puts block at the end of a document, behind closing tags for all that may be
// open there, so that no markup of the mail can hide it; and top, if it is not empty, at
// the beginning. ok is false when the document ends within something that can't be closed. What top
// warns of is a reason to mistrust the mail's looks: then style sheets go, since a rule such as
// "body > * { display: none }" hides what stands anywhere in the page, and what brings style
// sheets or hides the whole page (link, conditional comments, attributes of body). Style
// attributes stay: they reach no further than their own element, and the block is in none.
// The warning also stands on top because webmail cuts long pages before their end.
//
// The time is linear in the length of src, whatever is in it: it reads tokens and
// compares each end tag with the last open element only.
func placeHTML(src, top, block string) (out string, ok bool) {
	p := htmlPlacer{src: src, top: top, end: -1}
	p.out.Grow(len(src) + len(block) + len(top))
	if !p.run() || len(p.open) > maxOpenTags || slices.ContainsFunc(p.open, neverEnds) {
		return "", false
	}
	return p.finish(block), true
}

// htmlPlacer copies a document token by token.
type htmlPlacer struct {
	src, top string
	out      strings.Builder
	placed   bool     // top stands in out
	open     []string // elements that may be open; one goes only by its own end tag right behind its content
	end      int      // where in out the document's end tags begin, or -1
	odd      bool     // something was opened in which programs read comments and styles differently
	dropping string   // the element that is left out
}

// run copies all tokens. It is false for what can't be closed.
func (p *htmlPlacer) run() bool {
	z := html.NewTokenizer(strings.NewReader(p.src))
	pos := 0
	for {
		kind := z.Next()
		if kind == html.ErrorToken {
			return pos == len(p.src)
		}
		start := pos
		if pos += len(z.Raw()); pos > len(p.src) {
			return false
		}
		if !p.token(z, kind, p.src[start:pos]) {
			return false
		}
	}
}

func (p *htmlPlacer) token(z *html.Tokenizer, kind html.TokenType, raw string) bool {
	switch kind {
	case html.TextToken:
		if strings.TrimSpace(raw) != "" {
			p.end = -1
		}
		if text, ok := strings.CutSuffix(raw, "</"); ok { // at the very end: with what we put behind it, a comment would begin
			raw = text + "&lt;/"
		}
	case html.CommentToken:
		if p.odd || !isClosedComment(raw) {
			return false
		}
		if p.top != "" {
			return true
		}
	case html.StartTagToken, html.SelfClosingTagToken: // "<div/>" is open in HTML
		name, _ := z.TagName()
		return p.start(string(name), raw)
	case html.EndTagToken:
		name, _ := z.TagName()
		p.endTag(string(name), raw)
		return true
	}
	if p.dropping == "" {
		p.out.WriteString(raw)
	}
	return true
}

func isClosedComment(raw string) bool {
	if strings.HasPrefix(raw, "<!--") {
		return strings.HasSuffix(raw, "-->") || strings.HasSuffix(raw, "--!>")
	}
	return strings.HasSuffix(raw, ">")
}

func (p *htmlPlacer) start(tag, raw string) bool {
	switch tag {
	case "frameset": // a page of frames shows no text
		return false
	case "svg", "math", "select", "template":
		p.odd = true
	default:
		if p.odd && neverEnds(tag) {
			return false
		}
	}
	p.end = -1
	switch {
	case p.isDropped(tag):
		if !isVoid(tag) {
			p.dropping = tag
		}
		return true
	case tag == "form":
		return true
	case tag == "html" || tag == "body":
		if p.top != "" {
			raw = "<" + tag + ">"
		}
		p.out.WriteString(raw)
		if tag == "body" && len(p.open) == 0 {
			p.placeTop()
		}
		return true
	}
	p.out.WriteString(raw)
	if isVoid(tag) {
		return true
	}
	if n := len(p.open) - 1; n >= 0 && (p.open[n] == tag && endsItself(tag) || isCell(p.open[n]) && isCell(tag)) {
		p.open = p.open[:n]
	}
	p.open = append(p.open, tag)
	return len(p.open) <= maxOpenTags
}

// isDropped: noscript goes always, since only where scripts run is its content plain text; in
// a mail program it is markup that nobody has looked at.
// The tags of forms go (not what is in them): an end tag within a table leaves a form open that nothing can close.
func (p *htmlPlacer) isDropped(tag string) bool {
	switch tag {
	case "noscript":
		return true
	case "style", "link", "meta", "base", "script":
		return p.top != ""
	}
	return false
}

func (p *htmlPlacer) endTag(tag, raw string) {
	if p.dropping != "" {
		if tag == p.dropping {
			p.dropping = ""
		}
		return
	}
	switch n := len(p.open) - 1; {
	case tag == "form":
		return
	case tag == "body" || tag == "html":
		if p.end < 0 {
			p.end = p.out.Len()
		}
		p.out.WriteString(raw)
		return
	case n >= 0 && (p.open[n] == tag || isCell(p.open[n]) && tag == "tr"):
		p.open = p.open[:n]
	case n > 0 && isCell(p.open[n]) && tag == "table" && p.open[n-1] == tag:
		p.open = p.open[:n-1]
	}
	p.end = -1
	p.out.WriteString(raw)
}

func (p *htmlPlacer) placeTop() {
	if !p.placed {
		p.placed = true
		p.out.WriteString(p.top)
	}
}

// finish puts the block before the end tags of the document, or at its end.
func (p *htmlPlacer) finish(block string) string {
	s := p.out.String()
	if p.end < 0 {
		p.end = len(s)
	}
	var b strings.Builder
	b.Grow(len(s) + len(block) + len(p.top))
	if !p.placed {
		b.WriteString(p.top)
	}
	b.WriteString(s[:p.end])
	p.closeOpen(&b)
	b.WriteString(block)
	b.WriteString(s[p.end:])
	return b.String()
}

// closeOpen writes the end tags, those of formatting elements twice: one that was opened in a
// table can't be closed before the table is.
func (p *htmlPlacer) closeOpen(b *strings.Builder) {
	for round := range 2 {
		for _, tag := range slices.Backward(p.open) {
			if round == 0 || isFormatting(tag) {
				b.WriteString("</" + tag + ">")
			}
		}
	}
}

// isVoid is true for elements that are never open at the end: those without content,
// those that the end of a table ends, and those of which a page has one.
func isVoid(tag string) bool {
	switch tag {
	case "area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "param", "source", "track", "wbr", "frame",
		"tr", "tbody", "thead", "tfoot", "colgroup", "head":
		return true
	}
	return false
}

// endsItself is true for elements that end when the next of their kind begins.
func endsItself(tag string) bool {
	return tag == "p" || tag == "li" || tag == "dd" || tag == "dt" || tag == "option"
}

// isFormatting: HTML standard, "formatting" category.
func isFormatting(tag string) bool {
	switch tag {
	case "a", "b", "big", "code", "em", "font", "i", "nobr", "s", "small", "strike", "strong", "tt", "u":
		return true
	}
	return false
}

// isCell is true for the parts of a table that end when another begins.
func isCell(tag string) bool { return tag == "td" || tag == "th" || tag == "caption" }

// neverEnds is true for elements in which an end tag or our block may be text.
func neverEnds(tag string) bool {
	switch tag {
	case "style", "script", "title", "textarea", "xmp", "iframe", "noembed", "noframes", "plaintext", "noscript", "svg", "math", "template", "select":
		return true
	}
	return false
}
