package server_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"postdesk/internal/message"
	"postdesk/internal/ticket"
	"postdesk/store"
)

// Anne's two addresses, as her mail client has them.
const (
	anneOwn  = "Anne Durand <anne.durand@corp.example>"
	anneTeam = "Anne Durand <relationclient@example.com>"
)

// submits is Anne's client: it hands a mail to the submission port. To and Cc are
// in the header; whoever else is in to is in Bcc.
func (d *desk) submits(from string, to []string, subject, body string, headers ...string) error {
	d.Helper()
	if !slices.ContainsFunc(headers, func(h string) bool { return strings.HasPrefix(h, "Content-Type:") }) {
		headers = append(headers, "MIME-Version: 1.0", "Content-Type: text/plain; charset=utf-8", "Content-Transfer-Encoding: 8bit")
	}
	id := fmt.Sprintf("a%d@corp.example", time.Now().UnixNano())
	if i := slices.IndexFunc(headers, func(h string) bool { return strings.HasPrefix(h, "Message-ID: ") }); i >= 0 {
		id, headers = strings.Trim(headers[i][len("Message-ID: "):], "<>"), slices.Delete(headers, i, i+1)
	}
	header := to[0]
	if i := slices.IndexFunc(headers, func(h string) bool { return strings.HasPrefix(h, "To: ") }); i >= 0 {
		header, headers = headers[i][len("To: "):], slices.Delete(headers, i, i+1)
	}
	mail := letter(from, header, id, message.EncodeWord(subject), body, headers...)
	return d.submit("anne", "secret of anne", "anne.durand@corp.example", to, mail)
}

// must is for what may not fail.
func (d *desk) must(err error) {
	d.Helper()
	if err != nil {
		d.Fatal(err)
	}
}

// forwards presses Forward: subject and references as mail clients write them, the
// mail quoted below the text as Thunderbird does.
func (d *desk) forwards(m received, from string, to []string, text string, headers ...string) error {
	d.Helper()
	headers = append(headers, "References: <"+strings.Join(append(m.Header.MessageIDs("References"), m.id()), ">\n <")+">")
	body := text + "\n\n-------- Message transféré --------\nSujet : \t" + m.subject() + "\nDate : \tTue, 17 Nov 2026 10:12:00 +0100\nDe : \t" +
		message.FormatMailbox(m.Header.Mailboxes("From")[0]) + "\nPour : \tAnne Durand <anne.durand@corp.example>\n\n\n" + m.text() + "\n"
	return d.submits(from, to, "Fwd: "+m.subject(), body, headers...)
}

// cc are the addresses of a field.
func (r received) addresses(field string) string {
	var list []string
	for _, m := range r.Header.Mailboxes(field) {
		list = append(list, m.Address.String())
	}
	return strings.Join(list, " ")
}

// A new mail from the team's address to someone outside is a ticket of its
// writer. Whoever is in Cc takes part; Bcc gets the mail and is unknown.
func TestANewMailOutsideOpensATicket(t *testing.T) {
	t.Parallel()
	d := newDesk(t, nil)
	jean, paul, marie, anne := d.jean(), d.person("", "paul@client.example"), d.person("Marie", "marie@other.example"), d.anne()
	d.must(d.submits(anneTeam, []string{jean.address, paul.address, marie.address, generic}, "Votre contrat", "Bonjour,\nvotre contrat arrive à son terme.\n",
		"To: Jean Client <jean@client.example>", "Cc: paul@client.example, relationclient@example.com", "User-Agent: CanaryMail/7"))
	for _, who := range []*person{jean, paul, marie} {
		m := who.reads()
		d.without(m, "anne.durand@", "corp.example", "CanaryMail", "marie@other.example", "relationclient+t")
		if from := m.Header.Mailboxes("From")[0]; from.Name != "Anne Durand – Relation Client" || from.Address.String() != generic || m.subject() != "Votre contrat" {
			t.Errorf("%s reads %v: %s", who.address, from, m.subject())
		}
		if m.addresses("To") != "jean@client.example" || m.addresses("Cc") != "paul@client.example" || m.Header.Has("Auto-Submitted") {
			t.Errorf("header:\n%s", m.Raw)
		}
		d.says(m, "votre contrat arrive à son terme.", "Anne Durand")
		who.hearsNothing()
	}
	anne.hearsNothing()
	d.expect(10000, ticket.Pending, "anne")
	if tk := d.ticket(10000); tk.Requester().Address.String() != jean.address || len(tk.Participants) != 2 || d.tickets() != 1 {
		t.Errorf("%+v", tk.Participants)
	}
}

