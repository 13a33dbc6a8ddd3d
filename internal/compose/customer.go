package compose

import (
	"postdesk/internal/config"
	"postdesk/internal/message"
)

// LetterKind is a mail of the desk itself to a customer or a third party, by
// template; it is the template's name.
type LetterKind string

// The kinds of letter, and which fields of LetterData each uses.
const (
	LetterHolding      LetterKind = "holding"      // first reply is late
	LetterUpdate       LetterKind = "update"       // we are still working on it
	LetterReminder     LetterKind = "reminder"     // the customer owes an answer
	LetterRedirect     LetterKind = "redirect"     // moved to another team: Old; Team is the new one, Delay
	LetterFields       LetterKind = "fields"       // required fields are missing: Fields
	LetterConfirmation LetterKind = "confirmation" // opened by an agent in the customer's name: Agent, Text
	LetterResolution   LetterKind = "resolution"   // #solved!: Text, Agent
	LetterRefusal      LetterKind = "refusal"      // a sentence that could not be said in the session: Text
	LetterObserver     LetterKind = "observer"     // an outside observer was added: Agent
	LetterApproval     LetterKind = "approval"     // asks for a decision: Agent, Text
	LetterCanned       LetterKind = "canned"       // Text as it is
)

// LetterData is what letters say.
type LetterData struct {
	Text   string
	Agent  string // name
	Delay  string // in words, see DelayWords
	Old    *config.Team
	Fields []config.Field
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

// Letter writes a short mail in the team's words, text only when it is an
// automatic one to a customer.
func (c *Composer) Letter(in LetterIn) (message.Source, error) { return nil, errNotYet }

// Canned fills the variables of a canned answer (#template name): canned/name.txt
// in the team's templates folder. The error for a name that does not exist lists those
// that do.
func (c *Composer) Canned(team *config.Team, lang, name string, data CannedData) (string, error) {
	return "", errNotYet
}

// CannedData is what a canned answer may use.
type CannedData struct {
	Ticket   Ticket
	Team     TeamData
	Agent    AgentData
	Customer CustomerData
}

// TeamData, AgentData and CustomerData are what templates may say of them.
type (
	TeamData     struct{ Name, Address string }
	AgentData    struct{ Name string }
	CustomerData struct{ Name, Address, Company string }
)

// DelayWords says a delay in a language: "2 jours ouvrés", "6 hours".
func DelayWords(d config.Delay, lang string) string { return "" }
