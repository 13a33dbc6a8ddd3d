package rules_test

import (
	"maps"
	"strings"
	"testing"
	"unicode/utf8"

	"postdesk/internal/config"
	"postdesk/rules"
)

func productForm(t testing.TB) *rules.Form {
	t.Helper()
	f, err := rules.NewForm([]config.Field{
		{Name: "Version du produit", Hint: "Menu Aide, À propos", Required: true, Pattern: `\d+\.\d+`},
		{Name: "N° de série", Required: true},
		{Name: "Ville"},
	})
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func TestAFormIsReadAsPeopleFillIt(t *testing.T) {
	f := productForm(t)
	for _, c := range []struct {
		name, fresh, quoted string
		values, inQuote     map[string]string
		wrong               map[string]string
	}{
		{"as asked", "Version du produit : 2.1\nN° de série : AB 12\n", "", map[string]string{"Version du produit": "2.1", "N° de série": "AB 12"}, nil, nil},
		{"accents, case, spaces", "VERSION  DU\u00a0PRODUIT\u00a0:\u00a02.1\u00a0\nn de serie=7\n", "", map[string]string{"Version du produit": "2.1", "N° de série": "7"}, nil, nil},
		{"bold of Gmail", "*Version du produit :* 2.1\n*N° de série* : *7*\n", "", map[string]string{"Version du produit": "2.1", "N° de série": "7"}, nil, nil},
		{"a list", "- Version du produit: 2.1\n• Ville : Lyon\n", "", map[string]string{"Version du produit": "2.1", "Ville": "Lyon"}, nil, nil},
		{"a numbered list", "1. Version du produit: 2.1\n2) Ville : Lyon\n", "", map[string]string{"Version du produit": "2.1", "Ville": "Lyon"}, nil, nil},
		{"a table", "Version du produit\t2.1\nVille | Lyon\n", "", map[string]string{"Version du produit": "2.1", "Ville": "Lyon"}, nil, nil},
		{"in words", "Version du produit : c’est la 2.1.\n", "", map[string]string{"Version du produit": "2.1"}, nil, nil},
		{"with the hint", "Version du produit : (Menu Aide, À propos) 2.1\n", "", map[string]string{"Version du produit": "2.1"}, nil, nil},
		{"before the hint", "Version du produit : 2.1 (menu Aide, À propos)\n", "", map[string]string{"Version du produit": "2.1"}, nil, nil},
		{"the line below", "Version du produit :\n\n2.1\nVille :\nLyon\n", "", map[string]string{"Version du produit": "2.1", "Ville": "Lyon"}, nil, nil},
		{"nothing", "Version du produit :\nN° de série : …\nVille : ____\n\nCordialement,\nJean\n", "", nil, nil, nil},
		{"a name without a value", "Ville :\nMerci,\nJean\n", "", nil, nil, nil},
		{"only the hint", "", "Version du produit : (Menu Aide, À propos)\nN° de série :\nMerci,\nRelation Client\n", nil, nil, nil},
		{"filled in the quote of Outlook", "", "Version du produit : 2.1\nN° de série : 7\nMerci,\n", nil, map[string]string{"Version du produit": "2.1", "N° de série": "7"}, nil},
		{"below, in the quote of Outlook", "", "Version du produit :\n2.1\nN° de série :\nMerci,\n", nil, map[string]string{"Version du produit": "2.1"}, nil},
		{"between quoted lines", "> Version du produit :\n> (Menu Aide, À propos)\n2.1\n> N° de série :\n7\n> Merci,\n", "", map[string]string{"Version du produit": "2.1", "N° de série": "7"}, nil, nil},
		{"in a quoted line", "> Version du produit : 2.1\n> N° de série :\n> Merci,\n", "", nil, map[string]string{"Version du produit": "2.1"}, nil},
		{"wrong", "Version du produit : deux\n", "> Version du produit :\n", nil, nil, map[string]string{"Version du produit": "deux"}},
		{"wrong, then right", "Version du produit : deux\nVersion du produit : 2.0\n", "", map[string]string{"Version du produit": "2.0"}, nil, nil},
		{"which of them", "Version du produit : 2.1 ou 2.2\n", "", nil, nil, map[string]string{"Version du produit": "2.1 ou 2.2"}},
		{"new before old", "Version du produit : 2.2\n", "> Version du produit : 2.1\n", map[string]string{"Version du produit": "2.2"}, nil, nil},
		{"no form", "Bonjour : la version du produit, je ne sais pas.\n", "", nil, nil, nil},
	} {
		got := f.Read(c.fresh, c.quoted)
		if !maps.Equal(got.Values, c.values) || !maps.Equal(got.Quoted, c.inQuote) || !maps.Equal(got.Wrong, c.wrong) {
			t.Errorf("%s: %q, quoted %q, wrong %q; want %q, %q, %q", c.name, got.Values, got.Quoted, got.Wrong, c.values, c.inQuote, c.wrong)
		}
	}
}

func TestAnAnswerWithoutANameIsTheOneFieldAskedFor(t *testing.T) {
	f := productForm(t)
	for fresh, want := range map[string]string{"2.1\n": "2.1", "Bonjour,\n\n2.1.\nMerci\n": "2.1", "Merci de votre aide\n": "", "> 2.1\n": ""} {
		if got, ok := f.Only("version du produit", fresh); got != want || ok != (want != "") {
			t.Errorf("%q: %q, want %q", fresh, got, want)
		}
	}
	if got, ok := f.Only("N° de série", "Merci\n"); ok {
		t.Errorf("a field without a pattern took %q", got)
	}
}

func TestWhatIsMissing(t *testing.T) {
	f := productForm(t)
	missing := f.Missing(map[string]string{"version du PRODUIT": "2.1", "N° de série": ""})
	if len(missing) != 1 || missing[0].Name != "N° de série" {
		t.Errorf("missing: %+v", missing)
	}
	if v, ok := f.Fit("VERSION DU PRODUIT", "abc"); ok {
		t.Errorf("abc fits as %q", v)
	}
	if v, ok := f.Fit("couleur", "bleu"); !ok || v != "bleu" {
		t.Errorf("a field of no form: %q, %v", v, ok)
	}
	var none *rules.Form
	if none.Missing(nil) != nil || len(none.Read("a : b", "").Values) != 0 || none.Names() != nil {
		t.Error("no form has fields")
	}
}

func TestNamesOfFieldsMustBeToldApart(t *testing.T) {
	for _, names := range [][2]string{{"Version", "VERSION !"}, {"Série", "serie"}, {"***", "Ville"}} {
		if _, err := rules.NewForm([]config.Field{{Name: names[0]}, {Name: names[1]}}); err == nil {
			t.Errorf("%q and %q are two fields", names[0], names[1])
		}
	}
}

func FuzzForm(f *testing.F) {
	form := productForm(f)
	for _, s := range []string{"Version du produit : 2.1\n", "> N° de série :\n7\n", "*Ville:*\u00a0Lyon", "Version du produit\t(Menu Aide, À propos", "a:b\n:\n=\n", ">>> > Ville ：\n"} {
		f.Add(s, s)
	}
	f.Fuzz(func(t *testing.T, fresh, quoted string) {
		a := form.Read(fresh, quoted)
		for _, values := range []map[string]string{a.Values, a.Quoted, a.Wrong} {
			for name, value := range values {
				if _, ok := form.Field(name); !ok || value == "" || len(value) > rules.MaxFieldValue || !utf8.ValidString(value) || strings.ContainsAny(value, "\r\n\x00") {
					t.Fatalf("%q = %q", name, value)
				}
			}
		}
		for name, value := range a.Values {
			if again, ok := form.Fit(name, value); !ok || again != value {
				t.Fatalf("%q = %q fits only as %q", name, value, again)
			}
		}
	})
}
