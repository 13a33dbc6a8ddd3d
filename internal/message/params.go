package message

import (
	"sort"
	"strconv"
	"strings"
)

const maxParams = 100

// parseMediaType reads a Content-Type, RFC 2045 §5.1, with parameters by RFC
// 2231, tolerantly. An unusable type is "".
func parseMediaType(s string) (string, map[string]string) {
	s = limit(s, MaxField)
	i := skipSpace(s, 0)
	j := i
	for j < len(s) && isToken(s[j]) {
		j++
	}
	major, k := s[i:j], skipSpace(s, j)
	if k == len(s) || s[k] != '/' {
		if strings.EqualFold(major, "text") {
			return "text/plain", parseParams(s[j:])
		}
		if k < len(s) && s[k] == '=' { // the type itself is missing
			return "", parseParams(s)
		}
		return "", parseParams(s[j:])
	}
	i = skipSpace(s, k+1)
	for j = i; j < len(s) && (isToken(s[j]) || s[j] == '/'); {
		j++
	}
	if major == "" || i == j {
		return "", parseParams(s[j:])
	}
	return strings.ToLower(major + "/" + s[i:j]), parseParams(s[j:])
}

// parseDisposition reads a Content-Disposition, RFC 2183. Unknown kinds count as
// attachment, §2.8.
func parseDisposition(s string) (string, map[string]string) {
	s = limit(s, MaxField)
	i := skipSpace(s, 0)
	j := i
	for j < len(s) && isToken(s[j]) {
		j++
	}
	kind := strings.ToLower(s[i:j])
	if k := skipSpace(s, j); k < len(s) && s[k] == '=' {
		return "", parseParams(s[i:])
	}
	if kind != "" && kind != "inline" {
		kind = "attachment"
	}
	return kind, parseParams(s[j:])
}

// parseEncoding reads a Content-Transfer-Encoding, RFC 2045 §6.1; comments and
// what follows are dropped.
func parseEncoding(s string) string {
	s = limit(s, 100)
	i := skipSpace(s, 0)
	i += len(s[i:]) - len(strings.TrimLeft(s[i:], "\""))
	j := i
	for j < len(s) && isToken(s[j]) {
		j++
	}
	switch e := strings.ToLower(s[i:j]); e {
	case "7-bit":
		return "7bit"
	case "8-bit":
		return "8bit"
	case "quoted_printable", "quotedprintable", "qp":
		return "quoted-printable"
	case "base-64", "b64":
		return "base64"
	case "uuencode", "x-uue", "uue", "x-uuencoded":
		return "x-uuencode"
	default:
		return e
	}
}

// segment is one piece of a parameter: plain, or one of RFC 2231's.
type segment struct {
	name, value string
	number      int // -1: a parameter in one piece
	encoded     bool
}

// parseParams reads "; name=value" lists. The first of several equal names
// counts, and the extended form goes before the plain one.
func parseParams(s string) map[string]string {
	var segs []segment
	params := map[string]string(nil)
	for i := 0; i < len(s) && len(segs) < maxParams; {
		var name, value string
		name, value, i = nextParam(s, i)
		if name == "" {
			continue
		}
		base, rest, star := strings.Cut(name, "*")
		if !star {
			if params == nil {
				params = make(map[string]string, 4)
			}
			if _, have := params[name]; !have {
				params[name] = value
			}
			continue
		}
		number, encoded := -1, strings.HasSuffix(rest, "*") || rest == ""
		if n, err := strconv.Atoi(strings.TrimSuffix(rest, "*")); err == nil && n >= 0 {
			number = n
		}
		segs = append(segs, segment{base, value, number, encoded})
	}
	return joinSegments(params, segs)
}

// joinSegments puts RFC 2231 pieces together, §3 and §4.
func joinSegments(params map[string]string, segs []segment) map[string]string {
	sort.SliceStable(segs, func(i, j int) bool {
		if segs[i].name != segs[j].name {
			return segs[i].name < segs[j].name
		}
		return segs[i].number < segs[j].number
	})
	for i := 0; i < len(segs); {
		name, charset, bytes, encoded := segs[i].name, "", []byte(nil), false
		first := i
		for ; i < len(segs) && segs[i].name == name; i++ {
			v := segs[i].value
			if i > first && segs[i].number <= segs[i-1].number {
				continue // given twice
			}
			if segs[i].encoded {
				if i == first {
					charset, v = cutCharset(v)
				}
				encoded = true
				bytes = appendPercent(bytes, v)
			} else {
				bytes = append(bytes, v...)
			}
		}
		if params == nil {
			params = make(map[string]string, 4)
		}
		if name == "boundary" && !encoded {
			params[name] = string(bytes)
		} else if name != "" {
			params[name] = decodeCharset(charset, bytes)
		}
	}
	return params
}

