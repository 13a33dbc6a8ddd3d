package pipeline

import "strings"

// Bounds, in bytes, of what strangers chose and records keep.
const (
	maxFact = 250 // of a fact or a key
	maxName = 100 // of a person's name
)

// cut ends a text after at most n bytes, at a whole character.
func cut(s string, n int) string {
	if len(s) <= n {
		return s
	}
	return strings.ToValidUTF8(s[:n], "")
}

// abridge is cut for people: they see that something is missing.
func abridge(s string, n int) string {
	if len(s) <= n {
		return s
	}
	return cut(s, n) + "…"
}

// oneLine is the beginning of a text on one line.
func oneLine(s string, n int) string { return abridge(strings.Join(strings.Fields(s), " "), n) }

// clip bounds what a stranger chose and we keep as a fact or key.
func clip(s string) string { return cut(s, maxFact) }

// clipAll bounds a list of them.
func clipAll(list []string) []string {
	var out []string
	for _, s := range list[:min(len(list), 20)] {
		out = append(out, clip(s))
	}
	return out
}

// shortName bounds a display name.
func shortName(s string) string { return cut(s, maxName) }
