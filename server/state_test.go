package server_test

import (
	"testing"

	"postdesk/internal/ticket"
)

// The commands about a ticket's state do what they say, and say what they did;
// the customer hears nothing.
func TestStateCommands(t *testing.T) {
	t.Parallel()
	d := newDesk(t, nil)
	jean, anne := d.jean(), d.anne()
	ack, copy := d.ask(jean, anne, "Panne", "Bonjour\n")
	for _, c := range []struct {
		command, says string
		status        ticket.Status
	}{
		{"#pending", "attend le client", ticket.Pending}, {"#attente", "attend le client", ticket.Pending},
		{"#hold", "attend un tiers", ticket.Hold}, {"#solved", "résolue", ticket.Solved}, {"#reopen", "de nouveau ouverte", ticket.Open},
		{"#close", "close", ticket.Closed}, {"#rouvrir", "de nouveau ouverte", ticket.Open},
	} {
		anne.answers(copy, c.command+"\n")
		d.says(anne.reads(), c.command, c.says)
		d.expect(10000, c.status, "anne")
	}
	anne.answers(copy, "#reopen\n")
	d.says(anne.reads(), "ni résolue ni close")
	anne.answers(copy, "#hold\n")
	anne.reads()
	jean.answers(ack, "Alors ?\n") // the customer's word makes it our turn
	anne.reads()
	d.expect(10000, ticket.Open, "anne")
	jean.hearsNothing()
}

// A new subject is the ticket's in all that goes out, and no thread breaks.
func TestSubject(t *testing.T) {
	t.Parallel()
	d := newDesk(t, nil)
	jean, anne := d.jean(), d.anne()
	ack, copy := d.ask(jean, anne, "Bonjour", "Le four est froid.\n")
	anne.answers(copy, "#objet Panne du four\nRedémarrez-le.\n")
	first := jean.reads()
	anne.answers(copy, "Et dites-moi.\n")
	second := jean.reads()
	if first.subject() != "Bonjour" || second.subject() != "Panne du four" {
		t.Errorf("subjects: %q, %q", first.subject(), second.subject())
	}
	jean.answers(ack, "Il chauffe.\n")
	if got := anne.reads(); got.subject() != "Panne du four [#10000]" {
		t.Errorf("subject of the copy: %q", got.subject())
	}
	jean.answers(first, "Merci.\n")
	d.isIn("Merci.", 10000)
}

// A mail that names a ticket without proof opens another, and one link merges
// them.
func TestAMentionIsMergedByALink(t *testing.T) {
	t.Parallel()
	d := newDesk(t, nil)
	jean, anne := d.jean(), d.anne()
	_, copy := d.ask(jean, anne, "Panne", "Bonjour\n")
	anne.answers(copy, "Redémarrez-le.\n")
	jean.reads()
	jean.from("x@nobody.example").writes(generic, "Re: Panne [#10000]", "Toujours rien.\n")
	named := anne.finds("Toujours rien.", "mentionne la demande n°10000")
	anne.drop()
	anne.clicks(named, "#fusionner 10000", "")
	d.says(anne.finds("C’est fait"), "10001", "10000")
	if d.ticket(10001).MergedInto != 10000 {
		t.Error("not merged")
	}
	d.expect(10000, ticket.Open, "anne")
}

// A tag that was not there is not told as taken away.
func TestATagThatWasNotThereIsNoHistory(t *testing.T) {
	t.Parallel()
	d := newDesk(t, nil)
	jean, anne := d.jean(), d.anne()
	_, copy := d.ask(jean, anne, "Une question", "Bonjour\n")
	anne.answers(copy, "#tag +garantie -absente\n")
	d.says(anne.reads(), "étiquettes\u00a0: garantie")
	anne.answers(copy, "#tag -absente\n")
	d.says(anne.reads(), "étiquettes\u00a0: garantie")
	if n, m := len(d.happened(10000, ticket.Tagged)), len(d.happened(10000, ticket.Untagged)); n != 1 || m != 0 {
		t.Errorf("%d tags given, %d taken away", n, m)
	}
}
