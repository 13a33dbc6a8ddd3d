package message

import (
	"errors"
	"fmt"
	"io"
	"strings"
)

// ErrCannotDowngrade says that a mail can't be made 7 bit without harm: its header
// is not ASCII (it needs SMTPUTF8, RFC 6531), or 8-bit text is under a signature.
var ErrCannotDowngrade = errors.New("the mail can't be made 7 bit")

// maxQuotedText is how much text is encoded as quoted-printable, in memory; more
// becomes base64, which is not held.
const maxQuotedText = 1 << 20

// SevenBit returns a mail for servers without 8BITMIME, RFC 6152 §3: 8-bit bodies
// become quoted-printable or base64 and say so, all else is the same bytes. m is
// what Parse made of src; a mail that is 7 bit already is returned as it is. It
// has to be done before a DKIM signature is made. 8-bit headers of parts within
// the mail are written as encoded words; a mail whose own header is not ASCII,
// 8-bit text within multipart/signed, or in what was not looked into, is
// ErrCannotDowngrade.
func SevenBit(src Source, m *Message) (Source, error) {
	eight, err := hasEightBit(src)
	if err != nil || !eight {
		return src, err
	}
	d := downgrade{src: src, out: &Rope{}}
	if err := d.part(m.Root); err != nil {
		return nil, fmt.Errorf("make the mail 7 bit: %w", err)
	}
	return d.out, nil
}

type downgrade struct {
	src Source
	out *Rope
}

// hasEightBit stops at the first one.
func hasEightBit(src Source) (bool, error) {
	var buf [32 << 10]byte
	r := NewReader(src)
	for {
		n, err := r.Read(buf[:])
		if !isASCII(buf[:n]) {
			return true, nil
		}
		if err == io.EOF {
			return false, nil
		}
		if err != nil {
			return false, err
		}
	}
}

// part writes one part; what is 7 bit, byte for byte.
func (d *downgrade) part(p *Part) error {
	eight, err := hasEightBit(Section(d.src, p.Start, p.End-p.Start))
	switch {
	case err != nil:
		return err
	case !eight:
		d.out.AppendRange(d.src, p.Start, p.End-p.Start)
		return nil
	case p.MediaType == "multipart/signed" || p.MediaType == "multipart/encrypted" || p.Opaque:
		return ErrCannotDowngrade
	case len(p.Children) == 0:
		return d.leaf(p)
	}
	if err := d.header(p, "7bit"); err != nil {
		return err
	}
	at := p.Body
	for _, c := range p.Children {
		if err := d.between(at, c.Start); err != nil {
			return err
		}
		if err := d.part(c); err != nil {
			return err
		}
		at = c.End
	}
	return d.between(at, p.End)
}

// between writes boundaries, preamble and epilogue, which no one reads.
func (d *downgrade) between(from, to int64) error {
	b, err := io.ReadAll(NewReader(Section(d.src, from, to-from)))
	for i, c := range b {
		if c >= 0x80 {
			b[i] = '?'
		}
	}
	d.out.Append(b)
	return err
}

// leaf encodes a body that is 8 bit.
func (d *downgrade) leaf(p *Part) error {
	eight, err := hasEightBit(Section(d.src, p.Body, p.End-p.Body))
	if err != nil {
		return err
	}
	switch {
	case !eight:
		if err := d.header(p, ""); err != nil {
			return err
		}
		d.out.AppendRange(d.src, p.Body, p.End-p.Body)
		return nil
	case strings.HasPrefix(p.MediaType, "message/") || strings.HasPrefix(p.MediaType, "multipart/"):
		return ErrCannotDowngrade // RFC 2046 §5.2.1: no encoding
	}
	data, err := p.decodedSource()
	if err != nil {
		return err
	}
	if strings.HasPrefix(p.MediaType, "text/") && data.Size() <= maxQuotedText {
		return d.quoted(p, data)
	}
	if err := d.header(p, "base64"); err != nil {
		return err
	}
	d.out.AppendSource(Base64Source(data))
	return nil
}

func (d *downgrade) quoted(p *Part, data Source) error {
	if err := d.header(p, "quoted-printable"); err != nil {
		return err
	}
	body, err := encodeQuoted(int(data.Size()), NewReader(data))
	d.out.Append(body)
	return err
}

// header writes a part's header with another transfer encoding, "" for the same.
func (d *downgrade) header(p *Part, encoding string) error {
	raw, err := io.ReadAll(NewReader(Section(d.src, p.Start, p.Body-p.Start)))
	if err != nil {
		return err
	}
	if len(raw) > 2*MaxHeader || p.depth == 0 && !isASCII(raw) {
		return ErrCannotDowngrade
	}
	if encoding == "" {
		d.out.AppendString(asciiHeader(string(raw)))
		return nil
	}
	block, _ := cutBlock(raw)
	kept, skipping := strings.Builder{}, false
	for line := range strings.Lines(string(block)) {
		if line[0] != ' ' && line[0] != '\t' {
			name := line[:fieldNameLen([]byte(line))]
			skipping = strings.EqualFold(name, "Content-Transfer-Encoding")
		}
		if !skipping {
			kept.WriteString(line)
		}
	}
	d.out.AppendString(asciiHeader(kept.String()))
	if kept.Len() > 0 && !strings.HasSuffix(kept.String(), "\n") {
		d.out.AppendString("\r\n")
	}
	d.out.AppendString("Content-Transfer-Encoding: " + encoding + "\r\n\r\n")
	return nil
}

// asciiHeader replaces runs of 8-bit bytes in a part's header by encoded words,
// also in file names, where programs read them though RFC 2047 §5 does not want
// them.
func asciiHeader(s string) string {
	if isASCII(s) {
		return s
	}
	var b strings.Builder
	for len(s) > 0 {
		i := strings.IndexFunc(s, func(r rune) bool { return r >= 0x80 })
		if i < 0 {
			b.WriteString(s)
			break
		}
		for i > 0 && !endsWord(s[i-1]) {
			i--
		}
		j := wordEnd(s, i)
		for j < len(s) && s[j] == ' ' && !isASCII(s[j:wordEnd(s, j+1)]) {
			j = wordEnd(s, j+1) // the space between two encoded words would be lost
		}
		b.WriteString(s[:i])
		if word := Clean(guessCharset([]byte(s[i:j])), maxValue); word != "" {
			b.WriteString(strings.ReplaceAll(encodeWords(word), " ", "\r\n "))
		}
		s = s[j:]
	}
	return b.String()
}

func endsWord(c byte) bool { return strings.IndexByte(" \t\r\n\"<>=;,:()", c) >= 0 }

func wordEnd(s string, i int) int {
	for i < len(s) && !endsWord(s[i]) {
		i++
	}
	return i
}
