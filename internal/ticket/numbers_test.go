package ticket_test

import (
	"slices"
	"testing"

	"postdesk/internal/ticket"
)

func TestNumbersAsTheyAreTyped(t *testing.T) {
	for typed, want := range map[string][]uint64{
		"12344": {12344}, "#12344": {12344}, "n°12344": {12344}, "n° 12344": {12344}, "No. 12344": {12344}, "no.12344": {12344}, "[#12344]": {12344},
		"12344 12345": {12344, 12345}, "12344, #12345 et 12346": {12344, 12345, 12346}, "2,3,2": {2, 3}, "1\u00a0et\u00a02": {1, 2}, "12344.": {12344},
		"": nil, "#": nil, "abc": nil, "12344 dans celle-ci": nil, "0": nil, "-5": nil, "99999999999999999999": nil, "et": nil, "1.5": nil,
		"1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21": nil,
	} {
		got, ok := ticket.ParseNumbers(typed)
		if !slices.Equal(got, want) || ok != (want != nil) {
			t.Errorf("%q: %v, %v; want %v", typed, got, ok, want)
		}
	}
}

func FuzzParseNumbers(f *testing.F) {
	for _, s := range []string{"12344", "#1 et n°2", "2,3", "no. 5", "[#7]", "9 x"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		list, ok := ticket.ParseNumbers(s)
		if ok != (len(list) > 0) || len(list) > 20 || slices.Contains(list, 0) {
			t.Errorf("%q: %v, %v", s, list, ok)
		}
	})
}
