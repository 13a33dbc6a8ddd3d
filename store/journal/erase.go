package journal

import (
	"errors"
	"fmt"
	"io"
	"path/filepath"

	"postdesk/internal/disk"
)

// unshared is the name of a segment's copy while it is made.
const unshared = "unshared.segment"

// Punch makes n bytes of a segment zeros, for ever, and syncs. The caller's records say
// that these bytes are gone. A file that a backup holds too (a hard link) is copied
// first, so that the backup stays what it was.
func (j *Journal) Punch(segment uint64, off, n int64) error {
	s := j.find(segment)
	if s == nil {
		return fmt.Errorf("%w: segment %s is missing", ErrDamaged, fileName(segment))
	}
	if err := s.unshare(); err != nil {
		return err
	}
	return s.with(func(f disk.File) error {
		if err := f.Punch(off, n); err != nil {
			return err
		}
		return f.Sync()
	})
}

// unshare gives a segment a file of its own.
func (s *segment) unshare() error {
	links := 0
	err := s.with(func(f disk.File) (err error) {
		links, err = f.Links()
		return err
	})
	if err != nil || links < 2 {
		return err
	}
	fs, tmp := s.j.o.FS, filepath.Join(s.j.o.Dir, unshared)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.f == nil {
		return errors.New("journal: closed")
	}
	size, err := s.f.Size()
	if err != nil {
		return err
	}
	f, err := copyTo(fs, tmp, s.f, size)
	if err != nil {
		return err
	}
	if err := fs.Rename(tmp, s.path()); err != nil {
		return errors.Join(err, f.Close())
	}
	s.f.Close() // only read since it was sealed
	s.f = f
	return fs.SyncDir(s.j.o.Dir)
}

// copyTo makes a synced copy of size bytes.
func copyTo(fs disk.FS, path string, src io.ReaderAt, size int64) (disk.File, error) {
	f, err := fs.Create(path)
	if err != nil {
		return nil, err
	}
	_, err = io.CopyBuffer(io.NewOffsetWriter(f, 0), io.NewSectionReader(src, 0, size), make([]byte, 1<<20))
	if err == nil {
		err = f.Sync()
	}
	if err != nil {
		return nil, errors.Join(err, f.Close(), fs.Remove(path))
	}
	return f, nil
}

// CopySegment copies a segment up to end to a new file, and syncs it.
func (j *Journal) CopySegment(segment uint64, end int64, fs disk.FS, path string) error {
	s := j.find(segment)
	if s == nil {
		return fmt.Errorf("%w: segment %s is missing", ErrDamaged, fileName(segment))
	}
	f, err := copyTo(fs, path, s, end)
	if err != nil {
		return err
	}
	return f.Close()
}

// FreeOps gives back the operations of the records after from up to the record
// to. The caller has a snapshot of what they said.
func (j *Journal) FreeOps(from, to uint64) error {
	for _, first := range j.Segments() {
		next := j.after(first)
		if first > to || (next != nil && next.first <= from+1) {
			continue
		}
		if err := j.freeSegment(j.find(first), from, to); err != nil {
			return err
		}
	}
	return nil
}

func (j *Journal) freeSegment(s *segment, from, to uint64) error {
	if err := s.unshare(); err != nil {
		return err
	}
	punch := func(off, n int64) error {
		return s.with(func(f disk.File) error { return f.Punch(off, n) })
	}
	c := cursor{j: j, s: s, at: fileHeadSize}
	for {
		h, ok := c.head()
		if !ok || h.seq > to {
			return s.with(disk.File.Sync)
		}
		if h.seq > from {
			if err := punch(c.at+headSize+h.blobs, int64(h.ops)); err != nil {
				return err
			}
		}
		c.at += h.size()
	}
}
