package message

import (
	"errors"
	"strings"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// ErrHTMLBudget is the error for HTML that would cost too much to build a tree from.
var ErrHTMLBudget = errors.New("this HTML is too costly to read: too long, too deep or too broken")

const (
	maxHTMLTags   = 100000   // of one mail
	maxHTMLAttrs  = 200      // of one tag
	maxHTMLDepth  = 500      // the parser gives up at 512
	maxHTMLOpen   = 128      // formatting elements that were not closed
	maxHTMLCopies = 200000   // elements and attributes that the parser makes again
	maxHTMLJoined = 64 << 20 // bytes that the parser copies to join texts
	maxHTMLSteps  = 10 << 20 // open elements that it looks at, all tags together
	longTag       = 1 << 10  // an image within a tag costs no more than this
)

// HTMLBudget bounds what building trees from all the HTML of one mail costs.
// html.Parse follows the standard's rules for broken markup, of which some are
// quadratic: each formatting element left open (<b>, <font>) is made anew in
// every later paragraph, so that 68 KB take ten seconds and 2 GB; texts around tags that it ignores are
// joined again and again; attributes of repeated <body> tags are merged. So a
// linear look over the tags comes first, which overestimates, and refuses.
type HTMLBudget struct {
	bytes, tags, copies, joined, steps int // what is left
}

// NewHTMLBudget allows max bytes of HTML, not counting what is within a long tag.
func NewHTMLBudget(max int) *HTMLBudget {
	return &HTMLBudget{bytes: max, tags: maxHTMLTags, copies: maxHTMLCopies, joined: maxHTMLJoined, steps: maxHTMLSteps}
}

// Parse is html.Parse within the budget. The error is ErrHTMLBudget, or that of the
// parser.
func (b *HTMLBudget) Parse(src string) (*html.Node, error) {
	if !b.allows(src) {
		return nil, ErrHTMLBudget
	}
	return html.Parse(strings.NewReader(src))
}

// allows takes the cost of src off the budget.
func (b *HTMLBudget) allows(src string) bool {
	z := html.NewTokenizer(strings.NewReader(src))
	s := htmlScan{left: b}
	pos := 0
	for b.bytes >= 0 && b.tags >= 0 && b.copies >= 0 && b.joined >= 0 && b.steps >= 0 && !s.refused {
		kind := z.Next()
		raw := src[pos:min(pos+len(z.Raw()), len(src))]
		pos += len(raw)
		switch kind {
		case html.ErrorToken:
			return pos == len(src)
		case html.TextToken:
			b.bytes -= len(raw)
			s.text(raw)
		case html.StartTagToken, html.SelfClosingTagToken:
			s.start(z, raw)
		case html.EndTagToken:
			s.end(z, len(raw))
		default:
			b.bytes -= min(len(raw), longTag)
		}
	}
	return false
}

// htmlElement is an element that was opened.
type htmlElement struct {
	tag  atom.Atom
	name string // when it has no atom
	raw  string
	cost int // what making it again costs; 0 for what is never made again
}

// htmlTable is an open table.
type htmlTable struct {
	at   int       // how many elements were open before it
	cell atom.Atom // the cell or caption that is open in it, or 0
	from int       // how many elements were open before the cell
	lost int       // and how many formatting elements were lost
}

// htmlScan follows the tags of a document as far as the cost depends on it. In
// doubt it believes an element to be open.
type htmlScan struct {
	left    *HTMLBudget
	open    []htmlElement
	lost    []htmlElement // formatting elements whose parent was closed first: they are made again
	tables  []htmlTable
	roots   int // attributes of html and body
	run     int // length of the text that the next one may be joined to
	stray   int // length of text between the cells of tables, which moves before them
	unsure  bool
	refused bool
}

// inPlace says whether an element is added where its tag stands.
func (s *htmlScan) inPlace() bool {
	return !s.unsure && (len(s.tables) == 0 || s.inCell())
}

func (s *htmlScan) inCell() bool {
	return len(s.tables) > 0 && s.tables[len(s.tables)-1].cell != 0
}

func (s *htmlScan) text(raw string) {
	s.left.joined -= s.run
	s.run += len(raw)
	if (s.unsure || !s.inPlace()) && strings.TrimSpace(raw) != "" {
		s.left.joined -= s.stray
		s.stray += len(raw)
	}
	s.again(s.lost)
}

// again pays for elements that the parser may make again here.
func (s *htmlScan) again(list []htmlElement) {
	for _, e := range list {
		s.left.copies -= e.cost
	}
}

// unsettle pays for all formatting elements: the tag may close what they stand in.
func (s *htmlScan) unsettle() {
	s.again(s.open)
	s.again(s.lost)
}

func (s *htmlScan) start(z *html.Tokenizer, raw string) {
	name, more := z.TagName()
	e := htmlElement{tag: atom.Lookup(name), raw: raw, cost: 0}
	if e.tag == 0 {
		e.name = string(name)
	}
	attrs := 0
	for more && attrs <= maxHTMLAttrs {
		_, _, more = z.TagAttr()
		attrs++
	}
	s.left.tags--
	s.left.bytes -= min(len(raw), longTag)
	s.refused = attrs > maxHTMLAttrs
	switch e.tag {
	case atom.Html, atom.Head, atom.Body:
		s.roots += 1 + attrs
		s.left.copies -= s.roots
		s.again(s.lost)
		return
	case atom.Select, atom.Svg, atom.Math, atom.Template, atom.Frameset, atom.Object, atom.Applet, atom.Marquee, atom.Button:
		s.unsure = true // these have rules of their own, and mails hardly have them
	}
	if s.startInTable(e) {
		return
	}
	s.closeBefore(e)
	if s.inPlace() && !addsNothing(e.tag) {
		s.run = 0
	}
	if isVoidElement(e.tag) {
		return
	}
	if isFormatting(e.tag) {
		e.cost = 1 + attrs/2
	}
	s.open = append(s.open, e)
	s.checkOpen()
}

// checkOpen refuses what nests too deeply.
func (s *htmlScan) checkOpen() {
	if len(s.open) > maxHTMLDepth {
		s.refused = true
		return
	}
	s.left.steps -= len(s.open)
	n := len(s.lost)
	for _, e := range s.open {
		if e.cost > 0 {
			n++
		}
	}
	s.refused = s.refused || n > maxHTMLOpen
}

// closeBefore closes what the start of e closes, and pays for it.
func (s *htmlScan) closeBefore(e htmlElement) {
	switch {
	case e.tag == atom.Li || e.tag == atom.Dd || e.tag == atom.Dt:
		s.closeItem(e.tag)
		s.closeParagraph()
	case isFormatting(e.tag):
		if (e.tag == atom.A || e.tag == atom.Nobr) && s.has(e.tag) {
			s.unsettle()
		}
	case e.tag == atom.Form && s.has(atom.Form): // ignored
		s.loseAll()
	case e.tag == atom.Option || e.tag == atom.Optgroup || e.tag == atom.Rb || e.tag == atom.Rt || e.tag == atom.Rp || e.tag == atom.Rtc:
		s.unsettle()
		s.loseAll()
	case closesBlocks(e.tag) || e.tag == atom.Hr || e.tag == atom.Form || e.tag == atom.Xmp || e.tag == atom.Plaintext || e.tag == atom.Listing:
		s.closeParagraph()
		if isHeading(e.tag) && s.findHeading() >= 0 {
			s.unsettle()
			s.loseAll()
		}
	}
	s.again(s.lost)
}

func (s *htmlScan) has(tag atom.Atom) bool {
	for _, e := range s.open {
		if e.tag == tag {
			return true
		}
	}
	return false
}

// closeParagraph closes the paragraph that a block ends.
func (s *htmlScan) closeParagraph() {
	n := len(s.open) - 1
	switch {
	case n >= s.floor() && s.open[n].tag == atom.P && !s.unsure:
		s.open = s.open[:n]
	case s.has(atom.P):
		s.unsettle()
		s.closeTo(s.find(atom.P, ""), true)
	}
}

// closeItem closes the item before a new one.
func (s *htmlScan) closeItem(tag atom.Atom) {
	for i := len(s.open) - 1; i >= s.floor(); i-- {
		switch t := s.open[i].tag; {
		case t == tag || tag != atom.Li && (t == atom.Dd || t == atom.Dt):
			s.unsettle()
			s.closeTo(i, true)
			return
		case t != atom.P && t != atom.Div && t != atom.Address && !isInline(s.open[i]) && !isFormatting(t):
			s.unsettle()
			s.loseAll()
			return
		}
	}
}

// floor is the lowest open element that tags here can close.
func (s *htmlScan) floor() int {
	if n := len(s.tables); n > 0 {
		t := s.tables[n-1]
		if t.cell != 0 {
			return t.from
		}
		return t.at + 1
	}
	return 0
}

// find is the place of the innermost element of a kind that tags here can close, or -1.
func (s *htmlScan) find(tag atom.Atom, name string) int {
	for i := len(s.open) - 1; i >= s.floor(); i-- {
		if s.open[i].tag == tag && s.open[i].name == name {
			return i
		}
	}
	return -1
}

// closeTo closes element i and those in it. keep says that the formatting elements
// among them will be made again.
func (s *htmlScan) closeTo(i int, keep bool) {
	if i < 0 || i >= len(s.open) || s.unsure {
		return
	}
	for _, e := range s.open[i:] {
		if keep && e.cost > 0 {
			s.lose(e)
		}
	}
	s.open = s.open[:i]
}

// loseAll is for tags of which only the parser knows what they close.
func (s *htmlScan) loseAll() {
	if s.inCell() {
		s.loseFrom(s.floor())
		return
	}
	s.loseFrom(0)
}

func (s *htmlScan) loseFrom(i int) {
	for ; i < len(s.open); i++ {
		if e := &s.open[i]; e.cost > 0 {
			s.lose(*e)
			e.cost = 0
		}
	}
}

// lose remembers a formatting element; the parser keeps three of a kind at most.
func (s *htmlScan) lose(e htmlElement) {
	same, from := 0, 0
	if n := len(s.tables); n > 0 && s.tables[n-1].cell != 0 {
		from = s.tables[n-1].lost
	}
	for _, l := range s.lost[min(from, len(s.lost)):] {
		if l.raw == e.raw {
			same++
		}
	}
	if same < 3 {
		s.lost = append(s.lost, e)
	}
}
