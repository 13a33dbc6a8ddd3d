package ticket_test

import (
	"strings"
	"testing"

	"postdesk/internal/ticket"
)

func TestTimeSpentAsPeopleTypeIt(t *testing.T) {
	for typed, want := range map[string]struct {
		minutes int
		text    string
	}{
		"15m":                       {15, ""},
		"15m appel au client":       {15, "appel au client"},
		"15 min appel":              {15, "appel"},
		"45min":                     {45, ""},
		"45 minutes":                {45, ""},
		"90":                        {90, ""},
		"90 relecture":              {90, "relecture"},
		"1h":                        {60, ""},
		"1h30":                      {90, ""},
		"1H30 Analyse":              {90, "Analyse"},
		"1h5":                       {65, ""},
		"1 h 30":                    {90, ""},
		"1 h 30 relecture":          {90, "relecture"},
		"1h30m":                     {90, ""},
		"1h 30min essai":            {90, "essai"},
		"1h 30 pages relues":        {60, "30 pages relues"},
		"2 heures 15":               {135, ""},
		"2\u00a0heures – essais":    {120, "essais"},
		"1,5h":                      {90, ""},
		"0.25 h":                    {15, ""},
		"2:15":                      {135, ""},
		"2:15 réunion":              {135, "réunion"},
		"20m: appel":                {20, "appel"},
		"24h":                       {1440, ""},
		"3 appels":                  {3, "appels"},
		"15 minutes, puis un essai": {15, "puis un essai"},
	} {
		minutes, text, ok := ticket.ParseSpent(typed)
		if !ok || minutes != want.minutes || text != want.text {
			t.Errorf("%q: %d, %q, %v; want %d, %q", typed, minutes, text, ok, want.minutes, want.text)
		}
	}
	for _, typed := range []string{"", "appel", "0", "0m", "2d", "2 jours", "30s", "25h", "24h01", "1441", "99999", "15x", "1.5m", "1,5", "2:5", "2:60", "-15m", "1h30x"} {
		if minutes, text, ok := ticket.ParseSpent(typed); ok {
			t.Errorf("%q: %d, %q", typed, minutes, text)
		}
	}
}

func FuzzParseSpent(f *testing.F) {
	for _, s := range []string{"15m text", "1 h 30", "1,5h", "2:15", "١٥m", "1h\u202f30", "9999h", "1h30\u0301"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, typed string) {
		minutes, text, ok := ticket.ParseSpent(typed)
		if !ok {
			return
		}
		if minutes < 1 || minutes > ticket.MaxSpent || strings.ContainsAny(text, "\n\r\x00") || len(text) > len(typed) {
			t.Fatalf("%q: %d, %q", typed, minutes, text)
		}
	})
}
