package rules

import (
	"regexp"
	"strings"
)

// Gesture is what an agent means by the people to whom a mail is written, without
// any command.
type Gesture string

// The gestures.
const (
	GestureNone      Gesture = ""          // nobody outside, and nothing forwarded
	GestureRefused   Gesture = "refused"   // private mail: 550
	GestureReply     Gesture = "reply"     // an answer to the customer, perhaps with more people
	GestureWrite     Gesture = "write"     // a new mail to someone outside opens a ticket
	GestureAside     Gesture = "aside"     // a ticket's mail goes to someone who is not the customer
	GestureColleague Gesture = "colleague" // a ticket's mail goes to a colleague: a note
	GestureCustomer  Gesture = "customer"  // a ticket in a customer's name
	GestureWhich     Gesture = "which"     // a ticket's mail is forwarded to a team: ask what is meant
)

// GestureFacts are what decides. Recipients are those of the envelope.
type GestureFacts struct {
	Submission bool // the agent logged in
	FromTeam   bool // From is the address of one of the agent's teams
	Outside    int  // recipients who are neither ours nor agents
	Known      int  // ... of them, those who get the ticket's answers anyway
	Colleagues int  // recipients that are other agents' own addresses
	Team       bool // a team's own address is a recipient
	Address    bool // a token address of a ticket or note is one
	Thread     bool // the address of an aside is one
	Joined     bool // the mail belongs to a ticket
	Proven     bool // ... or would, and says so by more than a number
	Held       bool // ... by the Message-ID of a mail that it holds, not by one of ours
	Forward    bool // the client says that it forwards
	Customer   bool // the mail names a customer by command
}

// Decide chooses. From picks the team: who writes from a team's address may
// write to anyone; from an own address an agent writes to the desk, or about a
// ticket's mail. Nothing else is the desk's business. The second value says why.
func (f GestureFacts) Decide() (Gesture, string) {
	switch {
	case f.Outside+f.Colleagues == 0:
		return f.inside()
	case !f.Submission:
		return GestureRefused, "recipients outside without a login"
	case f.Joined:
		return f.ofTicket()
	case f.Proven:
		return GestureNone, "asked which ticket is meant"
	case f.FromTeam && f.Outside > 0:
		return GestureWrite, "a new mail to someone outside, from a team's address"
	}
	return GestureRefused, "private mail"
}

// inside is a mail to nobody but us.
func (f GestureFacts) inside() (Gesture, string) {
	switch {
	case !f.Joined && !f.Proven && (f.Customer || f.Forward):
		return GestureCustomer, "a request in a customer's name"
	case f.Held && f.Forward && f.Team && !f.Address:
		return GestureCustomer, "a customer's mail that a ticket has"
	case f.Joined && f.Forward && f.Team && !f.Address:
		return GestureWhich, "a mail of a ticket, forwarded to a team"
	}
	return GestureNone, ""
}

// ofTicket is a mail that belongs to a ticket, with others among the
// recipients. What the customer gets must have been written to the customer: in
// doubt it goes to those who are named, and to nobody else.
func (f GestureFacts) ofTicket() (Gesture, string) {
	switch {
	case f.Outside == 0 && f.Thread:
		return GestureNone, "an answer within an aside"
	case f.Thread:
		return GestureAside, "an answer within an aside, and more people in it"
	case f.Outside == 0 && f.Address:
		return GestureReply, "an answer, and a colleague reads along"
	case f.Outside == 0:
		return GestureColleague, "a mail of a ticket, to a colleague"
	case f.Known > 0:
		return GestureReply, "an answer, written to the customer's own address"
	case f.Address && !f.Forward, f.Team && !f.Forward:
		return GestureReply, "an answer, and more people in it"
	}
	return GestureAside, "a mail of a ticket, to someone who is not the customer"
}

// forwardPrefix is what clients put before the subject of what they forward, in
// the languages of Europe, behind a tag in brackets or not.
var forwardPrefix = regexp.MustCompile(`(?i)^\s*(\[[^\]]{1,40}\]\s*)*(fwd?|tr|wg|rv|enc|transf|vb|vl|vs|doorst|pd|i)\s*:`)

// ForwardSubject says whether a subject is that of a forwarded mail. "Re: Fwd:" is
// an answer.
func ForwardSubject(s string) bool { return forwardPrefix.MatchString(clip(s, 200)) }

// BareSubject is a subject without the marks of forwards and answers before it.
func BareSubject(s string) string {
	for {
		rest := answerPrefix.ReplaceAllString(forwardPrefix.ReplaceAllString(s, ""), "")
		if rest == s {
			return strings.TrimSpace(s)
		}
		s = rest
	}
}

// answerPrefix is what clients put before the subject of an answer.
var answerPrefix = regexp.MustCompile(`(?i)^\s*(re|ré|aw|sv|antw|r)\s*:`)
