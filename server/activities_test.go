package server_test

import (
	"strings"
	"testing"
	"time"

	"postdesk/internal/ticket"
	"postdesk/store"
)

func (d *desk) activities(n uint64) []*store.Activity {
	d.Helper()
	var list []*store.Activity
	d.view(func(tx store.ReadTx) (err error) {
		list, err = store.Activities(tx, d.ticket(n))
		return err
	})
	return list
}

// planned is a desk in which anne has a ticket of jean's, on a Friday.
func planned(t *testing.T) (d *desk, jean, anne *person, copy received) {
	d = newDesk(t, withTimers(`first_reply = ""`, `update_every = ""`))
	d.at("Fri 2030-11-22 10:00")
	jean, anne = d.jean(), d.anne()
	_, copy = d.ask(jean, anne, "Un devis", "Bonjour\n")
	return d, jean, anne, copy
}

func TestATaskIsInTheAgentsCalendarAndComesByMail(t *testing.T) {
	t.Parallel()
	d, jean, anne, copy := planned(t)
	anne.answers(copy, "#appel lundi 14h30 Rappeler Jean pour le devis\n")
	invitation, transcript := anne.reads(), anne.reads()
	if invitation.method() == "" {
		invitation, transcript = transcript, invitation
	}
	d.says(transcript, "Rappeler Jean pour le devis", "25 novembre 2030 à 14:30", "activité 1")
	d.holds(invitation, "METHOD:REQUEST", "DTSTART:20301125T133000Z", "DTEND:20301125T140000Z", "SUMMARY:Rappeler Jean pour le devis [#10000]", "UID:activity-10000-1@example.com", "SEQUENCE:0")
	if o, a := invitation.property("ORGANIZER"), invitation.property("ATTENDEE"); !strings.HasSuffix(o, ":mailto:"+invitation.token()) || !strings.HasSuffix(a, ":mailto:"+anne.address) {
		t.Errorf("organiser %s, attendee %s", o, a)
	}
	if invitation.From != "" || invitation.subject() != copy.subject() {
		t.Errorf("from <%s>, %q", invitation.From, invitation.subject())
	}

	d.later(3 * 24 * time.Hour)
	d.timers()
	anne.hearsNothing()
	d.again() // the reminder is not forgotten, and comes once
	d.timers()
	d.at("Mon 2030-11-25 14:31")
	d.timers()
	reminder := anne.reads()
	d.says(reminder, "25 novembre 2030 à 14:30")
	if !strings.Contains(string(reminder.Raw), "%23fait%201") {
		t.Error("the reminder offers no #done")
	}
	d.again()
	d.timers()
	d.later(30 * 24 * time.Hour)
	d.timers()
	anne.hearsNothing()

	anne.answers(reminder, "#rappel 1j\n")
	said := anne.reads()
	if said.method() != "" {
		said = anne.reads()
	}
	d.says(said, "remis au 26 décembre 2030")
	d.drained()
	d.holds(lastCalendar(anne), "UID:activity-10000-1@example.com", "SEQUENCE:1", "DTSTART;VALUE=DATE:20301226")
	anne.read = len(anne.mailbox())
	d.at("Thu 2030-12-26 09:01")
	d.timers()
	reminder = anne.reads()
	d.at("Fri 2030-12-27 10:00")
	anne.answers(reminder, "#fait\n")
	d.says(anne.reads(), "est fait")
	anne.hearsNothing() // what is past stays in the calendar
	jean.hearsNothing()
	if a := d.activities(10000); len(a) != 1 || a[0].State != store.ActivityDone {
		t.Errorf("%+v", a[0])
	}
	if len(d.happened(10000, ticket.Planned))+len(d.happened(10000, ticket.Due))+len(d.happened(10000, ticket.Done)) != 5 {
		t.Error("the history does not tell")
	}
}

// A day is a day: whole in the calendar, and the mail comes when the team opens.
func TestATaskOfADay(t *testing.T) {
	t.Parallel()
	d, _, anne, copy := planned(t)
	anne.answers(copy, "#task mardi envoyer le devis\n")
	anne.reads()
	d.holds(lastCalendar(anne), "DTSTART;VALUE=DATE:20301126", "TRANSP:TRANSPARENT")
	d.at("Tue 2030-11-26 08:59")
	d.timers()
	anne.read = len(anne.mailbox())
	anne.hearsNothing()
	d.later(2 * time.Minute)
	d.timers()
	d.says(anne.reads(), "26 novembre 2030 à 09:00")
	d.timers()
	anne.hearsNothing()
}

// lastCalendar waits for the mails that are on their way, and takes the last with
// a calendar.
func lastCalendar(p *person) received {
	p.d.Helper()
	p.d.drained()
	var last received
	for _, raw := range p.mailbox() {
		if m := parse(p.d.T, raw); m.method() != "" {
			last = m
		}
	}
	if last.Message == nil {
		p.d.Fatalf("%s has got no calendar", p)
	}
	return last
}

