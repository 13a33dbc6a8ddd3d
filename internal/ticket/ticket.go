// Package ticket is the domain: what a ticket is, what may happen to it, and
// who may see what. It is pure: no I/O, and the time is an argument.
package ticket

import (
	"slices"
	"time"

	"postdesk/internal/addr"
)

// Status says where a ticket stands.
type Status string

// The statuses.
const (
	New     Status = "new"
	Open    Status = "open"    // our turn
	Pending Status = "pending" // the customer's turn
	Hold    Status = "hold"    // a third party's turn
	Solved  Status = "solved"
	Closed  Status = "closed"
)

// Statuses lists them in the order of a ticket's life.
func Statuses() []Status { return []Status{New, Open, Pending, Hold, Solved, Closed} }

// Priority of a ticket; Low is the default.
type Priority string

// The priorities.
const (
	Low    Priority = "low"
	Normal Priority = "normal"
	High   Priority = "high"
	Urgent Priority = "urgent"
)

// Priorities lists them, the lowest first.
func Priorities() []Priority { return []Priority{Low, Normal, High, Urgent} }

// Turn says who has to act next. It is derived, never typed in.
type Turn string

// The turns.
const (
	TurnDesk     Turn = "desk"
	TurnCustomer Turn = "customer"
	TurnThird    Turn = "third"
	TurnNobody   Turn = "nobody"
)

// Relation is what a participant is to a ticket.
type Relation string

// The relations.
const (
	Requester Relation = "requester"
	Copied    Relation = "cc"
	Observer  Relation = "observer" // sees what is public
	Expert    Relation = "expert"   // sees an aside
	Approver  Relation = "approver" // sees what is to be decided
)

// Participant is someone from outside who takes part. ID is its number within
// the ticket, for ever; it begins at 1.
type Participant struct {
	ID       uint64
	Relation Relation
	Name     string `json:",omitempty"`
	Address  addr.Address
	Contact  uint64       `json:",omitempty"`
	ReplyTo  addr.Address `json:",omitzero"` // the single Reply-To of the latest backed mail
	Removed  bool         `json:",omitempty"`
}

// Aside is a thread inside a ticket with someone outside who is not the
// customer, or a decision that is asked for. ID begins at 1, for ever.
type Aside struct {
	ID       uint64
	Approval bool     `json:",omitempty"`
	Subject  string   `json:",omitempty"`
	With     []uint64 `json:",omitempty"` // participants
	Agent    string   `json:",omitempty"` // an approver with an account, id
	By       string   // who opened it, agent id
	Opened   time.Time
	Decision string `json:",omitempty"` // of an approval: yes or no
}

