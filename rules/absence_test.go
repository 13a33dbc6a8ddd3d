package rules_test

import (
	"strings"
	"testing"
	"time"

	"postdesk/internal/addr"
	"postdesk/rules"
)

// sunday is 22 November 2026, 10:00 in Paris.
func sunday(t testing.TB) (time.Time, *time.Location) {
	zone, err := time.LoadLocation("Europe/Paris")
	if err != nil {
		t.Fatal(err)
	}
	return time.Date(2026, 11, 22, 10, 0, 0, 0, zone), zone
}

func TestTheEndOfAnAbsence(t *testing.T) {
	now, zone := sunday(t)
	for text, want := range map[string]string{
		"Je suis absente jusqu'au 3 décembre inclus.":                                         "2026-12-04 00:00",
		"Bonjour,\n\nje suis en congés jusqu’au vendredi 27/11.\nCordialement":                "2026-11-28 00:00",
		"Absent du bureau du 20 novembre au 30 novembre 2026, je vous répondrai à mon retour": "2026-12-01 00:00",
		"En congés du 24 au 28 novembre.":                                                     "2026-11-29 00:00",
		"Je serai de retour le lundi 30 novembre.":                                            "2026-11-30 00:00",
		"Je suis absente et de retour au bureau le 1er décembre":                              "2026-12-01 00:00",
		"Je traiterai votre message à partir du 2/12/2026":                                    "2026-12-02 00:00",
		"Absente aujourd’hui, merci de contacter un collègue.":                                "2026-11-23 00:00",
		"I am out of the office until 3 December.":                                            "2026-12-04 00:00",
		"I'm on annual leave until Friday, with no access to mail.":                           "2026-11-28 00:00",
		"I will be back in the office on Monday, November 30th.":                              "2026-11-30 00:00",
		"I am away from 20 November to 4 December and will answer when I am back.":            "2026-12-05 00:00",
		"Returning on the 1st of December":                                                    "2026-12-01 00:00",
		"I will be back in 2 days":                                                            "2026-11-24 00:00",
		"Out until 14:00.":                                                                    "2026-11-22 14:00",
		"Je reviens demain à 9h":                                                              "2026-11-23 09:00",
		"I was out of office until 3 March 2025":                                              "2025-03-04 00:00", // forgotten
	} {
		end, found := rules.AbsenceEnd(text, now, zone)
		if got := end.In(zone).Format("2006-01-02 15:04"); !found || got != want {
			t.Errorf("%q: %s (%t), want %s", text, got, found, want)
		}
	}
	for _, text := range []string{
		"", "Je suis en congé, sans accès à ma messagerie.", "Out of office until further notice.", "Joignable au 06 12 34 56 78.",
		"I am away. Our shop is open on 3 December.", "Absent jusqu'au 5 novembre.", // this year's is over, and next year's is far
	} {
		if end, found := rules.AbsenceEnd(text, now, zone); found {
			t.Errorf("%q: ends at %s", text, end)
		}
	}
}

func TestWhatAVacationAnswerIs(t *testing.T) {
	for _, c := range []struct {
		name, subject, text string
		header              map[string]string
		want                bool
	}{
		{"RFC 3834", "Re: Question", "Je suis en vacances.", map[string]string{"Auto-Submitted": "auto-replied"}, true},
		{"Exchange", "Automatic reply: Question", "I am away.", map[string]string{"Auto-Submitted": "auto-generated", "X-Auto-Response-Suppress": "All"}, true},
		{"BSD vacation", "away from my mail", "I will be back.", map[string]string{"Precedence": "bulk"}, true},
		{"the subject alone", "Réponse automatique : absence", "", nil, true},
		{"a receipt of the helper", "Re: Question", "Your mail has been received.", map[string]string{"Auto-Submitted": "auto-replied"}, false},
		{"a person who is on leave", "Re: Question", "Je suis en vacances, mais voici.", nil, false},
		{"a list", "Digest", "Vacation houses", map[string]string{"Auto-Submitted": "auto-generated", "List-Id": "<x.y>"}, false},
		{"a report", "Undeliverable: Question", "The mailbox is away.", map[string]string{"Content-Type": "multipart/report; report-type=delivery-status"}, false},
	} {
		f := &rules.AckFacts{EnvelopeFrom: addr.Address{Local: "anne", Domain: "corp.example"}, Subject: c.subject,
			Header: func(name string) []string {
				for k, v := range c.header {
					if strings.EqualFold(k, name) {
						return []string{v}
					}
				}
				return nil
			}}
		if got := rules.Vacation(f, false, c.text); got != c.want {
			t.Errorf("%s: %t, want %t", c.name, got, c.want)
		}
	}
}

func TestAnAnnouncedAbsence(t *testing.T) {
	now, zone := sunday(t)
	const stamp = "2006-01-02 15:04"
	for arg, want := range map[string]string{
		"":                       "2026-11-22 10:00 ",
		"until friday":           "2026-11-22 10:00 2026-11-28 00:00",
		"jusqu’au 3/12":          "2026-11-22 10:00 2026-12-04 00:00",
		"until 14:00":            "2026-11-22 10:00 2026-11-22 14:00",
		"2d":                     "2026-11-22 10:00 2026-11-24 10:00",
		"2 jours":                "2026-11-22 10:00 2026-11-24 10:00",
		"une semaine":            "2026-11-22 10:00 2026-11-29 10:00",
		"for two weeks":          "2026-11-22 10:00 2026-12-06 10:00",
		"3h":                     "2026-11-22 10:00 2026-11-22 13:00",
		"today":                  "2026-11-22 10:00 2026-11-23 00:00",
		"demain":                 "2026-11-23 00:00 2026-11-24 00:00",
		"vendredi":               "2026-11-27 00:00 2026-11-28 00:00",
		"du 24/12 au 2/1":        "2026-12-24 00:00 2027-01-03 00:00",
		"from monday to friday":  "2026-11-23 00:00 2026-11-28 00:00",
		"until friday, holidays": "2026-11-22 10:00 2026-11-28 00:00",
	} {
		away, ok := rules.ParseAway(arg, now, zone)
		got := away.From.In(zone).Format(stamp) + " "
		if !away.Until.IsZero() {
			got += away.Until.In(zone).Format(stamp)
		}
		if !ok || got != want {
			t.Errorf("#away %s: %q (%t), want %q", arg, got, ok, want)
		}
	}
	for _, arg := range []string{"someday", "until", "until 2025-01-01", "next to nothing"} {
		if away, ok := rules.ParseAway(arg, now, zone); ok {
			t.Errorf("#away %s: %v", arg, away)
		}
	}
}

func FuzzAbsence(f *testing.F) {
	for _, s := range []string{"until friday", "du 24/12 au 2/1", "back on the 1st of December", "jusqu’au", "2d", "\xff until \x00"} {
		f.Add(s)
	}
	now, zone := sunday(f)
	f.Fuzz(func(t *testing.T, s string) {
		if end, found := rules.AbsenceEnd(s, now, zone); found && end.Sub(now) > 201*24*time.Hour {
			t.Errorf("%q: %s", s, end)
		}
		if away, ok := rules.ParseAway(s, now, zone); ok && !away.Until.IsZero() && !away.Until.After(away.From) {
			t.Errorf("%q: %v", s, away)
		}
	})
}
