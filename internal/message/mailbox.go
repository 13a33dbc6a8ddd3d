package message

import (
	"strings"

	"postdesk/internal/addr"
)

// parseMailboxes reads an address list, RFC 5322 §3.4 and what is seen in its
// place: groups, comments as names, commas without quotes in names, raw 8-bit,
// missing brackets, semicolons. Names are decoded and clean. What addr.Parse
// does not accept is left out.
func parseMailboxes(s string) []addr.Mailbox {
	p := mailboxParser{s: limit(s, MaxField)}
	for p.i < len(p.s) && len(p.list) < MaxList {
		p.next()
	}
	p.finish(false)
	if len(p.list) > MaxList {
		p.list = p.list[:MaxList]
	}
	return p.list
}

// mailboxParser gathers one mailbox at a time, from one comma to the next.
type mailboxParser struct {
	s    string
	i    int
	list []addr.Mailbox

	phrase  strings.Builder // words outside of brackets, without quotes
	bare    strings.Builder // the same with quotes: perhaps an address
	comment string          // the last one
	angle   string
	inAngle bool   // there was one
	carry   string // words before a comma that were no address: "Doe, John <…>"

	noQuote, noComment bool // none is closed from here on
}

// next takes one token.
func (p *mailboxParser) next() {
	switch c := p.s[p.i]; c {
	case ',':
		p.i++
		p.finish(true)
	case ';':
		p.i++
		p.finish(false)
	case ':':
		p.i++
		p.reset()
		p.carry = ""
	case '<':
		if p.inAngle {
			p.finish(false)
		}
		p.readAngle()
	case '>':
		p.i++
	case '"':
		p.readQuoted()
	case '(':
		p.readComment()
	case '[':
		p.readLiteral()
	default:
		p.readWord()
	}
}

// readWord takes an encoded word as a whole, since it may hold a comma, or one
// character.
func (p *mailboxParser) readWord() {
	n := 1
	if strings.HasPrefix(p.s[p.i:], "=?") {
		if _, size := parseWord(p.s[p.i:]); size > 0 {
			n = size
		}
	}
	p.add(p.s[p.i:p.i+n], p.s[p.i:p.i+n])
	p.i += n
}

func (p *mailboxParser) add(phrase, bare string) {
	p.phrase.WriteString(phrase)
	p.bare.WriteString(bare)
}

func (p *mailboxParser) readQuoted() {
	end := -1
	if !p.noQuote {
		end = quoteEnd(p.s, p.i)
	}
	if end < 0 {
		p.noQuote = true
		p.i++
		return
	}
	var b strings.Builder
	for j := p.i + 1; j < end-1; j++ {
		if p.s[j] == '\\' && j+1 < end-1 {
			j++
		}
		b.WriteByte(p.s[j])
	}
	p.add(b.String(), p.s[p.i:end])
	p.i = end
}

// quoteEnd is the index after the quoted string at s[i], -1 if it has no end.
func quoteEnd(s string, i int) int {
	for i++; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
	return -1
}

func (p *mailboxParser) readComment() {
	end := len(p.s) + 1
	if !p.noComment {
		end = skipComment(p.s, p.i)
	}
	if end > len(p.s) || p.s[end-1] != ')' {
		p.noComment = true
		p.i++
		return
	}
	p.comment = p.s[p.i+1 : end-1]
	p.add(" ", " ")
	p.i = end
}

// readLiteral takes an address literal, which may hold colons.
func (p *mailboxParser) readLiteral() {
	n := strings.IndexByte(limit(p.s[p.i:], 300), ']') + 1
	if n == 0 {
		n = 1
	}
	p.add(p.s[p.i:p.i+n], p.s[p.i:p.i+n])
	p.i += n
}

// maxAngle is more than the longest address.
const maxAngle = 1000

// readAngle takes what stands in angle brackets; without the second one, up to
// the next comma.
func (p *mailboxParser) readAngle() {
	p.inAngle = true
	i := p.i + 1
	for i < len(p.s) && (p.s[i] == '<' || isSpace(p.s[i])) {
		i++
	}
	j, last := i, min(len(p.s), i+maxAngle)
	for j < last && p.s[j] != '>' {
		if end := -1; p.s[j] == '"' && !p.noQuote {
			if end = quoteEnd(p.s, j); end > 0 {
				j = end
				continue
			}
			p.noQuote = true
		}
		j++
	}
	if j >= last {
		if k := strings.IndexAny(p.s[i:last], ",;"); k >= 0 {
			j = i + k
		}
	}
	p.angle = p.s[i:j]
	p.i = j
	if j < len(p.s) && p.s[j] == '>' {
		p.i++
	}
}

