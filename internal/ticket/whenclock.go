package ticket

import (
	"strings"
	"time"
)

// setClock gives the day that was read a clock time.
func (w *when) setClock(hour, minute int) {
	y, m, d := w.at.Date()
	w.at, w.day = time.Date(y, m, d, hour, minute, 0, 0, w.now.Location()), false
}

// clockBehind reads the clock time that may follow a day.
func (w *when) clockBehind() {
	if h, m, ok := w.clock(); ok {
		w.setClock(h, m)
	}
}

// bareClock reads a clock time alone: the next one.
func (w *when) bareClock() bool {
	h, m, ok := w.clock()
	if !ok {
		return false
	}
	w.at = w.midnight(0, 0)
	w.setClock(h, m)
	if !w.at.After(w.now) {
		w.at = w.midnight(0, 1)
		w.setClock(h, m)
	}
	return true
}

var clockWords = map[string]int{"morning": 9, "matin": 9, "noon": 12, "midi": 12, "afternoon": 14, "apres-midi": 14, "evening": 18, "soir": 18}

// clock reads "9:30", "14h30", "14 h 30", "9h", "at 9", "5 pm", "matin".
func (w *when) clock() (hour, minute int, ok bool) {
	start := w.next
	asked := w.skip("at", "vers", "around") // "at 5" is a time, "a 5 page report" is not
	if !asked && w.skip("a", "in", "le") {
		w.skip("the")
	}
	word := w.peek(0)
	if h, known := clockWords[word]; known {
		w.next++
		return h, 0, true
	}
	if h, m, ok := w.spacedClock(word); ok {
		return h, m, true
	}
	hour, minute, ok = clockWord(word)
	if n, whole := small(word, 23); !ok && asked && whole && len(word) <= 2 {
		hour, minute, ok = n, 0, true
	}
	if !ok {
		w.next = start
		return 0, 0, false
	}
	w.next++
	return hour, minute, true
}

// spacedClock reads "14 h 30", "14 h" and "5 pm".
func (w *when) spacedClock(word string) (hour, minute int, ok bool) {
	h, whole := small(word, 23)
	if !whole || len(word) > 2 {
		return 0, 0, false
	}
	switch unit := w.peek(1); unit {
	case "am", "pm", "a.m", "p.m":
		if hour, ok = twelve(h, unit[:1]); ok {
			w.next += 2
		}
		return hour, 0, ok
	case "h", "heure", "heures":
		w.next += 2
		if m, two := small(w.peek(0), 59); two && len(w.peek(0)) == 2 {
			w.next++
			return h, m, true
		}
		return h, 0, true
	}
	return 0, 0, false
}

// clockWord reads a clock time of one word: "9:30", "9h", "9h30", "5pm",
// "5:30pm".
func clockWord(word string) (hour, minute int, ok bool) {
	half := ""
	for _, end := range []string{"am", "pm"} {
		if head, found := strings.CutSuffix(word, end); found {
			word, half = head, end[:1]
		}
	}
	h, m, colon := strings.Cut(word, ":")
	if !colon {
		var french bool
		h, m, french = strings.Cut(word, "h")
		if !french && half == "" {
			return 0, 0, false
		}
		if m == "" {
			m = "00"
		}
	}
	if len(m) > 3 && m[2] == ':' { // seconds mean nothing here
		m = m[:2]
	}
	hour, okHour := small(h, 23)
	minute, okMinute := small(m, 59)
	if !okHour || !okMinute || len(h) > 2 || len(m) != 2 {
		return 0, 0, false
	}
	if half != "" {
		hour, ok = twelve(hour, half)
		return hour, minute, ok
	}
	return hour, minute, true
}

// twelve makes an hour of the twelve-hour clock one of twenty-four.
func twelve(h int, half string) (int, bool) {
	if h < 1 || h > 12 {
		return 0, false
	}
	if h %= 12; half == "p" {
		h += 12
	}
	return h, true
}
