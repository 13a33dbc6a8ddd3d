package server_test

import (
	"strings"
	"testing"
	"time"

	"postdesk/internal/ticket"
	"postdesk/store"
)

// finds waits for a mail among those not read yet whose sender, subject and text have
// all words. Mails of one moment come in any order.
func (p *person) finds(words ...string) received {
	p.d.Helper()
	for end := time.Now().Add(wait); time.Now().Before(end); time.Sleep(2 * time.Millisecond) {
		for _, m := range p.mailbox()[p.read:] {
			r := parse(p.d.T, m)
			all := r.Header.Mailboxes("From")[0].Name + "\n" + r.subject() + "\n" + r.text()
			fits := true
			for _, w := range words {
				fits = fits && strings.Contains(all, w)
			}
			if fits {
				return r
			}
		}
	}
	for _, m := range p.mailbox()[p.read:] {
		p.d.Logf("--- not it:\n%s", parse(p.d.T, m).text())
	}
	p.d.Fatalf("%s: no mail with %q", p.address, words)
	return received{}
}

// isIn checks of which ticket the mail is that came last with a text.
func (d *desk) isIn(text string, number uint64) {
	d.Helper()
	d.drained()
	found := uint64(0)
	d.view(func(tx store.ReadTx) error {
		return store.TicketsByNumber(tx, 0, false, func(t *ticket.Ticket) error {
			return store.Messages(tx, t.Number, func(m ticket.Message) error {
				mail, err := tx.Mail(store.MailID(m.Mail))
				if err != nil {
					return err
				}
				raw := make([]byte, mail.Size())
				if _, err := mail.ReadAt(raw, 0); err != nil {
					return err
				}
				if strings.Contains(string(raw), text) && found == 0 {
					found = t.Number
				}
				return nil
			})
		})
	})
	if found != number {
		d.Errorf("%q is in ticket %d, want %d", text, found, number)
	}
}

// two are a ticket of jean's that anne has answered, and a second one.
func (d *desk) two(jean, anne *person) (reply, ack2, copy1, copy2 received, first, second string) {
	d.Helper()
	first = jean.writes(generic, "Panne du four", "Le four ne chauffe plus.\n")
	jean.reads()
	copy1 = anne.reads()
	anne.answers(copy1, "Éteignez-le et rallumez-le.\n")
	reply = jean.reads()
	second = jean.writes(generic, "Encore le four", "Toujours froid.\n")
	ack2, copy2 = jean.reads(), anne.reads()
	return reply, ack2, copy1, copy2, first, second
}

