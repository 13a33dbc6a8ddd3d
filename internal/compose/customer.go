package compose

import (
	"fmt"
	"strings"

	"postdesk/internal/addr"
	"postdesk/internal/config"
	"postdesk/internal/message"
)

// LetterKind is a mail of the desk itself to a customer or a third party, by
// template; it is the template's name.
type LetterKind string

// The kinds of letter, and which fields of LetterData each uses.
const (
	LetterHolding      LetterKind = "holding"          // first reply is late
	LetterUpdate       LetterKind = "update"           // we are still working on it
	LetterReminder     LetterKind = "reminder"         // the customer owes an answer
	LetterRedirect     LetterKind = "redirect"         // moved to another team: Old; Team is the new one, Delay
	LetterFields       LetterKind = "fields"           // required fields are missing: Fields, Again
	LetterConfirmation LetterKind = "confirmation"     // opened by an agent in the customer's name: Agent, Text
	LetterResolution   LetterKind = "resolution"       // #solved!: Text, Agent
	LetterRefusal      LetterKind = "refusal"          // a sentence that could not be said in the session: Text
	LetterStranger     LetterKind = "stranger"         // a sentence for whom a team does not know; see Sentence
	LetterObserver     LetterKind = "observer-outside" // an outside observer was added: Agent
	LetterApproval     LetterKind = "approval"         // asks for a decision, above the agent's own text: see ReplyIn.Decision
	LetterUnclear      LetterKind = "approval-unclear" // asks for the decision again: Agent, Text is what was answered
	LetterPlain        LetterKind = "plain"            // Text as it is
	LetterRequests     LetterKind = "requests"         // the customer's requests and where they stand: Page, which makes it a mail with HTML
)

// LetterData is what letters say.
type LetterData struct {
	Text   string
	Agent  string // name
	Delay  string // in words, see DelayWords
	Old    *config.Team
	Fields []config.Field
	Again  bool // fields: what came before did not fit
	Page   *Page
}

// LetterIn is what a letter is made of.
type LetterIn struct {
	// Head: all but From is the caller's; Subject is the ticket's own as the
	// customer knows it, never the acknowledgement's. A zero From becomes `"Team" <team
	// address>`. AutoSubmitted is the caller's (auto-generated for timers).
	Head   Head
	Team   *config.Team
	Lang   string // "" is the team's
	Kind   LetterKind
	Ticket Ticket
	Data   LetterData
}

// Sentence is a letter's text in one line, for a reply of SMTP.
func (c *Composer) Sentence(team *config.Team, lang string, kind LetterKind) (string, error) {
	body, err := c.set(team, lang).body(string(kind), letterView{Team: teamData(team)})
	return strings.Join(strings.Fields(body.text()), " "), err
}

// Letter writes a short mail in the team's words, as text only; with a page
// as text and HTML.
func (c *Composer) Letter(in LetterIn) (message.Source, error) {
	if !isLetter(in.Kind) {
		return nil, fmt.Errorf("compose: no letter %q", in.Kind)
	}
	view := letterView{
		Team: teamData(in.Team), Old: teamData(in.Data.Old), Ticket: in.Ticket.clean(),
		Text: strings.Trim(cleanText(in.Data.Text), "\n"), Agent: cleanLine(in.Data.Agent), Delay: cleanLine(in.Data.Delay),
		Again: in.Data.Again, Page: in.Data.Page.mark(), Actions: actions{Address: address(in.Head.From.Address), Subject: cleanLine(in.Head.Subject), InReplyTo: bareID(in.Head.MessageID)},
	}
	for _, f := range in.Data.Fields {
		view.Fields = append(view.Fields, config.Field{Name: cleanLine(f.Name), Hint: cleanLine(f.Hint)})
	}
	subject, body, err := c.set(in.Team, in.Lang).render(string(in.Kind), view)
	if err != nil {
		return nil, err
	}
	head := in.Head
	if head.Subject == "" {
		head.Subject = subject
	}
	if head.From.Address == (addr.Address{}) {
		head.From = addr.Mailbox{Name: cleanLine(in.Team.Name), Address: in.Team.Address}
	}
	b := newBuilder(head.MessageID)
	head.write(b)
	rope, err := b.Build(in.Data.Page.content(body))
	if err != nil {
		return nil, fmt.Errorf("compose the letter: %w", err)
	}
	return rope, nil
}
