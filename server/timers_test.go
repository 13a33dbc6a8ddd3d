package server_test

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"postdesk/internal/config"
	"postdesk/internal/testkit"
	"postdesk/internal/ticket"
	"postdesk/pipeline"
	"postdesk/store"
)

const shopHours = `hours = { days = "mon-sat", from = "09:00", to = "18:00", zone = "Europe/Paris", holidays = ["2030-12-25"] }` + "\n"

// withTimers is a desk with Claire, who supervises, and whose first team has
// opening hours and these settings.
func withTimers(settings ...string) func(string) string {
	return func(text string) string {
		text = strings.Replace(text, "language = \"fr\"\n", "language = \"fr\"\n"+shopHours+strings.Join(settings, "\n")+"\n", 1)
		return strings.Replace(text, "[[team]]", "[[agent]]\nid = \"claire\"\nname = \"Claire Roux\"\naddress = \"claire@corp.example\"\nrole = \"supervisor\"\n\n[[team]]", 1)
	}
}

func (d *desk) claire() *person { return d.person("Claire Roux", "claire@corp.example") }

// letter checks what the desk wrote to a customer by itself.
func (d *desk) letter(m received, subject, says string) {
	d.Helper()
	d.says(m, says)
	h := m.Header
	if m.From != "" || m.subject() != subject || h.Get("Auto-Submitted") != "auto-generated" || h.Get("X-Postdesk-Loop") == "" ||
		h.Mailboxes("From")[0].Address.String() != generic || len(h.MessageIDs("References")) < 2 {
		d.Errorf("not as a letter is:\n%s", m.Raw)
	}
}

func TestALateFirstAnswer(t *testing.T) {
	t.Parallel()
	d := newDesk(t, withTimers(`first_reply = "2d"`, `update_every = "3d"`))
	d.at("Fri 2030-11-22 10:00")
	jean, anne, claire := d.jean(), d.anne(), d.claire()
	d.ask(jean, anne, "Une panne", "Bonjour\n")
	d.later(3*24*time.Hour - time.Minute) // Monday, 9:59: Sunday is no working day
	if sleep := d.timers(); sleep > time.Minute {
		t.Errorf("sleeps %s, and something is due before", sleep)
	}
	jean.hearsNothing()
	claire.hearsNothing()

	d.later(2 * time.Minute)
	if sleep := d.timers(); sleep != time.Minute {
		t.Errorf("sleeps %s with nothing to do", sleep)
	}
	holding := jean.reads()
	d.letter(holding, "Une panne", "Votre demande n°10000 nous est bien parvenue")
	warning := claire.reads()
	d.says(warning, "attend une première réponse depuis plus de 2\u00a0jours ouvrés", "Un message d’attente a été envoyé au client")
	anne.hearsNothing()

	d.again()
	d.later(time.Hour)
	d.timers()
	jean.hearsNothing()
	claire.hearsNothing()
	jean.answers(holding, "Merci, j’attends.\n")
	anne.reads()

	d.later(3 * 24 * time.Hour) // Thursday
	d.timers()
	d.letter(jean.reads(), "Une panne", "nous travaillons toujours à votre demande")
	d.timers()
	jean.hearsNothing()
	claire.hearsNothing()
	d.expect(10000, ticket.New, d.ticket(10000).Assignee)
	if n := len(d.happened(10000, ticket.HoldingSent)) + 10*len(d.happened(10000, ticket.Overdue)) + 100*len(d.happened(10000, ticket.UpdateSent)); n != 111 {
		t.Errorf("events: %d", n)
	}
}

// The story of the customer's mail says what came of its waiting.
func TestExplainTellsWhatTimersDid(t *testing.T) {
	t.Parallel()
	d := newDesk(t, withTimers(`first_reply = "1d"`))
	d.at("Fri 2030-11-22 10:00")
	jean := d.jean()
	id := jean.writes(generic, "Une panne", "Bonjour\n")
	jean.reads()
	d.later(25 * time.Hour)
	d.timers()
	jean.reads()
	list, err := d.srv.Pipeline.Explain(t.Context(), id)
	if err != nil || len(list) != 1 {
		t.Fatalf("%d, %v", len(list), err)
	}
	var events, letters int
	for _, e := range list[0].Events {
		if e.What == ticket.HoldingSent || e.What == ticket.Overdue {
			events++
		}
	}
	for _, row := range list[0].Outbox {
		if row.Purpose == store.PurposeLetter {
			letters++
		}
	}
	if events != 2 || letters != 1 {
		t.Errorf("%d events, %d letters in the story", events, letters)
	}
}

