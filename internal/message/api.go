package message

import (
	"errors"

	"golang.org/x/net/html"
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

// HTMLToText renders HTML as plain text of at most max bytes.
func HTMLToText(src string, max int) string { return "" }

// SplitQuote cuts a reply where the new text ends and the quote begins.
func SplitQuote(text string) (fresh, quoted string) { return text, "" }

// SplitSignature cuts the signature off new text.
func SplitSignature(fresh string) (text, signature string) { return fresh, "" }

// QuoteStart returns the node where the quote of an HTML reply begins, nil if
// there is none.
func QuoteStart(root *html.Node) *html.Node { return nil }

// ErrCannotDowngrade says that a mail can't become 7 bit unharmed.
var ErrCannotDowngrade = errors.New("message: can't be made 7 bit")

// SevenBit returns the mail with 8-bit bodies encoded.
func SevenBit(src Source, m *Message) (Source, error) { return nil, errNotYet }