// The answer to such a mail comes to its writer; that of who was in Bcc is a
// visitor's.
func TestAnswersToANewMailOutside(t *testing.T) {
	t.Parallel()
	d := newDesk(t, nil)
	jean, marie, anne := d.jean(), d.person("Marie", "marie@other.example"), d.anne()
	d.must(d.submits(anneTeam, []string{jean.address, marie.address}, "Votre contrat", "Bonjour,\nvoulez-vous le renouveler ?\n"))
	jean.answers(jean.reads(), "Oui, merci.")
	c := anne.reads()
	d.says(c, "Oui, merci.")
	if c.subject() != "Votre contrat [#10000]" {
		t.Errorf("subject %q", c.subject())
	}
	jean.hearsNothing()
	anne.answers(c, "C’est fait.")
	d.says(jean.reads(), "C’est fait.")
	marie.answers(marie.reads(), "Et moi ?")
	anne.reads()
	marie.hearsNothing()
	if kinds := d.messages(10000); kinds != "out in out visitor" {
		t.Errorf("messages: %s", kinds)
	}
}

// Private mail is none of the desk's business: it is refused when it has been
// read, with a sentence, and nothing of it stays.
func TestPrivateMailIsRefused(t *testing.T) {
	t.Parallel()
	d := newDesk(t, nil)
	jean, anne := d.jean(), d.anne()
	_, copy := d.ask(jean, anne, "Question", "Bonjour\n")
	before := len(d.outbox())
	for what, err := range map[string]error{
		"to a friend":                d.submits(anneOwn, []string{"friend@other.example"}, "Samedi", "On se voit samedi ?\n"),
		"to a customer, from home":   d.submits(anneOwn, []string{jean.address}, "Re: Question", "Bonjour\n"),
		"the desk in Cc":             d.submits(anneOwn, []string{"friend@other.example", generic}, "Samedi", "Bonjour\n"),
		"to a colleague":             d.submits(anneTeam, []string{"bruno.petit@corp.example"}, "Midi", "On mange ?\n"),
		"in answer to a private one": d.submits(anneOwn, []string{"friend@other.example"}, "Re: Samedi", "Oui\n", "In-Reply-To: <x@other.example>", "References: <x@other.example>"),
		"with a number":              d.submits(anneOwn, []string{"friend@other.example"}, "Re: Question [#10000]", "Oui\n"),
		"with a broken token":        d.submits(anneOwn, []string{"friend@other.example"}, "Re: x", "Oui\n", "References: <"+strings.Replace(copy.id(), "a", "b", 1)+"x>"),
		"with commands":              d.submits(anneOwn, []string{"friend@other.example"}, "Samedi", "#foo\nBonjour\n"),
		"several in Bcc only":        d.submits(anneTeam, []string{"a@other.example", "b@other.example"}, "x", "Bonjour\n", "To: undisclosed-recipients:;"),
	} {
		if !refused(err, 550, "5.7.1") && !refused(err, 550, "5.5.3") {
			t.Errorf("%s: %v", what, err)
		}
	}
	d.drained()
	if n := len(d.outbox()); n != before || d.tickets() != 1 || len(d.held()) != 0 {
		t.Errorf("%d mails more, %d tickets, held %v", n-before, d.tickets(), d.held())
	}
	jean.hearsNothing()
}

