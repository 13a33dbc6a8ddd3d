package server_test

import (
	"strings"
	"testing"

	"postdesk/internal/ticket"
)

const export = "export@example.com"

// A request that came to the wrong address: the right team has it at once with
// what was said, the customer hears once where to write, and the conversation
// goes on through the new address. Both old and new addresses lead to it.
func TestTheWrongAddress(t *testing.T) {
	t.Parallel()
	for _, typed := range []string{"#team export@example.com", "#transfert Export", "#TEAM <export@example.com>", "#team export"} {
		t.Run(typed, func(t *testing.T) {
			t.Parallel()
			d := newDesk(t, nil)
			jean, anne, bruno := d.jean(), d.anne(), d.bruno()
			ack, copy := d.ask(jean, anne, "Douane", "Combien pour le Japon ?\n")
			anne.answers(copy, "#note\nle client est connu\n")
			anne.drop()
			anne.answers(copy, typed+"\n")
			d.says(anne.reads(), typed, "chez Export", "suivie par Bruno Petit", "le client en est prévenu")
			seen := bruno.reads()
			d.says(seen, "Combien pour le Japon", "Anne Durand (note)", "le client est connu", "Team: Export")
			d.expect(10000, ticket.New, "bruno")
			told := jean.reads()
			d.says(told, "«\u00a0Export\u00a0»", "export@example.com", "2\u00a0jours ouvrés")
			from := told.Header.Mailboxes("From")[0]
			if from.Address.String() != export || told.From != "" || told.subject() != "Douane" || told.Header.Get("Auto-Submitted") == "" {
				t.Errorf("the letter: From %v, sender %q, %q, Auto-Submitted %q", from, told.From, told.subject(), told.Header.Get("Auto-Submitted"))
			}
			d.without(told, "corp.example", "Anne", "Bruno", "client est connu", "+t")

			bruno.answers(seen, "Douze euros.\n")
			reply := jean.reads()
			if from := reply.Header.Mailboxes("From")[0].Address.String(); from != export {
				t.Errorf("the answer comes from %s", from)
			}
			jean.answers(reply, "Merci.\n")
			d.says(bruno.reads(), "Merci.")
			jean.answers(ack, "Et pour la Chine ?\n") // the old address
			d.says(bruno.reads(), "Et pour la Chine")
			jean.answers(told, "D’accord.\n")
			d.says(bruno.reads(), "D’accord.")
			anne.answers(copy, "#note\nmon avis\n") // the old address of the agent
			d.says(bruno.reads(), "mon avis")
			if d.tickets() != 1 {
				t.Errorf("%d tickets", d.tickets())
			}
			anne.hearsNothing()
			jean.hearsNothing()
		})
	}
}

// Back and forth: each address is told once, and one that the customer wrote to
// never.
func TestEachAddressIsToldOnce(t *testing.T) {
	t.Parallel()
	d := newDesk(t, nil)
	jean, anne, bruno := d.jean(), d.anne(), d.bruno()
	_, copy := d.ask(jean, anne, "Douane", "Combien ?\n")
	anne.answers(copy, "#team export\n")
	jean.reads()
	anne.drop()
	bruno.answers(bruno.reads(), "#team relationclient@example.com\n")
	d.says(bruno.finds("#team"), "connaît déjà cette adresse")
	bruno.drop()
	anne.drop()
	bruno.answers(d.mailTo(bruno, 0), "#team export\n")
	d.says(bruno.finds("#team"), "connaît déjà cette adresse")
	jean.hearsNothing()
	if n := len(d.happened(10000, ticket.Redirected)); n != 1 {
		t.Errorf("told %d times", n)
	}
}

