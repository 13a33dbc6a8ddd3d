package server_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"postdesk/internal/ticket"
)

// state brings ticket 10000 into one of the states of the matrix.
func (d *desk) state(name string, anne *person, copy received) {
	d.Helper()
	switch name {
	case "solved":
		anne.answers(copy, "#solved\n")
	case "closed recently", "closed long ago":
		anne.answers(copy, "#close\n")
	}
	anne.drop()
	if name == "closed long ago" {
		d.later(60 * 24 * time.Hour)
	}
}

// Who can reach a ticket by which mark, in which of its states.
func TestWhichTicket(t *testing.T) {
	t.Parallel()
	for _, state := range []string{"open", "solved", "closed recently", "closed long ago"} {
		t.Run(state, func(t *testing.T) {
			t.Parallel()
			d := newDesk(t, nil)
			d.whichTicket(state)
		})
	}
}

func (d *desk) whichTicket(state string) {
	jean, anne := d.jean(), d.anne()
	victim, stranger := "la-phrase-de-jean", d.person("Mallory", "mallory@other.example")
	q := jean.writes(generic, "Dossier "+victim, "Voici "+victim+".\n")
	ack, copy := jean.reads(), anne.reads()
	anne.answers(copy, "La réponse à "+victim+".\n")
	reply := jean.reads()
	stranger.writes(generic, "Autre chose", "Rien.\n")
	other := stranger.reads()
	d.state(state, anne, copy)
	d.drained()

	senders := []struct {
		name  string
		p     *person
		proof bool // a participant whose address is backed
	}{
		{"participant", jean, true}, {"stranger", stranger, false}, {"forged participant", jean.from("x@nobody.example"), false},
	}
	marks := []struct {
		name, subject, references string
		minted, held              bool
	}{
		{"none", "Bonjour", "", false, false},
		{"number", "Re: [#10000]", "", false, true},
		{"our words", "Re: Votre demande n°10000", "", false, true},
		{"id of a held mail", "Re: Dossier", q, false, true},
		{"minted id", "Re: Dossier", reply.id(), true, false},
		{"minted id of the acknowledgement", "Re: Dossier", ack.id(), true, false},
		{"another ticket's", "Re: Autre chose", other.id(), false, false},
		{"truncated", "Re: Dossier", reply.id()[8:], false, false},
		{"broken", "Re: Dossier", broken("+t" + reply.id())[2:], false, false},
	}
	for _, s := range senders {
		for _, m := range marks {
			d.Run(s.name+", "+m.name, func(t *testing.T) {
				messages, tickets := d.messages(10000), d.tickets()
				var headers []string
				if m.references != "" {
					headers = append(headers, "References: <"+m.references+">")
				}
				s.p.writes(generic, m.subject, fmt.Sprintf("Texte %d.\n", time.Now().UnixNano()), headers...)
				d.drained()
				joined := d.messages(10000) != messages
				want := state != "closed long ago" && (m.minted || m.held && s.proof)
				if joined != want {
					t.Errorf("joined is %v, want %v: %s → %s", joined, want, messages, d.messages(10000))
				}
				if !want && m.name != "another ticket's" && d.tickets() != tickets+1 {
					t.Errorf("%d tickets, want a new one after %d", d.tickets(), tickets)
				}
				d.trace(t, s.name, m.name, m.minted || m.held && s.proof, state, uint64(9999+d.tickets()), m.held && !s.proof)
			})
		}
	}
	for _, r := range stranger.mailbox() {
		d.without(parse(d.T, r), victim, "jean@", "Jean", "10000")
	}
}

