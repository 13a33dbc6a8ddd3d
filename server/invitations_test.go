package server_test

import (
	"slices"
	"strings"
	"testing"

	"postdesk/internal/ticket"
	"postdesk/store"
)

const uid = "4f1d-revue@client.example"

// invited is a desk at which jean invites the team, and anne looks after it.
func invited(t *testing.T) (d *desk, jean, anne, bruno *person, invitation received) {
	d = newDesk(t, withTimers(`first_reply = ""`, `update_every = ""`))
	d.at("Wed 2030-11-20 10:00")
	jean, anne, bruno = d.jean(), d.anne(), d.bruno()
	jean.invites(generic, "Revue du contrat", "REQUEST", meeting("REQUEST", uid, 0, jean.address))
	jean.reads() // acknowledgement: REQUEST is a request
	invitation = anne.reads()
	return d, jean, anne, bruno, invitation
}

func (d *desk) invitation(n uint64) *store.Invitation {
	d.Helper()
	var inv *store.Invitation
	d.view(func(tx store.ReadTx) (err error) {
		inv, err = store.GetInvitation(tx, n, uid)
		return err
	})
	if inv == nil {
		d.Fatalf("ticket %d has no invitation", n)
	}
	return inv
}

func TestAnInvitationIsTheAgentsAndTheAnswerTheTeams(t *testing.T) {
	t.Parallel()
	for partstat, words := range map[string]string{"ACCEPTED": "accepte l’invitation.", "DECLINED": "décline l’invitation.", "TENTATIVE": "sous réserve."} {
		t.Run(partstat, func(t *testing.T) {
			t.Parallel()
			d, jean, anne, bruno, invitation := invited(t)
			if o, a := invitation.property("ORGANIZER"), invitation.property("ATTENDEE"); o != `ORGANIZER;CN="Jean Client":mailto:`+invitation.token() || !strings.HasSuffix(a, ":mailto:"+anne.address) {
				t.Errorf("%s\n%s", o, a)
			}
			d.holds(invitation, "METHOD:REQUEST", "UID:"+uid, "DTSTART:20301202T130000Z")
			d.without(invitation, "mailto:jean@client", "mailto:marie@client")
			d.says(invitation, "Acceptez ou refusez l’invitation")

			anne.presses(invitation, "REPLY", partstat, "COMMENT:À bientôt !")
			answer := jean.reads()
			d.says(answer, "Anne Durand – Relation Client "+strings.Replace(words, "sous", "accepte l’invitation sous", 1), "À bientôt !")
			d.holds(answer, "METHOD:REPLY", "UID:"+uid, "PARTSTAT="+partstat+":mailto:"+generic, "Anne Durand – Relation Client", "ORGANIZER;CN=Jean Client:mailto:jean@client.example", "COMMENT:À bientôt !")
			d.without(answer, "corp.example", invitation.token(), "X-MS-OLK", "Exchange")
			if from := answer.Header.Mailboxes("From")[0]; from.Address.String() != generic || answer.method() != "REPLY" {
				t.Errorf("from %v, method %s", from, answer.method())
			}
			d.expect(10000, ticket.Pending, "anne")
			if h := d.happened(10000, ticket.InvitationAnswered); len(h) != 1 || h[0].Data["answer"] != partstat {
				t.Errorf("%+v", h)
			}
			anne.presses(invitation, "REPLY", partstat) // the client says it again
			jean.hearsNothing()
			anne.hearsNothing()
			bruno.hearsNothing()
			if d.tickets() != 1 || len(d.held()) != 0 {
				t.Error("an answer became a ticket, or was held")
			}
		})
	}
}

func TestAnotherTimeIsProposed(t *testing.T) {
	t.Parallel()
	d, jean, anne, _, invitation := invited(t)
	anne.presses(invitation, "COUNTER", "TENTATIVE", "DTSTART:20301203T130000Z", "DTEND:20301203T140000Z", "COMMENT:Plutôt mardi\\, anne.durand@corp.example")
	answer := jean.reads()
	d.holds(answer, "METHOD:COUNTER", "DTSTART:20301203T130000Z", "DTEND:20301203T140000Z", "UID:"+uid)
	d.says(answer, "propose un autre horaire")
	d.without(answer, "corp.example")
}