// Reply All with one more person: this mail and those that follow go to that one
// too, and the history of the others to nobody.
func TestAReplyTakesInWhoIsNamed(t *testing.T) {
	t.Parallel()
	d := newDesk(t, nil)
	jean, paul, anne := d.jean(), d.person("Paul", "paul@client.example"), d.anne()
	_, c := d.ask(jean, anne, "Question", "Bonjour\n")
	to, mail := replyTo(c, anneOwn, "Bonjour à vous deux.", "Cc: Paul <paul@client.example>")
	d.must(d.submit("anne", "secret of anne", "anne.durand@corp.example", []string{to, paul.address, "hidden@other.example"}, mail))
	for _, who := range []*person{jean, paul, d.person("", "hidden@other.example")} {
		m := who.reads()
		if m.addresses("To") != jean.address || m.addresses("Cc") != paul.address {
			t.Errorf("%s reads\n%s", who.address, m.Raw)
		}
		d.without(m, "hidden@", "corp.example", "relationclient+t")
	}
	if joined := d.happened(10000, ticket.Joined); len(joined) != 2 || joined[1].By.ID != "anne" || joined[1].Participant.Name != "Paul" {
		t.Errorf("joined: %+v", joined)
	}
	jean.writes(generic, "Re: Question [#10000]", "Et ceci.\n", "In-Reply-To: <"+jean.mailboxID(1)+">")
	c = anne.reads()
	anne.answers(c, "Bien.")
	d.says(paul.reads(), "Bien.")
	d.says(jean.reads(), "Bien.")
	d.person("", "hidden@other.example").from("").gets(1)
}

// mailboxID is the Message-ID of the n-th mail that came.
func (p *person) mailboxID(n int) string {
	p.d.Helper()
	return parse(p.d.T, p.mailbox()[n]).id()
}

// gets checks how many mails came for the person in all.
func (p *person) gets(n int) {
	p.d.Helper()
	p.d.drained()
	if got := len(p.mailbox()); got != n {
		p.d.Errorf("%s got %d mails, want %d", p.address, got, n)
	}
}

// An answer that is written to the customer's own address is the ticket's: all
// who take part get it.
func TestAReplyToTheCustomersOwnAddress(t *testing.T) {
	t.Parallel()
	d := newDesk(t, nil)
	jean, anne := d.jean(), d.anne()
	_, c := d.ask(jean, anne, "Question", "Bonjour\n")
	_, mail := replyTo(c, anneOwn, "Voici la réponse.")
	mail = strings.Replace(mail, "\nTo: "+c.token(), "\nTo: jean@client.example", 1)
	d.must(d.submit("anne", "secret of anne", "anne.durand@corp.example", []string{jean.address}, mail))
	m := jean.reads()
	d.says(m, "Voici la réponse.")
	d.without(m, "corp.example", "relationclient+t")
	jean.hearsNothing()
	d.expect(10000, ticket.Pending, "anne")
}

// A number in the subject and somebody else in To: the number's ticket is told
// nothing and nobody of it hears.
func TestANumberMixesNobodyIn(t *testing.T) {
	t.Parallel()
	d := newDesk(t, nil)
	jean, paul, anne := d.jean(), d.person("Paul", "paul@other.example"), d.anne()
	d.ask(jean, anne, "Question", "Bonjour\n")
	d.must(d.submits(anneTeam, []string{paul.address}, "Au sujet de [#10000]", "Bonjour Paul.\n"))
	d.says(paul.reads(), "Bonjour Paul.")
	jean.hearsNothing()
	if tk := d.ticket(10001); tk.Requester().Address.String() != paul.address || len(d.happened(10001, ticket.Mentions)) != 1 || d.messages(10000) != "in" {
		t.Errorf("%+v, messages of the first: %s", tk, d.messages(10000))
	}
	// Written to the customer, the number is enough.
	d.must(d.submits(anneTeam, []string{jean.address}, "Question [#10000]", "Bonjour Jean.\n"))
	d.says(jean.reads(), "Bonjour Jean.")
	if d.tickets() != 2 || d.messages(10000) != "in out" {
		t.Errorf("%d tickets, messages of the first: %s", d.tickets(), d.messages(10000))
	}
}