func TestUpdatesWhileTheDeskOwesAnAnswer(t *testing.T) {
	t.Parallel()
	d := newDesk(t, withTimers(`first_reply = "2d"`, `update_every = "2d"`))
	d.at("Mon 2030-11-18 10:00")
	jean, anne := d.jean(), d.anne()
	_, copy := d.ask(jean, anne, "Une panne", "Bonjour\n")
	d.later(24 * time.Hour)
	anne.answers(copy, "Laquelle ?\n")
	reply := jean.reads()
	d.later(10 * 24 * time.Hour) // it is the customer's turn
	d.timers()
	jean.hearsNothing()

	jean.answers(reply, "La rouge.\n") // Friday
	anne.reads()
	d.later(2 * 24 * time.Hour) // Sunday
	d.timers()
	jean.hearsNothing()
	d.later(24*time.Hour + time.Minute)
	d.timers()
	d.letter(jean.reads(), "Une panne", "nous travaillons toujours")
	d.later(10 * 24 * time.Hour) // it stood still: one, not five
	d.timers()
	jean.reads()
	jean.hearsNothing()

	jean.answers(reply, "Alors ?\n") // the customer's own word is no reason to wait longer
	anne.reads()
	if err := d.srv.Pipeline.SetTicket(t.Context(), 10000, []pipeline.Change{{Key: "status", Value: "hold"}}, ticket.System); err != nil {
		t.Fatal(err)
	}
	d.later(20 * 24 * time.Hour)
	d.timers()
	jean.hearsNothing()
	d.claire().hearsNothing()
}

func TestTheCustomerIsRemindedOnceAndASolvedTicketCloses(t *testing.T) {
	t.Parallel()
	d := newDesk(t, withTimers(`remind_customer = "3d"`, `close_after = "7d"`))
	d.at("Mon 2030-11-18 10:00")
	jean, anne := d.jean(), d.anne()
	_, copy := d.ask(jean, anne, "Une panne", "Bonjour\n")
	anne.answers(copy, "Laquelle ?\n")
	jean.reads()
	d.later(3*24*time.Hour + time.Minute)
	d.timers()
	d.letter(jean.reads(), "Une panne", "Nous attendons votre réponse")
	d.later(30 * 24 * time.Hour)
	d.timers()
	jean.hearsNothing()
	d.expect(10000, ticket.Pending, "anne")

	anne.answers(copy, "#solved\n")
	anne.reads()                        // the transcript, on Saturday
	d.later(7*24*time.Hour - time.Hour) // Christmas and a Sunday are no working days
	d.timers()
	d.expect(10000, ticket.Solved, "anne")
	d.later(4 * 24 * time.Hour)
	d.timers()
	d.expect(10000, ticket.Closed, "anne")
	jean.hearsNothing()
	anne.hearsNothing()
	if tk := d.ticket(10000); !tk.ClosedAt.After(tk.SolvedAt) {
		t.Errorf("solved %s, closed %s", tk.SolvedAt, tk.ClosedAt)
	}
}

