package message

import (
	"encoding/base64"
	"io"
)

const (
	base64In   = 57            // bytes in a line of base64, RFC 2045 §6.8
	base64Out  = 76 + 2        // characters of that line and its end
	base64Step = 64 * base64In // bytes that are encoded at a time
)

// base64Source is another source in base64, in lines of 76 characters with
// CRLF. It holds nothing: what is read is encoded as it is read.
type base64Source struct {
	src  Source
	size int64
}

// Base64Source encodes a source.
func Base64Source(src Source) Source {
	n := src.Size()
	size := n / base64In * base64Out
	if rest := n % base64In; rest > 0 {
		size += (rest+2)/3*4 + 2
	}
	return &base64Source{src, size}
}

func (s *base64Source) Size() int64 { return s.size }

func (s *base64Source) ReadAt(b []byte, off int64) (int, error) {
	n := 0
	for n < len(b) {
		if off >= s.size {
			return n, io.EOF
		}
		line := off / base64Out
		text, err := s.lines(line)
		if err != nil {
			return n, err
		}
		m := copy(b[n:], text[off-line*base64Out:])
		n, off = n+m, off+int64(m)
	}
	return n, nil
}

// lines encodes some lines from the given one on.
func (s *base64Source) lines(first int64) ([]byte, error) {
	in := make([]byte, min(base64Step, s.src.Size()-first*base64In))
	if n, err := s.src.ReadAt(in, first*base64In); n < len(in) {
		if err == nil || err == io.EOF {
			err = io.ErrUnexpectedEOF
		}
		return nil, err
	}
	out := make([]byte, 0, len(in)/base64In*base64Out+base64Out)
	for len(in) > 0 {
		line := in[:min(base64In, len(in))]
		out = base64.StdEncoding.AppendEncode(out, line)
		out = append(out, '\r', '\n')
		in = in[len(line):]
	}
	return out, nil
}
