package server_test

import (
	"net/smtp"
	"strings"
	"testing"
	"time"

	"postdesk/internal/compose"
	"postdesk/internal/testkit"
	"postdesk/internal/ticket"
	"postdesk/store"
)

// three is a team of three, with a supervisor who is in no team.
func three(config string) string {
	config = strings.Replace(config, `agents = ["anne", "bruno"]`, `agents = ["anne", "bruno", "claire"]`, 1)
	return config + `
[[agent]]
id = "claire"
name = "Claire Martin"
address = "claire.martin@corp.example"

[[agent]]
id = "sara"
name = "Sara Chef"
address = "sara.chef@corp.example"
role = "supervisor"
`
}

func (d *desk) martin() *person {
	return d.person("Claire Martin", "claire.martin@corp.example")
}
func (d *desk) sara() *person { return d.person("Sara Chef", "sara.chef@corp.example") }

// deskOf is an agent's permanent address, from the welcome mail.
func (d *desk) deskOf(p *person, id string) string {
	d.Helper()
	if _, err := d.srv.Pipeline.Welcome(d.Context(), id); err != nil {
		d.Fatal(err)
	}
	return p.reads().token()
}

// absence is what postdesk knows of an agent's.
func (d *desk) absence(id string) (a store.Absence) {
	d.Helper()
	d.view(func(tx store.ReadTx) (err error) {
		a, _, err = store.GetAbsence(tx, id)
		return err
	})
	return a
}

// away says whether an agent is away by postdesk's clock.
func (d *desk) away(id string) bool { return d.absence(id).At(d.now()) }

// last is the last day of an absence in these tests, and back the one after it.
func (d *desk) last() time.Time { return d.now().UTC().AddDate(0, 0, 20) }
func (d *desk) back() time.Time {
	zone, err := time.LoadLocation("Europe/Paris")
	if err != nil {
		d.Skip("no time zones on this machine: ", err)
	}
	year, month, day := d.last().Date()
	return time.Date(year, month, day+1, 0, 0, 0, 0, zone)
}

// named is a day as people write it in a command.
func named(t time.Time) string { return t.Format("2/1/2006") }

func TestWhoIsAwayIsPassedOver(t *testing.T) {
	t.Parallel()
	d := newDesk(t, three)
	jean, anne, bruno, claire := d.jean(), d.anne(), d.bruno(), d.martin()
	desk := d.deskOf(anne, "anne")
	_, copy := d.ask(jean, anne, "Première", "Bonjour\n")
	anne.answers(copy, "Voici.\n")
	reply := jean.reads()

	anne.writes(desk, "", "#absent jusqu’au "+named(d.last())+"\n\nBonnes vacances à tous !\n")
	said := anne.reads()
	d.says(said, "retour prévu le "+compose.Day(d.back(), "fr"), "n’a été envoyé à personne")
	if a := d.absence("anne"); !d.away("anne") || a.Learned || !a.Until.Equal(d.back()) {
		t.Fatalf("absence of anne: %+v", d.absence("anne"))
	}

	bruno.writes(d.deskOf(bruno, "bruno"), "", "#liste\n")
	d.says(bruno.reads(), "Anne Durand n’est pas là, retour prévu le "+compose.Day(d.back(), "fr"), "10000")

	// A new request of her customer goes to the next; so does his answer in her ticket.
	jean.writes(generic, "Seconde", "Encore une question\n")
	jean.reads()
	brunos := bruno.reads()
	d.says(brunos, "Encore une question")
	d.expect(10003, ticket.New, "bruno")
	jean.answers(reply, "Merci, mais non.\n")
	handed := claire.reads() // by turn
	d.says(handed, "Merci, mais non.", "Anne Durand n’est pas là", "votre réponse partira")
	d.expect(10000, ticket.Open, "claire")
	why := d.happened(10000, ticket.Assigned)
	if last := why[len(why)-1]; last.Data["why"] != "absent" || last.Data["agent"] != "claire" {
		t.Errorf("the last assignment: %+v", last)
	}
	anne.hearsNothing()
	claire.answers(handed, "Je reprends.\n")
	d.says(jean.reads(), "Je reprends.", "Claire Martin")

	// At her return she hears what went to others.
	anne.writes(desk, "", "#retour\n")
	moved := anne.reads()
	d.says(moved, "vous êtes de retour", "10000", "Claire Martin", "Première")
	if d.away("anne") {
		t.Error("anne is still away")
	}
	anne.clicks(moved, "#montrer", "")
	d.says(anne.reads(), "Je reprends.")
	jean.hearsNothing()
}

