package server_test

import (
	"strings"
	"testing"

	"postdesk/internal/ticket"
)

// stepsOf are the commands that the links of a mail type, in its text.
func stepsOf(m received) string {
	var list []string
	for _, part := range strings.Split(m.text(), "?body=")[1:] {
		command, _, _ := strings.Cut(part, ">")
		list = append(list, command)
	}
	return strings.Join(list, " ")
}

// The block, the notices and the transcript of a French team type French commands.
func TestTheNextStepIsInTheTeamsWords(t *testing.T) {
	t.Parallel()
	d := newDesk(t, nil)
	jean, anne := d.jean(), d.anne()
	_, copy := d.ask(jean, anne, "Devis", "Bonjour\n")
	if got, want := stepsOf(copy), "%23note %23r%C3%A9solu %23historique %23aide"; got != want {
		t.Errorf("the block's links are %s, want %s", got, want)
	}
	for typed, want := range map[string]string{
		"#prioriter haute":   "- #priorité haute",
		"#assigner zorro":    "- #assigner bruno",
		"#assign zorro":      "- #assign bruno",
		"#transfert nulle@x": "- #transfert export@example.com",
		"#temps une heure":   "- #temps 15m",
		"#liste n'importe":   "- #liste miennes",
		"Bonjour\n#clore":    "- #clore",
	} {
		anne.answers(copy, typed+"\n")
		notice := anne.reads()
		d.says(notice, want)
		word, _, _ := strings.Cut(strings.TrimPrefix(want, "- #"), " ")
		if got := stepsOf(notice); !strings.HasPrefix(got, "%23"+strings.ReplaceAll(word, "é", "%C3%A9")) {
			t.Errorf("%s is corrected by %s", typed, got)
		}
	}
	anne.answers(copy, "#rouvrir\n")
	d.without(anne.reads(), "Vouliez-vous dire")
}

// #send that answers no notice does not fall into a hole.
func TestToSendWhatIsNotHeldIsAnswered(t *testing.T) {
	t.Parallel()
	d := newDesk(t, nil)
	jean, anne := d.jean(), d.anne()
	_, copy := d.ask(jean, anne, "Devis", "Bonjour\n")
	for _, typed := range []string{"#envoyer", "#cancel"} {
		anne.answers(copy, typed+"\n")
		d.says(anne.reads(), typed+" – sans effet", "l’avis qui l’annonce")
	}
	jean.hearsNothing()
}

// A mistyped command without a text is no answer that another one could cross.
func TestAMistypedCommandCrossesWithNothing(t *testing.T) {
	t.Parallel()
	d := newDesk(t, nil)
	jean, anne, bruno := d.jean(), d.anne(), d.bruno()
	_, copy := d.ask(jean, anne, "Devis", "Bonjour\n")
	anne.answers(copy, "#assigner bruno\n")
	anne.reads()
	theirs := bruno.reads()
	anne.answers(copy, "#prioriter haute\n")
	anne.reads()
	bruno.answers(theirs, "Voici le devis.\n")
	d.says(jean.reads(), "Voici le devis.")
}

// A mail of nothing but a mistyped command offers to correct it, not to send it; one that is typed anew
// takes its place, and nothing waits.
func TestACommandTypedAnewTakesTheWrongOnesPlace(t *testing.T) {
	t.Parallel()
	d := newDesk(t, nil)
	jean, anne := d.jean(), d.anne()
	_, copy := d.ask(jean, anne, "Devis", "Bonjour\n")
	anne.answers(copy, "#prioriter haute\n")
	notice := anne.reads()
	d.says(notice, "par la bonne commande")
	d.without(notice, "#envoyer", "%23envoyer")
	anne.answers(copy, "#priorité haute\n")
	done := anne.reads()
	d.says(done, "la priorité est maintenant haute")
	d.without(done, "Je m’en occupe")
	if held := d.held(); len(held) != 0 {
		t.Errorf("%d mails still wait", len(held))
	}
	anne.answers(copy, "#prioriter haute\nBonjour Jean\n")
	d.says(anne.reads(), "#envoyer")
	anne.answers(copy, "#priorité basse\n")
	anne.reads()
	if held := d.held(); len(held) != 1 {
		t.Errorf("%d mails wait: a text went with a command", len(held))
	}
}

// Who writes without taking part is one link away from doing so, where the address is proven.
func TestAVisitorIsOfferedToTheAgent(t *testing.T) {
	t.Parallel()
	d := newDesk(t, nil)
	jean, anne := d.jean(), d.anne()
	_, copy := d.ask(jean, anne, "Devis", "Bonjour\n")
	anne.answers(copy, "Bonjour Jean\n")
	answer := jean.reads()
	d.person("Marie", "marie@other.example").answers(answer, "Je suis sa sœur.\n")
	d.says(anne.reads(), "marie@other.example ne participe pas", "Ajouter marie@other.example en copie", "?body=%23cc%20%2Bmarie@other.example")
}

// unruled has an observer whom no rule makes observe.
func unruled(config string) string {
	return strings.Replace(observed(config), `observe = ["olga"]`, `tags = ["seen"]`, 1)
}

// An observer who answers the notice that made them one has written a note, as the notice says.
func TestAnObserverAnswersTheNotice(t *testing.T) {
	t.Parallel()
	d := newDesk(t, unruled)
	jean, anne, olga := d.jean(), d.anne(), d.person("Olga Visite", "olga.visite@corp.example")
	_, copy := d.ask(jean, anne, "Devis", "Bonjour\n")
	anne.answers(copy, "#observateur olga\n")
	anne.reads()
	notice := olga.reads()
	d.says(notice, "resteront des notes internes.")
	olga.answers(notice, "À mon avis, oui.\n")
	d.says(anne.reads(), "À mon avis, oui.")
	jean.hearsNothing()
	if n := len(d.happened(10000, ticket.Noted)); n != 1 {
		t.Errorf("%d notes", n)
	}

	// What an observer may not do is no answer that Anne's could cross.
	olga.answers(notice, "#public\nBonjour Jean\n")
	refused := olga.reads()
	d.says(refused, "#public – les observateurs lisent et commentent")
	d.without(refused, "Vouliez-vous dire", "Corriger")
	anne.answers(copy, "Voici le devis.\n")
	d.says(jean.reads(), "Voici le devis.")
}

// A correction never types the address of an example: nobody of that name is meant.
func TestACorrectionNamesNobodyOfAnExample(t *testing.T) {
	t.Parallel()
	d := newDesk(t, nil)
	jean, anne := d.jean(), d.anne()
	_, copy := d.ask(jean, anne, "Devis", "Bonjour\n")
	for _, typed := range []string{"#observateur zorro", "#cc pas-une-adresse"} {
		anne.answers(copy, typed+"\n")
		if got := stepsOf(anne.reads()); strings.Contains(got, ".example") || !strings.HasPrefix(got, "%23") {
			t.Errorf("%s is corrected by %s", typed, got)
		}
	}
}
