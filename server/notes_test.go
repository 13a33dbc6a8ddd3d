package server_test

import (
	"net/url"
	"regexp"
	"strings"
	"testing"

	"postdesk/internal/message"
	"postdesk/internal/ticket"
)

// link is what a mail client makes of a mailto link in a mail, RFC 6068: it
// answers nothing.
func (d *desk) link(m received, command string) (to, subject, body string) {
	d.Helper()
	for _, found := range regexp.MustCompile(`mailto:[^\s>"]+`).FindAllString(m.text(), -1) {
		u, err := url.Parse(found)
		if err != nil {
			d.Fatal(err)
		}
		q, err := url.ParseQuery(strings.ReplaceAll(u.RawQuery, "+", "%2B"))
		if err != nil {
			d.Fatal(err)
		}
		if body := strings.TrimSpace(q.Get("body")); body == command {
			address, err := url.PathUnescape(u.Opaque)
			if err != nil {
				d.Fatal(err)
			}
			return address, q.Get("subject"), q.Get("body")
		}
	}
	d.Fatalf("no link for %q in\n%s", command, m.text())
	return "", "", ""
}

// clicks sends what a link prepares, with more text if there is any.
func (p *person) clicks(m received, command, more string) {
	p.d.Helper()
	to, subject, body := p.d.link(m, command)
	p.writes(to, subject, body+"\n"+more)
}

// desks is a desk of three agents of a team, an observer of the account, and a
// rule that makes the observer observe.
func observed(config string) string {
	config = strings.Replace(config, `agents = ["anne", "bruno"]`, `agents = ["anne", "bruno", "claire", "olga"]`, 1)
	return config + `
[[agent]]
id = "claire"
name = "Claire Martin"
address = "claire.martin@corp.example"

[[agent]]
id = "olga"
name = "Olga Visite"
address = "olga.visite@corp.example"
role = "observer"

[[rule]]
name = "watch"
when = { team = "relationclient@example.com" }
then = { observe = ["olga"] }
`
}

// A note reaches the assignee, who wrote in the ticket, and the observers. The
// customer never hears a word of it.
func TestANoteStaysInside(t *testing.T) {
	t.Parallel()
	d := newDesk(t, observed)
	jean, anne, bruno := d.jean(), d.anne(), d.bruno()
	claire, olga := d.person("Claire Martin", "claire.martin@corp.example"), d.person("Olga Visite", "olga.visite@corp.example")
	_, copy := d.ask(jean, anne, "Une question", "Bonjour\n")
	olgas := olga.reads()

	anne.answers(copy, "#note\nSECRET-UN : il ment.\n")
	note := olga.reads()
	d.says(note, "SECRET-UN")
	if from := note.Header.Mailboxes("From")[0]; !strings.Contains(from.Name, "NOTE") || !strings.Contains(from.Name, "Anne Durand") {
		t.Errorf("From of the note: %q", from.Name)
	}
	if note.subject() != copy.subject() {
		t.Errorf("subjects %q and %q: the client breaks the thread", note.subject(), copy.subject())
	}
	bruno.hearsNothing() // neither assigned nor a writer
	claire.hearsNothing()

	// An answer to a note is a note.
	olga.answers(note, "SECRET-DEUX : je confirme.\n")
	second := anne.reads()
	d.says(second, "SECRET-DEUX")
	anne.answers(second, "SECRET-TROIS : merci.\n")
	d.says(olga.reads(), "SECRET-TROIS")
	d.says(anne.reads(), "resté une note interne") // she hears that it stayed one

	// What an observer writes is a note, whatever it answers.
	olga.answers(olgas, "SECRET-QUATRE : Monsieur, non.\n")
	d.says(anne.reads(), "SECRET-QUATRE")

	// Bruno takes it over, writes a note: Anne hears it as well.
	anne.answers(copy, "#assign bruno\n#note\nSECRET-CINQ : à toi.\n")
	brunos, fifth := bruno.reads(), bruno.reads() // in either order
	if strings.Contains(brunos.text(), "SECRET-CINQ") {
		brunos, fifth = fifth, brunos
	}
	d.says(brunos, "Bonjour")
	d.says(fifth, "SECRET-CINQ")
	olga.reads()
	bruno.answers(brunos, "#note\nSECRET-SIX.\n")
	d.says(anne.reads(), "SECRET-SIX")
	jean.hearsNothing()
	claire.hearsNothing()

	// The next answer bears nothing of all that, though the agent's mail quotes it.
	bruno.answers(brunos, "Bonjour Jean, voici.\n")
	reply := jean.reads()
	d.without(reply, "SECRET", "olga", "claire")
	jean.hearsNothing()
	if kinds := d.messages(10000); kinds != "in note note note note note note out" {
		t.Errorf("messages: %s", kinds)
	}
}

