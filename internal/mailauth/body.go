package mailauth

import (
	"bytes"
	"context"
	"io"
	"slices"

	"postdesk/internal/message"
)

// maxBlank is the longest run of line ends, in bytes, inside a body that is
// verified: the simple canonicalisation of the library copies a run anew for
// each piece that it reads, so that 8 MB of empty lines take it half a minute.
const maxBlank = 8 << 10

const readSize = 64 << 10

// body is where the bytes to be hashed are.
type body struct {
	src        message.Source
	start, end int64
	blank      bool // there are too many empty lines in one place
	cut        bool // there was no time to look
}

// scanBody looks for long runs of empty lines, and leaves those at the end
// out: both canonicalisations ignore them, RFC 6376 §3.4.3 and §3.4.4.
func scanBody(ctx context.Context, src message.Source, start int64) body {
	b := body{src: src, start: start, end: src.Size()}
	if b.end-b.start <= maxBlank || !b.hasBlankBlock() {
		return b
	}
	buf := make([]byte, min(readSize, max(b.end-start, 1)))
	run, runStart := int64(0), start // a run of CR and LF
	longest := int64(0)
	for off := start; off < b.end; {
		n, err := src.ReadAt(buf[:min(int64(len(buf)), b.end-off)], off)
		if n == 0 || ctx.Err() != nil || err != nil && err != io.EOF {
			b.cut = true
			return b
		}
		for i, c := range buf[:n] {
			if c == '\r' || c == '\n' {
				if run == 0 {
					runStart = off + int64(i)
				}
				run++
				continue
			}
			longest = max(longest, run)
			run = 0
		}
		off += int64(n)
	}
	b.blank = longest > maxBlank
	if run > maxBlank {
		b.end, b.blank = b.trimEnd(runStart, b.blank)
	}
	return b
}

// hasBlankBlock says whether a block of the body has nothing but line ends, or
// can't be read. Of blocks that are half as long as maxBlank a longer run holds
// at least one, and nearly every other is told by its first byte.
func (b body) hasBlankBlock() bool {
	blank := func(part []byte, off int64) bool {
		n, err := b.src.ReadAt(part, off)
		return n < len(part) && err != nil || len(bytes.Trim(part, "\r\n")) == 0
	}
	block := make([]byte, maxBlank/2)
	for off := b.start; off+int64(len(block)) <= b.end; off += int64(len(block)) {
		if blank(block[:1], off) && blank(block, off) {
			return true
		}
	}
	return false
}

// trimEnd keeps the first line end of a last run that is made of CRLF alone; a
// run with a stray CR or LF is not for us to shorten.
func (b body) trimEnd(runStart int64, blank bool) (end int64, tooBlank bool) {
	buf := make([]byte, readSize)
	if (b.end-runStart)%2 != 0 {
		return b.end, true
	}
	for off := runStart; off < b.end; {
		n, _ := b.src.ReadAt(buf[:min(int64(len(buf)), b.end-off)], off)
		if n < 2 {
			return b.end, true
		}
		n &^= 1
		for i := 0; i < n; i += 2 {
			if buf[i] != '\r' || buf[i+1] != '\n' {
				return b.end, true
			}
		}
		off += int64(n)
	}
	return runStart + 2, blank
}

// bodyReader reads the body and ends early when the time is over. It never
// returns an error: the DKIM library leaks a goroutine for each signature when
// a read fails. cut says that the hash is of no worth.
type bodyReader struct {
	ctx      context.Context
	src      message.Source
	off, end int64
	cut      bool
}

func (r *bodyReader) Read(p []byte) (int, error) {
	if r.off >= r.end || len(p) == 0 {
		return 0, io.EOF
	}
	n, err := r.src.ReadAt(p[:min(int64(len(p)), r.end-r.off)], r.off)
	if n == 0 || r.ctx.Err() != nil || err != nil && err != io.EOF {
		r.cut = true
		return 0, io.EOF
	}
	r.off += int64(n)
	return n, nil
}

// pieceSize is how many bytes of a body in memory the library is given at a time. It makes two copies of each piece, and a third of one
// that begins with a line: a prime, so that pieces seldom do.
const pieceSize = 16<<10 - 3

// WriteTo is io.WriterTo. Like Read it ends early when the time is over.
func (r *bodyReader) WriteTo(w io.Writer) (written int64, err error) {
	rest := message.Window(r.src, r.off, r.end-r.off)
	if rest == nil {
		return io.Copy(w, struct{ io.Reader }{r})
	}
	for piece := range slices.Chunk(rest, pieceSize) {
		if r.ctx.Err() != nil {
			r.cut = true
			break
		}
		n, err := w.Write(piece)
		r.off, written = r.off+int64(n), written+int64(n)
		if err != nil {
			return written, err
		}
	}
	return written, nil
}
