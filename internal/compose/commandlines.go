package compose

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"postdesk/internal/message"
)

// commandEdits finds command lines in new text, those at its top first, whatever white space,
// wrapping, quotes, list marks and links a client made of them. missing are those that are not there.
// Of the first line that ends with kept, "" for none, these words stay and what stands before them goes.
func commandEdits(text string, commands []string, kept string) (list []edit, missing []string) {
	pos := 0
	for _, cmd := range commands {
		want := squeeze(cmd)
		if want == "" {
			continue
		}
		found, ok := commandEdit(text, pos, want)
		if !ok {
			missing = append(missing, cmd)
			continue
		}
		pos = found.end
		if head, ok := strings.CutSuffix(cmd, kept); ok && kept != "" {
			found.end, kept = wordsAt(text, found.start, squeeze(head)), ""
		}
		list = append(list, found)
	}
	return list, missing
}

// wordsAt is where the words of a command begin that stands in text from pos on: behind its head, squeezed.
func wordsAt(text string, pos int, head string) int {
	end, _ := matchPrefix(text, skipLead(text, pos), head)
	return skipBlank(text, end)
}

// commandEdit looks for one command where a line begins, from pos on.
func commandEdit(text string, pos int, want string) (found edit, ok bool) {
	at := pos
	for range maxLooked {
		begin := skipLead(text, at)
		if end, ok := matchSqueezed(text, begin, want); ok {
			return edit{start: at, end: end}, true
		}
		line, _, more := strings.Cut(text[begin:], "\n")
		if !more {
			return edit{}, false
		}
		at = begin + len(line) + 1
	}
	return edit{}, false
}

// maxLooked is in how many lines a command is looked for.
const maxLooked = 5000

// squeeze is text without what clients change: white space, invisible characters,
// emphasis, the shape of quotes, dots that became an ellipsis, dashes that became
// one, and the links that they add to addresses.
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
		if r = squeezeRune(r); r == 0 || repeats(r, last) {
			continue
		}
		b.WriteRune(r)
		last = r
	}
	return b.String()
}

// repeats: a client may write "..." and "--" as one character.
func repeats(r, last rune) bool { return r == last && (r == '.' || r == '-') }

// squeezeRune is 0 for what does not count.
func squeezeRune(r rune) rune {
	switch r {
	case '\u2018', '\u2019', '\u201a', '\u02bc', '`', '\u00b4':
		return '\''
	case '\u201c', '\u201d', '\u201e', '\u00ab', '\u00bb':
		return '"'
	case '\u2010', '\u2011', '\u2012', '\u2013', '\u2014', '\u2212':
		return '-'
	case '\u2026':
		return '.'
	case '\uff03', '\ufe5f':
		return '#'
	case '*', '_':
		return 0
	}
	if unicode.IsSpace(r) || isInvisible(r) {
		return 0
	}
	return unicode.ToLower(r)
}

// isInvisible says whether a reader sees nothing of r: soft hyphens, joiners, marks of
// direction, variation selectors (which make an emoji of "#"), fillers.
func isInvisible(r rune) bool {
	switch {
	case r == '\u00ad', r == '\u034f', r == '\u115f', r == '\u1160', r == '\u180e', r == '\ufeff', r == '\u3164', r == '\uffa0', r == '\u20e3',
		r >= '\u200b' && r <= '\u200f', r >= '\u202a' && r <= '\u202e', r >= '\u2060' && r <= '\u206f', r >= '\ufe00' && r <= '\ufe0f':
		return true
	}
	return false
}

// maxEcho is the most that a link's address is believed to take, in bytes.
const maxEcho = 4 << 10

// linkEcho is the length of "<mailto:…>", "[mailto:…]" or "<http…>" that a client wrote behind the
// text of a link, 0 if there is none.
func linkEcho(s string) int {
	if s == "" || s[0] != '<' && s[0] != '[' {
		return 0
	}
	in := s[1:min(len(s), maxEcho)]
	if !hasFoldPrefix(in, "mailto:") && !(s[0] == '<' && (hasFoldPrefix(in, "http://") || hasFoldPrefix(in, "https://"))) {
		return 0
	}
	shut := byte('>')
	if s[0] == '[' {
		shut = ']'
	}
	end := strings.IndexByte(in, shut)
	if end < 0 || strings.Contains(in[:end], "\n\n") {
		return 0
	}
	return end + 2
}

func hasFoldPrefix(s, prefix string) bool {
	return len(s) >= len(prefix) && strings.EqualFold(s[:len(prefix)], prefix)
}

// skipLead is where the next line begins that says something, past blank lines and lines
// such as "Sent from my phone"; past a list's mark too where "#" stands behind it.
func skipLead(text string, pos int) int {
	for {
		pos = skipBlank(text, pos)
		line, _, more := strings.Cut(text[pos:], "\n")
		if _, sig := message.SplitSignature(line); sig == "" || !more || strings.TrimSpace(line) == "" {
			return pos + listMark(line)
		}
		pos += len(line) + 1
	}
}

// skipBlank is the start of the first thing from pos on that is seen.
func skipBlank(text string, pos int) int {
	for i, r := range text[pos:] {
		if !unicode.IsSpace(r) && !isInvisible(r) {
			return pos + i
		}
	}
	return len(text)
}

// listMark is the length of a list's mark or of emphasis that stands before a "#", 0 for none.
func listMark(line string) int {
	rest := strings.TrimLeftFunc(line, func(r rune) bool {
		return r == '*' || r == '_' || r == '-' || r == '+' || r == '.' || r == ')' || r >= '0' && r <= '9' ||
			strings.ContainsRune("\u2022\u00b7\u25e6\u2023\u25aa\u25cf\u2013\u2014\u2043", r) || unicode.IsSpace(r) || isInvisible(r)
	})
	mark := line[:len(line)-len(rest)]
	if !isHash(rest) || len(mark) > 16 || strings.ContainsAny(mark, "0123456789") && !strings.ContainsAny(mark, ".)") {
		return 0
	}
	return len(mark)
}

// isHash says whether s begins with a "#" in one of its shapes.
func isHash(s string) bool {
	r, _ := utf8.DecodeRuneInString(s)
	return squeezeRune(r) == '#'
}

// matchSqueezed matches text from pos with squeezed text; it must end where a line
// ends. end is behind that line end.
func matchSqueezed(text string, pos int, want string) (end int, ok bool) {
	end, ok = matchPrefix(text, pos, want)
	if !ok {
		return 0, false
	}
	last, _ := utf8.DecodeLastRuneInString(want)
	return lineEnd(text, end, last)
}

// matchPrefix matches text from pos with squeezed text; end is where the match ends, pos where there is none.
func matchPrefix(text string, pos int, want string) (end int, ok bool) {
	last, begin := rune(0), pos
	for want != "" {
		if pos >= len(text) {
			return begin, false
		}
		if n := linkEcho(text[pos:]); n > 0 {
			pos += n
			continue
		}
		r, n := utf8.DecodeRuneInString(text[pos:])
		pos += n
		if r = squeezeRune(r); r == 0 || repeats(r, last) {
			continue
		}
		w, m := utf8.DecodeRuneInString(want)
		if r != w {
			return begin, false
		}
		last, want = r, want[m:]
	}
	return pos, true
}

// lineEnd checks that only space, link echoes and more of the last dots follow in the line.
func lineEnd(text string, pos int, last rune) (end int, ok bool) {
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
		if r = squeezeRune(r); r != 0 && !repeats(r, last) {
			return 0, false
		}
	}
	return pos, true
}