// trace checks what the history says of a mail that joined or did not.
func (d *desk) trace(t *testing.T, who, mark string, proven bool, state string, latest uint64, mentioned bool) {
	t.Helper()
	last := d.messages(10000)[strings.LastIndex(d.messages(10000), " ")+1:]
	switch {
	case mentioned:
		if e := d.happened(latest, ticket.Mentions); len(e) != 1 || e[0].Data["number"] != "10000" {
			t.Errorf("ticket %d: mentions %+v, want 10000", latest, e)
		}
	case proven && state == "closed long ago":
		if e := d.happened(latest, ticket.Linked); len(e) != 1 || e[0].Data["number"] != "10000" {
			t.Errorf("ticket %d: linked %+v, want 10000", latest, e)
		}
	case proven && who == "stranger" && last != "visitor":
		t.Errorf("the stranger's mail is %q, want a visitor's", last)
	case proven && who != "stranger" && last != "in":
		t.Errorf("the mail is %q, want in", last)
	}
	if proven && who == "participant" && state != "closed long ago" {
		d.expect(10000, ticket.Open, "anne")
	}
}

// A visitor is shown to the agent, flagged, and sent nothing.
func TestAVisitorIsFlaggedAndSentNothing(t *testing.T) {
	t.Parallel()
	d := newDesk(t, nil)
	jean, anne, marie := d.jean(), d.anne(), d.person("Marie", "marie@other.example")
	ack, copy := d.ask(jean, anne, "Une question", "Bonjour\n")
	marie.answers(ack, "Je réponds pour Jean.\n")
	shown := anne.reads()
	d.says(shown, "Je réponds pour Jean.", "marie@other.example")
	marie.hearsNothing()
	anne.answers(copy, "Voici.\n")
	d.without(jean.reads(), "marie@", "pour Jean")
	marie.hearsNothing()
	if kinds := d.messages(10000); kinds != "in visitor out" {
		t.Errorf("messages: %s", kinds)
	}
}

// A Cc'd person is a participant: gets what is said from now on and may answer.
// History goes to nobody because of a Cc.
func TestACopiedPersonTakesPart(t *testing.T) {
	t.Parallel()
	d := newDesk(t, nil)
	jean, anne, marie := d.jean(), d.anne(), d.person("Marie", "marie@other.example")
	_, copy := d.ask(jean, anne, "Une question", "Le premier mot.\n")
	anne.answers(copy, "Le deuxième mot.\n")
	reply := jean.reads()

	_, more := replyTo(reply, jean.String(), "Je mets Marie en copie.\n", "Cc: Marie <marie@other.example>")
	if err := jean.posts([]string{generic}, more); err != nil {
		t.Fatal(err)
	}
	second := anne.reads()
	d.says(second, "marie@other.example")
	if len(second.Header.Values("Cc")) != 0 {
		t.Errorf("the copy has a live Cc:\n%s", second.Raw)
	}
	marie.hearsNothing()

	anne.answers(second, "Le quatrième mot.\n")
	last := marie.reads()
	if got := last.Header.Mailboxes("Cc"); len(got) != 1 || got[0].Address.String() != marie.address {
		t.Errorf("Cc of the answer: %v", got)
	}
	d.says(jean.reads(), "Le quatrième mot.")
	marie.answers(last, "Moi aussi je parle.\n")
	d.says(anne.reads(), "Moi aussi je parle.")
	marie.hearsNothing()
	if kinds := d.messages(10000); kinds != "in out in out in" {
		t.Errorf("messages: %s", kinds)
	}
}

// A forged Cc names nobody.
func TestAnUnbackedMailNamesNoParticipant(t *testing.T) {
	t.Parallel()
	d := newDesk(t, nil)
	jean, anne, mallory := d.jean(), d.anne(), d.person("Mallory", "mallory@other.example")
	_, copy := d.ask(jean, anne, "Une question", "Le premier mot.\n")
	anne.answers(copy, "Le deuxième mot.\n")
	reply := jean.reads()
	_, forged := replyTo(reply, jean.String(), "Mettez mallory en copie.\n", "Cc: mallory@other.example", "Reply-To: mallory@other.example")
	if err := jean.from("x@nobody.example").posts([]string{generic}, forged); err != nil {
		t.Fatal(err)
	}
	anne.answers(anne.reads(), "Le quatrième mot.\n")
	jean.reads()
	mallory.hearsNothing()
}

