package relay

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"postdesk/internal/message"
	"postdesk/store"
)

// Limits of what we send. RFC 5321 §4.5.3.1.6: a line of text has at most 998
// octets without its CRLF.
const (
	maxLine   = 998
	maxHeader = 256 << 10
)

// outgoingBody is a mail as it goes over the wire: the signatures, then the
// mail. It is never changed once made.
type outgoingBody struct {
	signatures []byte
	src        message.Source
	eightBit   bool
}

func (b *outgoingBody) size() int64 { return int64(len(b.signatures)) + b.src.Size() }

// copyTo hands the mail to fn piece by piece. A fault of the source is errRead;
// anything else is fn's.
func (b *outgoingBody) copyTo(fn func([]byte) error) error {
	if len(b.signatures) > 0 {
		if err := fn(b.signatures); err != nil {
			return err
		}
	}
	return eachChunk(b.src, fn)
}

// eachChunk reads a mail from beginning to end in a bounded buffer. One that lies in
// memory is a single chunk.
func eachChunk(src message.Source, fn func([]byte) error) error {
	if whole := message.Window(src, 0, src.Size()); whole != nil {
		return fn(whole)
	}
	buf := bufferPool.Get().(*[]byte)
	defer bufferPool.Put(buf)
	size := src.Size()
	for off := int64(0); off < size; {
		want := min(int64(len(*buf)), size-off)
		n, err := src.ReadAt((*buf)[:want], off)
		if int64(n) < want {
			if err == nil || err == io.EOF {
				err = io.ErrUnexpectedEOF
			}
			return fmt.Errorf("%w: %w", errRead, err)
		}
		if err := fn((*buf)[:n]); err != nil {
			return err
		}
		off += int64(n)
	}
	return nil
}

// traits are what must be known of a mail before it goes out.
type traits struct {
	eightBit bool
	stray    bool // a CR or LF that is not part of CRLF, or a NUL
	longLine bool
}

// inspect reads a mail once.
func inspect(src message.Source) (traits, error) {
	in := inspector{}
	err := eachChunk(src, in.chunk)
	return in.end(), err
}

// maxWhole is how large a mail may be that is read as a whole, once for all that is done
// with it.
const maxWhole = 64 << 10

// readWhole reads a small mail into memory. A larger one stays where it is.
func readWhole(src message.Source) (message.Source, error) {
	if src.Size() > maxWhole {
		return src, nil
	}
	whole := make([]byte, src.Size())
	if n, err := src.ReadAt(whole, 0); n < len(whole) {
		return nil, fmt.Errorf("%w: %w", errRead, cmp.Or(err, io.ErrUnexpectedEOF))
	}
	return message.BytesSource(whole), nil
}

// inspectKept is inspect for a mail of the store, m, whose bytes are those of src. What is no
// longer what was stored is store.ErrDamaged, and must not go out.
func inspectKept(m store.Mail, src message.Source) (traits, error) {
	in, sum := inspector{}, sha256.New()
	err := eachChunk(src, func(p []byte) error {
		sum.Write(p)
		return in.chunk(p)
	})
	if err == nil && [sha256.Size]byte(sum.Sum(nil)) != m.SHA256() {
		err = fmt.Errorf("%w: mail %d has not the SHA-256 that it was stored with: run `postdesk verify`", store.ErrDamaged, m.ID())
	}
	return in.end(), err
}

// end is what was learned.
func (in *inspector) end() traits {
	in.stray = in.stray || in.cr
	return in.traits
}

type inspector struct {
	traits
	cr   bool // the last octet was CR
	line int  // octets of the current line
}

func (in *inspector) chunk(p []byte) error {
	in.eightBit = in.eightBit || !isASCII(p)
	in.stray = in.stray || bytes.IndexByte(p, 0) >= 0
	for len(p) > 0 {
		i := bytes.IndexByte(p, '\n')
		rest := p
		if i >= 0 {
			rest = p[:i]
		}
		in.part(rest)
		if i < 0 {
			return nil
		}
		in.stray = in.stray || !in.cr
		in.cr, in.line = false, 0
		p = p[i+1:]
	}
	return nil
}

// part looks at octets of one line, without its LF.
func (in *inspector) part(p []byte) {
	if len(p) == 0 {
		return
	}
	if in.cr || bytes.IndexByte(p[:len(p)-1], '\r') >= 0 {
		in.stray = true
	}
	in.cr = p[len(p)-1] == '\r'
	in.line += len(p)
	n := in.line
	if in.cr {
		n--
	}
	in.longLine = in.longLine || n > maxLine
}

func isASCII(p []byte) bool {
	const high = 0x8080808080808080 // of eight octets
	for ; len(p) >= 8; p = p[8:] {
		if binary.NativeEndian.Uint64(p)&high != 0 {
			return false
		}
	}
	for _, c := range p {
		if c >= 0x80 {
			return false
		}
	}
	return true
}

// downgrade re-encodes a mail's 8-bit or over-long lines. It is done before the
// mail is signed: what changes later breaks the signature. Only the bodies can
// be encoded; what must stay as it is (a signed part) can't.
func downgrade(src message.Source) (message.Source, error) {
	m, err := message.Parse(src)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errRead, err)
	}
	out, err := message.SevenBit(src, m)
	if errors.Is(err, message.ErrCannotDowngrade) {
		return nil, err
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errRead, err)
	}
	return out, nil
}
