package message

import (
	"crypto/sha256"
	"fmt"
	"io"
	"strings"
)

// maxHTML is how much HTML is turned into text.
const maxHTML = 4 << 20

// Walk calls fn for all parts, in the order of the mail. If fn returns false,
// the parts below that part are left out.
func (m *Message) Walk(fn func(p *Part) bool) { m.Root.Walk(fn) }

// TextPart is the first text/plain part of the mail's text, nil if there is none.
func (m *Message) TextPart() *Part { return m.firstBody("text/plain") }

// HTMLPart is the first text/html part of the mail's text, nil if there is none.
func (m *Message) HTMLPart() *Part { return m.firstBody("text/html") }

func (m *Message) firstBody(mediaType string) *Part {
	for _, p := range bodyParts(nil, m.Root, mediaType) {
		if p.MediaType == mediaType {
			return p
		}
	}
	return nil
}

// betweenTexts stands between the texts of several parts.
const betweenTexts = "\n\n"

// TextBody is the mail's text, as plain as can be had, of at most max bytes:
// the text/plain parts, or the text/html parts turned into text. Lines that a
// mail program broke (format=flowed, RFC 3676) are joined. found is false if the
// mail has no text.
func (m *Message) TextBody(max int) (text string, found bool) {
	var texts []string
	size := 0
	for _, p := range bodyParts(nil, m.Root, "text/plain") {
		if size >= max {
			break
		}
		found = true
		if t := p.readable(max - size); strings.TrimSpace(t) != "" {
			if texts = append(texts, t); len(texts) > 1 {
				size += len(betweenTexts)
			}
			size += len(t)
		}
	}
	if len(texts) == 0 {
		if p := m.HTMLPart(); p != nil {
			return p.readable(max), true
		}
	}
	return cutText(strings.Join(texts, betweenTexts), max), found
}

// readable is a text part as plain text.
func (p *Part) readable(max int) string {
	if p.MediaType == "text/html" {
		return HTMLToText(p.Text(min(maxHTML, 16*max)), max)
	}
	t := p.Text(max)
	if strings.EqualFold(p.Params["format"], "flowed") {
		t = unflow(t, strings.EqualFold(p.Params["delsp"], "yes"))
	}
	return t
}

// bodyParts appends the parts that are the text of a mail. Of alternatives one
// is taken, of the media type that is preferred if it is there, RFC 2046 §5.1.4.
func bodyParts(list []*Part, p *Part, prefer string) []*Part {
	switch {
	case p.MediaType == "multipart/alternative" && p.IsMultipart():
		return append(list, bestAlternative(p, prefer)...)
	case p.MediaType == "multipart/related" && p.IsMultipart():
		if root := p.relatedRoot(); root != nil {
			return bodyParts(list, root, prefer)
		}
	case (p.MediaType == "multipart/signed" || p.MediaType == "multipart/report") && p.IsMultipart():
		if len(p.Children) > 0 {
			return bodyParts(list, p.Children[0], prefer)
		}
	case p.IsMultipart():
		for _, c := range p.Children {
			list = bodyParts(list, c, prefer)
		}
	case p.isText() && !p.IsAttachment():
		return append(list, p)
	}
	return list
}

// bestAlternative takes the child that has text of the preferred type, else the
// first that has text at all.
func bestAlternative(p *Part, prefer string) []*Part {
	var first []*Part
	for _, c := range p.Children {
		list := bodyParts(nil, c, prefer)
		for _, q := range list {
			if q.MediaType == prefer {
				return list
			}
		}
		if first == nil {
			first = list
		}
	}
	return first
}

// relatedRoot is the part that a multipart/related shows, RFC 2387 §3.2: the one
// that "start" names, else the first.
func (p *Part) relatedRoot() *Part {
	start := strings.Trim(p.Params["start"], "<> ")
	for _, c := range p.Children {
		if start != "" && c.ContentID() == start {
			return c
		}
	}
	if len(p.Children) == 0 {
		return nil
	}
	return p.Children[0]
}

// Attachments is the parts that a person would call attached files, mails within
// the mail included (as a whole); without images shown in the text, alternatives
// of it, and cryptographic signatures of a multipart/signed.
func (m *Message) Attachments() []*Part {
	var list []*Part
	m.leaves(func(p *Part) {
		if !p.Inline() && !p.isDetachedSignature() {
			list = append(list, p)
		}
	})
	return list
}

// leaves calls fn for each part that is neither text of the mail, nor an
// alternative of it, nor a multipart.
func (m *Message) leaves(fn func(p *Part)) {
	text := map[*Part]bool{}
	for _, prefer := range []string{"text/plain", "text/html"} {
		for _, p := range bodyParts(nil, m.Root, prefer) {
			text[p] = true
		}
	}
	m.Walk(func(p *Part) bool {
		switch {
		case p.IsMultipart():
			return true
		case text[p] || p == m.Root && p.isText() && !p.IsAttachment():
			return false
		}
		fn(p)
		return false // the mail within is one attachment
	})
}

func (p *Part) isDetachedSignature() bool {
	return p.Parent != nil && p.Parent.MediaType == "multipart/signed" && len(p.Parent.Children) > 1 && p.Parent.Children[1] == p
}

// BodyHash is SHA-256 of the body as received: all bytes after the header's blank
// line. The header is left out because each relay adds to it.
func BodyHash(m *Message) ([32]byte, error) {
	raw := m.Root.BodyRaw()
	if b := Window(raw, 0, raw.Size()); b != nil {
		return sha256.Sum256(b), nil
	}
	h := sha256.New()
	buf := make([]byte, min(32<<10, max(raw.Size(), 1)))
	if _, err := io.CopyBuffer(h, struct{ io.Reader }{NewReader(raw)}, buf); err != nil {
		return [32]byte{}, fmt.Errorf("hash the body: %w", err)
	}
	return [32]byte(h.Sum(nil)), nil
}
