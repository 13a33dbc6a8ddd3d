package compose

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-ical"

	"postdesk/internal/addr"
	"postdesk/internal/message"
)

// Invitations in the form in which programs write them, made up for the tests.
const (
	// Exchange: upper-case MAILTO, a zone of Windows, its own properties, a display
	// name with a colon, lines folded within letters.
	exchangeInvite = `BEGIN:VCALENDAR
METHOD:REQUEST
PRODID:Microsoft Exchange Server 2010
VERSION:2.0
BEGIN:VTIMEZONE
TZID:Romance Standard Time
BEGIN:STANDARD
DTSTART:16010101T030000
TZOFFSETFROM:+0200
TZOFFSETTO:+0100
RRULE:FREQ=YEARLY;INTERVAL=1;BYDAY=-1SU;BYMONTH=10
END:STANDARD
BEGIN:DAYLIGHT
DTSTART:16010101T020000
TZOFFSETFROM:+0100
TZOFFSETTO:+0200
RRULE:FREQ=YEARLY;INTERVAL=1;BYDAY=-1SU;BYMONTH=3
END:DAYLIGHT
END:VTIMEZONE
BEGIN:VEVENT
ORGANIZER;CN="Client, Jean":MAILTO:jean@client.example
ATTENDEE;ROLE=REQ-PARTICIPANT;PARTSTAT=NEEDS-ACTION;RSVP=TRUE;CN=Relation
  Client:MAILTO:RelationClient@example.com
ATTENDEE;ROLE=OPT-PARTICIPANT;PARTSTAT=NEEDS-ACTION;RSVP=TRUE;CN=Marie Client
 :MAILTO:marie@client.example
DESCRIPTION;LANGUAGE=fr-FR:Revue du contrat\n\nOrdre du jour : prix\, dur` + "\xc3\n \xa9e" + `
UID:040000008200E00074C5B7101A82E00800000000A0B1C2D3E4F5DA01000000000000000
 0100000001234567890ABCDEF1234567890ABCDEF
SUMMARY;LANGUAGE=fr-FR:Revue du contrat
DTSTART;TZID=Romance Standard Time:20261202T140000
DTEND;TZID=Romance Standard Time:20261202T150000
CLASS:PUBLIC
PRIORITY:5
DTSTAMP:20261121T093000Z
TRANSP:OPAQUE
STATUS:CONFIRMED
SEQUENCE:0
LOCATION;LANGUAGE=fr-FR:Salle 3
X-MICROSOFT-CDO-APPT-SEQUENCE:0
X-MICROSOFT-CDO-BUSYSTATUS:TENTATIVE
X-MS-OLK-SENDER;CN="Assistante":MAILTO:assistante@client.example
BEGIN:VALARM
DESCRIPTION:REMINDER
TRIGGER;RELATED=START:-PT15M
ACTION:DISPLAY
END:VALARM
END:VEVENT
END:VCALENDAR
`
	// Google: a series with one instance moved, an e-mail alarm, X-NUM-GUESTS.
	googleInvite = `BEGIN:VCALENDAR
PRODID:-//Google Inc//Google Calendar 70.9054//EN
VERSION:2.0
CALSCALE:GREGORIAN
METHOD:REQUEST
BEGIN:VTIMEZONE
TZID:Europe/Paris
X-LIC-LOCATION:Europe/Paris
BEGIN:STANDARD
TZOFFSETFROM:+0200
TZOFFSETTO:+0100
TZNAME:CET
DTSTART:19701025T030000
RRULE:FREQ=YEARLY;BYMONTH=10;BYDAY=-1SU
END:STANDARD
END:VTIMEZONE
BEGIN:VEVENT
DTSTART;TZID=Europe/Paris:20261201T100000
DTEND;TZID=Europe/Paris:20261201T103000
RRULE:FREQ=WEEKLY;BYDAY=TU
EXDATE;TZID=Europe/Paris:20261222T100000
DTSTAMP:20261121T100000Z
ORGANIZER;CN=Jean Client:mailto:jean@client.example
UID:0a1b2c3d4e5f@google.com
ATTENDEE;CUTYPE=INDIVIDUAL;ROLE=REQ-PARTICIPANT;PARTSTAT=NEEDS-ACTION;RSVP=
 TRUE;CN=relationclient@example.com;X-NUM-GUESTS=0:mailto:relationclient@exa
 mple.com
ATTENDEE;CUTYPE=INDIVIDUAL;ROLE=REQ-PARTICIPANT;PARTSTAT=ACCEPTED;RSVP=TRUE
 ;CN=Jean Client;X-NUM-GUESTS=0:mailto:jean@client.example
X-GOOGLE-CONFERENCE:https://meet.google.com/abc-defg-hij
DESCRIPTION:Point hebdomadaire
SEQUENCE:2
STATUS:CONFIRMED
SUMMARY:Point
TRANSP:OPAQUE
BEGIN:VALARM
ACTION:EMAIL
ATTENDEE:mailto:jean@client.example
SUMMARY:Alarm
DESCRIPTION:This is an event reminder
TRIGGER:-P0DT0H10M0S
END:VALARM
END:VEVENT
BEGIN:VEVENT
DTSTART;TZID=Europe/Paris:20261209T100000
DTEND;TZID=Europe/Paris:20261209T103000
DTSTAMP:20261121T100000Z
ORGANIZER;CN=Jean Client:mailto:jean@client.example
UID:0a1b2c3d4e5f@google.com
RECURRENCE-ID;TZID=Europe/Paris:20261208T100000
ATTENDEE;PARTSTAT=NEEDS-ACTION;CN=relationclient@example.com:mailto:relationclient@example.com
SEQUENCE:2
SUMMARY:Point (déplacé)
END:VEVENT
END:VCALENDAR
`
	// Apple: the organiser's address in EMAIL, no mailto.
	appleInvite = `BEGIN:VCALENDAR
CALSCALE:GREGORIAN
PRODID:-//Apple Inc.//macOS 15.1//EN
VERSION:2.0
METHOD:REQUEST
BEGIN:VEVENT
CREATED:20261121T090000Z
UID:5B0A7C3E-0000-4000-8000-00AA00BB00CC
DTEND;VALUE=DATE:20261204
ATTENDEE;CUTYPE=INDIVIDUAL;EMAIL="relationclient@example.com";RSVP=TRUE:urn:uuid:1111
ORGANIZER;CN="Jean Client";EMAIL="jean@client.example":/aNzQ/principal/
SUMMARY:Journée portes ouvertes
TRANSP:OPAQUE
DTSTART;VALUE=DATE:20261203
DTSTAMP:20261121T090000Z
SEQUENCE:1
END:VEVENT
END:VCALENDAR
`
	// Thunderbird: unfolded long lines, RECEIVED-SEQUENCE, X-MOZ properties.
	thunderbirdInvite = `BEGIN:VCALENDAR
PRODID:-//Mozilla.org/NONSGML Mozilla Calendar V1.1//EN
VERSION:2.0
METHOD:REQUEST
BEGIN:VEVENT
CREATED:20261121T090000Z
DTSTAMP:20261121T090100Z
UID:6f9c2d1e-aaaa-4bbb-8ccc-0123456789ab
SUMMARY:Démonstration
ORGANIZER;RSVP=TRUE;CN=Jean Client;PARTSTAT=ACCEPTED;ROLE=CHAIR:mailto:jean@client.example
ATTENDEE;RSVP=TRUE;PARTSTAT=NEEDS-ACTION;ROLE=REQ-PARTICIPANT;X-MOZ-RECEIVED-SEQUENCE=0:mailto:relationclient@example.com
DTSTART:20261203T080000Z
DTEND:20261203T090000Z
SEQUENCE:0
X-MOZ-SEND-INVITATIONS:TRUE
END:VEVENT
END:VCALENDAR
`
)

