package message

import (
	"fmt"
	"io"
	"strings"
)

// byteFacts says what is in bytes that are to be sent.
type byteFacts struct {
	bareCR, bareLF, nul, longLine, eightBit bool
}

// sendable is true if the bytes may stand in a mail: nothing that one server
// takes for a line end and another does not.
func (f byteFacts) sendable() bool {
	return !f.bareCR && !f.bareLF && !f.nul && !f.longLine
}

func (f byteFacts) encoding() string {
	if f.eightBit {
		return "8bit"
	}
	return "7bit"
}

// lookAtBytes reads a source once.
func lookAtBytes(src Source) (byteFacts, error) {
	var f byteFacts
	var buf [32 << 10]byte
	r, prev, line := NewReader(src), byte(0), 0
	for {
		n, err := r.Read(buf[:])
		for i := 0; i < n; i++ {
			if j := i + plainRun(buf[i:n]); j > i {
				f.bareCR = f.bareCR || prev == '\r'
				line += j - i
				f.longLine = f.longLine || line > lineMax
				prev = 'x'
				if i = j; i == n {
					break
				}
			}
			c := buf[i]
			f.bareCR = f.bareCR || prev == '\r' && c != '\n'
			f.bareLF = f.bareLF || c == '\n' && prev != '\r'
			f.nul = f.nul || c == 0
			f.eightBit = f.eightBit || c >= 0x80
			if line++; c == '\n' {
				line = 0
			}
			f.longLine = f.longLine || line > lineMax && c != '\r'
			prev = c
		}
		if err == io.EOF {
			f.bareCR = f.bareCR || prev == '\r'
			return f, nil
		}
		if err != nil {
			return f, err
		}
	}
}

// plainRun is how many bytes at the beginning of b need no look.
func plainRun(b []byte) int {
	for i, c := range b {
		if c == '\r' || c == '\n' || c == 0 || c >= 0x80 {
			return i
		}
	}
	return len(b)
}

type copyContent struct{ p *Part }

// CopyContent is a part of another mail under a new header, of which the media
// type, harmless parameters, file name and Content-ID are kept. The body is the
// same bytes in the same encoding, if they can be sent so; else it is encoded
// anew, and decodes to the same bytes. A multipart gets new boundaries,
// but one that is signed or encrypted stays as it is. The bytes
// of a body that has to be decoded first (bare CR in base64, say) are held in
// memory.
func CopyContent(p *Part) Content { return copyContent{p} }

// keptParams are the parameters of a Content-Type that say how to read the body.
var keptParams = []string{"charset", "format", "delsp", "method", "component", "smime-type", "report-type", "type", "start"}

func (c copyContent) room() int { return 2 * fieldRoom }

func (c copyContent) write(w *contentWriter) error {
	p := c.p
	params := map[string]string{}
	for _, name := range keptParams {
		if v := p.Params[name]; v != "" && len(v) <= 100 {
			params[name] = v
		}
	}
	if p.MediaType == "multipart/signed" || p.MediaType == "multipart/encrypted" {
		exact, err := p.Exact()
		if err != nil {
			return err
		}
		if exact {
			return w.exactly(p)
		}
	}
	if p.IsMultipart() {
		var children []Content
		for _, child := range p.Children {
			children = append(children, copyContent{child})
		}
		_, subtype, _ := strings.Cut(p.MediaType, "/")
		return multipartContent{subtype, params, children}.write(w)
	}
	mediaType := p.MediaType
	if strings.HasPrefix(mediaType, "multipart/") {
		mediaType = "application/octet-stream" // its boundaries are not known
	}
	f := File{MediaType: mediaType, Params: params, Name: p.FileName(), ContentID: p.ContentID()}
	if p.Disposition == "inline" || p.Inline() || p.isText() && p.Disposition == "" {
		f.Disposition = "inline"
	}
	return w.bodyOf(p, func(mediaType string) {
		if mediaType != "" {
			f.MediaType, f.Name = mediaType, emlName(f.Name)
		}
		w.fileHeader(f)
	})
}

// bodyOf writes the fields that header writes, the transfer encoding and the
// body of a part that is no multipart. header is told another media type if the
// part can't keep its own.
func (w *contentWriter) bodyOf(p *Part, header func(mediaType string)) error {
	facts, err := lookAtBytes(p.BodyRaw())
	if err != nil {
		return err
	}
	encoded := p.Encoding == "base64" || p.Encoding == "quoted-printable"
	if facts.sendable() && (!encoded || !facts.eightBit) && p.Encoding != "x-uuencode" {
		header("")
		if encoded {
			w.field("Content-Transfer-Encoding", p.Encoding)
		} else {
			w.field("Content-Transfer-Encoding", facts.encoding())
		}
		w.AppendString("\r\n")
		w.AppendRange(p.src, p.Body, p.End-p.Body)
		return nil
	}
	if strings.HasPrefix(p.MediaType, "message/") || strings.HasPrefix(p.MediaType, "multipart/") {
		header("application/octet-stream") // RFC 2046 §5.2.1: no encoding
	} else {
		header("")
	}
	w.AppendString("Content-Transfer-Encoding: base64\r\n\r\n")
	data, err := p.decodedSource()
	if err != nil {
		return err
	}
	w.AppendSource(Base64Source(data))
	return nil
}

// decodedSource is the decoded body: the raw bytes themselves if they are not
// encoded, else a copy in memory.
func (p *Part) decodedSource() (Source, error) {
	if !p.isEncoded() {
		return p.BodyRaw(), nil
	}
	b, err := io.ReadAll(p.Decode())
	if err != nil {
		return nil, fmt.Errorf("decode a part: %w", err)
	}
	return BytesSource(b), nil
}

type rawContent struct{ p *Part }

// RawContent is a part of another mail, or the whole content of a mail if p is its
// Root, byte for byte with its Content fields and boundaries: for what is signed
// or encrypted. If the bytes can't be sent so, a multipart is taken apart and
// what is harmful in it is encoded anew, as by CopyContent; then signatures in it
// break. Exact says beforehand whether that will be.
func RawContent(p *Part) Content { return rawContent{p} }

// Exact is true if RawContent will write the part byte for byte. An error is one
// of reading the source.
func (p *Part) Exact() (bool, error) {
	for _, f := range p.contentFields() {
		if !isCleanField(f) {
			return false, nil
		}
	}
	facts, err := lookAtBytes(p.BodyRaw())
	if err != nil {
		return false, err
	}
	declared := p.Encoding == "8bit" || p.Encoding == "binary"
	return facts.sendable() && (!facts.eightBit || declared), nil
}

func (c rawContent) room() int { return 2 * fieldRoom }

func (c rawContent) write(w *contentWriter) error {
	exact, err := c.p.Exact()
	if err != nil {
		return err
	}
	if !exact {
		return copyContent(c).write(w)
	}
	return w.exactly(c.p)
}

func (w *contentWriter) exactly(p *Part) error {
	for _, f := range p.contentFields() {
		w.Append(f.Raw)
	}
	w.AppendString("\r\n")
	w.AppendRange(p.src, p.Body, p.End-p.Body)
	return nil
}

// contentFields is the fields that have a meaning in a part, RFC 2046 §5.1.
func (p *Part) contentFields() []Field {
	var list []Field
	for _, f := range p.Header.Fields {
		if len(f.Name) > 8 && strings.EqualFold(f.Name[:8], "Content-") {
			list = append(list, f)
		}
	}
	return list
}
