package ticket

import "strings"

// Names lists all commands, in the order of the help.
func Names() []Name {
	names := make([]Name, len(specs))
	for i := range specs {
		names[i] = specs[i].name
	}
	return names
}

// NameOf finds the command that somebody typed, with or without its "#", in
// French or English; false for none.
func NameOf(typed string) (Name, bool) {
	s := specOf(fold(strings.TrimPrefix(cleanLine(typed), "#")))
	if s == nil {
		return "", false
	}
	return s.name, true
}

// Fold makes words comparable: lower case, no accents, single spaces, a
// straight apostrophe.
func Fold(s string) string {
	return strings.ReplaceAll(strings.Join(strings.Fields(fold(cleanLine(s))), " "), "’", "'")
}

// Closest are the commands that look like what was typed, with their "#".
func Closest(typed string) []string { return closest(fold(strings.TrimPrefix(cleanLine(typed), "#"))) }
