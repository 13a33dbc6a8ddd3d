package compose

import (
	"fmt"
	"slices"
	"strings"
	"time"

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
	CopyAsked                     // a colleague's mail in an aside
	CopyObserver                  // a word of an observer outside
)

// Expectation says what the desk expects of the reader.
type Expectation int

// The expectations.
const (
	ExpectAnswer     Expectation = iota // the ticket is yours: answer
	ExpectTake                          // nobody's yet: the first who answers takes it
	ExpectNothing                       // for information
	ExpectReview                        // supervisor: late, or undeliverable elsewhere
	ExpectAttend                        // an invitation: accept or decline it
	ExpectAttendTake                    // the same, of nobody's yet: who accepts takes it
	ExpectNote                          // the reader only follows the ticket: an answer stays a note
	ExpectComment                       // the same, of one who may not write to customers at all
)

// Warning is one line of caution in the block.
type Warning int

// The warnings.
const (
	WarnNotBacked        Warning = iota // neither DKIM nor SPF backs the address
	WarnSuspect                         // spam, DMARC failure or the like
	WarnVisitor                         // the writer is no participant; Detail is the address
	WarnReplyTo                         // answers go to Detail now, which is new
	WarnLooksLikeAgent                  // the name resembles an agent's
	WarnAutomatic                       // an automatic mail; it changed nothing
	WarnUndelivered                     // Detail could not be reached, so this comes to you
	WarnUnreadable                      // parts could not be read; the raw mail is attached
	WarnMentions                        // mentions ticket Detail, which was not joined
	WarnKnownBy                         // an unknown address, taken for the value of a field that Detail names
	WarnInvitationForged                // a calendar message in the name of an invitation that is not the writer's
	WarnInvitationOld                   // a calendar message older than what came before
	WarnInvitationBroken                // a calendar message that could not be read
	WarnAbsent                          // Detail looked after the ticket and is away
	WarnUnclear                         // an approver's answer is neither yes nor no, and was asked again
	WarnUndecided                       // the same, and was not asked again
	WarnNoDecision                      // nothing proves that the approver wrote it: nothing is decided
	WarnOtherAnswer                     // an approver's mail does not answer the question: nothing is decided
	WarnClosed                          // the ticket is closed and stays so
)

// Caution is a warning with its detail.
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
	With     []addr.Mailbox // whom the aside is with
	Topic    string         // its subject, when not the ticket's
	Expect   Expectation
	Cautions []Caution
	// Commands are the command lines of a colleague's mail, which are taken out.
	Commands []string
	// Kept are the words of a note that begins on its command's own line: they stay, "" for none.
	Kept string
	// OmitOver leaves out and lists the attachments whose encoded size is above
	// it, in bytes; 0 keeps all.
	OmitOver int64
	// Invite says what becomes of a calendar message, see Invite. Stamp is its new
	// DTSTAMP when it is sent again, zero for its own.
	Invite Invite
	Stamp  time.Time
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
func (c *Composer) Copy(in CopyIn) (CopyOut, error) {
	out := CopyOut{NeedsNotice: in.Mail.IsSealed(), Omitted: omitted(in)}
	var body message.Content
	switch {
	case out.NeedsNotice:
		out.Omitted = nil
		body = message.RawContent(in.Mail.Root)
	case in.Kind == CopyNote || in.Kind == CopyColleague || in.Kind == CopyAsked:
		block, err := c.block(in, out.Omitted)
		if err != nil {
			return CopyOut{}, err
		}
		body = c.colleagueBody(in, block)
	default:
		block, err := c.block(in, out.Omitted)
		if err != nil {
			return CopyOut{}, err
		}
		body = (&copyTree{in: in, block: block, text: in.Mail.TextPart(), html: in.Mail.HTMLPart(), lang: c.set(in.Team, in.Lang).lang}).body()
	}
	if !out.NeedsNotice && in.hasCaution(WarnUnreadable) {
		body = message.MultipartContent("mixed", nil, body, message.MessageContent(in.Mail.Source, "original.eml"))
	}
	rope, err := c.buildCopy(in, body)
	if err != nil {
		return CopyOut{}, fmt.Errorf("compose the copy: %w", err)
	}
	out.Source = rope
	return out, nil
}

func (c *Composer) buildCopy(in CopyIn, body message.Content) (*message.Rope, error) {
	head := in.Head
	head.From = addr.Mailbox{Name: copyName(in, c.set(in.Team, in.Lang).lang), Address: in.Reply}
	head.ReplyTo, head.Cc = addr.Mailbox{}, nil
	head.AutoSubmitted = ""
	b := newBuilder(head.MessageID)
	head.write(b)
	switch v := strings.ToLower(strings.TrimSpace(in.Mail.Header.Get("Importance"))); v {
	case "high", "low": // RFC 2156 §5.3.4
		b.Field("Importance", v)
	}
	return b.Build(body)
}

// BlockNotice writes the block of in as a mail of its own. in.Head must have a
// Message-ID different from the copy's.
func (c *Composer) BlockNotice(in CopyIn) (message.Source, error) {
	block, err := c.block(in, nil)
	if err != nil {
		return nil, err
	}
	head := in.Head
	head.From = addr.Mailbox{Name: fromName("postdesk", in.Team), Address: in.Reply}
	head.ReplyTo, head.Cc = addr.Mailbox{}, nil
	if head.AutoSubmitted == "" {
		head.AutoSubmitted = "auto-generated"
	}
	b := newBuilder(head.MessageID)
	head.write(b)
	rope, err := b.Build(message.MultipartContent("alternative", nil,
		message.TextContent("text/plain", strings.TrimLeft(block.text, "\n")),
		message.TextContent("text/html", "<!DOCTYPE html><html><body>"+block.html+"</body></html>\n")))
	if err != nil {
		return nil, fmt.Errorf("compose the block: %w", err)
	}
	return rope, nil
}

// copyName is the name in From. It never looks like an address.
func copyName(in CopyIn, lang string) string {
	name := displayName(in.Writer)
	team := ""
	if in.Team != nil {
		team = cleanLine(in.Team.Name)
	}
	switch in.Kind {
	case CopyNote, CopyObserver:
		return "NOTE – " + name + " (" + team + ")"
	case CopyColleague:
		return name + " (" + team + ")"
	case CopyAside, CopyAsked:
		return say(lang, "aside") + " – " + name + " (" + team + ")"
	}
	return name + " " + viaWords(in.Team)
}

func (in CopyIn) hasCaution(w Warning) bool {
	return slices.ContainsFunc(in.Cautions, func(c Caution) bool { return c.Warning == w })
}

// omitted are the attachments that a copy leaves out.
func omitted(in CopyIn) []Attachment {
	if in.OmitOver <= 0 {
		return nil
	}
	var out []Attachment
	for i, p := range in.Mail.Attachments() {
		if p.End-p.Body > in.OmitOver {
			out = append(out, attachmentOf(p, i+1))
		}
	}
	return out
}

// Attachments lists the attachments of a mail, numbered as "#attach" counts them.
func Attachments(m *message.Message) []Attachment {
	var out []Attachment
	for i, p := range m.Attachments() {
		out = append(out, attachmentOf(p, i+1))
	}
	return out
}