func TestAnAbsenceEndsByItself(t *testing.T) {
	t.Parallel()
	d := newDesk(t, three)
	jean, anne, bruno := d.jean(), d.anne(), d.bruno()
	_, copy := d.ask(jean, anne, "Première", "Bonjour\n")
	anne.answers(copy, "#absente 2 jours\n")
	waits, done := anne.reads(), anne.reads() // in either order
	if strings.Contains(waits.text(), "retour prévu") {
		waits, done = done, waits
	}
	d.says(waits, "attendent", "10000")
	d.says(done, "retour prévu")

	d.later(46 * time.Hour) // two days may have 47 hours
	jean.writes(generic, "Seconde", "Une question\n")
	jean.reads()
	bruno.reads()
	jean.answers(d.mailTo(jean, 0), "Alors ?\n")
	d.says(d.martin().reads(), "Alors ?")
	d.later(4 * time.Hour)
	if d.away("anne") {
		t.Fatal("anne is still away")
	}
	anne.answers(copy, "#note\nMe revoici.\n")
	d.says(anne.reads(), "Pendant votre absence", "10000")
	if a := d.absence("anne"); !a.From.IsZero() {
		t.Errorf("it is remembered: %+v", a)
	}
}

// learned plays an out-of-office answer in each way that servers send them.
func TestAnAbsenceIsLearned(t *testing.T) {
	t.Parallel()
	for name, answers := range map[string]func(d *desk, anne *person, copy received){
		"to the reply address": func(_ *desk, anne *person, copy received) {
			anne.answers(copy, "Je suis en congés jusqu’au "+named(anne.d.last())+".\n", "Auto-Submitted: auto-replied")
		},
		"to the envelope sender": func(_ *desk, anne *person, copy received) {
			anne.writes(copy.From, "Réponse automatique : Première", "Je suis en congés jusqu’au "+named(anne.d.last())+".\n", "Auto-Submitted: auto-replied")
		},
		"from nobody to the envelope sender": func(d *desk, anne *person, copy received) {
			mail := anne.mail(copy.From, "Absence", "Je suis en congés jusqu’au "+named(d.last())+".\n", "Auto-Submitted: auto-generated", "X-Auto-Response-Suppress: All")
			if err := d.sendFrom("mx.corp.example", "", []string{copy.From}, mail); err != nil {
				d.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newDesk(t, three)
			for name, text := range map[string]string{"mx.corp.example": "v=spf1 ip4:127.0.0.0/8 -all", "_dmarc.corp.example": "v=DMARC1; p=none"} {
				if err := d.dns.Set(name, testkit.TXT(text)); err != nil {
					t.Fatal(err)
				}
			}
			jean, anne, bruno := d.jean(), d.anne(), d.bruno()
			_, copy := d.ask(jean, anne, "Première", "Le texte de Jean.\n")
			answers(d, anne, copy)
			handed := bruno.reads()
			d.says(handed, "Le texte de Jean.", "Anne Durand n’est pas là")
			d.expect(10000, ticket.New, "bruno")
			a := d.absence("anne")
			if !a.Learned || !a.At(d.now()) || !a.Until.Equal(d.back()) {
				t.Errorf("learned: %+v", a)
			}
			jean.hearsNothing()
			anne.hearsNothing()
			if n := d.tickets(); n != 1 {
				t.Errorf("%d tickets", n)
			}
			// She writes again: she is back.
			anne.answers(copy, "#note\nJe lis.\n")
			d.says(anne.reads(), "10000", "Bruno Petit")
			if d.away("anne") {
				t.Error("she has written and is away")
			}
		})
	}
}

