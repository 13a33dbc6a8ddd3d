package config

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/pelletier/go-toml/v2/unstable"
)

// fail notes that the value of key is wrong. The line is the key's, else the
// table's.
func (t *table) fail(key, format string, args ...any) {
	line := t.line
	if v := t.entries[key]; v != nil {
		line = v.line
	}
	t.failAt(line, key, format, args...)
}

func (t *table) failAt(line int, key, format string, args ...any) {
	t.problems = append(t.problems, Problem{File: t.name, Line: line, Key: t.join(key), Text: fmt.Sprintf(format, args...)})
}

// warn is fail for what is allowed.
func (t *table) warn(key, format string, args ...any) {
	line := t.line
	if v := t.entries[key]; v != nil {
		line = v.line
	}
	t.warnings = append(t.warnings, Problem{File: t.name, Line: line, Key: t.join(key), Text: fmt.Sprintf(format, args...)})
}

// has reports whether the file gives key.
func (t *table) has(key string) bool { return t.entries[key] != nil }

// get returns the value of key, or nil when it is absent or of another kind,
// which is a problem. It also makes key one that may stand in this table.
func (t *table) get(key string, kind unstable.Kind) *value {
	if !slices.Contains(t.asked, key) {
		t.asked = append(t.asked, key)
	}
	t.keys[t.join(key)] = true
	v := t.entries[key]
	if v == nil || !t.isKind(key, v, kind) {
		return nil
	}
	return v
}

func (t *table) isKind(key string, v *value, kind unstable.Kind) bool {
	if v.kind != kind {
		t.failAt(v.line, key, "this is %s; want %s", kindName(v.kind), kindName(kind))
	}
	return v.kind == kind
}

func kindName(kind unstable.Kind) string {
	switch kind {
	case unstable.String:
		return `a text in quotes`
	case unstable.Bool:
		return "true or false without quotes"
	case unstable.Integer:
		return "a whole number without quotes"
	case unstable.Float:
		return "a number with a point"
	case unstable.Array:
		return "a list in square brackets"
	case unstable.InlineTable:
		return "a table"
	}
	return "a date without quotes"
}

// text returns the string of key, or otherwise. Control characters are refused,
// because every text can come to stand in a header; a signature may have
// several lines.
func (t *table) text(key, otherwise string) string {
	v := t.get(key, unstable.String)
	if v == nil {
		return otherwise
	}
	return t.clean(key, v)
}

func (t *table) clean(key string, v *value) string {
	if i := strings.IndexFunc(v.text, isControl); i >= 0 {
		t.failAt(v.line, key, "control character %q; want plain text on one line", v.text[i:i+1])
		return ""
	}
	return v.text
}

// isControl is true for C0, DEL, C1 and the two Unicode line ends.
func isControl(c rune) bool {
	return c < 0x20 || c >= 0x7f && c <= 0x9f || c == '\u2028' || c == '\u2029'
}

// needed is text for a key that must be there and not be empty.
func (t *table) needed(key, example string) string {
	if s := t.text(key, ""); s != "" {
		return s
	}
	if v := t.entries[key]; v == nil || v.kind == unstable.String && v.text == "" {
		t.fail(key, "missing; want %s", example)
	}
	return ""
}

// oneOf is text for a key with a fixed choice.
func (t *table) oneOf(key, otherwise string, allowed ...string) string {
	s := t.text(key, otherwise)
	if slices.Contains(allowed, s) {
		return s
	}
	if t.entries[key].text == s { // else it was reported
		t.fail(key, "unknown value %q; want %s", s, choice(allowed))
	}
	return otherwise
}

func (t *table) boolean(key string, otherwise bool) bool {
	if v := t.get(key, unstable.Bool); v != nil {
		return v.text == "true"
	}
	return otherwise
}

// integer returns the number of key, from lo to hi.
func (t *table) integer(key string, otherwise, lo, hi int64) int64 {
	v := t.get(key, unstable.Integer)
	if v == nil {
		return otherwise
	}
	n, err := strconv.ParseInt(v.text, 0, 64)
	if err != nil { // base 0 knows 0x, 0o, 0b and underscores as TOML does, "+1" too
		n = lo - 1
	}
	if n < lo || n > hi {
		t.fail(key, "%s is out of range; want a number from %d to %d", v.text, lo, hi)
		return otherwise
	}
	return n
}

// item is one string of a list, and its line.
type item struct {
	text string
	line int
}

// list returns the strings of key, or otherwise.
func (t *table) list(key string, otherwise ...string) []item {
	v := t.get(key, unstable.Array)
	if v == nil {
		var items []item
		for _, s := range otherwise {
			items = append(items, item{s, t.line})
		}
		return items
	}
	return t.items(key, v)
}

func (t *table) items(key string, v *value) []item {
	items := make([]item, 0, len(v.list))
	for _, e := range v.list {
		if !t.isKind(key, e, unstable.String) {
			continue
		}
		if s := t.clean(key, e); s != "" {
			items = append(items, item{s, e.line})
		} else if e.text == "" {
			t.failAt(e.line, key, "an element is empty; want it filled in or taken out")
		}
	}
	return items
}

// parsed is text through parse, whose error says what is wrong and what would
// be right.
func parsed[T any](t *table, key, otherwise string, parse func(string) (T, error)) T {
	v := t.get(key, unstable.String)
	if v == nil {
		result, _ := parse(otherwise) // if another kind stands there, that is reported
		return result
	}
	result, err := parse(v.text)
	if err != nil {
		t.fail(key, "%v", err)
	}
	return result
}

// parsedList is list through parse. What parse refuses is reported and left out.
func parsedList[T any](t *table, key string, otherwise []string, parse func(string) (T, error)) []T {
	var results []T
	for _, it := range t.list(key, otherwise...) {
		result, err := parse(it.text)
		if err != nil {
			t.failAt(it.line, key, "%v", err)
			continue
		}
		results = append(results, result)
	}
	return results
}

// sub returns the table at key, an empty one when there is none.
func (t *table) sub(key string) *table {
	if v := t.get(key, unstable.InlineTable); v != nil {
		return v.table
	}
	return &table{reader: t.reader, path: t.join(key), line: t.line, entries: map[string]*value{}}
}

// subs returns the tables of [[key]].
func (t *table) subs(key string) []*table {
	if v := t.entries[key]; v != nil && v.kind == unstable.InlineTable {
		t.fail(key, "this is one table; want [[%s]], with double brackets", t.join(key))
		v.kind = unstable.Array // reported
	}
	v := t.get(key, unstable.Array)
	if v == nil {
		return nil
	}
	var tables []*table
	for _, e := range v.list {
		if t.isKind(key, e, unstable.InlineTable) {
			tables = append(tables, e.table)
		}
	}
	return tables
}

// done reports the keys that nobody asked for.
func (t *table) done() {
	for key, v := range t.entries {
		if !slices.Contains(t.asked, key) {
			t.failAt(v.line, key, "%s", unknownKey(key, t.asked))
		}
	}
}

func unknownKey(key string, known []string) string {
	if near := nearest(key, known); near != "" {
		return "unknown key; did you mean " + near + "?"
	}
	known = slices.Sorted(slices.Values(known))
	return "unknown key; want " + choice(known)
}
