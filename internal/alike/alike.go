// Package alike makes what people type comparable: names of fields, serial
// numbers, names of canned answers.
package alike

import (
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
