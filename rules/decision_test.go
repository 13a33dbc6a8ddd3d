package rules_test

import (
	"strings"
	"testing"

	"postdesk/rules"
)

func TestDecide(t *testing.T) {
	for want, answers := range map[rules.Decision][]string{
		rules.Approved: {
			"oui", "Oui.", "OUI !", "\n\n  Oui\n", "yes", "Yes!", "ok", "OK", "O.K.\n"[:0] + "okay", "d'accord", "D’accord.", "Accepté", "acceptée", "Accordé, merci.",
			"Approuvé", "validé", "Approved", "Approved, thanks.", "Oui, allez-y.", "Oui merci", "Oui, vous pouvez rembourser le client.", "Yes, please go ahead.", "Yes please",
			"OK pour moi", "Ok pour moi, merci", "C’est bon pour moi", "Bonjour Anne,\n\nOui.\n\nCordialement,\nMme Patron", "Bonjour, oui.", "Hello Anne, yes, go ahead", "Hi,\nok",
			"Je suis d’accord", "J’accepte", "J'approuve cette demande", "I approve this request", "I approve.", "Go", "Allez-y", "Bien sûr", "Oui, bien sûr", "Oui, pas de problème", "oui sans problème",
			"Yes, no problem", "Oui, avec plaisir !", "**Oui**", "« oui »", "👍", "👍🏽", "✅", "Oui\n\nJe vous laisse voir avec Paul pour la suite, mais rien ne presse.", "Oui tout à fait", "Avis favorable",
			"Oui\nMerci de prévenir le client.", "\u200bOui\u00a0", "Oui oui",
		},
		rules.Refused: {
			"non", "Non.", "NON !", "no", "No.", "No, sorry.", "Refusé", "Je refuse.", "Refusée, merci", "Rejected", "Rejected.", "Declined", "Not approved", "Pas d’accord", "Je ne suis pas d'accord",
			"Non merci", "No thanks", "Non, trop cher.", "Bonjour,\nNon, désolé.", "I refuse", "Hors de question", "Certainement pas", "👎", "Denied.", "Je n’approuve pas", "Non non"[:3],
		},
		rules.Unclear: {
			"", "\n", "oui mais", "Oui, mais pas plus de cent euros", "Oui mais non", "Oui si le client paie", "Oui, sauf la livraison", "no problem", "No problem!", "Pas de problème", "no idea", "no doubt", "No objection",
			"oui ou non ?", "yes/no", "Oui ?", "ok ?", "OK, je regarde", "ok je regarde demain", "Ok, I'll look at it", "ok noted", "peut-être", "maybe", "Non, c’est bon", "non c'est bon pour moi", "No, go ahead", "Yes, no",
			"Oui, non", "Ok pour 200 euros", "Oui, 200 euros maximum", "Merci", "Bonjour,", "Bonjour Anne", "Je vous réponds demain", "Non, pas encore", "Not yet", "No, not yet", "Oui\nMais seulement si le client paie.",
			"Yes\nIf he pays.", "Oui.\nÀ condition que le client paie.", "Oui\nSous réserve de stock", "Sure, why", "Yes, as long as he pays", "Oui, dès que possible ou presque, enfin je crois que cela ira bien pour tout le monde ici",
			"Oui, jusqu’à la moitié", "yesterday", "nonobstant", "okapi", "Notre avis est favorable sous réserve", "Non mais oui", "Oui, avec une remise", "c'est noté", "Well, yes", "I'm out of the office", "#yes", "Oui et non",
		},
	} {
		for _, a := range answers {
			if got := rules.Decide(a); got != want {
				t.Errorf("%q decides %q, want %q", a, got, want)
			}
		}
	}
}

func FuzzDecide(f *testing.F) {
	for _, s := range []string{"oui", "Bonjour,\nnon", "ok pour moi", "👍", "yes, but", "\u0301oui", "« Oui »,", "no - no"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got := rules.Decide(s)
		if got != rules.Approved && got != rules.Refused && got != rules.Unclear {
			t.Fatalf("%q decides %q", s, got)
		}
		// What begins a line that only quotes, asks, or hedges never decides.
		first, _, _ := strings.Cut(s, "\n")
		if strings.TrimSpace(first) != "" && rules.Decide("je ne sais pas, "+strings.TrimSpace(first)) != rules.Unclear {
			t.Fatalf("a doubt before %q decides", s)
		}
		if got != rules.Unclear && rules.Decide(strings.TrimSpace(first)+" ?") != rules.Unclear && !strings.Contains(first, "\r") {
			t.Fatalf("the question %q decides", first+" ?")
		}
	})
}
