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
	RuleApplied    What = "rule"            // Data name
	Unreadable     What = "unreadable"      // a stage panicked or the mail could not be parsed; Data why
	LoopSeen       What = "loop"            // Data why
	Erased         What = "erased"          // a person's data is gone
)

// Whats lists all kinds of event.
func Whats() []What {
	return []What{Created, Received, Visited, Replied, Noted, Automatic, Repeated, Acknowledged, Silent, Assigned,
		StatusChanged, Prioritised, Categorised, Tagged, FieldSet, SubjectSet, LanguageSet, Joined, Observing,
		ReplyToChanged, TeamAdded, TeamMoved, Mentions, Linked, MarkedSuspect, HeldMail, ReleasedMail, DroppedMail,
		DeliveryFailed, DeliveryLate, Undeliverable, RuleApplied, Unreadable, LoopSeen, Erased}
}

// Event is one entry of a ticket's history.
type Event struct {
	Seq         uint64
	At          time.Time
	By          Actor
	What        What
	Message     uint64            `json:",omitempty"`
	Participant *Participant      `json:",omitempty"`
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
		t.Created, t.Status, t.Priority, t.Subject = e.At, New, Low, e.Data["subject"]
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
	Prioritised: func(t *Ticket, e *Event) { t.Priority = Priority(e.Data["priority"]) },
	Categorised: func(t *Ticket, e *Event) { t.Category = e.Data["category"] },
	Tagged:      func(t *Ticket, e *Event) { t.Tags = add(t.Tags, e.Data["tag"]) },
	FieldSet: func(t *Ticket, e *Event) {
		if t.Fields == nil {
			t.Fields = map[string]string{}
		}
		t.Fields[e.Data["name"]] = e.Data["value"]
	},
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
		if n, err := strconv.ParseUint(e.Data["number"], 10, 64); err == nil && !slices.Contains(t.Linked, n) {
			t.Linked = append(t.Linked, n)
		}
	},
	MarkedSuspect: func(t *Ticket, e *Event) { t.Suspect = true },
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
	t.wrote(e.By)
	t.setStatus(Pending, e.At)
}

func (t *Ticket) wrote(by Actor) {
	if by.Kind == ByAgent {
		t.Writers = add(t.Writers, by.ID)
	}
}

func (t *Ticket) setStatus(s Status, at time.Time) {
	t.Status = s
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
		*p = *was
		return
	}
	p.ID = uint64(len(t.Participants)) + 1
	t.Participants = append(t.Participants, *p)
}

func add(list []string, s string) []string {
	if s == "" || slices.Contains(list, s) {
		return list
	}
	return append(list, s)
}
