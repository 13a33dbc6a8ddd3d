package mailauth

import (
	"bytes"
	"fmt"
	"io"
	"strings"

	"postdesk/internal/message"
)

// header is a mail's header as received, for signatures: the fields' bytes are
// never touched. If it is too large to be verified in reasonable time, fields
// holds what fits and tooLarge says so.
type header struct {
	fields     []field
	body       int64  // offset of the body
	tooLarge   string // why signatures are not verified
	incomplete bool   // there may be fields that are not in fields
	unreadable bool   // the bytes could not be read at all
}

type field struct {
	name string // lower case, without the white space before the colon
	raw  []byte // with the last line end
}

// usualHeader is how much of a mail is read to find the end of its header, in bytes,
// before as much is read as a header may have.
const usualHeader = 8 << 10

// readHeader reads the header up to the limits of package message, which are
// also what the DKIM library can bear: it joins the lines of a field one by
// one, so that a field of 2 MB takes it more than a minute.
func readHeader(src message.Source) header {
	h := readHeaderWithin(src, usualHeader)
	if h.incomplete && src.Size() > usualHeader {
		h = readHeaderWithin(src, message.MaxHeader)
	}
	return h
}

// readHeaderWithin reads no more than the first bytes of a mail.
func readHeaderWithin(src message.Source, limit int64) header {
	var h header
	buf, err := beginning(src, limit)
	if err != nil {
		h.tooLarge, h.incomplete, h.unreadable = "the header can't be read", true, true
		return h
	}
	n := len(buf)
	for len(buf) > 0 {
		line, rest := cutLine(buf)
		if isBlank(line) {
			h.body = int64(n - len(rest))
			return h
		}
		if len(h.fields) == message.MaxFields {
			h.tooLarge = fmt.Sprintf("more than %d header fields", message.MaxFields)
			h.incomplete = true
			return h
		}
		f := buf[:len(line)]
		for len(rest) > 0 && (rest[0] == ' ' || rest[0] == '\t') {
			line, rest = cutLine(rest)
			f = buf[:len(f)+len(line)]
		}
		if len(f) > message.MaxField {
			h.tooLarge = fmt.Sprintf("a header field larger than %d KB", message.MaxField>>10)
		}
		name, _, _ := bytes.Cut(f, []byte(":"))
		h.fields = append(h.fields, field{name: strings.ToLower(string(bytes.TrimSpace(name))), raw: f})
		buf = rest
	}
	if src.Size() > int64(n) {
		h.tooLarge = fmt.Sprintf("a header larger than %d KB", message.MaxHeader>>10)
		h.incomplete = true
	}
	h.body = src.Size()
	return h
}

// beginning is the first bytes of a mail, which are not to be changed.
func beginning(src message.Source, limit int64) ([]byte, error) {
	if b := message.Window(src, 0, limit); b != nil {
		return b, nil
	}
	buf := make([]byte, min(src.Size(), limit))
	n, err := src.ReadAt(buf, 0)
	if err == io.EOF {
		err = nil
	}
	return buf[:n], err
}

// cutLine cuts after the first LF; the line keeps its end.
func cutLine(b []byte) (line, rest []byte) {
	if i := bytes.IndexByte(b, '\n'); i >= 0 {
		return b[:i+1], b[i+1:]
	}
	return b, nil
}

func isBlank(line []byte) bool {
	return len(line) == 1 && line[0] == '\n' || len(line) == 2 && line[0] == '\r' && line[1] == '\n'
}

func (h header) count(name string) int {
	n := 0
	for _, f := range h.fields {
		if f.name == name {
			n++
		}
	}
	return n
}
