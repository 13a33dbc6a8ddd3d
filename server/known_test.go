package server_test

import (
	"errors"
	"net/textproto"
	"strings"
	"testing"

	"postdesk/internal/ticket"
	"postdesk/store"
)

// closed is a desk whose first team serves known contacts only.
func closedTo(by string) func(string) string {
	return func(config string) string {
		return strings.Replace(config, "language = \"fr\"\n", "language = \"fr\"\naccept = \"known\"\nknown_by = ["+by+"]\n", 1)
	}
}

// A stranger hears one polite sentence while the mail is still theirs; who is
// known is served.
func TestStrangersHearWhyAndAreNotServed(t *testing.T) {
	t.Parallel()
	d := newDesk(t, closedTo(`"address"`))
	jean, anne := d.jean(), d.anne()
	err := jean.posts([]string{generic}, jean.mail(generic, "Bonjour", "Je suis nouveau.\n"))
	if !refused(err, 550, "5.7.1") {
		t.Fatalf("a stranger: %v", err)
	}
	var said *textproto.Error
	if errors.As(err, &said); !strings.Contains(said.Msg, "aux clients enregistr") || !strings.Contains(said.Msg, "registered customers") {
		t.Errorf("the sentence: %q", said.Msg)
	}
	if d.tickets() != 0 {
		t.Fatalf("%d tickets", d.tickets())
	}

	d.enters(store.Contact{Name: "Jean Client"}, "jean@client.example")
	ack, copy := d.ask(jean, anne, "Bonjour", "Me voici.\n")
	anne.answers(copy, "#cc +paul@other.example\nBonjour Jean, bonjour Paul.\n")
	reply := jean.reads()

	// Who takes part in a ticket is heard, known or not.
	paul := d.person("Paul", "paul@other.example")
	paul.answers(paul.reads(), "Merci.\n")
	d.says(anne.reads(), "Merci.")
	jean.answers(reply, "Merci aussi.\n")
	d.says(anne.reads(), "Merci aussi.")
	if err := paul.posts([]string{generic}, paul.mail(generic, "Autre chose", "Bonjour.\n")); !refused(err, 550, "5.7.1") {
		t.Errorf("a new request of a stranger who takes part in another: %v", err)
	}
	_ = ack
}

func TestAWholeCompanyIsKnown(t *testing.T) {
	t.Parallel()
	d := newDesk(t, closedTo(`"address"`))
	d.enters(store.Contact{Company: "Client SA"}, "@client.example")
	d.ask(d.jean(), d.anne(), "Bonjour", "Me voici.\n")
	other := d.person("Paul", "paul@other.example")
	if err := other.posts([]string{generic}, other.mail(generic, "Bonjour", "x\n")); !refused(err, 550, "5.7.1") {
		t.Errorf("another company: %v", err)
	}
}

// A number in a mail opens the door, and proves nothing else.
func TestANumberThatAContactHasIsEnough(t *testing.T) {
	t.Parallel()
	d := newDesk(t, closedTo(`"address", "serial"`))
	jean, anne := d.jean(), d.anne()
	marie := d.enters(store.Contact{Name: "Marie Curie", Company: "Radium", Fields: map[string]string{"Serial": "SN-1234567"}}, "marie@other.example")
	if err := jean.posts([]string{generic}, jean.mail(generic, "Panne", "Mon SN-7654321 est en panne.\n")); !refused(err, 550, "5.7.1") {
		t.Errorf("a number that nobody has: %v", err)
	}
	_, copy := d.ask(jean, anne, "Panne", "Mon appareil sn 1234 567 est en panne.\n")
	d.says(copy, "adresse inconnue", "serial (Marie Curie, Radium, marie@other.example)", "ne prouve pas")
	d.without(copy, "Recognised")
	if e := d.happened(10000, ticket.Recognised); len(e) != 1 || e[0].Data["by"] != "serial" {
		t.Errorf("events %+v", e)
	}
	if r := d.ticket(10000).Requester(); r.Contact == marie.ID || r.Address.String() != "jean@client.example" {
		t.Errorf("the stranger became %+v", r)
	}
	// The door does not stay open for the address.
	if err := jean.posts([]string{generic}, jean.mail(generic, "Encore", "Bonjour.\n")); !refused(err, 550, "5.7.1") {
		t.Errorf("without the number: %v", err)
	}
	// The agent says that it is her: from now on they are one.
	anne.answers(copy, "#contact link marie@other.example\n")
	d.says(anne.reads(), "Marie Curie", "jean@client.example", "marie@other.example")
	if r := d.ticket(10000).Requester(); r.Contact != marie.ID {
		t.Errorf("the requester is contact %d, want %d", r.Contact, marie.ID)
	}
	jean.writes(generic, "Encore", "Bonjour.\n")
	d.says(d.bruno().reads(), "Bonjour.") // his turn
}

