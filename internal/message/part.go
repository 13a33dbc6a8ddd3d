package message

import (
	"bytes"
	"io"
	"strings"
)

// Part is a node of the MIME tree, RFC 2045 to 2049. Its bytes are [Start, End)
// of the mail's Source, its body [Body, End). The children of a multipart are
// its parts; the only child of a message/rfc822 part is the mail within, with a
// header of its own.
type Part struct {
	Header           Header
	MediaType        string            // lower case; text/plain if nothing usable is said
	Params           map[string]string // of the Content-Type; names in lower case
	Disposition      string            // lower case: "attachment", "inline" or ""
	Encoding         string            // lower case: "base64", "quoted-printable", "7bit" …
	Start, Body, End int64
	Parent           *Part
	Children         []*Part
	Opaque           bool // a multipart or message whose inside was not looked at

	depth    int
	disposed map[string]string // parameters of the Content-Disposition
	text     *partText         // what Text remembers
	src      Source
}

// describe reads the fields that say what the part is.
func (p *Part) describe() {
	if s := p.Header.Get("Content-Type"); s != "" {
		mediaType, params := parseMediaType(s)
		if mediaType != "" {
			p.MediaType = mediaType
		}
		p.Params = params
	}
	if s := p.Header.Get("Content-Disposition"); s != "" {
		p.Disposition, p.disposed = parseDisposition(s)
	}
	p.Encoding = parseEncoding(p.Header.Get("Content-Transfer-Encoding"))
}

func (p *Part) boundary() string { return strings.TrimRight(p.Params["boundary"], " \t") }

// isMessage is true if the body is a mail that can be looked into, RFC 2046
// §5.2.1 and RFC 6532 §3.7: only if it is not encoded.
func (p *Part) isMessage() bool {
	switch p.MediaType {
	case "message/rfc822", "message/global", "message/news":
		return !p.isEncoded()
	}
	return false
}

// IsMultipart is true for a multipart that was looked into.
func (p *Part) IsMultipart() bool {
	return strings.HasPrefix(p.MediaType, "multipart/") && !p.Opaque
}

// IsMessage is true for a part that holds a mail which was looked into; it is
// the only child.
func (p *Part) IsMessage() bool { return len(p.Children) == 1 && p.isMessage() }

// Raw is the part's bytes, header included, as received.
func (p *Part) Raw() Source { return Section(p.src, p.Start, p.End-p.Start) }

// BodyRaw is the bytes of the body as received, still encoded.
func (p *Part) BodyRaw() Source { return Section(p.src, p.Body, p.End-p.Body) }

// Decode reads the body without its transfer encoding. Faults of the encoding
// are stepped over; what follows them is still read. An unknown encoding is read
// as it is. Errors are those of the source.
func (p *Part) Decode() io.Reader {
	return decodeTransfer(NewReader(p.BodyRaw()), p.Encoding)
}

// keptText is how much of a part's decoded body is remembered by Text, in bytes:
// as much as a mail that arrives may have in memory.
const keptText = SpoolMemory

// Text is the decoded body as UTF-8 of at most max bytes, with LF at line ends
// and without control characters. The charset is the declared one if it is
// known and harmless, else UTF-8 or Windows-1252. An error of reading the source
// ends the text. A short text is remembered: everybody asks for it.
func (p *Part) Text(max int) string {
	if max <= 0 {
		return ""
	}
	within := 4 * int64(max) // no charset takes more per letter
	if size := p.End - p.Body; size <= keptText {
		within = size + 1 // all of it, once
	}
	if p.text != nil && p.text.decoded <= within {
		return cutText(p.text.clean, max)
	}
	b, err := p.decoded(within)
	charset := p.Params["charset"]
	if charset == "" && p.MediaType == "text/html" {
		charset = htmlCharset(b)
	}
	text := decodeText(charset, b)
	if n := int64(len(b)); err == nil && n < within && n <= keptText {
		p.text = &partText{clean: text, decoded: n}
	}
	return cutText(text, max)
}

// partText is the whole text of a part, and how long its body is once decoded.
type partText struct {
	clean   string
	decoded int64
}

// decoded is the beginning of the body without its transfer encoding, which
// makes no body longer. The bytes may be those of the source.
func (p *Part) decoded(max int64) ([]byte, error) {
	if !p.isEncoded() {
		if b := Window(p.src, p.Body, min(max, p.End-p.Body)); b != nil {
			return b, nil
		}
	}
	var b bytes.Buffer
	b.Grow(int(min(max, p.End-p.Body)) + bytes.MinRead)
	_, err := b.ReadFrom(io.LimitReader(p.Decode(), max))
	return b.Bytes(), err
}

// isEncoded says whether the bytes of the body are others than it has once it is decoded.
func (p *Part) isEncoded() bool {
	return p.Encoding == "base64" || p.Encoding == "quoted-printable" || p.Encoding == "x-uuencode"
}

// FileName is the name that the sender gave to the part, for people to read:
// without folders, control and bidi characters, at most 255 bytes. It is never
// the name of a file of ours. Empty if there is none.
func (p *Part) FileName() string {
	for _, raw := range []string{p.disposed["filename"], p.Params["name"]} {
		if name := cleanFileName(raw); name != "" {
			return name
		}
	}
	return ""
}

// ContentID is the Content-ID without its brackets, RFC 2392.
func (p *Part) ContentID() string {
	ids := p.Header.MessageIDs("Content-Id")
	if len(ids) == 0 {
		return ""
	}
	return ids[0]
}

// IsAttachment is true for what a mail program lists as a file: a part that says
// so or has a name, a mail within the mail, and all that is neither text nor
// shown inside the text.
func (p *Part) IsAttachment() bool {
	if p.IsMultipart() {
		return false
	}
	if p.Disposition == "attachment" {
		return true
	}
	if p.Inline() {
		return false
	}
	if p.isText() {
		return p.Disposition != "inline" && p.FileName() != ""
	}
	return p.Parent != nil || !strings.HasPrefix(p.MediaType, "text/")
}

// Inline is true for what is shown inside the HTML text: it has a Content-ID
// and is no attachment, or is an image that says "inline".
func (p *Part) Inline() bool {
	if p.IsMultipart() || p.isText() || p.isMessage() || p.Disposition == "attachment" {
		return false
	}
	if p.Header.Has("Content-Id") && p.inRelated() {
		return true
	}
	return p.Disposition == "inline" && strings.HasPrefix(p.MediaType, "image/") && p.Header.Has("Content-Id")
}

func (p *Part) inRelated() bool {
	for q := p.Parent; q != nil && !q.isMessage(); q = q.Parent {
		if q.MediaType == "multipart/related" {
			return true
		}
	}
	return false
}

// isText is true for the media types that can be the text of a mail. A multipart
// whose boundary is not known is better shown as it is than not at all.
func (p *Part) isText() bool {
	if p.Opaque && strings.HasPrefix(p.MediaType, "multipart/") {
		b := p.boundary()
		return b == "" || len(b) > maxBoundary
	}
	return p.MediaType == "text/plain" || p.MediaType == "text/html"
}

// Walk calls fn for the part and all below it, in the order of the mail. If fn
// returns false, the parts below that part are left out.
func (p *Part) Walk(fn func(p *Part) bool) {
	if !fn(p) {
		return
	}
	for _, c := range p.Children {
		c.Walk(fn)
	}
}