// finish ends a mailbox. After a comma, words without an address may belong to
// the next name.
func (p *mailboxParser) finish(comma bool) {
	name := p.phrase.String()
	if p.inAngle {
		if a, ok := looseAddress(stripRoute(p.angle)); ok {
			p.append(joinCarry(p.carry, name), a)
		}
		p.carry = ""
	} else if text := p.bare.String(); strings.Contains(text, "@") {
		if a, rest, ok := bareAddress(text); ok {
			p.append(rest, a)
		}
		p.carry = ""
	} else if comma && strings.TrimSpace(name) != "" && len(p.carry) < MaxText {
		p.carry = joinCarry(p.carry, name)
	} else if !comma {
		p.carry = ""
	}
	p.reset()
}

func (p *mailboxParser) reset() {
	p.phrase.Reset()
	p.bare.Reset()
	p.comment, p.angle, p.inAngle = "", "", false
}

func (p *mailboxParser) append(name string, a addr.Address) {
	if strings.TrimSpace(name) == "" {
		name = p.comment
	}
	p.list = append(p.list, addr.Mailbox{Name: cleanName(name), Address: a})
}

func joinCarry(carry, name string) string {
	carry, name = strings.TrimSpace(carry), strings.TrimSpace(name)
	if carry == "" || name == "" {
		return carry + name
	}
	return carry + ", " + name
}

// cleanName decodes a display name; quotes around all of it go.
func cleanName(raw string) string {
	name := Clean(decodeWords([]byte(raw), MaxText), MaxText)
	for _, q := range []string{`"`, `'`} {
		if len(name) > 2 && strings.HasPrefix(name, q) && strings.HasSuffix(name, q) {
			name = strings.TrimSpace(name[1 : len(name)-1])
		}
	}
	return name
}

// bareAddress finds the address in words without brackets: all of them, or the
// last one with an @; the others are the name.
func bareAddress(text string) (a addr.Address, name string, ok bool) {
	if a, ok := looseAddress(strings.TrimSpace(text)); ok {
		return a, "", true
	}
	words := strings.Fields(joinDots(text))
	for i := len(words) - 1; i >= 0; i-- {
		if !strings.Contains(words[i], "@") {
			continue
		}
		if a, ok := looseAddress(strings.Trim(words[i], "'`,;:")); ok {
			words[i] = ""
			return a, strings.Join(words, " "), true
		}
	}
	return addr.Address{}, "", false
}

// joinDots removes white space around dots and @, RFC 5322 §4.4.
func joinDots(s string) string {
	b := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		c := s[i]
		if isSpace(c) && len(b) > 0 && (b[len(b)-1] == '@' || b[len(b)-1] == '.') {
			continue
		}
		if c == '@' || c == '.' {
			for len(b) > 0 && isSpace(b[len(b)-1]) {
				b = b[:len(b)-1]
			}
		}
		b = append(b, c)
	}
	return string(b)
}

// stripRoute takes a source route, RFC 5322 §4.4, and "mailto:" off.
func stripRoute(s string) string {
	s = strings.TrimSpace(s)
	if strings.HasPrefix(s, "@") {
		if i := strings.IndexByte(s, ':'); i > 0 {
			s = s[i+1:]
		}
	}
	if len(s) > 7 && strings.EqualFold(s[:7], "mailto:") {
		s, _, _ = strings.Cut(s[7:], "?")
	}
	return s
}

// looseAddress reads an address as people's programs write it: with comments and
// white space, and with dots where none may be. The result is strict.
func looseAddress(s string) (addr.Address, bool) {
	if len(s) > 1000 {
		return addr.Address{}, false
	}
	if a, err := addr.Parse(s); err == nil {
		return a, true
	}
	s = strings.TrimSpace(joinDots(dropComments(s)))
	if len(s) > 1 && s[0] == '\'' && s[len(s)-1] == '\'' {
		s = s[1 : len(s)-1]
	}
	if a, err := addr.Parse(s); err == nil {
		return a, true
	}
	local, domain, ok := strings.Cut(s, "@")
	if !ok || strings.ContainsAny(local, "\"\\<>,;:()[] \t\r\n") {
		return addr.Address{}, false
	}
	a, err := addr.Parse(`"` + local + `"@` + domain) // "jean..dupont."@… is in use in Japan
	return a, err == nil
}

// dropComments removes comments outside of quotes.
func dropComments(s string) string {
	if !strings.Contains(s, "(") {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); {
		switch s[i] {
		case '"':
			if end := quoteEnd(s, i); end > 0 {
				b.WriteString(s[i:end])
				i = end
				continue
			}
		case '(':
			i = skipComment(s, i)
			b.WriteByte(' ')
			continue
		}
		b.WriteByte(s[i])
		i++
	}
	return b.String()
}
