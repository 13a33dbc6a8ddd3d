package message

import (
	"bytes"
	"fmt"
	"strings"
)

// Limits of what is looked at. What lies beyond is kept in the raw bytes and
// noted in Message.Defects.
const (
	MaxHeader   = 256 << 10 // bytes of a mail's header that are kept
	MaxFields   = 1000      // fields of a header
	MaxField    = 32 << 10  // bytes of a field that are decoded
	MaxDepth    = 20        // nesting of multipart and message parts
	MaxParts    = 1000      // parts of a mail; the last one holds all that follows
	MaxText     = 1 << 10   // bytes of a decoded header value
	MaxList     = 1000      // addresses of a field
	MaxIDs      = 100       // Message-IDs of a field; the last ones count
	MaxFileName = 255       // bytes of a file name
)

const (
	maxPartHeaders = 1 << 20 // bytes of all parts' headers together that are kept
	maxPartFields  = 10000   // fields of all parts together
	maxBoundary    = 512     // RFC 2046 §5.1.1 allows 70
	maxDefects     = 50
)

// Message is a parsed mail. Root is the whole mail as a part; Header is the
// mail's header. Defects says in English where the mail breaks the standards;
// at most 50. It is for one goroutine at a time: parts remember their text.
type Message struct {
	Header  Header
	Root    *Part
	Defects []string
	Source  Source
}

// Parse reads the structure of a mail in one pass. It never fails for the form
// of a mail: what can't be read is noted in Defects and stays in the bytes. An
// error is an error of reading src. Memory depends on the number of parts and
// the size of headers, both bounded, not on the size of the mail. Lines may end
// with CRLF or LF.
func Parse(src Source) (*Message, error) {
	p := parser{s: newScanner(src), m: &Message{Source: src}, bytesLeft: MaxHeader, fieldsLeft: MaxFields}
	p.m.Root = p.newPart(nil, "text/plain")
	if err := p.run(); err != nil {
		return nil, fmt.Errorf("read the mail: %w", err)
	}
	p.m.Header = p.m.Root.Header
	return p.m, nil
}

// parser builds the tree. The stack holds the parts that are open, the outermost
// first.
type parser struct {
	s          scanner
	m          *Message
	stack      []openPart
	parts      int
	bytesLeft  int // of headers that may still be kept
	fieldsLeft int
	marks      []fieldMark
}

// openPart is a part whose end is not yet known. Boundary is empty for what is
// no multipart or was closed.
type openPart struct {
	part     *Part
	boundary string
}

func (p *parser) run() error {
	if err := p.enter(p.m.Root); err != nil {
		return err
	}
	p.bytesLeft, p.fieldsLeft = maxPartHeaders, maxPartFields
	for p.waitsForBoundary() {
		found, err := p.s.nextDashes()
		if err != nil {
			return err
		}
		if !found {
			p.defect("a multipart has no end")
			break
		}
		if err := p.dashes(); err != nil {
			return err
		}
	}
	p.closeFrom(0, p.s.size)
	return nil
}

func (p *parser) waitsForBoundary() bool {
	for _, o := range p.stack {
		if o.boundary != "" {
			return true
		}
	}
	return false
}

// dashes looks at a line that begins with "--" and acts if it is a boundary.
func (p *parser) dashes() error {
	line, err := p.s.line()
	if err != nil {
		return err
	}
	i, last := p.match(line)
	if i < 0 {
		return p.s.skipLine()
	}
	p.closeFrom(i+1, p.s.offset()-p.s.lineEndBefore())
	p.s.skip(len(line))
	if last {
		p.stack[i].boundary = ""
		return nil
	}
	return p.child(p.stack[i].part)
}

// child begins the next part of a multipart. Past MaxParts one opaque part takes
// all the rest of the mail.
func (p *parser) child(parent *Part) error {
	mediaType := "text/plain"
	if parent.MediaType == "multipart/digest" {
		mediaType = "message/rfc822" // RFC 2046 §5.1.5
	}
	c := p.newPart(parent, mediaType)
	if p.parts < MaxParts {
		return p.enter(c)
	}
	p.defect("more than %d parts", MaxParts)
	c.MediaType, c.Opaque, c.Body = "application/octet-stream", true, c.Start
	p.push(c, "")
	for i := range p.stack {
		p.stack[i].boundary = ""
	}
	return nil
}

func (p *parser) newPart(parent *Part, mediaType string) *Part {
	p.parts++
	c := &Part{Parent: parent, MediaType: mediaType, Start: p.s.offset(), src: p.m.Source}
	if parent != nil {
		c.depth = parent.depth + 1
		parent.Children = append(parent.Children, c)
	}
	return c
}

func (p *parser) push(part *Part, boundary string) {
	p.stack = append(p.stack, openPart{part, boundary})
}

// enter reads a part's header and opens it, and the mail within if it is a
// message/rfc822.
func (p *parser) enter(part *Part) error {
	for {
		p.push(part, "")
		if err := p.readHeader(part); err != nil {
			return err
		}
		part.describe()
		boundary := part.boundary()
		switch {
		case strings.HasPrefix(part.MediaType, "multipart/"):
			p.openMultipart(part, boundary)
			return nil
		case !part.isMessage():
			return nil
		case part.depth+1 >= MaxDepth || p.parts >= MaxParts:
			part.Opaque = true
			p.defect("nested deeper than %d", MaxDepth)
			return nil
		}
		part = p.newPart(part, "text/plain")
	}
}

func (p *parser) openMultipart(part *Part, boundary string) {
	switch {
	case boundary == "" || len(boundary) > maxBoundary:
		part.Opaque = true
		p.defect("a multipart has no usable boundary")
	case part.depth+1 >= MaxDepth:
		part.Opaque = true
		p.defect("nested deeper than %d", MaxDepth)
	default:
		p.stack[len(p.stack)-1].boundary = boundary
	}
}

// match compares a line with the open boundaries, the innermost first, RFC 2046
// §5.1.1: the whole line, but for white space at its end. It returns the index
// in the stack, or -1.
func (p *parser) match(line []byte) (i int, last bool) {
	text := bytes.TrimRight(line, " \t\r\n")
	if len(text) > maxBoundary+4 || !bytes.HasPrefix(text, []byte("--")) {
		return -1, false
	}
	text = text[2:]
	for i := len(p.stack) - 1; i >= 0; i-- {
		b := p.stack[i].boundary
		if b == "" || !bytes.HasPrefix(text, []byte(b)) {
			continue
		}
		switch string(text[len(b):]) {
		case "":
			return i, false
		case "--":
			return i, true
		}
	}
	return -1, false
}

// closeFrom ends the open parts from the i-th on. A part that has no body ends
// where its header ends, also when the line end before the boundary belongs to
// the header.
func (p *parser) closeFrom(i int, end int64) {
	inner := int64(0)
	for j := len(p.stack) - 1; j >= i; j-- {
		part := p.stack[j].part
		part.End = max(end, part.Body, inner)
		inner = part.End
	}
	p.stack = p.stack[:i]
}

func (p *parser) defect(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	for _, d := range p.m.Defects {
		if d == text {
			return
		}
	}
	if len(p.m.Defects) < maxDefects {
		p.m.Defects = append(p.m.Defects, text)
	}
}
