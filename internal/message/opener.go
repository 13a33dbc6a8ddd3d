package message

import (
	"strings"
	"unicode/utf8"
)

// What mail programs write above a quote, in the languages seen in Europe and a
// few more: how it begins, and the moment and address in it. Text has plain spaces.

var (
	openingWords = []string{"on", "at", "le", "am", "el", "em", "il", "op", "den", "dnia", "w dniu", "dne", "dana", "на", "la data"} // and another word
	openingDays  = []string{"a", "pe", "la", "в", "på"}                                                                              // and a number
	weekdays     = []string{"mon", "tue", "wed", "thu", "fri", "sat", "sun", "lun", "mar", "mer", "jeu", "ven", "sam", "dim"}
)

// opensAttribution tells whether an attribution over several lines may begin with a
// line.
func opensAttribution(s string) bool {
	return opensWithWord(s) || opensWithNumber(s) || opensWithWeekday(s) || opensWithName(s) ||
		strings.HasPrefix(s, "在") || strings.HasPrefix(s, "於")
}

func opensWithWord(s string) bool {
	if dashless := strings.TrimLeft(s, "-"); len(dashless) < len(s) {
		return len(dashless) <= len(s)-2 && strings.HasPrefix(dashless, " ") && anotherWord(dashless[1:], "on")
	}
	for _, w := range openingWords {
		if anotherWord(s, w) {
			return true
		}
	}
	for _, w := range openingDays {
		if rest, ok := cutWord(s, w); ok && len(rest) > 1 && rest[0] == ' ' && isDigit(rest[1]) {
			return true
		}
	}
	return false
}

// anotherWord tells whether a text begins with a word and goes on with another.
func anotherWord(s, word string) bool {
	rest, ok := cutWord(s, word)
	if !ok {
		return false
	}
	rest, ok = cutSpaces(rest)
	return ok && rest != ""
}

// opensWithNumber is for a day or a year.
func opensWithNumber(s string) bool {
	n := digits(s, 4)
	return n > 0 && n < len(s) && strings.IndexByte("-/. ", s[n]) >= 0
}

// opensWithWeekday is for a day's name, or the beginning of one.
func opensWithWeekday(s string) bool {
	for _, day := range weekdays {
		rest, ok := cutWord(s, day)
		if !ok {
			continue
		}
		rest = strings.TrimLeftFunc(rest, isNameOfDay)
		rest = strings.TrimPrefix(strings.TrimPrefix(rest, "."), ",")
		return strings.HasPrefix(rest, " ")
	}
	return false
}

// isNameOfDay is [a-zé] without regard to case.
func isNameOfDay(r rune) bool {
	return 'a' <= r|0x20 && r|0x20 <= 'z' || sameLetter(r, 'é') || sameLetter(r, 's') || sameLetter(r, 'k')
}

// opensWithName is for a name and an address in brackets, within the first 80
// characters.
func opensWithName(s string) bool {
	if s == "" || isWhite(s[0]) {
		return false
	}
	_, at := utf8.DecodeRuneInString(s)
	for range 81 {
		if at >= len(s) {
			return false
		}
		if s[at] == '<' {
			end := strings.IndexAny(s[at+1:], "<>"+spaces)
			if end < 0 {
				return false
			}
			if inside := s[at+1 : at+1+end]; s[at+1+end] == '>' && len(inside) > 2 && strings.Contains(inside[1:len(inside)-1], "@") {
				return true
			}
		}
		_, n := utf8.DecodeRuneInString(s[at:])
		at += n
	}
	return false
}

// hasAddress finds what looks like an address.
func hasAddress(s string) bool {
	for i := 1; i+1 < len(s); i++ {
		if s[i] == '@' && mayBeInAddress(s[i-1]) && mayBeInAddress(s[i+1]) {
			return true
		}
	}
	return false
}

func mayBeInAddress(c byte) bool { return !isWhite(c) && c != '<' && c != '>' && c != '@' && c != '"' }

// hasMoment finds a time, a year, or a date in digits.
func hasMoment(s string) bool {
	for i := 0; i < len(s); i++ {
		if isDigit(s[i]) && (isYear(s, i) || endsMoment(s[i+1:])) {
			return true
		}
	}
	return false
}

func isYear(s string, i int) bool {
	return len(s) >= i+4 && (s[i:i+2] == "19" || s[i:i+2] == "20") && digits(s[i:], 4) == 4 && wordEdge(s, i) && wordEdge(s, i+4)
}

// endsMoment is for what follows a digit: minutes, a month and a year, or the sign for
// a year.
func endsMoment(s string) bool {
	if s == "" {
		return false
	}
	switch s[0] {
	case ':', '.', 'h':
		return digits(s[1:], 2) == 2
	case '/':
		n := digits(s[1:], 2)
		return n > 0 && strings.HasPrefix(s[1+n:], "/") && digits(s[2+n:], 2) == 2
	}
	return strings.HasPrefix(s, "年")
}

// isDatedName is for Gmail's attribution without verb: "2016-10-24 15:36 GMT+02:00 Foo <f@x>:".
func isDatedName(s string) bool {
	if !beginsWithYear(s) {
		return false
	}
	rest := s[5:]
	for _, sep := range []string{"-/", spaces} {
		n := digits(rest, 2)
		if n == 0 || n == len(rest) || strings.IndexByte(sep, rest[n]) < 0 {
			return false
		}
		rest = rest[n+1:]
	}
	rest = strings.TrimLeft(rest, spaces)
	return isTimeAndName(rest) || isNameAndAddress(rest)
}

// isTimeAndName is "15:36 GMT+02:00 Foo", and anything of 150 characters.
func isTimeAndName(s string) bool {
	n := digits(s, 2)
	if n == 0 || n == len(s) || s[n] != ':' || digits(s[n+1:], 2) != 2 {
		return false
	}
	s, ok := cutSpaces(s[n+3:])
	if !ok || !strings.HasPrefix(s, "GMT") && !strings.HasPrefix(s, "UTC") {
		return false
	}
	zone := strings.IndexAny(s, spaces)
	if zone < 0 {
		return false
	}
	s = strings.TrimLeft(s[zone:], spaces)
	return s != "" && utf8.RuneCountInString(s) <= 151
}

// isNameAndAddress is "Foo <f@x>:".
func isNameAndAddress(s string) bool {
	s, ok := strings.CutSuffix(strings.TrimSuffix(s, ":"), ">")
	open := strings.LastIndexByte(s, '<')
	if !ok || open < 1 || strings.Contains(s[open:], ">") || utf8.RuneCountInString(s[:open]) > 151 {
		return false
	}
	inside := strings.TrimLeft(s[open+1:], spaces)
	if len(inside) < 3 {
		return false
	}
	at := strings.IndexByte(inside[1:], '@') + 1
	return at > 0 && at+1 < len(inside) && !strings.ContainsAny(inside[:at], spaces)
}

// beginsWithYear is true for four digits, and what separates a date's.
func beginsWithYear(s string) bool {
	return len(s) >= 5 && digits(s, 4) == 4 && (s[4] == '-' || s[4] == '/')
}