// cutCharset splits "charset'language'value".
func cutCharset(v string) (charset, value string) {
	a, rest, ok := strings.Cut(v, "'")
	if !ok {
		return "", v
	}
	_, value, ok = strings.Cut(rest, "'")
	if !ok {
		return "", v
	}
	return a, value
}

func appendPercent(b []byte, v string) []byte {
	for i := 0; i < len(v); i++ {
		if v[i] == '%' && i+2 < len(v) && hexValue(v[i+1]) >= 0 && hexValue(v[i+2]) >= 0 {
			b = append(b, byte(hexValue(v[i+1])<<4|hexValue(v[i+2])))
			i += 2
			continue
		}
		b = append(b, v[i])
	}
	return b
}

// nextParam reads one parameter from s[i:] and tells where the next one begins,
// always past i. An empty name: nothing usable.
func nextParam(s string, i int) (name, value string, next int) {
	for i < len(s) && (s[i] == ';' || s[i] == ',' || isSpace(s[i])) {
		i++
	}
	if i < len(s) && s[i] == '(' {
		return "", "", skipComment(s, i)
	}
	j := i
	for j < len(s) && s[j] != '=' && s[j] != ';' && !isSpace(s[j]) {
		j++
	}
	name = strings.ToLower(s[i:j])
	k := skipSpace(s, j)
	if k >= len(s) || s[k] != '=' {
		return "", "", max(j, i+1)
	}
	k = skipSpace(s, k+1)
	if k < len(s) && s[k] == '"' {
		value, next = unquote(s, k)
		return name, value, next
	}
	value, next = bareValue(s, k, name == "name" || name == "filename" || strings.HasPrefix(name, "filename*"))
	return name, value, next
}

// bareValue reads a value without quotes. In a file name spaces are part of it:
// they should have been quoted and often are not.
func bareValue(s string, i int, fileName bool) (string, int) {
	j := i
	for j < len(s) && s[j] != ';' && (fileName || !isSpace(s[j])) {
		j++
	}
	return strings.TrimSpace(s[i:j]), max(j, i)
}

// unquote reads a quoted string at s[i]. A backslash counts only before a quote
// or a backslash: Windows paths come unescaped.
func unquote(s string, i int) (string, int) {
	var b strings.Builder
	for i++; i < len(s); i++ {
		switch {
		case s[i] == '"':
			return b.String(), i + 1
		case s[i] == '\\' && i+1 < len(s) && (s[i+1] == '"' || s[i+1] == '\\'):
			i++
		}
		b.WriteByte(s[i])
	}
	return b.String(), i
}

// skipSpace goes past white space and comments.
func skipSpace(s string, i int) int {
	for i < len(s) {
		if isSpace(s[i]) {
			i++
		} else if s[i] == '(' {
			i = skipComment(s, i)
		} else {
			break
		}
	}
	return i
}

// skipComment goes past the comment at s[i], RFC 5322 §3.2.2, without recursion.
func skipComment(s string, i int) int {
	depth := 0
	for ; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case '(':
			depth++
		case ')':
			if depth--; depth == 0 {
				return i + 1
			}
		}
	}
	return len(s)
}

func isSpace(c byte) bool { return c == ' ' || c == '\t' || c == '\r' || c == '\n' }

// isToken is RFC 2045's token, §5.1, a little wider.
func isToken(c byte) bool {
	return c > ' ' && c < 0x7f && !strings.ContainsRune(`()<>@,;:\"/[]?=`, rune(c))
}

func hexValue(c byte) int {
	switch {
	case c >= '0' && c <= '9':
		return int(c - '0')
	case c >= 'a' && c <= 'f':
		return int(c-'a') + 10
	case c >= 'A' && c <= 'F':
		return int(c-'A') + 10
	}
	return -1
}

// limit cuts s to n bytes.
func limit(s string, n int) string {
	if len(s) > n {
		return s[:n]
	}
	return s
}