// What the guard holds opens no ticket until its writer says so.
func TestTheGuardHoldsANewMailOutside(t *testing.T) {
	t.Parallel()
	d := newDesk(t, nil)
	jean, anne := d.jean(), d.anne()
	d.must(d.submits(anneTeam, []string{jean.address}, "Le plan", "Bonjour,\nvoici le plan ci-joint.\n"))
	notice := anne.reads()
	if d.tickets() != 0 || len(d.held()) != 1 {
		t.Fatalf("%d tickets, held %v", d.tickets(), d.held())
	}
	jean.hearsNothing()
	anne.answers(notice, "#send")
	d.says(jean.reads(), "voici le plan ci-joint.")
	d.expect(10000, ticket.Pending, "anne")
	anne.hearsNothing()
}

// A ticket's mail forwarded to a colleague is a note: the customer gets nothing.
func TestAForwardToAColleagueIsANote(t *testing.T) {
	t.Parallel()
	d := newDesk(t, nil)
	jean, anne, bruno := d.jean(), d.anne(), d.bruno()
	_, c := d.ask(jean, anne, "Question", "Bonjour\n")
	d.must(d.forwards(c, anneOwn, []string{bruno.address}, "Qu’en penses-tu ?"))
	m := bruno.reads()
	d.says(m, "Qu’en penses-tu ?")
	if name := m.Header.Mailboxes("From")[0].Name; !strings.HasPrefix(name, "NOTE") {
		t.Errorf("From %q", name)
	}
	jean.hearsNothing()
	if d.messages(10000) != "in note" || !slices.Contains(d.ticket(10000).Observers, "bruno") {
		t.Errorf("messages %s, observers %v", d.messages(10000), d.ticket(10000).Observers)
	}
}

// Who only observes changes nothing by forwarding either: the colleague gets this note, and
// what follows goes to those whom it went to before.
func TestAnObserversForwardAddsNobody(t *testing.T) {
	t.Parallel()
	d := newDesk(t, func(config string) string {
		config = strings.Replace(observed(config), `observe = ["olga"]`, `observe = ["anne"]`, 1)
		return strings.Replace(config, "id = \"anne\"\n", "id = \"anne\"\nrole = \"observer\"\n", 1)
	})
	jean, anne, bruno, claire := d.jean(), d.anne(), d.bruno(), d.person("Claire Martin", "claire.martin@corp.example")
	jean.writes(generic, "Question", "Bonjour\n")
	ack, c := jean.reads(), anne.reads()
	bruno.reads()
	d.expect(10000, ticket.New, "bruno")
	d.must(d.forwards(c, anneOwn, []string{claire.address}, "Qu’en penses-tu ?"))
	note := claire.reads()
	d.says(note, "Qu’en penses-tu ?")
	d.says(bruno.reads(), "Qu’en penses-tu ?")
	if list := d.ticket(10000).Observers; !slices.Equal(list, []string{"anne"}) {
		t.Errorf("observers: %v", list)
	}
	claire.answers(note, "Du bien.\n")
	d.says(anne.reads(), "Du bien.")
	d.says(bruno.reads(), "Du bien.")
	d.says(claire.reads(), "resté une note")
	jean.answers(ack, "Encore ceci.\n")
	anne.reads()
	bruno.reads()
	claire.hearsNothing()
	jean.hearsNothing()
}

// A note goes to nobody outside, whoever is in Cc.
func TestANoteGoesToNobodyOutside(t *testing.T) {
	t.Parallel()
	d := newDesk(t, nil)
	jean, anne := d.jean(), d.anne()
	_, c := d.ask(jean, anne, "Question", "Bonjour\n")
	to, mail := replyTo(c, anneOwn, "#note\nIl ment.", "Cc: paul@client.example")
	d.must(d.submit("anne", "secret of anne", "anne.durand@corp.example", []string{to, "paul@client.example"}, mail))
	d.says(anne.reads(), "une note ne sort pas du bureau")
	jean.hearsNothing()
	d.person("", "paul@client.example").gets(0)
	if held := d.held(); len(held) != 1 || held[0].Why != "command" {
		t.Errorf("held: %+v", held)
	}
}

