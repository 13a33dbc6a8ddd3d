package message

import (
	"fmt"
	"io"
	"sort"
)

// Rope is bytes made of pieces: literal bytes, and ranges of other sources which
// are read only when the rope is read. The zero Rope is empty. It may be read
// from several goroutines once nothing is appended any more.
type Rope struct {
	pieces []ropePiece
	size   int64
}

// ropePiece begins at start of the rope. Src is nil for literal bytes.
type ropePiece struct {
	start   int64
	literal []byte
	src     Source
	off, n  int64
}

func (p *ropePiece) size() int64 {
	if p.src == nil {
		return int64(len(p.literal))
	}
	return p.n
}

// Append adds a copy of b.
func (r *Rope) Append(b []byte) {
	if len(b) == 0 {
		return
	}
	copy(r.grow(len(b)), b)
}

// AppendString adds the bytes of s.
func (r *Rope) AppendString(s string) {
	if len(s) == 0 {
		return
	}
	copy(r.grow(len(s)), s)
}

// reserve makes room at once for the n literal bytes with which the rope will begin.
func (r *Rope) reserve(n int) {
	r.pieces = append(r.pieces, ropePiece{literal: make([]byte, 0, n)})
}

// grow makes room for n literal bytes at the end.
func (r *Rope) grow(n int) []byte {
	if len(r.pieces) == 0 || r.pieces[len(r.pieces)-1].src != nil {
		r.pieces = append(r.pieces, ropePiece{start: r.size})
	}
	p := &r.pieces[len(r.pieces)-1]
	old := len(p.literal)
	p.literal = append(p.literal, make([]byte, n)...)
	r.size += int64(n)
	return p.literal[old:]
}

// AppendSource adds all of a source. A rope is taken apart, so that ropes of
// ropes do not get deep; it must not grow afterwards.
func (r *Rope) AppendSource(src Source) {
	other, ok := src.(*Rope)
	if !ok {
		r.AppendRange(src, 0, src.Size())
		return
	}
	for _, p := range other.pieces {
		if p.src == nil {
			r.Append(p.literal)
		} else {
			r.AppendRange(p.src, p.off, p.n)
		}
	}
}

// AppendRange adds the bytes [off, off+n) of a source, cut to its size.
func (r *Rope) AppendRange(src Source, off, n int64) {
	size := src.Size()
	off = min(max(off, 0), size)
	n = min(n, size-off)
	if n <= 0 {
		return
	}
	r.pieces = append(r.pieces, ropePiece{start: r.size, src: src, off: off, n: n})
	r.size += n
}

// Size is the number of bytes.
func (r *Rope) Size() int64 { return r.size }

// ReadAt is io.ReaderAt.
func (r *Rope) ReadAt(b []byte, off int64) (int, error) {
	if off < 0 {
		return 0, fmt.Errorf("read at %d", off)
	}
	i := sort.Search(len(r.pieces), func(i int) bool {
		return r.pieces[i].start+r.pieces[i].size() > off
	})
	n := 0
	for ; i < len(r.pieces) && n < len(b); i++ {
		m, err := r.pieces[i].readAt(b[n:], off+int64(n)-r.pieces[i].start)
		n += m
		if err != nil {
			return n, err
		}
	}
	if n < len(b) {
		return n, io.EOF
	}
	return n, nil
}

// readAt reads as much of the piece as fits in b. A source that is shorter than
// it was is an error, never the end.
func (p *ropePiece) readAt(b []byte, off int64) (int, error) {
	if p.src == nil {
		return copy(b, p.literal[off:]), nil
	}
	b = b[:min(int64(len(b)), p.n-off)]
	n, err := p.src.ReadAt(b, p.off+off)
	if n == len(b) {
		return n, nil
	}
	if err == nil || err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	return n, err
}

// WriteTo is io.WriterTo. It may be called several times.
func (r *Rope) WriteTo(w io.Writer) (int64, error) {
	return io.Copy(w, struct{ io.Reader }{NewReader(r)})
}
