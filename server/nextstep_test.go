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
}
