package compose

import "errors"

var errNotYet = errors.New("compose: not written yet")

// FindingKind is a reason of the outgoing guard.
type FindingKind string

// The kinds of finding.
const (
	FindSecret     FindingKind = "secret"     // an agent's address, a login, a note's or aside's text
	FindToken      FindingKind = "token"      // a token that does not belong to the reader
	FindBlock      FindingKind = "block"      // our own block could not be taken out
	FindCommand    FindingKind = "command"    // a command line could not be taken out
	FindEmpty      FindingKind = "empty"      // the new text is empty
	FindAttachment FindingKind = "attachment" // the new text promises one, and there is none
	FindEncrypted  FindingKind = "encrypted"  // cannot be looked into: encrypted or opaquely signed
	FindUnreadable FindingKind = "unreadable" // cannot be looked into: broken
)

// Finding is one reason to hold a mail back.
type Finding struct {
	Kind  FindingKind
	What  string // what was found, at most 100 characters, no control characters
	Where string // "text", "html", "header Subject", "attachment plan.pdf"
}

// Sentence says the finding to an agent, in the language lang.
func (f Finding) Sentence(lang string) string { return "" }
