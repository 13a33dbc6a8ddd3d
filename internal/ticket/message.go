package ticket

import (
	"time"

	"postdesk/internal/addr"
)

// Kind says what a message of a ticket is, and so who may see it.
type Kind string

// The kinds of message.
const (
	KindIn       Kind = "in"        // from a customer
	KindOut      Kind = "out"       // an agent's answer
	KindNote     Kind = "note"      // agents and account observers only
	KindVisitor  Kind = "visitor"   // from someone who is no participant
	KindAuto     Kind = "automatic" // a vacation answer, a receipt
	KindBounce   Kind = "bounce"    // a delivery report
	KindAck      Kind = "acknowledgement"
	KindAsideOut Kind = "aside-out" // an agent's mail to someone outside who is not the customer
	KindAsideIn  Kind = "aside-in"  // that person's answer
	KindInternal Kind = "internal"  // an agent's mail that is not for the customer and not for colleagues: commands
	KindMoved    Kind = "moved"     // it is in another ticket now: a merge, a split
)

// Public says whether the customer knows of a message of this kind.
func (k Kind) Public() bool { return k == KindIn || k == KindOut || k == KindAck }

// Message is one mail of a ticket.
type Message struct {
	Seq       uint64
	Kind      Kind
	At        time.Time
	Mail      uint64 // the mail as received, or as an agent wrote it
	Sent      uint64 `json:",omitempty"` // the mail as we sent it to the customer
	From      addr.Mailbox
	Agent     string         `json:",omitempty"` // id, when an agent wrote it
	To        []addr.Address `json:",omitempty"`
	Subject   string         `json:",omitempty"`
	MessageID string         `json:",omitempty"` // as received, or as we minted it for the customer
	Aside     uint64         `json:",omitempty"` // which aside it is of
	Excerpt   string         `json:",omitempty"` // of a note or an aside: what must not be in a mail to the customer
	Backed    string         `json:",omitempty"` // how the address is backed, "" is not
	Prefix    []byte         `json:",omitempty"` // the header fields that we add above the bytes as received
	Facts     []byte         `json:",omitempty"` // what each stage learned, JSON
	Was       uint64         `json:",omitempty"` // the ticket that it came to, when that is another
	Moved     *Place         `json:",omitempty"` // of KindMoved: where it is; the rest is gone
}

// After says whether m came later than another message of its ticket. Numbers
// tell, but between mails that came with different tickets, which have the later
// numbers since a merge.
func (m *Message) After(o *Message) bool {
	if m.Was == o.Was {
		return m.Seq > o.Seq
	}
	return m.At.After(o.At)
}

// Place is where a message is: its ticket, and its number there.
type Place struct{ Ticket, Message uint64 }

// Actor is who did something.
type Actor struct {
	Kind ActorKind
	ID   string `json:",omitempty"` // agent id, or a contact's address
}

// ActorKind is the kind of an actor.
type ActorKind string

// The kinds of actor.
const (
	ByAgent   ActorKind = "agent"
	ByContact ActorKind = "contact"
	BySystem  ActorKind = "postdesk"
)

// System is postdesk itself.
var System = Actor{Kind: BySystem}

// String is for people.
func (a Actor) String() string {
	if a.ID == "" {
		return string(a.Kind)
	}
	return string(a.Kind) + " " + a.ID
}
