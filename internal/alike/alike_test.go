package alike_test

import (
	"strings"
	"testing"

	"postdesk/internal/alike"
)

func TestNamesThatPeopleTypeAlike(t *testing.T) {
	for in, want := range map[string]string{
		"Version du produit":               "version du produit",
		"  VERSION\u00a0DU\u202fPRODUIT ":  "version du produit",
		"Numéro d’élève":                   "numero d eleve",
		"Nume\u0301ro d'e\u0301le\u0300ve": "numero d eleve",
		"N°\u00a0de série":                 "n de serie",
		"***":                              "",
	} {
		if got := alike.Name(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
	if got := alike.Value("SN-1234 567"); got != "sn1234567" {
		t.Errorf("value %q", got)
	}
}

func TestClosestNames(t *testing.T) {
	names := []string{"Version du produit", "N° de série", "Ville", "garantie"}
	for typed, want := range map[string]string{"version": "Version du produit", "n de serei": "N° de série", "vile": "Ville", "garanti": "garantie", "xyz": "", "": ""} {
		if got := strings.Join(alike.Closest(typed, names), ","); got != want {
			t.Errorf("%q: %q, want %q", typed, got, want)
		}
	}
}

func TestTheClosestOfAddressesAndNames(t *testing.T) {
	names := []string{"export@example.com", "Export", "Relation Client", "reclamation@example.com"}
	for typed, want := range map[string]string{"exprot@example.com": "export@example.com", "relation": "Relation Client", "EXPROT": "Export", "zzzzzzzzzz": "", "x": ""} {
		if got := append(alike.Closest(typed, names), ""); got[0] != want {
			t.Errorf("%q: %v, want %q", typed, got, want)
		}
	}
}

func FuzzName(f *testing.F) {
	f.Add("Numéro d’élève")
	f.Fuzz(func(t *testing.T, s string) {
		if once := alike.Name(s); len(once) < 200 && alike.Name(once) != once {
			t.Errorf("%q: %q, then %q", s, once, alike.Name(once))
		}
	})
}