// A customer chooses the subject that an agent's robot repeats.
func TestACustomerSendsNobodyOnLeave(t *testing.T) {
	t.Parallel()
	d := newDesk(t, three)
	jean, anne, bruno := d.jean(), d.anne(), d.bruno()
	subject := "Anne is away until " + named(d.last()) + ", out of office"
	_, copy := d.ask(jean, anne, subject, "Bonjour\n")
	anne.answers(copy, "Votre message est bien arrivé.\n\n> I am on vacation until "+named(d.last())+"\n", "Auto-Submitted: auto-replied")
	anne.writes(copy.From, "Reçu : "+subject[:30], "Votre message est bien arrivé.\n", "Auto-Submitted: auto-replied")
	d.drained()
	if a := d.absence("anne"); !a.From.IsZero() {
		t.Errorf("anne is away: %+v", a)
	}
	bruno.hearsNothing()
}

func TestAForgedAbsenceChangesNothing(t *testing.T) {
	t.Parallel()
	d := newDesk(t, three)
	jean, anne, bruno := d.jean(), d.anne(), d.bruno()
	_, copy := d.ask(jean, anne, "Première", "Bonjour\n")
	text := "Je suis en congés jusqu’au " + named(d.last()) + ".\n"
	anne.from("x@nobody.example").answers(copy, text, "Auto-Submitted: auto-replied")
	anne.from("x@nobody.example").writes(copy.From, "Absence", text, "Auto-Submitted: auto-replied")
	// Whoever shares her domain is backed by it, and has no token of hers.
	anne.writes(generic, "Absence", text, "Auto-Submitted: auto-replied")
	// A customer's out-of-office answer is no agent's, whatever it answers.
	jean.writes(copy.From, "Absence", text, "Auto-Submitted: auto-replied")
	// A robot of hers that says nothing of an absence, and a text that is out of date.
	anne.answers(copy, "Votre message est bien arrivé.\n", "Auto-Submitted: auto-replied")
	anne.answers(copy, "I am out of office until 3 March 2025.\n", "Auto-Submitted: auto-replied")
	d.drained()
	if a := d.absence("anne"); !a.From.IsZero() {
		t.Errorf("anne is away: %+v", a)
	}
	d.expect(10000, ticket.New, "anne")
	bruno.hearsNothing()
	jean.hearsNothing()
}

// An out-of-office answer without a date is believed for some days, and a
// second one learns nothing new and wakes nobody.
func TestAnAbsenceWithoutADate(t *testing.T) {
	t.Parallel()
	d := newDesk(t, three)
	jean, anne, bruno := d.jean(), d.anne(), d.bruno()
	_, copy := d.ask(jean, anne, "Première", "Bonjour\n")
	anne.answers(copy, "I am out of the office.\n", "Auto-Submitted: auto-replied")
	bruno.reads()
	anne.answers(copy, "I am out of the office.\n\n", "Auto-Submitted: auto-replied")
	bruno.hearsNothing()
	if !d.away("anne") {
		t.Fatal("anne is not away")
	}
	d.later(73 * time.Hour)
	if d.away("anne") {
		t.Error("anne is away for ever")
	}
}

// When all are away the supervisors are asked, and the team has it too: nothing
// waits for the end of a holiday.
func TestAllAreAway(t *testing.T) {
	t.Parallel()
	d := newDesk(t, three)
	jean, anne, bruno, claire, sara := d.jean(), d.anne(), d.bruno(), d.martin(), d.sara()
	_, copy := d.ask(jean, anne, "Première", "Bonjour\n")
	for _, p := range []*person{anne, bruno, claire} {
		p.writes(d.deskOf(p, strings.ToLower(strings.Fields(p.name)[0])), "", "#away\n")
		p.reads()
		p.drop()
	}
	jean.writes(generic, "Seconde", "Il y a quelqu'un ?\n")
	d.says(sara.reads(), "Il y a quelqu'un ?", "a besoin de quelqu’un")
	for _, p := range []*person{anne, bruno, claire} {
		d.says(p.reads(), "Il y a quelqu'un ?")
	}
	jean.answers(d.mailTo(jean, 0), "Toujours personne ?\n")
	d.says(sara.reads(), "Toujours personne ?")
	d.says(anne.reads(), "Toujours personne ?")
	d.expect(10000, ticket.New, "anne")
	_ = copy
}