// Two tickets of a customer become one, whichever of the two numbers is typed
// where: the older stays, and all that leads to either leads to it.
func TestMerge(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, command string }{{"the older is named", "#merge 10000"}, {"the younger is named", "#fusionner n° 10001"}} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			d := newDesk(t, nil)
			jean, anne := d.jean(), d.anne()
			reply, ack2, copy1, copy2, _, second := d.two(jean, anne)
			from := copy2
			if strings.Contains(c.command, "10001") {
				from = copy1
			}
			anne.answers(from, c.command+"\n")
			said := anne.reads()
			d.says(said, c.command, "10001", "10000", "Anne Durand")
			if !strings.Contains(said.subject(), "[#10000]") {
				t.Errorf("the transcript is in %q", said.subject())
			}
			d.expect(10000, ticket.Open, "anne")
			if gone := d.ticket(10001); gone.MergedInto != 10000 || gone.Status != ticket.Closed || d.messages(10001) != "" {
				t.Errorf("ticket 10001: %s into %d, messages %q", gone.Status, gone.MergedInto, d.messages(10001))
			}
			if kinds := d.messages(10000); kinds != "in out in internal" {
				t.Errorf("messages: %s", kinds)
			}
			jean.hearsNothing()

			jean.answers(ack2, "Suite une.\n")
			d.isIn("Suite une", 10000)
			jean.answers(reply, "Suite deux.\n")
			d.isIn("Suite deux", 10000)
			jean.writes(generic, "Re: Encore le four", "Suite trois.\n", "References: <"+second+">")
			d.isIn("Suite trois", 10000)
			jean.writes(generic, "Re: Votre demande n°10001", "Suite quatre.\n")
			d.isIn("Suite quatre", 10000)
			anne.drop()
			anne.answers(copy2, "Un technicien passera demain.\n")
			got := jean.reads()
			d.says(got, "Un technicien passera demain.")
			if ids := got.Header.MessageIDs("References"); got.subject() != "Panne du four" || !strings.Contains(strings.Join(ids, " "), second) {
				t.Errorf("the answer: %q, references %v", got.subject(), ids)
			}
			d.expect(10000, ticket.Pending, "anne")
			if d.tickets() != 2 {
				t.Errorf("%d tickets", d.tickets())
			}
			jean.answers(got, "Merci.\n")
			thanks := strings.Join(anne.reads().Header.MessageIDs("References"), " ")
			for _, c := range []received{copy1, copy2} { // one thread in the agent's client
				if !strings.Contains(thanks, c.Header.MessageIDs("References")[0]) {
					t.Errorf("the copy's references %s lack the thread of %q", thanks, c.subject())
				}
			}
			anne.answers(copy2, "#merge 10000\n")
			d.says(anne.reads(), "déjà la même demande")
			anne.answers(copy2, "#history 10001\n") // of both, under either number
			d.says(anne.reads(), "n°10000", "«\u00a0Encore le", "«\u00a0Panne du", "a fusionné la demande n°10001 avec celle-ci")
		})
	}
}

// The colleague who looks after the ticket that stays gets the mail of the one
// that came; who had that one hears where it is.
func TestMergeAcrossAgents(t *testing.T) {
	t.Parallel()
	d := newDesk(t, nil)
	jean, anne, bruno := d.jean(), d.anne(), d.bruno()
	d.ask(jean, anne, "Panne du four", "Le four ne chauffe plus.\n")
	jean.writes(generic, "Facture", "Voici ma facture perdue.\n")
	jean.reads()
	copy2 := bruno.reads()
	bruno.answers(copy2, "#merge #10000\n")
	d.says(bruno.finds("réunie"), "suivie par Anne Durand")
	came := anne.finds("ma facture perdue")
	if came.subject() != "Panne du four [#10000]" {
		t.Errorf("the copy: %q", came.subject())
	}
	d.expect(10000, ticket.New, "anne")
	bruno.hearsNothingBut(1)
}

// Somebody else than its agent merges a ticket: its agent hears where it is now,
// and who looks after the one that stays gets the mail.
func TestAColleagueMerges(t *testing.T) {
	t.Parallel()
	d := newDesk(t, observed)
	jean, anne, bruno, claire := d.jean(), d.anne(), d.bruno(), d.person("Claire Martin", "claire.martin@corp.example")
	_, copy1 := d.ask(jean, anne, "Panne du four", "Le four ne chauffe plus.\n")
	jean.writes(generic, "Facture", "Voici ma facture perdue.\n")
	copy2 := bruno.reads()
	anne.answers(copy1, "#assign claire\n")
	seen := claire.reads()
	anne.drop()
	jean.drop()
	claire.answers(seen, "#merge 10001\n")
	claire.finds("réunie", "suivie par Claire Martin")
	claire.finds("ma facture perdue", "via Relation Client")
	d.says(bruno.reads(), "Claire Martin a réuni la demande n°10001 à la n°10000", "rien à faire")
	bruno.answers(copy2, "Je l’ai retrouvée.\n")
	d.says(jean.reads(), "Je l’ai retrouvée.")
	d.isIn("retrouv", 10000)
	anne.hearsNothing()
}

