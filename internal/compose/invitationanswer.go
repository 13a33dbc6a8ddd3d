package compose

import (
	"fmt"
	"regexp"
	"strings"
	"time"

	"postdesk/internal/addr"
	"postdesk/internal/config"
	"postdesk/internal/message"
)

// AnswerIn is what an agent's answer to an invitation is made of.
type AnswerIn struct {
	// Head: all but From, Cc and Subject is the caller's; To is the organiser.
	Head  Head
	Team  *config.Team
	Lang  string // "" is the team's
	Agent string // the name that the organiser sees
	// Self are the addresses of the agent, as the answer may name them.
	Self []addr.Address
	// Invitation is the mail as the organiser sent it, Mail the agent's answer.
	Invitation, Mail *message.Message
	// NoComment leaves out what the agent wrote with the answer.
	NoComment bool
	Rewrite   func(addr.Address) (addr.Address, bool)
	Secrets   []string
	IsToken   func(word string) bool
}

// AnswerOut is the answer as the organiser gets it.
type AnswerOut struct {
	Source message.Source
	// Says is ACCEPTED, DECLINED, TENTATIVE, or COUNTER for another time that is
	// proposed; "" for what is no answer, and has no Source.
	Says     string
	Comment  string // what the agent wrote with it
	Findings []Finding
}

// maxAnswered bounds the instances that one answer is about, and maxComment
// what is said with it, in bytes.
const (
	maxAnswered = 50
	maxComment  = 4000
)

// InvitationAnswer writes what the organiser gets of an agent's answer: a REPLY
// or COUNTER, RFC 5546 §3.2.3 and §3.2.7, of the generic address that was invited.
// It is made of the invitation itself; of the agent's answer it takes the
// decision, the instance, a time that is proposed, and the comment.
func (c *Composer) InvitationAnswer(in AnswerIn) (AnswerOut, error) {
	a := &answering{c: c, in: in, lang: c.set(in.Team, in.Lang).lang}
	if err := a.read(); err != nil || a.says == "" {
		return AnswerOut{}, err
	}
	head := in.Head
	head.From, head.Cc, head.ReplyTo = addr.Mailbox{Name: fromName(in.Agent, in.Team), Address: in.Team.Address}, nil, addr.Mailbox{}
	head.AutoSubmitted, head.Loop = "", ""
	title := a.title()
	if title != "" {
		head.Subject = sayEvent(a.lang, "subject-"+a.says) + title
	}
	b := newBuilder(head.MessageID)
	head.write(b)
	method := "REPLY"
	if a.says == counter {
		method = counter
	}
	rope, err := b.Build(message.MultipartContent("alternative", nil, message.TextContent("text/plain", a.words(title)), calendarContent(method, a.calendar(method))))
	if err != nil {
		return AnswerOut{}, fmt.Errorf("compose the answer to an invitation: %w", err)
	}
	out := AnswerOut{Source: rope, Says: a.says, Comment: a.comment}
	out.Findings, err = c.guard(ReplyIn{Secrets: in.Secrets, IsToken: in.IsToken}, rope)
	return out, err
}

const counter = "COUNTER"

// answering is one answer while it is made.
type answering struct {
	c        *Composer
	in       AnswerIn
	lang     string
	asked    *icalComponent // the invitation
	answered *icalComponent // the agent's answer
	says     string
	comment  string
}

func (a *answering) read() (err error) {
	if p := a.in.Invitation.CalendarPart(); p != nil {
		a.asked, err = readCalendarPart(p)
	}
	if p := a.in.Mail.CalendarPart(); p != nil && err == nil {
		a.answered, err = readCalendarPart(p)
	}
	if err != nil || a.asked == nil || a.answered == nil || len(a.answered.events()) == 0 || mainEvent(a.asked) == nil {
		return errCalendar
	}
	first := a.answered.events()[0]
	if methodOf(a.answered, a.in.Mail.CalendarMethod()) == counter {
		a.says = counter
	} else {
		a.says = a.decision(first)
	}
	if l := first.first("COMMENT"); l != nil && !a.in.NoComment {
		a.comment = a.clean(l.text())
	}
	return nil
}

