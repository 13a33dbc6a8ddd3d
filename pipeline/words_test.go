package pipeline

import (
	"maps"
	"slices"
	"strings"
	"testing"
)

func TestEverySentenceIsThereInBothLanguages(t *testing.T) {
	fr, en := slices.Sorted(maps.Keys(sentences["fr"])), slices.Sorted(maps.Keys(sentences["en"]))
	if !slices.Equal(fr, en) {
		t.Errorf("French has %v, English %v", fr, en)
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
