package compose

import (
	"strings"
	"time"

	"postdesk/internal/addr"
	"postdesk/internal/config"
	"postdesk/internal/message"
)

// Invite says what becomes of a calendar message (text/calendar with a METHOD) in
// an agent's copy. Calendars without one, and published ones, are passed on.
type Invite int

// What becomes of it.
const (
	// InviteShown makes it a file: no client acts on it, and nobody can answer it
	// past us.
	InviteShown Invite = iota
	// InviteLive makes the agent the attendee, and our token address the
	// organiser: the agent's client puts it into the calendar, and its answer comes
	// to us.
	InviteLive
)

// maxGuests is how many other guests the agent is told.
const maxGuests = 20

// isCalendar says whether a part is a calendar, whatever it is called.
func isCalendar(p *message.Part) bool {
	return p.MediaType == "text/calendar" || p.MediaType == "application/ics" || strings.HasSuffix(strings.ToLower(p.FileName()), ".ics")
}

// invited is what becomes of a calendar part of a copy; own is false for one that
// is passed on as it is. A nil content leaves it out where it stands: it goes as a file.
func (t *copyTree) invited(p *message.Part) (content message.Content, own bool) {
	root, err := readCalendarPart(p)
	method := strings.ToUpper(p.Params["method"])
	if err == nil {
		method = methodOf(root, method)
	} else if method == "" && claimsMethod(p) {
		method = "REQUEST"
	}
	switch {
	case method == "" || method == "PUBLISH":
		return nil, false
	case err != nil || t.in.Invite != InviteLive || len(t.in.Head.To) != 1 || len(root.events()) == 0:
		t.shown(p)
		return nil, true
	}
	inv := invitee{method: method, team: t.in.Team, agent: t.in.Head.To[0], organiser: t.in.Reply, stamp: t.in.Stamp, lang: t.lang}
	text := inv.calendar(root)
	if p.MediaType == "text/calendar" && !p.IsAttachment() {
		return calendarContent(method, text), true
	}
	return message.DataContent(message.File{MediaType: p.MediaType, Params: map[string]string{"charset": "utf-8", "method": method},
		Name: p.FileName(), Disposition: p.Disposition, Data: message.BytesSource([]byte(text))}), true
}

// claimsMethod says whether an unreadable calendar may be a message: a client that
// reads it better would act on it.
func claimsMethod(p *message.Part) bool {
	return strings.Contains(strings.ToUpper(p.Text(maxCalendar)), "METHOD:")
}

// maxShown is how many calendars of a mail go as files: clients send the same
// one twice.
const maxShown = 4

// shown keeps a calendar as a text, its bytes as they were.
func (t *copyTree) shown(p *message.Part) {
	data, ok := readPart(p)
	if !ok || len(t.files) == maxShown {
		return
	}
	params := map[string]string{}
	if charset := p.Params["charset"]; isPlainLine(charset) && charset != "" {
		params["charset"] = charset
	}
	t.files = append(t.files, message.DataContent(message.File{MediaType: "text/plain", Params: params, Name: "invitation.txt", Disposition: "attachment", Data: message.BytesSource(data)}))
}

// invitee turns a calendar message to a team into one to the agent.
type invitee struct {
	method    string
	team      *config.Team
	agent     addr.Mailbox
	organiser addr.Address // our token address
	stamp     time.Time    // a new DTSTAMP, zero leaves the old
	lang      string
}

func (v invitee) calendar(root *icalComponent) string {
	out := &icalComponent{name: root.name, items: []icalItem{}}
	if root.first("METHOD") == nil {
		out.items = append(out.items, icalItem{line: newICalLine("METHOD:" + v.method)})
	}
	for _, it := range root.items {
		switch {
		case it.child != nil && (it.child.name == "VEVENT" || it.child.name == "VTODO"):
			out.items = append(out.items, icalItem{child: v.event(it.child)})
		case it.child != nil:
			out.items = append(out.items, icalItem{child: it.child.harmless()})
		case !isPrivateLine(it.line) && !isPerson(it.line):
			out.items = append(out.items, it)
		}
	}
	var b strings.Builder
	out.write(&b)
	return b.String()
}

// event is an event with the agent as attendee. Other people's addresses go: a
// client's Reply All would write to them past us. Their names are told in words.
func (v invitee) event(e *icalComponent) *icalComponent {
	out := &icalComponent{name: e.name}
	var guests []string
	asked := false
	for _, it := range e.items {
		switch {
		case it.child != nil:
			if it.child.name == "VALARM" && !mailsByItself(it.child) {
				out.items = append(out.items, icalItem{child: it.child.harmless()})
			}
			continue
		case it.line.name == "ORGANIZER":
			it.line = v.organizer(it.line)
		case it.line.name == "ATTENDEE":
			line, guest := v.attendee(it.line, asked)
			if guest != "" {
				guests = append(guests, guest)
			}
			if line == nil {
				continue
			}
			it.line, asked = line, true
		case it.line.name == "DTSTAMP" && !v.stamp.IsZero():
			it.line = newICalLine("DTSTAMP:" + calendarTime(v.stamp))
		case isPrivateLine(it.line):
			continue
		}
		out.items = append(out.items, it)
	}
	if !asked && !v.fromAttendee() {
		out.items = append(out.items, icalItem{line: v.asking("")})
	}
	v.tellGuests(out, guests)
	return out
}

