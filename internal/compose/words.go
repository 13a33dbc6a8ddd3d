package compose

import (
	"fmt"
	"strings"
	"time"

	"postdesk/internal/config"
)

// words are the few that code, not a template, puts together.
var words = map[string]map[string]string{
	"fr": {
		"new": "nouvelle", "open": "à traiter", "pending": "en attente du client", "hold": "en attente d’un tiers",
		"solved": "résolue", "closed": "close",
		"turn-desk": "à nous de répondre", "turn-customer": "au client de répondre", "turn-third": "à un tiers de répondre",
		"low": "basse", "normal": "normale", "high": "haute", "urgent": "urgente",
		"workday": "jour ouvré", "workdays": "jours ouvrés", "hour": "heure ouvrée", "hours": "heures ouvrées",
		"minute": "minute", "minutes": "minutes",
		"customer": "le client", "customerAndCc": "le client et les personnes en copie",
		"aside": "AVIS", "nobody": "personne", "took": "{who} a pris la demande.", "day": "jour", "days": "jours", "KB": "Ko", "MB": "Mo", "B": "octets",
	},
	"en": {
		"new": "new", "open": "open", "pending": "waiting for the customer", "hold": "waiting for a third party",
		"solved": "solved", "closed": "closed",
		"turn-desk": "it is our turn", "turn-customer": "it is the customer’s turn", "turn-third": "it is a third party’s turn",
		"low": "low", "normal": "normal", "high": "high", "urgent": "urgent",
		"workday": "working day", "workdays": "working days", "hour": "opening hour", "hours": "opening hours",
		"minute": "minute", "minutes": "minutes",
		"customer": "the customer", "customerAndCc": "the customer and the people in copy",
		"aside": "ASIDE", "nobody": "nobody", "took": "{who} took the ticket.", "day": "day", "days": "days", "KB": "KB", "MB": "MB", "B": "bytes",
	},
}

// say is a word in a language, in English for one that we don't speak.
func say(lang, key string) string {
	w, ok := words[lang]
	if !ok {
		w = words["en"]
	}
	if s, ok := w[key]; ok {
		return s
	}
	return key
}

// turnWords says whose turn it is, "" when it is nobody's.
func turnWords(lang, turn string) string {
	if s := say(lang, "turn-"+turn); s != "turn-"+turn {
		return s
	}
	return ""
}

// DelayWords says a delay in a language: "2 jours ouvrés", "6 opening hours",
// "" for none.
func DelayWords(d config.Delay, lang string) string {
	switch {
	case d.Days > 0:
		return count(lang, d.Days, "workday", "workdays")
	case d.Time >= time.Hour:
		return count(lang, int((d.Time+time.Hour-1)/time.Hour), "hour", "hours")
	case d.Time > 0:
		return count(lang, int((d.Time+time.Minute-1)/time.Minute), "minute", "minutes")
	}
	return ""
}

func count(lang string, n int, one, many string) string {
	if n == 1 {
		return fmt.Sprintf("%d\u00a0%s", n, say(lang, one))
	}
	return fmt.Sprintf("%d\u00a0%s", n, say(lang, many))
}

func sizeWords(n int64, lang string) string {
	switch {
	case n >= 1<<20:
		s := fmt.Sprintf("%.1f", float64(n)/(1<<20))
		if lang == "fr" {
			s = strings.Replace(s, ".", ",", 1)
		}
		return s + "\u00a0" + say(lang, "MB")
	case n >= 1<<10:
		return fmt.Sprintf("%d\u00a0%s", n>>10, say(lang, "KB"))
	}
	return fmt.Sprintf("%d\u00a0%s", n, say(lang, "B"))
}

var monthsFR = [...]string{"janvier", "février", "mars", "avril", "mai", "juin", "juillet", "août", "septembre", "octobre", "novembre", "décembre"}

// dateWords says a moment in words, in the zone that it carries.
func dateWords(t time.Time, lang string) string {
	if t.IsZero() {
		return ""
	}
	if lang == "fr" {
		return Day(t, lang) + " à " + t.Format("15:04")
	}
	return t.Format("2 January 2006 at 15:04")
}
