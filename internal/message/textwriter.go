package message

import (
	"strings"
	"unicode"
)

// textWriter lays text out in lines: it collapses white space, and holds line
// ends back until something follows them.
type textWriter struct {
	b      strings.Builder
	max    int
	quote  int    // "> " before each line
	indent int    // of the list
	mark   string // of the list item that begins

	pending   int  // line ends before the next text
	space     bool // a space before the next text
	separator bool // a cell's border before the next text
	open      bool // the line has text
	lastQuote int
}

// breaks asks for at least n line ends.
func (w *textWriter) breaks(n int) {
	if w.b.Len() > 0 {
		w.pending = max(w.pending, n)
	}
	w.space, w.separator, w.open = false, false, false
}

// lineBreak ends the line, or makes a blank one.
func (w *textWriter) lineBreak() {
	if w.b.Len() > 0 {
		w.pending = min(w.pending+1, 3)
	}
	w.space, w.open = false, false
}

// cell separates the cells of a line of a table.
func (w *textWriter) cell() {
	w.separator, w.space = w.open, false
}

// text adds text. In pre, line ends and spaces stay.
func (w *textWriter) text(s string, pre bool) {
	if pre {
		for i, line := range strings.Split(strings.ReplaceAll(s, "\r\n", "\n"), "\n") {
			if i > 0 {
				w.lineBreak()
			}
			w.write(line)
		}
		return
	}
	for s != "" && w.b.Len() < w.max {
		i := strings.IndexFunc(s, isHTMLSpace)
		if i == 0 {
			w.space = true
			s = strings.TrimLeftFunc(s, isHTMLSpace)
			continue
		}
		if i < 0 {
			i = len(s)
		}
		w.write(s[:i])
		s = s[i:]
	}
}

func isHTMLSpace(r rune) bool {
	return r == ' ' || r == '\n' || r == '\t' || r == '\r' || r == '\f' || r == 0xa0 || r == 0xfeff || r == 0x200b || r == 0x34f || r == 0xad
}

// write adds a word, after what was held back.
func (w *textWriter) write(word string) {
	word = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) && r != '\t' {
			return -1
		}
		return r
	}, word)
	if word == "" {
		return
	}
	if w.pending > 0 || w.b.Len() == 0 {
		w.newLines()
	}
	switch {
	case !w.open:
		w.b.WriteString(strings.Repeat(" ", w.indent) + w.mark)
	case w.separator:
		w.b.WriteString(" | ")
	case w.space:
		w.b.WriteByte(' ')
	}
	w.mark, w.space, w.separator, w.open = "", false, false, true
	w.b.WriteString(word)
}

// newLines writes the line ends that were held back, and the marks of the quote.
func (w *textWriter) newLines() {
	prefix := strings.Repeat("> ", w.quote)
	if w.b.Len() > 0 {
		between := strings.TrimRight(strings.Repeat("> ", min(w.quote, w.lastQuote)), " ")
		for i := 1; i < w.pending; i++ {
			w.b.WriteString("\n" + between)
		}
		w.b.WriteByte('\n')
	}
	w.b.WriteString(prefix)
	w.pending, w.lastQuote, w.open = 0, w.quote, false
}

func (w *textWriter) finish() string {
	s := cutText(w.b.String(), w.max)
	if s != "" && len(s) < w.max {
		s += "\n"
	}
	return s
}