// hearsNothingBut reads the mails that came, and checks how many.
func (p *person) hearsNothingBut(n int) {
	p.d.Helper()
	p.d.drained()
	if got := len(p.mailbox()) - p.read; got != n {
		p.d.Errorf("%s got %d mails, want %d", p.address, got, n)
	}
	p.drop()
}

// anyone is the first of the people who has a mail to read.
func (d *desk) anyone(people ...*person) *person {
	d.Helper()
	d.drained()
	for _, p := range people {
		if len(p.mailbox()) > p.read {
			return p
		}
	}
	d.Fatal("nobody has a mail to read")
	return nil
}

// What may not be merged: another customer's ticket, with the reason; one that
// the agent may not see, as if it were not there. Nothing is done then, and the
// customer hears nothing.
func TestMergeRefused(t *testing.T) {
	t.Parallel()
	d := newDesk(t, nil)
	jean, anne, bruno, paul := d.jean(), d.anne(), d.bruno(), d.person("Paul Secret", "paul@other.example")
	_, copy := d.ask(jean, anne, "Panne", "Bonjour\n")
	paul.writes(generic, "Affaire confidentielle", "Chut.\n")
	paul.reads()
	bruno.reads()
	paul.writes("export@example.com", "Export confidentiel", "Chut.\n")
	paul.reads()
	bruno.reads()
	for _, c := range []struct {
		command string
		says    []string
		without []string
	}{
		{"#merge 10001", []string{"Paul Secret (paul@other.example)", "Jean Client", "#cc +paul@other.example"}, []string{"confidentiel", "Chut"}},
		{"#merge 10002", []string{"pas de demande n°10002"}, []string{"confidentiel", "Paul", "Export"}},
		{"#merge 99999", []string{"pas de demande n°99999"}, nil},
		{"#merge 10000", []string{"déjà la même demande"}, nil},
		{"#merge la précédente", []string{"numéro"}, nil},
		{"#merge 10000x", []string{"numéro"}, nil},
	} {
		anne.answers(copy, "#solved fini\n"+c.command+"\nBonjour, c’est réglé.\n")
		got := anne.reads()
		d.says(got, append(c.says, c.command)...)
		d.without(got, c.without...)
		d.expect(10000, ticket.New, "anne")
	}
	jean.hearsNothing()
	paul.hearsNothing()
	if d.messages(10000) != "in" || d.messages(10001) != "in" || d.messages(10002) != "in" {
		t.Errorf("messages: %s, %s, %s", d.messages(10000), d.messages(10001), d.messages(10002))
	}
}

// A closed ticket that a new one is merged into is open again, and the customer's
// people in copy are named to the agent.
func TestMergeIntoAClosedTicket(t *testing.T) {
	t.Parallel()
	d := newDesk(t, nil)
	jean, anne, marie := d.jean(), d.anne(), d.person("Marie", "marie@other.example")
	_, _, copy1, copy2, _, _ := d.two(jean, anne)
	anne.answers(copy1, "#close\n")
	anne.reads()
	jean.answers(d.mailTo(jean, 2), "Avec Marie.\n", "Cc: Marie <marie@other.example>")
	anne.reads()
	anne.answers(copy2, "#merge 10000\n")
	d.says(anne.reads(), "en copie à Marie (marie@other.example)")
	d.expect(10000, ticket.Open, "anne")
	anne.answers(copy1, "Bonjour à tous les deux.\n")
	d.says(jean.reads(), "Bonjour à tous les deux.")
	d.says(marie.reads(), "Bonjour à tous les deux.")
}

