// Package alike makes what people type comparable: names of fields, serial
// numbers, names of canned answers, commands.
package alike

import (
	"cmp"
	"math/bits"
	"slices"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// maxName is how much of a name is looked at, in bytes.
const maxName = 200

// Name is a name's letters and digits, in lower case, without accents, with
// single spaces where anything else stood. Of a long name it is the first 200
// bytes.
func Name(s string) string {
	if len(s) > maxName {
		s = strings.ToValidUTF8(s[:maxName], "")
	}
	var b strings.Builder
	gap := false
	for _, r := range norm.NFKD.String(strings.ToLower(norm.NFKD.String(s))) {
		switch {
		case unicode.Is(unicode.Mn, r):
		case unicode.IsLetter(r) || unicode.IsNumber(r):
			if gap && b.Len() > 0 {
				b.WriteByte(' ')
			}
			b.WriteRune(r)
			gap = false
		default:
			gap = true
		}
	}
	return b.String()
}

// Value is Name without spaces: "SN-1234 567" and "sn1234567" are the same
// number.
func Value(s string) string { return strings.ReplaceAll(Name(s), " ", "") }

// Closest are the names nearest to what was typed, the nearest first, at most
// three: within two letters or a third of them, or one beginning with the other.
func Closest(typed string, names []string) []string {
	type near struct {
		name string
		d    int
	}
	word := Name(typed)
	var found []near
	for _, name := range names {
		folded := Name(name)
		d := Distance(word, folded)
		if len(word) > 2 && len(folded) > 2 && (strings.HasPrefix(folded, word) || strings.HasPrefix(word, folded)) {
			d = min(d, 1)
		}
		if d <= max(2, len(folded)/3) && d < len(folded) {
			found = append(found, near{name, d})
		}
	}
	slices.SortFunc(found, func(a, b near) int { return cmp.Or(a.d-b.d, strings.Compare(a.name, b.name)) })
	var list []string
	for _, n := range found[:min(3, len(found))] {
		list = append(list, n.name)
	}
	return list
}

// Distance is how many letters must change to make one word of the other
// (Levenshtein), of words cut at 40 bytes.
func Distance(a, b string) int {
	a, b = a[:min(len(a), 40)], b[:min(len(b), 40)]
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			diagonal, row[j+1] = row[j+1], min(row[j+1]+1, row[j]+1, diagonal+cost)
		}
	}
	return row[len(b)]
}

// Within is Distance if that is at most most; ok is false if it is more, which is
// told of most words at a glance.
func Within(a, b string, most int) (d int, ok bool) {
	a, b = a[:min(len(a), 40)], b[:min(len(b), 40)]
	if len(a)-len(b) > most || len(b)-len(a) > most {
		return 0, false
	}
	// a change takes at most one letter away
	mine, theirs := letters(a), letters(b)
	if bits.OnesCount32(mine&^theirs) > most || bits.OnesCount32(theirs&^mine) > most {
		return 0, false
	}
	d = Distance(a, b)
	return d, d <= most
}

// letters is the set of the letters of a word; some share a place.
func letters(s string) (set uint32) {
	for i := range len(s) {
		set |= 1 << (s[i] & 31)
	}
	return set
}