func TestDoneTakesItOutOfTheCalendar(t *testing.T) {
	t.Parallel()
	d, jean, anne, copy := planned(t)
	anne.answers(copy, "#event 28/11 9h Visite\n#rappel 2j relancer\n")
	invitation := lastCalendar(anne)
	anne.read = len(anne.mailbox())
	anne.answers(copy, "#done\n")
	question := anne.reads()
	d.says(question, "laquelle", "1 – Visite", "2 – relancer")
	anne.answers(question, "#done 1\n")
	d.says(anne.reads(), "Visite") // or the calendar's, whichever comes first
	d.drained()
	cancel := lastCalendar(anne)
	d.holds(cancel, "METHOD:CANCEL", "UID:activity-10000-1@example.com", "SEQUENCE:1", "STATUS:CANCELLED")
	if cancel.property("UID") == invitation.property("UID") && invitation.property("DTSTART") == "" {
		t.Error("no time")
	}
	d.later(10 * 24 * time.Hour)
	d.timers()
	if n := len(d.happened(10000, ticket.Due)); n != 1 {
		t.Errorf("%d reminders, want that of the other activity", n)
	}
	jean.hearsNothing()
}

// Whoever declines our own invitation does not want it: nothing comes when it is
// due, and nobody hears of it.
func TestAnActivityThatIsDeclined(t *testing.T) {
	t.Parallel()
	d, jean, anne, copy := planned(t)
	anne.answers(copy, "#task lundi 9h envoyer\n")
	invitation := lastCalendar(anne)
	anne.read = len(anne.mailbox())
	anne.presses(invitation, "REPLY", "ACCEPTED")
	anne.hearsNothing()
	if a := d.activities(10000)[0]; !a.Open() {
		t.Errorf("%+v", a)
	}
	anne.presses(invitation, "REPLY", "DECLINED")
	d.later(5 * 24 * time.Hour)
	d.timers()
	anne.hearsNothing()
	jean.hearsNothing()
	if a := d.activities(10000)[0]; a.State != store.ActivityDeclined {
		t.Errorf("%+v", a)
	}
	if d.tickets() != 1 || len(d.held()) != 0 {
		t.Error("the answer became a ticket, or was held")
	}
}

// An activity of the one who looks after the ticket goes where the ticket goes.
func TestAnActivityGoesWithTheTicket(t *testing.T) {
	t.Parallel()
	d, _, anne, copy := planned(t)
	bruno := d.bruno()
	bruno.read = len(bruno.mailbox())
	anne.answers(copy, "#call lundi 9h rappeler\n")
	lastCalendar(anne)
	anne.answers(copy, "#assign bruno\n")
	d.drained()
	d.holds(lastCalendar(anne), "METHOD:CANCEL", "SEQUENCE:1", "UID:activity-10000-1@example.com")
	d.holds(lastCalendar(bruno), "METHOD:REQUEST", "SEQUENCE:2", "mailto:bruno.petit@corp.example")
	d.drained()
	anne.read, bruno.read = len(anne.mailbox()), len(bruno.mailbox())
	d.at("Mon 2030-11-25 09:01")
	d.timers()
	d.says(bruno.reads(), "rappeler")
	anne.hearsNothing()
}

func TestClosingATicketClearsTheCalendar(t *testing.T) {
	t.Parallel()
	d, _, anne, copy := planned(t)
	anne.answers(copy, "#task lundi 9h envoyer\n")
	lastCalendar(anne)
	anne.read = len(anne.mailbox())
	anne.answers(copy, "#close\n")
	d.drained()
	d.holds(lastCalendar(anne), "METHOD:CANCEL")
	anne.read = len(anne.mailbox())
	d.later(5 * 24 * time.Hour)
	d.timers()
	anne.hearsNothing()
}

// A reminder is sent once whatever the clock does, and what can't be understood
// plans nothing.
func TestAReminderAndTheClock(t *testing.T) {
	t.Parallel()
	d, jean, anne, copy := planned(t)
	for text, says := range map[string]string{"#remind quand tu peux\n": "il faut dire quand", "#task 2029-01-01 trop tard\n": "ce moment est passé"} {
		anne.answers(copy, text)
		d.says(anne.reads(), says)
	}
	if len(d.activities(10000)) != 0 {
		t.Error("something was planned")
	}
	anne.answers(copy, "#remind 2h relancer\n")
	lastCalendar(anne)
	anne.read = len(anne.mailbox())
	d.later(3 * time.Hour)
	d.timers()
	d.says(anne.reads(), "relancer")
	d.later(-30 * 24 * time.Hour)
	d.timers()
	d.later(60 * 24 * time.Hour)
	d.timers()
	anne.hearsNothing()
	jean.hearsNothing()
}

// Commands above an answer: the customer gets the answer, and nothing of them.
func TestAnActivityBesideAnAnswer(t *testing.T) {
	t.Parallel()
	d, jean, anne, copy := planned(t)
	anne.answers(copy, "#rappel 3j vérifier le devis secret\n\nBonjour, je vous envoie le devis demain.\n")
	answer := jean.reads()
	d.says(answer, "je vous envoie le devis")
	d.without(answer, "secret", "#rappel", "BEGIN:VCALENDAR")
	d.holds(lastCalendar(anne), "METHOD:REQUEST")
	if a := d.activities(10000); len(a) != 1 || a[0].Title != "vérifier le devis secret" {
		t.Errorf("%+v", a)
	}
}
