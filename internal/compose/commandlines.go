package compose

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// commandEdits finds the command lines at the top of text, whatever white space,
// wrapping, quotes and links a client made of them. missing are those that are not there.
func commandEdits(text string, commands []string) (list []edit, missing []string) {
	pos := 0
	for _, cmd := range commands {
		want := squeeze(cmd)
		if want == "" {
			continue
		}
		start := skipBlank(text, pos)
		end, ok := matchSqueezed(text, start, want)
		if !ok {
			missing = append(missing, cmd)
			continue
		}
		list = append(list, edit{start: pos, end: end})
		pos = end
	}
	return list, missing
}

// squeeze is text without what clients change: white space, invisible characters,
// the shape of quotes, dots that became an ellipsis, and the links that they add to
// addresses.
func squeeze(s string) string {
	var b strings.Builder
	last := rune(0)
	for i := 0; i < len(s); {
		if n := linkEcho(s[i:]); n > 0 {
			i += n
			continue
		}
		r, n := utf8.DecodeRuneInString(s[i:])
		i += n
		if r = squeezeRune(r); r == 0 || r == '.' && last == '.' {
			continue
		}
		b.WriteRune(r)
		last = r
	}
	return b.String()
}

// squeezeRune is 0 for what does not count.
func squeezeRune(r rune) rune {
	switch r {
	case '\u2018', '\u2019', '\u201a', '\u02bc':
		return '\''
	case '\u201c', '\u201d', '\u201e', '\u00ab', '\u00bb':
		return '"'
	case '\u2010', '\u2011', '\u2013', '\u2014', '\u2212':
		return '-'
	case '\u2026':
		return '.'
	}
	if unicode.IsSpace(r) || isInvisible(r) {
		return 0
	}
	return unicode.ToLower(r)
}

func isInvisible(r rune) bool {
	return r == '\u00ad' || r >= '\u200b' && r <= '\u200f' || r == '\ufeff' || r == '\u2060' || r == '\u034f'
}

// linkEcho is the length of "<mailto:…>" or "<http…>" that a client wrote behind the
// text of a link, 0 if there is none.
func linkEcho(s string) int {
	if len(s) < 8 || s[0] != '<' || !(strings.EqualFold(s[:8], "<mailto:") || strings.EqualFold(s[:5], "<http")) {
		return 0
	}
	return strings.IndexByte(s, '>') + 1
}

// skipBlank is the start of the first line from pos on that is not blank.
func skipBlank(text string, pos int) int {
	for i, r := range text[pos:] {
		if !unicode.IsSpace(r) && !isInvisible(r) {
			return pos + i
		}
	}
	return len(text)
}

// matchSqueezed matches text from pos with squeezed text; it must end where a line
// ends. end is behind that line end.
func matchSqueezed(text string, pos int, want string) (end int, ok bool) {
	last := rune(0)
	for want != "" {
		if pos >= len(text) {
			return 0, false
		}
		if n := linkEcho(text[pos:]); n > 0 {
			pos += n
			continue
		}
		r, n := utf8.DecodeRuneInString(text[pos:])
		pos += n
		if r = squeezeRune(r); r == 0 || r == '.' && last == '.' {
			continue
		}
		w, m := utf8.DecodeRuneInString(want)
		if r != w {
			return 0, false
		}
		last, want = r, want[m:]
	}
	for last == '.' && strings.HasPrefix(text[pos:], ".") {
		pos++
	}
	return lineEnd(text, pos)
}

// lineEnd checks that only space and link echoes follow in the line.
func lineEnd(text string, pos int) (end int, ok bool) {
	for pos < len(text) {
		if n := linkEcho(text[pos:]); n > 0 {
			pos += n
			continue
		}
		r, n := utf8.DecodeRuneInString(text[pos:])
		pos += n
		if r == '\n' {
			return pos, true
		}
		if squeezeRune(r) != 0 {
			return 0, false
		}
	}
	return pos, true
}
