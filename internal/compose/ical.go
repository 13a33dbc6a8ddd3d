package compose

import (
	"bytes"
	"errors"
	"fmt"
	"strings"

	"postdesk/internal/addr"
	"postdesk/internal/message"
)

// Bounds of a calendar that is read. One beyond them is passed on as a file.
const (
	maxCalendar           = 1 << 20 // bytes of text
	maxCalendarLines      = 20_000
	maxCalendarComponents = 500
	maxCalendarDepth      = 8
)

// errCalendar is a calendar that can't be read as one.
var errCalendar = errors.New("compose: not a readable calendar")

// icalLine is a content line, RFC 5545 §3.1. The raw form is kept, so that what
// nobody has to change leaves as it came, folding included. Programs in use
// write lines that strict readers refuse, so this one refuses none.
type icalLine struct {
	raw    string // without the last line end
	name   string // upper case
	params string // with the semicolon before the first
	value  string
}

// icalItem is a line or a component of a component.
type icalItem struct {
	line  *icalLine
	child *icalComponent
}

// icalComponent is what stands between BEGIN and END, RFC 5545 §3.6.
type icalComponent struct {
	name  string // upper case
	items []icalItem
}

// calendarSource is the text of a calendar part. Lines are folded at octets,
// RFC 5545 §3.1, so UTF-8 is unfolded before it is looked at as letters.
func calendarSource(p *message.Part) (string, bool) {
	if p.End-p.Body > 2*maxCalendar {
		return "", false
	}
	switch strings.ToLower(p.Params["charset"]) {
	case "", "utf-8", "utf8", "us-ascii":
		b, ok := readPart(p)
		return string(bytes.TrimPrefix(b, []byte("\xef\xbb\xbf"))), ok && len(b) <= maxCalendar
	}
	text := p.Text(maxCalendar + 1)
	return text, len(text) <= maxCalendar
}

// readICal reads the first calendar of a text. The end of it may be missing.
func readICal(text string) (*icalComponent, error) {
	r := icalReader{}
	for _, l := range icalLines(text) {
		if done, err := r.take(l); done || err != nil {
			return r.root, err
		}
	}
	if r.root == nil {
		return nil, errCalendar
	}
	return r.root, nil
}

type icalReader struct {
	root  *icalComponent
	open  []*icalComponent
	lines int
	comps int
}

// take adds a line. done: the calendar has ended.
func (r *icalReader) take(l icalLine) (done bool, err error) {
	if r.lines++; r.lines > maxCalendarLines {
		return false, fmt.Errorf("%w: more than %d lines", errCalendar, maxCalendarLines)
	}
	switch {
	case l.name == "BEGIN":
		return false, r.begin(strings.ToUpper(strings.TrimSpace(l.value)))
	case len(r.open) == 0:
		return false, nil
	case l.name == "END":
		top := r.open[len(r.open)-1]
		if top.name != strings.ToUpper(strings.TrimSpace(l.value)) {
			return false, fmt.Errorf("%w: a component does not end", errCalendar)
		}
		r.open = r.open[:len(r.open)-1]
		return len(r.open) == 0, nil
	}
	top := r.open[len(r.open)-1]
	top.items = append(top.items, icalItem{line: &l})
	return false, nil
}

func (r *icalReader) begin(name string) error {
	c := &icalComponent{name: name}
	if r.comps++; r.comps > maxCalendarComponents || len(r.open) >= maxCalendarDepth {
		return fmt.Errorf("%w: too many components", errCalendar)
	}
	switch {
	case len(r.open) > 0:
		top := r.open[len(r.open)-1]
		top.items = append(top.items, icalItem{child: c})
	case name == "VCALENDAR":
		r.root = c
	default:
		return fmt.Errorf("%w: it begins with %s", errCalendar, cleanLine(name))
	}
	r.open = append(r.open, c)
	return nil
}

// icalLines cuts a text into content lines. At most a line more than is allowed
// is returned.
func icalLines(text string) []icalLine {
	var list []icalLine
	var raw, logical strings.Builder
	flush := func() {
		if logical.Len() > 0 {
			list = append(list, splitICal(raw.String(), strings.ToValidUTF8(logical.String(), "\ufffd")))
		}
		raw.Reset()
		logical.Reset()
	}
	for line := range strings.Lines(strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(text)) {
		line = strings.TrimRight(line, "\n")
		if line != "" && (line[0] == ' ' || line[0] == '\t') && logical.Len() > 0 {
			raw.WriteString("\r\n" + line)
			logical.WriteString(line[1:])
			continue
		}
		flush()
		if len(list) > maxCalendarLines {
			return list
		}
		raw.WriteString(line)
		logical.WriteString(line)
	}
	flush()
	return list
}

