package journal

import (
	"errors"
	"fmt"
	"hash/crc32"
	"io"
)

// Check reads every record up to the record upTo and reports what is wrong in
// one sentence each. A record up to freed may have no operations any more. Blobs
// are not read: they have their own checksums.
func (j *Journal) Check(upTo, freed uint64, report func(string)) error {
	expect := uint64(1)
	for _, first := range j.Segments() {
		if first > upTo {
			break
		}
		s := j.find(first)
		if first != expect {
			report(fmt.Sprintf("%s: should begin with record %d: records between are missing", s.path(), expect))
			expect = first
		}
		if err := s.readHead(); err != nil {
			report(err.Error())
			continue
		}
		var err error
		if expect, err = j.checkSegment(s, expect, upTo, freed, report); err != nil {
			return err
		}
	}
	if expect <= upTo {
		report(fmt.Sprintf("the journal ends at record %d and should go up to %d", expect-1, upTo))
	}
	return nil
}

// checkSegment gives the number of the record that should follow.
func (j *Journal) checkSegment(s *segment, expect, upTo, freed uint64, report func(string)) (uint64, error) {
	c := cursor{j: j, s: s, at: fileHeadSize, seq: expect - 1}
	for c.seq < upTo {
		h, ok := c.head()
		if !ok {
			end, err := c.resync(upTo, report)
			if end || err != nil {
				return c.seq + 1, err
			}
			continue
		}
		if h.seq != c.seq+1 {
			report(fmt.Sprintf("%s: record %d follows on %d at %d", s.path(), h.seq, c.seq, c.at))
		}
		if why := c.checkOps(&h, freed); why != "" {
			report(fmt.Sprintf("%s: record %d at %d %s", s.path(), h.seq, c.at, why))
		}
		c.seq, c.at = h.seq, c.at+h.size()
	}
	return c.seq + 1, nil
}

// resync is called where no head is: at the end of a segment, or at damage.
func (c *cursor) resync(upTo uint64, report func(string)) (end bool, err error) {
	next := c.j.after(c.s.first)
	if next != nil && next.first == c.seq+1 || next == nil && c.seq >= upTo {
		return true, nil
	}
	report(fmt.Sprintf("%s: record %d, at %d, has a damaged head", c.s.path(), c.seq+1, c.at))
	off, seq, err := c.search(c.seq)
	if err != nil || seq == 0 {
		return true, err
	}
	c.at, c.seq = off, seq-1
	return false, nil
}

// checkOps reads a record's operations.
func (c *cursor) checkOps(h *head, freed uint64) string {
	raw := make([]byte, h.ops)
	if _, err := c.s.ReadAt(raw, c.at+headSize+h.blobs); err != nil && !(errors.Is(err, io.EOF) && h.ops == 0) {
		return "can't be read: " + err.Error()
	}
	if crc32.Checksum(raw, castagnoli) == h.opsSum || h.seq <= freed && allZero(raw) {
		return ""
	}
	return "has operations with a wrong checksum"
}
