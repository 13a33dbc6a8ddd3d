package server_test

import (
	"regexp"
	"strings"
	"testing"
	"time"
)

// Two agents answer the same mail: the second answer is held, and the customer
// hears one thing.
func TestASecondAnswerToTheSameMailIsHeld(t *testing.T) {
	d := newDesk(t, func(c string) string {
		return strings.Replace(c, `language = "fr"`, "language = \"fr\"\nassign = \"none\"", 1)
	})
	if err := d.send("jean@client.example", []string{"relationclient@example.com"},
		letter("Jean <jean@client.example>", "relationclient@example.com", "q1@client.example", "Question", "Bonjour\n")); err != nil {
		t.Fatal(err)
	}
	copies := map[string]received{}
	for n := 1; n <= 2; n++ {
		m := d.arrives(d.agents, n)
		copies[m.To[0]] = m
	}
	d.arrives(d.customers, 1) // the acknowledgement
	for _, who := range []string{"anne.durand@corp.example", "bruno.petit@corp.example"} {
		to, answer := replyTo(copies[who], who, "Voici ma réponse.\n")
		if err := d.send(who, []string{to}, answer); err != nil {
			t.Fatal(err)
		}
		d.arrives(d.customers, 2)
	}
	d.quiet(d.customers, 2)
	var told bool
	for n := range d.agents.Mails() {
		m := d.arrives(d.agents, n+1)
		told = told || strings.Contains(m.To[0], "bruno") && strings.Contains(m.text(), "Anne Durand") && strings.Contains(m.text(), "#envoyer")
	}
	if !told {
		t.Error("Bruno does not hear that Anne has answered")
	}
}

// pair is a desk whose two agents both get what nobody looks after.
func pair(t *testing.T) (d *desk, jean, anne, bruno *person) {
	d = newDesk(t, func(c string) string {
		return strings.Replace(c, `language = "fr"`, "language = \"fr\"\nassign = \"none\"", 1)
	})
	return d, d.jean(), d.anne(), d.bruno()
}

// The notice shows what the colleague wrote; who has read that and says #send is not asked again, until
// a colleague writes once more.
func TestACrossingAnswerIsShown(t *testing.T) {
	t.Parallel()
	d, jean, anne, bruno := pair(t)
	jean.writes(generic, "Une question", "Bonjour\n")
	jean.reads()
	annes, brunos := anne.reads(), bruno.reads()
	anne.answers(annes, "Il sera REMPLACÉ lundi.\n")
	d.says(jean.reads(), "REMPLACÉ")
	bruno.reads() // anne took it
	d.later(time.Minute)

	bruno.answers(brunos, "Il sera RÉPARÉ mardi.\n")
	notice := bruno.reads()
	d.says(notice, "Anne Durand a répondu au client entre-temps", "Ce que Anne Durand a écrit", "REMPLACÉ lundi", "RÉPARÉ mardi")
	jean.hearsNothing()

	// Anne writes again before Bruno has decided: he is asked once more.
	d.later(time.Minute)
	anne.answers(annes, "En fait, il sera REMBOURSÉ.\n")
	second := anne.reads()
	d.says(second, "Bruno Petit a écrit aussi une réponse, qui attend son accord")
	anne.answers(second, "#envoyer\n")
	d.says(jean.reads(), "REMBOURSÉ")
	d.later(time.Minute)
	bruno.answers(notice, "#envoyer\n")
	notice = bruno.reads()
	d.says(notice, "Anne Durand", "REMBOURSÉ")
	jean.hearsNothing()
	d.later(time.Minute)
	bruno.answers(notice, "#envoyer\n")
	d.says(jean.reads(), "RÉPARÉ")

	// He has seen all that now.
	d.later(time.Minute)
	bruno.answers(brunos, "Bonne journée à vous.\n")
	d.says(jean.reads(), "Bonne journée")
	if len(d.held()) > 0 {
		t.Errorf("held: %+v", d.held())
	}
}

// A mail that names no message answers the customer's latest; and one's own
// answer crosses with nothing.
func TestACrossingWithoutInReplyTo(t *testing.T) {
	t.Parallel()
	d, jean, anne, bruno := pair(t)
	jean.writes(generic, "Une question", "Bonjour\n")
	ack := jean.reads()
	annes, brunos := anne.reads(), bruno.reads()
	anne.answers(annes, "Premier.\n")
	jean.reads()
	bruno.reads()
	anne.answers(annes, "J’oubliais : second.\n")
	d.says(jean.reads(), "second")

	to, mail := replyTo(brunos, bruno.String(), "Troisième.\n")
	mail = regexp.MustCompile(`(?m)^In-Reply-To:.*\n`).ReplaceAllString(mail, "")
	mail = regexp.MustCompile(`(?m)^References:.*\n(?: .*\n)*`).ReplaceAllString(mail, "References: <"+brunos.Header.MessageIDs("References")[0]+">\n")
	if err := bruno.posts([]string{to}, bruno.dated(mail)); err != nil {
		t.Fatal(err)
	}
	d.says(bruno.reads(), "Anne Durand a répondu au client entre-temps")
	jean.hearsNothing()

	// The customer has written since: that is a new turn.
	jean.answers(ack, "Merci, et pour le reste ?\n")
	anne.reads()
	if err := bruno.posts([]string{to}, strings.Replace(bruno.dated(mail), "Message-ID: <", "Message-ID: <again.", 1)); err != nil {
		t.Fatal(err)
	}
	d.says(jean.reads(), "Troisième")
}

// A colleague who has finished the ticket is told of, with a colleague's name; who reopens it knows.
func TestAnAnswerToAFinishedTicket(t *testing.T) {
	t.Parallel()
	d, jean, anne, bruno := pair(t)
	jean.writes(generic, "Une question", "Bonjour\n")
	jean.reads()
	annes, brunos := anne.reads(), bruno.reads()
	d.later(time.Minute)
	anne.answers(annes, "#résolu vu au téléphone\n")
	anne.reads()
	d.later(time.Minute)
	bruno.answers(brunos, "Une réponse.\n")
	d.says(bruno.reads(), "Anne Durand a terminé la demande entre-temps")
	jean.hearsNothing()
	d.later(time.Minute)
	bruno.answers(brunos, "#rouvrir\n\nUne autre réponse.\n")
	d.says(jean.reads(), "Une autre réponse")
}
