package rules

import (
	"strings"
	"unicode"

	"postdesk/internal/alike"
	"postdesk/internal/config"
)

// Bounds of the search for a value that makes its sender known. A mail must
// not try many values at once: whether one is taken can be seen from outside.
const (
	maxCandidates = 100
	minFreeValue  = 5  // letters and digits, of a value that stands anywhere in a text
	maxFreeValue  = 40 // the same, at most
)

// KnownIn is what decides whether a team that serves known contacts only takes
// a request.
type KnownIn struct {
	By      []string // known_by: "address", or names of contact fields
	Address bool     // the author's address, or that of the company, is an entered contact's
	Text    string   // subject and text of the mail
	// Holder is the entered contact that has a value in a field, 0 for none. The
	// value is in the form of alike.Value.
	Holder func(field, value string) (uint64, error)
}

// KnownOut says by what a sender is known.
type KnownOut struct {
	Known   bool   `json:"known"`
	By      string `json:"by,omitempty"`      // "address", or the field's name
	Contact uint64 `json:"contact,omitempty"` // by a field: whose value it is; nothing proves that the sender is that contact
}

// Known looks at the address first, then for the value of a field. A value on a
// line with the field's name counts as it is; elsewhere it must have a digit
// and at least five letters or digits, and may be written in groups.
func Known(in KnownIn) (KnownOut, error) {
	var fields []config.Field
	seen := map[string]bool{"": true}
	for _, by := range in.By {
		switch key := alike.Name(by); {
		case by == "address" && in.Address:
			return KnownOut{Known: true, By: by}, nil
		case by != "address" && !seen[key]:
			fields, seen[key] = append(fields, config.Field{Name: by}), true
		}
	}
	if len(fields) == 0 {
		return KnownOut{}, nil
	}
	form, err := NewForm(fields)
	if err != nil {
		return KnownOut{}, err
	}
	named := form.Read(in.Text, "")
	words := Candidates(in.Text)
	for _, f := range fields {
		for _, value := range append([]string{named.Values[f.Name], named.Quoted[f.Name]}, words...) {
			if value = alike.Value(value); value == "" {
				continue
			}
			id, err := in.Holder(f.Name, value)
			if err != nil || id != 0 {
				return KnownOut{Known: id != 0, By: f.Name, Contact: id}, err
			}
		}
	}
	return KnownOut{}, nil
}

// Candidates are the words of a text that may be a number somebody has: with a
// digit, alone or as groups beside each other ("SN 1234 567"), folded, each
// once, at most 100.
func Candidates(text string) []string {
	var list []string
	seen := map[string]bool{}
	words := strings.FieldsFunc(text, func(r rune) bool { return unicode.IsSpace(r) || strings.ContainsRune(":=,;()[]<>\"'«»|", r) })
	for i := range words {
		joined := ""
		for n, word := range words[i:min(len(words), i+4)] {
			part := alike.Value(word)
			digit := strings.ContainsAny(part, "0123456789")
			if part == "" || len(joined)+len(part) > maxFreeValue || !digit && (n > 0 || len(part) > 4) {
				break
			}
			joined += part
			if len(joined) < minFreeValue || !strings.ContainsAny(joined, "0123456789") || seen[joined] {
				continue
			}
			if seen[joined] = true; len(list) == maxCandidates {
				return list
			}
			list = append(list, joined)
		}
	}
	return list
}
