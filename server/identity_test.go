package server_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"postdesk/internal/ticket"
	"postdesk/pipeline"
)

// An agent's address in From is believed with a token of this agent and a
// backed address, from a trusted network, and over submission; nowhere else.
func TestWhoIsBelieved(t *testing.T) {
	t.Parallel()
	for _, network := range []struct{ name, config string }{
		{"from anywhere", ""},
		{"from a trusted network", `trusted_networks = ["127.0.0.0/8"]`},
	} {
		t.Run(network.name, func(t *testing.T) {
			t.Parallel()
			d := newDesk(t, func(config string) string { return network.config + "\n" + config })
			d.whoIsBelieved(network.config != "")
		})
	}
}

func (d *desk) whoIsBelieved(trusted bool) {
	jean, anne, bruno := d.jean(), d.anne(), d.bruno()
	_, copy := d.ask(jean, anne, "Une question", "Bonjour\n")
	anne.answers(copy, "#note\nBruno, qu'en penses-tu ?\n")
	anne.answers(copy, "#assign bruno\n")
	brunos := bruno.reads()
	anne.reads() // the transcript
	d.drained()

	for _, sender := range []struct{ name, envelope string }{
		{"backed", "anne.durand@corp.example"}, {"unaligned", "anne@other.example"}, {"without SPF", "anne@nobody.example"}, {"null sender", "<>"},
	} {
		for _, mark := range []struct {
			name, to, references string
			proves               bool
		}{
			{"no token", generic, "", false},
			{"her reply address", copy.token(), copy.id(), true},
			{"a minted id", generic, copy.id(), true},
			{"a colleague's reply address", brunos.token(), "", false},
			{"a colleague's minted id", generic, brunos.id(), false},
			{"a broken token", broken(copy.token()), "", false},
			{"a broken minted id", generic, broken(copy.id()), false},
			{"the customer's minted id", generic, d.mailTo(jean, 0).id(), false},
		} {
			d.Run(sender.name+", "+mark.name, func(t *testing.T) {
				me := anne.from(sender.envelope)
				before, said := len(d.held()), len(jean.mailbox())
				headers := []string{}
				if mark.references != "" {
					headers = append(headers, "In-Reply-To: <"+mark.references+">")
				}
				secret := fmt.Sprintf("Réponse %d.\n", time.Now().UnixNano())
				me.writes(mark.to, "Re: Une question [#10000]", secret, headers...)
				d.drained()
				believed := trusted || mark.proves && sender.name == "backed"
				held := len(d.held()) - before
				automatic := sender.envelope == "<>" // nobody has to answer a question about it
				if believed && mark.proves && held != 0 || !believed && !automatic && held != 1 {
					t.Errorf("%d mails were held, believed should be %v", held, believed)
				}
				got := len(jean.mailbox()) - said
				if (!believed || automatic) && got != 0 || believed && mark.proves && !automatic && got != 1 {
					t.Errorf("the customer got %d mails", got)
				}
			})
		}
	}
}

// mailTo is the n-th mail that a person got.
func (d *desk) mailTo(p *person, n int) received { return parse(d.T, p.mailbox()[n]) }

// broken changes one character in the middle of a token.
func broken(s string) string {
	at := strings.Index(s, "+t") + 12
	c := byte('a')
	if s[at] == c {
		c = 'b'
	}
	return s[:at] + string(c) + s[at+1:]
}

// The login is who writes.
func TestSubmissionBelievesTheLogin(t *testing.T) {
	t.Parallel()
	d := newDesk(t, nil)
	jean, anne := d.jean(), d.anne()
	_, copy := d.ask(jean, anne, "Une question", "Bonjour\n")
	anne.password = "secret of anne"

	anne.answers(copy, "Voici la réponse.\n")
	d.says(jean.reads(), "Voici la réponse.")

	// As a colleague, as a customer, as a team that she is not of.
	for _, from := range []string{"bruno.petit@corp.example", "jean@client.example", "export@example.com"} {
		_, mail := replyTo(copy, from, "Je suis un autre.\n")
		err := d.submit("anne", "secret of anne", "anne.durand@corp.example", []string{copy.token()}, mail)
		if !refused(err, 550, "5.7.1") {
			t.Errorf("From %s over Anne's login: %v, want 550", from, err)
		}
		err = d.submit("anne", "secret of anne", "bruno.petit@corp.example", []string{copy.token()}, mail)
		if !refused(err, 550, "5.7.1") {
			t.Errorf("MAIL FROM of Bruno over Anne's login: %v, want 550", err)
		}
	}
	// Her alias and her team's address are hers.
	for _, from := range []string{"a.durand@corp.example", generic} {
		anne.address = from
		_, mail := replyTo(copy, anne.String(), "Encore moi, "+from+".\n")
		if err := d.submit("anne", "secret of anne", from, []string{copy.token()}, mail); err != nil {
			t.Errorf("From %s: %v", from, err)
			continue
		}
		d.says(jean.reads(), "Encore moi")
	}
	jean.hearsNothing()
}

