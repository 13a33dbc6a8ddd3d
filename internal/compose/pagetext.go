package compose

import (
	"strings"
	"unicode/utf8"
)

// pageWidth is the width of the text, in characters: RFC 5322 §2.1.1.
const pageWidth = 76

// text writes the page for clients that show text.
func (p *Page) text() string {
	var b strings.Builder
	paragraphs(&b, p.Lines)
	for i := range p.Sections {
		p.Sections[i].text(&b)
	}
	paragraphs(&b, p.Notes)
	return strings.Trim(squeezeBlankLines(b.String()), "\n")
}

func paragraphs(b *strings.Builder, lines []string) {
	for _, line := range lines {
		for _, s := range wrap(cleanLine(line), pageWidth) {
			b.WriteString(s + "\n")
		}
	}
	b.WriteString("\n")
}

func (s *Section) text(b *strings.Builder) {
	if h := cleanLine(s.Heading); h != "" {
		b.WriteString("\n" + h + "\n" + strings.Repeat("-", min(utf8.RuneCountInString(h), pageWidth)) + "\n")
	}
	if len(s.Lines) > 0 {
		paragraphs(b, s.Lines)
	}
	if s.Table != nil {
		s.Table.text(b)
	}
	for _, e := range s.Entries {
		e.text(b)
	}
	if len(s.Links) > 0 {
		b.WriteString("\n")
	}
	for _, l := range s.Links {
		_, short := l.urls()
		b.WriteString(cleanLine(l.Label) + " <" + short + ">\n")
	}
	b.WriteString("\n")
}

// maxCell is the width of a column that is not the last, in characters.
const maxCell = 28

func (t *Table) text(b *strings.Builder) {
	widths := t.widths()
	var names []string
	for _, c := range t.Columns {
		names = append(names, c.Name)
	}
	if strings.Join(names, "") != "" {
		t.line(b, names, widths)
	}
	for _, r := range t.Rows {
		t.line(b, r.Cells, widths)
		indent := strings.Repeat(" ", widths[0]+2)
		for i, c := range t.Columns {
			if s := cellOf(r.Cells, i); c.Below && s != "" {
				b.WriteString(indent + clipped(s, pageWidth-len(indent)) + "\n")
			}
		}
		if len(r.Links) > 0 {
			_, short := r.Links[0].urls()
			b.WriteString(indent + cleanLine(r.Links[0].Label) + " <" + short + ">\n")
		}
	}
}

// line writes one row of the columns that are not below.
func (t *Table) line(b *strings.Builder, cells []string, widths []int) {
	var line strings.Builder
	for i, c := range t.Columns {
		if c.Below {
			continue
		}
		s := cellOf(cells, i)
		if c.Wide {
			used := utf8.RuneCountInString(line.String())
			gap := "\n" + strings.Repeat(" ", used)
			line.WriteString(strings.Join(wrap(s, max(20, pageWidth-used)), gap))
			continue
		}
		s = clipped(s, widths[i])
		line.WriteString(s + strings.Repeat(" ", widths[i]+2-utf8.RuneCountInString(s)))
	}
	b.WriteString(strings.TrimRight(line.String(), " ") + "\n")
}

func (t *Table) widths() []int {
	widths := make([]int, max(1, len(t.Columns)))
	for i, c := range t.Columns {
		widths[i] = utf8.RuneCountInString(cleanLine(c.Name))
		for _, r := range t.Rows {
			widths[i] = max(widths[i], utf8.RuneCountInString(cellOf(r.Cells, i)))
		}
		widths[i] = min(widths[i], maxCell)
	}
	return widths
}

// cellOf is a cell of a row, "" where it has none.
func cellOf(cells []string, i int) string {
	if i >= len(cells) {
		return ""
	}
	return cleanLine(cells[i])
}

func (e Entry) text(b *strings.Builder) {
	b.WriteString("\n" + cleanLine(e.Head) + "\n")
	if text := strings.Trim(cleanText(e.Text), "\n "); text != "" {
		b.WriteString(strings.ReplaceAll(prefixLines(text, "  "), "\n  \n", "\n\n") + "\n")
	}
	for _, f := range e.Files {
		b.WriteString("  [" + cleanLine(f) + "]\n")
	}
}

// wrap breaks a line at blanks. A word that is longer stays whole: it may be an
// address.
func wrap(s string, width int) []string {
	var lines []string
	line := ""
	for _, word := range strings.Split(s, " ") {
		if line != "" && utf8.RuneCountInString(line)+1+utf8.RuneCountInString(word) > width {
			lines, line = append(lines, line), ""
		}
		if line != "" {
			line += " "
		}
		line += word
	}
	return append(lines, line)
}