// #team! moves in silence; a team that nobody knows, or the same one, moves nothing.
func TestTeamInSilenceAndRefused(t *testing.T) {
	t.Parallel()
	d := newDesk(t, nil)
	jean, anne, bruno := d.jean(), d.anne(), d.bruno()
	_, copy := d.ask(jean, anne, "Douane", "Combien ?\n")
	for command, says := range map[string]string{
		"#team exprot@example.com":                     "#team export@example.com",
		"#team marketing":                              "aucun pôle",
		"#team relationclient@example.com":             "déjà chez Relation Client",
		"#team sav@example.com":                        "déjà chez Relation Client",
		"#team export@example.com\n#team! export":      "un seul #team",
		"#assign personne\n#team export@other.example": "aucun pôle",
	} {
		anne.answers(copy, command+"\nJe transmets.\n")
		d.says(anne.reads(), says)
		d.expect(10000, ticket.New, "anne")
	}
	jean.hearsNothing()
	bruno.hearsNothing()
	anne.answers(copy, "#transfert! export\n")
	d.says(anne.reads(), "n’en est pas prévenu")
	bruno.reads()
	jean.hearsNothing()
}

// A text with #team is the answer to the customer, who is told the address as
// well, but for a text that has it; and it is the desk's turn still.
func TestTeamWithAText(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, text, said string
		letters          int
	}{
		{"without the address", "Je transmets à mes collègues.\n", "le client en est prévenu", 1},
		{"with the address", "Je transmets à mes collègues d’Export@example.com.\n", "votre réponse donne la bonne adresse", 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			d := newDesk(t, nil)
			jean, anne, bruno := d.jean(), d.anne(), d.bruno()
			_, copy := d.ask(jean, anne, "Douane", "Combien ?\n")
			anne.answers(copy, "#team export\n"+c.text)
			d.says(jean.finds("Je transmets", "Anne Durand"), "Je transmets")
			d.says(anne.reads(), c.said)
			d.says(bruno.reads(), "Combien ?", "Je transmets")
			d.expect(10000, ticket.Open, "bruno")
			jean.hearsNothingBut(1 + c.letters)
		})
	}
}

// Nobody is written to who must not be: a forged sender, a robot, a list.
func TestTheWrongAddressOfARobot(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, envelope, header string }{
		{"not backed", "x@nobody.example", ""},
		{"automatic", "", "Auto-Submitted: auto-generated"},
		{"a list", "", "List-Id: <liste.client.example>"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			d := newDesk(t, nil)
			jean, anne, bruno := d.jean(), d.anne(), d.bruno()
			sender := jean
			if c.envelope != "" {
				sender = jean.from(c.envelope)
			}
			var headers []string
			if c.header != "" {
				headers = []string{c.header}
			}
			sender.writes(generic, "Douane", "Combien ?\n", headers...)
			copy := anne.reads()
			anne.answers(copy, "#team export\n")
			d.says(anne.reads(), "chez Export", "rien ne permet de lui écrire")
			bruno.reads()
			jean.hearsNothing()
		})
	}
}

// ruled moves what is about the customs to the export team.
func ruled(config string) string {
	return config + "\n[[rule]]\nname = \"douane\"\nwhen = { subject = 'douane' }\nthen = { team = \"export@example.com\" }\n"
}

// By rule: the right team has it at once, the acknowledgement comes from it, and
// a letter says where to write. The pure acknowledgement keeps its words.
func TestTheWrongAddressByRule(t *testing.T) {
	t.Parallel()
	d := newDesk(t, ruled)
	jean, anne, bruno := d.jean(), d.anne(), d.bruno()
	jean.writes(generic, "Douane", "Combien ?\n")
	bruno.reads()
	ack, told := jean.finds("Your request no. 10000\n"), jean.finds("write straight to", "export@example.com")
	if ack.subject() != "Your request no. 10000" || told.subject() != "Douane" || told.From != "" {
		t.Errorf("%q and %q", ack.subject(), told.subject())
	}
	jean.hearsNothingBut(2)
	jean.answers(told, "Bien.\n")
	d.says(bruno.reads(), "Bien.")
	jean.writes(export, "Douane encore", "Combien ?\n")
	bruno.reads()
	jean.hearsNothingBut(1)
	if len(d.happened(10000, ticket.Redirected)) != 1 || len(d.happened(10001, ticket.Redirected)) != 0 {
		t.Error("redirected otherwise")
	}
	anne.hearsNothing()
}

