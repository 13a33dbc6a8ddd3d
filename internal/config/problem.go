package config

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Problem is one thing that is wrong, and where.
type Problem struct {
	File string
	Line int
	Key  string // as in "team.assign"; "" for a syntax error
	Text string // what is wrong; what would be right
}

// Error is "file:line: key: text".
func (p Problem) Error() string {
	if p.Key == "" {
		return fmt.Sprintf("%s:%d: %s", p.File, p.Line, p.Text)
	}
	return fmt.Sprintf("%s:%d: %s: %s", p.File, p.Line, p.Key, p.Text)
}

// Errors are all the problems of a file, in the order of its lines.
type Errors []Problem

// Error is one line per problem.
func (e Errors) Error() string {
	return strings.Join(e.lines(), "\n")
}

func (e Errors) lines() []string {
	if len(e) == 0 {
		return nil
	}
	lines := make([]string, len(e))
	for i, p := range e {
		lines[i] = p.Error()
	}
	return lines
}

// ordered returns the problems by line, each once: a key may be looked at twice.
func (e Errors) ordered() Errors {
	slices.SortFunc(e, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Key, b.Key), cmp.Compare(a.Text, b.Text))
	})
	return slices.Compact(e)
}

// choice writes "a, b or c".
func choice(words []string) string {
	if len(words) < 2 {
		return strings.Join(words, "")
	}
	last := len(words) - 1
	return strings.Join(words[:last], ", ") + " or " + words[last]
}

// nearest returns the word of words that was probably meant by word: one that
// begins with it, or the one with the fewest changes, or "".
func nearest(word string, words []string) string {
	best, found := max(2, len(word)/3)+1, ""
	for _, w := range words {
		if len(word) >= 3 && strings.HasPrefix(w, strings.ToLower(word)) {
			return w
		}
		if d := distance(strings.ToLower(word), w); d < best {
			best, found = d, w
		}
	}
	return found
}

// distance is the Levenshtein distance of a and b in bytes, where two swapped
// neighbours count as one change.
func distance(a, b string) int {
	rows := [3][]int{make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)}
	for j := range rows[1] {
		rows[1][j] = j
	}
	for i := 1; i <= len(a); i++ {
		before, above, row := rows[0], rows[1], rows[2]
		row[0] = i
		for j := 1; j <= len(b); j++ {
			change := above[j-1]
			if a[i-1] != b[j-1] {
				change++
			}
			row[j] = min(change, above[j]+1, row[j-1]+1)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		rows = [3][]int{above, row, before}
	}
	return rows[1][len(b)]
}
