package ticket

import (
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// Limits of ParseWhen.
const (
	whenBytes = 200 // how much of a text is looked at
	whenWords = 12
	whenYears = 10 // how far from now a moment may lie
)

// ParseWhen reads a moment at the beginning of a text that an agent typed, in
// French or in English:
//
//	2d  2j  3h  45m  in 2 days  dans une semaine
//	2026-12-01  2026-12-01 09:00  01/12/2026  1/12 14h30  1er décembre  Dec 1
//	today  demain 9h  friday at 5pm  vendredi matin  next week  le mois prochain
//	9:30  14h30  à 9h
//
// Words before it that say nothing ("until", "jusqu’à", "le", "at") are
// skipped. A day comes before the month, as in 1/12; "3h" alone is three hours
// from now, as everywhere in a team's settings. A day without a year is the
// next one of that name, a clock time without a day the next one; the name of
// today's weekday is a week from now.
//
// day says that no clock time was given: at is then the first moment of that
// day in zone, and the caller chooses what hour is meant. rest is the text
// behind the moment. A date that was written out may lie in the past. Not ok:
// there is no moment at the beginning, or one more than ten years from now.
// Daylight saving time moves no clock time.
func ParseWhen(text string, now time.Time, zone *time.Location) (at time.Time, day bool, rest string, ok bool) {
	w := &when{text: text, now: now.In(zone), words: whenSplit(text)}
	w.skip("until", "till", "on", "le", "by", "from", "jusqu'a", "jusqu'au", "jusque", "pour", "d'ici", "before", "avant", "for", "du", "au")
	if !w.duration() && !w.date() && !w.bareClock() {
		return time.Time{}, false, text, false
	}
	if w.at.Before(now.AddDate(-whenYears, 0, 0)) || w.at.After(now.AddDate(whenYears, 0, 0)) {
		return time.Time{}, false, text, false
	}
	return w.at, w.day, w.rest(), true
}

// when is one reading of a text.
type when struct {
	text  string
	now   time.Time // in the reader's zone
	words []whenWord
	next  int // the word to read
	at    time.Time
	day   bool // at is a day, without a clock time
}

// whenWord is a word of the text, folded, without the punctuation behind it,
// and where it ends in the text.
type whenWord struct {
	word string
	end  int
}

// whenSplit are the first words of a text.
func whenSplit(text string) []whenWord {
	var words []whenWord
	start := -1
	for i, r := range text {
		if i > whenBytes || len(words) == whenWords {
			return words
		}
		switch space := unicode.IsSpace(r); {
		case space && start >= 0:
			words, start = append(words, foldWord(text[start:i], i)), -1
		case !space && start < 0:
			start = i
		}
	}
	if start >= 0 && len(words) < whenWords {
		words = append(words, foldWord(text[start:], len(text)))
	}
	return words
}

func foldWord(s string, end int) whenWord {
	s = strings.ReplaceAll(fold(strings.ToValidUTF8(s, "")), "’", "'")
	return whenWord{strings.TrimRight(s, ",;:.!"), end}
}

// rest is what stands behind the words that were read.
func (w *when) rest() string {
	rest := w.text[w.words[w.next-1].end:]
	return strings.TrimLeftFunc(rest, func(r rune) bool {
		return unicode.IsSpace(r) || strings.ContainsRune(":,;-–—>→", r) || r == utf8.RuneError
	})
}

// peek is the n-th word from here, "" past the last.
func (w *when) peek(n int) string {
	if w.next+n < len(w.words) {
		return w.words[w.next+n].word
	}
	return ""
}

// skip passes any of these words.
func (w *when) skip(words ...string) bool {
	for _, word := range words {
		if w.peek(0) == word {
			w.next++
			return true
		}
	}
	return false
}

// midnight begins the day that is n days and m months from today.
func (w *when) midnight(months, days int) time.Time {
	y, m, d := w.now.Date()
	if months != 0 { // the 31st in a month of thirty days is its last day
		last := time.Date(y, m+time.Month(months)+1, 0, 0, 0, 0, 0, time.UTC).Day()
		d = min(d, last)
	}
	return time.Date(y, m+time.Month(months), d+days, 0, 0, 0, 0, w.now.Location())
}

// duration reads "2d", "2 jours", "in two weeks".
func (w *when) duration() bool {
	start := w.next
	asked := w.skip("in", "dans", "sous", "within")
	n, unit, used := countUnit(w.peek(0), w.peek(1), asked)
	if used == 0 {
		w.next = start
		return false
	}
	switch w.next += used; unit {
	case "min":
		w.at = w.now.Add(time.Duration(n) * time.Minute)
		return true
	case "hour":
		w.at = w.now.Add(time.Duration(n) * time.Hour)
		return true
	}
	switch w.day = true; unit {
	case "week":
		w.at = w.midnight(0, 7*n)
	case "month":
		w.at = w.midnight(n, 0)
	default:
		w.at = w.midnight(0, n)
	}
	w.clockBehind()
	return true
}

// countUnit reads a number and its unit from one word or two. used says how
// many words that were. Numbers as words ("a week") count only where asked.
func countUnit(first, second string, asked bool) (n int, unit string, used int) {
	digits, tail := leadingNumber(first)
	if digits == "" {
		n, known := numberWords[first]
		if !asked || !known || whenUnits[second] == "" {
			return 0, "", 0
		}
		return n, whenUnits[second], 2
	}
	n, ok := small(digits, 99999)
	if !ok {
		return 0, "", 0
	}
	if unit = whenUnits[tail]; tail != "" && unit != "" {
		return n, unit, 1
	}
	if unit = whenUnits[second]; tail == "" && unit != "" {
		return n, unit, 2
	}
	return 0, "", 0
}

var numberWords = map[string]int{"a": 1, "an": 1, "un": 1, "une": 1, "one": 1, "two": 2, "deux": 2, "three": 3, "trois": 3,
	"four": 4, "quatre": 4, "five": 5, "cinq": 5, "six": 6, "dix": 10, "ten": 10, "quinze": 15}

var whenUnits = map[string]string{
	"m": "min", "mn": "min", "min": "min", "mins": "min", "minute": "min", "minutes": "min",
	"h": "hour", "hr": "hour", "hrs": "hour", "hour": "hour", "hours": "hour", "heure": "hour", "heures": "hour",
	"d": "day", "day": "day", "days": "day", "j": "day", "jour": "day", "jours": "day",
	"w": "week", "wk": "week", "week": "week", "weeks": "week", "sem": "week", "semaine": "week", "semaines": "week",
	"month": "month", "months": "month", "mois": "month",
}

// leadingNumber cuts a word behind its leading digits.
func leadingNumber(word string) (digits, tail string) {
	i := 0
	for i < len(word) && word[i] >= '0' && word[i] <= '9' {
		i++
	}
	return word[:i], word[i:]
}

// small reads a number of at most limit.
func small(digits string, limit int) (n int, ok bool) {
	if digits == "" || len(digits) > 5 {
		return 0, false
	}
	for _, c := range []byte(digits) {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = 10*n + int(c-'0')
	}
	return n, n <= limit
}
