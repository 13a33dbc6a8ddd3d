package message

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"postdesk/internal/addr"
)

// Builder writes a mail: header fields in the order of the calls, then the body
// with its own fields. Whatever is passed in, no call can write more than the
// one field it is for: line ends, NUL, control and bidi characters go, RFC 5322
// §2.2. Lines end with CRLF, are folded at 78 characters and never longer than
// 998. The first error is kept and returned by Build.
type Builder struct {
	head     strings.Builder
	boundary func() string
	err      error
}

// usualHead is how many bytes the header of a mail of ours seldom exceeds.
const usualHead = 1 << 10

// NewBuilder takes the source of boundaries, RFC 2046 §5.1.1: each call returns
// a fresh one of at most 70 letters, digits, "-", "_", "." or "=". Whoever can
// send us an attachment must not be able to guess it.
func NewBuilder(boundary func() string) *Builder {
	b := &Builder{boundary: boundary}
	b.head.Grow(usualHead)
	return b
}

// Field writes a value that is ASCII and has the syntax of its field already.
// Other letters become "?". An empty value writes nothing.
func (b *Builder) Field(name, value string) {
	value = Clean(value, maxValue)
	if !isASCII(value) {
		value = strings.Map(func(r rune) rune {
			if r > 0x7e {
				return '?'
			}
			return r
		}, value)
	}
	b.line(name, value)
}

// Text writes text for people, such as a Subject, encoded by RFC 2047.
func (b *Builder) Text(name, text string) { b.line(name, EncodeWord(text)) }

// Mailboxes writes an address list, RFC 5322 §3.4. Null addresses are left out;
// an empty list writes nothing. An address that is not ASCII is written in UTF-8,
// RFC 6532, and the mail needs SMTPUTF8.
func (b *Builder) Mailboxes(name string, list []addr.Mailbox) {
	var parts []string
	for _, m := range list {
		if !m.Address.IsZero() {
			parts = append(parts, FormatMailbox(m))
		}
	}
	b.line(name, strings.Join(parts, ", "))
}

// Date writes a date in the zone that t has, RFC 5322 §3.3.
func (b *Builder) Date(t time.Time) {
	b.line("Date", t.Format("Mon, 02 Jan 2006 15:04:05 -0700"))
}

// MessageIDs writes ids, given without brackets, RFC 5322 §3.6.4: the last 100
// of them; those that no header may hold are left out.
func (b *Builder) MessageIDs(name string, ids []string) {
	var list []string
	for _, id := range ids {
		list = appendID(list, id)
	}
	list = list[max(0, len(list)-MaxIDs):]
	for i := range list {
		list[i] = "<" + list[i] + ">"
	}
	b.line(name, strings.Join(list, " "))
}

// line writes a field. The value has no line ends.
func (b *Builder) line(name, value string) {
	if !isFieldName(name) {
		b.fail(fmt.Errorf("bad header field name %q", limit(name, 50)))
		return
	}
	if value != "" {
		fold(&b.head, name+":", value)
	}
}

func (b *Builder) fail(err error) {
	if b.err == nil {
		b.err = err
	}
}

// Build writes the header and the body. The Builder must not be used again.
func (b *Builder) Build(body Content) (*Rope, error) {
	if b.err != nil {
		return nil, fmt.Errorf("write the mail: %w", b.err)
	}
	if body == nil || b.boundary == nil {
		return nil, errors.New("write the mail: it has no body or no boundaries")
	}
	r := &Rope{}
	b.head.WriteString("MIME-Version: 1.0\r\n")
	r.reserve(b.head.Len() + body.room())
	r.AppendString(b.head.String())
	if err := body.write(&contentWriter{Rope: r, boundary: b.boundary}); err != nil {
		return nil, fmt.Errorf("write the mail: %w", err)
	}
	return r, endLine(r)
}

// endLine adds a line end if the last line, copied from elsewhere, has none.
func endLine(r *Rope) error {
	var tail [2]byte
	if _, err := r.ReadAt(tail[:], r.Size()-2); err != nil {
		return fmt.Errorf("write the mail: %w", err)
	}
	if string(tail[:]) != "\r\n" {
		r.AppendString("\r\n")
	}
	return nil
}

// FormatMailbox is one mailbox as it stands in a header: the name as a phrase, in
// quotes or encoded where it must be, and the address.
func FormatMailbox(m addr.Mailbox) string {
	name := Clean(m.Name, MaxText)
	address := Clean(m.Address.String(), maxValue)
	switch {
	case name == "":
		return address
	case !isPlain(name):
		name = encodeWords(name)
	case !isPhrase(name):
		name = quoteString(name)
	}
	return name + " <" + address + ">"
}

// isPhrase is true for words that need no quotes, RFC 5322 §3.2.3.
func isPhrase(s string) bool {
	for i := 0; i < len(s); i++ {
		if c := s[i]; !isAlnum(c) && strings.IndexByte(" !#$%&'*+-/^_`{|}~", c) < 0 {
			return false
		}
	}
	return true
}

func isFieldName(s string) bool {
	return len(s) <= 76 && len(s) > 0 && fieldNameLen([]byte(s+":")) == len(s)
}

// fold writes a field in lines of at most 78 characters where spaces allow it,
// RFC 5322 §2.2.3. A word that is longer than a line may be is cut.
func fold(b *strings.Builder, line, value string) {
	b.WriteString(line)
	used, first := len(line), true
	for word := range strings.SplitSeq(value, " ") {
		if !first && used+1+len(word) > lineChars || used+1+len(word) > lineMax {
			b.WriteString("\r\n")
			used = 0
		}
		first = false
		for len(word) >= lineMax {
			cut := cutText(word, lineMax-1)
			b.WriteString(" " + cut + "\r\n")
			word = word[len(cut):]
		}
		b.WriteByte(' ')
		b.WriteString(word)
		used += 1 + len(word)
	}
	b.WriteString("\r\n")
}

// isCleanField is true if a raw field can be sent as it is: ASCII, CRLF at line
// ends and nowhere else, folded properly.
func isCleanField(f Field) bool {
	raw := string(f.Raw)
	if !strings.HasSuffix(raw, "\r\n") || !isASCII(raw) || !isFieldName(f.Name) {
		return false
	}
	for i, line := range strings.Split(strings.TrimSuffix(raw, "\r\n"), "\r\n") {
		if len(line) > lineMax || strings.TrimSpace(line) == "" || i > 0 && line[0] != ' ' && line[0] != '\t' {
			return false
		}
		for j := 0; j < len(line); j++ {
			if c := line[j]; c < ' ' && c != '\t' || c == 0x7f {
				return false
			}
		}
	}
	return true
}
