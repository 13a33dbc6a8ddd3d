package compose

import (
	"regexp"
	"strings"
)

// promise are the words that announce an attachment.
var promise = regexp.MustCompile(`(?i)\b(?:ci[- ](?:joint|annex)\p{L}*` +
	`|(?:en|dans la|voir)\s+(?:pi[eè]ces?\s+(?:jointes?|annexées?)|p\.?j\.?(?:\W|$))` +
	`|vous\s+trouverez\s+(?:en\s+annexe|joint\p{L}*|attach\p{L}*)` +
	`|(?:je|nous)\s+(?:vous\s+|te\s+)?(?:joins|joignons)` +
	`|(?:find|see|is|are|have|i.ve|we.ve)\s+(?:the\s+)?(?:attached|enclosed)` +
	`|attached\s+(?:is|are|you|please|find|below|file|document|herewith)` +
	`|enclosed\s+(?:is|are|you|please|find|file|document|herewith)` +
	`|(?:see|in|open)\s+the\s+attach(?:ment|ed)s?` +
	`|(?:i|we)\s+(?:am\s+|are\s+)?(?:attach|enclos)(?:e|ed|ing)?\b` +
	`|(?:as|please\s+(?:see|find))\s+attached` +
	`|(?:^|[.\n(])\s*(?:attached|enclosed)\b)`)

// maxPromise is how much of the new text is searched, in bytes: more was not written by hand.
const maxPromise = 64 << 10

// mentionsAttachment spares the pattern on texts that can't match.
func mentionsAttachment(lower string) bool {
	for _, w := range []string{"joi", "annex", "attach", "enclos", "pj", "p.j"} {
		if strings.Contains(lower, w) {
			return true
		}
	}
	return false
}

var receivedWords = []string{"your", "you", "votre", "vos", "ton", "reçu", "received", "thanks for the", "merci pour la"}

// promises returns the words of text that announce an attachment, "" if none do. What
// the reader has sent ("votre pièce jointe") does not count.
func promises(text string) string {
	text = text[:min(len(text), maxPromise)]
	if !mentionsAttachment(strings.ToLower(text)) {
		return ""
	}
	for _, m := range promise.FindAllStringIndex(text, 20) {
		before := strings.ToLower(strings.TrimSpace(text[max(0, m[0]-24):m[0]]))
		mine := true
		for _, w := range receivedWords {
			mine = mine && !strings.HasSuffix(before, w)
		}
		if mine {
			return strings.Join(strings.Fields(text[m[0]:m[1]]), " ")
		}
	}
	return ""
}
