package compose

import (
	"fmt"
	"strings"
	"time"

	"postdesk/internal/addr"
	"postdesk/internal/bounce"
	"postdesk/internal/config"
	"postdesk/internal/message"
)

// NoticeKind is a mail from postdesk to an agent; it is the template's name.
type NoticeKind string

// The kinds of notice, and which fields of NoticeData each uses.
const (
	NoticeHeld        NoticeKind = "held"       // identity not proven: Title is the subject, Until when it came, Text
	NoticeGuard       NoticeKind = "guard"      // held by the outgoing guard: Findings, Lines are more reasons, Text, Colleague
	NoticeCustomer    NoticeKind = "customer"   // whose mail it is that the agent passed on: Recipient is the guess, Lines, Title, Text
	NoticeWhich       NoticeKind = "which"      // a mail to a ticket or desk address that may be meant otherwise (by Ticket.Number and Status; with Yes, a mail of the ticket that was forwarded to the team Recipient): Text
	NoticeTaken       NoticeKind = "taken"      // a colleague took the ticket: Who
	NoticeAssigned    NoticeKind = "assigned"   // the ticket is yours now, said without a mail of the customer: Who, Text
	NoticeHelp        NoticeKind = "help"       // the page of commands: Desk, Page
	NoticeWelcome     NoticeKind = "welcome"    // the same for a new agent: Desk, Page
	NoticeTranscript  NoticeKind = "transcript" // what commands did: Lines are sentences
	NoticeUnknown     NoticeKind = "unknown"    // commands not carried out: Lines are the reasons, Closest, Correction, Held, Text
	NoticeNoteDefault NoticeKind = "note"       // a note is kept: by default, or as it was meant to be (Yes); Alone
	NoticePage        NoticeKind = "page"       // #list, #show, #history: Page; or Title, Text (preformatted)
	NoticeFailed      NoticeKind = "failed"     // a delivery failed: Recipient, Answer, Enhanced, Text
	NoticeLate        NoticeKind = "late"       // a delivery is late: Recipient, Answer, Until
	NoticeDead        NoticeKind = "dead"       // an agent's copy could not be delivered, ticket unassigned: Who, Answer
	NoticeOverdue     NoticeKind = "overdue"    // supervisors: first reply is late: Who, Delay
	NoticeActivity    NoticeKind = "activity"   // a reminder is due: Title, Text, Until
	NoticeDecision    NoticeKind = "decision"   // an approval was given or refused: Who, Yes, Title is the question's subject, Asked, Text
	NoticeObserver    NoticeKind = "observer"   // an account observer was added: Who
	NoticeAttachment  NoticeKind = "attached"   // #attach: Title is the file name; the attachment itself is Attach
	NoticePostmaster  NoticeKind = "postmaster" // what only an admin can mend: Title, Text, Lines
	NoticeStill       NoticeKind = "still"      // an answer about a held mail that decides nothing: Text
	NoticeDecided     NoticeKind = "decided"    // a held mail was sent (Yes) or dropped before: Yes, Until is when
	NoticeCancelled   NoticeKind = "cancelled"  // a held mail is dropped now
	NoticeSolicited   NoticeKind = "solicited"  // whom the team has asked before: Title is the command, People
	NoticeNotPublic   NoticeKind = "notpublic"  // a text in answer to a notice, which goes to nobody: Text
	NoticeNews        NoticeKind = "news"       // what happened to the ticket, for whom there is nothing to do: Lines are sentences
)

// NoticeData is what notices say. All strings are text from anywhere: control
// characters are taken out when written.
type NoticeData struct {
	Title      string
	Text       string // a held or failed mail's text, a page, an explanation
	Lines      []string
	Closest    []string // the commands nearest to what was typed, with an example
	Findings   []Finding
	Who        string       // a person's name
	Recipient  addr.Address // who could not be reached
	Answer     string       // the remote server's answer
	Enhanced   string       // its enhanced status code (RFC 3463), "" to look for one in Answer
	Until      time.Time    // when it is due, or how long we go on trying, or when it was
	Delay      string       // in words
	Yes        bool
	Orders     bool         // unknown: the held mail has nothing but commands
	People     []Offered    // whom the team has asked before
	Held       bool         // unknown: the mail is held, for #send or #cancel
	Correction string       // unknown: the command lines as they were probably meant, "" when nobody knows
	Colleague  string       // guard: what the colleague wrote who has answered since
	Asked      string       // decision: the first lines of what was asked
	Alone      bool         // note: nobody else gets it
	Automatic  bool         // failed: the desk wrote it by itself, and writes there by itself no more
	Desk       addr.Address // the agent's desk address
	Page       *Page        // page, help, welcome: what was asked for; nil for none
}

