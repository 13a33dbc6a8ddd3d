package mailauth

import (
	"slices"
	"strings"

	"postdesk/internal/message"
)

// ownPrefix begins the names of the fields that only we write.
const ownPrefix = "X-Postdesk-"

// Unforged leaves out of a received mail's header what its sender has no right
// to say, before the mail is passed on to others: Authentication-Results that
// bear our own name, and our own fields. trusted are the names of frontends,
// which go too; it must be empty for a mail that a frontend brought. The fields
// are not changed.
func Unforged(fields []message.Field, ourName string, trusted []string) []message.Field {
	names := append([]string{ourName}, trusted...)
	forged := func(f message.Field) bool {
		if len(f.Name) > len(ownPrefix) && strings.EqualFold(f.Name[:len(ownPrefix)], ownPrefix) {
			return true
		}
		return strings.EqualFold(f.Name, "Authentication-Results") && isForged(f.Value(), names)
	}
	if !slices.ContainsFunc(fields, forged) {
		return fields
	}
	return slices.DeleteFunc(slices.Clone(fields), forged)
}

// isForged says that an Authentication-Results field bears one of the names,
// RFC 8601 §5, or can't be read and contains one.
func isForged(value string, names []string) bool {
	if f, ok := parseField(value); ok {
		return hasName(f.authserv, names)
	}
	for _, n := range names {
		if n != "" && strings.Contains(strings.ToLower(value), strings.ToLower(n)) {
			return true
		}
	}
	return false
}