// Another customer's ticket may come in once that customer is in copy: the agent
// said so.
func TestMergeOfAnotherCustomer(t *testing.T) {
	t.Parallel()
	d := newDesk(t, nil)
	jean, anne, bruno, paul := d.jean(), d.anne(), d.bruno(), d.person("Paul", "paul@other.example")
	_, copy := d.ask(jean, anne, "Panne", "Bonjour\n")
	paul.writes(generic, "La même panne", "Moi aussi.\n")
	ack := paul.reads()
	bruno.reads()
	anne.answers(copy, "#cc +paul@other.example\n#merge 10001\n")
	d.says(anne.finds("réunie"), "en copie à paul@other.example")
	anne.drop()
	paul.answers(ack, "Du nouveau ?\n")
	seen := anne.finds("Du nouveau")
	anne.answers(seen, "Réparé.\n")
	d.says(jean.finds("Réparé."))
	d.says(paul.finds("Réparé."))
	if d.ticket(10001).MergedInto != 10000 || d.tickets() != 2 {
		t.Errorf("%d tickets", d.tickets())
	}
}

// Several numbers are one act: all or none.
func TestMergeOfSeveral(t *testing.T) {
	t.Parallel()
	d := newDesk(t, nil)
	jean, anne := d.jean(), d.anne()
	_, _, _, copy2, _, _ := d.two(jean, anne)
	jean.writes(generic, "Et encore", "Je reviens.\n")
	jean.reads()
	copy3 := anne.reads()
	anne.answers(copy3, "#merge 10000 10001 77777\n")
	d.says(anne.reads(), "pas de demande n°77777")
	if d.ticket(10002).MergedInto != 0 || d.ticket(10001).MergedInto != 0 {
		t.Error("some were merged")
	}
	anne.answers(copy3, "#merge 10001 et 10000\n")
	d.says(anne.reads(), "10002", "10001", "10000")
	if d.ticket(10002).MergedInto != 10001 || d.ticket(10001).MergedInto != 10000 || d.messages(10000) != "in out in in internal" {
		t.Errorf("messages: %s", d.messages(10000))
	}
	jean.drop()
	anne.answers(copy2, "Voilà.\n")
	d.says(jean.reads(), "Voilà.")
	d.isIn("Voilà.", 10000)
}

// A text beside #merge goes its way first, as ever; the agent hears of the merge
// in a notice.
func TestMergeWithAText(t *testing.T) {
	t.Parallel()
	d := newDesk(t, nil)
	jean, anne := d.jean(), d.anne()
	_, _, _, copy2, _, second := d.two(jean, anne)
	anne.answers(copy2, "#merge 10000\nUn technicien passera demain.\n")
	got := jean.reads()
	d.says(got, "Un technicien passera demain.")
	if ids := got.Header.MessageIDs("In-Reply-To"); len(ids) != 1 || ids[0] != second || got.subject() != "Encore le four" {
		t.Errorf("the answer: %q to %v", got.subject(), ids)
	}
	d.says(anne.reads(), "10001", "réunie", "Votre texte est parti")
	d.expect(10000, ticket.Pending, "anne")
	jean.answers(got, "Merci.\n")
	d.isIn("Merci.", 10000)
	if kinds := d.messages(10000); kinds != "in out in out in" {
		t.Errorf("messages: %s", kinds)
	}
	jean.hearsNothing()
}

// A note beside #merge is one of the ticket that stays, and nobody outside hears
// of it.
func TestMergeWithANote(t *testing.T) {
	t.Parallel()
	d := newDesk(t, nil)
	jean, anne, bruno := d.jean(), d.anne(), d.bruno()
	d.ask(jean, anne, "Panne du four", "Le four ne chauffe plus.\n")
	jean.writes(generic, "Facture", "Voici ma facture.\n")
	jean.reads()
	copy2 := bruno.reads()
	bruno.answers(copy2, "#merge 10000\n#note\nune seule affaire à mon avis\n")
	d.says(anne.finds("une seule affaire à mon avis", "NOTE"), "une seule affaire")
	anne.finds("Voici ma facture.")
	d.isIn("une seule affaire", 10000)
	jean.hearsNothing()
	anne.answers(anne.finds("NOTE"), "Je suis d’accord avec cela.\n")
	d.isIn("accord avec cela", 10000)
	jean.hearsNothing()
}