// Ticket is the state that its events made.
type Ticket struct {
	Number       uint64
	Subject      string
	Team         addr.Address
	Teams        []addr.Address `json:",omitempty"` // other teams that the same mail was sent to
	Assignee     string         `json:",omitempty"` // agent id
	Status       Status
	Priority     Priority
	Category     string            `json:",omitempty"`
	Tags         []string          `json:",omitempty"`
	Fields       map[string]string `json:",omitempty"`
	Language     string            `json:",omitempty"`
	Participants []Participant     `json:",omitempty"`
	Observers    []string          `json:",omitempty"` // agent ids that see notes
	Writers      []string          `json:",omitempty"` // agent ids that wrote in it
	Linked       []uint64          `json:",omitempty"`
	MergedInto   uint64            `json:",omitempty"`
	Suspect      bool              `json:",omitempty"`
	Acknowledged bool              `json:",omitempty"`
	Created      time.Time
	Updated      time.Time
	FirstReply   time.Time `json:",omitzero"`
	SolvedAt     time.Time `json:",omitzero"`
	ClosedAt     time.Time `json:",omitzero"`
	Resolution   string    `json:",omitempty"`
	TurnSince    time.Time `json:",omitzero"`  // since when it is the turn of whose turn it is
	ToldAt       time.Time `json:",omitzero"`  // our last word to the customer, of an agent or by a timer
	PromisedAt   time.Time `json:",omitzero"`  // the customer was told anew how long the first answer takes
	HoldingAt    time.Time `json:",omitzero"`  // the holding mail
	RemindedAt   time.Time `json:",omitzero"`  // the reminder to the customer
	OverdueAt    time.Time `json:",omitzero"`  // the warning to the supervisors
	FieldsAsked  int       `json:",omitempty"` // how many times the customer was asked for fields
	Minutes      int       `json:",omitempty"` // time spent
	Asides       []Aside   `json:",omitempty"`
	SplitFrom    uint64    `json:",omitempty"`
	Merged       []uint64  `json:",omitempty"` // the tickets that went into this one
	// MovedPeople and MovedAsides say, in a merged ticket, which numbers its
	// participants and asides have in MergedInto: their tokens live on.
	MovedPeople map[uint64]uint64 `json:",omitempty"`
	MovedAsides map[uint64]uint64 `json:",omitempty"`
	Events      uint64            // how many: the last event's sequence number
	Messages    uint64            // how many: the last message's sequence number
	Outgoing    uint64            // how many mails we minted a Message-ID for
	Activities  uint64            `json:",omitempty"` // how many were planned: the last one's number
	Invitations uint64            `json:",omitempty"` // how many calendar events it is about
	Erased      bool              `json:",omitempty"`
}

// Turn derives whose turn it is.
func (t *Ticket) Turn() Turn {
	switch t.Status {
	case New, Open:
		return TurnDesk
	case Pending:
		return TurnCustomer
	case Hold:
		return TurnThird
	}
	return TurnNobody
}

// Requester is the participant who asked, or nil after an erasure.
func (t *Ticket) Requester() *Participant {
	for i := range t.Participants {
		if t.Participants[i].Relation == Requester && !t.Participants[i].Removed {
			return &t.Participants[i]
		}
	}
	return nil
}

// Participant finds a participant by number.
func (t *Ticket) Participant(id uint64) *Participant {
	for i := range t.Participants {
		if t.Participants[i].ID == id {
			return &t.Participants[i]
		}
	}
	return nil
}

// Aside finds an aside by number.
func (t *Ticket) Aside(id uint64) *Aside {
	if id == 0 || id > uint64(len(t.Asides)) {
		return nil
	}
	return &t.Asides[id-1]
}

// Who finds the participant with an address, compared without case.
func (t *Ticket) Who(a addr.Address) *Participant {
	for i := range t.Participants {
		p := &t.Participants[i]
		if !p.Removed && (p.Address.Key() == a.Key() || !p.ReplyTo.IsZero() && p.ReplyTo.Key() == a.Key()) {
			return p
		}
	}
	return nil
}

// Dismissed says whether somebody was sent away from a ticket and has not come
// back.
func (t *Ticket) Dismissed(a addr.Address) bool {
	return t.Who(a) == nil && slices.ContainsFunc(t.Participants, func(p Participant) bool { return p.Removed && p.Address.Key() == a.Key() })
}

// Audience is who gets an answer that the customer sees: the requester and the
// Cc'd people.
func (t *Ticket) Audience() (to *Participant, cc []*Participant) {
	to = t.Requester()
	for i := range t.Participants {
		if p := &t.Participants[i]; p.Relation == Copied && !p.Removed {
			cc = append(cc, p)
		}
	}
	return to, cc
}

// NoteReaders are the agents who get a note of author: the assignee, those who
// wrote in the ticket and its observers (agents of the team when nobody is
// assigned), without the author.
func (t *Ticket) NoteReaders(author string, team []string) []string {
	readers := append([]string(nil), t.Writers...)
	readers = append(readers, t.Observers...)
	if t.Assignee != "" {
		readers = append(readers, t.Assignee)
	} else {
		readers = append(readers, team...)
	}
	slices.Sort(readers)
	readers = slices.Compact(readers)
	return slices.DeleteFunc(readers, func(id string) bool { return id == author || id == "" })
}
