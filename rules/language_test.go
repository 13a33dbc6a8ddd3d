package rules_test

import (
	"testing"

	"postdesk/rules"
)

func TestTheLanguageIsGuessedOnlyWhenItIsClear(t *testing.T) {
	const english = "Hello,\nI bought the lamp that you have in your shop and it is broken. Could you please send me the address to which I have to return it?\nThank you and regards\n"
	const french = "Bonjour,\nJ’ai acheté la lampe que vous avez dans votre magasin et elle est cassée. Pouvez-vous me dire à qui je dois la renvoyer ? Merci pour votre aide.\nCordialement\n"
	for _, c := range []struct{ name, header, text, want string }{
		{"a letter in English", "", english, "en"},
		{"a letter in French", "", french, "fr"},
		{"the header is wrong", "en-US", french, "fr"},
		{"short", "", "Hello, my lamp is broken. Thanks", ""},
		{"short, and the header agrees", "en-GB", "Hello, my lamp is broken. Thanks", "en"},
		{"short, and the header does not", "fr", "Hello, my lamp is broken. Thanks", ""},
		{"the header alone", "en", "PH 12 ?", ""},
		{"both", "", english + french, ""},
		{"another", "de", "Guten Tag, meine Lampe ist kaputt und ich möchte sie zurückgeben.", ""},
		{"nothing", "", "", ""},
	} {
		if got := rules.Language(c.header, c.text); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}
