package compose

import (
	"postdesk/internal/addr"
	"postdesk/internal/config"
	"postdesk/internal/message"
)

// ReplyIn is what a reply to a customer, an expert or an approver is made of.
type ReplyIn struct {
	// Head: all but From is the caller's. A zero From becomes
	// `"Agent – Team" <team address>`; one with an address and no name (the
	// token address of a participant) gets that name. AutoSubmitted is not written.
	Head Head
	Team *config.Team
	Lang string // "" is the team's
	// Agent is the name that the customer sees.
	Agent string
	// Mail is the agent's mail with its source.
	Mail *message.Message
	// Commands are the command lines as parsed from the top of the new text, in
	// order; they vanish from text and HTML whatever white space, wrapping or
	// markup a client gave them.
	Commands []string
	// Insert is text to set above the agent's own (#template), "" for none.
	Insert string
	// Rewrite says what an address that stands in the mail becomes: an agent's
	// becomes the team's, a token address the one it stands for. It is asked for every address
	// in text, markup, calendar and contact parts, and must be pure.
	Rewrite func(addr.Address) (addr.Address, bool)
	// Secrets must not be in the result, in whatever encoding: agents' private
	// addresses, logins that are addresses, longer passages of notes and asides.
	// Without regard to case and white space. Shorter than 4 letters is ignored.
	Secrets []string
	// IsToken says whether a word (letters, digits and "+-_.=@") carries a token of
	// ours that verifies; nil asks for none. Tokens in the header that Head asked
	// for are not searched.
	IsToken func(word string) bool
	// NoSignature leaves the signature out.
	NoSignature bool
	// CommandsOnly mails have no text for the customer, and must not be composed.
}

// ReplyOut is the result of Reply. The mail may leave when Findings is empty, or
// when an agent said so.
type ReplyOut struct {
	Source   message.Source
	Findings []Finding
	// NewText is the agent's own text, without commands, signature and quote.
	NewText string
	// Attachments are the real ones that go out (inline images are not).
	Attachments []Attachment
}

// Reply writes what the customer receives from an agent's mail. Headers are built
// from an allow-list, agents' and token addresses are replaced in all text, the block and the
// command lines are taken out, the signature is put between new text and quote
// when the new text lacks the agent's name. Then the result is read again as
// a customer's client would, and searched: see Finding. The error is for what
// can't be written at all.
func (c *Composer) Reply(in ReplyIn) (ReplyOut, error) { return ReplyOut{}, errNotYet }