// The organiser moves it: the same ticket, the same calendar, no acknowledgement.
func TestAnInvitationIsMovedAndCancelled(t *testing.T) {
	t.Parallel()
	d, jean, anne, _, _ := invited(t)
	jean.invites(generic, "Mise à jour : Revue du contrat", "REQUEST", meeting("REQUEST", uid, 1, jean.address, "DTSTART:20301203T130000Z", "DTEND:20301203T140000Z"))
	moved := anne.reads()
	d.holds(moved, "METHOD:REQUEST", "SEQUENCE:1", "DTSTART:20301203T130000Z")
	jean.invites(generic, "Revue du contrat", "REQUEST", meeting("REQUEST", uid, 0, jean.address))
	late := anne.reads()
	d.says(late, "plus ancienne que celle qui est dans votre agenda")
	if late.method() != "" || !strings.Contains(late.shownCalendar(), "SEQUENCE:0") {
		t.Error("an old invitation acts in the calendar")
	}
	jean.invites(generic, "Annulé : Revue du contrat", "CANCEL", meeting("CANCEL", uid, 2, jean.address))
	cancel := anne.reads()
	d.holds(cancel, "METHOD:CANCEL", "mailto:"+anne.address)
	if len(d.invitation(10000).Holders) != 0 {
		t.Error("still in a calendar")
	}
	anne.presses(moved, "REPLY", "ACCEPTED")
	d.says(anne.reads(), "l’organisateur a annulé le rendez-vous")
	jean.hearsNothing()
	if d.tickets() != 1 {
		t.Errorf("%d tickets", d.tickets())
	}
}

// Who knows the UID is not the organiser: whatever is claimed is shown, flagged, and
// changes nothing.
func TestForgedCalendarMessages(t *testing.T) {
	t.Parallel()
	d, jean, anne, bruno, invitation := invited(t)
	mallory := d.person("Mallory", "mallory@other.example")
	for _, method := range []string{"REQUEST", "CANCEL", "ADD", "DECLINECOUNTER", "REPLY"} {
		for _, who := range []*person{
			mallory,
			d.person("Jean Client", "jean@other.example"),                 // another address
			d.person("Jean Client", "jean@client.example").from("<>"),     // not backed
			d.person("Jean Client", "jean@nobody.example").from("x@y.zz"), // nor this
		} {
			before := len(bruno.mailbox()) + len(anne.mailbox())
			who.invites(generic, "Revue "+method, method, meeting(method, uid, 9, jean.address, "DTSTART:20310101T000000Z", "DTEND:20310101T010000Z"))
			d.drained()
			for _, raw := range append(bruno.mailbox(), anne.mailbox()...)[0:] {
				m := parse(t, raw)
				if strings.Contains(m.calendar(), "20310101T000000Z") {
					t.Errorf("%s of %s acts in a calendar:\n%s", method, who, raw.Raw)
				}
			}
			if len(bruno.mailbox())+len(anne.mailbox()) == before {
				t.Errorf("%s of %s is shown to nobody", method, who)
			}
		}
	}
	if inv := d.invitation(10000); inv.Cancelled || inv.Latest[""].Sequence != 0 || len(inv.Since) != 0 || inv.Message != 1 {
		t.Errorf("%+v", inv)
	}
	jean.read = len(jean.mailbox())
	anne.presses(invitation, "REPLY", "ACCEPTED")
	d.holds(jean.reads(), "METHOD:REPLY", "PARTSTAT=ACCEPTED")
}

