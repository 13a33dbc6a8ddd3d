package journal

import (
	"bytes"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"

	"postdesk/internal/disk"
)

// Record is one that is read.
type Record struct {
	Position
	Blobs int64 // bytes of blobs, which lie behind the head
	raw   []byte
}

// Ops calls fn for every operation. Slices are valid until the next record.
func (r *Record) Ops(fn func(Op) error) error { return decodeOps(r.raw, fn) }

// From says where to begin reading, and what was acknowledged.
type From struct {
	// After is a record that the caller has applied; reading begins behind it.
	After Position
	// Acked is the highest sequence number that is known to have been durable. A bad record up
	// to it is damage, never a torn tail.
	Acked uint64
}

// Open opens a journal, calls apply for every record after from.After in order, and prepares it for
// writing: a record that a power loss left torn at the very end is cut off. Damage
// before that is ErrDamaged, and missing acknowledged records are ErrBehind;
// neither changes a file.
func Open(o Options, from From, apply func(*Record) error) (*Journal, error) {
	if o.SegmentSize <= 0 {
		o.SegmentSize = DefaultSegment
	}
	j := &Journal{o: o}
	if err := j.load(); err != nil {
		return nil, errors.Join(err, j.Close())
	}
	if err := j.replay(from, apply); err != nil {
		return nil, errors.Join(err, j.Close())
	}
	return j, nil
}

func (j *Journal) replay(from From, apply func(*Record) error) error {
	if len(j.segs) == 0 {
		if from.Acked > 0 || from.After.Seq > 0 {
			return fmt.Errorf("%w: it is empty and should go up to record %d", ErrBehind, max(from.Acked, from.After.Seq))
		}
		return nil
	}
	c, err := j.start(from.After)
	if err != nil {
		return err
	}
	for {
		err := c.next(from.Acked)
		if errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return err
		}
		if err := apply(&c.rec); err != nil {
			return err
		}
	}
	if c.seq < from.Acked {
		return fmt.Errorf("%w: it ends at record %d in %s and should go up to %d", ErrBehind, c.seq, c.s.path(), from.Acked)
	}
	j.last = c.last
	return j.cutTail(c)
}

func (s *segment) path() string { return s.j.path(s.first) }

// cursor walks over records.
type cursor struct {
	j    *Journal
	s    *segment
	at   int64
	seq  uint64 // of the last good record
	last Position
	rec  Record
	buf  [headSize]byte
}

// start puts a cursor behind a record, which must be where it was.
func (j *Journal) start(after Position) (*cursor, error) {
	if after.Seq == 0 {
		s := j.segs[0]
		if s.first != 1 {
			return nil, fmt.Errorf("%w: its first segment is %s, those before are missing", ErrDamaged, s.path())
		}
		return &cursor{j: j, s: s, at: fileHeadSize}, nil
	}
	s := j.find(after.Segment)
	if s == nil {
		return nil, fmt.Errorf("%w: segment %s with record %d is missing", ErrBehind, fileName(after.Segment), after.Seq)
	}
	c := &cursor{j: j, s: s, at: after.Offset, seq: after.Seq - 1}
	h, ok := c.head()
	if !ok || h.seq != after.Seq || after.Offset+h.size() != after.End {
		return nil, fmt.Errorf("%w: record %d is not at %d in %s", ErrBehind, after.Seq, after.Offset, s.path())
	}
	c.at, c.seq, c.last = after.End, after.Seq, after
	return c, nil
}

// head reads a record's head at the cursor.
func (c *cursor) head() (head, bool) {
	if n, _ := c.s.ReadAt(c.buf[:], c.at); n < headSize {
		return head{}, false
	}
	return decodeHead(c.buf[:], &c.s.head.salt)
}

// next reads one record. io.EOF is the end of the journal, which may be a torn
// record, but never one up to acked.
func (c *cursor) next(acked uint64) error {
	h, ok := c.head()
	if !ok {
		next := c.j.after(c.s.first)
		if next == nil {
			return c.tail("has no good head", acked)
		}
		if next.first != c.seq+1 {
			return c.damaged(fmt.Sprintf("record %d should follow, the next segment begins with %d", c.seq+1, next.first))
		}
		c.s, c.at = next, fileHeadSize
		if h, ok = c.head(); !ok {
			return c.tail("has no good head", acked)
		}
	}
	if h.seq != c.seq+1 {
		return c.damaged(fmt.Sprintf("record %d follows on %d", h.seq, c.seq))
	}
	if why := c.load(&h, acked); why != "" {
		return c.tail(why, acked)
	}
	c.at, c.seq, c.last = c.rec.End, h.seq, c.rec.Position
	return nil
}

// load reads and checks the record at the cursor. The blobs of acknowledged records are not
// read: they have their own checksums, and may have been erased.
func (c *cursor) load(h *head, acked uint64) (why string) {
	size, err := c.s.size()
	if err != nil || c.at+h.size() > size {
		return "is cut short"
	}
	if cap(c.rec.raw) < int(h.ops) {
		c.rec.raw = make([]byte, h.ops)
	}
	c.rec = Record{Blobs: h.blobs, raw: c.rec.raw[:h.ops]}
	c.rec.Position = Position{Seq: h.seq, Segment: c.s.first, Offset: c.at, End: c.at + h.size()}
	if _, err := c.s.ReadAt(c.rec.raw, c.at+headSize+h.blobs); err != nil && len(c.rec.raw) > 0 {
		return "can't be read: " + err.Error()
	}
	if crc32.Checksum(c.rec.raw, castagnoli) != h.opsSum {
		return "has operations with a wrong checksum"
	}
	// A record with a successor was synced before its successor was written.
	if h.seq <= acked || c.followed() {
		return ""
	}
	if got, err := sumRange(c.s, c.at+headSize, h.blobs); err != nil || got != h.blobsSum {
		return "has blobs with a wrong checksum"
	}
	return ""
}