// decision is the agent's own PARTSTAT; only the three that decide count.
func (a *answering) decision(e *icalComponent) string {
	found := ""
	for _, it := range e.items {
		if it.line == nil || it.line.name != "ATTENDEE" {
			continue
		}
		says := strings.ToUpper(it.line.param("PARTSTAT"))
		who, _ := it.line.address()
		for _, self := range a.in.Self {
			if who.Key() == self.Key() {
				return decides(says)
			}
		}
		if found == "" {
			found = says
		}
	}
	return decides(found)
}

func decides(s string) string {
	switch s {
	case "ACCEPTED", "DECLINED", "TENTATIVE":
		return s
	}
	return ""
}

// clean makes a comment fit to leave: no addresses of ours, no commands.
func (a *answering) clean(s string) string {
	s = strings.TrimSpace(rewriter{a.in.Rewrite}.text(cleanText(s)))
	if len(s) > maxComment {
		s = strings.ToValidUTF8(s[:maxComment], "")
	}
	return s
}

func (a *answering) title() string {
	if l := mainEvent(a.asked).first("SUMMARY"); l != nil {
		title := []rune(cleanLine(l.text()))
		return string(title[:min(len(title), 200)])
	}
	return ""
}

// words is what a reader without a calendar sees.
func (a *answering) words(title string) string {
	s := fmt.Sprintf(sayEvent(a.lang, "says-"+a.says), fromName(a.in.Agent, a.in.Team))
	if title != "" {
		s += "\n\n" + title
	}
	if a.comment != "" {
		s += "\n\n" + a.comment
	}
	return s + "\n"
}

// calendar is the iTIP message.
func (a *answering) calendar(method string) string {
	out := &icalComponent{name: "VCALENDAR"}
	out.add("PRODID:-//postdesk//EN", "VERSION:2.0", "METHOD:"+method)
	var events []*icalComponent
	zones := map[string]bool{}
	list := a.answered.events()
	for _, e := range list[:min(len(list), maxAnswered)] {
		made := a.event(e, method)
		for _, it := range made.items {
			zones[it.line.param("TZID")] = true
		}
		events = append(events, made)
	}
	for _, tz := range a.zones(zones) {
		out.items = append(out.items, icalItem{child: tz})
	}
	for _, e := range events {
		out.items = append(out.items, icalItem{child: e})
	}
	var b strings.Builder
	out.write(&b)
	return b.String()
}

// zones are the definitions of the time zones that are named: the invitation's
// own where it has them.
func (a *answering) zones(named map[string]bool) []*icalComponent {
	var list []*icalComponent
	for _, root := range []*icalComponent{a.asked, a.answered} {
		for _, tz := range root.children("VTIMEZONE") {
			if id := tz.value("TZID"); named[id] && id != "" {
				list = append(list, tz.standard())
				delete(named, id)
			}
		}
	}
	return list
}

// standard is a component without properties of its program.
func (c *icalComponent) standard() *icalComponent {
	out := &icalComponent{name: c.name}
	for _, it := range c.items {
		switch {
		case it.child != nil:
			out.items = append(out.items, icalItem{child: it.child.standard()})
		case !strings.HasPrefix(it.line.name, "X-") && it.line.name != "TZURL" && it.line.name != "COMMENT":
			out.items = append(out.items, it)
		}
	}
	return out
}

func (c *icalComponent) add(lines ...string) {
	for _, l := range lines {
		c.items = append(c.items, icalItem{line: newICalLine(l)})
	}
}

// event is one instance, or the series, that is answered.
func (a *answering) event(e *icalComponent, method string) *icalComponent {
	asked, same := a.matching(e)
	out := &icalComponent{name: asked.name}
	out.items = append(out.items, asked.pick("UID", "ORGANIZER", "SEQUENCE")...)
	says := a.decision(e)
	if method == counter && says == "" {
		says = "TENTATIVE"
	}
	out.add("DTSTAMP:"+calendarTime(a.in.Head.Date), a.attendee(says))
	switch {
	case same && method != counter:
		out.items = append(out.items, asked.pick("RECURRENCE-ID", "DTSTART", "DTEND", "DURATION", "SUMMARY")...)
	case same:
		out.items = append(out.items, asked.pick("RECURRENCE-ID", "SUMMARY")...)
		out.items = append(out.items, moments(e, "DTSTART", "DTEND", "X-MS-OLK-ORIGINALSTART", "X-MS-OLK-ORIGINALEND")...)
	default:
		out.items = append(out.items, asked.pick("SUMMARY")...)
		out.items = append(out.items, moments(e, "RECURRENCE-ID", "DTSTART", "DTEND", "X-MS-OLK-ORIGINALSTART", "X-MS-OLK-ORIGINALEND")...)
	}
	if a.comment != "" {
		out.add("COMMENT:" + calendarText(a.comment))
	}
	return out
}