// A held mail waits for the agent's word, which comes with the one-time token
// of the notice at the registered address.
func TestAHeldMailIsReleasedOnce(t *testing.T) {
	t.Parallel()
	d := newDesk(t, nil)
	jean, anne := d.jean(), d.anne()
	_, copy := d.ask(jean, anne, "Une question", "Bonjour\n")

	// From her phone, through somebody's server: right token, nothing backs it.
	anne.from("anne@nobody.example").answers(copy, "Réponse du téléphone.\n")
	notice := anne.reads()
	d.says(notice, "Réponse du téléphone.")
	if notice.From != "" || notice.Header.Get("Auto-Submitted") == "" {
		t.Errorf("the notice has the sender %q:\n%s", notice.From, notice.Raw)
	}
	jean.hearsNothing()

	// An automatic answer releases nothing, nor does a stranger who has the token.
	anne.answers(notice, "Je suis absente.\n", "Auto-Submitted: auto-replied")
	d.person("Mallory", "mallory@other.example").answers(notice, "#send\n")
	d.person("Bruno Petit", "bruno.petit@corp.example").answers(notice, "#send\n")
	jean.hearsNothing()
	if len(d.held()) < 1 {
		t.Fatal("the mail is not held any more")
	}

	anne.drop()
	anne.answers(notice, "Oui, c'est moi.\n")
	reply := jean.reads()
	d.says(reply, "Réponse du téléphone.")
	d.without(reply, "c'est moi", "anne.durand@")
	d.expect(10000, ticket.Pending, "anne")

	// A second word changes nothing, and she hears that it was decided.
	anne.answers(notice, "#send\n")
	d.says(anne.reads(), "déjà demandé", "est parti")
	jean.hearsNothing()
}

// drop forgets the mails that came so far.
func (p *person) drop() {
	p.d.Helper()
	p.d.drained()
	p.read = len(p.mailbox())
}

func TestAHeldMailIsCancelled(t *testing.T) {
	t.Parallel()
	d := newDesk(t, nil)
	jean, anne := d.jean(), d.anne()
	_, copy := d.ask(jean, anne, "Une question", "Bonjour\n")
	anne.from("anne@nobody.example").answers(copy, "Je n'ai pas écrit cela.\n")
	notice := anne.reads()
	anne.answers(notice, "#annuler\n")
	d.says(anne.reads(), "abandonné")
	anne.answers(notice, "#envoyer\n")
	d.says(anne.reads(), "déjà demandé", "abandonné")
	jean.hearsNothing()
	if h := d.held(); len(h) != 0 {
		t.Errorf("still held: %+v", h)
	}
}

// Whoever forges an agent's address does not flood the agent.
func TestForgedAgentsDoNotFloodTheAgent(t *testing.T) {
	t.Parallel()
	d := newDesk(t, nil)
	anne := d.anne()
	forger := anne.from("x@nobody.example")
	for i := range 30 {
		forger.writes(generic, fmt.Sprintf("Urgent %d", i), "#close\n")
	}
	d.drained()
	if got := len(anne.mailbox()); got > 20 {
		t.Errorf("%d notices within the hour, want at most 20", got)
	}
	if got := len(d.held()); got != 30 {
		t.Errorf("%d mails are held, want all 30", got)
	}
	if d.tickets() != 0 {
		t.Errorf("%d tickets", d.tickets())
	}
}

// An agent's token in a customer's hands is inert: the mail is judged as if it
// had come to the team's address.
func TestAnAgentsTokenInACustomersHandsIsInert(t *testing.T) {
	t.Parallel()
	d := newDesk(t, nil)
	jean, anne := d.jean(), d.anne()
	_, copy := d.ask(jean, anne, "Une question", "Mon secret.\n")
	mallory := d.person("Mallory", "mallory@other.example")
	mallory.answers(copy, "#close\nJe passe par la porte de service.\n")
	ack := mallory.reads()
	if ack.subject() != "Votre demande n°10001" {
		t.Errorf("mallory got %q", ack.subject())
	}
	d.without(ack, "secret", "Jean", "10000", "service")
	d.expect(10000, ticket.New, "anne")
	jean.hearsNothing()
}

// An admin lets a held mail go its way, or drops it; once.
func TestAnAdminReleasesAHeldMail(t *testing.T) {
	t.Parallel()
	d := newDesk(t, nil)
	jean, anne := d.jean(), d.anne()
	form := d.person("Formulaire", generic).from("www@other.example")
	form.writes(generic, "Du site", "Une demande du site.\n")
	_, copy := d.ask(jean, anne, "Une question", "Bonjour\n")
	anne.from("x@nobody.example").answers(copy, "Du téléphone.\n")
	anne.from("x@nobody.example").answers(copy, "D'un faussaire.\n")
	d.drained()
	held := d.held()
	if len(held) != 3 {
		t.Fatalf("held: %+v", held)
	}
	for i, h := range held {
		act := func() error {
			if i == 2 {
				return d.srv.Pipeline.DropHeld(t.Context(), h.ID, pipeline.Admin("root"))
			}
			_, err := d.srv.Pipeline.ReleaseHeld(t.Context(), h.ID, pipeline.Admin("root"))
			return err
		}
		if err := act(); err != nil {
			t.Errorf("%s: %v", h.Why, err)
		}
		if err := act(); err == nil {
			t.Errorf("%s: it was decided twice", h.Why)
		}
	}
	d.says(jean.reads(), "Du téléphone.")
	jean.hearsNothing()
	if d.tickets() != 2 || d.messages(10001) != "in" {
		t.Errorf("%d tickets", d.tickets())
	}
	if n := len(form.mailbox()); n != 0 {
		t.Errorf("%d acknowledgements to our own address", n)
	}
}

// A held mail that is released is read like any other: a command that can't be
// understood holds it again.
func TestAReleasedMailIsStillRead(t *testing.T) {
	t.Parallel()
	d := newDesk(t, nil)
	jean, anne := d.jean(), d.anne()
	_, copy := d.ask(jean, anne, "Une question", "Bonjour\n")
	anne.from("anne@nobody.example").answers(copy, "#sovled\nC'est fini.\n")
	anne.answers(anne.reads(), "Oui.\n")
	d.says(anne.reads(), "#sovled", "#solved")
	jean.hearsNothing()
}
