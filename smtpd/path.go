package smtpd

import (
	"math"
	"strconv"
	"strings"

	"postdesk/internal/addr"
)

// mailArg is what a MAIL command says.
type mailArg struct {
	from addr.Address
	size int64
	utf8 bool
}

func refusal(code, subject, detail int, text string) *answer {
	a := say(code, subject, detail, text)
	return &a
}

// parseMail reads "FROM:<path> params", RFC 5321 §4.1.1.2. go-smtp's parser is
// not used: it takes quotes off and lets control characters through, so that
// what one server reads as an address is another one elsewhere.
func parseMail(arg string) (mailArg, *answer) {
	path, params, ok := cutPath(arg, "FROM:")
	if !ok {
		return mailArg{}, refusal(501, 5, 4, "Syntax: MAIL FROM:<address>")
	}
	m, no := parseMailParams(params)
	if no != nil || path == "" {
		return m, no
	}
	from, err := addr.ParseSender(path)
	if err != nil {
		return m, refusal(501, 1, 7, "Bad sender address")
	}
	if !from.IsASCII() && !m.utf8 { // RFC 6531 §3.5
		return m, refusal(553, 6, 7, "This address needs SMTPUTF8")
	}
	m.from = from
	return m, nil
}

// parseMailParams reads the parameters of MAIL: SIZE (RFC 1870), BODY (RFC
// 6152), SMTPUTF8 (RFC 6531), AUTH (RFC 4954 §5, whose value has no meaning
// here). Any other was not offered.
func parseMailParams(params string) (m mailArg, no *answer) {
	seen := map[string]bool{}
	for _, param := range strings.Fields(params) {
		key, value, hasValue := strings.Cut(param, "=")
		key = strings.ToUpper(key)
		if seen[key] {
			return m, refusal(501, 5, 4, "Parameter given twice")
		}
		seen[key] = true
		ok := false
		switch key {
		case "SIZE":
			m.size, ok = parseSize(value)
		case "BODY":
			ok = strings.EqualFold(value, "7BIT") || strings.EqualFold(value, "8BITMIME")
		case "SMTPUTF8":
			m.utf8, ok = true, !hasValue
		case "AUTH":
			ok = value != ""
		default:
			return m, refusal(555, 5, 4, "Parameter not recognised")
		}
		if !ok {
			return m, refusal(501, 5, 4, "Bad parameter value")
		}
	}
	return m, nil
}

// parseSize reads the SIZE of a mail, RFC 1870 §3: up to twenty digits. What
// no number can hold is merely too big.
func parseSize(s string) (int64, bool) {
	if s == "" || len(s) > 20 || strings.Trim(s, "0123456789") != "" {
		return 0, false
	}
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		n = math.MaxInt64
	}
	return n, true
}

// parseRcpt reads "TO:<path>", RFC 5321 §4.1.1.3, and "TO:<postmaster>",
// §4.5.1, whose domain is "".
func parseRcpt(arg string, utf8 bool) (addr.Address, *answer) {
	path, params, ok := cutPath(arg, "TO:")
	switch {
	case !ok:
		return addr.Address{}, refusal(501, 5, 4, "Syntax: RCPT TO:<address>")
	case params != "":
		return addr.Address{}, refusal(555, 5, 4, "Parameter not recognised")
	case strings.EqualFold(path, "postmaster"):
		return addr.Address{Local: "postmaster"}, nil
	}
	to, err := addr.Parse(path)
	if err != nil {
		return addr.Address{}, refusal(501, 1, 3, "Bad recipient address")
	}
	if !to.IsASCII() && !utf8 {
		return addr.Address{}, refusal(553, 6, 7, "This address needs SMTPUTF8")
	}
	return to, nil
}

// cutPath takes "FROM:<path> params" apart. A space after the colon and a path
// without angle brackets are tolerated, as elsewhere; a source route is cut
// off, RFC 5321 §4.1.1.3 and appendix F.2.
func cutPath(arg, keyword string) (path, params string, ok bool) {
	if len(arg) < len(keyword) || !strings.EqualFold(arg[:len(keyword)], keyword) {
		return "", "", false
	}
	arg = strings.TrimLeft(strings.ReplaceAll(arg[len(keyword):], "\t", " "), " ")
	if arg == "" {
		return "", "", false
	}
	if arg[0] != '<' {
		path, params, _ = strings.Cut(arg, " ")
		return path, strings.TrimSpace(params), !strings.ContainsAny(path, `<>"`)
	}
	end := closingBracket(arg)
	if end < 0 {
		return "", "", false
	}
	path, params = arg[1:end], arg[end+1:]
	if params != "" && params[0] != ' ' {
		return "", "", false
	}
	path, ok = cutRoute(path)
	return path, strings.TrimSpace(params), ok
}

// closingBracket finds the ">" that ends a path: the first outside of quotes.
func closingBracket(s string) int {
	quoted := false
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '\\' && quoted:
			i++
		case s[i] == '"':
			quoted = !quoted
		case s[i] == '>' && !quoted:
			return i
		}
	}
	return -1
}

// cutRoute takes "@one,@two:" off.
func cutRoute(path string) (string, bool) {
	if !strings.HasPrefix(path, "@") {
		return path, true
	}
	route, rest, ok := strings.Cut(path, ":")
	if !ok || rest == "" {
		return "", false
	}
	for _, hop := range strings.Split(route, ",") {
		name, at := strings.CutPrefix(hop, "@")
		if _, err := addr.ParseDomain(name); !at || err != nil {
			return "", false
		}
	}
	return rest, true
}
