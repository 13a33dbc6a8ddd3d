package compose

import (
	"strconv"
	"strings"
	"time"

	"postdesk/internal/addr"
	"postdesk/internal/message"
)

// Calendar is what is to be known of a calendar that came by mail: an iTIP
// message, RFC 5546, in its iMIP form, RFC 6047.
type Calendar struct {
	Method     string // upper case: REQUEST, REPLY, CANCEL …; "" is a file, no message
	UID        string
	Sequence   int
	Stamp      time.Time // DTSTAMP
	Recurrence string    // RECURRENCE-ID when it is about one instance of a series only
	Organiser  addr.Address
	Attendees  []addr.Address
	Summary    string
	Start      time.Time // zero when it can't be told without its time zone
	Day        bool      // Start is a day
	Over       time.Time // by then it is over, whatever the zone; zero: it recurs, or unknown
	Answers    []Attending
}

// Attending is what one attendee says, RFC 5545 §3.2.12.
type Attending struct {
	Who  addr.Address
	Says string // ACCEPTED, DECLINED, TENTATIVE, …
}

// maxUID is the longest UID that is followed, in bytes.
const maxUID = 1000

// ReadCalendar reads the first calendar part of a mail, not looking into attached
// mails; nil for none. The error says that there is one that can't be read.
func ReadCalendar(m *message.Message) (*Calendar, error) {
	p := m.CalendarPart()
	if p == nil {
		return nil, nil
	}
	root, err := readCalendarPart(p)
	if err != nil {
		return nil, err
	}
	return calendarFacts(root, p.Params["method"])
}

func readCalendarPart(p *message.Part) (*icalComponent, error) {
	text, ok := calendarSource(p)
	if !ok {
		return nil, errCalendar
	}
	return readICal(text)
}

// calendarFacts gathers the facts. A message is about one UID, RFC 5546 §3.2.
func calendarFacts(root *icalComponent, method string) (*Calendar, error) {
	cal := &Calendar{Method: methodOf(root, method)}
	main := mainEvent(root)
	if main == nil {
		if cal.Method != "" && cal.Method != "PUBLISH" {
			return nil, errCalendar
		}
		return cal, nil
	}
	cal.UID = main.value("UID")
	for _, e := range root.events() {
		if e.value("UID") != cal.UID && cal.Method != "" && cal.Method != "PUBLISH" {
			return nil, errCalendar
		}
	}
	if cal.Method != "" && (cal.UID == "" || len(cal.UID) > maxUID) {
		return nil, errCalendar
	}
	cal.Sequence, _ = strconv.Atoi(main.value("SEQUENCE"))
	cal.Stamp, _, _ = calendarMoment(main.first("DTSTAMP"))
	cal.Recurrence = main.value("RECURRENCE-ID")
	if l := main.first("SUMMARY"); l != nil {
		cal.Summary = cleanLine(l.text())
	}
	cal.Start, cal.Day, _ = calendarMoment(main.first("DTSTART"))
	cal.Over = overBy(main)
	cal.people(main)
	return cal, nil
}

// methodOf: the calendar's own METHOD counts, RFC 5545 §3.7.2; the parameter of
// the media type is for programs that do not look inside.
func methodOf(root *icalComponent, param string) string {
	m := root.value("METHOD")
	if m == "" {
		m = param
	}
	return strings.ToUpper(strings.TrimSpace(cleanLine(m)))
}

// mainEvent is the series, or the only instance.
func mainEvent(root *icalComponent) *icalComponent {
	events := root.events()
	for _, e := range events {
		if e.first("RECURRENCE-ID") == nil {
			return e
		}
	}
	if len(events) > 0 {
		return events[0]
	}
	return nil
}

// maxAttendees is how many people of an invitation are looked at.
const maxAttendees = 500

func (cal *Calendar) people(e *icalComponent) {
	for _, it := range e.items {
		if it.line == nil || len(cal.Attendees) == maxAttendees {
			continue
		}
		a, ok := it.line.address()
		switch {
		case !ok:
		case it.line.name == "ORGANIZER":
			cal.Organiser = a
		case it.line.name == "ATTENDEE":
			cal.Attendees = append(cal.Attendees, a)
			cal.Answers = append(cal.Answers, Attending{a, strings.ToUpper(it.line.param("PARTSTAT"))})
		}
	}
}

// calendarMoment reads DATE and DATE-TIME, RFC 5545 §3.3.4 and §3.3.5. exact is
// false where the time zone is not UTC: it is then read as if it were.
func calendarMoment(l *icalLine) (at time.Time, day, exact bool) {
	if l == nil {
		return time.Time{}, false, false
	}
	value := strings.ToUpper(strings.TrimSpace(l.value))
	if t, err := time.Parse("20060102T150405Z", value); err == nil {
		return t, false, true
	}
	if t, err := time.Parse("20060102T150405", value); err == nil {
		return t, false, false
	}
	t, err := time.Parse("20060102", value)
	return t, err == nil, false
}

// overBy is a day after the end: no zone is farther away than that.
func overBy(e *icalComponent) time.Time {
	for _, name := range []string{"RRULE", "RDATE", "DURATION"} {
		if e.first(name) != nil {
			return time.Time{}
		}
	}
	for _, name := range []string{"DTEND", "DUE", "DTSTART"} {
		if t, _, _ := calendarMoment(e.first(name)); !t.IsZero() {
			return t.AddDate(0, 0, 2)
		}
	}
	return time.Time{}
}
