package journal

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"syscall"

	"postdesk/internal/disk"
)

// segment is one file. Its handle is opened when needed and may be closed when many are
// open; the lock keeps it open while it is read.
type segment struct {
	j     *Journal
	first uint64
	head  fileHead

	mu     sync.RWMutex
	f      disk.File
	active bool // being written: never closed to save handles
	closed bool
}

// handles remembers which segments are open, oldest first.
type handles struct {
	sync.Mutex
	open []*segment
}

// maxHandles is how many sealed segments stay open.
const maxHandles = 256

func (h *handles) opened(s *segment) {
	h.Lock()
	h.open = append(h.open, s)
	var old *segment
	if len(h.open) > maxHandles {
		old, h.open = h.open[0], h.open[1:]
	}
	h.Unlock()
	if old != nil && old != s {
		old.rest()
	}
}

// rest closes a handle that is not needed now.
func (s *segment) rest() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.f != nil && !s.active {
		s.f.Close() // was only read, or synced when sealed
		s.f = nil
	}
}

func (s *segment) close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	if s.f == nil {
		return nil
	}
	err := s.f.Close()
	s.f = nil
	return err
}

// with runs fn on the open file.
func (s *segment) with(fn func(disk.File) error) error {
	for {
		s.mu.RLock()
		if s.f != nil {
			defer s.mu.RUnlock()
			return fn(s.f)
		}
		s.mu.RUnlock()
		if err := s.open(); err != nil {
			return err
		}
	}
}

func (s *segment) open() error {
	s.mu.Lock()
	if s.f != nil {
		s.mu.Unlock()
		return nil
	}
	if s.closed {
		s.mu.Unlock()
		return os.ErrClosed
	}
	f, err := s.j.o.FS.Open(s.j.path(s.first))
	if err == nil {
		s.f = f
	}
	s.mu.Unlock()
	if err == nil {
		s.j.handles.opened(s)
	}
	return err
}

// ReadAt reads from the file.
func (s *segment) ReadAt(p []byte, off int64) (n int, err error) {
	err = s.with(func(f disk.File) error {
		n, err = f.ReadAt(p, off)
		return err
	})
	return n, err
}

func (s *segment) size() (n int64, err error) {
	err = s.with(func(f disk.File) error {
		n, err = f.Size()
		return err
	})
	return n, err
}

func (s *segment) readHead() error {
	b := make([]byte, fileHeadSize)
	_, err := s.ReadAt(b, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	s.head, err = decodeFileHead(b)
	if err == nil && s.head.first != s.first {
		err = fmt.Errorf("%w: its head says that it is segment %d", ErrDamaged, s.head.first)
	}
	if err != nil {
		return fmt.Errorf("segment %s: %w", s.j.path(s.first), err)
	}
	return nil
}

// create makes the segment whose first record will be first, and makes it the active
// one. The order is: write, sync, rename, sync the directory; a segment under its
// final name therefore always has a good head. Want of room leaves nothing
// behind and is ErrFull; every other failure stops the journal.
func (j *Journal) create(first uint64) (*segment, error) {
	s := &segment{j: j, first: first, active: true}
	s.head = fileHead{first: first, journal: j.id}
	if _, err := rand.Read(s.head.salt[:]); err != nil {
		return nil, err
	}
	tmp := filepath.Join(j.o.Dir, unfinished)
	f, err := j.o.FS.Create(tmp)
	if err != nil {
		return nil, j.full(err)
	}
	if err := j.fill(f, s.head.encode()); err != nil {
		err = errors.Join(err, f.Close(), j.o.FS.Remove(tmp))
		return nil, j.full(err)
	}
	if err := f.Sync(); err != nil {
		return nil, j.stop(errors.Join(err, f.Close()))
	}
	if err := j.o.FS.Rename(tmp, j.path(first)); err != nil {
		return nil, j.stop(errors.Join(err, f.Close()))
	}
	if err := j.o.FS.SyncDir(j.o.Dir); err != nil {
		return nil, j.stop(errors.Join(err, f.Close()))
	}
	s.f = f
	j.mu.Lock()
	j.segs = append(j.segs, s)
	j.mu.Unlock()
	return s, nil
}

// full tells want of room, which mends itself, from a broken disk.
func (j *Journal) full(err error) error {
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		return fmt.Errorf("%w: %w", ErrFull, err)
	}
	return j.stop(err)
}

// fill reserves room, less where there is little, and writes the head.
func (j *Journal) fill(f disk.File, head []byte) error {
	err := f.Allocate(j.o.SegmentSize)
	for size := j.o.SegmentSize / 8; errors.Is(err, syscall.ENOSPC) && size >= 64<<10; size /= 8 {
		err = f.Allocate(size)
	}
	if err != nil {
		return err
	}
	_, err = f.WriteAt(head, 0)
	return err
}

// seal ends the active segment: the reserved room that it did not use goes.
func (j *Journal) seal(s *segment) error {
	err := s.with(func(f disk.File) error {
		if err := f.Truncate(j.last.End); err != nil {
			return err
		}
		return f.Sync()
	})
	if err != nil {
		return j.stop(err)
	}
	s.mu.Lock()
	s.active = false
	s.mu.Unlock()
	j.handles.opened(s)
	return nil
}

// active gives the segment to write to, a new one when the last is full.
func (j *Journal) active() (*segment, error) {
	j.mu.RLock()
	var s *segment
	if len(j.segs) > 0 {
		s = j.segs[len(j.segs)-1]
	}
	j.mu.RUnlock()
	if s != nil && (j.last.Segment != s.first || j.last.End < j.o.SegmentSize) {
		return s, nil
	}
	fresh, err := j.create(j.last.Seq + 1)
	if err != nil || s == nil {
		return fresh, err
	}
	return fresh, j.seal(s)
}
