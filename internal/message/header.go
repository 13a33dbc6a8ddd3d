package message

import (
	"strings"
	"time"

	"postdesk/internal/addr"
)

// Field is one header field as received: Raw holds name, colon, all folded
// lines and the last line end. A line that is no field has an empty Name.
type Field struct {
	Name string
	Raw  []byte
}

// Value is what follows the colon, unfolded (RFC 5322 §2.2.3) and without the
// white space around it; not decoded.
func (f Field) Value() string { return unfold(f.Raw[f.valueStart():]) }

func (f Field) valueStart() int {
	for i := len(f.Name); i < len(f.Raw); i++ {
		if f.Raw[i] == ':' {
			return i + 1
		}
	}
	return len(f.Raw)
}

// unfold removes line ends and the white space at both ends.
func unfold(raw []byte) string {
	s := strings.Trim(string(raw), " \t\r\n")
	if strings.IndexByte(s, '\n') < 0 && strings.IndexByte(s, '\r') < 0 {
		return s
	}
	return lineEnds.Replace(s)
}

var lineEnds = strings.NewReplacer("\r", "", "\n", "")

// Header is the fields of a mail or part in their order. Names are compared
// without case.
type Header struct{ Fields []Field }

// find returns the first field of a name, nil if there is none.
func (h Header) find(name string) *Field {
	for i := range h.Fields {
		if f := &h.Fields[i]; len(f.Name) == len(name) && strings.EqualFold(f.Name, name) {
			return f
		}
	}
	return nil
}

// Get is the value of the first field of that name, unfolded, not decoded.
func (h Header) Get(name string) string {
	f := h.find(name)
	if f == nil {
		return ""
	}
	return f.Value()
}

// Values is the value of each field of that name, as Get gives it.
func (h Header) Values(name string) []string {
	var list []string
	for _, f := range h.Fields {
		if strings.EqualFold(f.Name, name) {
			list = append(list, f.Value())
		}
	}
	return list
}

// Count is the number of fields of that name.
func (h Header) Count(name string) int {
	n := 0
	for _, f := range h.Fields {
		if strings.EqualFold(f.Name, name) {
			n++
		}
	}
	return n
}

// Has is true if there is a field of that name.
func (h Header) Has(name string) bool { return h.find(name) != nil }

// Text is the first field of that name for people to read: decoded by RFC 2047,
// valid UTF-8 in one line, without control and bidi characters, at most 1 KiB.
func (h Header) Text(name string) string {
	f := h.find(name)
	if f == nil {
		return ""
	}
	raw := f.Raw[f.valueStart():]
	return Clean(decodeWords([]byte(unfold(raw[:min(len(raw), MaxField)])), MaxText), MaxText)
}

// Mailboxes is the addresses of all fields of that name, read tolerantly: at
// most 1000, names decoded and clean. Addresses that addr.Parse does not accept
// are left out.
func (h Header) Mailboxes(name string) []addr.Mailbox {
	var list []addr.Mailbox
	for _, f := range h.Fields {
		if !strings.EqualFold(f.Name, name) || len(list) >= MaxList {
			continue
		}
		raw := f.Raw[f.valueStart():]
		list = append(list, parseMailboxes(unfold(raw[:min(len(raw), MaxField)]))...)
	}
	return list[:min(len(list), MaxList)]
}

// MessageIDs is the ids of all fields of that name without their brackets, RFC
// 5322 §3.6.4, the last 100. Words between them are stepped over; an id without
// brackets is taken if no other has any.
func (h Header) MessageIDs(name string) []string {
	var list []string
	for _, f := range h.Fields {
		if !strings.EqualFold(f.Name, name) {
			continue
		}
		raw := f.Raw[f.valueStart():]
		if over := len(raw) - MaxField; over > 0 {
			raw = raw[over:]
		}
		list = append(list, parseIDs(string(raw))...)
		list = list[max(0, len(list)-MaxIDs):]
	}
	return list
}

// parseIDs reads the ids of one field.
func parseIDs(s string) []string {
	var list []string
	for rest := s; ; {
		i := strings.IndexByte(rest, '<')
		if i < 0 {
			break
		}
		rest = rest[i+1:]
		j := strings.IndexAny(rest, "<>")
		if j < 0 {
			j = len(rest)
		}
		list = appendID(list, rest[:j])
		rest = rest[j:]
	}
	if len(list) > 0 {
		return list
	}
	for _, w := range strings.FieldsFunc(s, func(r rune) bool { return r <= ' ' || r == ',' || r == ';' }) {
		if strings.Contains(w, "@") {
			list = appendID(list, strings.Trim(w, "<>\"'()"))
		}
	}
	return list
}

// appendID adds an id unless it is empty, has characters that no header may
// have, or is longer than a line may be. Folding inside an id is undone.
func appendID(list []string, id string) []string {
	id = strings.Map(func(r rune) rune {
		if r == ' ' || r == '\t' || r == '\r' || r == '\n' {
			return -1
		}
		return r
	}, id)
	if id == "" || len(id) > 900 || Clean(id, 1000) != id || strings.ContainsAny(id, " <>") {
		return list
	}
	return append(list, id)
}

// Date is the Date field, RFC 5322 §3.6.1; false if there is none that can be
// read.
func (h Header) Date() (time.Time, bool) { return parseDate(h.Get("Date")) }

// Arrived is the date of the topmost Received field, RFC 5321 §4.4: when the server
// that handed the mail on had got it.
func (h Header) Arrived() (time.Time, bool) {
	v := h.Get("Received")
	return parseDate(v[strings.LastIndexByte(v, ';')+1:])
}

// MediaType reads a field such as Content-Type, RFC 2045 §5.1: type in lower case, parameters
// by RFC 2231 with names in lower case. An absent or unusable type is "".
func (h Header) MediaType(name string) (string, map[string]string) {
	return parseMediaType(h.Get(name))
}

// Authors is the addresses of all From fields and the number of these fields.
// RFC 5322 §3.6 wants exactly one field; a mail with another number, or with
// another number of addresses than one, has no certain author.
func (m *Message) Authors() (list []addr.Mailbox, fields int) {
	return m.Header.Mailboxes("From"), m.Header.Count("From")
}
