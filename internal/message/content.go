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
}

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

type textContent struct{ mediaType, text string }

// TextContent is text of a text/ media type, RFC 2046 §4.1, in UTF-8: as it is if
// it is ASCII with lines that fit, else quoted-printable. Control characters go.
func TextContent(mediaType, text string) Content { return textContent{mediaType, text} }

func (c textContent) write(w *contentWriter) error {
	text := strings.ToValidUTF8(cleanText(c.text), "\ufffd")
	if text != "" && !strings.HasSuffix(text, "\n") {
		text += "\n"
	}
	w.field("Content-Type", safeMediaType(c.mediaType, "text/plain")+"; charset=utf-8")
	if isASCII(text) && longestLine(text) <= lineMax {
		w.AppendString("Content-Transfer-Encoding: 7bit\r\n\r\n")
		w.appendLines(text)
		return nil
	}
	w.AppendString("Content-Transfer-Encoding: quoted-printable\r\n\r\n")
	body, err := encodeQuoted(strings.NewReader(text))
	w.Append(body)
	return err
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

// encodeQuoted is quoted-printable of text, RFC 2045 §6.7.
func encodeQuoted(r io.Reader) ([]byte, error) {
	var b bytes.Buffer
	q := quotedprintable.NewWriter(&b)
	if _, err := io.Copy(q, r); err != nil {
		return nil, err
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
