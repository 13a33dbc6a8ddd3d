package compose

import (
	"postdesk/internal/addr"
	"postdesk/internal/config"
	"postdesk/internal/message"
)

// CopyKind says whose words a copy carries.
type CopyKind int

// The kinds of copy.
const (
	CopyCustomer  CopyKind = iota // a customer's or a visitor's mail, passed on as it was
	CopyNote                      // a colleague's note
	CopyColleague                 // a colleague's public answer
	CopyAside                     // an answer in an aside
)

// Expectation says what the desk expects of the reader.
type Expectation int

// The expectations.
const (
	ExpectAnswer  Expectation = iota // the ticket is yours: answer
	ExpectTake                       // nobody's yet: the first who answers takes it
	ExpectNothing                    // for information
	ExpectReview                     // supervisor: late, or undeliverable elsewhere
)

// Warning is one line of caution in the block.
type Warning int

// The warnings.
const (
	WarnNotBacked      Warning = iota // neither DKIM nor SPF backs the address
	WarnSuspect                       // spam, DMARC failure or the like
	WarnVisitor                       // the writer is no participant; Detail is the address
	WarnReplyTo                       // answers go to Detail now, which is new
	WarnLooksLikeAgent                // the name resembles an agent's
	WarnAutomatic                     // an automatic mail; it changed nothing
	WarnUndelivered                   // Detail could not be reached, so this comes to you
	WarnUnreadable                    // parts could not be read; the raw mail is attached
	WarnMentions                      // mentions ticket Detail, which was not joined
)

// Notice is a warning with its detail.
type Caution struct {
	Warning Warning
	Detail  string
}

// CopyIn is what an agent's copy is made of.
type CopyIn struct {
	// Head: To (the agent alone), Subject (tag included), Date, MessageID,
	// InReplyTo and References are the caller's; From and Cc are made here.
	Head Head
	Team *config.Team
	Lang string // "" is the team's
	Kind CopyKind
	// Reply is the token address of this agent, ticket and kind: From, and the
	// address of the links.
	Reply  addr.Address
	Ticket Ticket
	// Mail is the parsed mail with its source.
	Mail *message.Message
	// Writer is whose mail it is. For an agent, only the name is shown.
	Writer addr.Mailbox
	// Backed says that the writer's address is (DESIGN 4.1).
	Backed bool
	// Customer is the requester, when not the writer.
	Customer addr.Mailbox
	Cc       []addr.Mailbox // the customer's side, for the block only
	Expect   Expectation
	Cautions []Caution
	// Commands are the command lines of a colleague's mail, which are taken out.
	Commands []string
	// OmitOver leaves out and lists the attachments whose encoded size is above
	// it, in bytes; 0 keeps all.
	OmitOver int64
	// History is shown at the end of the block, one line each.
	History []string
}

// CopyOut is an agent's copy.
type CopyOut struct {
	Source message.Source
	// NeedsNotice is set for a signed or encrypted mail, which is passed on
	// untouched: the block must go in a mail of its own, see BlockNotice.
	NeedsNotice bool
	// Omitted are the attachments that OmitOver left out, in order; N is the
	// number for "#attach N".
	Omitted []Attachment
}

// Attachment is one attachment of a mail. N counts from 1 over all attachments
// of the mail, as "#attach" does.
type Attachment struct {
	N    int
	Name string
	Type string
	Size int64 // decoded, or estimated from the encoded size
}

// Copy writes what the agent receives: the mail as it was, its attachments byte for
// byte, from `"Jean Client (via Relation Client)" <token address>`, with one
// block at the end of the text and of the HTML. No header carries a live address other
// than the agent's own in To and the token address.
func (c *Composer) Copy(in CopyIn) (CopyOut, error) { return CopyOut{}, errNotYet }

// BlockNotice writes the block of in as a mail of its own. in.Head must have a
// Message-ID different from the copy's.
func (c *Composer) BlockNotice(in CopyIn) (message.Source, error) { return nil, errNotYet }

// Attachments lists the attachments of a mail, numbered as "#attach" counts them.
func Attachments(m *message.Message) []Attachment { return nil }