// followed says whether a good record stands behind the one just read.
func (c *cursor) followed() bool {
	f := cursor{j: c.j, s: c.s, at: c.rec.End}
	h, ok := f.head()
	return ok && h.seq == c.rec.Seq+1 || c.j.after(c.s.first) != nil
}

// tail decides what a bad record is: the torn end of the journal, or damage.
// A later record proves damage, since it was written only after this one was synced.
func (c *cursor) tail(why string, acked uint64) error {
	if c.seq < acked || c.j.after(c.s.first) != nil {
		return c.damaged("the record " + why)
	}
	later, err := c.later()
	if err != nil {
		return err
	}
	if later > c.seq+1 {
		return c.damaged(fmt.Sprintf("the record %s, and record %d stands behind it", why, later))
	}
	return io.EOF
}

func (c *cursor) damaged(what string) error {
	return fmt.Errorf("%w: %s at %d, after record %d: %s", ErrDamaged, c.s.path(), c.at, c.seq, what)
}

// later looks for a good head behind a bad record, and gives its number or 0.
func (c *cursor) later() (uint64, error) {
	_, seq, err := c.search(c.seq + 1)
	return seq, err
}

// search looks for a head with a number above seq behind the cursor; none is 0.
func (c *cursor) search(seq uint64) (off int64, found uint64, err error) {
	size, err := c.s.size()
	if err != nil {
		return 0, 0, err
	}
	const overlap = headSize - 1
	buf := make([]byte, 1<<20)
	for off := c.at + 1; off < size; off += int64(len(buf) - overlap) {
		n, err := c.s.ReadAt(buf, off)
		if err != nil && !errors.Is(err, io.EOF) {
			return 0, 0, err
		}
		if i, found := headIn(buf[:n], &c.s.head.salt, seq); found > 0 {
			return off + int64(i), found, nil
		}
	}
	return 0, 0, nil
}

// headIn finds a head with a number above seq.
func headIn(b []byte, salt *[16]byte, seq uint64) (at int, found uint64) {
	for i := 0; ; i++ {
		k := bytes.Index(b[i:], recordMagic)
		if k < 0 {
			return 0, 0
		}
		i += k
		if h, ok := decodeHead(b[i:], salt); ok && h.seq > seq {
			return i, h.seq
		}
	}
}

// cutTail removes what a power loss left behind the last good record, so that no rest of it
// can ever be met again.
func (j *Journal) cutTail(c *cursor) error {
	s := c.s
	clean, err := c.zeros()
	if err != nil {
		return err
	}
	s.mu.Lock()
	s.active = true
	s.mu.Unlock()
	if err := s.open(); err != nil || clean {
		return err
	}
	if j.o.KeepTail {
		if err := c.keepTail(); err != nil {
			return err
		}
	}
	return s.with(func(f disk.File) error {
		if err := f.Truncate(c.at); err != nil {
			return err
		}
		if err := f.Sync(); err != nil {
			return err
		}
		err := f.Allocate(j.o.SegmentSize)
		if err != nil && errors.Is(j.full(err), ErrFull) {
			return nil // the file grows as it is written
		}
		return err
	})
}

// keepTail copies what is behind the cursor.
func (c *cursor) keepTail() error {
	size, err := c.s.size()
	if err != nil {
		return err
	}
	path := filepath.Join(c.j.o.Dir, fmt.Sprintf("torn-%020d", c.seq+1))
	if err := c.j.o.FS.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	f, err := copyTo(c.j.o.FS, path, io.NewSectionReader(c.s, c.at, size-c.at), size-c.at)
	if err != nil {
		return err
	}
	return f.Close()
}

// zeros says whether there is nothing but zeros behind the cursor.
func (c *cursor) zeros() (bool, error) {
	size, err := c.s.size()
	if err != nil {
		return false, err
	}
	buf := make([]byte, 1<<20)
	for off := c.at; off < size; off += int64(len(buf)) {
		n, err := c.s.ReadAt(buf, off)
		if err != nil && !errors.Is(err, io.EOF) {
			return false, err
		}
		if !allZero(buf[:n]) {
			return false, nil
		}
	}
	return true, nil
}

func allZero(b []byte) bool {
	for _, c := range b {
		if c != 0 {
			return false
		}
	}
	return true
}

// Read calls fn for the records after after, up to upTo. All of them must be there.
func (j *Journal) Read(after Position, upTo uint64, fn func(*Record) error) error {
	if upTo <= after.Seq {
		return nil
	}
	c, err := j.start(after)
	if err != nil {
		return err
	}
	for c.seq < upTo {
		if err := c.next(upTo); err != nil {
			return err
		}
		if err := fn(&c.rec); err != nil {
			return err
		}
	}
	return nil
}