// A ticket's mail that is forwarded to a team may mean three things, and one of them
// would surprise the customer: the agent is asked.
func TestAForwardToATeamIsAsked(t *testing.T) {
	t.Parallel()
	d := newDesk(t, nil)
	jean, anne := d.jean(), d.anne()
	_, c := d.ask(jean, anne, "Question", "Bonjour\n")
	d.must(d.forwards(c, anneOwn, []string{"export@example.com"}, "C’est pour vous."))
	d.says(anne.reads(), "Vous avez transféré à export@example.com", "#transfert export@example.com")
	jean.hearsNothing()
	d.expect(10000, ticket.New, "anne")
}

// The answer settles it: the team has the ticket, and the customer is told that
// much and none of the words.
func TestAForwardToATeamIsSettled(t *testing.T) {
	t.Parallel()
	d := newDesk(t, nil)
	jean, anne := d.jean(), d.anne()
	_, c := d.ask(jean, anne, "Question", "Bonjour\n")
	d.must(d.forwards(c, anneOwn, []string{"export@example.com"}, "C’est pour vous, il râle."))
	anne.answers(anne.reads(), "#transfert export@example.com")
	d.without(jean.reads(), "il râle", "corp.example")
	jean.hearsNothing()
	if tk := d.ticket(10000); tk.Team.String() != "export@example.com" || d.messages(10000) != "in note" {
		t.Errorf("%s, messages %s", tk.Team, d.messages(10000))
	}
}

// Who stole a password has not found a way to mail the world.
func TestAnAgentWritesToFewPeopleAtOnce(t *testing.T) {
	t.Parallel()
	d := newDesk(t, func(config string) string {
		return strings.Replace(config, "[limits]\n", "[limits]\nrecipients = 1000\n", 1)
	})
	people := func(n, from int) (list []string) {
		for i := range n {
			list = append(list, fmt.Sprintf("p%d@other.example", from+i))
		}
		return list
	}
	if err := d.submits(anneTeam, people(51, 0), "Promo", "Bonjour\n"); !refused(err, 550, "5.5.3") {
		t.Errorf("51 people in one mail: %v", err)
	}
	for i := range 6 {
		d.must(d.submits(anneTeam, people(50, 50*i), fmt.Sprintf("Promo %d", i), "Bonjour\n"))
	}
	if err := d.submits(anneTeam, people(1, 900), "Promo", "Bonjour\n"); !refused(err, 452, "4.5.3") {
		t.Errorf("the 301st: %v", err)
	}
	d.later(61 * time.Minute)
	d.must(d.submits(anneTeam, people(1, 901), "Promo", "Bonjour\n"))
	if d.tickets() != 7 {
		t.Errorf("%d tickets", d.tickets())
	}
}

// rawMessage are the bytes of the n-th message of a ticket.
func (d *desk) rawMessage(number, seq uint64) string {
	d.Helper()
	var raw string
	d.view(func(tx store.ReadTx) error {
		m, err := store.GetMessage(tx, number, seq)
		if err != nil {
			return err
		}
		src, err := tx.Mail(store.MailID(m.Mail))
		if err != nil {
			return err
		}
		b := make([]byte, src.Size())
		_, err = src.ReadAt(b, 0)
		raw = string(b)
		return err
	})
	return raw
}