// A Reply-To that changed is used, and shown to the agent.
func TestAChangedReplyToIsUsedAndShown(t *testing.T) {
	t.Parallel()
	d := newDesk(t, nil)
	jean, anne, home := d.jean(), d.anne(), d.person("", "jean.home@other.example")
	ack, _ := d.ask(jean, anne, "Une question", "Bonjour\n")
	jean.answers(ack, "Répondez chez moi.\n", "Reply-To: jean.home@other.example")
	copy := anne.reads()
	d.says(copy, "jean.home@other.example")
	anne.answers(copy, "D'accord.\n")
	d.says(home.reads(), "D'accord.")
	jean.hearsNothing()
	home.answers(d.mailTo(home, 0), "Merci.\n") // the new address is his
	anne.reads()
	if kinds := d.messages(10000); kinds != "in in out in" {
		t.Errorf("messages: %s", kinds)
	}
}

// A sender that lost our 250 sends again: one ticket, one acknowledgement, one
// copy.
func TestTheSameMailTwiceIsOneTicket(t *testing.T) {
	t.Parallel()
	d := newDesk(t, nil)
	jean, anne, bruno := d.jean(), d.anne(), d.bruno()
	mail := jean.mail(generic, "Une question", "Bonjour\n")
	for range 3 {
		if err := jean.posts([]string{generic}, "Received: from somewhere by other; "+time.Now().Format(time.RFC1123Z)+"\n"+mail); err != nil {
			t.Fatal(err)
		}
	}
	jean.reads()
	anne.reads()
	jean.hearsNothing()
	anne.hearsNothing()
	bruno.hearsNothing()

	// The same mail to a second team only adds the team.
	if err := jean.posts([]string{"export@example.com"}, mail); err != nil {
		t.Fatal(err)
	}
	if got := bruno.reads(); !strings.Contains(got.subject(), "#10000") {
		t.Errorf("bruno's copy: %q", got.subject())
	}
	if err := jean.posts([]string{"export@example.com"}, mail); err != nil {
		t.Fatal(err)
	}
	bruno.hearsNothing()
	jean.hearsNothing()
	if d.tickets() != 1 || len(d.ticket(10000).Teams) != 1 {
		t.Errorf("%d tickets, teams %v", d.tickets(), d.ticket(10000).Teams)
	}
	// Eight days later it is a new mail.
	d.later(8 * 24 * time.Hour)
	if err := jean.posts([]string{generic}, mail); err != nil {
		t.Fatal(err)
	}
	d.drained()
	if d.tickets() != 2 {
		t.Errorf("%d tickets after eight days, want 2", d.tickets())
	}
}

// One mail to two teams: the first of our addresses in To owns it.
func TestTwoTeamsInOneMail(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, to, cc, owner, told string }{
		{"both in To", "export@example.com, " + generic, "", "export@example.com", generic},
		{"To before Cc", generic, "export@example.com", generic, "export@example.com"},
		{"an alias", "export@example.com, sav@example.com", "", "export@example.com", generic},
		{"one in Bcc", generic, "", generic, "export@example.com"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			d := newDesk(t, nil)
			jean, bruno := d.jean(), d.bruno()
			var headers []string
			if c.cc != "" {
				headers = append(headers, "Cc: "+c.cc)
			}
			to := generic
			if strings.Contains(c.to, "sav@") {
				to = "sav@example.com"
			}
			if err := jean.posts([]string{to, "export@example.com"}, jean.mail(c.to, "Deux équipes", "Bonjour\n", headers...)); err != nil {
				t.Fatal(err)
			}
			if ack := jean.reads(); ack.Header.Mailboxes("From")[0].Address.String() != c.owner {
				t.Errorf("acknowledged by %s", ack.token())
			}
			jean.hearsNothing()
			bruno.reads()
			bruno.hearsNothing()
			tk := d.ticket(10000)
			if tk.Team.String() != c.owner || len(tk.Teams) != 1 || tk.Teams[0].String() != c.told || d.tickets() != 1 {
				t.Errorf("team %s, also %v, %d tickets", tk.Team, tk.Teams, d.tickets())
			}
		})
	}
}

