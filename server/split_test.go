package server_test

import (
	"strings"
	"testing"

	"postdesk/internal/ticket"
)

// strayed is a ticket of jean's that anne has answered, and to which jean writes
// about something else.
func (d *desk) strayed(jean, anne *person) (reply, copy received) {
	d.Helper()
	_, first := d.ask(jean, anne, "Panne du four", "Le four ne chauffe plus.\n")
	anne.answers(first, "Éteignez-le et rallumez-le.\n")
	reply = jean.reads()
	jean.answers(reply, "Au fait, ma facture est fausse.\n")
	return reply, anne.reads()
}

// A mail about something else becomes a ticket of its own: the old one is as it
// was before it came, and answers to either go where they belong.
func TestSplit(t *testing.T) {
	t.Parallel()
	d := newDesk(t, nil)
	jean, anne := d.jean(), d.anne()
	reply, copy := d.strayed(jean, anne)
	d.expect(10000, ticket.Open, "anne")
	anne.answers(copy, "#split Facture fausse\n")
	said := anne.finds("C’est fait", "#split", "10001", "Facture fausse")
	fresh := anne.finds("ma facture est fausse")
	d.expect(10000, ticket.Pending, "anne")
	d.expect(10001, ticket.New, "anne")
	if fresh.subject() != "Facture fausse [#10001]" || said.subject() != "Facture fausse [#10001]" {
		t.Errorf("subjects: %q, %q", fresh.subject(), said.subject())
	}
	if d.messages(10000) != "in out" || d.messages(10001) != "in internal" {
		t.Errorf("messages: %s and %s", d.messages(10000), d.messages(10001))
	}
	if e := d.happened(10000, ticket.SplitOff); len(e) != 1 || e[0].Data["number"] != "10001" || d.ticket(10001).SplitFrom != 10000 {
		t.Errorf("history: %+v", e)
	}
	jean.hearsNothing()
	anne.drop()

	anne.answers(fresh, "Nous refaisons la facture.\n")
	answer := jean.reads()
	if answer.subject() != "Facture fausse" {
		t.Errorf("subject of the answer: %q", answer.subject())
	}
	d.isIn("Nous refaisons la facture", 10001)
	anne.answers(copy, "Le montant juste est de dix euros.\n") // the old copy
	d.says(jean.reads(), "Le montant juste")
	d.isIn("Le montant juste", 10001)
	jean.answers(answer, "Merci pour la facture.\n")
	d.isIn("Merci pour la facture", 10001)
	jean.answers(reply, "Le four remarche.\n")
	d.isIn("Le four remarche", 10000)
	if d.tickets() != 2 {
		t.Errorf("%d tickets", d.tickets())
	}
}

// The customer goes on below the mail that was split off: its own Message-ID leads
// to the new ticket, whatever older ids of ours stand beside it.
func TestTheCustomerGoesOnAfterASplit(t *testing.T) {
	t.Parallel()
	d := newDesk(t, nil)
	jean, anne := d.jean(), d.anne()
	_, first := d.ask(jean, anne, "Panne du four", "Le four ne chauffe plus.\n")
	anne.answers(first, "Éteignez-le et rallumez-le.\n")
	reply := jean.reads()
	_, mail := replyTo(reply, jean.String(), "Au fait, ma facture est fausse.\n")
	if err := jean.posts([]string{generic}, jean.dated(mail)); err != nil {
		t.Fatal(err)
	}
	anne.answers(anne.reads(), "#split\n")
	anne.finds("Panne du four", "ma facture est fausse")
	refs := append(reply.Header.MessageIDs("References"), reply.id(), messageIDOf(mail))
	jean.writes(generic, "Re: Panne du four", "Et la date aussi.\n", "In-Reply-To: <"+messageIDOf(mail)+">", "References: <"+strings.Join(refs, "> <")+">")
	d.isIn("Et la date aussi", 10001)
}

