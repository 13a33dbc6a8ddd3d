package message

import (
	"errors"
	"io"
	"time"

	"golang.org/x/net/html"

	"postdesk/internal/addr"
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

// Rope is bytes made of pieces: literal bytes and ranges of other sources.
type Rope struct{}

func (r *Rope) Append(b []byte)                         {}
func (r *Rope) AppendString(s string)                   {}
func (r *Rope) AppendSource(src Source)                 {}
func (r *Rope) AppendRange(src Source, off, n int64)    {}
func (r *Rope) ReadAt(p []byte, off int64) (int, error) { return 0, errNotYet }
func (r *Rope) Size() int64                             { return 0 }
func (r *Rope) WriteTo(w io.Writer) (int64, error)      { return 0, errNotYet }

// Builder writes a mail: header fields in the order of the calls, then the body.
type Builder struct{}

// NewBuilder takes the source of boundaries: each call returns a fresh one of
// at most 70 letters and digits.
func NewBuilder(boundary func() string) *Builder { return nil }

func (b *Builder) Field(name, value string)                   {} // safe ASCII structured value
func (b *Builder) Text(name, value string)                    {} // RFC 2047
func (b *Builder) Mailboxes(name string, list []addr.Mailbox) {}
func (b *Builder) Date(t time.Time)                           {}
func (b *Builder) MessageIDs(name string, ids []string)       {} // without brackets
func (b *Builder) RawField(f Field)                           {} // as received, if clean; else rebuilt
func (b *Builder) Build(body Content) (*Rope, error)          { return nil, errNotYet }

// Content is a MIME entity to be written.
type Content interface {
	write(b *Builder, r *Rope) error
}

func TextContent(mediaType, text string) Content { return nil } // "text/plain", "text/html"; UTF-8
func MultipartContent(subtype string, params map[string]string, children ...Content) Content {
	return nil
}
func DataContent(f File) Content                     { return nil } // base64
func CopyContent(p *Part) Content                    { return nil } // new header from an allow-list, body bytes and encoding as they are
func RawContent(p *Part) Content                     { return nil } // header and body as they are
func MessageContent(src Source, name string) Content { return nil } // message/rfc822

// File is data to attach.
type File struct {
	MediaType   string
	Params      map[string]string
	Name        string // display name, any UTF-8
	Disposition string // "attachment" or "inline"
	ContentID   string // without brackets
	Data        Source
}

// EncodeWord encodes text for a header, RFC 2047; EncodeParam a parameter, RFC 2231 with a plain fallback: `; filename="…"; filename*=…`.
func EncodeWord(s string) string            { return "" }
func EncodeParam(name, value string) string { return "" }

// ErrCannotDowngrade says that a mail can't become 7 bit unharmed.
var ErrCannotDowngrade = errors.New("message: can't be made 7 bit")

// SevenBit returns the mail with 8-bit bodies encoded.
func SevenBit(src Source, m *Message) (Source, error) { return nil, errNotYet }