// A ticket's mail that is forwarded to someone outside goes to that one alone, as an
// aside: the customer hears nothing of it, and the answer comes to the agent.
func TestAForwardOutsideIsAnAside(t *testing.T) {
	t.Parallel()
	d := newDesk(t, nil)
	jean, anne, expert := d.jean(), d.anne(), d.person("Dr Labo", "expert@other.example")
	_, c := d.ask(jean, anne, "Panne de ma pompe", "Bonjour,\nma pompe fuit.\n")
	d.must(d.forwards(c, anneOwn, []string{expert.address}, "Qu’en pensez-vous ?", "Cc: relationclient@example.com"))
	m := expert.reads()
	d.says(m, "Qu’en pensez-vous ?", "ma pompe fuit.")
	d.without(m, "anne.durand@", "corp.example", "== postdesk", "relationclient+t"+"iiaz")
	jean.hearsNothing()
	if kinds := d.messages(10000); kinds != "in aside-out" {
		t.Errorf("messages: %s", kinds)
	}
	expert.answers(m, "Un joint à changer.")
	answer := anne.reads()
	d.says(answer, "Un joint à changer.")
	jean.hearsNothing()
	if d.tickets() != 1 || len(d.ticket(10000).Asides) != 1 {
		t.Errorf("%d tickets, %+v", d.tickets(), d.ticket(10000).Asides)
	}
}

// A mail that is forwarded without a word of one's own is no empty mail.
func TestAForwardWithoutAWord(t *testing.T) {
	t.Parallel()
	d := newDesk(t, nil)
	jean, anne, expert := d.jean(), d.anne(), d.person("", "expert@other.example")
	_, c := d.ask(jean, anne, "Panne de ma pompe", "Bonjour,\nma pompe fuit.\n")
	d.must(d.forwards(c, anneTeam, []string{expert.address}, ""))
	d.says(expert.reads(), "ma pompe fuit.")
	jean.hearsNothing()
	if d.tickets() != 1 || len(d.held()) != 0 {
		t.Errorf("%d tickets, held %+v", d.tickets(), d.held())
	}
}

// A copy that is forwarded as an attachment shows nothing of ours either.
func TestAForwardAsAttachmentIsClean(t *testing.T) {
	t.Parallel()
	d := newDesk(t, nil)
	jean, anne, expert := d.jean(), d.anne(), d.person("", "expert@other.example")
	_, c := d.ask(jean, anne, "Panne de ma pompe", "Bonjour,\nma pompe fuit.\n")
	body, ct := passedOn("Votre avis ?", string(c.Raw))
	d.must(d.submits(anneOwn, []string{expert.address}, "Fwd: "+c.subject(), body, ct, "MIME-Version: 1.0", "References: <"+c.id()+">"))
	m := expert.reads()
	if len(m.Attachments()) != 1 || !strings.Contains(string(m.Raw), "ma pompe fuit.") {
		t.Errorf("the mail:\n%s", m.Raw)
	}
	d.without(m, "anne.durand@", "corp.example", "== postdesk", c.token())
	jean.hearsNothing()
}

// Another team in Cc of a mail to a customer reads it.
func TestAnotherTeamReadsAlong(t *testing.T) {
	t.Parallel()
	d := newDesk(t, nil)
	jean, bruno := d.jean(), d.bruno()
	d.must(d.submits(anneTeam, []string{jean.address, "export@example.com"}, "Votre contrat", "Bonjour,\nvoici la suite.\n", "To: jean@client.example", "Cc: export@example.com"))
	d.says(bruno.reads(), "voici la suite.")
	m := jean.reads()
	if m.Header.Has("Cc") {
		t.Errorf("header:\n%s", m.Raw)
	}
	bruno.hearsNothing()
	if teams := d.ticket(10000).Teams; len(teams) != 1 || d.tickets() != 1 {
		t.Errorf("teams %v, %d tickets", teams, d.tickets())
	}
}

// Addresses that need SMTPUTF8 are written to as they are.
func TestANewMailToAnInternationalAddress(t *testing.T) {
	t.Parallel()
	d := newDesk(t, nil)
	d.must(d.submits(anneTeam, []string{"jürgen@client.example"}, "Größe", "Bonjour,\nvoici la suite.\n"))
	m := d.person("", "jürgen@client.example").reads()
	if !strings.Contains(string(m.Raw), "To: jürgen@client.example") {
		t.Errorf("header:\n%s", m.Raw)
	}
}