// A team that is only in Bcc gets the mail; nobody is acknowledged, since the
// mail was not written to it (RFC 3834 §2).
func TestATeamInBcc(t *testing.T) {
	t.Parallel()
	d := newDesk(t, nil)
	jean, anne := d.jean(), d.anne()
	if err := jean.posts([]string{generic}, jean.mail("someone@else.example", "En copie cachée", "Bonjour\n")); err != nil {
		t.Fatal(err)
	}
	anne.reads()
	jean.hearsNothing()
	if e := d.happened(10000, ticket.Silent); len(e) != 1 || e[0].Data["reason"] != "not-addressed" {
		t.Errorf("events: %+v", e)
	}
}

// An acknowledgement that is answered keeps the request's own subject.
func TestAnsweringTheAcknowledgement(t *testing.T) {
	t.Parallel()
	d := newDesk(t, nil)
	jean, anne := d.jean(), d.anne()
	ack, _ := d.ask(jean, anne, "Une question", "Bonjour\n")
	jean.answers(ack, "J'oubliais ceci.\n")
	copy := anne.reads()
	if copy.subject() != "Une question [#10000]" {
		t.Errorf("subject of the copy: %q", copy.subject())
	}
	anne.answers(copy, "Bien reçu.\n")
	if reply := jean.reads(); strings.Contains(reply.subject(), "demande") || !strings.Contains(reply.subject(), "Une question") {
		t.Errorf("subject of the answer: %q", reply.subject())
	}
	jean.hearsNothing()
}

// A mail of a ticket that is written to another team as well tells that team,
// once.
func TestAnotherTeamLater(t *testing.T) {
	t.Parallel()
	d := newDesk(t, nil)
	jean, anne, bruno := d.jean(), d.anne(), d.bruno()
	_, copy := d.ask(jean, anne, "Une question", "Bonjour\n")
	anne.answers(copy, "Voyez aussi le service export.\n")
	reply := jean.reads()
	for _, text := range []string{"Chère équipe export, voyez.\n", "Encore un mot.\n"} {
		_, mail := replyTo(reply, jean.String(), text, "Cc: export@example.com")
		if err := jean.posts([]string{generic, "export@example.com"}, mail); err != nil {
			t.Fatal(err)
		}
		anne.reads()
	}
	d.says(bruno.reads(), "Chère équipe export")
	bruno.hearsNothing()
	if e := d.happened(10000, ticket.TeamAdded); len(e) != 1 || d.tickets() != 1 {
		t.Errorf("%+v, %d tickets", e, d.tickets())
	}
}

// An address of the token domain names no team. A stranger's mail to an agent's
// token goes to the team whose ticket it is, as a new request.
func TestAnInertTokenOfTheTokenDomain(t *testing.T) {
	t.Parallel()
	d := newDesk(t, func(config string) string { return config + "\n[tickets]\ntoken_domain = \"desk.example.com\"\n" })
	jean, bruno, mallory := d.jean(), d.bruno(), d.person("Mallory", "mallory@other.example")
	jean.writes("export@example.com", "Export", "Hello\n")
	copy := bruno.reads()
	mallory.answers(copy, "Hi there\n")
	if ack := mallory.reads(); ack.token() != "export@example.com" {
		t.Errorf("acknowledged by %s", ack.token())
	}
	if tk := d.ticket(10001); tk.Team.String() != "export@example.com" || d.messages(10000) != "in" {
		t.Errorf("ticket of %s; messages of the first: %s", tk.Team, d.messages(10000))
	}
	// So does one to a colleague's desk address.
	if _, err := d.srv.Pipeline.Welcome(t.Context(), "bruno"); err != nil {
		t.Fatal(err)
	}
	bruno.drop()
	mallory.answers(d.mailTo(bruno, len(bruno.mailbox())-1), "Hello again\n")
	mallory.reads()
	d.drained()
	if d.tickets() != 3 {
		t.Errorf("%d tickets", d.tickets())
	}
}
