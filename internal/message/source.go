// Package message reads mail tolerantly and writes it strictly. The bytes as
// received are never changed: a parsed message is a tree of offsets into them.
package message

import (
	"bytes"
	"errors"
	"io"
)

var errNegativeOffset = errors.New("read at a negative offset")

// Source is a mail's bytes wherever they lie: in memory, in a temporary file,
// or in the journal. ReadAt may be called from several goroutines.
type Source interface {
	io.ReaderAt
	Size() int64
}

// inMemory is a source that may have its bytes in memory: window gives the range [off, off+n), which lies within the source,
// or nil where the bytes would have to be read.
type inMemory interface {
	window(off, n int64) []byte
}

// Window is the range [off, off+n) of a source, cut to its size, as it lies in memory. It is nil when the range is empty, or
// would have to be read, or can't be read. The bytes belong to the source: nobody may change them.
func Window(src Source, off, n int64) []byte {
	m, ok := src.(inMemory)
	if !ok {
		return nil
	}
	off, n = within(src, off, n)
	if n == 0 {
		return nil
	}
	return m.window(off, n)
}

// within cuts a range to the size of a source.
func within(src Source, off, n int64) (int64, int64) {
	size := src.Size()
	off = min(max(off, 0), size)
	return off, min(max(n, 0), size-off)
}

// BytesSource is a mail in memory. The bytes must not change afterwards.
func BytesSource(b []byte) Source { return &bytesSource{b} }

type bytesSource struct{ b []byte }

func (s *bytesSource) Size() int64 { return int64(len(s.b)) }

func (s *bytesSource) ReadAt(p []byte, off int64) (int, error) { return readMemory(p, s.b, off) }

func (s *bytesSource) window(off, n int64) []byte { return s.b[off : off+n : off+n] }

// readMemory is io.ReaderAt of bytes.
func readMemory(p, b []byte, off int64) (int, error) {
	switch {
	case off < 0:
		return 0, errNegativeOffset
	case off >= int64(len(b)):
		return 0, io.EOF
	}
	n := copy(p, b[off:])
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

// section is a range of a source.
type section struct {
	src    Source
	off, n int64
}

// Section is the range [off, off+n) of a source, cut to its size.
func Section(src Source, off, n int64) Source {
	off, n = within(src, off, n)
	return &section{src, off, n}
}

func (s *section) Size() int64 { return s.n }

func (s *section) ReadAt(p []byte, off int64) (int, error) {
	switch {
	case off < 0:
		return 0, errNegativeOffset
	case off >= s.n:
		return 0, io.EOF
	case int64(len(p)) <= s.n-off:
		return s.src.ReadAt(p, s.off+off)
	}
	n, err := s.src.ReadAt(p[:s.n-off], s.off+off)
	if err == nil {
		err = io.EOF
	}
	return n, err
}

func (s *section) window(off, n int64) []byte { return Window(s.src, s.off+off, n) }

// NewReader reads a source from its beginning.
func NewReader(src Source) io.Reader {
	if b := Window(src, 0, src.Size()); b != nil {
		return bytes.NewReader(b)
	}
	return io.NewSectionReader(src, 0, src.Size())
}
