// Package journal keeps records in append-only segment files. A record holds
// blobs (any bytes) and operations on keys; it is there whole, or not at all, and it is durable
// when Commit has returned nil. The package knows bytes, not mails and not tickets.
//
// One goroutine writes (Begin, Batch, Commit); any may read.
package journal

import (
	"crypto/rand"
	"errors"
	"fmt"
	"path/filepath"
	"sort"
	"strconv"
	"strings"
	"sync"

	"postdesk/internal/disk"
)

// Errors.
var (
	// ErrDamaged: bytes that were durable are gone or changed.
	ErrDamaged = errors.New("journal is damaged")
	// ErrBehind: the journal lacks records that it had once.
	ErrBehind = errors.New("journal lacks acknowledged records")
	// ErrStopped: a write or a sync failed. Nothing but reading works any more, since
	// after a failed sync nobody knows what is on the disk, and a second sync that
	// succeeds proves nothing. Only opening anew can tell.
	ErrStopped = errors.New("journal stopped after a disk error")
	// ErrFull: no room for a new segment; nothing was written.
	ErrFull = errors.New("journal: no room on the disk")
)

// DefaultSegment is the size at which a segment is sealed, bytes.
const DefaultSegment = 128 << 20

// Options say where a journal lies.
type Options struct {
	Dir         string
	FS          disk.FS
	SegmentSize int64 // bytes; 0 is DefaultSegment
	KeepTail    bool  // a torn record that Open cuts off is kept in a file beside
}

// Position is where a record lies. The zero Position is before the first.
type Position struct {
	Seq     uint64 // 1, 2, … without gaps
	Segment uint64 // name of the segment: the sequence number of its first record
	Offset  int64  // of the record's head
	End     int64  // offset after the record
}

// Journal is an open journal.
type Journal struct {
	o       Options
	id      [16]byte
	mu      sync.RWMutex // guards segs; their fields have their own lock
	segs    []*segment   // by first
	handles handles

	last   Position // of the newest durable record
	buf    []byte   // the batch being written
	ops    []byte
	failed struct {
		sync.Mutex
		err error
	}
}

// Last is the position of the newest durable record. For the writing goroutine.
func (j *Journal) Last() Position { return j.last }

// ID is the random number that all segments of this journal carry.
func (j *Journal) ID() [16]byte { return j.id }

// Err is nil, or what stopped the journal.
func (j *Journal) Err() error {
	j.failed.Lock()
	defer j.failed.Unlock()
	return j.failed.err
}

// stop poisons the journal: see ErrStopped.
func (j *Journal) stop(err error) error {
	j.failed.Lock()
	defer j.failed.Unlock()
	if j.failed.err == nil {
		j.failed.err = fmt.Errorf("%w: %w", ErrStopped, err)
	}
	return j.failed.err
}

// Close closes the files. It writes nothing.
func (j *Journal) Close() error {
	var first error
	j.mu.RLock()
	defer j.mu.RUnlock()
	for _, s := range j.segs {
		if err := s.close(); err != nil && first == nil {
			first = err
		}
	}
	return first
}

const suffix = ".journal"

func fileName(first uint64) string { return fmt.Sprintf("%020d%s", first, suffix) }

func (j *Journal) path(first uint64) string { return filepath.Join(j.o.Dir, fileName(first)) }

// SegmentFiles lists the names of a directory that are segments, with their numbers, in order.
func SegmentFiles(fs disk.FS, dir string) (names []string, firsts []uint64, err error) {
	all, err := fs.ReadDir(dir)
	if err != nil {
		return nil, nil, err
	}
	for _, name := range all {
		n, err := strconv.ParseUint(strings.TrimSuffix(name, suffix), 10, 64)
		if err == nil && name == fileName(n) {
			names, firsts = append(names, name), append(firsts, n)
		}
	}
	return names, firsts, nil
}

// load finds the segments and reads their heads.
func (j *Journal) load() error {
	if err := j.o.FS.MkdirAll(j.o.Dir); err != nil {
		return err
	}
	if err := j.removeUnfinished(); err != nil {
		return err
	}
	_, firsts, err := SegmentFiles(j.o.FS, j.o.Dir)
	if err != nil {
		return err
	}
	for i, first := range firsts {
		s := &segment{j: j, first: first}
		if err := s.readHead(); err != nil {
			return err
		}
		if i == 0 {
			j.id = s.head.journal
		} else if s.head.journal != j.id {
			return fmt.Errorf("%w: %s belongs to another journal", ErrDamaged, j.path(first))
		}
		j.segs = append(j.segs, s)
	}
	if len(firsts) == 0 {
		_, err = rand.Read(j.id[:])
	}
	return err
}

// unfinished is the name of a segment whose head is not yet durable.
const unfinished = "new.segment"

func (j *Journal) removeUnfinished() error {
	names, err := j.o.FS.ReadDir(j.o.Dir)
	if err != nil {
		return err
	}
	for _, name := range names {
		if name == unfinished || name == unshared {
			if err := j.o.FS.Remove(filepath.Join(j.o.Dir, name)); err != nil {
				return err
			}
		}
	}
	return nil
}

// find gives the segment of that name, or nil.
func (j *Journal) find(first uint64) *segment {
	j.mu.RLock()
	defer j.mu.RUnlock()
	i := sort.Search(len(j.segs), func(i int) bool { return j.segs[i].first >= first })
	if i < len(j.segs) && j.segs[i].first == first {
		return j.segs[i]
	}
	return nil
}

// after gives the segment that follows, or nil.
func (j *Journal) after(first uint64) *segment {
	j.mu.RLock()
	defer j.mu.RUnlock()
	i := sort.Search(len(j.segs), func(i int) bool { return j.segs[i].first > first })
	if i < len(j.segs) {
		return j.segs[i]
	}
	return nil
}

// Segments lists the names of the segments, oldest first. The last is the one that is written.
func (j *Journal) Segments() []uint64 {
	j.mu.RLock()
	defer j.mu.RUnlock()
	out := make([]uint64, len(j.segs))
	for i, s := range j.segs {
		out[i] = s.first
	}
	return out
}

// Path is the file of a segment.
func (j *Journal) Path(first uint64) string { return j.path(first) }

// ReadAt reads from a segment, like io.ReaderAt.
func (j *Journal) ReadAt(segment uint64, p []byte, off int64) (int, error) {
	s := j.find(segment)
	if s == nil {
		return 0, fmt.Errorf("%w: segment %s is missing", ErrDamaged, fileName(segment))
	}
	return s.ReadAt(p, off)
}
