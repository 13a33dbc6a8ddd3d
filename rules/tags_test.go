package rules

import (
	"slices"
	"testing"
)

func TestFindTags(t *testing.T) {
	forms := []string{"Votre demande n°{number}", "Your request no. {number}", "[Desk-{number}]"}
	for subject, want := range map[string][]uint64{
		"":                              nil,
		"Bonjour":                       nil,
		"Re: Panne [#12345]":            {12345},
		"[#1] et [#2], et encore [#1]":  {1, 2},
		"Votre demande n°12345":         {12345},
		"RE : votre demande nº 12345":   {12345},
		"Re: Votre\u00a0demande N°12":   {12},
		"AW: Your request no. 77":       {77},
		"Your request no.77 again":      {77},
		"Re: [desk-5] x":                {5},
		"#12345":                        nil,
		"[12345]":                       nil,
		"n°12345":                       nil,
		"[#0]":                          nil,
		"[#12345":                       nil,
		"[# 12345]":                     nil,
		"[#12a45]":                      nil,
		"Votre demande n°12a":           nil,
		"[#99999999999999999999999999]": nil,
		"[#18446744073709551616]":       nil,
		"[#१२३]":                        nil,
		"[#7] Your request no. 8":       {7, 8},
	} {
		if got := NewTags(forms...).Find(subject); !slices.Equal(got, want) {
			t.Errorf("%q: %v, want %v", subject, got, want)
		}
	}
}

// TestVagueFormsAreLeftOut: with a tag of "#{number}" or none at all, any number
// would look like a ticket's.
func TestVagueFormsAreLeftOut(t *testing.T) {
	for _, form := range []string{"", "{number}", "#{number}", "no number"} {
		if got := NewTags(form).Find("commande #4711"); got != nil {
			t.Errorf("%q: %v", form, got)
		}
	}
}

func TestManyTags(t *testing.T) {
	subject := ""
	for i := range 3000 {
		subject += "[#" + string(rune('1'+i%9)) + string(rune('0'+i/9%10)) + "]"
	}
	if got := NewTags().Find(subject); len(got) != maxTags {
		t.Errorf("%d numbers", len(got))
	}
}

func FuzzFindTags(f *testing.F) {
	f.Add("Re: [#12345]", "Votre demande n°{number}")
	f.Add("n°\xff12", "({number}")
	f.Add("a\u0301{number} [#1]", "{number}{number}  x")
	f.Fuzz(func(t *testing.T, subject, form string) {
		numbers := NewTags(form).Find(subject)
		if len(numbers) > maxTags || slices.Contains(numbers, 0) {
			t.Errorf("%v", numbers)
		}
	})
}