// Someone else of the same ticket is not the organiser either, and a mail that a
// token lets in is no proof of who writes.
func TestAForgedCancelWithinTheTicket(t *testing.T) {
	t.Parallel()
	d, jean, anne, _, invitation := invited(t)
	anne.answers(invitation, "Bonjour, nous préparons la réunion.\n")
	answer := jean.reads()
	thief := d.person("Jean Client", "jean@client.example").from("<>") // has seen the mail; not backed
	thief.invites(generic, "Annulé", "CANCEL", meeting("CANCEL", uid, 9, jean.address), "In-Reply-To: <"+answer.id()+">", "References: <"+answer.id()+">")
	shown := anne.reads()
	d.says(shown, "prétend modifier une invitation")
	if shown.method() != "" || d.invitation(10000).Cancelled {
		t.Error("it was cancelled")
	}
}

// Calendar services mark their mails as automatic: an update of one is an update
// all the same, and the agent's answer to it answers the customer.
func TestAnAutomaticUpdate(t *testing.T) {
	t.Parallel()
	d, jean, anne, _, _ := invited(t)
	jean.invites(generic, "Mise à jour", "REQUEST", meeting("REQUEST", uid, 1, jean.address, "DTSTART:20301203T130000Z", "DTEND:20301203T140000Z"), "Auto-Submitted: auto-generated")
	moved := anne.reads()
	d.holds(moved, "METHOD:REQUEST", "SEQUENCE:1")
	d.says(moved, "Acceptez ou refusez l’invitation")
	if strings.Contains(moved.text(), "Réponse automatique") {
		t.Error("it is called an automatic answer")
	}
	anne.presses(moved, "REPLY", "ACCEPTED", "X-AUTO:1")
	d.holds(jean.reads(), "SEQUENCE:1", "PARTSTAT=ACCEPTED", "DTSTART:20301203T130000Z")
	d.expect(10000, ticket.Pending, "anne")
}

// What an agent has planned is nobody else's to change, whoever guesses its UID.
func TestACustomerChangesNoActivity(t *testing.T) {
	t.Parallel()
	d, jean, anne, _, invitation := invited(t)
	anne.answers(invitation, "#task lundi 9h préparer\n")
	task := lastCalendar(anne)
	anne.read = len(anne.mailbox())
	_, own, _ := strings.Cut(task.property("UID"), ":")
	for _, method := range []string{"REQUEST", "CANCEL"} {
		jean.invites(generic, "Autre chose", method, meeting(method, own, 9, jean.address), "In-Reply-To: <"+invitation.Header.MessageIDs("References")[0]+">")
		shown := anne.reads()
		d.says(shown, "prétend modifier une invitation")
		if shown.method() != "" {
			t.Errorf("%s acts in the calendar", method)
		}
	}
}

// The ticket goes to a colleague: the invitation too, and it leaves the first
// calendar.
func TestAnInvitationGoesWithTheTicket(t *testing.T) {
	t.Parallel()
	d, jean, anne, bruno, invitation := invited(t)
	jean.invites(generic, "Mise à jour", "REQUEST", meeting("REQUEST", uid, 1, jean.address, "DTSTART:20301203T130000Z", "DTEND:20301203T140000Z"))
	anne.reads()
	anne.answers(invitation, "#assign bruno\n")
	d.holds(lastCalendar(bruno), "METHOD:REQUEST", "SEQUENCE:1", "DTSTART:20301203T130000Z", "mailto:"+bruno.address)
	cancel := lastCalendar(anne)
	d.holds(cancel, "METHOD:CANCEL", "UID:"+uid, "mailto:"+anne.address)
	d.says(cancel, "Bruno Petit suit maintenant cette demande")
	d.without(cancel, "mailto:jean@client")
	n := 0
	for _, raw := range bruno.mailbox() {
		if parse(t, raw).method() == "REQUEST" {
			n++
		}
	}
	if n != 1 {
		t.Errorf("bruno got the invitation %d times", n)
	}
	bruno.presses(lastCalendar(bruno), "REPLY", "ACCEPTED")
	answer := jean.reads()
	d.holds(answer, "Bruno Petit – Relation Client", "PARTSTAT=ACCEPTED", "SEQUENCE:1")
	d.without(answer, "Anne Durand", "corp.example")
	d.drained()
	anne.read = len(anne.mailbox())
	anne.presses(invitation, "REPLY", "ACCEPTED")
	d.says(anne.reads(), "c’est maintenant Bruno Petit qui suit la demande")
	jean.hearsNothing()
}