// NoticeIn is what a notice is made of.
type NoticeIn struct {
	// Head: To, Date, MessageID, InReplyTo, References and Loop are the caller's;
	// From, AutoSubmitted and, when empty, Subject are made here. A Subject that
	// is given (the ticket's own with its tag) keeps the client's thread together.
	Head Head
	Team *config.Team // nil for the postmaster's
	Lang string       // "" is the team's
	Kind NoticeKind
	// Agent is the reader's name, "" when unknown.
	Agent string
	// From is the desk, ticket or hold token address that an answer goes to.
	From addr.Address
	// Answering is set when the notice answers a mail of the agent: Auto-Submitted
	// is then auto-replied, else auto-generated (RFC 3834 §5).
	Answering bool
	Ticket    Ticket // zero for none
	Data      NoticeData
	// Original is attached as message/rfc822 when not nil.
	Original message.Source
	// Attach is part of a mail to attach (#attach), AttachN its number.
	Attach  *message.Message
	AttachN int
}

// Notice writes a mail from `"postdesk – Relation Client" <in.From>` to an agent, text
// and HTML. Its envelope sender must be null.
func (c *Composer) Notice(in NoticeIn) (message.Source, error) {
	if !isNotice(in.Kind) {
		return nil, fmt.Errorf("compose: no notice %q", in.Kind)
	}
	set := c.set(in.Team, in.Lang)
	head := in.Head
	view := noticeData(in, set.lang)
	subject, err := set.subject(string(in.Kind), view)
	if err != nil {
		return nil, err
	}
	if head.Subject == "" {
		head.Subject = subject
	}
	view.Actions.Subject = cleanLine(head.Subject)
	body, err := set.body(string(in.Kind), view)
	if err != nil {
		return nil, err
	}
	head.From = addr.Mailbox{Name: fromName("postdesk", in.Team), Address: in.From}
	head.ReplyTo, head.Cc = addr.Mailbox{}, nil
	head.AutoSubmitted = "auto-generated"
	if in.Answering {
		head.AutoSubmitted = "auto-replied"
	}
	content := message.MultipartContent("alternative", nil,
		message.TextContent("text/plain", in.Data.Page.inText(body)), message.TextContent("text/html", in.Data.Page.inHTML(body)))
	b := newBuilder(head.MessageID)
	head.write(b)
	rope, err := b.Build(withFiles(content, in))
	if err != nil {
		return nil, fmt.Errorf("compose the notice: %w", err)
	}
	return rope, nil
}

// withFiles adds the original mail or the attachment that was asked for.
func withFiles(content message.Content, in NoticeIn) message.Content {
	parts := []message.Content{content}
	if in.Attach != nil {
		if list := in.Attach.Attachments(); in.AttachN >= 1 && in.AttachN <= len(list) {
			parts = append(parts, message.CopyContent(list[in.AttachN-1]))
		}
	}
	if in.Original != nil {
		parts = append(parts, message.MessageContent(in.Original, "message.eml"))
	}
	if len(parts) == 1 {
		return content
	}
	return message.MultipartContent("mixed", nil, parts...)
}

func noticeData(in NoticeIn, lang string) noticeView {
	d := in.Data
	v := noticeView{
		Agent: AgentData{Name: cleanLine(in.Agent)}, Team: teamData(in.Team), Ticket: in.Ticket.clean(),
		Actions: actions{Address: address(in.From), InReplyTo: bareID(in.Head.MessageID)},
		Title:   cleanLine(d.Title), Text: strings.Trim(cleanText(d.Text), "\n"), Who: cleanLine(d.Who),
		Answer: cleanText(d.Answer), Delay: cleanLine(d.Delay),
		Recipient: address(d.Recipient), Desk: address(d.Desk), Page: d.Page.mark(),
		Lines: cleanLines(d.Lines), Closest: cleanLines(d.Closest), Until: inZone(d.Until, in.Team), Yes: d.Yes, Held: d.Held, Orders: d.Orders,
		People: offered(d.People, in.Team), UnknownAddress: bounce.OfReply(d.Enhanced, d.Answer) == bounce.Hard, Correction: cleanText(d.Correction), Colleague: strings.Trim(cleanText(d.Colleague), "\n"),
		Alone: d.Alone, Automatic: d.Automatic, Asked: strings.Trim(cleanText(d.Asked), "\n"),
	}
	if d.Page != nil && v.Title == "" {
		v.Title = cleanLine(d.Page.Title)
	}
	for _, f := range d.Findings {
		v.Reasons = append(v.Reasons, cleanLine(f.Sentence(lang)))
	}
	return v
}

// inZone is a moment on the clocks of the team.
func inZone(t time.Time, team *config.Team) time.Time {
	if team == nil || team.Hours.Zone == nil || t.IsZero() {
		return t
	}
	return t.In(team.Hours.Zone)
}

func bareID(id string) string {
	if ids := bareIDs([]string{id}); len(ids) > 0 {
		return ids[0]
	}
	return ""
}
