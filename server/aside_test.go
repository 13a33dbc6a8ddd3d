package server_test

import (
	"strings"
	"testing"
	"time"

	"postdesk/internal/addr"
	"postdesk/internal/ticket"
	"postdesk/store"
)

// expert is somebody outside whose address SPF backs.
func (d *desk) expert() *person { return d.person("Dr Expert", "expert@other.example") }

// asked is the beginning of most of these conversations: jean asks, anne asks
// the expert, who gets her mail.
func (d *desk) asked(jean, anne, expert *person, text string) (copy, question received) {
	d.Helper()
	_, copy = d.ask(jean, anne, "Le boîtier chauffe", "CANARI-CLIENT : le boîtier 12 chauffe beaucoup.\n")
	anne.answers(copy, "#ask Dr Expert <expert@other.example> Avis sur un boîtier\n\n"+text)
	return copy, expert.reads()
}

// An expert is asked by a mail, answers by a mail, and is answered by Reply. The
// customer sees nothing of it, nor does the expert see who answers.
func TestAnExpertIsAskedInAnAside(t *testing.T) {
	t.Parallel()
	d := newDesk(t, nil)
	jean, anne, expert := d.jean(), d.anne(), d.expert()
	_, question := d.asked(jean, anne, expert, "Bonjour Docteur,\n\nLe boîtier peut-il chauffer à ce point ?\n")
	from := question.Header.Mailboxes("From")[0]
	if from.Name != "Anne Durand – Relation Client" || from.Address.String() == generic {
		t.Errorf("From of the question: %v", from)
	}
	if got := question.subject(); got != "Avis sur un boîtier" {
		t.Errorf("subject %q", got)
	}
	d.says(question, "chauffer à ce point", "Anne Durand", "CANARI-CLIENT")
	d.without(question, "#ask", "corp.example", "postdesk 10000", "jean@client.example", "(via ")
	if to := question.Header.Mailboxes("To"); len(to) != 1 || to[0].Address.String() != "expert@other.example" || question.Header.Has("Cc") {
		t.Errorf("To: %v", to)
	}
	d.expect(10000, ticket.New, "anne") // the customer still waits for us

	expert.answers(question, "Non, ce n’est pas normal du tout, il faut le changer.\n\nCordialement,\n")
	answer := anne.reads()
	d.says(answer, "il faut le changer", "pas au client", "Dr Expert", "Avis sur un boîtier")
	if from := answer.Header.Mailboxes("From")[0]; !strings.Contains(from.Name, "Dr Expert") || !strings.Contains(from.Name, "AVIS") {
		t.Errorf("From of the answer: %v", from)
	}
	d.without(answer, "expert@other.example>\n"+generic) // one live address only
	d.expect(10000, ticket.New, "anne")
	expert.hearsNothing()

	// Reply goes on with the aside: recipient and subject are filled in.
	anne.answers(answer, "Merci. Sous quel délai au juste ?\n")
	second := expert.reads()
	d.says(second, "quel délai")
	d.without(second, "corp.example", "postdesk 10000")
	if second.subject() != "Avis sur un boîtier" || second.Header.MessageIDs("References")[0] != question.Header.MessageIDs("References")[0] {
		t.Errorf("the expert's thread is broken: %q, %v", second.subject(), second.Header.MessageIDs("References"))
	}
	if second.Header.MessageIDs("In-Reply-To")[0] == "" || second.token() != question.token() {
		t.Errorf("answers %v from %s", second.Header.MessageIDs("In-Reply-To"), second.token())
	}
	expert.answers(second, "Deux jours au plus.\n")
	d.says(anne.reads(), "Deux jours")
	jean.hearsNothing()
	if kinds := d.messages(10000); kinds != "in aside-out aside-in aside-out aside-in" {
		t.Errorf("messages: %s", kinds)
	}
	if tk := d.ticket(10000); len(tk.Asides) != 1 || len(tk.Participants) != 2 || tk.Participants[1].Relation != ticket.Expert {
		t.Errorf("asides %+v, participants %+v", tk.Asides, tk.Participants)
	}
}

