package store

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"

	"postdesk/store/journal"
)

// The engine's own keys begin with a zero byte, which the tables' keys may not.
var (
	keyPosition = []byte("\x00p") // not in the journal: it says what of the journal is in the index
	keySchema   = []byte("\x00v")
	keyFreed    = []byte("\x00f") // write-sets of the journal up to this record are gone
	prefixMail  = []byte("\x00m")
	prefixErase = []byte("\x00e") // mails whose bytes are still to be punched out
	firstKey    = []byte{1}       // the lowest key of the tables
)

const engineVersion = 1

func mailKey(prefix []byte, id MailID) []byte {
	return binary.BigEndian.AppendUint64(append(make([]byte, 0, 10), prefix...), uint64(id))
}

func mailOfKey(key []byte) MailID { return MailID(binary.BigEndian.Uint64(key[len(prefixMail):])) }

// mailEntry says where a mail lies.
type mailEntry struct {
	erased bool
	span   journal.Span
}

const mailEntrySize = 2 + 3*8 + sha256.Size

func (e *mailEntry) encode() []byte {
	b := make([]byte, 2, mailEntrySize)
	b[0] = engineVersion
	if e.erased {
		b[1] = 1
	}
	b = binary.BigEndian.AppendUint64(b, e.span.Segment)
	b = binary.BigEndian.AppendUint64(b, uint64(e.span.Offset))
	b = binary.BigEndian.AppendUint64(b, uint64(e.span.Length))
	return append(b, e.span.SHA256[:]...)
}

func decodeMailEntry(b []byte) (e mailEntry, err error) {
	if len(b) != mailEntrySize || b[0] != engineVersion {
		return e, fmt.Errorf("%w: an entry of a mail has %d bytes: run `postdesk verify`", ErrDamaged, len(b))
	}
	e.erased = b[1] == 1
	e.span.Segment = binary.BigEndian.Uint64(b[2:])
	e.span.Offset = int64(binary.BigEndian.Uint64(b[10:]))
	e.span.Length = int64(binary.BigEndian.Uint64(b[18:]))
	copy(e.span.SHA256[:], b[26:])
	return e, nil
}

// position is what the index knows of the journal.
type position struct {
	journal [16]byte
	last    journal.Position // the newest record that the index contains
	floor   journal.Position // all up to here lies in Badger's tables, none of it in its log
	mails   MailID           // the highest number given
}

const positionSize = 1 + 16 + 8*8 + 8

func (p *position) encode() []byte {
	b := append(make([]byte, 0, positionSize), engineVersion)
	b = append(b, p.journal[:]...)
	for _, r := range []journal.Position{p.last, p.floor} {
		for _, n := range []uint64{r.Seq, r.Segment, uint64(r.Offset), uint64(r.End)} {
			b = binary.BigEndian.AppendUint64(b, n)
		}
	}
	return binary.BigEndian.AppendUint64(b, uint64(p.mails))
}

func decodePosition(b []byte) (p position, err error) {
	if len(b) != positionSize || b[0] != engineVersion {
		return p, fmt.Errorf("%w: the index does not say what it contains: run `postdesk verify --rebuild`", ErrDamaged)
	}
	copy(p.journal[:], b[1:])
	b = b[17:]
	for _, r := range []*journal.Position{&p.last, &p.floor} {
		r.Seq, r.Segment = binary.BigEndian.Uint64(b), binary.BigEndian.Uint64(b[8:])
		r.Offset, r.End = int64(binary.BigEndian.Uint64(b[16:])), int64(binary.BigEndian.Uint64(b[24:]))
		b = b[32:]
	}
	p.mails = MailID(binary.BigEndian.Uint64(b))
	return p, nil
}

// checkKey guards the engine's own keys, and those that Badger keeps for itself.
func checkKey(key []byte) error {
	switch {
	case len(key) == 0 || key[0] == 0:
		return fmt.Errorf("store: key %q: a key has at least one byte and does not begin with zero", key)
	case len(key) > MaxKey:
		return fmt.Errorf("%w: a key of %d bytes", ErrTooLarge, len(key))
	case len(key) >= 8 && string(key[:8]) == "!badger!":
		return fmt.Errorf("store: key %q is reserved", key)
	}
	return nil
}
