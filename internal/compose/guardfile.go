package compose

import (
	"bytes"
	"encoding/binary"
	"io"
	"path"
	"strings"
	"unicode/utf16"

	"postdesk/internal/message"
)

// Bounds of files that are looked into.
const (
	maxOpened    = 32 << 20 // bytes of a file; a larger one is searched as it is
	maxFileDepth = 3        // files that are mails, within one another
	sniffed      = 4        // bytes that tell what a file is
)

// open looks into a file where its text is hidden by a format: a mail as a file, text in UTF-16, keys and
// certificates, and what documents say of their authors.
func (g *guard) open(p *message.Part) error {
	if p.End-p.Body > 2*maxOpened || len(g.domains) == 0 && len(g.logins) == 0 {
		return nil
	}
	r := p.Decode()
	start := make([]byte, sniffed)
	n, err := io.ReadFull(r, start)
	start = start[:n]
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		return nil
	}
	look := g.opener(p, start)
	if err != nil || look == nil {
		return err
	}
	data, err := io.ReadAll(io.LimitReader(io.MultiReader(bytes.NewReader(start), r), maxOpened+1))
	if err != nil || len(data) > maxOpened {
		return err
	}
	where := partName(p)
	for _, key := range dearmor(data) {
		g.chunk(key, where)
	}
	return look(data, where)
}

// opener is how a file is looked into, nil for one whose bytes say all.
func (g *guard) opener(p *message.Part, start []byte) func(data []byte, where string) error {
	name := strings.ToLower(path.Ext(p.FileName()))
	switch {
	case bytes.HasPrefix(start, []byte("PK\x03\x04")):
		return g.document
	case bytes.HasPrefix(start, []byte("%PDF")):
		return g.pdf
	case name == ".eml" || p.MediaType == "message/rfc822" || p.MediaType == "message/global":
		return g.mailFile
	case textNames[name] || isUTF16(start):
		return g.textFile
	case isTextLike(p): // read already
		return nil
	case p.End-p.Body <= 2*maxArmored:
		return func([]byte, string) error { return nil }
	}
	return nil
}

// textNames are the endings of files that are text, whatever the mail says.
var textNames = map[string]bool{".html": true, ".htm": true, ".xhtml": true, ".xml": true, ".svg": true, ".txt": true, ".csv": true, ".md": true, ".json": true}

// isUTF16 tells by the byte order mark.
func isUTF16(b []byte) bool {
	return bytes.HasPrefix(b, []byte("\xff\xfe")) || bytes.HasPrefix(b, []byte("\xfe\xff"))
}

// textFile searches a file that is text, escapes and markup resolved.
func (g *guard) textFile(data []byte, where string) error {
	text := textOf(data[:min(len(data), maxBody)])
	g.text(text, where)
	if strings.Contains(text, "<") {
		g.text(readableText(text), where)
	}
	return nil
}

// textOf is text as UTF-8.
func textOf(b []byte) string {
	if !isUTF16(b) {
		return strings.ToValidUTF8(string(b), "\ufffd")
	}
	var order binary.ByteOrder = binary.LittleEndian
	if b[0] == 0xfe {
		order = binary.BigEndian
	}
	units := make([]uint16, 0, len(b)/2)
	for b = b[2:]; len(b) > 1; b = b[2:] {
		units = append(units, order.Uint16(b))
	}
	return string(utf16.Decode(units))
}

// mailFile searches a mail that is attached as a file, or is encoded as a mail may not be (RFC 2046 §5.2.1).
func (g *guard) mailFile(data []byte, where string) error {
	if g.depth == maxFileDepth {
		g.find(FindUnreadable, "message/rfc822", where)
		return nil
	}
	m, err := message.Parse(message.BytesSource(data))
	if err != nil {
		return err
	}
	g.depth++
	err = g.mail(m, false)
	g.depth--
	return err
}
