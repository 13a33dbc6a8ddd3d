package ticket

import (
	"slices"
	"strconv"
	"time"

	"postdesk/internal/addr"
)

// What names a kind of event. They are a fixed list: metrics count them.
type What string

// The kinds of event.
const (
	Created        What = "created"         // Data subject
	Received       What = "received"        // a customer's mail; Message
	Visited        What = "visited"         // a mail of a visitor; Message
	Replied        What = "replied"         // an agent's answer went out; Message
	Noted          What = "noted"           // Message
	Automatic      What = "automatic"       // an automatic mail; Message
	Repeated       What = "repeated"        // the same mail again, for another team
	Acknowledged   What = "acknowledged"    //
	Silent         What = "silent"          // not acknowledged; Data reason
	Assigned       What = "assigned"        // Data agent ("" is nobody), why
	StatusChanged  What = "status"          // Data status, text
	Prioritised    What = "priority"        // Data priority
	Categorised    What = "category"        // Data category
	Tagged         What = "tag"             // Data tag
	FieldSet       What = "field"           // Data name, value
	SubjectSet     What = "subject"         // Data subject
	LanguageSet    What = "language"        // Data language
	Joined         What = "joined"          // Participant
	Observing      What = "observing"       // Data agent
	ReplyToChanged What = "reply-to"        // Participant with ReplyTo
	TeamAdded      What = "team-added"      // Data team
	TeamMoved      What = "team"            // Data team
	Mentions       What = "mentions"        // Data number
	Linked         What = "linked"          // Data number
	MarkedSuspect  What = "suspect"         // Data why
	HeldMail       What = "held"            // Data id, why
	ReleasedMail   What = "released"        // Data id
	DroppedMail    What = "dropped"         // Data id
	DeliveryFailed What = "delivery-failed" // Data to, code, text
	DeliveryLate   What = "delivery-late"   // Data to, code, text
	Undeliverable  What = "undeliverable"   // an agent's copy came back; Data agent, code, text
	AddressDead    What = "dead-address"    // nothing more is written there by itself; Data to, code, text
	RuleApplied    What = "rule"            // Data name
	Unreadable     What = "unreadable"      // a stage panicked or the mail could not be parsed; Data why
	LoopSeen       What = "loop"            // Data why
	BreakerOpened  What = "breaker"         // its acknowledgement was one too many: they wait for an admin; Data why (rate, surge)
	Erased         What = "erased"          // a person's data is gone

	Asked              What = "asked"               // an aside began; Aside; Message
	AsideSent          What = "aside-sent"          // an agent's further mail in an aside; Data aside; Message
	AsideReceived      What = "aside-received"      // an outsider's mail in an aside; Data aside; Message
	ApprovalAsked      What = "approval-asked"      // Aside; Message
	Decided            What = "decided"             // Data aside, decision (yes, no), text; Message
	Left               What = "left"                // a participant goes; Data participant
	Unobserving        What = "unobserving"         // Data agent
	Untagged           What = "untag"               // Data tag
	Redirected         What = "redirected"          // the customer was told the right address; Data team
	HoldingSent        What = "holding"             // the customer was told that the first answer is late
	UpdateSent         What = "update"              // the customer was told that we are still at it
	Reminded           What = "reminded"            // the customer was reminded of our question
	Overdue            What = "overdue"             // supervisors were told that the first answer is late
	FieldsAsked        What = "fields-asked"        // Data names
	ResolutionSent     What = "resolution-sent"     // the customer was told the resolution
	OpenedFor          What = "opened-for"          // an agent opened it in a customer's name; with a Participant, it is that one's from now on; Data was (gone: the former requester leaves)
	ContactChanged     What = "contact"             // Data what (a word of #contact), is
	Recognised         What = "recognised"          // an unknown address was taken for what the mail quotes; Data by (a field), contact
	Merged             What = "merged"              // another ticket came in; Data number
	MergedAway         What = "merged-into"         // this one went into another; Data number
	SplitOff           What = "split"               // a message became a ticket of its own; Data number; Message
	SplitFrom          What = "split-from"          // this ticket came of another's message; Data number
	Planned            What = "planned"             // an activity; Data activity, kind, title, at
	Done               What = "done"                // an activity was done; Data activity
	Due                What = "due"                 // an activity's time came; Data activity
	TimeSpent          What = "time"                // Data minutes, text
	Invited            What = "invitation"          // Data uid, sequence, method; Message
	InvitationAnswered What = "invitation-answered" // Data uid, answer; Message
	CannedUsed         What = "template"            // Data name
	AttachmentSent     What = "attachment-sent"     // Data number, name
)