// Nobody's ticket: the whole team is asked, who accepts takes it, and a decline
// speaks for one only.
func TestWhoAcceptsTakesIt(t *testing.T) {
	t.Parallel()
	d := newDesk(t, func(text string) string {
		return withTimers(`first_reply = ""`, `update_every = ""`, `assign = "none"`)(text)
	})
	d.at("Wed 2030-11-20 10:00")
	jean, anne, bruno := d.jean(), d.anne(), d.bruno()
	jean.invites(generic, "Revue du contrat", "REQUEST", meeting("REQUEST", uid, 0, jean.address))
	jean.reads()
	a, b := anne.reads(), bruno.reads()
	d.says(a, "le premier qui accepte l’invitation")
	d.holds(b, "mailto:"+bruno.address)

	bruno.presses(b, "REPLY", "DECLINED")
	d.says(bruno.reads(), "Vous déclinez cette invitation pour vous seul")
	jean.hearsNothing()
	d.expect(10000, ticket.New, "")

	anne.presses(a, "REPLY", "ACCEPTED")
	d.holds(jean.reads(), "PARTSTAT=ACCEPTED", "Anne Durand – Relation Client")
	d.expect(10000, ticket.Pending, "anne")
	d.holds(lastCalendar(bruno), "METHOD:CANCEL", "UID:"+uid)
	if inv := d.invitation(10000); len(inv.Holders) != 1 || inv.Holders[0] != "anne" {
		t.Errorf("%v", inv.Holders)
	}
}

func TestWhenTheWholeTeamDeclines(t *testing.T) {
	t.Parallel()
	d := newDesk(t, withTimers(`first_reply = ""`, `update_every = ""`, `assign = "none"`))
	d.at("Wed 2030-11-20 10:00")
	jean, anne, bruno := d.jean(), d.anne(), d.bruno()
	jean.invites(generic, "Revue du contrat", "REQUEST", meeting("REQUEST", uid, 0, jean.address))
	jean.reads()
	a, b := anne.reads(), bruno.reads()
	bruno.presses(b, "REPLY", "DECLINED")
	bruno.reads()
	anne.presses(a, "REPLY", "DECLINED")
	d.holds(jean.reads(), "PARTSTAT=DECLINED")
}

// The organiser that an invitation names is somebody else: nobody makes us write
// to a third person, until an agent says so.
func TestAnOrganiserWhoIsNotTheWriter(t *testing.T) {
	t.Parallel()
	d := newDesk(t, withTimers(`first_reply = ""`, `update_every = ""`))
	d.at("Wed 2030-11-20 10:00")
	jean, anne := d.jean(), d.anne()
	victim := d.person("", "victim@other.example")
	jean.invites(generic, "Revue du contrat", "REQUEST", meeting("REQUEST", uid, 0, victim.address))
	jean.reads()
	invitation := anne.reads()
	anne.presses(invitation, "REPLY", "ACCEPTED")
	notice := anne.reads()
	d.says(notice, "victim@other.example, n’est pas la personne qui vous écrit", "#cc +victim@other.example")
	victim.hearsNothing()
	jean.hearsNothing()
	for _, own := range []string{generic, "bruno.petit@corp.example"} { // nor to ourselves
		other := d.person("Jean Client", "jean@client.example")
		other.read = len(other.mailbox())
		other.invites("sav@example.com", "Autre "+own, "REQUEST", strings.Replace(meeting("REQUEST", uid+own, 0, own), "RC;", "RC2;", 1))
	}
	d.drained()
}

