package ticket

import (
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// MaxSpent is the most that one entry may say, in minutes: a day.
const MaxSpent = 24 * 60

// Units of time spent, folded.
var (
	hourUnits   = []string{"h", "hr", "hrs", "hour", "hours", "heure", "heures"}
	minuteUnits = []string{"m", "mn", "min", "mins", "minute", "minutes"}
	otherUnits  = []string{"s", "sec", "second", "seconds", "seconde", "secondes", "d", "day", "days", "j", "jour", "jours", "w", "week", "weeks", "semaine", "semaines"}
)

// ParseSpent reads the time spent at the beginning of what an agent typed, in
// French or in English, and the text behind it:
//
//	15m  15 min  45 minutes  90  1h  1h30  1 h 30  1h30m  1,5h  0.25 h  2:15
//
// A number alone is minutes. Not ok: there is no time at the beginning, it is in
// days or seconds, or it is not between one minute and MaxSpent.
func ParseSpent(typed string) (minutes int, text string, ok bool) {
	typed = cleanLine(strings.ToValidUTF8(typed, ""))
	n, tenths, rest := spentNumber(typed)
	if n < 0 {
		return 0, "", false
	}
	unit, after := spentUnit(rest)
	spaced := strings.HasPrefix(rest, " ")
	switch {
	case slices.Contains(hourUnits, unit):
		minutes, rest = spentHours(n, tenths, after, spaced)
	case tenths >= 0:
		return 0, "", false
	case slices.Contains(minuteUnits, unit):
		minutes, rest = n, after
	case strings.HasPrefix(rest, ":"):
		if minutes, rest, ok = spentClock(n, rest[1:]); !ok {
			return 0, "", false
		}
	case rest != "" && !spaced || slices.Contains(otherUnits, unit):
		return 0, "", false
	default:
		minutes = n
	}
	if minutes < 1 || minutes > MaxSpent || !endsHere(rest) {
		return 0, "", false
	}
	return minutes, strings.TrimLeft(rest, " .,;:–—-"), true
}

// endsHere: a word ends before rest.
func endsHere(rest string) bool {
	for _, r := range rest {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r)
	}
	return true
}

// spentNumber reads up to four digits, and behind a point or comma up to two
// more, as hundredths; n and hundredths are -1 where there are none.
func spentNumber(s string) (n, hundredths int, rest string) {
	digits := len(s) - len(strings.TrimLeft(s, "0123456789"))
	if digits == 0 || digits > 4 {
		return -1, -1, s
	}
	n, _ = strconv.Atoi(s[:digits])
	rest = s[digits:]
	if !strings.HasPrefix(rest, ".") && !strings.HasPrefix(rest, ",") {
		return n, -1, rest
	}
	part := rest[1:]
	digits = len(part) - len(strings.TrimLeft(part, "0123456789"))
	if digits == 0 || digits > 2 {
		return n, -1, rest
	}
	hundredths, _ = strconv.Atoi((part[:digits] + "0")[:2])
	return n, hundredths, part[digits:]
}

// spentUnit is the word at the beginning of s, folded, and what follows.
func spentUnit(s string) (unit, rest string) {
	s = strings.TrimLeft(s, " ")
	end := strings.IndexFunc(s, func(r rune) bool { return !unicode.IsLetter(r) })
	if end < 0 {
		end = len(s)
	}
	return fold(s[:end]), s[end:]
}

// spentHours is hours and the minutes behind them, if there are any: at once as
// in 1h30, with their unit as in 1h 30min, or written as apart as in 1 h 30.
func spentHours(n, hundredths int, after string, spaced bool) (minutes int, rest string) {
	if minutes = n * 60; hundredths >= 0 {
		return minutes + (hundredths*60+50)/100, after
	}
	more, part, rest := spentNumber(strings.TrimLeft(after, " "))
	if more < 0 || more > 59 || part >= 0 {
		return minutes, after
	}
	unit, behind := spentUnit(rest)
	switch {
	case slices.Contains(minuteUnits, unit):
		return minutes + more, behind
	case endsHere(rest) && (after[0] != ' ' || spaced || rest == ""):
		return minutes + more, rest
	}
	return minutes, after
}

// spentClock reads the minutes of 2:15.
func spentClock(hours int, s string) (minutes int, rest string, ok bool) {
	m, part, rest := spentNumber(s)
	if m < 0 || m > 59 || part >= 0 || len(s)-len(rest) != 2 {
		return 0, "", false
	}
	return hours*60 + m, rest, true
}
