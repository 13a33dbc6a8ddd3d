package rules_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"postdesk/internal/alike"
	"postdesk/rules"
)

func TestWhoIsKnown(t *testing.T) {
	serials := map[string]uint64{"serial sn1234567": 7, "serial 42": 8, "contrat ab12cd": 9}
	holder := func(field, value string) (uint64, error) { return serials[field+" "+value], nil }
	for _, c := range []struct {
		name    string
		by      []string
		address bool
		text    string
		want    rules.KnownOut
	}{
		{"by address", []string{"address"}, true, "", rules.KnownOut{Known: true, By: "address"}},
		{"a stranger", []string{"address"}, false, "SN1234567", rules.KnownOut{}},
		{"the address does not count", []string{"serial"}, true, "", rules.KnownOut{}},
		{"a number in the text", []string{"address", "serial"}, false, "Mon appareil (SN1234567) ne marche plus.", rules.KnownOut{Known: true, By: "serial", Contact: 7}},
		{"in groups", []string{"address", "serial"}, false, "n° sn 1234 567, merci", rules.KnownOut{Known: true, By: "serial", Contact: 7}},
		{"with hyphens", []string{"serial"}, false, "SN-1234-567.", rules.KnownOut{Known: true, By: "serial", Contact: 7}},
		{"short, and nothing says what it is", []string{"serial"}, false, "J’en ai 42.", rules.KnownOut{}},
		{"short, on its line", []string{"serial"}, false, "Bonjour\nSerial : 42\n", rules.KnownOut{Known: true, By: "serial", Contact: 8}},
		{"the second field", []string{"serial", "contrat"}, false, "contrat AB12-CD", rules.KnownOut{Known: true, By: "contrat", Contact: 9}},
		{"named twice", []string{"serial", "Serial", "***"}, false, "SN1234567", rules.KnownOut{Known: true, By: "serial", Contact: 7}},
		{"of another field", []string{"contrat"}, false, "SN1234567", rules.KnownOut{}},
	} {
		got, err := rules.Known(rules.KnownIn{By: c.by, Address: c.address, Text: c.text, Holder: holder})
		if err != nil || got != c.want {
			t.Errorf("%s: %+v, %v; want %+v", c.name, got, err, c.want)
		}
	}
	broken := errors.New("broken")
	if _, err := rules.Known(rules.KnownIn{By: []string{"serial"}, Text: "SN1234567", Holder: func(string, string) (uint64, error) { return 0, broken }}); !errors.Is(err, broken) {
		t.Errorf("the store's error is lost: %v", err)
	}
}

func TestOneMailTriesFewNumbers(t *testing.T) {
	var b strings.Builder
	for i := range 10000 {
		b.WriteString(strings.Repeat("9", 1+i%7) + "12345 ")
	}
	if n := len(rules.Candidates(b.String())); n > 100 {
		t.Errorf("%d numbers from one mail", n)
	}
}

func FuzzCandidates(f *testing.F) {
	f.Add("SN 1234 567, contrat AB12-CD\u00a0: 2026")
	f.Fuzz(func(t *testing.T, text string) {
		list := rules.Candidates(text)
		if len(list) > 100 {
			t.Fatalf("%d candidates", len(list))
		}
		for i, c := range list {
			if len(c) < 5 || len(c) > 40 || c != alike.Value(c) || slices.Contains(list[:i], c) {
				t.Fatalf("candidate %q", c)
			}
		}
	})
}
