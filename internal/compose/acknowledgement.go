package compose

import (
	"postdesk/internal/config"
	"postdesk/internal/message"
)

// AckIn is what an acknowledgement is made of.
type AckIn struct {
	// Head: To, Date, MessageID, InReplyTo, References and Loop are the
	// caller's; From, Subject and AutoSubmitted are made here.
	Head   Head
	Team   *config.Team
	Lang   string // "" is the team's
	Ticket uint64
	// Template is a rule's own template name, without ".txt"; "" is
	// "acknowledgement".
	Template string
	// Delay is when the customer may expect an answer, in words of the language
	// ("2 jours ouvrés"), see DelayWords; "" leaves the sentence out.
	Delay string
}

// MaxAcknowledgement is the most that an acknowledgement weighs, in bytes.
const MaxAcknowledgement = 4096

// Acknowledgement writes the one mail that says: your request has a number. It
// carries nothing that the sender chose: constant words and the number only,
// no quote, no attachment, nothing remote (RFC 3834 §3). It is an error when the
// team's template does not exist or makes more than MaxAcknowledgement.
func (c *Composer) Acknowledgement(in AckIn) (message.Source, error) { return nil, errNotYet }

// AckSubjects returns the constant words before the number in the subjects of
// all acknowledgements that any team's template or language can write, in lower
// case, so that our own acknowledgement is known when it comes back.
func (c *Composer) AckSubjects() []string { return nil }

// AckNumber reads the ticket number out of a subject that has the form of one of our
// acknowledgements, prefixes such as "Re:" before it allowed.
func (c *Composer) AckNumber(subject string) (uint64, bool) { return 0, false }
