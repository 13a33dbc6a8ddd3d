package message

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"os"
)

// SpoolMemory is how much of a mail a Spool holds in memory by default, in
// bytes. Most mails are smaller; the rest goes to a temporary file.
const SpoolMemory = 256 << 10

var (
	errSpoolClosed = errors.New("spool: closed")
	errSpoolOpen   = errors.New("spool: read before it was sealed")
	errSpoolSealed = errors.New("spool: written after it was sealed")
)

// Spool takes the bytes of a mail that is being received: up to a limit in
// memory, beyond it in a temporary file of mode 0600. It counts and hashes
// while it is written. Seal ends the writing; then it is a Source that several
// goroutines may read. Close frees it and is always due.
//
// The file loses its name at once where the system allows it, so that a crash
// leaves nothing behind; otherwise Close removes it.
type Spool struct {
	dir      string
	limit    int
	expected int64   // the size that was said beforehand, 0 for none
	pool     *Spools // whose bounds it keeps; nil is none
	mem      []byte
	file     *os.File
	name     string // "" when the file has no name any more
	size     int64
	hash     hash.Hash
	sum      [sha256.Size]byte
	inFile   int64 // bytes taken from the pool's disk
	err      error // of the first failed write; it stays
	sealed   bool
	closed   bool
}

// NewSpool makes an empty spool whose file, if it comes to one, lies in dir
// ("" is the system's). memory is the limit in bytes; 0 is SpoolMemory and a
// negative one means that everything goes to the file.
func NewSpool(dir string, memory int) *Spool {
	if memory == 0 {
		memory = SpoolMemory
	}
	return &Spool{dir: dir, limit: memory, hash: sha256.New()}
}

// Write adds to the mail. After an error every further Write fails with it: a
// mail with a hole must not look whole. What was stored is freed at once, since
// the sender may take an hour more for the rest.
func (s *Spool) Write(p []byte) (int, error) {
	switch {
	case s.closed:
		return 0, errSpoolClosed
	case s.sealed:
		return 0, errSpoolSealed
	case s.err != nil:
		return 0, s.err
	}
	if err := s.store(p); err != nil {
		s.err = errors.Join(fmt.Errorf("spool: %w", err), s.free())
		return 0, s.err
	}
	s.hash.Write(p)
	s.size += int64(len(p))
	return len(p), nil
}

// store puts p in memory, or in the file once the limit is passed, or once all
// spools together have as much memory as they may.
func (s *Spool) store(p []byte) error {
	if s.file == nil && s.grow(len(p)) {
		s.mem = append(s.mem, p...)
		return nil
	}
	if s.file == nil {
		if err := s.openFile(); err != nil {
			return err
		}
	}
	return s.writeFile(p)
}

// believed is how many times more than is here already a mail may be said to have: for a word alone nobody gets memory.
const believed = 8

// grow makes room for n bytes in memory, if there may be so many.
func (s *Spool) grow(n int) bool {
	need := len(s.mem) + n
	if need > s.limit {
		return false
	}
	if need <= cap(s.mem) {
		return true
	}
	size := max(2*cap(s.mem), need, 4<<10)
	if n := s.expected; int64(need) <= n && n <= believed*int64(need) {
		size = int(n)
	}
	size = min(s.limit, size)
	if !s.pool.takeMemory(size - cap(s.mem)) {
		return false
	}
	mem := make([]byte, len(s.mem), size)
	copy(mem, s.mem)
	s.mem = mem
	return true
}

// writeFile adds p to the file, if there is room on the disk.
func (s *Spool) writeFile(p []byte) error {
	if !s.pool.takeDisk(len(p)) {
		return ErrSpoolFull
	}
	_, err := s.file.Write(p)
	s.inFile += int64(len(p))
	s.pool.written(len(p))
	return err
}

// openFile moves what is in memory to a new file.
func (s *Spool) openFile() error {
	if !s.pool.hasDisk(int64(len(s.mem))) { // before there is a file
		return ErrSpoolFull
	}
	f, err := os.CreateTemp(s.dir, "incoming-*.eml") // mode 0600
	if err != nil {
		return err
	}
	s.file, s.name = f, f.Name()
	if os.Remove(s.name) == nil {
		s.name = ""
	}
	if err := s.writeFile(s.mem); err != nil {
		return err
	}
	s.freeMemory()
	return nil
}

// Seal ends the writing. It returns the error of a Write that failed.
func (s *Spool) Seal() error {
	if s.closed {
		return errSpoolClosed
	}
	if s.err != nil {
		return s.err
	}
	if !s.sealed {
		s.sealed = true
		s.hash.Sum(s.sum[:0])
	}
	return nil
}

// Size is the number of bytes written so far.
func (s *Spool) Size() int64 { return s.size }

// SHA256 is the hash of the whole mail; it is zero before Seal.
func (s *Spool) SHA256() [sha256.Size]byte { return s.sum }

// InMemory says whether no file was needed.
func (s *Spool) InMemory() bool { return s.file == nil }

// ReadAt implements io.ReaderAt. It fails before Seal and after Close.
func (s *Spool) ReadAt(p []byte, off int64) (int, error) {
	switch {
	case s.closed:
		return 0, errSpoolClosed
	case !s.sealed:
		return 0, errSpoolOpen
	case s.file != nil:
		return s.file.ReadAt(p, off)
	}
	return readMemory(p, s.mem, off)
}

// window gives the bytes that are in memory. They stay what they are after Close: no other spool gets them.
func (s *Spool) window(off, n int64) []byte {
	if s.closed || !s.sealed || s.file != nil {
		return nil
	}
	return s.mem[off : off+n : off+n]
}

// Close frees memory and file. Further calls do nothing.
func (s *Spool) Close() error {
	if s.closed {
		return nil
	}
	s.closed = true
	return s.free()
}

// free gives memory and file back.
func (s *Spool) free() error {
	s.freeMemory()
	if s.file == nil {
		return nil
	}
	err := s.file.Close()
	if s.name != "" {
		err = errors.Join(err, os.Remove(s.name))
	}
	s.pool.giveDisk(s.inFile)
	s.file, s.inFile = nil, 0
	return err
}

func (s *Spool) freeMemory() {
	s.pool.giveMemory(cap(s.mem))
	s.mem = nil
}
