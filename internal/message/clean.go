package message

import (
	"bytes"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Clean makes one line of text harmless: valid UTF-8, line ends, tabs and line
// separators as single spaces, no control characters, nothing that turns the
// direction of writing or is invisible. At most max bytes, cut between letters.
func Clean(s string, max int) string {
	if plainLine(s) {
		return cutText(s, max)
	}
	var b strings.Builder
	space := true // at the beginning: none
	for _, r := range s {
		switch {
		case b.Len() >= max:
			return strings.TrimRight(cutText(b.String(), max), " ")
		case isLineSpace(r):
			if !space {
				b.WriteByte(' ')
			}
			space = true
		case isHidden(r):
		default:
			b.WriteRune(r) // an invalid byte comes as U+FFFD
			space = false
		}
	}
	return strings.TrimRight(cutText(b.String(), max), " ")
}

// plainLine is true for text that Clean would not change.
func plainLine(s string) bool {
	for i := 0; i < len(s); i++ {
		if c := s[i]; c < ' ' || c >= 0x7f || c == ' ' && (i == 0 || i == len(s)-1 || s[i-1] == ' ') {
			return false
		}
	}
	return true
}

func isLineSpace(r rune) bool {
	return r == ' ' || r >= '\t' && r <= '\r' || r == 0x85 || r == 0x2028 || r == 0x2029
}

// isHidden is true for C0, C1, DEL and the format characters of Unicode (bidi
// controls, zero width), without the two joiners that scripts and emoji need.
func isHidden(r rune) bool {
	return unicode.IsControl(r) || unicode.Is(unicode.Cf, r) && r != 0x200c && r != 0x200d
}

// cleanText makes the text of a body: LF at line ends, no control characters but
// tab. Marks of direction stay, the text may be in Hebrew or Arabic.
func cleanText(s string) string {
	if strings.IndexByte(s, '\r') >= 0 {
		s = withoutCR([]byte(s))
	}
	return cleanLines(s)
}

// cleanLines is cleanText of text whose lines end as withoutCR leaves them.
func cleanLines(s string) string {
	if !hasDirt(s) {
		return s
	}
	var b strings.Builder
	b.Grow(len(s))
	after := rune(0)
	for _, r := range s {
		switch {
		case r == '\n' && after == '\r':
		case r == '\n' || r == '\r' || r == 0x85 || r == 0x2028 || r == 0x2029 || r == '\f':
			b.WriteByte('\n')
		case r == '\t' || !unicode.IsControl(r):
			b.WriteRune(r)
		}
		after = r
	}
	return b.String()
}

// withoutCR makes LF of CRLF, unless the text has a CR elsewhere: nearly none has.
func withoutCR(text []byte) string {
	var b strings.Builder
	b.Grow(len(text))
	rest := text
	for {
		i := bytes.IndexByte(rest, '\r')
		if i < 0 {
			b.Write(rest)
			return b.String()
		}
		if i+1 == len(rest) || rest[i+1] != '\n' {
			return string(text)
		}
		b.Write(rest[:i])
		rest = rest[i+1:]
	}
}

// hasDirt says whether a text may have something in it that cleanText takes away.
func hasDirt(s string) bool {
	found := byte(0)
	for i := 0; i < len(s); i++ {
		found |= dirt[s[i]]
	}
	return found != 0
}

// dirt is 1 for the control characters, and for the bytes with which those beyond ASCII begin.
var dirt = func() (t [256]byte) {
	for c := range ' ' {
		if c != '\n' && c != '\t' {
			t[c] = 1
		}
	}
	t[0x7f], t[0xc2], t[0xe2] = 1, 1, 1
	return t
}()

// cutText cuts s to at most max bytes, between letters.
func cutText(s string, max int) string {
	if len(s) <= max {
		return s
	}
	for max > 0 && !utf8.RuneStart(s[max]) {
		max--
	}
	return s[:max]
}

// cleanFileName makes a name to show: decoded, without folders, harmless.
func cleanFileName(raw string) string {
	if raw == "" {
		return ""
	}
	name := Clean(decodeWords([]byte(raw), 4*MaxFileName), 4*MaxFileName)
	if i := strings.LastIndexAny(name, `/\`); i >= 0 {
		name = name[i+1:]
	}
	name = strings.Map(func(r rune) rune {
		if strings.ContainsRune(`<>:"|?*`, r) {
			return '_'
		}
		return r
	}, name)
	name = strings.Trim(name, " ")
	if strings.Trim(name, ".") == "" {
		return ""
	}
	return keepExtension(name)
}

// keepExtension cuts a long name before its extension.
func keepExtension(name string) string {
	if len(name) <= MaxFileName {
		return name
	}
	ext := ""
	if i := strings.LastIndexByte(name, '.'); i >= 0 && len(name)-i <= 16 {
		ext = name[i:]
	}
	return cutText(name[:len(name)-len(ext)], MaxFileName-len(ext)) + ext
}