// The expert's words do not reach the customer by accident: quoted, they are
// left out, and pasted, they are held.
func TestWhatTheExpertSaysStaysAside(t *testing.T) {
	t.Parallel()
	d := newDesk(t, nil)
	jean, anne, expert := d.jean(), d.anne(), d.expert()
	copy, question := d.asked(jean, anne, expert, "SECRET-QUESTION : le client exagère-t-il un peu ?\n")
	expert.answers(question, "SECRET-REPONSE : oui, il exagère beaucoup, comme toujours.\n\nJe reste à votre disposition.\n")
	answer := anne.reads()

	anne.answers(answer, "#public\nBonjour Jean, nous remplaçons le boîtier. Je reste à votre disposition.\n")
	reply := jean.reads()
	d.says(reply, "nous remplaçons")
	d.without(reply, "SECRET", "expert", "other.example", "#public")
	d.expect(10000, ticket.Pending, "anne")

	anne.answers(copy, "Notre expert dit : SECRET-REPONSE : oui, il exagère beaucoup, comme toujours.\n")
	d.says(anne.reads(), "SECRET-REPONSE") // the guard's notice
	anne.answers(copy, "Et ceci : SECRET-QUESTION : le client exagère-t-il un peu ?\n")
	anne.reads()
	jean.hearsNothing()
	expert.hearsNothing()
	if held := d.held(); len(held) != 2 || held[0].Why != "guard" {
		t.Errorf("held: %+v", held)
	}
}

// Each person who is asked has an aside alone: two suppliers do not learn of
// each other.
func TestSeveralAreAskedAtOnce(t *testing.T) {
	t.Parallel()
	d := newDesk(t, nil)
	jean, anne, expert, other := d.jean(), d.anne(), d.expert(), d.person("Autre", "autre@client.example")
	_, copy := d.ask(jean, anne, "Le boîtier chauffe", "Bonjour\n")
	anne.answers(copy, "#ask expert@other.example, autre@client.example Votre prix\n#hold\nBonjour, à quel prix le faites-vous donc ?\n")
	a, b := expert.reads(), other.reads()
	for _, m := range []received{a, b} {
		d.says(m, "à quel prix")
		if m.subject() != "Votre prix" || len(m.Header.Mailboxes("To")) != 1 {
			t.Errorf("%q to %v", m.subject(), m.Header.Mailboxes("To"))
		}
	}
	d.without(a, "autre")
	d.without(b, "expert")
	if a.token() == b.token() || a.Header.MessageIDs("References")[0] == b.Header.MessageIDs("References")[0] {
		t.Error("two asides share their marks")
	}
	d.expect(10000, ticket.Hold, "anne")

	expert.answers(a, "SECRET-CENT : cent euros la pièce, pour vous.\n")
	first := anne.reads()
	d.says(first, "SECRET-CENT", "expert@other.example")
	d.expect(10000, ticket.Open, "anne") // what waited for a third person is ours again
	other.answers(b, "Quatre-vingts.\n")
	second := anne.reads()
	if d.ticket(10000).Status != ticket.Open || first.token() == second.token() {
		t.Errorf("%s; %s and %s", d.ticket(10000).Status, first.token(), second.token())
	}

	// What one said is not sent on to the other without asking.
	anne.answers(first, "#ask autre@client.example Votre prix\nFaites-vous mieux que cela ?\n")
	held := anne.reads()
	d.says(held, "SECRET-CENT", "ne devrait pas sortir")
	other.hearsNothing()
	jean.hearsNothing()
	anne.answers(held, "#envoyer\n") // she knows what she does
	d.says(other.reads(), "SECRET-CENT", "mieux que cela")
	jean.hearsNothing()
	if kinds := d.messages(10000); kinds != "in aside-out aside-out aside-in aside-in aside-out" {
		t.Errorf("messages: %s", kinds)
	}
}