// Whoever was not acknowledged hears nothing later either; the supervisors hear
// of people only.
func TestTimersWriteToNobodyWhoWasNotAcknowledged(t *testing.T) {
	t.Parallel()
	d := newDesk(t, func(text string) string {
		text = withTimers(`first_reply = "1d"`, `update_every = "1d"`)(text)
		return strings.Replace(text, "agents = [\"bruno\"]\n", "agents = [\"bruno\"]\nacknowledge = false\nfirst_reply = \"1d\"\n", 1)
	})
	d.at("Mon 2030-11-18 10:00")
	jean, list, claire := d.jean(), d.person("La liste", "news@client.example"), d.claire()
	forger := d.person("Jean Client", "jean@client.example").from("x@nobody.example")
	list.writes(generic, "Nos nouvelles", "Lisez\n", "List-Id: <news.client.example>")
	list.writes(generic, "Absent", "Je suis absent\n", "Auto-Submitted: auto-replied")
	list.from("<>").writes(generic, "Rapport", "Un rapport\n")
	d.person("", "noreply@client.example").writes(generic, "Votre commande", "Merci\n")
	d.timers()
	d.later(5 * 24 * time.Hour)
	d.timers()
	d.quiet(d.customers, 0)
	claire.hearsNothing()

	forger.writes(generic, "Gagné", "Cliquez\n")
	d.later(5 * 24 * time.Hour)
	d.timers()
	jean.hearsNothing()
	d.says(claire.reads(), "Le client n’a pas reçu de message d’attente")

	jean.writes("export@example.com", "Hello", "A question\n") // a team that wants no automatic mail
	d.later(5 * 24 * time.Hour)
	d.timers()
	jean.hearsNothing()
	d.says(claire.reads(), "n°10005", "depuis plus de 1\u00a0jour ouvré.", "Le client n’a pas reçu de message d’attente")

	if err := jean.posts([]string{generic}, jean.mail("tous@client.example", "En copie cachée", "Bonjour\n")); err != nil {
		t.Fatal(err)
	}
	d.later(5 * 24 * time.Hour)
	d.timers()
	jean.hearsNothing()
	d.says(claire.reads(), "En copie cachée", "Le client n’a pas reçu de message d’attente")
	claire.hearsNothing()
}

// A Cc is somebody's word: until an agent has written, postdesk by itself writes
// to nobody but who asked.
func TestAHoldingMailGoesToNoStranger(t *testing.T) {
	t.Parallel()
	d := newDesk(t, withTimers(`first_reply = "1d"`, `update_every = "1d"`))
	d.at("Mon 2030-11-18 10:00")
	jean, anne, paul := d.jean(), d.anne(), d.person("Paul", "paul@other.example")
	jean.writes(generic, "Une panne", "Bonjour\n", "Cc: paul@other.example")
	jean.reads()
	copy := anne.reads()
	d.later(25 * time.Hour)
	d.timers()
	jean.reads()
	paul.hearsNothing()
	anne.answers(copy, "Nous cherchons.\n")
	jean.answers(jean.reads(), "Merci.\n")
	paul.reads()
	d.later(25 * time.Hour)
	d.timers()
	d.letter(jean.reads(), "Une panne", "nous travaillons toujours")
	paul.reads()
}

func TestAnAnswerOvertakesWhatWaits(t *testing.T) {
	t.Parallel()
	d := newDesk(t, withTimers(`first_reply = "1d"`, `remind_customer = "1d"`))
	d.at("Mon 2030-11-18 10:00")
	jean, anne := d.jean(), d.anne()
	_, copy := d.ask(jean, anne, "Une panne", "Bonjour\n")
	d.drained()
	d.customers.SetScript(testkit.Script{testkit.AtMAIL: {Reply: "451 4.3.2 later"}})
	d.later(25 * time.Hour)
	d.timers()
	anne.answers(copy, "Voici la réponse.\n")
	d.customers.SetScript(nil)
	d.later(time.Hour) // the relay tries again
	d.srv.Relay.Wake()
	reply := jean.reads()
	d.says(reply, "Voici la réponse.")
	jean.hearsNothing()
	if dropped := d.happened(10000, ticket.DroppedMail); len(dropped) != 1 || dropped[0].Data["purpose"] != string(store.PurposeLetter) {
		t.Errorf("dropped: %v", dropped)
	}

	d.customers.SetScript(testkit.Script{testkit.AtMAIL: {Reply: "451 4.3.2 later"}})
	d.later(25 * time.Hour)
	d.timers()
	if len(d.happened(10000, ticket.Reminded)) != 1 {
		t.Error("no reminder")
	}
	jean.answers(reply, "Merci.\n") // and a reminder that waits is overtaken by this
	d.customers.SetScript(nil)
	d.later(time.Hour)
	d.srv.Relay.Wake()
	jean.hearsNothing()
}

