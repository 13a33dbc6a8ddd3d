// Package message reads mail tolerantly and writes it strictly. The bytes as
// received are never changed: a parsed message is a tree of offsets into them.
package message

import "io"

// Source is a mail's bytes wherever they lie: in memory, in a temporary file,
// or in the journal. ReadAt may be called from several goroutines.
type Source interface {
	io.ReaderAt
	Size() int64
}