// By whatever the expert's client left of our marks, the answer joins the aside; a
// stranger's does too, flagged.
func TestAnAnswerFindsItsAside(t *testing.T) {
	t.Parallel()
	d := newDesk(t, nil)
	jean, anne, expert := d.jean(), d.anne(), d.expert()
	_, question := d.asked(jean, anne, expert, "Une question.\n")
	thread := question.Header.MessageIDs("References")[0]
	for _, c := range []struct{ name, header string }{
		{"by the Message-ID", "In-Reply-To: <" + question.id() + ">"},
		{"by the thread", "References: <" + thread + ">"},
		{"by the number", ""},
	} {
		expert.writes(generic, "Re: Avis [#10000]", "Réponse "+c.name+"\n", c.header+"\nX-Test: 1")
		answer := anne.reads()
		d.says(answer, c.name, "pas au client")
	}
	mallory := d.person("Mallory", "mallory@nobody.example")
	to, mail := replyTo(question, mallory.String(), "Réponse d’un inconnu\n#close\n")
	if err := mallory.posts([]string{to}, mallory.dated(mail)); err != nil {
		t.Fatal(err)
	}
	d.says(anne.reads(), "inconnu", "ne participe pas", "mallory@nobody.example")
	mallory.hearsNothing()

	// The customer, too, is a stranger in an aside.
	to, mail = replyTo(question, jean.String(), "SECRET : ceci m’est parvenu par erreur.\n")
	if err := jean.posts([]string{to}, jean.dated(mail)); err != nil {
		t.Fatal(err)
	}
	d.says(anne.reads(), "SECRET", "ne participe pas", "pas au client")
	if kinds := d.messages(10000); kinds != "in aside-out aside-in aside-in aside-in aside-in aside-in" || d.tickets() != 1 {
		t.Errorf("messages: %s of %d tickets", kinds, d.tickets())
	}
	d.expect(10000, ticket.New, "anne")
	jean.hearsNothing()
	expert.hearsNothing() // never acknowledged
}

// An answer to a ticket that is closed, for however long, reaches the agent and
// opens nothing: neither this ticket again nor a new one.
func TestALateAnswerOpensNothing(t *testing.T) {
	t.Parallel()
	d := newDesk(t, nil)
	jean, anne, expert := d.jean(), d.anne(), d.expert()
	copy, question := d.asked(jean, anne, expert, "Une question.\n")
	anne.answers(copy, "#close\n")
	anne.reads()
	for _, days := range []int{1, 60} {
		d.later(time.Duration(days) * 24 * time.Hour)
		expert.answers(question, "Pardon, me voici.\n")
		late := anne.reads()
		d.says(late, "me voici", "close")
		d.expect(10000, ticket.Closed, "anne")
		anne.answers(late, "Merci quand même.\n")
		d.says(expert.reads(), "quand même")
	}
	if n := d.tickets(); n != 1 {
		t.Errorf("%d tickets", n)
	}
	d.expect(10000, ticket.Closed, "anne")
	expert.hearsNothing()
}

// A vacation answer of an expert is shown and changes nothing.
func TestAnExpertIsAway(t *testing.T) {
	t.Parallel()
	d := newDesk(t, nil)
	jean, anne, expert := d.jean(), d.anne(), d.expert()
	copy, question := d.asked(jean, anne, expert, "Une question.\n")
	anne.answers(copy, "#hold\n")
	anne.reads()
	expert.answers(question, "Je suis en vacances.\n", "Auto-Submitted: auto-replied")
	d.says(anne.reads(), "en vacances", "Réponse automatique")
	d.expect(10000, ticket.Hold, "anne")
	expert.hearsNothing()
	jean.hearsNothing()
}