// A text under #split is the answer to the customer, in the new ticket; other
// commands are about it too.
func TestSplitWithAnAnswer(t *testing.T) {
	t.Parallel()
	d := newDesk(t, nil)
	jean, anne := d.jean(), d.anne()
	_, copy := d.strayed(jean, anne)
	anne.answers(copy, "#scinder « Facture fausse »\n#priorité haute\nNous refaisons la facture.\n")
	answer := jean.reads()
	d.says(answer, "Nous refaisons la facture.")
	if answer.subject() != "Facture fausse" {
		t.Errorf("subject: %q", answer.subject())
	}
	d.expect(10001, ticket.Pending, "anne")
	d.expect(10000, ticket.Pending, "anne")
	if d.ticket(10001).Priority != ticket.High || d.ticket(10000).Priority != ticket.Low {
		t.Errorf("priorities: %s, %s", d.ticket(10001).Priority, d.ticket(10000).Priority)
	}
	if d.messages(10001) != "in out" {
		t.Errorf("messages: %s", d.messages(10001))
	}
}

// The guard holds the text under #split; the mail is split already when it goes.
func TestSplitWithAnAnswerThatIsHeld(t *testing.T) {
	t.Parallel()
	d := newDesk(t, nil)
	jean, anne := d.jean(), d.anne()
	_, copy := d.strayed(jean, anne)
	anne.answers(copy, "#split Facture\nVous trouverez ci-joint la facture.\n")
	held := anne.finds("gardé votre réponse")
	jean.hearsNothing()
	anne.drop()
	anne.answers(held, "#send\n")
	d.says(jean.reads(), "ci-joint la facture")
	d.isIn("ci-joint la facture", 10001)
	if d.tickets() != 2 {
		t.Errorf("%d tickets", d.tickets())
	}
}

// What can't be split off: the mail that opened the ticket, our own, nothing at
// all.
func TestSplitRefused(t *testing.T) {
	t.Parallel()
	d := newDesk(t, nil)
	jean, anne, bruno := d.jean(), d.anne(), d.bruno()
	_, copy := d.ask(jean, anne, "Panne", "Bonjour\n")
	anne.answers(copy, "#split\n")
	d.says(anne.reads(), "#split", "a ouvert la demande")
	anne.answers(copy, "#assign bruno\n#note\nune note pour Bruno\n")
	bruno.answers(bruno.finds("une note pour Bruno"), "une note pour Anne\n")
	anne.answers(anne.finds("une note pour Anne"), "#split\n")
	d.says(anne.finds("#split"), "copie du message du client")
	if d.tickets() != 1 || d.messages(10000) != "in note note" {
		t.Errorf("%d tickets, messages %s", d.tickets(), d.messages(10000))
	}
	jean.hearsNothing()
}

// A visitor's mail that is a request of its own is the visitor's ticket; a
// colleague's ticket is not taken in silence.
func TestSplitOfAVisitorsMail(t *testing.T) {
	t.Parallel()
	d := newDesk(t, nil)
	jean, anne, bruno, paul := d.jean(), d.anne(), d.bruno(), d.person("Paul", "paul@other.example")
	_, first := d.ask(jean, anne, "Panne", "Le secret de Jean.\n")
	anne.answers(first, "Voici.\n")
	reply := jean.reads()
	paul.answers(reply, "Et moi, puis-je en avoir un ?\n")
	seen := anne.reads()
	anne.answers(seen, "#assign bruno\n")
	anne.reads()
	bruno.reads()
	anne.answers(seen, "#split Demande de Paul\n")
	fresh := anne.finds("puis-je en avoir un", "via Relation Client")
	d.says(bruno.reads(), "Anne Durand a fait", "10001")
	d.expect(10000, ticket.Pending, "bruno")
	d.expect(10001, ticket.New, "anne")
	anne.answers(fresh, "Bien sûr, Paul.\n")
	d.without(paul.finds("Bien sûr, Paul."), "jean@", "Jean Client <")
	jean.hearsNothing()
}

// Merged by mistake: #split gives the mail a ticket again.
func TestSplitUndoesAMerge(t *testing.T) {
	t.Parallel()
	d := newDesk(t, nil)
	jean, anne := d.jean(), d.anne()
	_, ack2, copy1, copy2, _, _ := d.two(jean, anne)
	anne.answers(copy2, "#merge 10000\n")
	anne.reads()
	anne.answers(copy2, "#split\n")
	fresh := anne.finds("Toujours froid.")
	if fresh.subject() != "Encore le four [#10002]" {
		t.Errorf("subject: %q", fresh.subject())
	}
	anne.drop()
	jean.answers(ack2, "Alors ?\n")
	d.isIn("Alors ?", 10002)
	anne.answers(copy1, "Pour le four : un technicien passe.\n")
	jean.reads()
	d.isIn("un technicien passe", 10000)
}
