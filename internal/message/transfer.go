package message

import (
	"bufio"
	"bytes"
	"io"
)

// decodeTransfer reads r without its transfer encoding, RFC 2045 §6.
func decodeTransfer(r io.Reader, encoding string) io.Reader {
	switch encoding {
	case "base64":
		return &chunkDecoder{r: r, step: (&base64State{}).step}
	case "quoted-printable":
		return &chunkDecoder{r: r, step: (&quotedState{}).step}
	case "x-uuencode":
		return newUUReader(r)
	}
	return r
}

// chunkDecoder feeds pieces of a reader through a decoder that keeps its state.
// step appends what it decoded; last says that nothing follows.
type chunkDecoder struct {
	r    io.Reader
	step func(out, in []byte, last bool) []byte
	in   [4096]byte
	out  []byte
	left []byte // of out, not yet handed over
	err  error
}

func (c *chunkDecoder) Read(p []byte) (int, error) {
	for len(c.left) == 0 {
		if c.err != nil {
			return 0, c.err
		}
		var n int
		n, c.err = c.r.Read(c.in[:])
		c.out = c.step(c.out[:0], c.in[:n], c.err != nil)
		c.left = c.out
	}
	n := copy(p, c.left)
	c.left = c.left[n:]
	return n, nil
}

// base64State decodes base64, RFC 2045 §6.8. Characters outside of the alphabet
// are stepped over, as the RFC wants; padding ends a group and more may follow,
// as when two encoded texts were joined.
type base64State struct {
	bits uint32
	n    int // characters in bits
}

// base64Table gives the value of a character plus one.
var base64Table = func() (t [256]byte) {
	for i, c := range []byte("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/") {
		t[c] = byte(i + 1)
	}
	return t
}()

func (d *base64State) add(out []byte, c byte) []byte {
	v := base64Table[c]
	if v == 0 {
		if c == '=' {
			return d.flush(out)
		}
		return out
	}
	d.bits = d.bits<<6 | uint32(v-1)
	if d.n++; d.n == 4 {
		out = append(out, byte(d.bits>>16), byte(d.bits>>8), byte(d.bits))
		d.bits, d.n = 0, 0
	}
	return out
}

// flush ends a group that is not complete.
func (d *base64State) flush(out []byte) []byte {
	switch d.n {
	case 2:
		out = append(out, byte(d.bits>>4))
	case 3:
		out = append(out, byte(d.bits>>10), byte(d.bits>>2))
	}
	d.bits, d.n = 0, 0
	return out
}

func (d *base64State) step(out, in []byte, last bool) []byte {
	for i := 0; i < len(in); i++ {
		for d.n == 0 && i+4 <= len(in) { // whole groups, which are nearly all
			a, b, c, e := base64Table[in[i]], base64Table[in[i+1]], base64Table[in[i+2]], base64Table[in[i+3]]
			if a == 0 || b == 0 || c == 0 || e == 0 {
				break
			}
			v := uint32(a-1)<<18 | uint32(b-1)<<12 | uint32(c-1)<<6 | uint32(e-1)
			out = append(out, byte(v>>16), byte(v>>8), byte(v))
			i += 4
		}
		if i < len(in) {
			out = d.add(out, in[i])
		}
	}
	if last {
		out = d.flush(out)
	}
	return out
}

// maxHeld bounds the white space that quotedState holds back.
const maxHeld = 1000

// quotedState decodes quoted-printable, RFC 2045 §6.7. A "=" that begins nothing
// stays as it is; white space at the end of a line goes, rule 3.
type quotedState struct {
	held []byte // white space, or "=" and what followed it
	mode byte   // 0, '=' after it, 'x' after its first digit, 's' in a soft line break
}

func (q *quotedState) step(out, in []byte, last bool) []byte {
	for _, c := range in {
		out = q.add(out, c)
	}
	if last {
		if q.mode == 0 { // trailing white space goes, but not the line end
			if bytes.HasSuffix(q.held, []byte("\r")) {
				out = append(out, '\r')
			}
		} else if q.mode == 'x' {
			out = append(out, q.held...)
		}
		q.held = q.held[:0]
	}
	return out
}

func (q *quotedState) add(out []byte, c byte) []byte {
	switch q.mode {
	case '=':
		switch {
		case hexValue(c) >= 0:
			q.held, q.mode = append(q.held, c), 'x'
			return out
		case c == '\n':
			q.held, q.mode = q.held[:0], 0
			return out
		case isSpace(c):
			q.held, q.mode = append(q.held, c), 's'
			return out
		}
	case 'x':
		if hexValue(c) >= 0 {
			out = append(out, byte(hexValue(q.held[1])<<4|hexValue(c)))
			q.held, q.mode = q.held[:0], 0
			return out
		}
	case 's':
		if c == '\n' {
			q.held, q.mode = q.held[:0], 0
			return out
		}
		if isSpace(c) && len(q.held) < maxHeld {
			q.held = append(q.held, c)
			return out
		}
	}
	if q.mode != 0 {
		out, q.held, q.mode = append(out, q.held...), q.held[:0], 0
	}
	return q.plain(out, c)
}

// plain takes a character outside of an escape.
func (q *quotedState) plain(out []byte, c byte) []byte {
	switch {
	case c == '\n':
		if bytes.HasSuffix(q.held, []byte("\r")) {
			out = append(out, '\r')
		}
		q.held = q.held[:0]
		return append(out, '\n')
	case isSpace(c) && len(q.held) < maxHeld:
		q.held = append(q.held, c)
		return out
	}
	out, q.held = append(out, q.held...), q.held[:0]
	if c == '=' {
		q.held, q.mode = append(q.held, c), '='
		return out
	}
	return append(out, c)
}

// uuReader decodes uuencode, line by line.
type uuReader struct {
	r     *bufio.Reader
	begun bool
	left  []byte
	done  bool
}

func newUUReader(r io.Reader) io.Reader {
	return &uuReader{r: bufio.NewReaderSize(r, 4096)}
}

func (u *uuReader) Read(p []byte) (int, error) {
	for len(u.left) == 0 {
		if u.done {
			return 0, io.EOF
		}
		line, err := u.r.ReadSlice('\n')
		u.line(bytes.TrimRight(line, "\r\n"))
		if err != nil && err != bufio.ErrBufferFull {
			u.done = true
			if err != io.EOF && len(u.left) == 0 {
				return 0, err
			}
		}
	}
	n := copy(p, u.left)
	u.left = u.left[n:]
	return n, nil
}

func (u *uuReader) line(line []byte) {
	switch {
	case !u.begun:
		u.begun = bytes.HasPrefix(line, []byte("begin "))
	case len(line) == 0 || string(line) == "end":
		u.done = u.done || string(line) == "end"
	default:
		n := int(line[0]-' ') & 63
		var out []byte
		for i := 1; i < len(line); i += 4 {
			var g [4]byte
			copy(g[:], line[i:])
			for j := range g {
				g[j] = (g[j] - ' ') & 63
			}
			out = append(out, g[0]<<2|g[1]>>4, g[1]<<4|g[2]>>2, g[2]<<6|g[3])
		}
		u.left = out[:min(n, len(out))]
	}
}
