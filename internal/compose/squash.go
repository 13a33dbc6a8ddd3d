package compose

import (
	"strings"
	"unicode/utf8"
)

// squashed is text in lower case without white space, quote marks and invisible
// characters, so that a wrapped address is in one piece. gap tells where something was
// taken out: there a word may begin or end.
type squashed struct {
	text string
	gap  []bool // before text[i]
}

func squash(s string) squashed {
	b := make([]byte, 0, len(s))
	gap := make([]bool, 0, len(s)+1)
	open := true
	for i := 0; i < len(s); {
		c := s[i]
		if c < utf8.RuneSelf {
			i++
			if c <= ' ' || c == '>' || c == '|' || c == 0x7f {
				open = true
				continue
			}
			if c >= 'A' && c <= 'Z' {
				c += 'a' - 'A'
			}
			b, gap = append(b, c), append(gap, open)
			open = false
			continue
		}
		r, n := utf8.DecodeRuneInString(s[i:])
		if squeezeRune(r) == 0 {
			open = open || !isInvisible(r)
		} else {
			b = append(b, s[i:i+n]...)
			for range n {
				gap = append(gap, open)
				open = false
			}
		}
		i += n
	}
	return squashed{string(b), append(gap, true)}
}

// addresses returns the secrets whose local part is in locals and that stand in the text
// with domain behind them.
func (q squashed) addresses(domain string, locals map[string]string) []string {
	var out []string
	want := "@" + domain
	for pos := 0; ; {
		i := strings.Index(q.text[pos:], want)
		if i < 0 {
			return out
		}
		at := pos + i
		pos = at + 1
		if !q.domainEnds(at + len(want)) {
			continue
		}
		for local, secret := range locals {
			start := at - len(local)
			if start >= 0 && q.text[start:at] == local && q.localBegins(start) {
				out = append(out, secret)
			}
		}
	}
}

// localBegins says whether an address may begin at i: behind something that can't be part
// of it, or behind what was taken out.
func (q squashed) localBegins(i int) bool {
	if i == 0 || q.gap[i] {
		return true
	}
	c := q.text[i-1]
	return !isAlnum(c) && c < 0x80 && strings.IndexByte("._+-", c) < 0
}

// domainEnds says whether a domain may end before i.
func (q squashed) domainEnds(i int) bool {
	if i >= len(q.text) || q.gap[i] {
		return true
	}
	c := q.text[i]
	if c == '.' || c == '-' {
		return i+1 >= len(q.text) || q.gap[i+1] || !isAlnum(q.text[i+1])
	}
	return !isAlnum(c)
}
