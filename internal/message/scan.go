package message

import (
	"bytes"
	"io"
)

// window is how much of a mail is in memory at a time. A line that is longer
// comes in pieces.
const window = 64 << 10

// scanner reads the lines of a source once, from front to back.
type scanner struct {
	src    Source
	size   int64
	memory []byte // the whole source, if it is in memory: buf is then a part of it
	buf    []byte // what was read and is still needed; nobody writes to it but fill
	base   int64  // offset of buf[0] in src
	pos    int    // next byte of buf
}

func newScanner(src Source) scanner {
	s := scanner{src: src, size: src.Size()}
	if s.memory = Window(src, 0, s.size); s.memory == nil {
		s.buf = make([]byte, 0, min(s.size+1, window))
	}
	return s
}

// offset is where the next byte lies in the source.
func (s *scanner) offset() int64 { return s.base + int64(s.pos) }

// atEnd is true when all bytes were read.
func (s *scanner) atEnd() bool { return s.offset() >= s.size }

// fill reads more. It keeps the two bytes before pos, which may be the line end
// that belongs to a boundary. It returns false when there is no more or no room.
func (s *scanner) fill() (bool, error) {
	end := s.base + int64(len(s.buf))
	if end >= s.size {
		return false, nil
	}
	if s.memory != nil {
		return s.slide(end), nil
	}
	if drop := s.pos - 2; drop > 0 {
		n := copy(s.buf, s.buf[drop:])
		s.buf, s.base, s.pos = s.buf[:n], s.base+int64(drop), 2
	}
	room := s.buf[len(s.buf):cap(s.buf)]
	if len(room) == 0 {
		return false, nil
	}
	n, err := s.src.ReadAt(room[:min(int64(len(room)), s.size-end)], end)
	s.buf = s.buf[:len(s.buf)+n]
	if n > 0 {
		return true, nil
	}
	if err == nil || err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	return false, err
}

// slide moves the window over a source in memory, as fill does over another.
func (s *scanner) slide(end int64) bool {
	if drop := s.pos - 2; drop > 0 {
		s.base, s.pos = s.base+int64(drop), 2
	}
	s.buf = s.memory[s.base:min(s.base+window, s.size)]
	return s.base+int64(len(s.buf)) > end
}

// lookAhead reads until n bytes, or all that are left, are in memory.
func (s *scanner) lookAhead(n int) error {
	for len(s.buf)-s.pos < n {
		if more, err := s.fill(); !more {
			return err
		}
	}
	return nil
}

// line returns the next line with its end, without going past it. A line that
// does not fit in the window, or the last one, comes without line end.
func (s *scanner) line() ([]byte, error) {
	seen := 0
	for {
		rest := s.buf[s.pos:]
		if i := bytes.IndexByte(rest[seen:], '\n'); i >= 0 {
			return rest[:seen+i+1], nil
		}
		seen = len(rest)
		more, err := s.fill()
		if err != nil {
			return nil, err
		}
		if !more {
			return s.buf[s.pos:], nil
		}
	}
}

// skip goes past n bytes that line returned.
func (s *scanner) skip(n int) { s.pos += n }

// skipLine goes to the beginning of the next line.
func (s *scanner) skipLine() error {
	for !s.atEnd() {
		l, err := s.line()
		if err != nil {
			return err
		}
		s.skip(len(l))
		if bytes.HasSuffix(l, []byte("\n")) {
			return nil
		}
	}
	return nil
}

// nextDashes goes from the beginning of a line to the next line, this one
// included, that begins with "--". It returns false at the end of the source.
func (s *scanner) nextDashes() (bool, error) {
	if err := s.lookAhead(2); err != nil {
		return false, err
	}
	if len(s.buf)-s.pos >= 2 && s.buf[s.pos] == '-' && s.buf[s.pos+1] == '-' {
		return true, nil
	}
	for {
		if i := bytes.Index(s.buf[s.pos:], []byte("\n--")); i >= 0 {
			s.pos += i + 1
			return true, nil
		}
		s.pos = max(s.pos, len(s.buf)-2) // "\n-" may be cut in two
		if more, err := s.fill(); !more {
			s.pos = len(s.buf)
			return false, err
		}
	}
}

// lineEndBefore is the length of the line end before pos: 2 for CRLF, 1 for LF.
func (s *scanner) lineEndBefore() int64 {
	if s.pos < 1 || s.buf[s.pos-1] != '\n' {
		return 0
	}
	if s.pos >= 2 && s.buf[s.pos-2] == '\r' {
		return 2
	}
	return 1
}
