package message

import "bytes"

// fieldMark is where a field lies in the block of kept header bytes.
type fieldMark struct {
	start, name int // name is the length of the name; 0 for a line that is no field
}

// lookAhead is how far a stray line in a header looks for the next field.
const lookAhead = 4 << 10

// headerReader gathers one header. It keeps bytes as long as the budget lasts.
type headerReader struct {
	p       *parser
	part    *Part
	block   []byte
	full    bool
	midLine bool // the next piece continues a line
	seen    int  // lines so far
}

// readHeader reads the fields of a part and sets where its body begins.
func (p *parser) readHeader(part *Part) error {
	h := headerReader{p: p, part: part}
	p.marks = p.marks[:0]
	for !p.s.atEnd() {
		if err := p.s.lookAhead(lookAhead); err != nil {
			return err
		}
		line, err := p.s.line()
		if err != nil {
			return err
		}
		done := h.line(line)
		if done {
			break
		}
	}
	if part.Body == 0 || part.Body < part.Start {
		part.Body = p.s.offset()
	}
	h.finish()
	return nil
}

// line takes the next line, or piece of a long one, and tells whether the header
// is over.
func (h *headerReader) line(line []byte) (done bool) {
	s := &h.p.s
	if h.midLine {
		h.keep(line)
		return false
	}
	if isBlank(line) {
		s.skip(len(line))
		h.part.Body = s.offset()
		return true
	}
	if i, _ := h.p.match(line); i >= 0 {
		// The part has no body; run sees the boundary again.
		h.part.Body = max(h.part.Start, s.offset()-s.lineEndBefore())
		return true
	}
	if line[0] != ' ' && line[0] != '\t' {
		name := fieldNameLen(line)
		if name == 0 && !h.isJunk(line) {
			// No blank line between header and body: what a mail says must
			// not be taken for a broken header.
			h.part.Body = s.offset()
			h.p.defect("no blank line after the header")
			return true
		}
		h.begin(name)
	} else if h.seen == 0 {
		h.begin(0)
	}
	h.keep(line)
	return false
}

// begin starts a field if there is room for one.
func (h *headerReader) begin(name int) {
	if name == 0 {
		h.p.defect("a line of the header is no field")
	}
	if h.p.fieldsLeft <= 0 || h.p.bytesLeft <= 0 {
		h.p.defect("the header is too large, only its beginning was read")
		h.full = true
		return
	}
	h.p.fieldsLeft--
	h.p.marks = append(h.p.marks, fieldMark{len(h.block), name})
}

// keep goes past a line and copies it, as far as the budget allows.
func (h *headerReader) keep(line []byte) {
	h.seen++
	h.midLine = line[len(line)-1] != '\n'
	if h.block == nil {
		h.block = make([]byte, 0, min(h.p.s.size-h.p.s.offset(), 1024))
	}
	if !h.full {
		n := min(len(line), h.p.bytesLeft)
		h.block = append(h.block, line[:n]...)
		h.p.bytesLeft -= n
		if n < len(line) {
			h.p.defect("the header is too large, only its beginning was read")
			h.full = true
		}
	}
	h.p.s.skip(len(line))
}

// finish cuts the block into fields. The names share one string.
func (h *headerReader) finish() {
	if len(h.p.marks) == 0 {
		return
	}
	text := string(h.block)
	fields := make([]Field, len(h.p.marks))
	for i, m := range h.p.marks {
		end := len(h.block)
		if i+1 < len(h.p.marks) {
			end = h.p.marks[i+1].start
		}
		name := min(m.start+m.name, end)
		fields[i] = Field{Name: text[m.start:name], Raw: h.block[m.start:end:end]}
	}
	h.part.Header = Header{Fields: fields}
}

// isJunk tells a stray line within a header from the beginning of a body that
// no blank line announces: after the former comes another field.
func (h *headerReader) isJunk(line []byte) bool {
	if bytes.HasPrefix(line, []byte(">From ")) || h.seen == 0 && bytes.HasPrefix(line, []byte("From ")) {
		return true
	}
	rest := h.p.s.buf[h.p.s.pos+len(line):]
	for len(rest) > 0 && (rest[0] == ' ' || rest[0] == '\t') {
		i := bytes.IndexByte(rest, '\n')
		if i < 0 {
			return false
		}
		rest = rest[i+1:]
	}
	if line[len(line)-1] != '\n' && h.p.s.offset()+int64(len(line)) < h.p.s.size {
		return h.seen > 0 // the piece of a line that is too long for text
	}
	return h.seen > 0 && fieldNameLen(rest) > 0
}

// isBlank is true for the line that ends a header: nothing but its line end.
func isBlank(line []byte) bool {
	return len(bytes.TrimRight(line, "\r\n")) == 0 && line[len(line)-1] == '\n'
}

// fieldNameLen is the length of the name if a line begins a field, else 0:
// printable ASCII without colon, RFC 5322 §2.2; white space before the colon is
// obsolete but seen, §4.5.
func fieldNameLen(line []byte) int {
	i := 0
	for i < len(line) && line[i] > ' ' && line[i] < 0x7f && line[i] != ':' {
		i++
	}
	j := i
	for j < len(line) && (line[j] == ' ' || line[j] == '\t') {
		j++
	}
	if i == 0 || j == len(line) || line[j] != ':' {
		return 0
	}
	return i
}
