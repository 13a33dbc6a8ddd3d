package server_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"postdesk/internal/ticket"
)

// htmlOf is the HTML of a mail.
func (d *desk) htmlOf(m received) string {
	d.Helper()
	p := m.HTMLPart()
	if p == nil {
		d.Fatalf("no HTML in\n%s", m.Raw)
	}
	return p.Text(1 << 20)
}

// exports is a customer's request to the other team, which bruno alone is of.
func (d *desk) exports(subject string) {
	d.Helper()
	sophie := d.person("Sophie Autre", "sophie@other.example")
	sophie.writes("export@example.com", subject, "SECRET-EXPORT\n")
	sophie.reads()
}

func TestListsByMail(t *testing.T) {
	t.Parallel()
	d := newDesk(t, nil)
	jean, anne, bruno := d.jean(), d.anne(), d.bruno()
	desk := d.deskOf(anne, "anne")
	_, copy := d.ask(jean, anne, "Première & <b>grasse</b>", "Bonjour\n")
	jean.writes(generic, "Seconde", "Bonjour encore\n")
	jean.reads()
	bruno.answers(bruno.reads(), "C'est parti.\n")
	jean.reads()
	d.exports("Troisième")
	bruno.drop()

	anne.writes(desk, "", "#liste\n-- \nAnne Durand\nRelation Client\n")
	list := anne.reads()
	d.says(list, "À nous de répondre", "Chez le client", "10000", "10001", "Anne Durand", "Bruno Petit", "Première & <b>grasse</b>", "Jean Client")
	d.without(list, "10002", "Troisième", "SECRET")
	if text := list.text(); strings.Index(text, "10000") > strings.Index(text, "10001") {
		t.Errorf("what waits for us is not first:\n%s", text)
	}
	page := d.htmlOf(list)
	for _, want := range []string{"<table", "<th", "Première &amp; &lt;b&gt;grasse", `href="mailto:`, "Répondre au client"} {
		if !strings.Contains(page, want) {
			t.Errorf("no %s in\n%s", want, page)
		}
	}
	if list.subject() != "Demandes en cours (2)" || list.token() != desk || list.Header.Get("Auto-Submitted") != "auto-replied" || list.From != "" {
		t.Errorf("the list's head:\n%s", list.Raw[:600])
	}

	for command, want := range map[string]string{
		"#list mine":                    "Vos demandes en cours (1)",
		"#liste MIENNES":                "Vos demandes en cours (1)",
		"#liste non attribuées":         "Demandes que personne ne suit (0)",
		"#list late":                    "Demandes en retard (0)",
		"#liste en retard":              "Demandes en retard (0)",
		"#liste équipe relation client": "Relation Client (2)",
		"#list team " + generic:         "Relation Client (2)",
	} {
		anne.writes(desk, "", command+"\n")
		if got := anne.reads().subject(); got != want {
			t.Errorf("%s: %q, want %q", command, got, want)
		}
	}
	// A team that is not hers, and one that does not exist, are the same.
	for _, name := range []string{"export", "export@example.com", "nulle part"} {
		anne.writes(desk, "", "#list team "+name+"\n")
		refused := anne.reads()
		d.says(refused, "#list team "+name, "l’un de vos pôles", "#list mine")
		d.without(refused, "10002")
	}

	// Its links work: the conversation, then the ticket is hers.
	anne.clicks(list, "#montrer", "")
	d.says(anne.reads(), "Première", "Bonjour")
	jean.hearsNothing()
	_ = copy
}

func TestWhatIsLate(t *testing.T) {
	t.Parallel()
	d := newDesk(t, func(c string) string {
		return strings.Replace(c, `language = "fr"`, "language = \"fr\"\nfirst_reply = \"4h\"\nhours = { days = \"mon-sun\", from = \"00:00\", to = \"24:00\", zone = \"UTC\" }", 1)
	})
	jean, anne := d.jean(), d.anne()
	desk := d.deskOf(anne, "anne")
	d.ask(jean, anne, "Première", "Bonjour\n")
	d.later(5 * time.Hour)
	anne.writes(desk, "", "#list late\n")
	for m := anne.reads(); ; m = anne.reads() { // a warning may come before
		if strings.HasPrefix(m.subject(), "Demandes en retard") {
			d.says(m, "10000", "en retard", "5\u00a0h")
			return
		}
	}
}

func TestALongListIsBounded(t *testing.T) {
	t.Parallel()
	d := newDesk(t, nil)
	jean, bruno := d.jean(), d.bruno()
	desk := d.deskOf(bruno, "bruno")
	for i := range 60 {
		jean.writes("export@example.com", fmt.Sprintf("Question %d", i), "Hello\n")
	}
	bruno.drop()
	bruno.writes(desk, "", "#list team export\n")
	list := bruno.reads()
	d.says(list, "Question 0", "Question 49", "10 de plus")
	d.without(list, "Question 50")
	if list.subject() != "Export (60)" {
		t.Errorf("subject %q", list.subject())
	}
}

