package message

import (
	"bytes"
	"fmt"
	"io"
	"mime/quotedprintable"
	"sort"
	"strings"
)

// Content is a MIME entity to be written: its Content fields and its body.
type Content interface {
	write(w *contentWriter) error
	// room is about how many bytes of its own it writes, without those of sources.
	room() int
}

// fieldRoom is room for the Content fields of an entity, or for the marks of a boundary.
const fieldRoom = 160

// contentWriter is where the entities of one mail go.
type contentWriter struct {
	*Rope
	boundary func() string
}

// field writes one field of an entity. The value has no line ends.
func (w *contentWriter) field(name, value string) {
	var b strings.Builder
	fold(&b, name+":", value)
	w.AppendString(b.String())
}

type textContent struct {
	mediaType string
	texts     []string
}

// TextContent is text of a text/ media type, RFC 2046 §4.1, in UTF-8: as it is if
// it is ASCII with lines that fit, else quoted-printable. Control characters go.
// Several texts are written one below the other, each on lines of its own.
func TextContent(mediaType string, texts ...string) Content { return textContent{mediaType, texts} }

func (c textContent) room() int {
	n := fieldRoom
	for _, text := range c.texts {
		n += len(text) + len(text)/16
	}
	return n
}

func (c textContent) write(w *contentWriter) error {
	texts, plain := c.lines()
	w.field("Content-Type", safeMediaType(c.mediaType, "text/plain")+"; charset=utf-8")
	if plain {
		w.AppendString("Content-Transfer-Encoding: 7bit\r\n\r\n")
		for _, text := range texts {
			w.appendLines(text)
		}
		return nil
	}
	w.AppendString("Content-Transfer-Encoding: quoted-printable\r\n\r\n")
	var list []io.Reader
	for _, text := range texts {
		list = append(list, strings.NewReader(text))
	}
	body, err := encodeQuoted(c.room(), list...)
	w.Append(body)
	return err
}

// lines are the texts without control characters, each with a line end after its last line. plain says that they can be
// sent as they are.
func (c textContent) lines() (texts []string, plain bool) {
	plain = true
	for i, text := range c.texts {
		text = cleanText(text)
		if !isASCII(text) {
			text, plain = strings.ToValidUTF8(text, "\ufffd"), false
		}
		last := i == len(c.texts)-1
		if !strings.HasSuffix(text, "\n") && (text != "" || !last) {
			text += "\n"
		}
		plain = plain && longestLine(text) <= lineMax
		texts = append(texts, text)
	}
	return texts, plain
}

// appendLines writes text whose lines end with LF.
func (w *contentWriter) appendLines(text string) {
	to := w.grow(len(text) + strings.Count(text, "\n"))
	for line := range strings.Lines(text) {
		line, ended := strings.CutSuffix(line, "\n")
		to = to[copy(to, line):]
		if ended {
			to = to[copy(to, "\r\n"):]
		}
	}
}

// encodeQuoted is quoted-printable of texts of about so many bytes, RFC 2045 §6.7.
func encodeQuoted(size int, texts ...io.Reader) ([]byte, error) {
	var b bytes.Buffer
	b.Grow(size + size/8)
	q := quotedprintable.NewWriter(&b)
	for _, text := range texts {
		if _, err := io.Copy(q, text); err != nil {
			return nil, err
		}
	}
	err := q.Close()
	return b.Bytes(), err
}

func longestLine(text string) int {
	longest := 0
	for line := range strings.Lines(text) {
		longest = max(longest, len(line))
	}
	return longest
}

type multipartContent struct {
	subtype  string
	params   map[string]string
	children []Content
}

// MultipartContent is a multipart/subtype with a fresh boundary, RFC 2046 §5.1.
// params are further parameters, such as "type" of multipart/related.
func MultipartContent(subtype string, params map[string]string, children ...Content) Content {
	return multipartContent{subtype, params, children}
}

func (c multipartContent) room() int {
	n := 2 * fieldRoom
	for _, child := range c.children {
		n += child.room() + fieldRoom/2
	}
	return n
}