func TestATimerWaitsForAMailUnderWay(t *testing.T) {
	t.Parallel()
	d := newDesk(t, withTimers(`first_reply = "1d"`))
	d.at("Mon 2030-11-18 10:00")
	jean, anne, claire := d.jean(), d.anne(), d.claire()
	_, copy := d.ask(jean, anne, "Une panne", "Bonjour\n")
	d.drained()
	gate := d.gated("corp.example")
	d.again()
	d.later(25 * time.Hour)
	answered := make(chan struct{})
	go func() {
		defer close(answered)
		to, mail := replyTo(copy, anne.String(), "Voici la réponse.\n")
		if err := anne.posts([]string{to}, anne.dated(mail)); err != nil {
			t.Error(err)
		}
	}()
	<-gate.asked
	if sleep := d.timers(); sleep <= 0 || sleep > time.Minute {
		t.Errorf("looks again in %s", sleep)
	}
	close(gate.open)
	<-answered
	d.later(2 * time.Minute)
	d.timers()
	d.says(jean.reads(), "Voici la réponse.")
	jean.hearsNothing()
	claire.hearsNothing()
}

func TestDueAcrossARestart(t *testing.T) {
	t.Parallel()
	d := newDesk(t, withTimers(`first_reply = "1d"`))
	d.at("Mon 2030-11-18 10:00")
	jean, anne, claire := d.jean(), d.anne(), d.claire()
	d.ask(jean, anne, "Une panne", "Bonjour\n")
	d.drained()
	if err := d.srv.Close(); err != nil {
		t.Fatal(err)
	}
	d.later(3 * 24 * time.Hour)
	d.start(d.text)
	d.timers() // the mail that waited elsewhere comes first
	jean.hearsNothing()
	d.later(3 * time.Minute)
	d.timers()
	jean.reads()
	claire.reads()
	for range 3 {
		d.drained()
		d.again()
		d.later(3 * time.Minute)
		d.timers()
	}
	jean.hearsNothing()
	claire.hearsNothing()
}

func TestTimersOverDaylightSavingAndHolidays(t *testing.T) {
	t.Parallel()
	d := newDesk(t, withTimers(`first_reply = "2d"`))
	jean := d.jean()
	n := uint64(10000)
	for _, c := range []struct{ asked, before, due string }{
		{"Fri 2030-10-25 10:00", "Mon 2030-10-28 09:59", "Mon 2030-10-28 10:01"}, // the clocks went back on Sunday
		{"Mon 2030-12-23 10:00", "Thu 2030-12-26 09:59", "Thu 2030-12-26 10:01"}, // Christmas
		{"Fri 2031-03-28 10:00", "Mon 2031-03-31 09:59", "Mon 2031-03-31 10:01"}, // the clocks went ahead
	} {
		d.at(c.asked)
		jean.writes(generic, "Panne de "+c.asked, "Bonjour\n")
		jean.reads()
		d.at(c.before)
		d.timers()
		jean.hearsNothing()
		d.at(c.due)
		d.timers()
		d.letter(jean.reads(), "Panne de "+c.asked, fmt.Sprintf("n°%d", n))
		if err := d.srv.Pipeline.SetTicket(t.Context(), n, []pipeline.Change{{Key: "status", Value: "closed"}}, ticket.System); err != nil {
			t.Fatal(err)
		}
		n++
	}
}

// A clock that jumps ahead is probably wrong: nothing is sent at once, and when
// it is set right nothing was.
func TestAClockThatJumpsAhead(t *testing.T) {
	t.Parallel()
	d := newDesk(t, withTimers(`first_reply = "2d"`))
	var real atomic.Int64 // what the steady clock shows
	d.elapsed = func() time.Duration { return time.Duration(real.Load()) }
	d.at("Mon 2030-11-18 10:00")
	d.again()
	jean, claire := d.jean(), d.claire()
	passes := func(by time.Duration) { real.Add(int64(by)); d.later(by) }
	jean.writes(generic, "Une panne", "Bonjour\n")
	jean.reads()
	passes(5 * time.Minute)
	d.timers()

	d.later(30 * 24 * time.Hour) // the jump
	d.timers()
	passes(5 * time.Minute)
	d.timers()
	jean.hearsNothing()
	d.later(-30 * 24 * time.Hour)
	d.timers()
	passes(5 * time.Minute)
	d.timers()
	jean.hearsNothing()
	claire.hearsNothing()

	d.later(30 * 24 * time.Hour) // and this one is right
	d.timers()
	passes(11 * time.Minute)
	d.timers()
	jean.reads()
	claire.reads()
	d.timers()
	jean.hearsNothing()
}

