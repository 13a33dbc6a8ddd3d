package compose

import (
	"fmt"
	"strings"
	"time"

	"postdesk/internal/addr"
	"postdesk/internal/config"
	"postdesk/internal/message"
)

// ActivityIn is an entry for an agent's own calendar (#task, #call, #event).
type ActivityIn struct {
	// Head: To (the agent), Subject, Date, MessageID, InReplyTo, References and Loop are
	// the caller's.
	Head     Head
	Team     *config.Team
	Lang     string
	From     addr.Address // token address: the organiser, whom Accept and Decline go to
	UID      string       // the same for all mails about one activity
	Sequence int          // counts its changes, RFC 5545 §3.8.7.4
	Summary  string
	Text     string
	Start    time.Time
	Duration time.Duration // at least a minute is written
	Cancel   bool          // takes it out of the calendar again
	Agent    string        // the agent's name
}

// Activity writes an invitation to one agent, RFC 5545 and RFC 6047.
func (c *Composer) Activity(in ActivityIn) (message.Source, error) {
	if len(in.Head.To) != 1 {
		return nil, fmt.Errorf("compose: an activity has one attendee, not %d", len(in.Head.To))
	}
	method, status := "REQUEST", "CONFIRMED"
	if in.Cancel {
		method, status = "CANCEL", "CANCELLED"
	}
	name := fromName("postdesk", in.Team)
	lines := []string{
		"BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//postdesk//EN", "METHOD:" + method, "BEGIN:VEVENT",
		"UID:" + calendarText(in.UID), fmt.Sprintf("SEQUENCE:%d", in.Sequence), "STATUS:" + status,
		"DTSTAMP:" + calendarTime(in.Head.Date), "DTSTART:" + calendarTime(in.Start),
		"DTEND:" + calendarTime(in.Start.Add(max(in.Duration, time.Minute))),
		"SUMMARY:" + calendarText(in.Summary), "DESCRIPTION:" + calendarText(in.Text),
		"ORGANIZER;CN=" + calendarParam(name) + ":mailto:" + mailtoAddr(address(in.From)),
		"ATTENDEE;CN=" + calendarParam(in.Agent) + ";PARTSTAT=NEEDS-ACTION;RSVP=TRUE:mailto:" + mailtoAddr(address(in.Head.To[0].Address)),
		"END:VEVENT", "END:VCALENDAR",
	}
	var b strings.Builder
	for _, line := range lines {
		writeFolded(&b, line)
	}
	lang := c.set(in.Team, in.Lang).lang
	text := cleanLine(in.Summary) + "\n" + dateWords(in.Start, lang) + "\n\n" + cleanText(in.Text)
	head := in.Head
	head.From, head.AutoSubmitted = addr.Mailbox{Name: name, Address: in.From}, "auto-generated"
	head.Cc, head.ReplyTo = nil, addr.Mailbox{}
	bld := newBuilder(head.MessageID)
	head.write(bld)
	rope, err := bld.Build(message.MultipartContent("alternative", nil, message.TextContent("text/plain", text), calendarContent(method, b.String())))
	if err != nil {
		return nil, fmt.Errorf("compose the activity: %w", err)
	}
	return rope, nil
}

// calendarContent is a text/calendar part, RFC 6047 §2.4. It stands inline, so that clients
// show buttons and not a file.
func calendarContent(method, text string) message.Content {
	return message.DataContent(message.File{
		MediaType: "text/calendar", Params: map[string]string{"charset": "utf-8", "method": method}, Disposition: "inline",
		Data: message.BytesSource([]byte(text)),
	})
}

func calendarTime(t time.Time) string { return t.UTC().Format("20060102T150405Z") }

var calendarEscapes = strings.NewReplacer(`\`, `\\`, ";", `\;`, ",", `\,`, "\n", `\n`)

// calendarText is a TEXT value, RFC 5545 §3.3.11.
func calendarText(s string) string { return calendarEscapes.Replace(strings.TrimSpace(cleanText(s))) }

// calendarParam is a quoted parameter value, which can't hold a quote: RFC 5545 §3.2.
func calendarParam(s string) string { return `"` + strings.ReplaceAll(cleanLine(s), `"`, "'") + `"` }

// invitationFor turns an invitation to a team into one to the agent: the agent becomes the
// attendee, and our token address the organiser, so that Accept and Decline come to us.
func invitationFor(text string, team *config.Team, agent addr.Mailbox, organiser addr.Address) string {
	text = strings.NewReplacer("\n ", "", "\n\t", "").Replace(text)
	own := rewriter{func(a addr.Address) (addr.Address, bool) { return agent.Address, isTeamAddress(team, a) }}
	ours := rewriter{func(addr.Address) (addr.Address, bool) { return organiser, true }}
	var b strings.Builder
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\r\n")
		switch upper := strings.ToUpper(line); {
		case line == "":
			continue
		case strings.HasPrefix(upper, "ORGANIZER"):
			line = ours.text(line)
		case strings.HasPrefix(upper, "ATTENDEE"):
			line = own.text(line)
		}
		writeFolded(&b, line)
	}
	return b.String()
}

func isTeamAddress(team *config.Team, a addr.Address) bool {
	if team == nil {
		return false
	}
	for _, own := range append([]addr.Address{team.Address}, team.Aliases...) {
		if a.Equal(own) {
			return true
		}
	}
	return false
}