func (c multipartContent) write(w *contentWriter) error {
	boundary := w.boundary()
	if !isBoundary(boundary) {
		return fmt.Errorf("bad boundary %q", limit(boundary, 80))
	}
	value := safeMediaType("multipart/"+c.subtype, "multipart/mixed") + formatParams(c.params, "boundary")
	w.field("Content-Type", value+`; boundary="`+boundary+`"`)
	w.AppendString("\r\n")
	for _, child := range c.children {
		w.AppendString("--" + boundary + "\r\n")
		if err := child.write(w); err != nil {
			return err
		}
		w.AppendString("\r\n")
	}
	if len(c.children) == 0 {
		w.AppendString("--" + boundary + "\r\n\r\n\r\n")
	}
	w.AppendString("--" + boundary + "--\r\n")
	return nil
}

// isBoundary is a narrow form of RFC 2046's bchars.
func isBoundary(s string) bool {
	for i := 0; i < len(s); i++ {
		if !isAlnum(s[i]) && strings.IndexByte("-_.=", s[i]) < 0 {
			return false
		}
	}
	return len(s) >= 1 && len(s) <= 70
}

// File is data to attach.
type File struct {
	MediaType   string            // application/octet-stream if it is none
	Params      map[string]string // further parameters of the Content-Type
	Name        string            // for people; any UTF-8
	Disposition string            // "attachment" or "inline"
	ContentID   string            // without brackets
	Data        Source
}

type dataContent struct{ f File }

// DataContent is data in base64, encoded as it is read.
func DataContent(f File) Content { return dataContent{f} }

func (c dataContent) room() int { return 2 * fieldRoom }

func (c dataContent) write(w *contentWriter) error {
	w.fileHeader(c.f)
	w.AppendString("Content-Transfer-Encoding: base64\r\n\r\n")
	w.AppendSource(Base64Source(c.f.Data))
	return nil
}

// fileHeader writes Content-Type, Content-Disposition (RFC 2183) and Content-ID.
func (w *contentWriter) fileHeader(f File) {
	name := cleanFileName(f.Name)
	value := safeMediaType(f.MediaType, "application/octet-stream") + formatParams(f.Params, "name")
	disposition := "attachment"
	if f.Disposition == "inline" {
		disposition = "inline"
	}
	if name != "" {
		value += EncodeParam("name", name)
		disposition += EncodeParam("filename", name)
	}
	w.field("Content-Type", value)
	w.field("Content-Disposition", disposition)
	if id := appendID(nil, f.ContentID); id != nil && isASCII(id[0]) {
		w.field("Content-ID", "<"+id[0]+">")
	}
}

// MessageContent is a mail as an attachment, message/rfc822, RFC 2046 §5.2.1:
// byte for byte if it can be sent so, else as a file in base64, since the RFC
// allows no encoding of a message/rfc822.
func MessageContent(src Source, name string) Content { return messageContent{src, name} }

type messageContent struct {
	src  Source
	name string
}

func (c messageContent) room() int { return 2 * fieldRoom }

func (c messageContent) write(w *contentWriter) error {
	facts, err := lookAtBytes(c.src)
	if err != nil {
		return err
	}
	if !facts.sendable() {
		return dataContent{File{MediaType: "application/octet-stream", Name: emlName(c.name), Data: c.src}}.write(w)
	}
	w.fileHeader(File{MediaType: "message/rfc822", Name: c.name})
	w.field("Content-Transfer-Encoding", facts.encoding())
	w.AppendString("\r\n")
	w.AppendSource(c.src)
	return nil
}

func emlName(name string) string {
	if name == "" {
		name = "message"
	}
	if !strings.HasSuffix(strings.ToLower(name), ".eml") {
		name += ".eml"
	}
	return name
}

// safeMediaType is s if it is a media type, else the fallback.
func safeMediaType(s, fallback string) string {
	major, minor, ok := strings.Cut(strings.ToLower(s), "/")
	if !ok || !isTokenString(major) || !isTokenString(minor) || len(s) > 127 {
		return fallback
	}
	return major + "/" + minor
}

// formatParams writes parameters in the order of their names, without one.
func formatParams(params map[string]string, without string) string {
	names := make([]string, 0, len(params))
	for name := range params {
		if name != without {
			names = append(names, name)
		}
	}
	sort.Strings(names)
	var b strings.Builder
	for _, name := range names {
		b.WriteString(EncodeParam(name, params[name]))
	}
	return b.String()
}