// An observer reads and comments, and changes nothing.
func TestAnObserverChangesNothing(t *testing.T) {
	t.Parallel()
	d := newDesk(t, observed)
	jean, anne, olga := d.jean(), d.anne(), d.person("Olga Visite", "olga.visite@corp.example")
	_, copy := d.ask(jean, anne, "Une question", "Bonjour\n")
	olgas := olga.reads()
	for _, command := range []string{"#close", "#assign me", "#solved Voilà", "#assign bruno"} {
		olga.answers(olgas, command+"\n")
		d.says(olga.reads(), "observateurs")
	}
	d.expect(10000, ticket.New, "anne")
	anne.answers(copy, "#assign olga\n")
	d.says(anne.reads(), "olga")
	d.expect(10000, ticket.New, "anne")
	jean.hearsNothing()
}

// Assigning, in answers of commands alone: a transcript, nothing to the
// customer, and the new assignee gets the mail.
func TestAssigning(t *testing.T) {
	t.Parallel()
	d := newDesk(t, nil)
	jean, anne, bruno := d.jean(), d.anne(), d.bruno()
	_, copy := d.ask(jean, anne, "Une question", "Le texte de Jean.\n")

	anne.answers(copy, "#assign bruno\n")
	d.says(anne.reads(), "#assign bruno")
	brunos := bruno.reads()
	d.says(brunos, "Le texte de Jean.")
	d.expect(10000, ticket.New, "bruno")

	bruno.answers(brunos, "#ASSIGNER  Personne\n")
	bruno.reads()
	d.expect(10000, ticket.New, "")
	bruno.answers(brunos, "#Assign: me\n")
	bruno.reads()
	d.expect(10000, ticket.New, "bruno")

	bruno.answers(brunos, "#assign zoé\nVoici pour vous.\n")
	held := bruno.reads()
	d.says(held, "#assign zoé", "Voici pour vous.")
	d.expect(10000, ticket.New, "bruno")
	jean.hearsNothing()
	anne.hearsNothing()
}

// With a text, the text goes and the commands are carried out.
func TestCommandsAboveAText(t *testing.T) {
	t.Parallel()
	d := newDesk(t, nil)
	jean, anne, bruno := d.jean(), d.anne(), d.bruno()
	_, copy := d.ask(jean, anne, "Une question", "Bonjour\n")
	anne.answers(copy, "#assign bruno\n#résolu\n\nBonjour Jean,\nc'est réparé.\n")
	reply := jean.reads()
	d.says(reply, "c'est réparé.")
	d.without(reply, "#assign", "#r", "bruno")
	bruno.reads()
	d.expect(10000, ticket.Solved, "bruno")

	// His thanks open it again.
	jean.answers(reply, "Non, toujours pas.\n")
	brunos := bruno.reads()
	d.expect(10000, ticket.Open, "bruno")
	bruno.answers(brunos, "#solved pièce changée\n")
	bruno.reads()
	d.expect(10000, ticket.Solved, "bruno")
	if r := d.ticket(10000).Resolution; r != "pièce changée" {
		t.Errorf("resolution: %q", r)
	}
	bruno.answers(brunos, "#clore\n")
	bruno.reads()
	d.expect(10000, ticket.Closed, "bruno")
	jean.hearsNothing()
}

// A command that nobody understands sends nothing; the notice names the
// closest.
func TestAnUnknownCommandHolds(t *testing.T) {
	t.Parallel()
	d := newDesk(t, nil)
	jean, anne := d.jean(), d.anne()
	_, copy := d.ask(jean, anne, "Une question", "Bonjour\n")
	anne.answers(copy, "#sovled\nC'est fini.\n")
	notice := anne.reads()
	d.says(notice, "#sovled", "#solved", "C'est fini.")
	jean.hearsNothing()
	d.expect(10000, ticket.New, "anne")

	// #send says that the line is part of the text.
	anne.answers(notice, "#send\n")
	d.says(jean.reads(), "#sovled", "C'est fini.")

	// "#1 est cassé" and "# titre" are text.
	anne.answers(copy, "# Titre\n#1 est cassé.\n")
	d.says(jean.reads(), "# Titre", "#1 est cassé.")

	// A note that was held for another line is still a note when it is released.
	anne.answers(copy, "#note\n#frobnicate\nCe client est un menteur.\n")
	anne.answers(anne.reads(), "#envoyer\n")
	d.says(anne.reads(), "Votre note est gardée")
	jean.hearsNothing()

	// Who writes anew means the new mail: what was held is dropped.
	anne.answers(copy, "#sovled\nUn premier jet.\n")
	held := anne.reads()
	anne.answers(copy, "La bonne réponse.\n")
	d.says(jean.reads(), "La bonne réponse.")
	anne.answers(held, "#send\n")
	anne.reads() // it was dropped
	jean.hearsNothing()

	// Held for a line, then for what the guard finds: each is asked once.
	anne.answers(copy, "#sovled\nVoir la pièce ci-jointe.\n")
	anne.answers(anne.reads(), "#envoyer\n")
	guard := anne.reads()
	jean.hearsNothing()
	anne.answers(guard, "#envoyer\n")
	d.says(jean.reads(), "#sovled", "ci-jointe")

	// A command below the text would leave with it.
	anne.answers(copy, "Bonjour,\nmerci.\n\n#solved\n")
	d.says(anne.reads(), "#solved", "n’est pas en tête")
	jean.hearsNothing()
}

