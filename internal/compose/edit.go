package compose

import (
	"slices"
	"strings"
)

// edit replaces text[start:end].
type edit struct {
	start, end int
	with       string
}

// sortEdits puts edits in order and drops what lies within a removal: no two
// overlap afterwards.
func sortEdits(list []edit) []edit {
	slices.SortStableFunc(list, func(a, b edit) int {
		if a.start != b.start {
			return a.start - b.start
		}
		return b.end - a.end
	})
	out := list[:0]
	for _, e := range list {
		if n := len(out); n > 0 && e.start < out[n-1].end {
			if e.end > out[n-1].end && e.with == "" && out[n-1].with == "" {
				out[n-1].end = e.end
			}
			continue
		}
		out = append(out, e)
	}
	return out
}

// applyEdits returns text[lo:hi] with the edits that begin in it; they are in order.
func applyEdits(text string, list []edit, lo, hi int) string {
	var b strings.Builder
	pos := lo
	for _, e := range list {
		if e.end <= lo {
			continue
		}
		if e.start >= hi {
			break
		}
		if e.start >= lo {
			b.WriteString(text[pos:e.start])
			b.WriteString(e.with)
		}
		pos = max(pos, min(e.end, hi))
	}
	b.WriteString(text[pos:hi])
	return b.String()
}

// wholeLines widens a span to its lines when nothing else stands in them but quote
// marks and space, and takes their line end with them.
func wholeLines(text string, e edit) edit {
	start := strings.LastIndexByte(text[:e.start], '\n') + 1
	if !isQuotePrefix(text[start:e.start]) {
		return e
	}
	end := len(text)
	if i := strings.IndexByte(text[e.end:], '\n'); i >= 0 {
		end = e.end + i + 1
	}
	if !isQuotePrefix(strings.TrimRight(text[e.end:end], "\r\n")) {
		return e
	}
	return edit{start: start, end: end}
}

func isQuotePrefix(s string) bool {
	return strings.Trim(s, " \t>|\u00a0") == ""
}