// One instance of a series is moved, then declined alone.
func TestOneInstanceOfASeries(t *testing.T) {
	t.Parallel()
	d := newDesk(t, withTimers(`first_reply = ""`, `update_every = ""`))
	d.at("Wed 2030-11-20 10:00")
	jean, anne, bruno := d.jean(), d.anne(), d.bruno()
	jean.invites(generic, "Point", "REQUEST", meeting("REQUEST", uid, 0, jean.address, "DTSTART:20301202T130000Z", "DTEND:20301202T140000Z", "RRULE:FREQ=WEEKLY;COUNT=5", "EXDATE:20301216T130000Z"))
	jean.reads()
	series := anne.reads()
	d.holds(series, "RRULE:FREQ=WEEKLY;COUNT=5", "EXDATE:20301216T130000Z")
	anne.presses(series, "REPLY", "ACCEPTED")
	d.holds(jean.reads(), "PARTSTAT=ACCEPTED", "DTSTART:20301202T130000Z")
	jean.invites(generic, "Point, déplacé", "REQUEST", meeting("REQUEST", uid, 1, jean.address, "RECURRENCE-ID:20301209T130000Z", "DTSTART:20301210T130000Z", "DTEND:20301210T140000Z"))
	one := anne.reads()
	d.holds(one, "RECURRENCE-ID:20301209T130000Z", "DTSTART:20301210T130000Z")
	anne.presses(one, "REPLY", "DECLINED", "RECURRENCE-ID:20301209T130000Z")
	d.holds(jean.reads(), "PARTSTAT=DECLINED", "RECURRENCE-ID:20301209T130000Z", "DTSTART:20301210T130000Z", "SEQUENCE:1")
	d.drained()
	anne.answers(series, "#assign bruno\n")
	d.drained()
	var got []string
	for _, raw := range bruno.mailbox() {
		if m := parse(t, raw); m.method() == "REQUEST" {
			got = append(got, m.property("SEQUENCE"))
		}
	}
	if slices.Sort(got); strings.Join(got, " ") != "SEQUENCE:0 SEQUENCE:1" {
		t.Errorf("bruno got %v", got)
	}
}

// What can't be read reaches the agent as a file, with a word of caution.
func TestABrokenInvitation(t *testing.T) {
	t.Parallel()
	d, jean, _, bruno, _ := invited(t)
	jean.invites(generic, "Cassée", "REQUEST", "BEGIN:VCALENDAR\nMETHOD:REQUEST\nBEGIN:VEVENT\nUID:x\nEND:VTODO\n")
	m := bruno.reads() // whose turn it is
	d.says(m, "L’invitation n’a pas pu être lue")
	if m.method() != "" || !strings.Contains(m.shownCalendar(), "END:VTODO") {
		t.Errorf("%s", m.Raw)
	}
}

// A comment that holds something internal, or a command, does not leave; the
// decision does.
func TestACommentThatMayNotLeave(t *testing.T) {
	t.Parallel()
	for comment, says := range map[string]string{
		"#note il ne faut pas lui dire":                    "est une commande",
		"Voir la note : le client est en procès avec nous": "quelque chose d’interne",
	} {
		t.Run(says, func(t *testing.T) {
			t.Parallel()
			d, jean, anne, _, invitation := invited(t)
			anne.answers(invitation, "#note\nle client est en procès avec nous\n")
			d.drained()
			anne.read = len(anne.mailbox())
			anne.presses(invitation, "REPLY", "ACCEPTED", "COMMENT:"+comment)
			answer := jean.reads()
			d.holds(answer, "PARTSTAT=ACCEPTED")
			d.without(answer, "lui dire", "procès", "COMMENT")
			d.says(anne.reads(), says)
		})
	}
}

