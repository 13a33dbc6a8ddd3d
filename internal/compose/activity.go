package compose

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/emersion/go-ical"

	"postdesk/internal/addr"
	"postdesk/internal/config"
	"postdesk/internal/message"
)

// ActivityKind is what an agent has planned; it is the command's name.
type ActivityKind string

// The kinds of activity.
const (
	ActivityTask   ActivityKind = "task"
	ActivityCall   ActivityKind = "call"
	ActivityEvent  ActivityKind = "event"
	ActivityRemind ActivityKind = "remind"
)

// ActivityIn is an entry for an agent's own calendar (#task, #call, #event,
// #remind).
type ActivityIn struct {
	// Head: To (the agent), Subject, Date, MessageID, InReplyTo, References and Loop are
	// the caller's.
	Head     Head
	Team     *config.Team
	Lang     string
	From     addr.Address // token address: the organiser, whom Accept and Decline go to
	Kind     ActivityKind
	UID      string // the same for all mails about one activity
	Sequence int    // counts its changes, RFC 5545 §3.8.7.4
	Summary  string
	Text     string    // the context, for the description
	Start    time.Time // in the team's zone
	Day      bool      // the whole day of Start
	Cancel   bool      // takes it out of the calendar again
	Agent    string    // the agent's name
}

// Activity writes an invitation to one agent, RFC 5545 and RFC 6047. All kinds are
// events: few clients put a VTODO that comes by mail anywhere. Tasks and
// reminders leave the time free; calls and events take half an hour and an hour.
func (c *Composer) Activity(in ActivityIn) (message.Source, error) {
	if len(in.Head.To) != 1 {
		return nil, fmt.Errorf("compose: an activity has one attendee, not %d", len(in.Head.To))
	}
	lang := c.set(in.Team, in.Lang).lang
	method := "REQUEST"
	if in.Cancel {
		method = "CANCEL"
	}
	text, err := in.calendar(method)
	if err != nil {
		return nil, fmt.Errorf("compose the activity: %w", err)
	}
	return ownEvent(in.Head, addr.Mailbox{Name: fromName("postdesk", in.Team), Address: in.From}, in.words(lang), method, text)
}

// ownEvent writes a calendar message of the desk itself to one agent, with what a reader
// without a calendar sees.
func ownEvent(head Head, from addr.Mailbox, words, method, calendar string) (message.Source, error) {
	head.From, head.AutoSubmitted = from, "auto-generated"
	head.Cc, head.ReplyTo = nil, addr.Mailbox{}
	b := newBuilder(head.MessageID)
	head.write(b)
	rope, err := b.Build(message.MultipartContent("alternative", nil, message.TextContent("text/plain", words), calendarContent(method, calendar)))
	if err != nil {
		return nil, fmt.Errorf("compose a calendar's %s: %w", method, err)
	}
	return rope, nil
}

// words is what a reader without a calendar sees.
func (in ActivityIn) words(lang string) string {
	when := dateWords(in.Start, lang)
	if in.Day {
		when = Day(in.Start, lang)
	}
	s := sayEvent(lang, string(in.Kind)) + cleanLine(in.Summary) + "\n" + when + "\n"
	if in.Cancel {
		s = sayEvent(lang, "unplanned") + "\n\n" + s
	}
	if text := strings.TrimSpace(cleanText(in.Text)); text != "" && !in.Cancel {
		s += "\n" + text + "\n"
	}
	return s
}