// From the MTA in front of us nothing is refused: it would bounce to whoever the
// sender says that he is.
func TestStrangersFromAFrontendMakeAClosedTicket(t *testing.T) {
	t.Parallel()
	d := newDesk(t, func(config string) string { return oneDomain(closedTo(`"address"`)(config)) })
	jean, anne := d.jean(), d.person("Anne Durand", "anne.durand@example.com")
	backed := "Authentication-Results: front.example.com; spf=pass smtp.mailfrom=jean@client.example"
	for _, r := range d.lmtp("jean@client.example", []string{generic}, jean.mail(generic, "Bonjour", "Je suis nouveau.\n", backed)) {
		if !strings.HasPrefix(r, "250 ") {
			t.Errorf("reply %q", r)
		}
	}
	sentence := jean.reads()
	d.says(sentence, "clients enregistrés", "Relation Client")
	d.expect(10000, ticket.Closed, d.ticket(10000).Assignee)
	if !d.ticket(10000).Suspect {
		t.Error("the ticket is not suspect")
	}
	// One who forges an address makes nobody hear of it.
	d.lmtp("victim@client.example", []string{generic}, d.person("Victim", "victim@client.example").mail(generic, "Bonjour", "x\n"))
	d.person("Victim", "victim@client.example").hearsNothing()
	d.expect(10001, ticket.Closed, d.ticket(10001).Assignee)

	// An answer to the sentence opens nothing.
	to, mail := replyTo(sentence, jean.String(), "Mais si !\n", backed)
	d.lmtp("jean@client.example", []string{to}, jean.dated(mail))
	d.expect(10000, ticket.Closed, d.ticket(10000).Assignee)
	jean.hearsNothing()
	anne.hearsNothing()
	if kinds := d.messages(10000); kinds != "in visitor" {
		t.Errorf("messages: %s", kinds)
	}
}

// Whom an agent opens a ticket for is known from then on.
func TestWhomAnAgentNamesIsKnown(t *testing.T) {
	t.Parallel()
	d := newDesk(t, closedTo(`"address"`))
	jean, anne := d.jean(), d.anne()
	anne.password = "secret of anne"
	anne.writes(generic, "Appel de Jean", "#customer jean@client.example\nIl rappellera.\n")
	jean.reads()
	jean.writes(generic, "Autre chose", "Bonjour.\n")
	if n := d.tickets(); n != 2 {
		t.Errorf("%d tickets", n)
	}
}

// A mail to two teams goes to the one that takes it, and only there.
func TestAStrangersMailToTwoTeamsGoesToTheOpenOne(t *testing.T) {
	t.Parallel()
	d := newDesk(t, closedTo(`"address"`))
	jean, anne, bruno := d.jean(), d.anne(), d.bruno()
	both := generic + ", export@example.com"
	if err := jean.posts([]string{generic, "export@example.com"}, jean.mail(both, "Question", "Bonjour.\n")); err != nil {
		t.Fatal(err)
	}
	if ack := jean.reads(); !strings.HasPrefix(ack.subject(), "Your request") {
		t.Errorf("acknowledged with %q", ack.subject())
	}
	bruno.reads()
	anne.hearsNothing()
	if tk := d.ticket(10000); tk.Team.String() != "export@example.com" || len(tk.Teams) != 0 {
		t.Errorf("team %s, also %v", tk.Team, tk.Teams)
	}
}