// What does not reach the expert, the agent hears in words.
func TestAnAsideThatComesBack(t *testing.T) {
	t.Parallel()
	d := newDesk(t, func(config string) string {
		return strings.Replace(config, `"other.example" = `, `"elsewhere.example" = `, 1)
	})
	if err := d.dns.Set("other.example", "MX 0 ."); err != nil {
		t.Fatal(err)
	}
	jean, anne := d.jean(), d.anne()
	_, copy := d.ask(jean, anne, "Le boîtier chauffe", "Bonjour\n")
	anne.answers(copy, "#ask expert@other.example\n#hold\nUne question.\n")
	notice := anne.reads()
	d.says(notice, "expert@other.example", "n’a pas pu être remis", "Une question")
	d.expect(10000, ticket.Open, "anne")
	jean.hearsNothing()
}

// Whom the team asks most often is offered first, with a link that prepares the
// mail.
func TestWhoWasAskedBefore(t *testing.T) {
	t.Parallel()
	d := newDesk(t, nil)
	jean, anne, expert := d.jean(), d.anne(), d.expert()
	_, copy := d.ask(jean, anne, "Le boîtier chauffe", "Bonjour\n")
	anne.answers(copy, "#ask ?\n")
	d.says(anne.reads(), "encore consulté personne")
	anne.answers(copy, "#ask autre@client.example\nPremière question.\n")
	anne.answers(copy, "#ask expert@other.example Un\nDeuxième question.\n")
	anne.answers(copy, "#solliciter Dr Expert <expert@other.example> Deux\nTroisième question.\n")
	expert.reads()
	expert.reads()
	anne.answers(copy, "#ask ?\n")
	page := anne.reads()
	text := page.text()
	if i, j := strings.Index(text, "expert@other.example"), strings.Index(text, "autre@client.example"); i < 0 || j < i {
		t.Errorf("the most often asked does not come first:\n%s", text)
	}
	d.says(page, "Dr Expert", "2 fois")
	anne.clicks(page, "#solliciter expert@other.example", "Quatrième question.\n")
	d.says(expert.reads(), "Quatrième question")
	jean.hearsNothing()
}

// Nobody is asked who can't be, and then nothing goes out at all.
func TestWhoCannotBeAsked(t *testing.T) {
	t.Parallel()
	d := newDesk(t, nil)
	jean, anne, expert := d.jean(), d.anne(), d.expert()
	_, copy := d.ask(jean, anne, "Le boîtier chauffe", "Bonjour\n")
	for command, why := range map[string]string{
		"#ask bruno.petit@corp.example":                      "collègue",
		"#ask export@example.com":                            "équipe",
		"#ask jean@client.example":                           "client",
		"#ask " + copy.token():                               "postdesk",
		"#ask l’expert":                                      "adresse",
		"#ask expert@other.example\n#note":                   "deux",
		"#ask expert@other.example\n#ask jean@":              "adresse",
		"#ask expert@other.example\n#assign personne_connue": "personne_connue",
		"#approve anne.durand@corp.example":                  "soi-même",
	} {
		anne.answers(copy, command+"\nUn texte.\n")
		d.says(anne.reads(), why)
	}
	expert.hearsNothing()
	jean.hearsNothing()
	if tk := d.ticket(10000); len(tk.Participants) != 1 || len(tk.Asides) != 0 || tk.Status != ticket.New {
		t.Errorf("something was done: %+v", tk)
	}
}

// An aside's address in other hands: the agent's is inert, the expert's commands
// are text.
func TestMarksOfAnAsideInOtherHands(t *testing.T) {
	t.Parallel()
	d := newDesk(t, nil)
	jean, anne, expert := d.jean(), d.anne(), d.expert()
	_, question := d.asked(jean, anne, expert, "Une question.\n")
	expert.answers(question, "#public\n#close\nRéponse.\n")
	answer := anne.reads()
	d.says(answer, "#close")
	d.expect(10000, ticket.New, "anne")

	// Her answer forged, her address not backed: held.
	forged := d.anne().from("x@nobody.example")
	forged.answers(answer, "Livrez à l’adresse du faussaire.\n")
	d.says(anne.reads(), "#envoyer")
	// Her token in the expert's hands is nothing: a new request.
	expert.writes(answer.token(), "Bonjour", "Je suis l’expert.\n")
	d.says(expert.reads(), "n°10001")
	expert.hearsNothing()
	jean.hearsNothing()
}

