package compose

import (
	"regexp"
	"strings"

	"postdesk/internal/message"
)

// Bounds of what is taken for a signature that nothing marks.
const (
	maxSignedLines = 14
	maxSignedLine  = 120 // bytes
)

// closing is how a letter ends when nothing is said any more.
var closing = regexp.MustCompile(`(?i)^(?:(?:bien\s+|très\s+|sincèrement\s+)?cordialement|(?:meilleures\s+|sincères\s+|cordiales\s+)?salutations(?:\s+distinguées)?|bien\s+(?:à|a)\s+(?:vous|toi)|cdl?t|b[àa]v` +
	`|(?:(?:best|kind|warm|kindest)\s+)?regards|(?:yours\s+)?(?:sincerely|faithfully|truly)(?:\s+yours)?|br)\s*[,.!]?$`)

// pictured is what stands for an image in a text.
var pictured = regexp.MustCompile(`(?i)^\[(?:cid:|image|logo|une image|a close|a black|a white|a blue|a red)[^\]]*\]$`)

// said is text without signature: the client's, what phones add, and what a program that marks
// nothing puts below. sign is the signature that the HTML marks. "" when only a signature is left.
func said(text, sign, name string) string {
	text, _ = message.SplitSignature(text)
	text = strings.Trim(text, " \n\t\r\u00a0")
	if sign = letters(sign); len(sign) >= minSecret && strings.HasSuffix(letters(text), sign) {
		text = cutLetters(text, len(letters(text))-len(sign))
	}
	if text = text[:signedFrom(text, name)]; isBlank(text) {
		return ""
	}
	return strings.TrimRight(text, " \n\t\r\u00a0")
}

// Said is what a text says, without the signature below it. name is the writer's.
func Said(text, name string) string { return said(text, "", name) }

// signedFrom is where the signature begins that ends a text, its length for none.
func signedFrom(text, name string) int {
	at, lines := 0, strings.Count(text, "\n")+1
	for line := range strings.Lines(text) {
		bare := strings.Trim(line, " \t\r\n\u00a0*_")
		if lines <= 4*maxSignedLines && (closing.MatchString(bare) || isNameLine(bare, name) || pictured.MatchString(bare)) && isSignature(text[at:], name) {
			return at
		}
		at, lines = at+len(line), lines-1
	}
	return len(text)
}

// cutLetters is the beginning of text that has n bytes of letters.
func cutLetters(text string, n int) string {
	for i, r := range text {
		size := len(letters(string(r)))
		if n <= 0 && size > 0 {
			return strings.TrimSpace(text[:i])
		}
		n -= size
	}
	return text
}

// isSignature says whether a text is nothing but a signature: short lines that begin with a closing or with the writer's name.
func isSignature(text, name string) bool {
	lines, signed := 0, false
	for line := range strings.Lines(text) {
		line = strings.Trim(line, " \t\r\n\u00a0*_")
		if isBlank(line) || pictured.MatchString(line) {
			continue
		}
		if lines++; lines > maxSignedLines || len(line) > maxSignedLine {
			return false
		}
		if !signed {
			if signed = closing.MatchString(line) || isNameLine(line, name); !signed {
				return false
			}
		} else if isSentence(line) {
			return false
		}
	}
	return signed
}

// disclaimer are words of what companies put below their signatures.
var disclaimer = regexp.MustCompile(`(?i)confidenti|imprim|print(?:ing)? this|environ|destinataire|recipient|virus|disclaimer|www\.|https?:|\bt[ée]l|@`)

// isSentence tells what somebody says from what a signature lists.
func isSentence(line string) bool {
	return strings.ContainsAny(line[len(line)-1:], ".!?:") && len(strings.Fields(line)) >= 4 && !disclaimer.MatchString(line)
}

// isNameLine: the name, in either order, alone or with a title behind it; or the first name alone.
func isNameLine(line, name string) bool {
	words := strings.Fields(name)
	if len(words) == 0 {
		return false
	}
	if strings.EqualFold(strings.Trim(line, " .-"), words[0]) {
		return true
	}
	last := len(words) - 1
	for _, form := range []string{name, words[last] + " " + strings.Join(words[:last], " ")} {
		if rest, ok := cutFold(line, form); ok && (rest == "" || strings.ContainsAny(rest[:1], ",-|(/\t") || strings.HasPrefix(rest, "–") || strings.HasPrefix(rest, "—") || strings.HasPrefix(rest, "·")) {
			return true
		}
	}
	return false
}

// cutFold cuts words off the beginning of a line, without regard to case and to how many spaces stand between them.
func cutFold(line, words string) (rest string, ok bool) {
	line = strings.Join(strings.Fields(line), " ")
	words = strings.Join(strings.Fields(words), " ")
	if words == "" || !hasFoldPrefix(line, words) {
		return line, false
	}
	return strings.TrimLeft(line[len(words):], " "), true
}
