package compose

import (
	"fmt"
	"time"
)

// When says a moment in words in the zone that it carries; at midnight the day
// alone.
func When(t time.Time, lang string) string {
	if t.IsZero() {
		return ""
	}
	if h, m, s := t.Clock(); h+m+s == 0 {
		return Day(t, lang)
	}
	return dateWords(t, lang)
}

// Day says a day in words: "1er décembre 2026", "1 December 2026".
func Day(t time.Time, lang string) string {
	if lang != "fr" {
		return t.Format("2 January 2006")
	}
	day := fmt.Sprint(t.Day())
	if day == "1" {
		day = "1er"
	}
	return fmt.Sprintf("%s %s %d", day, monthsFR[t.Month()-1], t.Year())
}

// Ago says in words how long something lasts: "3 jours", "5 h", "12 min".
func Ago(d time.Duration, lang string) string {
	switch days := int(d / (24 * time.Hour)); {
	case days == 1:
		return "1\u00a0" + say(lang, "day")
	case days > 1:
		return fmt.Sprintf("%d\u00a0%s", days, say(lang, "days"))
	case d >= time.Hour:
		return fmt.Sprintf("%d\u00a0h", int(d/time.Hour))
	}
	return fmt.Sprintf("%d\u00a0min", max(0, int(d/time.Minute)))
}

// Word is a status or a priority in a language.
func Word(lang, code string) string { return say(lang, code) }

// Size is a size in bytes in words.
func Size(n int64, lang string) string { return sizeWords(n, lang) }