// rows of asides have their own purpose, whose failures are not the customer's.
func TestAsideRows(t *testing.T) {
	t.Parallel()
	d := newDesk(t, nil)
	jean, anne, expert := d.jean(), d.anne(), d.expert()
	d.asked(jean, anne, expert, "Une question.\n")
	d.drained()
	for _, row := range d.outbox() {
		if row.To == (addr.Address{Local: "expert", Domain: "other.example"}) && (row.Purpose != store.PurposeAside || row.From.IsZero() || row.Agent != "anne") {
			t.Errorf("row %+v", row)
		}
	}
}

// Two tickets become one while an expert is asked in the younger: whatever he
// answers by, and what the agent answers to old copies, goes on with the aside.
func TestAnAsideSurvivesAMerge(t *testing.T) {
	t.Parallel()
	d := newDesk(t, nil)
	jean, anne, expert := d.jean(), d.anne(), d.expert()
	_, first := d.ask(jean, anne, "Le boîtier chauffe", "Bonjour\n")
	anne.answers(first, "Nous regardons.\n") // she looks after jean from now on
	jean.reads()
	_, second := d.ask(jean, anne, "Encore le boîtier", "Rebonjour\n")
	anne.answers(first, "#ask expert@other.example Avant\nUne question d’avant.\n")
	before := expert.reads()
	anne.answers(second, "#ask expert@other.example Avis\nUne question.\n")
	question := expert.reads()
	expert.answers(question, "Un début de réponse.\n")
	answer := anne.reads()
	anne.answers(first, "#merge 10001\n")
	anne.reads()

	expert.answers(question, "La suite, par l’adresse.\n")
	next := anne.reads()
	d.says(next, "La suite", "Dr Expert", "pas au client", "n°10000")
	expert.writes(generic, "Avis", "La fin, par le fil.\n", "References: <"+question.Header.MessageIDs("References")[0]+">")
	d.says(anne.reads(), "La fin", "pas au client")
	expert.answers(before, "Et pour la première.\n")
	d.says(anne.reads(), "Et pour la première", "pas au client")
	for _, copy := range []received{answer, next} { // from before the merge, and after it
		anne.answers(copy, "Merci, cher expert.\n")
		got := expert.reads()
		d.says(got, "cher expert")
		if got.subject() != "Avis" {
			t.Errorf("subject %q", got.subject())
		}
	}
	jean.hearsNothing()
	expert.hearsNothing()
	if n := d.tickets(); n != 2 {
		t.Errorf("%d tickets", n)
	}
	if tk := d.ticket(10000); len(tk.Asides) != 2 {
		t.Errorf("asides %+v", tk.Asides)
	}
}

// A forward from the mail client, over submission, is an aside too, and so is
// what is said in it from then on.
func TestAForwardIsAnAside(t *testing.T) {
	t.Parallel()
	d := newDesk(t, nil)
	jean, anne, expert := d.jean(), d.anne(), d.expert()
	anne.password = "secret of anne"
	_, copy := d.ask(jean, anne, "Le boîtier chauffe", "CANARI-CLIENT\n")
	to, mail := replyTo(copy, anne.String(), "Votre avis, Docteur ?\n")
	mail = strings.ReplaceAll(strings.Replace(mail, "\nSubject: Re: ", "\nSubject: Tr : ", 1), "\nTo: "+to+"\n", "\nTo: Dr Expert <expert@other.example>\n")
	if err := anne.posts([]string{"expert@other.example"}, anne.dated(mail)); err != nil {
		t.Fatal(err)
	}
	question := expert.reads()
	d.says(question, "Votre avis", "CANARI-CLIENT")
	d.without(question, "corp.example", "postdesk 10000", "jean@client.example")
	expert.answers(question, "Tout à fait normal.\n")
	answer := anne.reads()
	d.says(answer, "Tout à fait normal", "pas au client")
	anne.answers(answer, "Merci bien.\n")
	d.says(expert.reads(), "Merci bien")
	jean.hearsNothing()
}