// calendar is the iTIP message.
func (in ActivityIn) calendar(method string) (string, error) {
	cal := ical.NewCalendar()
	setProp(cal.Props, "VERSION", "2.0")
	setProp(cal.Props, "PRODID", "-//postdesk//EN")
	setProp(cal.Props, "METHOD", method)
	e := ical.NewEvent()
	setProp(e.Props, "UID", calendarText(in.UID))
	setProp(e.Props, "SEQUENCE", strconv.Itoa(in.Sequence))
	setProp(e.Props, "DTSTAMP", calendarTime(in.Head.Date))
	setProp(e.Props, "SUMMARY", calendarText(in.Summary))
	setProp(e.Props, "DESCRIPTION", calendarText(in.Text))
	setProp(e.Props, "STATUS", map[bool]string{false: "CONFIRMED", true: "CANCELLED"}[in.Cancel])
	setProp(e.Props, "TRANSP", map[bool]string{false: "OPAQUE", true: "TRANSPARENT"}[in.free()])
	in.times(e)
	calAddress(e.Props, "ORGANIZER", fromName("postdesk", in.Team), in.From, nil)
	calAddress(e.Props, "ATTENDEE", in.Agent, in.Head.To[0].Address, map[string]string{"ROLE": "REQ-PARTICIPANT", "PARTSTAT": "NEEDS-ACTION", "RSVP": "TRUE"})
	if !in.Cancel {
		e.Children = append(e.Children, in.alarm())
	}
	cal.Children = append(cal.Children, e.Component)
	var b bytes.Buffer
	if err := ical.NewEncoder(&b).Encode(cal); err != nil {
		return "", err
	}
	return foldAll(b.String()), nil
}

// free: nobody is busy because there is something to do that day.
func (in ActivityIn) free() bool {
	return in.Day || in.Kind == ActivityTask || in.Kind == ActivityRemind
}

// times writes DTSTART and DTEND: UTC, which every client understands without a
// VTIMEZONE, or days.
func (in ActivityIn) times(e *ical.Event) {
	if in.Day {
		for name, day := range map[string]time.Time{"DTSTART": in.Start, "DTEND": in.Start.AddDate(0, 0, 1)} {
			p := ical.NewProp(name)
			p.Params.Set("VALUE", "DATE")
			p.Value = day.Format("20060102")
			e.Props.Set(p)
		}
		return
	}
	setProp(e.Props, "DTSTART", calendarTime(in.Start))
	setProp(e.Props, "DTEND", calendarTime(in.Start.Add(in.Kind.lasts())))
}

// lasts is how long an activity takes.
func (k ActivityKind) lasts() time.Duration {
	switch k {
	case ActivityEvent:
		return time.Hour
	case ActivityRemind:
		return 15 * time.Minute
	}
	return 30 * time.Minute
}

// Ends is when an activity is over.
func (k ActivityKind) Ends(start time.Time, day bool) time.Time {
	if day {
		return start.AddDate(0, 0, 1)
	}
	return start.Add(k.lasts())
}

// alarm rings a little before what begins at a fixed time, and in the morning of
// a day.
func (in ActivityIn) alarm() *ical.Component {
	a := ical.NewComponent("VALARM")
	setProp(a.Props, "ACTION", "DISPLAY")
	setProp(a.Props, "DESCRIPTION", calendarText(in.Summary))
	switch {
	case in.Day:
		setProp(a.Props, "TRIGGER", "PT9H")
	case in.Kind == ActivityCall || in.Kind == ActivityEvent:
		setProp(a.Props, "TRIGGER", "-PT15M")
	default:
		setProp(a.Props, "TRIGGER", "PT0S")
	}
	return a
}

func setProp(props ical.Props, name, value string) {
	p := ical.NewProp(name)
	p.Value = value
	props.Set(p)
}

func calAddress(props ical.Props, name, cn string, who addr.Address, params map[string]string) {
	p := ical.NewProp(name)
	p.Params.Set("CN", strings.ReplaceAll(cleanLine(cn), `"`, "'"))
	for k, v := range params {
		p.Params.Set(k, v)
	}
	p.Value = "mailto:" + mailtoAddr(address(who))
	props.Set(p)
}

// foldAll folds lines, RFC 5545 §3.1, which the library does not.
func foldAll(text string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		writeFolded(&b, strings.TrimRight(line, "\r\n"))
	}
	return b.String()
}

// MomentWords says a moment, or a day, in words.
func MomentWords(t time.Time, day bool, lang string) string {
	if day {
		return Day(t, lang)
	}
	return dateWords(t, lang)
}
