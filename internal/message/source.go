// Package message reads mail tolerantly and writes it strictly. The bytes as
// received are never changed: a parsed message is a tree of offsets into them.
package message

import (
	"bytes"
	"io"
)

// Source is a mail's bytes wherever they lie: in memory, in a temporary file,
// or in the journal. ReadAt may be called from several goroutines.
type Source interface {
	io.ReaderAt
	Size() int64
}

// BytesSource is a mail in memory. The bytes must not change afterwards.
func BytesSource(b []byte) Source { return bytes.NewReader(b) }

// Section is the range [off, off+n) of a source, cut to its size.
func Section(src Source, off, n int64) Source {
	size := src.Size()
	off = min(max(off, 0), size)
	return io.NewSectionReader(src, off, min(max(n, 0), size-off))
}

// NewReader reads a source from its beginning.
func NewReader(src Source) io.Reader {
	return io.NewSectionReader(src, 0, src.Size())
}
