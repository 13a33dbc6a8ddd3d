package message

import (
	"strconv"
	"strings"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

const (
	maxNesting = 30        // lists and quotes
	maxHref    = 1000      // longer links are not shown
	maxToken   = 256 << 10 // a longer piece of HTML ends the text
)

// HTMLToText renders HTML as plain text of at most max bytes: paragraphs, lists,
// tables as lines of cells, "> " before quotes, links as "text <URL>", the
// alternative text of images. Scripts, styles and what is hidden are left out.
// It reads tokens, so that its time is linear and its memory bounded however
// the HTML is nested.
func HTMLToText(src string, max int) string {
	z := html.NewTokenizer(strings.NewReader(src))
	z.SetMaxBuf(maxToken)
	r := htmlRenderer{out: textWriter{max: max}}
	for r.out.b.Len() < max {
		switch z.Next() {
		case html.ErrorToken:
			return r.out.finish()
		case html.TextToken:
			r.text(z)
		case html.StartTagToken, html.SelfClosingTagToken:
			r.start(z.Token())
		case html.EndTagToken:
			r.end(z.Token())
		}
	}
	return r.out.finish()
}

// htmlRenderer is the state between tags.
type htmlRenderer struct {
	out    textWriter
	skip   atom.Atom // the element whose content is left out
	depth  int       // of elements of that name within it
	pre    int
	lists  []int // the next number, or -1 for bullets
	href   string
	linkAt int // where the text of the link begins
}

func (r *htmlRenderer) text(z *html.Tokenizer) {
	if r.skip != 0 {
		return
	}
	r.out.text(strings.ToValidUTF8(string(z.Text()), "\ufffd"), r.pre > 0)
}

// isDropped are the elements whose content is no text.
func isDropped(a atom.Atom) bool {
	switch a {
	case atom.Script, atom.Style, atom.Title, atom.Template, atom.Noscript, atom.Object, atom.Svg, atom.Math,
		atom.Select, atom.Iframe, atom.Noembed, atom.Noframes, atom.Audio, atom.Video, atom.Canvas:
		return true
	}
	return false
}

// breaksAround is how many line ends stand before and after an element.
func breaksAround(a atom.Atom) int {
	switch a {
	case atom.P, atom.H1, atom.H2, atom.H3, atom.H4, atom.H5, atom.H6, atom.Pre, atom.Blockquote, atom.Table, atom.Dl, atom.Figure:
		return 2
	case atom.Div, atom.Tr, atom.Section, atom.Article, atom.Header, atom.Footer, atom.Address, atom.Dt, atom.Dd, atom.Li,
		atom.Form, atom.Fieldset, atom.Center, atom.Caption, atom.Main, atom.Nav, atom.Aside, atom.Details, atom.Summary, atom.Body:
		return 1
	}
	return 0
}

func (r *htmlRenderer) start(t html.Token) {
	if r.skip != 0 {
		if t.DataAtom == r.skip && t.Type == html.StartTagToken {
			r.depth++
		}
		return
	}
	if isDropped(t.DataAtom) || isHiddenElement(t) {
		if t.Type == html.StartTagToken {
			r.skip, r.depth = t.DataAtom, 1
		}
		return
	}
	if n := breaksAround(t.DataAtom); n > 0 {
		r.out.breaks(n)
	}
	switch t.DataAtom {
	case atom.Br:
		r.out.lineBreak()
	case atom.Hr:
		r.out.breaks(1)
		r.out.text("-----", false)
		r.out.breaks(1)
	case atom.Blockquote:
		r.out.quote = min(r.out.quote+1, maxNesting)
	case atom.Pre:
		r.pre++
	case atom.Ul, atom.Ol, atom.Menu:
		r.startList(t)
	case atom.Li:
		r.startItem()
	case atom.Td, atom.Th:
		r.out.cell()
	case atom.A:
		r.endLink()
		r.href, r.linkAt = strings.TrimSpace(attr(t.Attr, "href")), r.out.b.Len()
	case atom.Img:
		if alt := Clean(attr(t.Attr, "alt"), 200); alt != "" {
			r.out.text("["+alt+"]", false)
		}
	}
}

func (r *htmlRenderer) end(t html.Token) {
	if r.skip != 0 {
		if t.DataAtom == r.skip {
			if r.depth--; r.depth == 0 {
				r.skip = 0
			}
		}
		return
	}
	switch t.DataAtom {
	case atom.A:
		r.endLink()
	case atom.Blockquote:
		r.out.breaks(2)
		r.out.quote = max(r.out.quote-1, 0)
		return
	case atom.Pre:
		r.pre = max(r.pre-1, 0)
	case atom.Ul, atom.Ol, atom.Menu:
		if len(r.lists) > 0 {
			r.lists = r.lists[:len(r.lists)-1]
		}
		r.out.indent = 2 * max(len(r.lists)-1, 0)
		r.out.breaks(2 - min(len(r.lists), 1))
	}
	if n := breaksAround(t.DataAtom); n > 0 {
		r.out.breaks(n)
	}
}

func (r *htmlRenderer) startList(t html.Token) {
	r.out.breaks(2 - min(len(r.lists), 1))
	next := -1
	if t.DataAtom == atom.Ol {
		next = 1
		if n, err := strconv.Atoi(attr(t.Attr, "start")); err == nil && n >= 0 && n < 100000 {
			next = n
		}
	}
	if len(r.lists) < maxNesting {
		r.lists = append(r.lists, next)
	}
	r.out.indent = 2 * (len(r.lists) - 1)
}

func (r *htmlRenderer) startItem() {
	mark := "- "
	if n := len(r.lists) - 1; n >= 0 && r.lists[n] >= 0 {
		mark = strconv.Itoa(r.lists[n]) + ". "
		r.lists[n]++
	}
	r.out.mark = mark
}

// endLink writes where a link leads, unless its text says so.
func (r *htmlRenderer) endLink() {
	href := r.href
	r.href = ""
	if href == "" || len(href) > maxHref {
		return
	}
	text := strings.TrimSpace(r.out.b.String()[min(r.linkAt, r.out.b.Len()):])
	lower := strings.ToLower(href)
	switch {
	case text == "":
		return
	case strings.HasPrefix(lower, "mailto:"):
		href, _, _ = strings.Cut(href[len("mailto:"):], "?")
	case !strings.HasPrefix(lower, "http://") && !strings.HasPrefix(lower, "https://"):
		return
	}
	bare := strings.TrimSuffix(strings.TrimPrefix(strings.TrimPrefix(href, "https://"), "http://"), "/")
	if bare == "" || strings.Contains(text, bare) {
		return
	}
	r.out.text(" <"+Clean(href, maxHref)+">", false)
}

func attr(attrs []html.Attribute, name string) string {
	for _, a := range attrs {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

// isHiddenElement finds the previews that mailings hide above their text.
func isHiddenElement(t html.Token) bool {
	switch t.DataAtom {
	case atom.Div, atom.Span, atom.Td, atom.Tr, atom.Table:
	default:
		return false
	}
	style := strings.ToLower(strings.ReplaceAll(attr(t.Attr, "style"), " ", ""))
	return strings.Contains(style, "display:none") || strings.Contains(style, "mso-hide:all")
}