// attendee is the address that was invited, with the agent's name.
func (a *answering) attendee(says string) string {
	invited := a.in.Team.Address
	for _, it := range mainEvent(a.asked).items {
		if it.line != nil && it.line.name == "ATTENDEE" {
			if who, ok := it.line.address(); ok && isTeamAddress(a.in.Team, who) {
				invited = who
				break
			}
		}
	}
	if says != "" {
		says = ";PARTSTAT=" + says
	}
	return "ATTENDEE;CN=" + calendarParam(fromName(a.in.Agent, a.in.Team)) + says + ":mailto:" + mailtoAddr(address(invited))
}

// matching is what of the invitation an answer is about: the same instance, or
// else the series.
func (a *answering) matching(e *icalComponent) (asked *icalComponent, same bool) {
	id := instance(e)
	for _, x := range a.asked.events() {
		if instance(x) == id {
			return x, true
		}
	}
	return mainEvent(a.asked), id == ""
}

func instance(e *icalComponent) string {
	if l := e.first("RECURRENCE-ID"); l != nil {
		return l.param("TZID") + " " + strings.TrimSpace(l.value)
	}
	return ""
}

// pick are lines as they came.
func (c *icalComponent) pick(names ...string) []icalItem {
	var list []icalItem
	for _, name := range names {
		if l := c.first(name); l != nil {
			list = append(list, icalItem{line: l})
		}
	}
	return list
}

var momentPattern = regexp.MustCompile(`^[0-9TZ]{8,16}$`)

// moments are the agent's own times, and nothing else that a program may have
// put on their lines.
func moments(e *icalComponent, names ...string) []icalItem {
	var list []icalItem
	for _, name := range names {
		l := e.first(name)
		if l == nil || !momentPattern.MatchString(strings.TrimSpace(l.value)) {
			continue
		}
		line := name
		if tz := l.param("TZID"); tz != "" && !strings.ContainsAny(tz, `@"`) && isPlainLine(tz) {
			line += ";TZID=" + quoteParam(tz)
		}
		if strings.EqualFold(l.param("VALUE"), "DATE") {
			line += ";VALUE=DATE"
		}
		list = append(list, icalItem{line: newICalLine(line + ":" + strings.TrimSpace(l.value))})
	}
	return list
}

// quoteParam quotes a parameter only where RFC 5545 §3.2 wants it.
func quoteParam(s string) string {
	if strings.ContainsAny(s, ":;,") {
		return calendarParam(s)
	}
	return s
}

// WithdrawIn is what takes an invitation out of the calendar of an agent to whom
// the ticket does not belong any more.
type WithdrawIn struct {
	Head       Head // To is the agent
	Team       *config.Team
	Lang       string
	From       addr.Address // the agent's token address, the organiser in that calendar
	Invitation *message.Message
	Assignee   string // who has the ticket now
	Stamp      time.Time
}

// Withdraw writes a CANCEL to one agent. The organiser's own event stands.
func (c *Composer) Withdraw(in WithdrawIn) (message.Source, error) {
	p := in.Invitation.CalendarPart()
	if p == nil || len(in.Head.To) != 1 {
		return nil, errCalendar
	}
	root, err := readCalendarPart(p)
	if err != nil || mainEvent(root) == nil {
		return nil, errCalendar
	}
	lang := c.set(in.Team, in.Lang).lang
	v := invitee{team: in.Team, agent: in.Head.To[0], organiser: in.From, stamp: in.Stamp, lang: lang}
	text := sayEvent(lang, "withdrawn")
	if in.Assignee != "" {
		text = fmt.Sprintf(sayEvent(lang, "withdrawnTo"), cleanLine(in.Assignee))
	}
	return ownEvent(in.Head, addr.Mailbox{Name: fromName("postdesk", in.Team), Address: in.From}, text+"\n", "CANCEL", v.cancel(root))
}