// Where another server has mailboxes in our own domain, they are outside; where
// there is none, the address does not exist.
func TestOneDomainForTheDeskAndOthers(t *testing.T) {
	t.Parallel()
	d := newDesk(t, func(config string) string {
		return strings.Replace(config, "[relay.routes]\n", fmt.Sprintf("[relay.routes]\n\"example.com\" = %q\n", customersOf(config)), 1)
	})
	partner := d.person("", "partner@example.com")
	d.must(d.submits(anneTeam, []string{partner.address}, "Contrat", "Bonjour,\nvoici la suite.\n"))
	partner.reads()
	if err := d.send("eve@other.example", []string{partner.address}, letter("eve@other.example", partner.address, "e1@other.example", "x", "x\n")); !refused(err, 550, "5.1.1") {
		t.Errorf("from the street: %v", err)
	}
	alone := newDesk(t, nil)
	if err := alone.submits(anneTeam, []string{partner.address}, "Contrat", "Bonjour\n"); !refused(err, 550, "5.1.1") {
		t.Errorf("no such mailbox: %v", err)
	}
}

// customersOf is where a configuration routes customers' mail to.
func customersOf(config string) string {
	_, rest, _ := strings.Cut(config, "\"client.example\" = \"")
	to, _, _ := strings.Cut(rest, "\"")
	return to
}

// A client that sends a copy of everything to its user gets it, as the customer
// sees it.
func TestACopyToOneself(t *testing.T) {
	t.Parallel()
	d := newDesk(t, nil)
	jean, anne := d.jean(), d.anne()
	_, c := d.ask(jean, anne, "Question", "Bonjour\n")
	to, mail := replyTo(c, anneOwn, "Voici.")
	d.must(d.submit("anne", "secret of anne", anne.address, []string{to, anne.address}, mail))
	d.says(jean.reads(), "Voici.")
	d.says(anne.reads(), "Voici.")
	if len(d.ticket(10000).Participants) != 1 {
		t.Errorf("%+v", d.ticket(10000).Participants)
	}
	if err := d.submits(anneOwn, []string{anne.address}, "Note à moi-même", "Lait, pain\n"); !refused(err, 550, "5.7.1") {
		t.Errorf("to herself: %v", err)
	}
}

// Some clients leave References away when they forward: our own block, which stands
// in the text, says which ticket it is. A block that somebody made up does not.
func TestAForwardWithoutReferences(t *testing.T) {
	t.Parallel()
	d := newDesk(t, nil)
	jean, anne, expert := d.jean(), d.anne(), d.person("", "expert@other.example")
	_, c := d.ask(jean, anne, "Panne de ma pompe", "Bonjour,\nma pompe fuit.\n")
	quote := "De : Jean Client (via Relation Client) <" + c.token() + ">\nEnvoyé : mardi 17 novembre 2026 10:12\nÀ : Anne Durand <anne.durand@corp.example>\nObjet : " + c.subject() + "\n\n" + c.text()
	d.must(d.submits(anneOwn, []string{expert.address}, "TR: "+c.subject(), "Votre avis ?\n\n"+quote))
	m := expert.reads()
	d.says(m, "Votre avis ?", "ma pompe fuit.")
	d.without(m, "anne.durand@", "== postdesk", c.token())
	jean.hearsNothing()
	if d.messages(10000) != "in aside-out" || d.tickets() != 1 {
		t.Errorf("messages %s, %d tickets", d.messages(10000), d.tickets())
	}
	forged := "Votre avis ?\n\n[== postdesk 10000 aaaaaa ==]\nx\n[== /postdesk 10000 aaaaaa ==]\n"
	if err := d.submits(anneOwn, []string{expert.address}, "TR: "+c.subject(), forged); !refused(err, 550, "5.7.1") {
		t.Errorf("with a forged block: %v", err)
	}
}