// A rule about a later mail moves the ticket: the new team gets that mail, who
// had it hears so, and the customer is told. Who may not be written to is not.
func TestARuleMovesATicket(t *testing.T) {
	t.Parallel()
	d := newDesk(t, func(config string) string {
		return config + "\n[[rule]]\nname = \"douane\"\nwhen = { new = false, body = 'douane' }\nthen = { team = \"export@example.com\" }\n"
	})
	jean, anne, bruno := d.jean(), d.anne(), d.bruno()
	ack, _ := d.ask(jean, anne, "Question", "Bonjour\n")
	jean.answers(ack, "C’est pour la douane.\n")
	d.says(bruno.reads(), "pour la douane")
	d.says(anne.reads(), "Bruno Petit (Export)", "rien à faire")
	d.says(jean.reads(), "export@example.com")
	d.expect(10000, ticket.New, "bruno")
	jean.answers(ack, "Toujours la douane.\n")
	bruno.reads()
	jean.hearsNothing()
	anne.hearsNothing()

	// A backed sender's Reply-To is anybody's word: what we write by ourselves
	// does not go there.
	jean.writes(generic, "Autre", "Rien.\n", "Reply-To: victim@other.example")
	again := jean.reads()
	jean.answers(again, "La douane.\n", "Reply-To: victim@other.example")
	d.says(jean.reads(), "export@example.com")
	d.person("", "victim@other.example").hearsNothing()
}

// An agent of both teams keeps the ticket; colleagues who had one of nobody's
// hear where it went.
func TestTeamKeepsWhoIsOfBoth(t *testing.T) {
	t.Parallel()
	d := newDesk(t, func(config string) string {
		config = strings.Replace(config, "agents = [\"bruno\"]\nlanguage = \"en\"", "agents = [\"bruno\", \"claire\"]\nlanguage = \"en\"\nassign = \"none\"", 1)
		config = strings.Replace(config, "language = \"fr\"", "language = \"fr\"\nassign = \"none\"", 1)
		return config + "\n[[agent]]\nid = \"claire\"\nname = \"Claire Martin\"\naddress = \"claire.martin@corp.example\"\n"
	})
	jean, anne, bruno, claire := d.jean(), d.anne(), d.bruno(), d.person("Claire Martin", "claire.martin@corp.example")
	jean.writes(generic, "Douane", "Combien ?\n")
	copy := bruno.reads()
	anne.reads()
	bruno.answers(copy, "#assign moi\n")
	bruno.reads()
	bruno.answers(copy, "#team export\n")
	d.says(bruno.reads(), "chez Export", "suivie par Bruno Petit")
	d.expect(10000, ticket.New, "bruno")
	claire.hearsNothing()
	bruno.answers(copy, "#assign personne\n#team relationclient@example.com\n")
	bruno.finds("#team")
	d.says(anne.reads(), "Combien ?")
	d.expect(10000, ticket.New, "")
	anne.answers(d.mailTo(anne, 1), "#team export\n")
	claire.finds("Combien ?", "Jean Client")
}

// Who gives a ticket to a team of another language hears so in the language of the own team, also when a
// member of both, and whatever else the mail does.
func TestTeamIsConfirmedInOnesOwnLanguage(t *testing.T) {
	t.Parallel()
	d := newDesk(t, nil)
	jean, bruno := d.jean(), d.bruno()
	jean.writes(export, "Customs", "How much is it?\n")
	jean.reads()
	copy := bruno.reads()
	bruno.answers(copy, "#priority high\n#team relationclient\n")
	d.says(bruno.finds("#team"), "C’est fait", "la priorité est maintenant haute", "chez Relation Client", "Statut\u00a0: nouvelle")
	bruno.drop()
	bruno.answers(copy, "#tag +japan\n#team export\n#priority low\n")
	heard := bruno.finds("#team")
	d.says(heard, "C’est fait", "étiquettes\u00a0: japan", "chez Export", "la priorité est maintenant basse", "Statut\u00a0: nouvelle")
	d.without(heard, "Done", "Status:", "priority is")
	bruno.drop()
	bruno.answers(copy, "#team relationclient\nI pass it on.\n")
	d.says(bruno.finds("chez Relation Client"), "C’est fait", "Votre texte est parti")
}
