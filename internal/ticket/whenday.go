package ticket

import (
	"strings"
	"time"
)

// date reads a day, and the clock time behind it.
func (w *when) date() bool {
	start := w.next
	if w.isoMoment() {
		return true
	}
	if !w.namedDay() && !w.weekday() && !w.numericDay(w.peek(0)) && !w.monthDay() {
		w.next = start
		return false
	}
	w.clockBehind()
	return true
}

// isoMoment reads "2026-12-01T09:00".
func (w *when) isoMoment() bool {
	date, clock, found := strings.Cut(w.peek(0), "t")
	if !found || !w.numericDay(date) {
		return false
	}
	if h, m, ok := clockWord(clock); ok {
		w.setClock(h, m)
	}
	return true
}

// namedDay reads "tomorrow", "demain", "la semaine prochaine".
func (w *when) namedDay() bool {
	start := w.next
	w.skip("la", "le", "the")
	first, second := w.peek(0), w.peek(1)
	used := 1
	switch {
	case first == "today" || first == "aujourd'hui" || first == "tonight":
		w.at = w.midnight(0, 0)
	case first == "tomorrow" || first == "demain":
		w.at = w.midnight(0, 1)
	case first == "apres-demain":
		w.at = w.midnight(0, 2)
	case first == "apres" && second == "demain":
		w.at, used = w.midnight(0, 2), 2
	case first == "this" && evenings[second] || first == "ce" && evenings[second] || first == "cet" && second == "apres-midi":
		w.at = w.midnight(0, 0) // the part of the day is read behind it
	case first == "next" && second == "week" || first == "semaine" && second == "prochaine":
		w.at, used = w.midnight(0, (7-int(w.now.Weekday()))%7+1), 2
	case first == "next" && second == "month" || first == "mois" && second == "prochain":
		y, m, _ := w.now.Date()
		w.at, used = time.Date(y, m+1, 1, 0, 0, 0, 0, w.now.Location()), 2
	default:
		w.next = start
		return false
	}
	w.next, w.day = w.next+used, true
	if first == "tonight" {
		w.setClock(18, 0)
	}
	return true
}

var evenings = map[string]bool{"morning": true, "afternoon": true, "evening": true, "matin": true, "midi": true, "soir": true}

var weekdays = map[string]time.Weekday{
	"monday": 1, "mon": 1, "lundi": 1, "lun": 1, "tuesday": 2, "tue": 2, "tues": 2, "mardi": 2, "mar": 2,
	"wednesday": 3, "wed": 3, "mercredi": 3, "mer": 3, "thursday": 4, "thu": 4, "thur": 4, "thurs": 4, "jeudi": 4, "jeu": 4,
	"friday": 5, "fri": 5, "vendredi": 5, "ven": 5, "saturday": 6, "sat": 6, "samedi": 6, "sam": 6,
	"sunday": 0, "sun": 0, "dimanche": 0, "dim": 0,
}

// otherWords are short names of days that mean something else too: they are
// days only when nothing but a time follows.
var otherWords = map[string]bool{"mon": true, "mar": true, "mer": true, "sam": true, "sat": true, "sun": true}

// weekday reads "friday", "next friday", "vendredi prochain", and the date
// that may follow the name.
func (w *when) weekday() bool {
	start := w.next
	w.skip("next", "this", "ce")
	name := w.peek(0)
	d, known := weekdays[name]
	if !known || otherWords[name] && !w.timeAt(1) {
		w.next = start
		return false
	}
	w.next++
	w.skip("prochain", "next")
	w.at, w.day = w.midnight(0, (int(d)-int(w.now.Weekday())+6)%7+1), true
	if !w.numericDay(w.peek(0)) {
		w.monthDay()
	}
	return true
}

// timeAt says whether the n-th word from here is missing, or a clock time, or
// leads to one.
func (w *when) timeAt(n int) bool {
	word := w.peek(n)
	_, _, clock := clockWord(word)
	_, prep := clockWords[word]
	return word == "" || clock || prep || word == "at" || word == "a" || word == "prochain"
}

// numericDay reads "2026-12-01", "01/12/2026", "1.12.2026" and "1/12".
func (w *when) numericDay(word string) bool {
	for _, sep := range []string{"-", "/", "."} {
		f := strings.Split(word, sep)
		if len(f) == 2 && sep == "/" {
			f = append(f, "")
		}
		if len(f) != 3 {
			continue
		}
		if len(f[0]) == 4 {
			f[0], f[2] = f[2], f[0]
		}
		return w.setDate(f[0], f[1], f[2])
	}
	return false
}

// setDate takes day, month and year, "" for the next such day. A month above
// twelve is the day: 12/25 can't be read otherwise.
func (w *when) setDate(day, month, year string) bool {
	d, ok1 := small(day, 31)
	m, ok2 := small(month, 31)
	y, ok3 := w.year(year)
	if m > 12 {
		d, m = m, d
	}
	if !ok1 || !ok2 || !ok3 || m < 1 || m > 12 || d < 1 || len(day) > 2 || len(month) > 2 {
		return false
	}
	at := w.dateOf(y, m, d)
	if year == "" && at.Before(w.midnight(0, 0)) {
		y++
		at = w.dateOf(y, m, d)
	}
	for range 8 { // 29 February without a year: the next one
		if year != "" || at.Day() == d {
			break
		}
		y++
		at = w.dateOf(y, m, d)
	}
	if at.Day() != d {
		return false // 31 June
	}
	w.at, w.day = at, true
	w.next++
	return true
}

func (w *when) dateOf(y, m, d int) time.Time {
	return time.Date(y, time.Month(m), d, 0, 0, 0, 0, w.now.Location())
}

func (w *when) year(s string) (int, bool) {
	switch len(s) {
	case 0:
		return w.now.Year(), true
	case 2:
		n, ok := small(s, 99)
		return 2000 + n, ok
	case 4:
		return small(s, 9999)
	}
	return 0, false
}

var months = map[string]string{
	"january": "1", "janvier": "1", "jan": "1", "janv": "1", "february": "2", "fevrier": "2", "feb": "2", "fev": "2", "fevr": "2",
	"march": "3", "mars": "3", "april": "4", "avril": "4", "apr": "4", "avr": "4", "may": "5", "mai": "5", "june": "6", "juin": "6", "jun": "6",
	"july": "7", "juillet": "7", "jul": "7", "juil": "7", "august": "8", "aout": "8", "aug": "8", "september": "9", "septembre": "9",
	"sep": "9", "sept": "9", "october": "10", "octobre": "10", "oct": "10", "november": "11", "novembre": "11", "nov": "11",
	"december": "12", "decembre": "12", "dec": "12",
}

// monthDay reads "1er décembre", "December 1st, 2026".
func (w *when) monthDay() bool {
	day, month := ordinal(w.peek(0)), months[w.peek(1)]
	if month == "" {
		day, month = ordinal(w.peek(1)), months[w.peek(0)]
	}
	if day == "" || month == "" {
		return false
	}
	year, used := "", 1
	if y := w.peek(2); len(y) == 4 && (strings.HasPrefix(y, "20") || strings.HasPrefix(y, "19")) {
		if _, ok := small(y, 9999); ok {
			year, used = y, 2
		}
	}
	if !w.setDate(day, month, year) {
		return false
	}
	w.next += used // setDate passed one word
	return true
}

// ordinal is the number of "1", "1er", "2nd", "3rd".
func ordinal(word string) string {
	digits, tail := leadingNumber(word)
	switch tail {
	case "", "er", "st", "nd", "rd", "th", "e":
		return digits
	}
	return ""
}