func TestAConversationByMail(t *testing.T) {
	t.Parallel()
	d := newDesk(t, nil)
	jean, anne, bruno := d.jean(), d.anne(), d.bruno()
	desk := d.deskOf(anne, "anne")
	_, copy := d.ask(jean, anne, "Une question", "Le texte de Jean.\n")
	anne.answers(copy, "#note\nUne note SECRÈTE.\n")
	anne.reads() // nobody else follows the ticket
	anne.answers(copy, "La réponse d'Anne.\n")
	jean.reads()
	d.exports("Ailleurs")
	bruno.drop()

	for _, ask := range []func(){
		func() { anne.answers(copy, "#show\n") },
		func() { anne.writes(desk, "", "#montrer 10000\n") },
		func() { anne.writes(desk, "", "#show #10000\n") },
	} {
		ask()
		page := anne.reads()
		d.says(page, "Demande n°10000", "Une question", "Le texte de Jean.", "Jean Client <jean@client.example>", "SECRÈTE", "note interne", "La réponse d'Anne.", "Anne Durand – réponse au client")
		d.without(page, "#note\n", "anne.durand@corp.example – ")
		if strings.Count(page.text(), "Le texte de Jean.") != 1 {
			t.Errorf("quotes are shown:\n%s", page.text())
		}
	}
	// What is not hers to see is as if it were not there.
	for _, n := range []string{"10001", "99999"} {
		for _, command := range []string{"#show ", "#history "} {
			anne.writes(desk, "", command+n+"\n")
			refused := anne.reads()
			d.says(refused, command+n, "il n’y a pas de demande n°"+n)
			d.without(refused, "Ailleurs", "Sophie")
		}
	}
	anne.writes(desk, "", "#show\n")
	d.says(anne.reads(), "quelle demande")
	// Who answers the page writes to nobody.
	anne.answers(copy, "#show\n")
	anne.answers(anne.reads(), "Merci pour la page.\n")
	anne.reads()
	jean.hearsNothing()
}

func TestAHistoryByMail(t *testing.T) {
	t.Parallel()
	d := newDesk(t, nil)
	jean, anne, bruno := d.jean(), d.anne(), d.bruno()
	_, copy := d.ask(jean, anne, "Une question", "Bonjour\n")
	anne.answers(copy, "#assign bruno\n#priorité haute\nVoici.\n")
	jean.reads()
	bruno.reads()
	anne.drop()
	anne.answers(copy, "#historique\n")
	d.says(anne.reads(), "Historique de la demande n°10000", "jean@client.example a ouvert la demande", "Anne Durand a répondu au client", "Anne Durand a confié la demande à Bruno Petit.",
		"Anne Durand a fixé la priorité", "haute", "à tour de rôle")
}

func TestHelpForOneCommand(t *testing.T) {
	t.Parallel()
	d := newDesk(t, nil)
	anne := d.anne()
	desk := d.deskOf(anne, "anne")
	anne.writes(desk, "", "#aide modèle\n")
	d.says(anne.reads(), "#modèle NOM", "Les variables")
	anne.writes(desk, "", "#help\n")
	help := anne.reads()
	d.says(help, desk)
	if page := d.htmlOf(help); strings.Count(page, "<table") < 8 {
		t.Errorf("the help has no tables:\n%s", page)
	}
	for _, n := range ticket.Names() {
		if n == ticket.CmdObserve && !strings.Contains(help.text(), "#observateur") {
			t.Errorf("no %s", n)
		}
	}
	anne.writes(desk, "", "#help nots\n")
	d.says(anne.reads(), "#help nots", "n’existe pas", "#note")
}

// Questions among other commands: all is done, and answered.
func TestAQuestionAmongCommands(t *testing.T) {
	t.Parallel()
	d := newDesk(t, nil)
	jean, anne := d.jean(), d.anne()
	_, copy := d.ask(jean, anne, "Une question", "Bonjour\n")
	anne.answers(copy, "#clore\n#historique\n#liste\n")
	both := anne.reads().text() + anne.reads().text()
	for _, want := range []string{"#clore", "Anne Durand a changé l’état", "Aucune demande"} {
		if !strings.Contains(both, want) {
			t.Errorf("no %q in\n%s", want, both)
		}
	}
	d.expect(10000, ticket.Closed, "anne")
	// One that can't be answered undoes the rest.
	anne.answers(copy, "#rouvrir\n#show 99999\n")
	d.says(anne.reads(), "99999")
	d.expect(10000, ticket.Closed, "anne")
	jean.hearsNothing()
}

