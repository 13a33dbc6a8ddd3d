package ticket

import (
	"slices"
	"strconv"
	"strings"
)

// maxNumbers is how many numbers one command may name.
const maxNumbers = 20

// ParseNumbers reads the numbers behind a command, each once, as people write
// them: "12344", "#12344 et n°12345", "2, 3". ok is false when there is none,
// more than 20, or something else.
func ParseNumbers(arg string) (list []uint64, ok bool) {
	words := strings.FieldsFunc(fold(arg), func(r rune) bool { return strings.ContainsRune(" ,;+&\t\u00a0\u202f", r) })
	for _, word := range words {
		digits := strings.Trim(strings.TrimPrefix(strings.TrimPrefix(strings.Trim(word, "[]()"), "no."), "n"), "#°ºo.")
		n, err := strconv.ParseUint(digits, 10, 64)
		switch {
		case digits == "" || word == "et" || word == "and":
			continue // "n° 12344"
		case err != nil || n == 0 || len(list) == maxNumbers:
			return nil, false
		case !slices.Contains(list, n):
			list = append(list, n)
		}
	}
	return list, len(list) > 0
}
