package rules

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode"

	"postdesk/internal/alike"
	"postdesk/internal/config"
)

// Bounds of what is read of a mail as a form.
const (
	maxFormLines = 2000
	maxFormLabel = 200 // bytes, of a line's beginning
	// MaxFieldValue is the most that a field of a ticket holds, in bytes.
	MaxFieldValue = 500
)

// Form is the fields that a team asks for, compiled. It is never changed, and
// may be used by several goroutines. A nil Form has no fields.
type Form struct{ fields []formField }

type formField struct {
	config.Field
	key     string // the name, folded
	hint    string // the hint, folded
	pattern *regexp.Regexp
}

// NewForm compiles a team's fields. A pattern is RE2 without regard to case
// and must match the whole value.
func NewForm(fields []config.Field) (*Form, error) {
	f := &Form{}
	for _, field := range fields {
		x := formField{Field: field, key: alike.Name(field.Name), hint: alike.Name(field.Hint)}
		if x.key == "" || f.byKey(x.key) != nil {
			return nil, fmt.Errorf("field %q: want a name with letters that no other bears: case, accents and signs do not count", field.Name)
		}
		if field.Pattern != "" {
			var err error
			if x.pattern, err = regexp.Compile(`(?i)^(?:` + field.Pattern + `)$`); err != nil {
				return nil, err
			}
		}
		f.fields = append(f.fields, x)
	}
	return f, nil
}

// Answers is what a mail says to a form, by the fields' names as configured.
type Answers struct {
	Values map[string]string // that fit
	Quoted map[string]string // that fit, from quoted lines only: for fields that have no value yet
	Wrong  map[string]string // that do not fit their pattern
}

// Read finds the lines `Name : value` of a mail: new text first, then quoted
// lines, which people fill in where they stand. Case, accents, white space,
// bullets and the stars of bold text do not matter; a value may stand on the
// line below its name. The first value that fits counts. At most 2000 lines are
// read.
func (f *Form) Read(fresh, quoted string) Answers {
	a := Answers{Values: map[string]string{}, Quoted: map[string]string{}, Wrong: map[string]string{}}
	if f == nil || len(f.fields) == 0 {
		return a
	}
	wrong := map[string]string{}
	f.read(formLines(fresh), true, a.Values, a.Quoted, wrong)
	f.read(formLines(quoted), false, a.Values, a.Quoted, wrong)
	for name, value := range wrong {
		if a.Values[name] == "" && a.Quoted[name] == "" {
			a.Wrong[name] = value
		}
	}
	for name := range a.Values {
		delete(a.Quoted, name)
	}
	return a
}

// read goes through the lines of one text. own says that lines without a quote
// mark are the writer's.
func (f *Form) read(lines []formLine, own bool, values, quoted, wrong map[string]string) {
	for i, line := range lines {
		x, value := f.split(line.text)
		if x == nil {
			continue
		}
		typed := own && line.depth == 0
		if value = x.clean(value); value == "" {
			value, typed = f.below(lines, i, x, own)
		}
		if value == "" {
			continue
		}
		fits, ok := x.fit(value)
		switch {
		case !ok && typed && wrong[x.Name] == "":
			wrong[x.Name] = value
		case !ok:
		case typed:
			keepFirst(values, x.Name, fits)
		default:
			keepFirst(quoted, x.Name, fits)
		}
	}
}

func keepFirst(values map[string]string, name, value string) {
	if values[name] == "" {
		values[name] = value
	}
}

// below is a value on the line below a name: typed between quoted lines, or
// below the name in the writer's own text. In quoted text without marks, where
// the rest of our own mail follows, only what fits a pattern is a value.
func (f *Form) below(lines []formLine, i int, x *formField, own bool) (value string, typed bool) {
	for n, next := range lines[i+1 : min(len(lines), i+4)] {
		if y, _ := f.split(next.text); y != nil {
			return "", false
		}
		if value = x.clean(next.text); value == "" {
			continue
		}
		typed = own && next.depth == 0
		_, ok := x.fit(value)
		switch {
		case next.depth < lines[i].depth:
			return value, typed
		case x.pattern != nil && next.depth == lines[i].depth && (ok || typed):
			return value, typed
		case typed && n == 0 && !strings.HasSuffix(value, ","):
			return value, typed // not "Regards,"
		}
		return "", false
	}
	return "", false
}

// split finds the field that a line begins with, nil for none.
func (f *Form) split(line string) (x *formField, value string) {
	at := strings.IndexAny(line, ":=：\t|")
	if at < 0 || at > maxFormLabel {
		return nil, ""
	}
	key := alike.Name(line[:at])
	if x = f.byKey(key); x == nil {
		if n, rest, ok := strings.Cut(key, " "); ok && len(n) < 3 && strings.Trim(n, "0123456789") == "" { // "1. Version"
			x = f.byKey(rest)
		}
	}
	return x, strings.TrimLeft(line[at:], ":=：\t| ")
}

