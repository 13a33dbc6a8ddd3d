package compose

import (
	"html"
	"strconv"
	"strings"
)

const (
	tableStyle  = "border-collapse:collapse;font-size:14px"
	headStyle   = "text-align:left;padding:6px 10px 6px 0;border-bottom:2px solid #8a9bb0;color:#555;font-weight:600"
	cellStyle   = "text-align:left;vertical-align:top;padding:6px 10px 2px 0"
	linksStyle  = "padding:0 10px 8px 0;border-bottom:1px solid #dde3ea;font-size:13px"
	entryStyle  = "margin:0 0 14px 0;padding:8px 12px;border-left:3px solid #c8d0da"
	insideStyle = "margin:0 0 14px 0;padding:8px 12px;border-left:3px solid #d9b44a;background:#fdf8e7"
)

// html writes the page for clients that show HTML.
func (p *Page) html() string {
	var b strings.Builder
	htmlLines(&b, p.Lines)
	for i := range p.Sections {
		p.Sections[i].html(&b)
	}
	htmlLines(&b, p.Notes)
	return b.String()
}

func htmlLines(b *strings.Builder, lines []string) {
	for _, line := range lines {
		b.WriteString("<p>" + html.EscapeString(cleanLine(line)) + "</p>\n")
	}
}

func (s *Section) html(b *strings.Builder) {
	if h := cleanLine(s.Heading); h != "" {
		b.WriteString(`<h3 style="margin:22px 0 6px 0;font-size:16px">` + html.EscapeString(h) + "</h3>\n")
	}
	htmlLines(b, s.Lines)
	if s.Table != nil {
		s.Table.html(b)
	}
	for _, e := range s.Entries {
		e.html(b)
	}
	if len(s.Links) > 0 {
		b.WriteString("<p>" + htmlLinks(s.Links) + "</p>\n")
	}
}

func (t *Table) html(b *strings.Builder) {
	style := tableStyle
	if t.named() {
		style += ";width:100%"
	}
	b.WriteString(`<table style="` + style + `">` + "\n")
	if t.named() {
		b.WriteString("<tr>")
		for _, c := range t.Columns {
			b.WriteString(`<th style="` + headStyle + `">` + html.EscapeString(cleanLine(c.Name)) + "</th>")
		}
		b.WriteString("</tr>\n")
	}
	for _, r := range t.Rows {
		b.WriteString("<tr>")
		for i := range t.Columns {
			b.WriteString(`<td style="` + cellStyle + `">` + html.EscapeString(cellOf(r.Cells, i)) + "</td>")
		}
		b.WriteString("</tr>\n")
		if len(r.Links) > 0 {
			b.WriteString(`<tr><td style="` + linksStyle + `"></td><td colspan="` + strconv.Itoa(max(1, len(t.Columns)-1)) + `" style="` + linksStyle + `">` + htmlLinks(r.Links) + "</td></tr>\n")
		}
	}
	b.WriteString("</table>\n")
}

// named says whether a column has a name.
func (t *Table) named() bool {
	for _, c := range t.Columns {
		if c.Name != "" {
			return true
		}
	}
	return false
}

func htmlLinks(links []Link) string {
	var list []string
	for _, l := range links {
		long, _ := l.urls()
		list = append(list, `<a href="`+html.EscapeString(long)+`">`+html.EscapeString(cleanLine(l.Label))+"</a>")
	}
	return strings.Join(list, " &nbsp;·&nbsp; ")
}

func (e Entry) html(b *strings.Builder) {
	style := entryStyle
	if e.Inside {
		style = insideStyle
	}
	b.WriteString(`<div style="` + style + `"><div style="color:#555;font-size:13px">` + html.EscapeString(cleanLine(e.Head)) + "</div>\n")
	if text := strings.Trim(cleanText(e.Text), "\n "); text != "" {
		b.WriteString(`<div>` + strings.ReplaceAll(html.EscapeString(text), "\n", "<br>\n") + "</div>\n")
	}
	for _, f := range e.Files {
		b.WriteString(`<div style="color:#555;font-size:13px">[` + html.EscapeString(cleanLine(f)) + "]</div>\n")
	}
	b.WriteString("</div>\n")
}
