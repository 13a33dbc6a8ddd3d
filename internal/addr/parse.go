package addr

import (
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// errSyntax is the cause of every error of Parse that is of no interest to a
// reader beyond "this is no address".
var errSyntax = errors.New("not a mail address")

// Parse reads one mailbox without angle brackets, strictly: RFC 5321 §4.1.2
// with the additions of RFC 6531 §3.3. The local part is a dot-string or a
// quoted string without control characters, normalised to form C, and at most
// 64 octets; the domain is checked and turned into A-labels in lower case, or
// is an IPv4 or IPv6 address literal. A trailing dot, a source route, a comment
// and white space are refused.
func Parse(s string) (Address, error) {
	a, err := ParseSender(s)
	if err != nil {
		return Address{}, err
	}
	if len(quoteLocal(a.Local)) > maxLocal {
		return Address{}, fmt.Errorf("%w: more than %d octets before the @", errSyntax, maxLocal)
	}
	return a, nil
}

// ParseSender is Parse without the limit of 64 octets on the local part: the
// envelope senders of mailing lists and of rewriting forwarders are often
// longer, and RFC 5321 §4.5.3.1 wants no refusal for that. The limit of the
// whole path (256 octets) holds.
func ParseSender(s string) (Address, error) {
	if len(s) > 2*maxMailbox {
		return Address{}, fmt.Errorf("%w: too long", errSyntax)
	}
	if !utf8.ValidString(s) {
		return Address{}, fmt.Errorf("%w: invalid UTF-8", errSyntax)
	}
	local, rest, err := parseLocal(s)
	if err != nil {
		return Address{}, err
	}
	domain, err := ParseDomain(rest)
	if err != nil {
		return Address{}, err
	}
	a := Address{Local: norm.NFC.String(local), Domain: domain}
	if len(a.String()) > maxMailbox {
		return Address{}, fmt.Errorf("%w: longer than %d octets", errSyntax, maxMailbox)
	}
	return a, nil
}

// parseLocal reads the local part and the @ that ends it.
func parseLocal(s string) (local, rest string, err error) {
	if strings.HasPrefix(s, `"`) {
		return parseQuoted(s)
	}
	local, rest, ok := strings.Cut(s, "@")
	if !ok {
		return "", "", fmt.Errorf("%w: no @", errSyntax)
	}
	if !isDotString(local) {
		return "", "", fmt.Errorf("%w: bad character or dot before the @", errSyntax)
	}
	return local, rest, nil
}

// parseQuoted reads a Quoted-string, RFC 5321 §4.1.2, and takes the quotes and
// backslashes off.
func parseQuoted(s string) (local, rest string, err error) {
	var b strings.Builder
	for i := 1; i < len(s); {
		r, n := utf8.DecodeRuneInString(s[i:])
		switch {
		case r == '"':
			if b.Len() == 0 || !strings.HasPrefix(s[i+1:], "@") {
				return "", "", fmt.Errorf("%w: bad quoted part", errSyntax)
			}
			return b.String(), s[i+2:], nil
		case r == '\\':
			i++
			r, n = utf8.DecodeRuneInString(s[i:])
			if n == 0 || r < ' ' || r > '~' {
				return "", "", fmt.Errorf("%w: bad quoted pair", errSyntax)
			}
		case forbidden(r):
			return "", "", fmt.Errorf("%w: control character", errSyntax)
		}
		b.WriteRune(r)
		i += n
	}
	return "", "", fmt.Errorf("%w: quote is not closed", errSyntax)
}

// isDotString checks for Dot-string, RFC 5321 §4.1.2 with RFC 6531 §3.3.
func isDotString(s string) bool {
	if s == "" || s[0] == '.' || s[len(s)-1] == '.' || strings.Contains(s, "..") {
		return false
	}
	for _, r := range s {
		if r != '.' && !isAtext(r) {
			return false
		}
	}
	return true
}

// isAtext is atext, RFC 5322 §3.2.3, with UTF8-non-ascii, RFC 6531 §3.3.
func isAtext(r rune) bool {
	switch {
	case 'a' <= r && r <= 'z', 'A' <= r && r <= 'Z', '0' <= r && r <= '9':
		return true
	case r < utf8.RuneSelf:
		return strings.ContainsRune("!#$%&'*+-/=?^_`{|}~", r)
	}
	return !forbidden(r) && !unicode.IsSpace(r)
}

// forbidden holds the characters that no local part may have: controls, line
// and paragraph separators, and those that turn the direction of text, which
// make one address look like another.
func forbidden(r rune) bool {
	return r == utf8.RuneError || unicode.Is(unicode.Cc, r) || unicode.In(r, unicode.Zl, unicode.Zp, unicode.Bidi_Control) ||
		unicode.Is(unicode.Noncharacter_Code_Point, r)
}

// quoteLocal writes a local part for the wire, quoted when it is no dot-string.
func quoteLocal(s string) string {
	if isDotString(s) {
		return s
	}
	var b strings.Builder
	b.WriteByte('"')
	for i := 0; i < len(s); i++ {
		if s[i] == '"' || s[i] == '\\' {
			b.WriteByte('\\')
		}
		b.WriteByte(s[i])
	}
	b.WriteByte('"')
	return b.String()
}