// organizer: answers go to us. An event that the agent has called stays the
// agent's own.
func (v invitee) organizer(l *icalLine) *icalLine {
	a, ok := l.address()
	if ok && isTeamAddress(v.team, a) {
		return newICalLine("ORGANIZER;CN=" + calendarParam(v.agent.Name) + ":mailto:" + mailtoAddr(address(v.agent.Address)))
	}
	name := l.param("CN")
	if name == "" && ok {
		name = a.String()
	}
	return newICalLine("ORGANIZER;CN=" + calendarParam(name) + ":mailto:" + mailtoAddr(address(v.organiser)))
}

// attendee is the line that stands for an attendee, nil for one that goes, and
// what the agent is told of a guest.
func (v invitee) attendee(l *icalLine, asked bool) (line *icalLine, guest string) {
	a, ok := l.address()
	name := cleanLine(l.param("CN"))
	switch {
	case ok && isTeamAddress(v.team, a):
		if asked {
			return nil, ""
		}
		return v.asking(keptParams(l)), ""
	case v.fromAttendee() && !asked:
		return newICalLine("ATTENDEE" + keptParams(l) + ";CN=" + calendarParam(name) + ":mailto:" + mailtoAddr(address(v.organiser))), ""
	case ok && name != "" && !strings.EqualFold(name, a.String()):
		return nil, name + " <" + a.String() + ">"
	case ok:
		return nil, a.String()
	}
	return nil, name
}

// fromAttendee: an answer to an event that the agent has called.
func (v invitee) fromAttendee() bool {
	return v.method == "REPLY" || v.method == "COUNTER" || v.method == "REFRESH"
}

// asking is the line by which the agent is asked.
func (v invitee) asking(params string) *icalLine {
	if params == "" {
		params = ";ROLE=REQ-PARTICIPANT;PARTSTAT=NEEDS-ACTION;RSVP=TRUE"
	}
	return newICalLine("ATTENDEE" + params + ";CN=" + calendarParam(v.agent.Name) + ":mailto:" + mailtoAddr(address(v.agent.Address)))
}

// keptParams are the parameters of an attendee that hold no name or address.
func keptParams(l *icalLine) string {
	var b strings.Builder
	for _, name := range []string{"CUTYPE", "ROLE", "PARTSTAT", "RSVP"} {
		if v := l.param(name); v != "" && isPlainLine(v) && !strings.ContainsAny(v, `@";:,`) && len(v) < 40 {
			b.WriteString(";" + name + "=" + v)
		}
	}
	return b.String()
}

// tellGuests adds the other guests to the description.
func (v invitee) tellGuests(e *icalComponent, guests []string) {
	if len(guests) == 0 || v.fromAttendee() || v.method == "CANCEL" {
		return
	}
	list := strings.Join(guests[:min(len(guests), maxGuests)], ", ")
	if len(guests) > maxGuests {
		list += ", …"
	}
	text := sayEvent(v.lang, "guests") + cleanLine(list)
	for i, it := range e.items {
		if it.line != nil && it.line.name == "DESCRIPTION" {
			e.items[i].line = newICalLine("DESCRIPTION" + it.line.params + ":" + it.line.value + `\n\n` + calendarText(text))
			return
		}
	}
	e.items = append(e.items, icalItem{line: newICalLine("DESCRIPTION:" + calendarText(text))})
}

// mailsByItself is an alarm that would write to people, RFC 5545 §3.6.6.
func mailsByItself(c *icalComponent) bool {
	return !strings.EqualFold(c.value("ACTION"), "DISPLAY") && !strings.EqualFold(c.value("ACTION"), "AUDIO")
}

// harmless is a component in which nobody is named to whom a client might write.
func (c *icalComponent) harmless() *icalComponent {
	out := &icalComponent{name: c.name}
	for _, it := range c.items {
		switch {
		case it.child != nil:
			out.items = append(out.items, icalItem{child: it.child.harmless()})
		case !isPrivateLine(it.line) && !isPerson(it.line):
			out.items = append(out.items, it)
		}
	}
	return out
}

func isPerson(l *icalLine) bool { return l.name == "ORGANIZER" || l.name == "ATTENDEE" }

// isPrivateLine is a property outside the standard that holds an address to
// which a client might write.
func isPrivateLine(l *icalLine) bool {
	return strings.HasPrefix(l.name, "X-") && strings.Contains(strings.ToLower(l.params+":"+l.value), ":mailto:")
}

// cancel takes an invitation out of the calendar of an agent who has no part in
// it any more, RFC 5546 §3.2.5.
func (v invitee) cancel(root *icalComponent) string {
	out := &icalComponent{name: "VCALENDAR"}
	for _, line := range []string{"VERSION:2.0", "PRODID:-//postdesk//EN", "METHOD:CANCEL"} {
		out.items = append(out.items, icalItem{line: newICalLine(line)})
	}
	for _, tz := range root.children("VTIMEZONE") {
		out.items = append(out.items, icalItem{child: tz})
	}
	e := mainEvent(root)
	c := &icalComponent{name: e.name, items: []icalItem{{line: newICalLine("DTSTAMP:" + calendarTime(v.stamp))}, {line: newICalLine("STATUS:CANCELLED")}}}
	for _, it := range e.items {
		if it.line == nil {
			continue
		}
		switch it.line.name {
		case "UID", "SEQUENCE", "DTSTART", "DTEND", "DURATION", "RRULE", "RECURRENCE-ID", "SUMMARY":
			c.items = append(c.items, it)
		case "ORGANIZER":
			c.items = append(c.items, icalItem{line: v.organizer(it.line)})
		}
	}
	c.items = append(c.items, icalItem{line: newICalLine("ATTENDEE;CN=" + calendarParam(v.agent.Name) + ":mailto:" + mailtoAddr(address(v.agent.Address)))})
	out.items = append(out.items, icalItem{child: c})
	var b strings.Builder
	out.write(&b)
	return b.String()
}