// clean takes off what is no part of the value: bold, the hint in brackets,
// dots and lines to write on.
func (x *formField) clean(value string) string {
	value = strings.Trim(value, "*_ \t")
	for _, end := range []bool{false, true} {
		value = strings.Trim(x.withoutHint(value, end), "*_ \t")
	}
	if !strings.ContainsFunc(value, func(r rune) bool {
		return unicode.IsLetter(r) || unicode.IsNumber(r) || unicode.IsSymbol(r) && r > 0x7f
	}) {
		return "" // "…", "____", "?"
	}
	return limitText(value, MaxFieldValue)
}

// withoutHint takes the hint off one end of a value, with or without brackets.
func (x *formField) withoutHint(value string, end bool) string {
	if x.hint == "" {
		return value
	}
	if alike.Name(value) == x.hint {
		return ""
	}
	open, shut := strings.IndexByte(value, '('), strings.IndexByte(value, ')')
	if end {
		open, shut = strings.LastIndexByte(value, '('), strings.LastIndexByte(value, ')')
	}
	if open < 0 || shut < open || alike.Name(value[open+1:shut]) != x.hint {
		return value
	}
	return strings.TrimSpace(value[:open] + " " + value[shut+1:])
}

// fit is the value as it is kept: the whole of it, or the only word of it that
// fits, since people write "version 2.1".
func (x *formField) fit(value string) (string, bool) {
	if x.pattern == nil || x.pattern.MatchString(value) {
		return value, true
	}
	if short := strings.TrimRight(value, ".,;!? "); x.pattern.MatchString(short) {
		return short, true
	}
	found := ""
	for _, word := range strings.Fields(value) {
		word = strings.Trim(word, `.,;!?"'()«»“”`)
		if x.pattern.MatchString(word) && word != found {
			if found != "" {
				return "", false // which of them?
			}
			found = word
		}
	}
	return found, found != ""
}

// Only reads an answer without a name: one line that is the value of the one
// field that was asked for. Without a pattern nothing tells a value from
// "thank you".
func (f *Form) Only(name, fresh string) (string, bool) {
	x := f.find(name)
	if x == nil || x.pattern == nil {
		return "", false
	}
	for _, line := range formLines(fresh) {
		value := x.clean(line.text)
		if value == "" || line.depth > 0 {
			continue
		}
		value = strings.TrimRight(value, ".,;!? ")
		if x.pattern.MatchString(value) {
			return value, true
		}
	}
	return "", false
}

// Missing are the required fields that have no value.
func (f *Form) Missing(have map[string]string) []config.Field {
	if f == nil {
		return nil
	}
	var list []config.Field
	for _, x := range f.fields {
		if x.Required && valueOf(have, x.key) == "" {
			list = append(list, x.Field)
		}
	}
	return list
}

// Value finds a field's value whatever the case and accents of the name.
func Value(have map[string]string, name string) string { return valueOf(have, alike.Name(name)) }

func valueOf(have map[string]string, key string) string {
	for name, value := range have {
		if value != "" && alike.Name(name) == key {
			return value
		}
	}
	return ""
}

// Names are the fields' names, in the order of the configuration.
func (f *Form) Names() []string {
	if f == nil {
		return nil
	}
	var list []string
	for _, x := range f.fields {
		list = append(list, x.Name)
	}
	return list
}

// Field finds a field by name, without regard to case and accents.
func (f *Form) Field(name string) (config.Field, bool) {
	if x := f.find(name); x != nil {
		return x.Field, true
	}
	return config.Field{}, false
}

func (f *Form) find(name string) *formField {
	if f == nil {
		return nil
	}
	return f.byKey(alike.Name(name))
}

func (f *Form) byKey(key string) *formField {
	i := slices.IndexFunc(f.fields, func(x formField) bool { return x.key == key })
	if i < 0 {
		return nil
	}
	return &f.fields[i]
}

// Fit is a value as a field keeps it; false when it does not fit the pattern.
// A field that the form does not have takes any.
func (f *Form) Fit(name, value string) (string, bool) {
	x := f.find(name)
	if x == nil || value == "" {
		return value, true
	}
	return x.fit(value)
}

// formLine is a line of a mail without its quote marks.
type formLine struct {
	text  string
	depth int
}

func formLines(text string) []formLine {
	var list []formLine
	for line := range strings.Lines(text) {
		if len(list) >= maxFormLines {
			break
		}
		l := formLine{text: visible(line)}
		for strings.HasPrefix(l.text, ">") {
			l.text = strings.TrimLeft(l.text[1:], " ")
			l.depth++
		}
		l.text = trimMarkup(l.text)
		list = append(list, l)
	}
	return list
}

// visible makes all spaces plain ones, but for tabs, and takes out what nobody
// sees.
func visible(line string) string {
	return strings.Trim(strings.Map(func(r rune) rune {
		switch {
		case r == '\t':
			return r
		case unicode.IsSpace(r):
			return ' '
		case unicode.IsControl(r), unicode.Is(unicode.Cf, r), r == unicode.ReplacementChar:
			return -1
		}
		return r
	}, line), " \t")
}

// trimMarkup takes stars, underscores and bullets off the ends of a line.
func trimMarkup(s string) string {
	return strings.TrimRight(strings.TrimLeft(s, "*_•·–- \t"), "*_ \t")
}

// limitText cuts at a whole character.
func limitText(s string, n int) string {
	if len(s) <= n {
		return s
	}
	return strings.ToValidUTF8(s[:n], "")
}
