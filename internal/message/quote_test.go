package message

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// minAgreement is how many bodies of the corpus must be cut as its authors cut
// them. Most of the others quote above the answer, where we leave all as it is.
const minAgreement = 50

func TestSplitQuoteAgreesWithCorpus(t *testing.T) {
	dir := filepath.Join(corpora(t), "reply-trimmer")
	files, err := filepath.Glob(filepath.Join(dir, "emails", "*.txt"))
	if err != nil || len(files) == 0 {
		t.Fatal("no files", err)
	}
	agree := 0
	for _, f := range files {
		raw, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		want, _ := os.ReadFile(filepath.Join(dir, "trimmed", filepath.Base(f)))
		text := cleanText(string(raw))
		fresh, quoted := SplitQuote(text)
		if fresh+quoted != text {
			t.Fatalf("%s: bytes were lost", f)
		}
		fresh, _ = SplitSignature(fresh)
		if squash(fresh) == squash(string(want)) {
			agree++
			continue
		}
		t.Logf("%s:\n%q\nwant\n%q", filepath.Base(f), limit(fresh, 300), limit(string(want), 300))
	}
	t.Logf("agreement: %d of %d", agree, len(files))
	if agree < minAgreement {
		t.Errorf("agreement: %d of %d", agree, len(files))
	}
}

// squash compares without white space at the ends of lines and text.
func squash(s string) string {
	var lines []string
	for _, l := range strings.Split(strings.ReplaceAll(s, "\r", ""), "\n") {
		if l = strings.TrimSpace(l); l != "" {
			lines = append(lines, l)
		}
	}
	return strings.Join(lines, "\n")
}

func TestSplitQuote(t *testing.T) {
	for _, c := range []struct{ name, fresh, quoted string }{
		{"french gmail", "Bonjour,\nmerci.\n\n", "Le lun. 3 févr. 2025 à 10:00, Relation Client <\nrelationclient@example.com> a écrit :\n\n> Votre demande\n"},
		{"narrow space before the colon", "Oui\n", "Le 3 févr. 2025 à 10:00, X a écrit\u202f:\n> x\n"},
		{"outlook french", "Merci.\n\n", "De : Relation Client <relationclient@example.com>\nEnvoyé : lundi 3 février 2025 10:00\nÀ : Jean Client <jean@client.example>\nObjet : RE: Commande\n\nBonjour\n"},
		{"outlook with ruler", "Merci.\n\n", "________________________________\nDe : Relation Client\nEnvoyé : lundi 3 février 2025 10:00\nÀ : Jean\nObjet : x\n\nBonjour\n"},
		{"message d'origine", "Oui\n\n", "-----Message d'origine-----\nDe : X\n"},
		{"message d’origine, typographic", "Oui\n\n", "-------- Message d’origine --------\nDe : X\n"},
		{"zimbra", "Oui\n", "----- Mail original -----\nDe: \"X\" <x@y.test>\n"},
		{"trailing run", "Oui\n\n", "> a\n> b\n"},
		{"phone", "Oui\n\nEnvoyé de mon iPhone\n\n", "> Le 3 févr. 2025 à 10:00, X <x@y.test> a écrit :\n> \n> a\n"},
		{"signature below the quote", "Oui\n\n", "On Mon, 3 Feb 2025, X wrote:\n> a\n-- \nJean\n"},
		{"inline answers", "On Mon, 3 Feb 2025, X wrote:\n> a?\nyes\n> b?\nno\n", ""},
		{"answer below", "> question\n\nanswer\n", ""},
		{"a form is no header", "De : Paris\nÀ : Lyon\nDate : 12 mars 2025\nPassagers : 2\n", ""},
		{"what someone wrote", "Le 3 mars vous nous avez écrit :\nvotre colis est parti.\nIl n'est pas là.\n", ""},
		{"a sentence", "Mon mari a écrit :\nune réclamation.\n", ""},
		{"ruler in the text", "a\n\n----------\n\nb\n", ""},
		{"on this day", "On this day we wrote:\na letter\n", ""},
		{"spanish", "Gracias\n", "El lun, 3 feb 2025 a las 10:00, X (<x@y.test>) escribió:\n> a\n"},
		{"empty answer", "", "On Mon, 3 Feb 2025 at 10:00, X <x@y.test> wrote:\n> a\n"},
		{"nothing", "", ""},
	} {
		fresh, quoted := SplitQuote(c.fresh + c.quoted)
		if fresh != c.fresh || quoted != c.quoted {
			t.Errorf("%s: %q, %q", c.name, fresh, quoted)
		}
	}
}

func TestSplitSignature(t *testing.T) {
	for _, c := range []struct{ text, signature string }{
		{"a\n", "-- \nJean\n"},
		{"a\n\n", "Envoyé de mon iPhone\n"},
		{"a\n\n", "Sent from my iPhone"},
		{"a\n", "Envoyé depuis l’application Orange Mail\n"},
		{"a\n", "Obtenir Outlook pour Android<https://aka.ms/x>\n"},
		{"Cordialement\nJean Client\n", ""},
		{"J'ai envoyé de mon côté un colis\n", ""},
		{"a\n--\n" + strings.Repeat("long\n", 40), ""},
		{"", ""},
	} {
		text, signature := SplitSignature(c.text + c.signature)
		if text != c.text || signature != c.signature {
			t.Errorf("got %q, %q; want %q, %q", text, signature, c.text, c.signature)
		}
	}
}
