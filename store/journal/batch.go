package journal

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"hash/crc32"
	"io"
)

// Span is where a blob lies.
type Span struct {
	Segment        uint64
	Offset, Length int64
	SHA256         [sha256.Size]byte
}

// Batch is a record that is being written. Blobs go to the file as they come, in pieces; the
// head goes last, so that a record without its end has no head.
type Batch struct {
	j       *Journal
	s       *segment
	start   int64 // of the head
	flushed int64 // what is before this offset is in the file
	at      int64 // offset after the last byte
	sum     uint32
	sha     hash.Hash
	done    bool
}

// Mark is a place in a batch to which Rollback returns.
type Mark struct {
	at  int64
	sum uint32
	ops int
}

// bufferSize is how much of a batch is kept before it is written; most batches are one write.
const bufferSize = 1 << 20

// Begin starts the next record. ErrFull means that nothing was written and a later try may
// succeed.
func (j *Journal) Begin() (*Batch, error) {
	if err := j.Err(); err != nil {
		return nil, err
	}
	s, err := j.active()
	if err != nil {
		return nil, err
	}
	start := int64(fileHeadSize)
	if j.last.Segment == s.first {
		start = j.last.End
	}
	if cap(j.buf) < bufferSize {
		j.buf = make([]byte, 0, bufferSize)
	}
	j.buf, j.ops = append(j.buf[:0], make([]byte, headSize)...), j.ops[:0]
	return &Batch{j: j, s: s, start: start, flushed: start, at: start + headSize, sha: sha256.New()}, nil
}

// Size is the bytes of the record up to now.
func (b *Batch) Size() int64 { return b.at - b.start + int64(len(b.j.ops)) }

// Mark remembers this place.
func (b *Batch) Mark() Mark { return Mark{at: b.at, sum: b.sum, ops: len(b.j.ops)} }

// Rollback forgets what came after m. What is in the file already is overwritten by what
// comes next, or lies behind the end of the journal.
func (b *Batch) Rollback(m Mark) {
	b.j.ops = b.j.ops[:m.ops]
	b.sum = m.sum
	if m.at >= b.flushed {
		b.j.buf = b.j.buf[:m.at-b.flushed]
	} else {
		b.j.buf, b.flushed = b.j.buf[:0], m.at
	}
	b.at = m.at
}

// errSource marks a failure of the blob's source, which is not the journal's.
var errSource = errors.New("reading the mail")

// Blob copies size bytes of src into the record. When src fails the batch is as it was before.
func (b *Batch) Blob(src io.ReaderAt, size int64) (Span, error) {
	span := Span{Segment: b.s.first, Offset: b.at, Length: size}
	m := b.Mark()
	b.sha.Reset()
	for off := int64(0); off < size; {
		n, err := b.piece(src, off, size-off)
		if err != nil {
			b.Rollback(m)
			return Span{}, err
		}
		off += n
	}
	b.sha.Sum(span.SHA256[:0])
	return span, nil
}

// piece copies what fits into the buffer.
func (b *Batch) piece(src io.ReaderAt, off, left int64) (int64, error) {
	if len(b.j.buf) == cap(b.j.buf) {
		if err := b.flush(); err != nil {
			return 0, err
		}
	}
	have := len(b.j.buf)
	n := int(min(left, int64(cap(b.j.buf)-have)))
	p := b.j.buf[have : have+n]
	if k, err := src.ReadAt(p, off); k < n {
		if err == nil || errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		return 0, fmt.Errorf("%w: %w", errSource, err)
	}
	b.j.buf = b.j.buf[:have+n]
	b.sum = crc32.Update(b.sum, castagnoli, p)
	b.sha.Write(p)
	b.at += int64(n)
	return int64(n), nil
}

// Set adds an operation.
func (b *Batch) Set(key, value []byte) { b.j.ops = appendOp(b.j.ops, Op{Key: key, Value: value}) }

// Delete adds an operation.
func (b *Batch) Delete(key []byte) { b.j.ops = appendOp(b.j.ops, Op{Key: key, Delete: true}) }

// flush writes the buffer. While it holds the record's start, the place of the head is written as
// zeros.
func (b *Batch) flush() error {
	if len(b.j.buf) == 0 {
		return nil
	}
	if err := b.write(b.j.buf, b.flushed); err != nil {
		return err
	}
	b.flushed += int64(len(b.j.buf))
	b.j.buf = b.j.buf[:0]
	return nil
}

// write does not retry: a short write is an error like another, and an error stops the
// journal.
func (b *Batch) write(p []byte, off int64) error {
	if len(p) == 0 {
		return nil
	}
	if err := b.j.Err(); err != nil {
		return err
	}
	n, err := b.s.f.WriteAt(p, off)
	if err == nil && n < len(p) {
		err = io.ErrShortWrite
	}
	if err != nil {
		return b.j.stop(err)
	}
	return nil
}

// Commit ends the record, writes it, and syncs the file: one fdatasync. After nil it is
// durable. After an error the journal is stopped, and only opening it anew tells whether
// the record is there.
func (b *Batch) Commit() (Position, error) {
	j := b.j
	if b.done {
		return Position{}, errors.New("journal: batch committed twice")
	}
	b.done = true
	h := head{
		seq: j.last.Seq + 1, blobs: b.at - b.start - headSize, ops: uint32(len(j.ops)),
		blobsSum: b.sum, opsSum: crc32.Checksum(j.ops, castagnoli),
	}
	if err := b.finish(&h); err != nil {
		return Position{}, err
	}
	if err := b.s.f.Sync(); err != nil {
		return Position{}, j.stop(err)
	}
	j.last = Position{Seq: h.seq, Segment: b.s.first, Offset: b.start, End: b.start + h.size()}
	return j.last, nil
}

// finish writes operations and head. A record that fits into the buffer is one write.
func (b *Batch) finish(h *head) error {
	if len(b.j.buf)+len(b.j.ops) > cap(b.j.buf) {
		if err := b.flush(); err != nil {
			return err
		}
	}
	if b.flushed == b.start {
		b.j.buf = append(b.j.buf, b.j.ops...)
		h.encode(b.j.buf, &b.s.head.salt)
		return b.write(b.j.buf, b.start)
	}
	if err := b.flush(); err != nil {
		return err
	}
	if err := b.write(b.j.ops, b.flushed); err != nil {
		return err
	}
	var raw [headSize]byte
	h.encode(raw[:], &b.s.head.salt)
	return b.write(raw[:], b.start)
}
