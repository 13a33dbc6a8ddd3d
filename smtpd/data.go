package smtpd

import (
	"bufio"
	"bytes"
	"io"
	"time"
)

// maxLine is the longest line of a mail that is taken. RFC 5321 §4.5.3.1.6
// promises 1000 octets; real mail has longer ones.
const maxLine = 64 << 10

// defects is what was found wrong with a mail while it was read.
type defects struct {
	tooBig   bool
	longLine bool
	stray    bool // a CR without LF, or a NUL
	// ambiguous: the line before the final dot ended in CR CR LF. Some servers
	// see an end of data there and some do not, so that a mail may be hidden in
	// what follows. We take it for the end, and read nothing more.
	ambiguous bool
	store     error // of the spool
}

// dataScanner reads what follows 354 line by line, RFC 5321 §4.5.2. Only
// CR LF . CR LF ends it. It takes the dots away, and makes CR LF of a bare LF,
// so that nothing downstream can see a line end where we saw none. A dot after
// a bare LF has no meaning.
type dataScanner struct {
	out    io.Writer
	max    int64 // bytes, as they come out
	strict bool  // stop storing at a stray CR or NUL: the mail will be refused
	size   int64
	found  defects

	inLine   bool // the next fragment goes on with a line
	lineLen  int
	afterLF  bool // the line before ended in a bare LF
	afterCR  bool // the line before ended in CR CR LF
	lastCR   bool // the last byte of this line, so far, is a CR without LF
	heldCR   bool // a CR at the end of a fragment, not yet judged
	finished bool
}

var crlf = []byte("\r\n")

// feed takes a fragment: a line up to its LF, or a piece of a long one (at
// least three bytes). It returns true at the end of data.
func (d *dataScanner) feed(frag []byte) bool {
	if d.heldCR {
		frag, d.heldCR = append([]byte{'\r'}, frag...), false
	}
	if !d.inLine && !d.afterLF && frag[0] == '.' {
		if string(frag) == ".\r\n" {
			d.found.ambiguous, d.finished = d.afterCR, true
			return true
		}
		frag = frag[1:]
	}
	d.lineLen += len(frag)
	d.found.longLine = d.found.longLine || d.lineLen > maxLine
	if frag[len(frag)-1] != '\n' {
		d.piece(frag)
		return false
	}
	body, clean := bytes.CutSuffix(frag, crlf)
	if clean {
		d.judge(body)
		d.write(frag)
	} else {
		d.inside(frag[:len(frag)-1])
		d.write(crlf)
	}
	d.afterLF, d.afterCR = !clean, clean && d.lastCR
	d.inLine, d.lineLen, d.lastCR = false, 0, false
	return false
}

// piece takes a fragment that is not the end of its line.
func (d *dataScanner) piece(frag []byte) {
	d.inLine = true
	if frag[len(frag)-1] == '\r' {
		frag, d.heldCR = frag[:len(frag)-1], true
	}
	d.inside(frag)
}

// inside takes bytes between line ends, where a CR has nothing to be.
func (d *dataScanner) inside(p []byte) {
	d.judge(p)
	d.write(p)
}

// judge looks at bytes between line ends.
func (d *dataScanner) judge(p []byte) {
	if len(p) == 0 {
		return
	}
	d.lastCR = p[len(p)-1] == '\r'
	if bytes.IndexByte(p, '\r') >= 0 || bytes.IndexByte(p, 0) >= 0 {
		d.found.stray = true
	}
}

// write stores bytes.
func (d *dataScanner) write(p []byte) {
	d.size += int64(len(p))
	d.found.tooBig = d.found.tooBig || d.size > d.max
	if d.found.tooBig || d.found.store != nil || d.strict && (d.found.stray || d.found.longLine) {
		return
	}
	_, d.found.store = d.out.Write(p)
}

// readData reads a mail up to its real end into w, at most max bytes of it. An
// error means that the end never came; the session is over then. After four
// times max, or 1 MB if that is more, it stops listening.
func (g *gate) readData(w io.Writer, max int64, strict bool) (defects, error) {
	g.pace = dataPace(g.t, time.Now())
	g.turn(true)
	defer g.turn(false)
	if g.store == nil {
		g.store = bufio.NewWriterSize(nil, inBuffer)
	}
	g.store.Reset(w)
	defer g.store.Reset(nil)
	d := dataScanner{out: g.store, max: max, strict: strict}
	for total, limit := int64(0), maxRaw(max); ; {
		frag, err := g.in.ReadSlice('\n')
		if err != nil && err != bufio.ErrBufferFull {
			return d.found, g.broken(err)
		}
		if d.feed(frag) {
			break
		}
		if total += int64(len(frag)); total > limit {
			g.end(answerTooBig)
			return d.found, g.err
		}
	}
	if err := g.store.Flush(); d.found.store == nil {
		d.found.store = err
	}
	return d.found, nil
}

func maxRaw(size int64) int64 { return max(4*size, 1<<20) }