// splitICal cuts a line into name, parameters and value. The colon before the
// value is the first outside quotes, and the first of all where quotes are left open.
func splitICal(raw, logical string) icalLine {
	l := icalLine{raw: raw}
	end := strings.IndexAny(logical, ":;")
	if end < 0 {
		l.value = logical
		return l
	}
	l.name = propertyName(logical[:end])
	rest := logical[end:]
	colon, quoted := -1, false
	for i := 0; i < len(rest) && colon < 0; i++ {
		switch {
		case rest[i] == '"':
			quoted = !quoted
		case rest[i] == ':' && !quoted:
			colon = i
		}
	}
	if colon < 0 {
		colon = strings.IndexByte(rest, ':')
	}
	if colon < 0 {
		l.params = rest
		return l
	}
	l.params, l.value = rest[:colon], rest[colon+1:]
	return l
}

// propertyName is a name as a forgiving reader sees it: only what RFC 5545 §3.1
// allows in one counts, so that no mark in the midst hides it.
func propertyName(s string) string {
	return strings.Map(func(r rune) rune {
		if r == '-' || r >= '0' && r <= '9' || r >= 'A' && r <= 'Z' {
			return r
		}
		return -1
	}, strings.ToUpper(s))
}

// param is the first value of a parameter, RFC 5545 §3.2, without its quotes.
func (l *icalLine) param(name string) string {
	for _, p := range l.splitParams() {
		key, value, _ := strings.Cut(p, "=")
		if strings.EqualFold(strings.TrimSpace(key), name) {
			if strings.HasPrefix(value, `"`) {
				value, _, _ = strings.Cut(value[1:], `"`)
			}
			return value
		}
	}
	return ""
}

// splitParams are the parameters as written, "CN=Jean".
func (l *icalLine) splitParams() []string {
	var list []string
	start, quoted := -1, false
	for i := 0; i <= len(l.params); i++ {
		switch {
		case i == len(l.params) || l.params[i] == ';' && !quoted:
			if start >= 0 && i > start {
				list = append(list, l.params[start:i])
			}
			start = i + 1
		case l.params[i] == '"':
			quoted = !quoted
		}
	}
	return list
}

// address is whom a CAL-ADDRESS names: a mailto URI, RFC 5545 §3.3.3, or the
// EMAIL parameter of RFC 7986 §6.2 where the URI is another's.
func (l *icalLine) address() (addr.Address, bool) {
	value := strings.TrimSpace(l.value)
	if len(value) > 7 && strings.EqualFold(value[:7], "mailto:") {
		value = value[7:]
	}
	value, _, _ = strings.Cut(value, "?")
	for _, s := range []string{unescapePercent(value), l.param("EMAIL")} {
		if a, err := addr.Parse(strings.Trim(strings.TrimSpace(s), "<>")); err == nil {
			return a, true
		}
	}
	return addr.Address{}, false
}

// text is a TEXT value, RFC 5545 §3.3.11.
func (l *icalLine) text() string {
	if !strings.Contains(l.value, `\`) {
		return l.value
	}
	return strings.NewReplacer(`\\`, `\`, `\n`, "\n", `\N`, "\n", `\;`, ";", `\,`, ",").Replace(l.value)
}

// first is the first line of a name in a component, nil for none.
func (c *icalComponent) first(name string) *icalLine {
	for _, it := range c.items {
		if it.line != nil && it.line.name == name {
			return it.line
		}
	}
	return nil
}

func (c *icalComponent) value(name string) string {
	if l := c.first(name); l != nil {
		return strings.TrimSpace(l.value)
	}
	return ""
}

// children are the components of these names.
func (c *icalComponent) children(names ...string) []*icalComponent {
	var list []*icalComponent
	for _, it := range c.items {
		for _, name := range names {
			if it.child != nil && it.child.name == name {
				list = append(list, it.child)
			}
		}
	}
	return list
}

// events are what an invitation is about.
func (c *icalComponent) events() []*icalComponent { return c.children("VEVENT", "VTODO") }

// write writes a component, its lines as they came.
func (c *icalComponent) write(b *strings.Builder) {
	b.WriteString("BEGIN:" + c.name + "\r\n")
	for _, it := range c.items {
		if it.child != nil {
			it.child.write(b)
			continue
		}
		b.WriteString(it.line.raw + "\r\n")
	}
	b.WriteString("END:" + c.name + "\r\n")
}

// newICalLine is a line of our own, folded.
func newICalLine(line string) *icalLine {
	var b strings.Builder
	writeFolded(&b, line)
	l := splitICal(strings.TrimSuffix(b.String(), "\r\n"), line)
	return &l
}