// Help comes for a mail to the desk address and in a ticket.
func TestHelp(t *testing.T) {
	t.Parallel()
	d := newDesk(t, nil)
	jean, anne := d.jean(), d.anne()
	if _, err := d.srv.Pipeline.Welcome(t.Context(), "anne"); err != nil {
		t.Fatal(err)
	}
	welcome := anne.reads()
	desk := welcome.token()
	anne.writes(desk, "", "#aide\n")
	help := anne.reads()
	d.says(help, "#assign", desk)
	if help.token() != desk {
		t.Errorf("the help comes from %s, want the desk address", help.token())
	}
	_, copy := d.ask(jean, anne, "Une question", "Bonjour\n")
	anne.answers(copy, "#help\n")
	d.says(anne.reads(), "#assign", desk)
	jean.hearsNothing()

	// A command about a ticket, sent to the desk address.
	anne.writes(desk, "", "#close\n")
	d.says(anne.reads(), "#close", "concerne une demande")
	// The desk address in other hands is inert.
	d.person("Mallory", "mallory@other.example").writes(desk, "Bonjour", "#help\n")
	anne.drop()
	if d.ticket(uint64(9999+d.tickets())).Requester().Address.String() != "mallory@other.example" {
		t.Error("it is not mallory's request")
	}
}

// A link of the block makes a mail that answers nothing. Commands alone are
// carried out; a text for the customer is asked about.
func TestALinkOfTheBlock(t *testing.T) {
	t.Parallel()
	d := newDesk(t, nil)
	jean, anne := d.jean(), d.anne()
	_, copy := d.ask(jean, anne, "Une question", "Bonjour\n")

	anne.clicks(copy, "#résolu", "")
	anne.reads()
	d.expect(10000, ticket.Solved, "anne")
	anne.clicks(copy, "#note", "SECRET.\n")
	d.says(anne.reads(), "Votre note est gardée")
	jean.hearsNothing()
	if kinds := d.messages(10000); kinds != "in internal note" {
		t.Errorf("messages: %s", kinds)
	}

	// Months later the client offers the address again, for somebody else.
	anne.writes(copy.token(), "Autre chose", "Chère Sophie, pour une autre affaire.\n")
	which := anne.reads()
	d.says(which, "Sophie", "Une question")
	jean.hearsNothing()
	anne.clicks(which, "#envoyer", "")
	d.says(jean.reads(), "Sophie")

	// To a closed ticket it is asked even in a reply.
	anne.clicks(copy, "#aide", "")
	anne.reads()
	anne.answers(copy, "#close\n")
	anne.reads()
	anne.answers(copy, "Un mot de plus.\n")
	which = anne.reads()
	jean.hearsNothing()
	anne.clicks(which, "#annuler", "")
	anne.reads()
	jean.hearsNothing()
	d.expect(10000, ticket.Closed, "anne")
}

// A ticket of nobody goes to all; who answers first takes it, and the others
// hear who did.
func TestTheFirstWhoAnswersTakesIt(t *testing.T) {
	t.Parallel()
	d := newDesk(t, func(config string) string {
		return strings.Replace(observed(config), `language = "fr"`, "language = \"fr\"\nassign = \"none\"", 1)
	})
	jean, anne, bruno := d.jean(), d.anne(), d.bruno()
	claire := d.person("Claire Martin", "claire.martin@corp.example")
	_, copy := d.ask(jean, anne, "Une question", "Bonjour\n")
	brunos := bruno.reads()
	d.says(claire.reads(), "le premier qui répond")
	d.expect(10000, ticket.New, "")

	bruno.answers(brunos, "Je m'en occupe.\n")
	jean.reads()
	d.says(anne.reads(), "Bruno Petit")
	d.says(claire.reads(), "Bruno Petit")
	d.expect(10000, ticket.Pending, "bruno")
	jean.answers(d.mailTo(jean, 1), "Merci.\n")
	bruno.reads()
	anne.hearsNothing()
	claire.hearsNothing()

	// The next question of this customer is his from the start.
	jean.writes(generic, "Encore une", "Bonjour encore\n")
	bruno.reads()
	anne.hearsNothing()
	_ = copy
}

