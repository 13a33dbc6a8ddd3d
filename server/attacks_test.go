package server_test

import (
	"fmt"
	"strings"
	"testing"

	"postdesk/internal/ticket"
	"postdesk/store"
)

// Someone forges Anne; she is asked, and says no. Nothing goes out, whatever
// the words with which she says it.
func TestDenyingAForgedMailDoesNotSendIt(t *testing.T) {
	t.Parallel()
	d := newDesk(t, nil)
	jean, anne := d.jean(), d.anne()
	ack, _ := d.ask(jean, anne, "Une question", "Bonjour\n")
	mallory := d.person("Anne Durand", "anne.durand@corp.example").from("mallory@nobody.example")
	mallory.writes(generic, "Re: Une question", "Notre IBAN a changé.\n", "In-Reply-To: <"+ack.id()+">", "References: <"+ack.id()+">")
	notice := anne.reads()
	for _, no := range []string{"Non, ce n'est pas moi ! Surtout ne pas envoyer.\n", "I did not write this, do not send it.\n", "Je suis absente jusqu'à lundi.\n"} {
		anne.answers(notice, no)
		anne.reads() // how to send or drop it
	}
	jean.hearsNothing()
	anne.answers(notice, "#annuler\n")
	jean.hearsNothing()
	if n := len(d.held()); n != 0 {
		t.Errorf("%d mails still held", n)
	}
}

// A plain yes, or nothing at all, releases it.
func TestAYesReleasesTheHeldMail(t *testing.T) {
	t.Parallel()
	for _, yes := range []string{"", "Oui, c'était moi.\n", "ok\n", "Yes!\n", "#send\n"} {
		d := newDesk(t, nil)
		jean, anne := d.jean(), d.anne()
		_, copy := d.ask(jean, anne, "Une question", "Bonjour\n")
		anne.from("anne.durand@nobody.example").answers(copy, "Voici la réponse.\n")
		anne.answers(anne.reads(), yes)
		d.says(jean.reads(), "Voici la réponse.")
	}
}

// A vacation answer that does not say that it is one, to the envelope sender of
// Anne's copy: no customer reads it.
func TestAnUnmarkedVacationAnswerStaysInside(t *testing.T) {
	t.Parallel()
	d := newDesk(t, nil)
	jean, anne := d.jean(), d.anne()
	_, copy := d.ask(jean, anne, "Une question", "Bonjour\n")
	mail := anne.mail(copy.From, "Congés", "Je suis en vacances, mon numéro privé est le 06 00 00 00 00.\n", "In-Reply-To: <"+copy.id()+">")
	if err := anne.posts([]string{copy.From}, mail); err != nil {
		t.Fatal(err)
	}
	jean.hearsNothing()
	d.expect(10000, ticket.New, "bruno") // who is there
}

// Anne answers Bruno's note, and her client writes to the generic address: it is
// a note all the same. And a note's words in an answer hold the answer.
func TestANoteNeverReachesTheCustomer(t *testing.T) {
	t.Parallel()
	d := newDesk(t, nil)
	jean, anne, bruno := d.jean(), d.anne(), d.bruno()
	_, copy := d.ask(jean, anne, "Une question", "Bonjour\n")
	anne.answers(copy, "#assign bruno\n")
	anne.reads()
	theirs := bruno.reads()
	bruno.answers(theirs, "#note\nCe client est un très mauvais payeur, méfiance.\n")
	anne.hearsNothing() // she has not written in the ticket yet
	anne.answers(copy, "#note\nJe le connais, il paie toujours en retard.\n")
	note := bruno.reads()

	mail := bruno.mail(generic, "Re: Une question", "Bien noté, merci de me le dire.\n", "In-Reply-To: <"+note.id()+">", "References: <"+note.id()+">")
	if err := bruno.posts([]string{generic}, mail); err != nil {
		t.Fatal(err)
	}
	jean.hearsNothing()

	bruno.answers(theirs, "Bonjour,\non me dit : « Je le connais, il paie toujours en retard. »\n")
	jean.hearsNothing()
	if held := d.held(); len(held) != 1 || held[0].Why != "guard" {
		t.Errorf("held: %+v", held)
	}
}

