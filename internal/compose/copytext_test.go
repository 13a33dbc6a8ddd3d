package compose

import (
	"strings"
	"testing"
)

// However many line ends a text has, one empty line stands between it and the block.
func TestBlockStandsBelowTheTextWhateverEndsIt(t *testing.T) {
	c := testComposer(t)
	for text, want := range map[string]string{
		"":                   "\n\n[== postdesk 10000 ",
		"\n\n":               "\n\n[== postdesk 10000 ",
		"Bonjour":            "Bonjour\n\n[== postdesk 10000 ",
		"Bonjour\n":          "Bonjour\n\n[== postdesk 10000 ",
		"Bonjour\n\n\n":      "Bonjour\n\n[== postdesk 10000 ",
		"Réponse :\n oui \n": "Réponse :\n oui \n\n[== postdesk 10000 ",
	} {
		in := testCopyIn(t, "en")
		in.Mail = parse(t, "From: jean@client.example\nContent-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 8bit\n\n"+text)
		out, err := c.Copy(in)
		if err != nil {
			t.Fatal(err)
		}
		if got := parse(t, bytesOf(t, out.Source)).TextPart().Text(maxBody); !strings.HasPrefix(got, want) {
			t.Errorf("%q: begins with %.60q, want %q", text, got, want)
		}
	}
}