// Whats lists all kinds of event.
func Whats() []What {
	return []What{Created, Received, Visited, Replied, Noted, Automatic, Repeated, Acknowledged, Silent, Assigned,
		StatusChanged, Prioritised, Categorised, Tagged, FieldSet, SubjectSet, LanguageSet, Joined, Observing,
		ReplyToChanged, TeamAdded, TeamMoved, Mentions, Linked, MarkedSuspect, HeldMail, ReleasedMail, DroppedMail,
		DeliveryFailed, DeliveryLate, Undeliverable, AddressDead, RuleApplied, Unreadable, LoopSeen, BreakerOpened, Erased,
		Asked, AsideSent, AsideReceived, ApprovalAsked, Decided, Left, Unobserving, Untagged, Redirected, HoldingSent, UpdateSent, Reminded,
		Overdue, FieldsAsked, ResolutionSent, OpenedFor, ContactChanged, Recognised, Merged, MergedAway, SplitOff, SplitFrom, Planned, Done, Due, TimeSpent,
		Invited, InvitationAnswered, CannedUsed, AttachmentSent}
}

// Event is one entry of a ticket's history.
type Event struct {
	Seq         uint64
	At          time.Time
	By          Actor
	What        What
	Message     uint64            `json:",omitempty"`
	Participant *Participant      `json:",omitempty"`
	Aside       *Aside            `json:",omitempty"`
	Data        map[string]string `json:",omitempty"`
}

// Apply changes the ticket as the event says, and numbers the event. Events of
// automatic mail never change a status.
func (t *Ticket) Apply(e *Event) {
	t.Events++
	e.Seq = t.Events
	t.Updated = e.At
	if f, ok := effects[e.What]; ok {
		f(t, e)
	}
}

// effects holds the events that change more than the history.
var effects = map[What]func(*Ticket, *Event){
	Created: func(t *Ticket, e *Event) {
		t.Created, t.TurnSince, t.Status, t.Priority, t.Subject = e.At, e.At, New, Low, e.Data["subject"]
	},
	Received:     func(t *Ticket, e *Event) { t.heardFrom() },
	Replied:      (*Ticket).answered,
	Noted:        func(t *Ticket, e *Event) { t.wrote(e.By) },
	Acknowledged: func(t *Ticket, e *Event) { t.Acknowledged = true },
	Assigned:     func(t *Ticket, e *Event) { t.Assignee = e.Data["agent"] },
	StatusChanged: func(t *Ticket, e *Event) {
		t.setStatus(Status(e.Data["status"]), e.At)
		if e.Data["text"] != "" {
			t.Resolution = e.Data["text"]
		}
	},
	Prioritised:    func(t *Ticket, e *Event) { t.Priority = Priority(e.Data["priority"]) },
	Categorised:    func(t *Ticket, e *Event) { t.Category = e.Data["category"] },
	Tagged:         func(t *Ticket, e *Event) { t.Tags = add(t.Tags, e.Data["tag"]) },
	FieldSet:       func(t *Ticket, e *Event) { t.setField(e.Data["name"], e.Data["value"]) },
	SubjectSet:     func(t *Ticket, e *Event) { t.Subject = e.Data["subject"] },
	LanguageSet:    func(t *Ticket, e *Event) { t.Language = e.Data["language"] },
	Joined:         func(t *Ticket, e *Event) { t.join(e.Participant) },
	Observing:      func(t *Ticket, e *Event) { t.Observers = add(t.Observers, e.Data["agent"]) },
	ReplyToChanged: func(t *Ticket, e *Event) { t.Participant(e.Participant.ID).ReplyTo = e.Participant.ReplyTo },
	TeamAdded: func(t *Ticket, e *Event) {
		if a, err := addr.Parse(e.Data["team"]); err == nil && !slices.Contains(t.Teams, a) {
			t.Teams = append(t.Teams, a)
		}
	},
	TeamMoved: func(t *Ticket, e *Event) {
		if a, err := addr.Parse(e.Data["team"]); err == nil {
			t.Team = a
		}
	},
	Linked: func(t *Ticket, e *Event) {
		if n := e.number("number"); n != 0 && !slices.Contains(t.Linked, n) {
			t.Linked = append(t.Linked, n)
		}
	},
	MarkedSuspect: func(t *Ticket, e *Event) { t.Suspect = true },

	Asked:         (*Ticket).openAside,
	ApprovalAsked: (*Ticket).openAside,
	AsideSent:     func(t *Ticket, e *Event) { t.wrote(e.By) },
	Decided: func(t *Ticket, e *Event) {
		if a := t.Aside(e.number("aside")); a != nil && a.Decision == "" {
			a.Decision = e.Data["decision"]
		}
	},
	Left: func(t *Ticket, e *Event) {
		if p := t.Participant(e.number("participant")); p != nil {
			p.Removed = true
		}
	},
	Unobserving: func(t *Ticket, e *Event) { t.Observers = without(t.Observers, e.Data["agent"]) },
	Untagged:    func(t *Ticket, e *Event) { t.Tags = without(t.Tags, e.Data["tag"]) },
	HoldingSent: func(t *Ticket, e *Event) { t.HoldingAt, t.ToldAt = e.At, e.At },
	UpdateSent:  func(t *Ticket, e *Event) { t.ToldAt = e.At },
	OpenedFor:   func(t *Ticket, e *Event) { t.ToldAt = e.At; t.changeRequester(e) },
	Redirected:  func(t *Ticket, e *Event) { t.PromisedAt = e.At },
	Reminded:    func(t *Ticket, e *Event) { t.RemindedAt = e.At },
	Overdue:     func(t *Ticket, e *Event) { t.OverdueAt = e.At },
	FieldsAsked: func(t *Ticket, e *Event) { t.FieldsAsked++ },
	MergedAway: func(t *Ticket, e *Event) {
		t.MergedInto = e.number("number")
		t.setStatus(Closed, e.At)
	},
	SplitFrom: func(t *Ticket, e *Event) { t.SplitFrom = e.number("number") },
	TimeSpent: func(t *Ticket, e *Event) { t.Minutes += int(e.number("minutes")) },
}

