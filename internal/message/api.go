package message

import (
	"errors"
)

var errNotYet = errors.New("message: not available")

func (m *Message) IsSigned() bool         { return false }
func (m *Message) IsEncrypted() bool      { return false }
func (m *Message) CalendarMethod() string { return "" }
func (m *Message) Report() *Report        { return nil }

// Report is a multipart/report, RFC 6522, or what else says "bounce".
type Report struct {
	Kind         string // "delivery-status", "disposition-notification", "feedback-report" or what the mail says
	ReportingMTA string
	Recipients   []RecipientStatus // RFC 3464; one for an RFC 8098 receipt
	Fields       Header            // the per-message fields
	Original     Header            // the returned mail's header, as far as it came back
	OriginalID   string            // Message-ID of the returned mail
}

// RecipientStatus is one recipient of a delivery report, RFC 3464 §2.3.
type RecipientStatus struct {
	FinalRecipient, OriginalRecipient         string
	Action, Status, DiagnosticCode, RemoteMTA string
}

// ErrCannotDowngrade says that a mail can't become 7 bit unharmed.
var ErrCannotDowngrade = errors.New("message: can't be made 7 bit")

// SevenBit returns the mail with 8-bit bodies encoded.
func SevenBit(src Source, m *Message) (Source, error) { return nil, errNotYet }