// Commands of a mail that is not believed are text, and a customer's always
// are.
func TestCommandsOfOthersAreText(t *testing.T) {
	t.Parallel()
	d := newDesk(t, nil)
	jean, anne := d.jean(), d.anne()
	_, copy := d.ask(jean, anne, "Une question", "#close\n#assign bruno\n")
	d.says(copy, "#close", "#assign bruno")
	d.expect(10000, ticket.New, "anne")
	anne.from("x@nobody.example").answers(copy, "#close\n")
	anne.reads()
	d.expect(10000, ticket.New, "anne")
}

// What follows #note on its own line is the note; the command itself is read by nobody, in text and HTML.
func TestANoteOnItsCommandsLine(t *testing.T) {
	t.Parallel()
	for _, by := range mailers {
		t.Run(by.name, func(t *testing.T) {
			t.Parallel()
			d := newDesk(t, observed)
			jean, anne, olga := d.jean(), d.anne(), d.person("Olga Visite", "olga.visite@corp.example")
			_, copy := d.ask(jean, anne, "Une question", "Bonjour\n")
			olga.reads()
			for _, c := range []struct {
				first, not string
				more       []string
			}{
				{"#Note: le client est pressé", "#", []string{"", "Il RAPPELLE demain."}},
				{"#Note le client est pressé", "#", nil},
				{"#note : le client est pressé", "#", []string{"Et il RAPPELLE demain."}},
				{"#note le client est pressé", "#", []string{"#tag +pressé", "", "Il RAPPELLE demain."}},
			} {
				anne.sendsBy(by, copy, append([]string{c.first}, c.more...)...)
				note := olga.reads()
				text, _, _ := strings.Cut(note.text(), "\n-- ")
				for _, form := range []string{text, htmlText(note)} {
					form, _, _ = strings.Cut(form, "postdesk 10000")
					if form == "" {
						continue
					}
					head, _, _ := strings.Cut(form, "wrote:")
					if !strings.Contains(head, "le client est pressé") || len(c.more) > 0 && !strings.Contains(head, "RAPPELLE") {
						t.Errorf("%s: words are lost:\n%s", c.first, form)
					}
					if i := strings.Index(head, "le client"); i >= 0 && strings.ContainsAny(head[:i], "#:Nn") || strings.Contains(head, "#tag") {
						t.Errorf("%s: a command is read:\n%s", c.first, form)
					}
				}
			}
			jean.hearsNothing()
			if h := d.held(); len(h) > 0 {
				t.Errorf("held: %+v", h)
			}
		})
	}
}

// htmlText is what a reader sees of a mail's HTML, "" when it has none.
func htmlText(m received) string {
	if html := m.HTMLPart(); html != nil {
		return message.HTMLToText(html.Text(1<<20), 1<<20)
	}
	return ""
}

// A note that reaches nobody else says so, in one line; any other is confirmed by no mail.
func TestANoteThatReachesNobodySaysSo(t *testing.T) {
	t.Parallel()
	d := newDesk(t, nil)
	jean, anne, bruno := d.jean(), d.anne(), d.bruno()
	_, copy := d.ask(jean, anne, "Une question", "Bonjour\n")
	anne.answers(copy, "#note\nIl rappelle demain.\n")
	notice := anne.reads()
	d.says(notice, "Votre note est gardée dans la demande n°10000", "envoyée à personne")
	d.without(notice, "répondiez à une note", "#public")
	if notice.From != "" || strings.Count(strings.TrimSpace(notice.text()), "\n") != 0 {
		t.Errorf("more than a notice of one line, from <%s>:\n%s", notice.From, notice.text())
	}
	if kinds := d.messages(10000); kinds != "in note" {
		t.Errorf("messages: %s", kinds)
	}

	anne.answers(copy, "#observateur bruno\n#note\nIl a rappelé.\n")
	d.says(bruno.finds("a rappelé"), "Il a rappelé") // beside the mail that says that he observes
	d.drained()
	anne.hearsNothing()
	bruno.drop()
	anne.answers(copy, "#observateur -bruno\n#note Fini.\n")
	d.says(anne.reads(), "envoyée à personne")
	bruno.hearsNothing()
	jean.hearsNothing()
}
