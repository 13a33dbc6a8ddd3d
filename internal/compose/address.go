package compose

import (
	"strings"

	"postdesk/internal/addr"
)

// rewriter replaces addresses in text.
type rewriter struct {
	rewrite func(addr.Address) (addr.Address, bool)
}

// text is s with its addresses replaced.
func (w rewriter) text(s string) string {
	list := w.edits(s)
	if len(list) == 0 {
		return s
	}
	return applyEdits(s, list, 0, len(s))
}

// edits finds the addresses in s that are to be replaced, written with "@" or as in a
// URL with "%40".
func (w rewriter) edits(s string) []edit {
	if w.rewrite == nil {
		return nil
	}
	var out []edit
	done := 0
	for i := 0; i < len(s); i++ {
		at := atSign(s[i:])
		if at == "" {
			continue
		}
		if e, ok := w.at(s, done, i, at); ok {
			out = append(out, e)
			done = e.end
			i = e.end - 1
		}
	}
	return out
}

func atSign(s string) string {
	switch {
	case s[0] == '@':
		return "@"
	case s[0] == '%' && strings.HasPrefix(s, "%40"):
		return "%40"
	case s[0] == '&' && strings.HasPrefix(s, "&#64;"):
		return "&#64;"
	}
	return ""
}

// at tries the address whose at-sign is at s[i]: the longest local part first, since a
// URL may stand before it without a space.
func (w rewriter) at(s string, lo, i int, at string) (edit, bool) {
	start := i
	for start > lo && i-start < 128 && isLocalByte(s[start-1]) {
		start--
	}
	end := i + len(at)
	for end < len(s) && end-i < 256 && isDomainByte(s[end]) {
		end++
	}
	domain := strings.TrimRight(s[i+len(at):end], ".-")
	if start == i || domain == "" {
		return edit{}, false
	}
	for from := start; from < i; from = nextStart(s, from, i) {
		local := s[from:i]
		if strings.Contains(local, "%") {
			local = unescapePercent(local)
		}
		if to, ok := w.lookup(local, domain); ok {
			with := to.String()
			if at != "@" {
				with = strings.Replace(with, "@", at, 1)
			}
			return edit{start: from, end: i + len(at) + len(domain), with: with}, true
		}
	}
	return edit{}, false
}

func (w rewriter) lookup(local, domain string) (addr.Address, bool) {
	a, err := addr.Parse(local + "@" + domain)
	if err != nil {
		return addr.Address{}, false
	}
	to, ok := w.rewrite(a)
	return to, ok && to != a
}

// nextStart is the next place where a local part may begin: behind a character that is no
// letter or digit, or behind a %XX.
func nextStart(s string, from, i int) int {
	for ; from < i; from++ {
		c := s[from]
		if c == '%' && from+3 <= i && isHex(s[from+1]) && isHex(s[from+2]) {
			return from + 3
		}
		if !isAlnum(c) {
			return from + 1
		}
	}
	return i
}

func isHex(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F'
}

func isAlnum(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}

// isLocalByte: RFC 5322 §3.2.3 atext and the dot; UTF-8 by RFC 6532 §3.2.
func isLocalByte(c byte) bool {
	return isAlnum(c) || c >= 0x80 || strings.IndexByte("!#$%&'*+-/=?^_`{|}~.", c) >= 0
}

func isDomainByte(c byte) bool { return isAlnum(c) || c == '-' || c == '.' || c >= 0x80 }

// unescapePercent decodes %XX and leaves what is none.
func unescapePercent(s string) string {
	if !strings.Contains(s, "%") {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '%' && i+2 < len(s) && isHex(s[i+1]) && isHex(s[i+2]) {
			b.WriteByte(unhex(s[i+1])<<4 | unhex(s[i+2]))
			i += 2
			continue
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

func unhex(c byte) byte {
	switch {
	case c <= '9':
		return c - '0'
	case c >= 'a':
		return c - 'a' + 10
	}
	return c - 'A' + 10
}
