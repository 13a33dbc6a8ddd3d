package compose

import (
	"time"

	"postdesk/internal/addr"
	"postdesk/internal/alike"
)

// Head is what the caller decides about the header of a mail. All the rest of a
// header is made here, from an allow-list. Zero fields are left out.
type Head struct {
	// From may be left zero wherever the function's comment says what it writes.
	From    addr.Mailbox
	ReplyTo addr.Mailbox
	To, Cc  []addr.Mailbox
	// Subject is decoded text. The acknowledgement and templates have their own.
	Subject string
	// Date is written in UTC (RFC 5322 §3.3): no one's zone is told.
	Date time.Time
	// MessageID, InReplyTo and References are written with angle brackets
	// whether or not they come with them. MessageID must be one that we minted:
	// the MIME boundaries are derived from it, so that nobody can foresee them.
	MessageID  string
	InReplyTo  string
	References []string // oldest first; the minted thread id is the first
	// AutoSubmitted is "", "auto-generated" or "auto-replied", RFC 3834 §5.
	AutoSubmitted string
	// Loop is the token of X-Postdesk-Loop, "" for none.
	Loop string
	// Why is X-Postdesk-Why of an agent's copy, "" for none: one line that says
	// why the agent got it.
	Why string
}

// Ticket is what templates and the block may say of a ticket.
type Ticket struct {
	Number   uint64
	Subject  string
	Status   string // new, open, pending, hold, solved, closed
	Turn     string // whose it is: desk, customer, third, nobody; "" is not said
	Priority string // low, normal, high, urgent
	Category string
	Tags     []string
	Assignee string // name, "" is nobody
	// Linked are the numbers of the tickets that this one follows.
	Linked []uint64
	// Fields have a value. Missing are the names of required ones that have none.
	Fields  []TicketField
	Missing []string
}

// TicketField is a field of a ticket and its value.
type TicketField struct{ Name, Value string }

// Field is the value of a field, for templates: {{.Ticket.Field "Version"}}. Case
// and accents do not matter; "" is none.
func (t Ticket) Field(name string) string {
	for _, f := range t.Fields {
		if alike.Name(f.Name) == alike.Name(name) {
			return f.Value
		}
	}
	return ""
}