// number reads one of the event's values, 0 when it is none.
func (e *Event) number(name string) uint64 {
	n, err := strconv.ParseUint(e.Data[name], 10, 64)
	if err != nil {
		return 0
	}
	return n
}

// openAside numbers the aside.
func (t *Ticket) openAside(e *Event) {
	t.wrote(e.By)
	if e.Aside == nil {
		return
	}
	e.Aside.ID = uint64(len(t.Asides)) + 1
	t.Asides = append(t.Asides, *e.Aside)
}

// heardFrom is a customer's word: it is our turn again.
func (t *Ticket) heardFrom() {
	if t.Status != New {
		t.setStatus(Open, t.Updated)
	}
}

// answered is an agent's word to the customer: now it is the customer's turn.
func (t *Ticket) answered(e *Event) {
	if t.FirstReply.IsZero() {
		t.FirstReply = e.At
	}
	t.ToldAt = e.At
	t.wrote(e.By)
	t.setStatus(Pending, e.At)
}

func (t *Ticket) wrote(by Actor) {
	if by.Kind == ByAgent {
		t.Writers = add(t.Writers, by.ID)
	}
}

func (t *Ticket) setStatus(s Status, at time.Time) {
	was := t.Turn()
	t.Status = s
	if t.Turn() != was {
		t.TurnSince = at
	}
	switch s {
	case Solved:
		t.SolvedAt, t.ClosedAt = at, time.Time{}
	case Closed:
		t.ClosedAt = at
		if t.SolvedAt.IsZero() {
			t.SolvedAt = at
		}
	default:
		t.SolvedAt, t.ClosedAt = time.Time{}, time.Time{}
	}
}

// join numbers the participant, or finds the one with the same address.
func (t *Ticket) join(p *Participant) {
	if was := t.Who(p.Address); was != nil {
		if p.Relation.Nearer(was.Relation) {
			was.Relation = p.Relation
		}
		*p = *was
		return
	}
	p.ID = uint64(len(t.Participants)) + 1
	t.Participants = append(t.Participants, *p)
}

// nearness orders the relations by how much of the ticket they see. Who joins
// again sees more, and never less.
var nearness = map[Relation]int{Expert: 1, Approver: 1, Observer: 2, Copied: 3, Requester: 4}

// Nearer says whether somebody who was that sees more of the ticket as r. Nobody
// becomes the requester that way.
func (r Relation) Nearer(was Relation) bool {
	return r != Requester && nearness[r] > nearness[was]
}

// setField writes a field; an empty value takes it away.
func (t *Ticket) setField(name, value string) {
	if value == "" {
		delete(t.Fields, name)
		return
	}
	if t.Fields == nil {
		t.Fields = map[string]string{}
	}
	t.Fields[name] = value
}

func without(list []string, s string) []string {
	return slices.DeleteFunc(slices.Clone(list), func(x string) bool { return x == s })
}

func add(list []string, s string) []string {
	if s == "" || slices.Contains(list, s) {
		return list
	}
	return append(list, s)
}
