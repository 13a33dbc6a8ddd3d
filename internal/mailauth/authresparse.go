package mailauth

import "strings"

// arField is one Authentication-Results field. The library's reader splits at
// semicolons inside quotes and takes comments for words, so this one is ours.
type arField struct {
	authserv string
	results  []resinfo
}

// resinfo is one result; the names of props are "ptype.property" in lower case.
type resinfo struct {
	method string
	result Result
	reason string
	props  map[string]string
}

// Limits of a field.
const (
	maxARField   = 32 << 10
	maxARResults = 100
)

// parseField reads a field's value, RFC 8601 §2.2. It is not ok when there is
// no authserv-id, the version is unknown, or quotes or comments do not end. A
// result that can't be read is left out.
func parseField(v string) (f arField, ok bool) {
	if len(v) > maxARField {
		return arField{}, false
	}
	parts, ok := splitTokens(v)
	if !ok || len(parts) == 0 || len(parts[0]) == 0 || parts[0][0].is("=") {
		return arField{}, false
	}
	head := parts[0]
	f.authserv = head[0].text
	if len(head) > 2 || len(head) == 2 && head[1].text != "1" {
		return arField{}, false
	}
	for _, p := range parts[1:] {
		if r, ok := readResult(p); ok && len(f.results) < maxARResults {
			f.results = append(f.results, r)
		}
	}
	return f, true
}

// token is a word, a quoted string or a "=". A glued one has nothing before it
// but the token before.
type token struct {
	text          string
	quoted, glued bool
}

func (t token) is(s string) bool { return !t.quoted && t.text == s }

// splitTokens cuts a value into the parts between semicolons, and these into
// tokens; comments and white space are gone.
func splitTokens(v string) (parts [][]token, ok bool) {
	part := []token{}
	end := -1 // of the last token
	add := func(text string, quoted bool, from, to int) {
		part = append(part, token{text: text, quoted: quoted, glued: from == end})
		end = to
	}
	for i := 0; i < len(v); {
		switch c := v[i]; {
		case c == ' ' || c == '\t' || c == '\r' || c == '\n':
			i++
		case c == ';':
			parts, part = append(parts, part), []token{}
			i++
		case c == '=':
			add("=", false, i, i+1)
			i++
		case c == '(':
			if i = skipComment(v, i); i < 0 {
				return nil, false
			}
		case c == '"':
			text, next := readQuoted(v, i)
			if next < 0 {
				return nil, false
			}
			add(text, true, i, next)
			i = next
		default:
			n := strings.IndexAny(v[i:], " \t\r\n;=(\"")
			if n < 0 {
				n = len(v) - i
			}
			add(v[i:i+n], false, i, i+n)
			i += n
		}
	}
	return append(parts, part), true
}

// skipComment returns the offset behind a comment, which may be nested, -1 if
// it does not end.
func skipComment(v string, i int) int {
	for depth := 0; i < len(v); i++ {
		switch v[i] {
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
	return -1
}

func readQuoted(v string, i int) (text string, next int) {
	var b strings.Builder
	for i++; i < len(v); i++ {
		switch v[i] {
		case '\\':
			if i++; i < len(v) {
				b.WriteByte(v[i])
			}
		case '"':
			return b.String(), i + 1
		default:
			b.WriteByte(v[i])
		}
	}
	return "", -1
}

// readResult reads "method[/version]=result [reason=…] ptype.property=value…".
func readResult(p []token) (r resinfo, ok bool) {
	r.props = map[string]string{}
	for i := 0; i < len(p); {
		if i+2 >= len(p) || !p[i+1].is("=") || p[i].quoted || p[i].is("=") || p[i+2].is("=") {
			if r.method == "" {
				return resinfo{}, false // "none", or not a result
			}
			i++
			continue
		}
		name := strings.ToLower(p[i].text)
		value, n := readValue(p[i+2:])
		i += 2 + n
		switch {
		case r.method == "":
			r.method, _, _ = strings.Cut(name, "/")
			r.result = knownResult(value)
		case name == "reason":
			r.reason = value
		default:
			if _, dup := r.props[name]; !dup {
				r.props[name] = value
			}
		}
	}
	return r, r.method != ""
}

// readValue joins what stands together: "a b"@example.com, and the unquoted
// equals sign of many an envelope sender (bounce+a=b@example.com).
func readValue(p []token) (value string, n int) {
	value, n = p[0].text, 1
	for n < len(p) && p[n].glued {
		if p[n-1].quoted && n == 1 {
			value = `"` + value + `"`
		}
		value += p[n].text
		n++
	}
	return value, n
}

// knownResult maps the words of RFC 8601 §2.7 and those of older senders; what
// is unknown is no pass.
func knownResult(s string) Result {
	switch v := Result(strings.ToLower(s)); v {
	case None, Pass, Fail, SoftFail, Neutral, Policy, TempError, PermError:
		return v
	case "hardfail", "discard":
		return Fail
	case "error":
		return TempError
	}
	return Neutral
}
