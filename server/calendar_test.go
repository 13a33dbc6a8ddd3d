package server_test

import (
	"fmt"
	"strings"

	"postdesk/internal/message"
)

// calendar is the text of a mail's calendar, its lines unfolded.
func (r received) calendar() string {
	p := r.CalendarPart()
	if p == nil {
		return ""
	}
	return strings.ReplaceAll(strings.ReplaceAll(p.Text(1<<20), "\r\n", "\n"), "\n ", "")
}

// property is the whole line of the first property of that name.
func (r received) property(name string) string {
	for line := range strings.Lines(r.calendar()) {
		line = strings.TrimRight(line, "\r\n")
		if strings.HasPrefix(line, name+":") || strings.HasPrefix(line, name+";") {
			return line
		}
	}
	return ""
}

// method is what a client sees that a mail is, "" for none.
func (r received) method() string {
	p := r.CalendarPart()
	if p == nil {
		return ""
	}
	return p.Params["method"]
}

// holds checks lines of a mail's calendar.
func (d *desk) holds(m received, lines ...string) {
	d.Helper()
	text := m.calendar()
	for _, l := range lines {
		if !strings.Contains(text, l) {
			d.Errorf("the calendar to %v does not hold %q:\n%s", m.To, l, text)
		}
	}
}

// invites sends a calendar message as a client does.
func (p *person) invites(to, subject, method, calendar string, headers ...string) string {
	p.d.Helper()
	body := "--c\nContent-Type: text/plain; charset=utf-8\n\n" + subject + "\n--c\nContent-Type: text/calendar; charset=utf-8; method=" + method +
		"\nContent-Transfer-Encoding: 8bit\n\n" + calendar + "--c--\n"
	return p.writes(to, subject, body, append([]string{"MIME-Version: 1.0", "Content-Type: multipart/alternative; boundary=c"}, headers...)...)
}

// meeting is a calendar message of one event.
func meeting(method, uid string, sequence int, organiser string, lines ...string) string {
	return fmt.Sprintf("BEGIN:VCALENDAR\nPRODID:-//Client//FR\nVERSION:2.0\nMETHOD:%s\nBEGIN:VEVENT\nUID:%s\nSEQUENCE:%d\nDTSTAMP:20301120T08%02d00Z\nSUMMARY:Revue du contrat\n"+
		"ORGANIZER;CN=Jean Client:mailto:%s\nATTENDEE;CN=RC;PARTSTAT=NEEDS-ACTION;RSVP=TRUE:mailto:%s\nATTENDEE;CN=Marie Client:mailto:marie@client.example\n%sEND:VEVENT\nEND:VCALENDAR\n",
		method, uid, sequence, sequence, organiser, generic, linesOf(lines))
}

func linesOf(lines []string) string {
	if len(lines) == 0 {
		return "DTSTART:20301202T130000Z\nDTEND:20301202T140000Z\n"
	}
	return strings.Join(lines, "\n") + "\n"
}

// presses is a button of the invitation in the agent's calendar: the client writes
// to the organiser that it knows, and names nothing that it answers.
func (p *person) presses(m received, method, partstat string, lines ...string) {
	p.d.Helper()
	organiser := m.property("ORGANIZER")
	_, to, _ := strings.Cut(strings.ToLower(organiser), ":mailto:")
	answer := fmt.Sprintf("BEGIN:VCALENDAR\nMETHOD:%s\nPRODID:Microsoft Exchange Server 2010\nVERSION:2.0\nBEGIN:VEVENT\nATTENDEE;PARTSTAT=%s;CN=%s:MAILTO:%s\n%s\n%s\nSUMMARY:%s\nDTSTAMP:20301121T080000Z\n"+
		"X-MS-OLK-ORGALIAS:%s\n%sEND:VEVENT\nEND:VCALENDAR\n", method, partstat, p.name, p.address, organiser, m.property("UID"), partstat, p.address, strings.Join(append(lines, ""), "\n"))
	p.invites(to, partstat+": "+m.subject(), method, answer)
}

// shownCalendar is the text of an invitation that may not act, "" when there is none.
func (r received) shownCalendar() string {
	text := ""
	r.Walk(func(p *message.Part) bool {
		if p.FileName() == "invitation.txt" {
			text = p.Text(1 << 20)
		}
		return true
	})
	return text
}
