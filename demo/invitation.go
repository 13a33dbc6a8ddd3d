package demo

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"postdesk/internal/message"
)

// invitation: a customer invites the desk to a meeting. The agent's calendar
// answers, and the customer's sees the generic address.
func (s *stage) invitation() error {
	jean := s.jean()
	s.say("Jean's calendar invites %s.", desk)
	at := s.now().UTC().AddDate(0, 0, 2).Truncate(time.Hour)
	if err := s.deliver(jean.address, desk, s.calendar(jean, desk, "Visite de l'atelier", "REQUEST", event(at, jean.address, "ATTENDEE;RSVP=TRUE:mailto:"+desk)), nil); err != nil {
		return err
	}
	if _, err := jean.gets(); err != nil {
		return err
	}
	s.say("It is an invitation in Anne's calendar, in which she is the attendee.")
	invited, err := s.anne().reads()
	if err != nil {
		return err
	}
	text, err := invited.calendar()
	if err != nil {
		return err
	}
	s.print(text)
	s.say("Anne presses Accept; her calendar answers by itself.")
	organizer := property(text, "ORGANIZER")
	_, address, _ := strings.Cut(organizer, "mailto:")
	answer := s.calendar(s.anne(), address, "Accepté : Visite de l'atelier", "REPLY",
		event(at, "", organizer, "ATTENDEE;PARTSTAT=ACCEPTED;CN=Anne Durand:mailto:"+s.anne().address))
	if err := s.post(invited, s.anne().address, answer); err != nil {
		return err
	}
	s.say("Jean's calendar hears that %s has accepted.", desk)
	m, err := jean.reads()
	if err != nil {
		return err
	}
	if text, err = m.calendar(); err != nil {
		return err
	}
	s.print(text)
	if !strings.Contains(text, "mailto:"+desk) || !strings.Contains(text, "ACCEPTED") || strings.Contains(string(m.raw), "corp.example") {
		return errors.New("the answer is not from the generic address")
	}
	return nil
}

// calendar is a mail as calendars write it, RFC 6047 §2.4.
func (s *stage) calendar(from person, to, subject, method, text string) string {
	s.written++
	return fmt.Sprintf("From: %s\r\nTo: %s\r\nSubject: =?utf-8?q?%s?=\r\nMessage-ID: <%d.%d@%s>\r\nDate: %s\r\nMIME-Version: 1.0\r\n"+
		"Content-Type: text/calendar; charset=utf-8; method=%s\r\nContent-Transfer-Encoding: 8bit\r\n\r\n%s",
		from, to, strings.NewReplacer(" ", "_", "é", "=C3=A9", "'", "=27", ":", "=3A").Replace(subject), s.now().Unix(), s.written, domainOf(from.address), s.now().Format(time.RFC1123Z), method,
		"BEGIN:VCALENDAR\r\nPRODID:-//demo//calendar//FR\r\nVERSION:2.0\r\nMETHOD:"+method+"\r\n"+text+"END:VCALENDAR\r\n")
}

func event(at time.Time, organizer string, more ...string) string {
	if organizer != "" {
		more = append(more, "ORGANIZER;CN=Jean Client:mailto:"+organizer)
	}
	const form = "20060102T150405Z"
	return "BEGIN:VEVENT\r\nUID:visite-1@client.example\r\nSEQUENCE:0\r\nDTSTAMP:" + at.Format(form) + "\r\nDTSTART:" + at.Format(form) + "\r\nDTEND:" + at.Add(time.Hour).Format(form) +
		"\r\nSUMMARY:Visite de l'atelier\r\n" + strings.Join(more, "\r\n") + "\r\nEND:VEVENT\r\n"
}

// calendar is the mail's calendar part, unfolded.
func (l *letter) calendar() (string, error) {
	var text string
	l.Walk(func(p *message.Part) bool {
		if strings.EqualFold(p.MediaType, "text/calendar") && text == "" {
			text = p.Text(64 << 10)
		}
		return true
	})
	if text == "" {
		return "", fmt.Errorf("the mail to %s has no calendar part", l.to)
	}
	text = strings.ReplaceAll(text, "\r\n", "\n")
	return strings.ReplaceAll(strings.ReplaceAll(text, "\n ", ""), "\n\t", ""), nil
}

// property is a line of a calendar.
func property(text, name string) string {
	for _, line := range strings.Split(text, "\n") {
		if strings.HasPrefix(line, name+";") || strings.HasPrefix(line, name+":") {
			return line
		}
	}
	return ""
}
