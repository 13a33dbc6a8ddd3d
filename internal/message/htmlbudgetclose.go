package message

import (
	"slices"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// maxAdoptions is how many blocks the parser takes out of a formatting element at its
// end tag; with more the element stays open (HTML standard, adoption agency).
const maxAdoptions = 7

func (s *htmlScan) end(z *html.Tokenizer, size int) {
	s.left.tags--
	s.left.bytes -= min(size, longTag)
	name, _ := z.TagName()
	e := htmlElement{tag: atom.Lookup(name)}
	if e.tag == 0 {
		e.name = string(name)
	}
	if s.unsure {
		s.unsettle()
		return
	}
	if s.endInTable(e.tag) {
		return
	}
	n := len(s.open) - 1
	if n >= s.floor() && s.open[n].tag == e.tag && s.open[n].name == e.name {
		s.open = s.open[:n]
		s.again(s.lost)
		return
	}
	s.unsettle()
	s.endBelow(e)
}

// endBelow is an end tag of an element in which others are open.
func (s *htmlScan) endBelow(e htmlElement) {
	i := s.find(e.tag, e.name)
	if isHeading(e.tag) { // any heading's end closes any heading
		i = s.findHeading()
	}
	if i < 0 {
		return
	}
	blocks := 0
	for _, o := range s.open[i+1:] {
		if !isInline(o) && !isFormatting(o.tag) {
			blocks++
		}
	}
	lists := slices.ContainsFunc(s.open[i+1:], func(o htmlElement) bool { return o.tag == atom.Ul || o.tag == atom.Ol })
	switch {
	case isFormatting(e.tag) && blocks > 0 && blocks <= maxAdoptions && s.inPlace():
		s.loseFrom(i + 1)
		s.open = slices.Delete(s.open, i, i+1)
	case isFormatting(e.tag) && blocks == 0 && s.inPlace():
		s.open[i].cost = 0
		s.closeTo(i, true)
	case !isFormatting(e.tag) && (blocks == 0 || closesBlocks(e.tag) || e.tag == atom.Li && !lists):
		s.closeTo(i, true)
	default:
		s.loseAll()
	}
}

func (s *htmlScan) findHeading() int {
	for i := len(s.open) - 1; i >= s.floor(); i-- {
		if isHeading(s.open[i].tag) {
			return i
		}
	}
	return -1
}

func isHeading(tag atom.Atom) bool {
	switch tag {
	case atom.H1, atom.H2, atom.H3, atom.H4, atom.H5, atom.H6:
		return true
	}
	return false
}

// startInTable handles the tags that make a table.
func (s *htmlScan) startInTable(e htmlElement) bool {
	n := len(s.tables)
	switch e.tag {
	case atom.Table:
		if n > 0 && !s.inCell() { // a table right in a table ends it
			s.endTable()
		}
		if s.has(atom.P) { // which a table ends only after a modern doctype
			s.unsettle()
			s.loseAll()
		}
		if s.inPlace() {
			s.run = 0
		}
		s.tables = append(s.tables, htmlTable{at: len(s.open)})
		s.open = append(s.open, e)
		s.checkOpen()
		return true
	case atom.Td, atom.Th, atom.Caption:
		if n > 0 && !s.unsure {
			s.endCell()
			t := &s.tables[n-1]
			s.closeTo(t.at+1, true)
			t.cell, t.from, t.lost = e.tag, len(s.open), len(s.lost)
			s.run = 0
		}
	case atom.Tr, atom.Tbody, atom.Thead, atom.Tfoot, atom.Col, atom.Colgroup:
		if n > 0 && !s.unsure {
			s.endCell()
			s.closeTo(s.tables[n-1].at+1, true)
			s.run = 0
		}
	default:
		return false
	}
	s.again(s.lost)
	return true
}

// endInTable handles their end tags.
func (s *htmlScan) endInTable(tag atom.Atom) bool {
	n := len(s.tables)
	switch tag {
	case atom.Table:
		s.endTable()
	case atom.Td, atom.Th, atom.Caption:
		if n > 0 && s.tables[n-1].cell == tag {
			s.endCell()
		}
	case atom.Tr, atom.Tbody, atom.Thead, atom.Tfoot, atom.Col, atom.Colgroup:
		switch {
		case n == 0 || s.tables[n-1].cell == atom.Caption:
		case tag == atom.Tr && s.inCell():
			s.endCell()
		case s.inCell(): // whether it ends the cell depends on which of them is open
			s.unsure = true
		default:
			s.loseAll()
		}
	default:
		return false
	}
	s.again(s.lost)
	return true
}

func (s *htmlScan) endTable() {
	n := len(s.tables) - 1
	if n < 0 || s.unsure {
		return
	}
	s.endCell()
	s.closeTo(s.tables[n].at, true)
	s.tables = s.tables[:n]
}

// endCell closes the cell of the innermost table: formatting elements left open in it end
// with it.
func (s *htmlScan) endCell() {
	if !s.inCell() || s.unsure {
		return
	}
	t := &s.tables[len(s.tables)-1]
	s.closeTo(t.from, false)
	s.lost = s.lost[:t.lost]
	t.cell = 0
}

func isFormatting(tag atom.Atom) bool {
	switch tag {
	case atom.A, atom.B, atom.Big, atom.Code, atom.Em, atom.Font, atom.I, atom.Nobr, atom.S, atom.Small, atom.Strike, atom.Strong, atom.Tt, atom.U:
		return true
	}
	return false
}

// isInline says whether an element neither closes others nor keeps them from being
// closed.
func isInline(e htmlElement) bool {
	switch e.tag {
	case atom.Span, atom.Label, atom.Q, atom.Abbr, atom.Cite, atom.Ins, atom.Del, atom.Sub, atom.Sup, atom.Var, atom.Kbd, atom.Samp, atom.Dfn, atom.Bdo:
		return true
	case 0: // names of Word: o:p, v:shape, st1:place
		return slices.Contains([]byte(e.name), ':')
	}
	return false
}

// closesBlocks says whether an end tag closes all that is in its element.
func closesBlocks(tag atom.Atom) bool {
	switch tag {
	case atom.Div, atom.P, atom.Blockquote, atom.Center, atom.Ul, atom.Ol, atom.Dl, atom.Pre, atom.Section, atom.Article, atom.Header, atom.Footer,
		atom.H1, atom.H2, atom.H3, atom.H4, atom.H5, atom.H6, atom.Address, atom.Fieldset, atom.Figure, atom.Aside, atom.Nav, atom.Main, atom.Details, atom.Dir, atom.Menu:
		return true
	}
	return false
}

// addsNothing is true for start tags that may leave nothing where they stand.
func addsNothing(tag atom.Atom) bool {
	switch tag {
	case atom.Form, atom.Frame, atom.Base, atom.Basefont, atom.Bgsound, atom.Link, atom.Meta, atom.Noframes, atom.Script, atom.Style, atom.Title,
		atom.Input, atom.Noscript:
		return true
	}
	return false
}

func isVoidElement(tag atom.Atom) bool {
	switch tag {
	case atom.Area, atom.Base, atom.Basefont, atom.Bgsound, atom.Br, atom.Embed, atom.Frame, atom.Hr, atom.Img, atom.Image, atom.Input, atom.Keygen,
		atom.Link, atom.Meta, atom.Param, atom.Source, atom.Track, atom.Wbr:
		return true
	}
	return false
}
