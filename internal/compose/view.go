package compose

import (
	"time"

	"postdesk/internal/addr"
	"postdesk/internal/config"
)

// What templates see. The types are exported so that their fields are documented;
// no agent's address is in any of them. Functions: bold, link, action, status,
// priority, size, date, quote, indent, join, line, person.
type (
	// PersonData is someone as shown to an agent.
	PersonData struct{ Name, Address string }
	// TeamData is a team.
	TeamData struct{ Name, Address string }
	// AgentData is an agent as a customer may see one.
	AgentData struct{ Name string }
	// CustomerData is a contact.
	CustomerData struct{ Name, Address, Company string }

	signatureData struct {
		Agent AgentData
		Team  TeamData
	}
	ackView struct {
		Ticket struct{ Number uint64 }
		Team   TeamData
		Delay  string
	}
	blockView struct {
		Ticket                 Ticket
		Team                   TeamData
		Customer, Writer       PersonData
		CustomerWrites, Backed bool
		Cautions               []string
		Cc                     []PersonData
		Omitted                []Attachment
		Mentions               []string // numbers of tickets that the mail names
		Visitors               []string // addresses of who wrote and takes no part
		History                []string
		Expect                 string
		Links                  bool
		Yours, Follows         bool // the reader looks after the ticket, or only follows it
		Actions                actions
	}
	noticeView struct {
		Agent            AgentData
		Team             TeamData
		Ticket           Ticket
		Actions          actions
		Title, Text, Who string
		Answer, Delay    string
		Recipient, Desk  string
		Lines, Closest   []string
		Reasons          []string
		Until            time.Time
		Yes, Held        bool
		Orders           bool   // the held mail has nothing but commands
		Correction       string // command lines
		Colleague        string // what a colleague wrote
		Asked            string // the first lines of a question
		Alone            bool   // nobody else gets it
		UnknownAddress   bool   // failed: the recipient's server does not know the address
		Automatic        bool   // failed: the desk wrote it by itself
		People           []offeredView
		Page             string // where the page goes, "" without one
	}
	letterView struct {
		Team, Old   TeamData
		Ticket      Ticket
		Text, Agent string
		Delay       string
		Fields      []config.Field
		Page        string // where the page goes, "" without one
		Again       bool
		Actions     actions
	}
)

func teamData(t *config.Team) TeamData {
	if t == nil {
		return TeamData{}
	}
	return TeamData{Name: cleanLine(t.Name), Address: address(t.Address)}
}

func address(a addr.Address) string {
	if a == (addr.Address{}) {
		return ""
	}
	return cleanLine(a.String())
}

// clean takes control characters out of all that came from outside.
func (t Ticket) clean() Ticket {
	t.Subject, t.Category, t.Assignee = cleanLine(t.Subject), cleanLine(t.Category), cleanLine(t.Assignee)
	t.Tags, t.Missing = cleanLines(t.Tags), cleanLines(t.Missing)
	fields := make([]TicketField, 0, len(t.Fields))
	for _, f := range t.Fields {
		fields = append(fields, TicketField{cleanLine(f.Name), cleanLine(f.Value)})
	}
	t.Fields = fields
	return t
}

func (c CustomerData) clean() CustomerData {
	return CustomerData{Name: cleanLine(c.Name), Address: cleanLine(c.Address), Company: cleanLine(c.Company)}
}

func cleanLines(list []string) []string {
	out := make([]string, 0, len(list))
	for _, s := range list {
		out = append(out, cleanLine(s))
	}
	return out
}

// sampleData is empty data of the type that the template called name is given.
func sampleData(name string) any {
	switch {
	case name == "block":
		return blockView{Ticket: Ticket{Fields: make([]TicketField, 1), Missing: make([]string, 2)}, Cautions: []string{"x"}, Cc: make([]PersonData, 2), Omitted: make([]Attachment, 1), Mentions: []string{"1"}, Visitors: []string{"x"}, History: []string{"x"}, Links: true}
	case isNotice(NoticeKind(name)):
		return noticeView{People: make([]offeredView, 1), Lines: []string{"x"}, Closest: []string{"x"}, Reasons: []string{"x"}, Text: "x", Answer: "x", Held: true, Correction: "x", Colleague: "x", Asked: "x", Alone: true, UnknownAddress: true, Page: markPage}
	case isLetter(LetterKind(name)):
		return letterView{Text: "x", Page: markPage, Agent: "x", Delay: "x", Fields: make([]config.Field, 1), Again: true}
	}
	return ackView{Delay: "x"}
}

func isNotice(k NoticeKind) bool {
	switch k {
	case NoticeHeld, NoticeGuard, NoticeWhich, NoticeCustomer, NoticeTaken, NoticeAssigned, NoticeHelp, NoticeWelcome, NoticeTranscript,
		NoticeUnknown, NoticeNoteDefault, NoticePage, NoticeFailed, NoticeLate, NoticeDead, NoticeOverdue,
		NoticeActivity, NoticeDecision, NoticeObserver, NoticeAttachment, NoticePostmaster,
		NoticeStill, NoticeDecided, NoticeCancelled, NoticeNotPublic, NoticeNews, NoticeSolicited:
		return true
	}
	return false
}

func isLetter(k LetterKind) bool {
	switch k {
	case LetterStranger, LetterHolding, LetterUpdate, LetterReminder, LetterRedirect, LetterFields, LetterConfirmation,
		LetterResolution, LetterRefusal, LetterObserver, LetterApproval, LetterUnclear, LetterPlain, LetterRequests:
		return true
	}
	return false
}
