package rules

import (
	"regexp"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/text/unicode/norm"
)

// maxTags bounds how many numbers one subject can name.
const maxTags = 10

// ticketTag is the tag that every desk of ours understands, whatever tag is
// configured.
const ticketTag = "[#{number}]"

// Tags finds ticket numbers in subjects. It may be used by many goroutines.
type Tags struct {
	forms []*regexp.Regexp
}

// NewTags makes a finder for [#12345] and for the desk's own forms: the
// configured tags and the subjects of its acknowledgements, with {number} where
// the number stands. A form with fewer than two signs beside the number is left
// out: any number would look like it.
func NewTags(ownForms ...string) *Tags {
	t := &Tags{}
	var seen []string
	for _, form := range append([]string{ticketTag}, ownForms...) {
		form = strings.TrimSpace(foldTag(form))
		before, after, ok := strings.Cut(form, "{number}")
		if !ok || len(before+after) < 2 || len(form) > maxPattern || slices.Contains(seen, form) {
			continue
		}
		seen = append(seen, form)
		t.forms = append(t.forms, regexp.MustCompile(`(?i)`+literal(before)+gap(before)+`([0-9]{1,19})\b`+literal(after)))
	}
	return t
}

// literal quotes a form's constant words; any run of spaces stands for any
// other, none included where mail clients like to add or drop them.
func literal(s string) string {
	return strings.ReplaceAll(regexp.QuoteMeta(s), " ", `\s*`)
}

// gap allows a space before the number where people type one: "n° 12345".
func gap(before string) string {
	if strings.HasSuffix(before, "°") || strings.HasSuffix(before, ".") || strings.HasSuffix(before, ":") {
		return `\s*`
	}
	return ""
}

// foldTag makes the signs comparable that mail clients and keyboards vary:
// no-break spaces, and º for °.
func foldTag(s string) string {
	s = degreeSigns.Replace(strings.ToValidUTF8(s, "\ufffd"))
	return strings.Join(strings.Fields(norm.NFC.String(s)), " ")
}

var degreeSigns = strings.NewReplacer("º", "°", "№", "n°")

// Find gives the numbers in the order of the forms, each once, at most ten.
func (t *Tags) Find(subject string) []uint64 {
	if !strings.ContainsAny(subject, "0123456789") {
		return nil
	}
	subject = foldTag(clip(subject, maxValue))
	var numbers []uint64
	for _, form := range t.forms {
		for _, m := range form.FindAllStringSubmatch(subject, maxTags) {
			n, err := strconv.ParseUint(m[1], 10, 64)
			if err != nil || n == 0 || slices.Contains(numbers, n) || len(numbers) == maxTags {
				continue
			}
			numbers = append(numbers, n)
		}
	}
	return numbers
}
