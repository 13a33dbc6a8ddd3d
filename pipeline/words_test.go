package pipeline

import (
	"strings"
	"testing"
)

func TestEverySentenceIsThereInBothLanguages(t *testing.T) {
	for _, table := range []map[string]map[string]string{sentences, pageSentences, planSentences} {
		for lang, other := range map[string]string{"fr": "en", "en": "fr"} {
			for name, s := range table[lang] {
				if strings.Count(s, "%") != strings.Count(table[other][name], "%") || table[other][name] == "" {
					t.Errorf("%s: %q, and in %s %q", name, s, other, table[other][name])
				}
			}
		}
	}
	if words("xx", "decided") != sentences["en"]["decided"] {
		t.Error("an unknown language is not answered in English")
	}
}

func TestSubjectsThatDifferOnlyInPrefixesAreTheSame(t *testing.T) {
	for _, s := range []string{"Question  de\tfond", "Re: question de fond", "RE: Fwd: Question de fond", "re:re:TR: question de fond"} {
		if got := normalSubject(s); got != "question de fond" {
			t.Errorf("%q becomes %q", s, got)
		}
	}
	for _, s := range []string{"urgent: panne", "a b: c"} {
		if got := normalSubject(s); got != s {
			t.Errorf("%q becomes %q", s, got)
		}
	}
}

func TestATagIsAddedOnce(t *testing.T) {
	for _, c := range []struct{ subject, tag, want string }{
		{"Panne", "[#{number}]", "Panne [#7]"},
		{"Panne [#7]", "[#{number}]", "Panne [#7]"},
		{"Panne", "", "Panne"},
		{"", "[#{number}]", "[#7]"},
	} {
		if got := tagged(c.subject, c.tag, 7); got != c.want {
			t.Errorf("%q with %q: %q, want %q", c.subject, c.tag, got, c.want)
		}
	}
}

func TestWhatAPeerSaysOfItselfIsNoHeader(t *testing.T) {
	for _, s := range []string{"a\r\nX-Evil: 1", "mx (localhost)", "é;\x00", strings.Repeat("x", 5000), ""} {
		got := headerWord(s)
		if got == "" || len(got) > 250 || strings.ContainsAny(got, "\r\n\x00 ();") {
			t.Errorf("%q becomes %q", s, got)
		}
	}
}

func TestShortNamesEndAtACharacter(t *testing.T) {
	if got := shortName(strings.Repeat("é", 80)); len(got) > maxName || strings.ContainsRune(got, '\uFFFD') {
		t.Errorf("%q", got)
	}
}