// The agent is the organiser: the customer's answer comes back into the agent's
// calendar.
func TestAnAgentInvitesTheCustomer(t *testing.T) {
	t.Parallel()
	d := newDesk(t, nil)
	jean, anne := d.jean(), d.anne()
	_, copy := d.ask(jean, anne, "Un rendez-vous", "Quand êtes-vous libre ?\n")
	calendar := "BEGIN:VCALENDAR\nMETHOD:REQUEST\nVERSION:2.0\nPRODID:x\nBEGIN:VEVENT\nUID:anne-1\nSEQUENCE:0\nDTSTAMP:20301120T080000Z\nSUMMARY:Rendez-vous\nORGANIZER;CN=Anne Durand:mailto:" + anne.address +
		"\nATTENDEE;RSVP=TRUE:mailto:" + copy.token() + "\nDTSTART:20301202T130000Z\nEND:VEVENT\nEND:VCALENDAR\n"
	anne.mime(copy, "multipart/alternative; boundary=b", part("Content-Type: text/plain; charset=utf-8", "Je vous propose ce rendez-vous.")+
		part("Content-Type: text/calendar; charset=utf-8; method=REQUEST", calendar)+"--b--\n")
	invitation := jean.reads()
	d.holds(invitation, "METHOD:REQUEST", "ORGANIZER;CN=Anne Durand:mailto:"+generic, "mailto:jean@client.example", "UID:anne-1")
	d.without(invitation, "corp.example", copy.token())
	jean.invites(generic, "Accepté : Rendez-vous", "REPLY", "BEGIN:VCALENDAR\nMETHOD:REPLY\nVERSION:2.0\nPRODID:x\nBEGIN:VEVENT\nUID:anne-1\nDTSTAMP:20301120T090000Z\nORGANIZER:mailto:"+generic+
		"\nATTENDEE;PARTSTAT=ACCEPTED;CN=Jean Client:mailto:jean@client.example\nEND:VEVENT\nEND:VCALENDAR\n")
	answer := anne.reads()
	d.holds(answer, "METHOD:REPLY", "PARTSTAT=ACCEPTED", "mailto:"+copy.token())
	if o := answer.property("ORGANIZER"); !strings.HasSuffix(o, "mailto:"+anne.address) {
		t.Error(o)
	}
	jean.hearsNothing()
	if d.tickets() != 1 {
		t.Errorf("%d tickets", d.tickets())
	}
}

// copyOfMeeting is the last that somebody got about the meeting.
func copyOfMeeting(p *person) received {
	p.d.Helper()
	var last received
	for _, raw := range p.mailbox() {
		if m := parse(p.d.T, raw); m.property("UID") == "UID:"+uid {
			last = m
		}
	}
	if last.Message == nil {
		p.d.Fatalf("%s has nothing of the meeting", p)
	}
	return last
}

// A merged ticket's invitation is answered from the ticket that is left.
func TestAnInvitationOfAMergedTicket(t *testing.T) {
	t.Parallel()
	d := newDesk(t, withTimers(`first_reply = ""`, `update_every = ""`))
	d.at("Wed 2030-11-20 10:00")
	jean, anne := d.jean(), d.anne()
	d.ask(jean, anne, "Une question", "Bonjour\n")
	jean.invites(generic, "Revue du contrat", "REQUEST", meeting("REQUEST", uid, 0, jean.address))
	jean.reads()
	bruno := d.bruno() // whose turn it was
	invitation := bruno.reads()
	bruno.answers(invitation, "#task lundi 9h préparer\n")
	d.holds(lastCalendar(bruno), "UID:activity-10001-1")
	bruno.answers(invitation, "#merge 10000\n")
	d.drained()
	invitation = copyOfMeeting(anne)
	d.holds(copyOfMeeting(bruno), "METHOD:CANCEL")
	anne.read = len(anne.mailbox())
	anne.presses(invitation, "REPLY", "ACCEPTED")
	d.holds(jean.reads(), "PARTSTAT=ACCEPTED", "UID:"+uid)
	if inv := d.invitation(10000); inv.Answers != 1 {
		t.Errorf("%+v", inv)
	}
	d.at("Mon 2030-11-25 09:01")
	d.timers()
	d.says(anne.reads(), "préparer")
}
