package message

import (
	"encoding/base64"
	"strconv"
	"strings"
	"unicode/utf8"
)

const (
	maxValue  = 16 << 10 // bytes of a header value that we write
	wordChars = 63       // characters of an encoded word; RFC 2047 §2 allows 75
	lineChars = 78       // RFC 5322 §2.1.1: should
	lineMax   = 998      // and must
)

// EncodeWord makes text fit for a header, RFC 2047: as it is if it is harmless
// ASCII, else as encoded words with spaces between them. Control and bidi
// characters and line ends go.
func EncodeWord(s string) string {
	s = Clean(s, maxValue)
	if isPlain(s) {
		return s
	}
	return encodeWords(s)
}

// isPlain is true for printable ASCII that no reader takes for encoded words.
func isPlain(s string) bool {
	return isASCII(s) && !strings.Contains(s, "=?")
}

// encodeWords cuts text between letters into encoded words, in Q or B, whichever
// is shorter.
func encodeWords(s string) string {
	q := 0
	for i := 0; i < len(s); i++ {
		q += qSize(s[i])
	}
	base := q > (len(s)+2)/3*4
	room := wordChars - len("=?utf-8?q??=")
	var b strings.Builder
	for len(s) > 0 {
		n, used := 0, 0
		for n < len(s) {
			_, size := utf8.DecodeRuneInString(s[n:])
			cost := 0
			for _, c := range []byte(s[n : n+size]) {
				cost += qSize(c)
			}
			if base {
				cost = (n+size+2)/3*4 - used
			}
			if used+cost > room {
				break
			}
			n, used = n+size, used+cost
		}
		if b.Len() > 0 {
			b.WriteByte(' ')
		}
		writeWord(&b, s[:n], base)
		s = s[n:]
	}
	return b.String()
}

func writeWord(b *strings.Builder, s string, base bool) {
	if base {
		b.WriteString("=?utf-8?b?" + base64.StdEncoding.EncodeToString([]byte(s)) + "?=")
		return
	}
	b.WriteString("=?utf-8?q?")
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == ' ':
			b.WriteByte('_')
		case qSize(s[i]) == 1:
			b.WriteByte(s[i])
		default:
			writeHex(b, '=', s[i])
		}
	}
	b.WriteString("?=")
}

// qSize is how many characters a byte takes in Q: one for what is safe
// everywhere, also within a phrase, RFC 2047 §5 (3).
func qSize(c byte) int {
	if isAlnum(c) || strings.IndexByte(" !*+-/", c) >= 0 {
		return 1
	}
	return 3
}

func isAlnum(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}

func writeHex(b *strings.Builder, mark, c byte) {
	const digits = "0123456789ABCDEF"
	b.WriteByte(mark)
	b.WriteByte(digits[c>>4])
	b.WriteByte(digits[c&15])
}

// EncodeParam writes a parameter with the "; " before it: name="value" if value
// is short ASCII, else that with what ASCII can say, for old programs, and the
// whole in RFC 2231's form, §3 and §4.
func EncodeParam(name, value string) string {
	name, value = strings.ToLower(name), Clean(value, maxValue)
	if !isTokenString(name) {
		return ""
	}
	if isPlain(value) && len(value) <= 60 {
		return "; " + name + "=" + quoteString(value)
	}
	fallback := strings.Map(func(r rune) rune {
		if r > 0x7e || r == '?' || r == '=' {
			return '_'
		}
		return r
	}, keepShort(value))
	return "; " + name + "=" + quoteString(fallback) + extendedParam(name, value)
}

// keepShort cuts a value to 60 bytes before its extension.
func keepShort(s string) string {
	if len(s) <= 60 {
		return s
	}
	ext := ""
	if i := strings.LastIndexByte(s, '.'); i >= 0 && len(s)-i <= 10 {
		ext = s[i:]
	}
	return cutText(s[:len(s)-len(ext)], 50) + ext
}

// extendedParam is RFC 2231: name*=utf-8”…, in pieces if it is long.
func extendedParam(name, value string) string {
	var pieces []string
	var b strings.Builder
	b.WriteString("utf-8''")
	for _, r := range value {
		if b.Len() > 48 {
			pieces = append(pieces, b.String())
			b.Reset()
		}
		for _, c := range []byte(string(r)) {
			if isAlnum(c) || c == '.' || c == '-' || c == '_' {
				b.WriteByte(c)
			} else {
				writeHex(&b, '%', c)
			}
		}
	}
	pieces = append(pieces, b.String())
	if len(pieces) == 1 {
		return "; " + name + "*=" + pieces[0]
	}
	var out strings.Builder
	for i, p := range pieces {
		out.WriteString("; " + name + "*" + strconv.Itoa(i) + "*=" + p)
	}
	return out.String()
}

// quoteString is RFC 5322's quoted-string, §3.2.4, of printable ASCII.
func quoteString(s string) string {
	return `"` + quotedPairs.Replace(s) + `"`
}

var quotedPairs = strings.NewReplacer(`\`, `\\`, `"`, `\"`)

func isTokenString(s string) bool {
	for i := 0; i < len(s); i++ {
		if !isToken(s[i]) || s[i] == '*' || s[i] == '\'' || s[i] == '%' {
			return false
		}
	}
	return s != ""
}
