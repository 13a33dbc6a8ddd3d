package compose

import (
	"strings"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// flat is the text of a body in one string, on which edits are found. For HTML
// each piece knows its node, so that an edit may cross elements; line ends are
// where a reader sees them.
type flat struct {
	text  string
	segs  []segment
	quote int // where the quote begins, len(text) if nowhere

	pictures []int // where images stand that are no part of a signature
}

// segment is text[start:end], which is a text node's data or a <br>.
type segment struct {
	start, end int
	node       *html.Node
}

// flattener walks a document.
type flattener struct {
	b       strings.Builder
	segs    []segment
	quoteAt *html.Node
	quote   int
	pre     int
	last    byte

	signed   int // elements of a signature around
	pictures []int
}

// flattenHTML makes the flat text of a document; quoteAt is where its quote begins.
func flattenHTML(root, quoteAt *html.Node) *flat {
	f := &flattener{quoteAt: quoteAt, quote: -1, last: '\n'}
	f.walk(root)
	text := f.b.String()
	if f.quote < 0 {
		f.quote = len(text)
	}
	return &flat{text: text, segs: f.segs, quote: f.quote, pictures: f.pictures}
}

func (f *flattener) walk(n *html.Node) {
	if n == f.quoteAt && n != nil {
		f.quote = f.b.Len()
	}
	switch n.Type {
	case html.TextNode:
		f.textNode(n)
		return
	case html.ElementNode:
		if isUnseen(n) {
			return
		}
		if n.DataAtom == atom.Br {
			f.add(n, "\n")
			return
		}
		if n.DataAtom == atom.Img && f.signed == 0 {
			f.pictures = append(f.pictures, f.b.Len())
		}
	}
	signed := boolInt(n.Type == html.ElementNode && isSignatureNode(n))
	f.signed += signed
	block := n.Type == html.ElementNode && isBlock(n.DataAtom)
	f.pre += boolInt(n.DataAtom == atom.Pre)
	if block {
		f.newline()
	}
	for c := n.FirstChild; c != nil; c = c.NextSibling {
		f.walk(c)
	}
	if block {
		f.newline()
	}
	f.pre -= boolInt(n.DataAtom == atom.Pre)
	f.signed -= signed
}

func boolInt(b bool) int {
	if b {
		return 1
	}
	return 0
}

func (f *flattener) textNode(n *html.Node) {
	s := n.Data
	if f.pre == 0 && strings.ContainsAny(s, "\n\r") {
		s = strings.NewReplacer("\n", " ", "\r", " ").Replace(s) // same length: offsets stay true
	}
	f.add(n, s)
}

func (f *flattener) add(n *html.Node, s string) {
	if s == "" {
		return
	}
	start := f.b.Len()
	f.b.WriteString(s)
	f.segs = append(f.segs, segment{start, start + len(s), n})
	f.last = s[len(s)-1]
}

// newline is a line end that belongs to no node.
func (f *flattener) newline() {
	if f.last != '\n' {
		f.b.WriteByte('\n')
		f.last = '\n'
	}
}

// marked is the text of the elements that is says, above the quote.
func (f *flat) marked(is func(*html.Node) bool) string {
	known := map[*html.Node]bool{}
	var within func(n *html.Node) bool
	within = func(n *html.Node) bool {
		if n == nil {
			return false
		}
		in, ok := known[n]
		if !ok {
			in = n.Type == html.ElementNode && is(n) || within(n.Parent)
			known[n] = in
		}
		return in
	}
	var b strings.Builder
	for _, s := range f.segs {
		if s.start < f.quote && within(s.node) {
			b.WriteString(f.text[s.start:s.end])
		}
	}
	return b.String()
}

// isUnseen says whether an element's text is never shown.
func isUnseen(n *html.Node) bool {
	switch n.DataAtom {
	case atom.Head, atom.Style, atom.Script, atom.Title, atom.Template, atom.Noscript:
		return true
	}
	return false
}

func isBlock(a atom.Atom) bool {
	switch a {
	case atom.P, atom.Div, atom.Table, atom.Tr, atom.Td, atom.Th, atom.Tbody, atom.Ul, atom.Ol, atom.Li, atom.Dl, atom.Dt, atom.Dd,
		atom.H1, atom.H2, atom.H3, atom.H4, atom.H5, atom.H6, atom.Blockquote, atom.Pre, atom.Hr, atom.Section,
		atom.Article, atom.Header, atom.Footer, atom.Center, atom.Address, atom.Body, atom.Figure, atom.Fieldset, atom.Form:
		return true
	}
	return false
}

// apply makes the edits in the document: text goes from its nodes, and elements that
// are left with nothing to show go too. The edits are in order and do not overlap.
func (f *flat) apply(list []edit) {
	if len(list) == 0 {
		return
	}
	var touched []*html.Node
	e := 0
	for _, s := range f.segs {
		for e < len(list) && list[e].end <= s.start && !(list[e].start == list[e].end && list[e].end == s.start) {
			e++
		}
		if e == len(list) {
			break
		}
		if list[e].start >= s.end {
			continue
		}
		if f.editSegment(s, list[e:]) {
			touched = append(touched, s.node)
		}
	}
	known := showing{}
	for _, n := range touched {
		known.prune(n)
	}
}

// showing remembers which elements have something to show: taking away what shows
// nothing changes none of it, and looking again for each edit would be quadratic.
type showing map[*html.Node]bool

// editSegment makes the edits that reach into a segment; emptied says that nothing
// is left of it. The text to insert goes to the first segment that an edit touches.
func (f *flat) editSegment(s segment, list []edit) (emptied bool) {
	var b strings.Builder
	pos := s.start
	for i := range list {
		e := &list[i]
		if e.start >= s.end {
			break
		}
		if e.start > pos {
			b.WriteString(s.node.Data[pos-s.start : e.start-s.start])
		}
		b.WriteString(e.with)
		e.with = ""
		pos = max(pos, min(e.end, s.end))
	}
	if s.node.Type != html.TextNode {
		if pos < s.end {
			return false
		}
		s.node.Data, s.node.DataAtom, s.node.Type = b.String(), 0, html.TextNode
		return b.Len() == 0
	}
	b.WriteString(s.node.Data[pos-s.start:])
	s.node.Data = b.String()
	return strings.TrimSpace(s.node.Data) == ""
}

// prune removes a node and the elements around it that have nothing left to show. A table's
// cells stay as long as the table does.
func (known showing) prune(n *html.Node) {
	p := n.Parent
	if p == nil {
		return
	}
	if n.Data == "" {
		p.RemoveChild(n)
		n = nil
	}
	var last *html.Node
	for ; p != nil && p.Type == html.ElementNode && p.DataAtom != atom.Body && p.DataAtom != atom.Html && !known.shows(p); p = p.Parent {
		switch p.DataAtom {
		case atom.Td, atom.Th, atom.Tr, atom.Tbody, atom.Thead, atom.Tfoot:
		default:
			last = p
		}
	}
	if last != nil && last.Parent != nil {
		last.Parent.RemoveChild(last)
	}
}

// shows says whether a reader sees anything of a node.
func (known showing) shows(n *html.Node) bool {
	if n.Type == html.TextNode {
		return strings.TrimSpace(n.Data) != ""
	}
	is, ok := known[n]
	if !ok {
		is = known.look(n)
		known[n] = is
	}
	return is
}

func (known showing) look(n *html.Node) bool {
	if n.Type == html.ElementNode && isUnseen(n) {
		return false
	}
	switch n.DataAtom {
	case atom.Img, atom.Hr, atom.Input, atom.Video, atom.Audio, atom.Svg, atom.Object, atom.Canvas:
		return true
	}
	for c := n.FirstChild; c != nil; c = c.NextSibling {
		if known.shows(c) {
			return true
		}
	}
	return false
}
