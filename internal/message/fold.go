package message

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Reading of words without regard to case, without a pattern: lines of a text are
// many, and most of them need no more than their first letter to be told.

// sameLetter compares without regard to case, as (?i) of a pattern does.
func sameLetter(a, b rune) bool {
	if a == b {
		return true
	}
	if a < utf8.RuneSelf && b < utf8.RuneSelf {
		return a|0x20 == b|0x20 && 'a' <= a|0x20 && a|0x20 <= 'z'
	}
	for c := unicode.SimpleFold(a); c != a; c = unicode.SimpleFold(c) {
		if c == b {
			return true
		}
	}
	return false
}

// cutWord takes a word off the beginning of a text.
func cutWord(s, word string) (rest string, ok bool) {
	for _, w := range word {
		r, n := utf8.DecodeRuneInString(s)
		if n == 0 || !sameLetter(r, w) {
			return "", false
		}
		s = s[n:]
	}
	return s, true
}

// spaces are what \s of a pattern is.
const spaces = "\t\n\f\r "

func isWhite(c byte) bool { return c == ' ' || c >= '\t' && c <= '\r' && c != '\v' }

// cutSpaces takes white space off the beginning, of which there must be some.
func cutSpaces(s string) (rest string, ok bool) {
	rest = strings.TrimLeft(s, spaces)
	return rest, len(rest) < len(s)
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

// digits is how many a text begins with, at most n.
func digits(s string, n int) int {
	i := 0
	for i < len(s) && i < n && isDigit(s[i]) {
		i++
	}
	return i
}

// isWordByte is what \b of a pattern looks at.
func isWordByte(c byte) bool {
	return isDigit(c) || c == '_' || 'a' <= c|0x20 && c|0x20 <= 'z'
}

// wordEdge tells whether a word of ASCII begins or ends at i.
func wordEdge(s string, i int) bool {
	before := i > 0 && isWordByte(s[i-1])
	return before != (i < len(s) && isWordByte(s[i]))
}
