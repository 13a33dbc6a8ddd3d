package compose

import (
	"strings"
	"unicode"
)

// newText is what the agent wrote, without commands, signature and quote.
func (k *cleaner) newText() string {
	if text := said(ownLines(k.fresh), k.marked, k.name); text != "" {
		return text
	}
	return said(k.freshHTML, k.marked, k.name)
}

// checkNewText finds what is wrong with the agent's own words.
func (c *Composer) checkNewText(in ReplyIn, k *cleaner, t *tree) []Finding {
	var out []Finding
	seen := map[string]bool{}
	for _, cmd := range k.missing {
		if !seen[cmd] {
			seen[cmd] = true
			out = append(out, newFinding(FindCommand, cmd, "text"))
		}
	}
	own := k.newText()
	if isBlank(own) && isBlank(k.below) && in.Insert == "" {
		out = append(out, newFinding(FindEmpty, "", "text"))
	}
	if len(t.attachments) == 0 {
		if words := promises(own + "\n" + k.below + "\n" + k.insert); words != "" {
			out = append(out, newFinding(FindAttachment, words, "text"))
		}
	}
	return out
}

// isBlank says whether a reader sees nothing of a text. A thumb is an answer.
func isBlank(s string) bool {
	return strings.IndexFunc(s, func(r rune) bool { return !unicode.IsSpace(r) && !isInvisible(r) && r != '>' && r != '-' }) < 0
}

// signedAlone is the text of a mail that has none.
func (k *cleaner) signedAlone() string {
	text := k.asked() + strings.TrimRight(k.insert, "\n")
	if k.sign != "" {
		text = strings.TrimLeft(text+"\n\n"+k.sign+"\n", "\n")
	}
	return text
}