// A question above a text: the customer gets the text, the agent the answer.
func TestAQuestionAboveAText(t *testing.T) {
	t.Parallel()
	d := newDesk(t, nil)
	jean, anne := d.jean(), d.anne()
	_, copy := d.ask(jean, anne, "Une question", "Bonjour\n")
	anne.answers(copy, "#historique\n#liste miennes\n\nBonjour Jean, voici.\n")
	reply := jean.reads()
	d.says(reply, "Bonjour Jean, voici.")
	d.without(reply, "#historique", "#liste", "Historique")
	both := anne.reads().text() + anne.reads().text()
	for _, want := range []string{"Anne Durand a répondu au client", "Chez le client"} {
		if !strings.Contains(both, want) {
			t.Errorf("no %q in\n%s", want, both)
		}
	}
	jean.hearsNothing()
}

// An account observer reads all of it, and changes nothing.
func TestAnObserverAsks(t *testing.T) {
	t.Parallel()
	d := newDesk(t, observed)
	jean, anne, olga := d.jean(), d.anne(), d.person("Olga Visite", "olga.visite@corp.example")
	d.ask(jean, anne, "Une question", "Bonjour\n")
	olgas := olga.reads()
	olga.answers(olgas, "#show\n")
	page := olga.reads()
	d.says(page, "Bonjour")
	d.without(page, "assigner%20moi", "clore")
	olga.answers(olgas, "#away\n")
	d.says(olga.reads(), "observateurs")
}

func TestACustomerAsksForTheirRequests(t *testing.T) {
	t.Parallel()
	d := newDesk(t, nil)
	jean, anne, bruno := d.jean(), d.anne(), d.bruno()
	_, copy := d.ask(jean, anne, "Ma facture", "Bonjour\n")
	anne.answers(copy, "#note\nSECRET\n")
	anne.answers(copy, "#motif SECRET-MOTIF\n#tag +secret\nAvez-vous le numéro ?\n")
	jean.reads()
	anne.drop()
	jean.writes("export@example.com", "Ma livraison", "Bonjour\n")
	jean.reads()
	bruno.reads()
	d.person("Sophie", "sophie@client.example").writes(generic, "Affaire privée", "Bonjour\n")
	anne.drop()
	bruno.drop()
	before := d.tickets()

	jean.writes(generic, "Mes  Demandes", "\n")
	list := jean.reads()
	d.says(list, "10000", "Ma facture", "nous attendons votre réponse", "10001", "Ma livraison", "reçue")
	d.without(list, "SECRET", "secret", "Anne", "Bruno", "Affaire", "10002", "corp.example", "mailto:")
	if list.subject() != "Vos demandes" || list.From != "" || list.Header.Get("Auto-Submitted") != "auto-replied" || list.Header.Mailboxes("From")[0].Address.String() != generic {
		t.Errorf("the list:\n%s", list.Raw)
	}
	if !strings.Contains(d.htmlOf(list), "<table") {
		t.Error("no table")
	}
	jean.writes("export@example.com", "my requests", "\n")
	d.says(jean.reads(), "Ma facture") // it is his language, as of his contact or the team
	anne.hearsNothing()
	bruno.hearsNothing()
	if n := d.tickets(); n != before {
		t.Errorf("%d tickets were spent", n-before)
	}
	// Somebody who never asked for anything.
	paul := d.person("Paul", "paul@client.example")
	paul.writes(generic, "mes demandes", "\n")
	d.says(paul.reads(), "aucune demande")
}

// What proves nothing, answers something, or is written by a program, is a
// request like any other.
func TestWhoGetsNoListOfRequests(t *testing.T) {
	t.Parallel()
	d := newDesk(t, nil)
	jean, anne := d.jean(), d.anne()
	d.ask(jean, anne, "Ma facture", "Bonjour\n")
	jean.from("x@nobody.example").writes(generic, "mes demandes", "Pas lui\n")
	jean.writes(generic, "Re: mes demandes", "Une vraie question\n")
	jean.reads() // acknowledged
	jean.writes(generic, "mes demandes", "Un programme\n", "Auto-Submitted: auto-generated")
	d.drained()
	for _, m := range jean.mailbox() {
		if strings.Contains(string(m.Raw), "Vos demandes") {
			t.Errorf("a list went out:\n%s", m.Raw)
		}
	}
	if n := d.tickets(); n != 4 {
		t.Errorf("%d tickets, want 4", n)
	}
}

// The caps of acknowledgements hold for lists too.
func TestListsOfRequestsAreCapped(t *testing.T) {
	t.Parallel()
	d := newDesk(t, func(c string) string {
		return strings.Replace(c, "[limits]", "[acknowledge]\nper_address = \"3/h\"\n\n[limits]", 1)
	})
	jean, anne := d.jean(), d.anne()
	for range 6 {
		jean.writes(generic, "mes demandes", "\n")
	}
	d.drained()
	if n := len(jean.mailbox()); n != 3 {
		t.Errorf("%d answers, want 3", n)
	}
	anne.hearsNothing()
	if n := d.tickets(); n != 3 || d.ticket(10000).Status != ticket.Closed {
		t.Errorf("%d tickets are kept, want 3 closed ones", n)
	}
}