func invitationMail(method, calendar string) string {
	return "From: jean@client.example\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=m\n\n--m\nContent-Type: multipart/alternative; boundary=b\n\n--b\nContent-Type: text/plain\n\nRendez-vous\n--b\nContent-Type: text/calendar; charset=utf-8; method=" +
		method + "\nContent-Transfer-Encoding: 8bit\n\n" + calendar + "--b--\n--m\nContent-Type: application/ics; name=invite.ics\nContent-Disposition: attachment; filename=invite.ics\nContent-Transfer-Encoding: 8bit\n\n" + calendar + "--m--\n"
}

func calendarOf(t testing.TB, src message.Source) string {
	t.Helper()
	m, err := message.Parse(src)
	if err != nil {
		t.Fatal(err)
	}
	p := m.CalendarPart()
	if p == nil {
		t.Fatalf("no calendar in\n%s", bytesOf(t, src))
	}
	var b bytes.Buffer
	if _, err := b.ReadFrom(p.Decode()); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func unfolded(s string) string { return strings.ReplaceAll(s, "\r\n ", "") }

// strict reads a calendar as a strict program does.
func strict(t testing.TB, text string) *ical.Calendar {
	t.Helper()
	for line := range strings.SplitSeq(text, "\r\n") {
		if strings.ContainsAny(line, "\r\n") {
			t.Errorf("a bare line end in %q", line)
		}
	}
	cal, err := ical.NewDecoder(strings.NewReader(text)).Decode()
	if err != nil {
		t.Fatalf("%v in\n%s", err, text)
	}
	return cal
}

func TestInvitationsBecomeTheAgents(t *testing.T) {
	for name, c := range map[string]struct {
		calendar string
		kept     []string
	}{
		"Exchange": {exchangeInvite, []string{"TZID:Romance Standard Time\r\n", "DTSTART;TZID=Romance Standard Time:20261202T140000\r\n",
			"UID:040000008200E00074C5B7101A82E00800000000A0B1C2D3E4F5DA01000000000000000\r\n 0100000001234567890ABCDEF1234567890ABCDEF\r\n", "LOCATION;LANGUAGE=fr-FR:Salle 3\r\n", "TRIGGER;RELATED=START:-PT15M"}},
		"Google": {googleInvite, []string{"RRULE:FREQ=WEEKLY;BYDAY=TU\r\n", "EXDATE;TZID=Europe/Paris:20261222T100000\r\n", "RECURRENCE-ID;TZID=Europe/Paris:20261208T100000\r\n",
			"X-GOOGLE-CONFERENCE:https://meet.google.com/abc-defg-hij\r\n", "SEQUENCE:2\r\n"}},
		"Apple":       {appleInvite, []string{"DTSTART;VALUE=DATE:20261203\r\n"}},
		"Thunderbird": {thunderbirdInvite, []string{"DTSTART:20261203T080000Z\r\n"}},
	} {
		t.Run(name, func(t *testing.T) {
			in := testCopyIn(t, "fr")
			in.Invite, in.Head.To[0].Name = InviteLive, "Anne Durand"
			in.Mail = parse(t, invitationMail("REQUEST", c.calendar))
			out, err := testComposer(t).Copy(in)
			if err != nil {
				t.Fatal(err)
			}
			text := calendarOf(t, out.Source)
			cal := strict(t, text)
			for _, e := range cal.Events() {
				if got := e.Props.Get("ORGANIZER").Value; got != "mailto:"+tokenAddr {
					t.Errorf("the organiser is %s", got)
				}
				if list := e.Props.Values("ATTENDEE"); len(list) != 1 || list[0].Value != "mailto:"+private {
					t.Errorf("attendees %v", list)
				}
			}
			for _, want := range c.kept {
				if !strings.Contains(text, want) {
					t.Errorf("no %q in\n%s", want, text)
				}
			}
			for _, gone := range []string{"mailto:jean@", "mailto:marie@", "assistante@", "mailto:relationclient@example", "EMAIL"} {
				if strings.Contains(strings.ToLower(unfolded(text)), strings.ToLower(gone)) {
					t.Errorf("%q is left in\n%s", gone, text)
				}
			}
			m, _ := message.Parse(out.Source)
			files := m.Attachments()
			if last := files[len(files)-1]; last.FileName() != "invite.ics" || strings.Contains(unfolded(last.Text(1<<20)), "mailto:jean@") {
				t.Error("the attached calendar is not the agent's")
			}
		})
	}
}

func TestOtherGuestsAreToldInWords(t *testing.T) {
	in := testCopyIn(t, "fr")
	in.Invite = InviteLive
	in.Mail = parse(t, invitationMail("REQUEST", exchangeInvite))
	out, err := testComposer(t).Copy(in)
	if err != nil {
		t.Fatal(err)
	}
	e := strict(t, calendarOf(t, out.Source)).Events()[0]
	if text, _ := e.Props.Text("DESCRIPTION"); !strings.HasPrefix(text, "Revue du contrat\n\nOrdre du jour : prix, durée\n\n") || !strings.Contains(text, "Aussi invités\u00a0: Marie Client <marie@client.example>") {
		t.Errorf("%q", text)
	}
}

// What may not act in the agent's calendar is a text, its bytes as they were.
func TestAnInvitationThatIsOnlyShown(t *testing.T) {
	for name, calendar := range map[string]string{"whole": exchangeInvite, "broken": "BEGIN:VCALENDAR\nMETHOD:REQUEST\nBEGIN:VEVENT\nUID:1\nEND:VTODO\n"} {
		in := testCopyIn(t, "fr")
		in.Mail = parse(t, invitationMail("REQUEST", calendar))
		if name == "broken" {
			in.Invite = InviteLive
		}
		out, err := testComposer(t).Copy(in)
		if err != nil {
			t.Fatal(err)
		}
		m, _ := message.Parse(out.Source)
		if m.CalendarPart() != nil || strings.Contains(bytesOf(t, out.Source), "method=") {
			t.Errorf("%s: a client may act on\n%s", name, bytesOf(t, out.Source))
		}
		files := m.Attachments()
		if len(files) != 2 || files[0].FileName() != "invitation.txt" {
			t.Fatalf("%s: files %v", name, files)
		}
		var b bytes.Buffer
		_, _ = b.ReadFrom(files[0].Decode())
		if want := strings.ReplaceAll(calendar, "\n", "\r\n"); strings.TrimSpace(b.String()) != strings.TrimSpace(want) {
			t.Errorf("%s: the bytes changed:\n%s", name, b.String())
		}
	}
}

// A calendar that is no message is passed on as it came.
func TestACalendarFileStaysAFile(t *testing.T) {
	in := testCopyIn(t, "fr")
	calendar := strings.ReplaceAll(thunderbirdInvite, "METHOD:REQUEST\n", "")
	in.Mail = parse(t, strings.ReplaceAll(invitationMail("X", calendar), "; method=X", ""))
	out, err := testComposer(t).Copy(in)
	if err != nil {
		t.Fatal(err)
	}
	if got := calendarOf(t, out.Source); strings.TrimSpace(got) != strings.TrimSpace(strings.ReplaceAll(calendar, "\n", "\r\n")) {
		t.Errorf("changed:\n%s", got)
	}
}

func TestCalendarFacts(t *testing.T) {
	read := func(calendar string) *Calendar {
		cal, err := ReadCalendar(parse(t, invitationMail("REQUEST", calendar)))
		if err != nil {
			t.Fatal(err)
		}
		return cal
	}
	g := read(googleInvite)
	if g.UID != "0a1b2c3d4e5f@google.com" || g.Sequence != 2 || g.Method != "REQUEST" || g.Recurrence != "" || g.Organiser.String() != "jean@client.example" || !g.Over.IsZero() || g.Summary != "Point" {
		t.Errorf("%+v", g)
	}
	e := read(exchangeInvite)
	if !strings.HasSuffix(e.UID, "0000100000001234567890ABCDEF1234567890ABCDEF") || !e.Over.Equal(time.Date(2026, 12, 4, 15, 0, 0, 0, time.UTC)) || !e.Stamp.Equal(time.Date(2026, 11, 21, 9, 30, 0, 0, time.UTC)) {
		t.Errorf("%+v", e)
	}
	if a := read(appleInvite); a.Organiser.String() != "jean@client.example" || !a.Day || a.Attendees[0].String() != "relationclient@example.com" {
		t.Errorf("%+v", a)
	}
	if _, err := ReadCalendar(parse(t, invitationMail("REQUEST", strings.Replace(googleInvite, "UID:0a1b2c3d4e5f", "UID:other", 1)))); err == nil {
		t.Error("two UIDs in one message")
	}
}

// The answers that agents' programs write.
func agentAnswer(method, partstat, more string) string {
	return fmt.Sprintf(`BEGIN:VCALENDAR
METHOD:%s
PRODID:Microsoft Exchange Server 2010
VERSION:2.0
BEGIN:VTIMEZONE
TZID:W. Europe Standard Time
X-LIC-LOCATION:anne.durand@corp.example
BEGIN:STANDARD
DTSTART:16010101T030000
TZOFFSETFROM:+0200
TZOFFSETTO:+0100
END:STANDARD
END:VTIMEZONE
BEGIN:VEVENT
ATTENDEE;PARTSTAT=%s;CN=Anne Durand;SENT-BY="mailto:secretariat@corp.example":MAILTO:anne.durand@corp.example
ORGANIZER;CN=Jean:MAILTO:%s
UID:UID-OF-IT
SUMMARY;LANGUAGE=fr-FR:Accepté : Revue (anne.durand@corp.example)
DTSTAMP:20261122T080000Z
SEQUENCE:0
X-MICROSOFT-CDO-OWNERAPPTID:1
X-MS-OLK-ORGALIAS:anne.durand@corp.example
%sEND:VEVENT
END:VCALENDAR
`, method, partstat, tokenAddr, more)
}

func answerIn(t testing.TB, invitation, answer string) AnswerIn {
	return AnswerIn{
		Head: testHead(t, "jean@client.example", "Panne"), Team: testTeam("fr"), Agent: "Anne Durand", Self: []addr.Address{mustAddr(t, private)},
		Invitation: parse(t, invitationMail("REQUEST", invitation)), Mail: parse(t, invitationMail("REPLY", answer)), Secrets: []string{private},
		Rewrite: func(a addr.Address) (addr.Address, bool) {
			return mustAddr(t, "relationclient@example.com"), a.String() == private
		},
		IsToken: func(s string) bool { return strings.Contains(s, "tabcdefghijklmnopqrst") },
	}
}

func TestAnswersToInvitations(t *testing.T) {
	for _, c := range []struct {
		name, invitation, answer, says string
		want                           []string
	}{
		{"accepted", exchangeInvite, agentAnswer("REPLY", "ACCEPTED", "COMMENT;LANGUAGE=fr-FR:Avec plaisir\\, anne.durand@corp.example\nDTSTART;TZID=W. Europe Standard Time:20261202T140000\n"), "ACCEPTED",
			[]string{"METHOD:REPLY", "PARTSTAT=ACCEPTED:mailto:RelationClient@example.com", `CN="Anne Durand – Relation Client"`, "DTSTART;TZID=Romance Standard Time:20261202T140000",
				"TZID:Romance Standard Time", `ORGANIZER;CN="Client, Jean":MAILTO:jean@client.example`, "COMMENT:Avec plaisir\\, relationclient@example.com", "SUMMARY;LANGUAGE=fr-FR:Revue du contrat", "SEQUENCE:0"}},
		{"one instance declined", googleInvite, agentAnswer("REPLY", "DECLINED", "RECURRENCE-ID;TZID=Europe/Paris:20261208T100000\n"), "DECLINED",
			[]string{"RECURRENCE-ID;TZID=Europe/Paris:20261208T100000", "PARTSTAT=DECLINED", "SUMMARY:Point (déplacé)", "SEQUENCE:2", "TZID:Europe/Paris"}},
		{"an instance that was not moved", googleInvite, agentAnswer("REPLY", "TENTATIVE", "RECURRENCE-ID:20261215T090000Z\nDTSTART:20261215T090000Z\n"), "TENTATIVE",
			[]string{"RECURRENCE-ID:20261215T090000Z", "DTSTART:20261215T090000Z", "PARTSTAT=TENTATIVE"}},
		{"another time", exchangeInvite, agentAnswer("COUNTER", "TENTATIVE", "DTSTART;TZID=W. Europe Standard Time:20261202T160000\nDTEND;TZID=W. Europe Standard Time:20261202T170000\nX-MS-OLK-ORIGINALSTART:20261202T130000Z\n"), "COUNTER",
			[]string{"METHOD:COUNTER", "DTSTART;TZID=W. Europe Standard Time:20261202T160000", "TZID:W. Europe Standard Time", "X-MS-OLK-ORIGINALSTART:20261202T130000Z", "PARTSTAT=TENTATIVE"}},
		{"all day, Apple", appleInvite, agentAnswer("REPLY", "ACCEPTED", ""), "ACCEPTED",
			[]string{"DTSTART;VALUE=DATE:20261203", `EMAIL="jean@client.example"`, "mailto:relationclient@example.com"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			out, err := testComposer(t).InvitationAnswer(answerIn(t, c.invitation, c.answer))
			if err != nil || len(out.Findings) > 0 || out.Says != c.says {
				t.Fatalf("%v %+v %q", err, out.Findings, out.Says)
			}
			text := calendarOf(t, out.Source)
			strict(t, text)
			for _, want := range c.want {
				if !strings.Contains(unfolded(text), want) {
					t.Errorf("no %q in\n%s", want, text)
				}
			}
			for _, leak := range []string{"corp.example", "secretariat", "tabcdefgh", "Microsoft Exchange", "OWNERAPPTID", "X-LIC", "X-MS-OLK-ORGALIAS"} {
				if all := unfolded(decodeAll(t, out.Source)); strings.Contains(all, leak) {
					t.Errorf("%q leaves in\n%s", leak, all)
				}
			}
		})
	}
}

func TestWhatIsNoAnswer(t *testing.T) {
	for _, partstat := range []string{"NEEDS-ACTION", "DELEGATED", ""} {
		out, err := testComposer(t).InvitationAnswer(answerIn(t, googleInvite, agentAnswer("REPLY", partstat, "")))
		if err != nil || out.Says != "" || out.Source != nil {
			t.Errorf("%q: %v %q", partstat, err, out.Says)
		}
	}
	if _, err := testComposer(t).InvitationAnswer(answerIn(t, googleInvite, "BEGIN:VCALENDAR\nMETHOD:REPLY\n")); err == nil {
		t.Error("an answer without an event")
	}
}

func TestAWithdrawnInvitation(t *testing.T) {
	src, err := testComposer(t).Withdraw(WithdrawIn{Head: testHead(t, private, "Panne [#10000]"), Team: testTeam("fr"), From: mustAddr(t, tokenAddr),
		Invitation: parse(t, invitationMail("REQUEST", googleInvite)), Assignee: "Bruno Petit", Stamp: testDate})
	if err != nil {
		t.Fatal(err)
	}
	text := calendarOf(t, src)
	cal := strict(t, text)
	e := cal.Events()[0]
	if m := cal.Props.Get("METHOD"); m.Value != "CANCEL" || e.Props.Get("UID").Value != "0a1b2c3d4e5f@google.com" || e.Props.Get("ORGANIZER").Value != "mailto:"+tokenAddr || e.Props.Get("ATTENDEE").Value != "mailto:"+private {
		t.Error(text)
	}
	if !strings.Contains(decodeAll(t, src), "Bruno Petit suit maintenant") {
		t.Error("nobody is told why")
	}
}

func testActivity(t testing.TB) ActivityIn {
	paris, err := time.LoadLocation("Europe/Paris")
	if err != nil {
		t.Skip(err)
	}
	return ActivityIn{
		Head: testHead(t, private, "Rappeler Jean [#10000]"), Team: testTeam("fr"), From: mustAddr(t, tokenAddr), Kind: ActivityCall, UID: "a.1@example.com",
		Summary: "Rappeler Jean; urgent", Text: "Ligne 1\nLigne 2, \"devis\"", Start: testDate.Add(48 * time.Hour).In(paris), Agent: `Anne "A" Durand`,
	}
}

func TestActivity(t *testing.T) {
	src, err := testComposer(t).Activity(testActivity(t))
	if err != nil {
		t.Fatal(err)
	}
	text := calendarOf(t, src)
	e := strict(t, text).Events()[0]
	if s, _ := e.Props.Text("SUMMARY"); s != "Rappeler Jean; urgent" || e.Props.Get("DTSTART").Value != "20261123T213000Z" || e.Props.Get("DTEND").Value != "20261123T220000Z" || e.Props.Get("TRANSP").Value != "OPAQUE" {
		t.Error(text)
	}
	if o, a := e.Props.Get("ORGANIZER"), e.Props.Get("ATTENDEE"); o.Value != "mailto:"+tokenAddr || a.Value != "mailto:"+private || a.Params.Get("RSVP") != "TRUE" {
		t.Error(text)
	}
	golden(t, "activity.fr", bytesOf(t, src))
}

func TestActivityOfADay(t *testing.T) {
	in := testActivity(t)
	in.Kind, in.Day, in.Sequence = ActivityTask, true, 1
	for _, cancel := range []bool{false, true} {
		in.Cancel = cancel
		src, err := testComposer(t).Activity(in)
		if err != nil {
			t.Fatal(err)
		}
		text := calendarOf(t, src)
		strict(t, text)
		want := []string{"DTSTART;VALUE=DATE:20261123", "DTEND;VALUE=DATE:20261124", "TRANSP:TRANSPARENT", "SEQUENCE:1", "METHOD:REQUEST", "TRIGGER:PT9H"}
		if cancel {
			want = []string{"METHOD:CANCEL", "STATUS:CANCELLED", "UID:a.1@example.com"}
		}
		for _, w := range want {
			if !strings.Contains(text, w) {
				t.Errorf("no %s in\n%s", w, text)
			}
		}
	}
}

func TestCalendarBounds(t *testing.T) {
	for name, text := range map[string]string{
		"lines":      "BEGIN:VCALENDAR\n" + strings.Repeat("X-A:1\n", maxCalendarLines+1),
		"components": "BEGIN:VCALENDAR\n" + strings.Repeat("BEGIN:VEVENT\nEND:VEVENT\n", maxCalendarComponents+1),
		"depth":      strings.Repeat("BEGIN:VCALENDAR\n", maxCalendarDepth+1),
		"nothing":    "",
		"a vCard":    "BEGIN:VCARD\nEND:VCARD\n",
	} {
		if _, err := readICal(text); err == nil {
			t.Errorf("%s: read", name)
		}
	}
}

// Whatever a calendar says, the agent's copy and the answer can be written, and
// nothing of the agent leaves.
func FuzzCalendar(f *testing.F) {
	for _, s := range []string{exchangeInvite, googleInvite, appleInvite, thunderbirdInvite} {
		f.Add(s, agentAnswer("REPLY", "ACCEPTED", "COMMENT:x\nRECURRENCE-ID:20261208T100000Z\n"))
		f.Add(s, agentAnswer("COUNTER", "TENTATIVE", "DTSTART;TZID=\"a;b\":20261208T100000\n"))
	}
	c := testComposer(f)
	f.Fuzz(func(t *testing.T, invitation, answer string) {
		in := testCopyIn(t, "fr")
		in.Mail, in.Invite = parse(t, invitationMail("REQUEST", invitation)), InviteLive
		out, err := c.Copy(in)
		if err != nil {
			t.Fatal(err)
		}
		copied, err := message.Parse(out.Source)
		if err != nil {
			t.Fatal(err)
		}
		if p := copied.CalendarPart(); p != nil && p.Params["method"] != "" {
			for _, l := range icalLines(p.Text(1 << 20)) {
				if a, ok := l.address(); ok && (l.name == "ORGANIZER" || l.name == "ATTENDEE") && a.String() != tokenAddr && a.String() != private {
					t.Fatalf("a client could write to %s", a)
				}
			}
		}
		ain := answerIn(t, invitation, answer)
		made, err := c.InvitationAnswer(ain)
		if err != nil || made.Source == nil || len(made.Findings) > 0 {
			return
		}
		if strings.Contains(unfolded(decodeAll(t, made.Source)), private) {
			t.Fatal("the agent's address leaves, and the guard found nothing")
		}
	})
}
