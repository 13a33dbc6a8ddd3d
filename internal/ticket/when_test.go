package ticket

import (
	"strings"
	"testing"
	"time"
)

// whenNow is a Wednesday, in the morning.
func whenNow(t testing.TB) (time.Time, *time.Location) {
	paris, err := time.LoadLocation("Europe/Paris")
	if err != nil {
		t.Skip(err)
	}
	return time.Date(2026, 11, 18, 10, 20, 0, 0, paris), paris
}

func TestMomentsAsPeopleTypeThem(t *testing.T) {
	now, paris := whenNow(t)
	for _, c := range []struct{ text, at, rest string }{
		{"2d call Jean", "2026-11-20", "call Jean"},
		{"2j rappeler", "2026-11-20", "rappeler"},
		{"2 jours : rappeler", "2026-11-20", "rappeler"},
		{"3h", "2026-11-18 13:20", ""},
		{"45m relire", "2026-11-18 11:05", "relire"},
		{"90 min relire", "2026-11-18 11:50", "relire"},
		{"in 2 days", "2026-11-20", ""},
		{"dans 2 jours à 9h appeler", "2026-11-20 09:00", "appeler"},
		{"dans une semaine", "2026-11-25", ""},
		{"in an hour, look", "2026-11-18 11:20", "look"},
		{"1 mois", "2026-12-18", ""},
		{"2026-12-01 09:00 text", "2026-12-01 09:00", "text"},
		{"2026-12-01T09:00 text", "2026-12-01 09:00", "text"},
		{"2026-12-01", "2026-12-01", ""},
		{"01/12/2026 texte", "2026-12-01", "texte"},
		{"1.12.2026 texte", "2026-12-01", "texte"},
		{"1/12 14h30 Réunion", "2026-12-01 14:30", "Réunion"},
		{"1/12 à 14 h 30 Réunion", "2026-12-01 14:30", "Réunion"},
		{"12/25 Christmas", "2026-12-25", "Christmas"},
		{"1/11 year's next", "2027-11-01", "year's next"},
		{"29/2", "2028-02-29", ""},
		{"1er décembre 2026", "2026-12-01", ""},
		{"le 1er décembre, livrer", "2026-12-01", "livrer"},
		{"December 1st 5pm deliver", "2026-12-01 17:00", "deliver"},
		{"1 dec 2027 x", "2027-12-01", "x"},
		{"today", "2026-11-18", ""},
		{"aujourd’hui 17h", "2026-11-18 17:00", ""},
		{"tomorrow", "2026-11-19", ""},
		{"demain 9h appeler", "2026-11-19 09:00", "appeler"},
		{"demain matin", "2026-11-19 09:00", ""},
		{"après-demain midi", "2026-11-20 12:00", ""},
		{"ce soir rappeler", "2026-11-18 18:00", "rappeler"},
		{"tonight", "2026-11-18 18:00", ""},
		{"tomorrow at 9 call", "2026-11-19 09:00", "call"},
		{"tomorrow 3 people come", "2026-11-19", "3 people come"},
		{"tomorrow a 5 page report", "2026-11-19", "a 5 page report"},
		{"friday", "2026-11-20", ""},
		{"until friday", "2026-11-20", ""},
		{"jusqu’à vendredi", "2026-11-20", ""},
		{"jusqu'au 27/11", "2026-11-27", ""},
		{"wednesday", "2026-11-25", ""},
		{"vendredi prochain à 9:30 : revue", "2026-11-20 09:30", "revue"},
		{"vendredi 4 décembre 9h30", "2026-12-04 09:30", ""},
		{"next week plan", "2026-11-23", "plan"},
		{"la semaine prochaine", "2026-11-23", ""},
		{"next month", "2026-12-01", ""},
		{"9:30 stand-up", "2026-11-19 09:30", "stand-up"},
		{"14h30 point", "2026-11-18 14:30", "point"},
		{"à 9h", "2026-11-19 09:00", ""},
		{"at 5 pm call", "2026-11-18 17:00", "call"},
		{"mon 9:00 start", "2026-11-23 09:00", "start"},
		{"2020-01-01 long ago", "2020-01-01", "long ago"},
		{"31/12 25h", "2026-12-31", "25h"},
	} {
		at, day, rest, ok := ParseWhen(c.text, now, paris)
		want := time.Time{}
		layout := "2006-01-02 15:04"
		if len(c.at) == 10 {
			layout = "2006-01-02"
		}
		want, _ = time.ParseInLocation(layout, c.at, paris)
		if !ok || !at.Equal(want) || day != (len(c.at) == 10) || rest != c.rest {
			t.Errorf("%q: %v day=%v rest=%q ok=%v, want %s and %q", c.text, at, day, rest, ok, c.at, c.rest)
		}
	}
}

func TestWhatIsNoMoment(t *testing.T) {
	now, paris := whenNow(t)
	for _, text := range []string{"", " ", "call Jean", "mon client", "sam should call", "31/6", "32/1", "2026-13-40", "9", "12345",
		"2.1 version", "4000 days", "9999-12-01", "a week of work", "25:00", "until", "le client", "99999999999999999999d", "#", "été",
		"in", "1/2/3/4", "may I", "mars attacks"} {
		if at, _, _, ok := ParseWhen(text, now, paris); ok {
			t.Errorf("%q was read as %v", text, at)
		}
	}
}

func TestAClockTimeStaysOverTheChangeOfClocks(t *testing.T) {
	_, paris := whenNow(t)
	now := time.Date(2026, 10, 23, 12, 0, 0, 0, paris) // the clocks go back on the 25th
	at, _, _, ok := ParseWhen("in 3 days at 9:00", now, paris)
	if !ok || !at.Equal(time.Date(2026, 10, 26, 8, 0, 0, 0, time.UTC)) {
		t.Errorf("9:00 after the change is %v", at)
	}
}

func FuzzParseWhen(f *testing.F) {
	now, paris := whenNow(f)
	for _, s := range []string{"2d x", "demain 9h", "1/12 14 h 30 x", "next week", "December 1st, 2026", "jusqu’à vendredi prochain", "mon", "5 pm"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		at, day, rest, ok := ParseWhen(text, now, paris)
		if !ok {
			if rest != text || !at.IsZero() {
				t.Fatalf("%q: refused, and yet %v %q", text, at, rest)
			}
			return
		}
		if !strings.HasSuffix(text, rest) {
			t.Fatalf("%q: rest %q is not its end", text, rest)
		}
		if y := at.Year(); y < 2016 || y > 2036 {
			t.Fatalf("%q: year %d", text, y)
		}
		if local := at.In(paris); day && (local.Hour() != 0 || local.Minute() != 0) {
			t.Fatalf("%q: a day at %v", text, local)
		}
	})
}