// What a clock far ahead wrote into tickets must not keep their timers from
// coming once it was set back, and nothing comes twice.
func TestAClockThatIsSetBack(t *testing.T) {
	t.Parallel()
	d := newDesk(t, withTimers(`first_reply = "2d"`, `update_every = ""`))
	var real atomic.Int64
	d.elapsed = func() time.Duration { return time.Duration(real.Load()) }
	d.at("Mon 2030-11-18 10:00")
	d.later(30 * 24 * time.Hour) // wrong from the start
	d.again()
	jean, paul := d.jean(), d.person("Paul", "paul@client.example")
	passes := func(by time.Duration) { real.Add(int64(by)); d.later(by) }
	jean.writes(generic, "Une panne", "Bonjour\n")
	jean.reads()
	passes(3 * 24 * time.Hour)
	d.timers()
	jean.reads() // the holding mail, by the wrong clock
	paul.writes(generic, "Une question", "Bonjour\n")
	paul.reads()
	d.later(-30 * 24 * time.Hour)
	d.timers()
	passes(3*24*time.Hour + time.Hour)
	d.timers()
	d.letter(paul.reads(), "Une question", "n°10001")
	jean.hearsNothing()

	real.Store(0)
	d.later(-2 * time.Hour) // while it was not running
	d.again()
	passes(5 * time.Minute)
	d.timers()
	jean.hearsNothing()
	paul.hearsNothing()
}

func TestDelaysFollowTheConfiguration(t *testing.T) {
	t.Parallel()
	d := newDesk(t, withTimers(`first_reply = "9d"`))
	d.at("Mon 2030-11-18 10:00")
	jean, marie := d.jean(), d.person("Marie", "marie@client.example")
	jean.writes(generic, "Une panne", "Bonjour\n")
	jean.reads()
	marie.writes("export@example.com", "A question", "Hello\n")
	marie.reads()
	d.later(25 * time.Hour)
	d.timers()
	jean.hearsNothing()
	text := strings.Replace(d.text, `first_reply = "9d"`, `first_reply = "1d"`, 1)
	text, _, _ = strings.Cut(text, "[[team]]\nname = \"Export\"") // its tickets are the first team's now
	cfg, err := config.Parse(filepath.Join(d.dir, "config.toml"), []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	if err := d.srv.Reload(context.Background(), cfg); err != nil {
		t.Fatal(err)
	}
	d.timers()
	d.letter(jean.reads(), "Une panne", "n°10000")
	d.says(marie.reads(), "no. 10001")
	jean.hearsNothing()
	marie.hearsNothing()
}

// After a long stop much is due at once: each is done once, and the supervisors
// are told of the first only.
func TestManyAreDueAtOnce(t *testing.T) {
	t.Parallel()
	d := newDesk(t, func(text string) string {
		return withTimers(`first_reply = "1d"`)(text) + "\n[acknowledge]\nper_address = \"\"\nper_address_day = \"\"\nper_domain = \"\"\nbreaker = \"\"\n"
	})
	d.at("Mon 2030-11-18 10:00")
	jean, claire := d.jean(), d.claire()
	const many = 45
	for n := range many {
		jean.writes(generic, fmt.Sprintf("Question %d", n), fmt.Sprintf("La question %d\n", n))
	}
	for range many {
		jean.reads()
	}
	d.later(10 * 24 * time.Hour)
	d.timers()
	heard := map[string]bool{}
	for range many {
		heard[jean.reads().subject()] = true
	}
	jean.hearsNothing()
	if len(heard) != many {
		t.Errorf("%d of %d requests had a holding mail", len(heard), many)
	}
	last := 0
	for range 20 { // in whatever order they came
		if strings.Contains(claire.reads().text(), "Beaucoup de demandes sont en retard") {
			last++
		}
	}
	claire.hearsNothing()
	if last != 1 {
		t.Errorf("%d warnings say that no more will come", last)
	}
}