// Who has seen a mail knows its Message-ID, and can write a report about it: it
// changes nothing and tells the agent nothing as ours.
func TestAForgedDeliveryReportChangesNothing(t *testing.T) {
	t.Parallel()
	d := newDesk(t, nil)
	jean, anne := d.jean(), d.anne()
	_, copy := d.ask(jean, anne, "Une question", "Bonjour\n")
	anne.answers(copy, "Voici la réponse.\n")
	reply := jean.reads()
	for _, from := range []string{"mallory@nobody.example", ""} {
		if err := d.send(from, []string{generic}, report(withID(reply, "forged-"+from), jean.address, "failed", "5.1.1", "550 please write to mallory@evil.example")); err != nil {
			t.Fatal(err)
		}
	}
	d.drained()
	d.expect(10000, ticket.Pending, "anne")
	for _, m := range anne.mailbox()[anne.read:] {
		if parse(t, m).From == "" {
			t.Errorf("a notice of ours:\n%s", m.Raw)
		}
	}
}

// A contact whose domain publishes nothing was answered once. A forger who
// writes as that contact chooses no victim for our acknowledgement.
func TestAnAcknowledgementGoesToTheContactItselfOnly(t *testing.T) {
	t.Parallel()
	d := newDesk(t, func(c string) string {
		return strings.Replace(c, `"other.example" =`, `"nobody.example" = "`+"127.0.0.1:1"+`"`+"\n\"other.example\" =", 1)
	})
	joe, anne := d.person("Joe", "joe@nobody.example"), d.anne()
	joe.writes(generic, "First", "Hello\n")
	anne.answers(anne.reads(), "Hello Joe.\n")
	joe.from("victim@nobody.example").writes(generic, "Second", "Hello again\n")
	joe.writes(generic, "Third", "Hello once more\n")
	var to []string
	for _, row := range d.outbox() {
		if row.Purpose == store.PurposeAck {
			to = append(to, row.To.String())
		}
	}
	if len(to) != 1 || to[0] != joe.address {
		t.Errorf("acknowledgements to %v, want one to %s", to, joe.address)
	}
}

// A mailbox that answers everything: the talk about one held mail ends.
func TestATalkWithAMailboxThatAnswersEverythingEnds(t *testing.T) {
	t.Parallel()
	d := newDesk(t, nil)
	jean, anne := d.jean(), d.anne()
	_, copy := d.ask(jean, anne, "Une question", "Bonjour\n")
	anne.answers(copy, "Voir la pièce ci-jointe.\n")
	notice := anne.reads()
	for i := range 10 {
		anne.answers(notice, fmt.Sprintf("Votre message %d a été reçu.\n", i))
		d.drained()
	}
	if n := len(anne.mailbox()) - anne.read; n > 3 {
		t.Errorf("%d lines came back", n)
	}
}

// A large mail to a whole team is kept once, not once for each agent.
func TestLargeCopiesAreLetGoOnceDelivered(t *testing.T) {
	t.Parallel()
	d := newDesk(t, func(c string) string {
		return strings.Replace(c, `language = "fr"`, "language = \"fr\"\nassign = \"none\"", 1)
	})
	jean, anne, bruno := d.jean(), d.anne(), d.bruno()
	jean.writes(generic, "Gros", strings.Repeat("Une ligne de soixante caractères, encore et encore, sans fin.\n", 8000))
	anne.reads()
	bruno.reads()
	d.drained()
	for _, row := range d.outbox() {
		d.view(func(tx store.ReadTx) error {
			_, err := tx.Mail(row.Mail)
			if gone := err != nil; gone != (row.Purpose == store.PurposeCopy) {
				t.Errorf("the mail of the %s to %s: %v", row.Purpose, row.To, err)
			}
			return nil
		})
	}
	d.view(func(tx store.ReadTx) error {
		m, err := store.GetMessage(tx, 10000, 1)
		if err != nil {
			return err
		}
		_, err = tx.Mail(store.MailID(m.Mail))
		return err
	})
}

// Someone who had the mail first sends it first. The author's own copy, which is
// backed, still gets its acknowledgement.
func TestAnEarlierForgeryDoesNotSwallowTheMail(t *testing.T) {
	t.Parallel()
	d := newDesk(t, nil)
	jean, anne := d.jean(), d.anne()
	mail := jean.mail(generic, "Une question", "Bonjour\n")
	if err := d.send("mallory@nobody.example", []string{generic}, mail); err != nil {
		t.Fatal(err)
	}
	anne.reads()
	jean.hearsNothing()
	for range 2 {
		if err := jean.posts([]string{generic}, mail); err != nil {
			t.Fatal(err)
		}
	}
	if got := jean.reads().subject(); got != "Votre demande n°10000" {
		t.Errorf("subject %q", got)
	}
	jean.hearsNothing()
	if d.tickets() != 1 {
		t.Errorf("%d tickets", d.tickets())
	}
}
