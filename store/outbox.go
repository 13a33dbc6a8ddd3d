package store

import (
	"time"

	"postdesk/internal/addr"
)

// State is where an outbox row stands. It is written, never inferred from a
// missing key.
type State string

// The states. A row is born ready or held.
const (
	Ready     State = "ready"
	Sending   State = "sending"
	Delivered State = "delivered"
	Failed    State = "failed"
	Held      State = "held"
	Dropped   State = "dropped"
)

// Purpose says what a mail in the outbox is, and so what its failure means.
type Purpose string

// The purposes.
const (
	PurposeAck      Purpose = "acknowledgement"
	PurposeCopy     Purpose = "copy"   // to an agent
	PurposeReply    Purpose = "reply"  // to a customer
	PurposeNote     Purpose = "note"   // to an agent
	PurposeNotice   Purpose = "notice" // from postdesk to an agent or the postmaster
	PurposeSentence Purpose = "sentence"
	PurposeLetter   Purpose = "letter" // from the desk itself to a customer: a holding mail, the right address
	PurposeAside    Purpose = "aside"  // to an expert, an approver or an outside observer
)

// Outgoing is one row of the outbox: one mail to one recipient. Rows of one
// mail share Mail, so that a relay may send them in one transaction.
type Outgoing struct {
	ID         uint64
	Mail       MailID
	From       addr.Address // envelope sender, zero is <>
	To         addr.Address
	Domain     string // whose DKIM keys sign it
	MessageID  string // without brackets
	Purpose    Purpose
	Ticket     uint64 `json:",omitempty"`
	Item       uint64 `json:",omitempty"` // which of the ticket's outgoing mails it is, as in its tokens
	Message    uint64 `json:",omitempty"` // sequence number of the ticket's message that it carries
	Agent      string `json:",omitempty"` // id of the agent whom it goes to
	SMTPUTF8   bool   `json:",omitempty"` // an address needs it
	NotifyNone bool   `json:",omitempty"` // NOTIFY=NEVER where offered

	State       State
	Created     time.Time
	Due         time.Time
	Attempts    int       `json:",omitempty"`
	DataStarted time.Time `json:",omitzero"` // the body of the current attempt was under way: a duplicate is possible
	Done        time.Time `json:",omitzero"`
	Reason      string    `json:",omitempty"` // why held or dropped
	Delayed     bool      `json:",omitempty"` // the agent was told that it is late
	Reduced     bool      `json:",omitempty"` // large attachments were left out already

	// The last answer of the remote server, cleaned and bounded.
	Host     string `json:",omitempty"`
	Code     int    `json:",omitempty"`
	Enhanced string `json:",omitempty"`
	Text     string `json:",omitempty"`
}