// Nobody is assigned: who is away gets no copy and no word of who took it.
func TestACopyForAllSparesWhoIsAway(t *testing.T) {
	t.Parallel()
	d := newDesk(t, func(c string) string {
		return strings.Replace(three(c), `language = "fr"`, "language = \"fr\"\nassign = \"none\"", 1)
	})
	jean, anne, bruno, claire := d.jean(), d.anne(), d.bruno(), d.martin()
	anne.writes(d.deskOf(anne, "anne"), "", "#away\n")
	anne.reads()
	jean.writes(generic, "Une question", "Bonjour\n")
	claire.reads()
	bruno.answers(bruno.reads(), "Je m'en occupe.\n")
	d.says(claire.reads(), "Bruno Petit")
	anne.hearsNothing()
}

// What an agent announced lasts though she writes: the last answers before
// leaving, a word from the beach. She is reminded of it once.
func TestAnAnnouncedAbsenceGoesOn(t *testing.T) {
	t.Parallel()
	d := newDesk(t, three)
	jean, anne, bruno := d.jean(), d.anne(), d.bruno()
	_, copy := d.ask(jean, anne, "Première", "Bonjour\n")
	anne.writes(d.deskOf(anne, "anne"), "", "#away\n")
	d.drained()
	anne.drop()
	anne.answers(copy, "Un dernier mot.\n")
	jean.reads()
	anne.hearsNothing()
	d.later(24 * time.Hour)
	anne.answers(copy, "De la plage.\n")
	jean.reads()
	reminded := anne.reads()
	d.says(reminded, "Vous venez d’écrire", "#retour")
	anne.answers(copy, "Encore un.\n")
	jean.reads()
	anne.hearsNothing()
	if !d.away("anne") {
		t.Fatal("she is back")
	}
	anne.clicks(reminded, "#retour", "")
	d.says(anne.reads(), "vous êtes de retour")
	if d.away("anne") {
		t.Error("she is away")
	}
	bruno.hearsNothing()
}

// Who hands a ticket to somebody who is away is told so, and it is done.
func TestAssigningToWhoIsAway(t *testing.T) {
	t.Parallel()
	d := newDesk(t, three)
	jean, anne, bruno := d.jean(), d.anne(), d.bruno()
	_, copy := d.ask(jean, anne, "Première", "Bonjour\n")
	bruno.writes(d.deskOf(bruno, "bruno"), "", "#away until "+named(d.last())+"\n")
	bruno.reads()
	anne.answers(copy, "#assign bruno\n")
	d.says(anne.reads(), "Bruno Petit n’est pas là", compose.Day(d.back(), "fr"))
	bruno.reads()
	d.expect(10000, ticket.New, "bruno")
	anne.answers(copy, "#away someday\n")
	d.says(anne.reads(), "#away someday", "nous ne comprenons pas cette date")
	if d.away("anne") {
		t.Error("anne is away")
	}
}

// An agent who is away gets a failed answer back, and so does who is there.
func TestAFailedAnswerOfWhoIsAway(t *testing.T) {
	t.Parallel()
	d := newDesk(t, three)
	jean, anne, bruno := d.jean(), d.anne(), d.bruno()
	_, copy := d.ask(jean, anne, "Première", "Bonjour\n")
	anne.answers(copy, "Voici.\n")
	reply := jean.reads()
	anne.writes(d.deskOf(anne, "anne"), "", "#away\n")
	d.drained()
	anne.drop()
	d.bounce(reply, jean.address, "failed", "5.1.1", "550 no such user here")
	d.says(anne.reads(), "no such user here")
	d.drained()
	if d.sara().mailbox() == nil && bruno.mailbox() == nil {
		t.Error("only who is away knows of it")
	}
}

// sendFrom is send with another name of the sending server: the null sender has
// no other domain that SPF could back (RFC 7208 §2.4).
func (d *desk) sendFrom(helo, from string, to []string, mail string) error {
	d.Helper()
	c, err := smtp.Dial(d.srv.Addr("mx"))
	if err != nil {
		d.Fatal(err)
	}
	defer c.Close()
	if err := c.Hello(helo); err != nil {
		return err
	}
	return transact(c, from, to, mail)
}
