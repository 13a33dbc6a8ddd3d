package journal

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"
)

// The sizes of what is in a segment file.
const (
	fileHeadSize = 64
	headSize     = 48
	formatNow    = 1
)

var (
	fileMagic   = []byte("PDESKJNL")
	recordMagic = []byte("pdR\x01")
	castagnoli  = crc32.MakeTable(crc32.Castagnoli)
)

// fileHead begins a segment file. The journal's number tells it from another journal's files.
// The salt goes into every record head's checksum: whoever sends a mail that
// contains the image of a record does not know it, so that no byte of a mail
// can ever pass for a record.
type fileHead struct {
	first   uint64 // sequence number of the first record
	journal [16]byte
	salt    [16]byte
}

func (h *fileHead) encode() []byte {
	b := make([]byte, fileHeadSize)
	copy(b, fileMagic)
	binary.LittleEndian.PutUint32(b[8:], formatNow)
	binary.LittleEndian.PutUint64(b[12:], h.first)
	copy(b[20:], h.journal[:])
	copy(b[36:], h.salt[:])
	binary.LittleEndian.PutUint32(b[60:], crc32.Checksum(b[:60], castagnoli))
	return b
}

func decodeFileHead(b []byte) (fileHead, error) {
	var h fileHead
	if len(b) < fileHeadSize || !bytes.Equal(b[:8], fileMagic) {
		return h, fmt.Errorf("%w: it does not begin like a segment", ErrDamaged)
	}
	if crc32.Checksum(b[:60], castagnoli) != binary.LittleEndian.Uint32(b[60:]) {
		return h, fmt.Errorf("%w: the checksum of its first %d bytes is wrong", ErrDamaged, fileHeadSize)
	}
	if v := binary.LittleEndian.Uint32(b[8:]); v != formatNow {
		return h, fmt.Errorf("it has format %d and this postdesk knows only %d: use a newer one", v, formatNow)
	}
	h.first = binary.LittleEndian.Uint64(b[12:])
	copy(h.journal[:], b[20:])
	copy(h.salt[:], b[36:])
	return h, nil
}

// head begins a record: blobs bytes of blobs follow, then ops bytes of operations.
type head struct {
	seq      uint64
	blobs    int64
	ops      uint32
	blobsSum uint32
	opsSum   uint32
}

func (h *head) encode(b []byte, salt *[16]byte) {
	clear(b[:headSize])
	copy(b, recordMagic)
	binary.LittleEndian.PutUint64(b[8:], h.seq)
	binary.LittleEndian.PutUint64(b[16:], uint64(h.blobs))
	binary.LittleEndian.PutUint32(b[24:], h.ops)
	binary.LittleEndian.PutUint32(b[28:], h.blobsSum)
	binary.LittleEndian.PutUint32(b[32:], h.opsSum)
	binary.LittleEndian.PutUint32(b[44:], headSum(b, salt))
}

func headSum(b []byte, salt *[16]byte) uint32 {
	return crc32.Update(crc32.Checksum(salt[:], castagnoli), castagnoli, b[:44])
}

// decodeHead says whether b begins with a record head of this segment.
func decodeHead(b []byte, salt *[16]byte) (head, bool) {
	if len(b) < headSize || !bytes.Equal(b[:4], recordMagic) ||
		binary.LittleEndian.Uint32(b[44:]) != headSum(b, salt) {
		return head{}, false
	}
	h := head{
		seq:      binary.LittleEndian.Uint64(b[8:]),
		blobs:    int64(binary.LittleEndian.Uint64(b[16:])),
		ops:      binary.LittleEndian.Uint32(b[24:]),
		blobsSum: binary.LittleEndian.Uint32(b[28:]),
		opsSum:   binary.LittleEndian.Uint32(b[32:]),
	}
	return h, h.blobs >= 0 && h.blobs < 1<<48
}

func (h *head) size() int64 { return headSize + h.blobs + int64(h.ops) }

// Op sets a key, or deletes it.
type Op struct {
	Key, Value []byte
	Delete     bool
}

func appendOp(b []byte, op Op) []byte {
	kind := byte(1)
	if op.Delete {
		kind = 2
	}
	b = append(b, kind)
	b = binary.AppendUvarint(b, uint64(len(op.Key)))
	b = append(b, op.Key...)
	if op.Delete {
		return b
	}
	b = binary.AppendUvarint(b, uint64(len(op.Value)))
	return append(b, op.Value...)
}

// decodeOps calls fn with slices of b.
func decodeOps(b []byte, fn func(Op) error) error {
	for len(b) > 0 {
		op := Op{Delete: b[0] == 2}
		if b[0] != 1 && b[0] != 2 {
			return fmt.Errorf("%w: unknown operation %d", ErrDamaged, b[0])
		}
		var err error
		if op.Key, b, err = cutBytes(b[1:]); err != nil {
			return err
		}
		if !op.Delete {
			if op.Value, b, err = cutBytes(b); err != nil {
				return err
			}
		}
		if err := fn(op); err != nil {
			return err
		}
	}
	return nil
}

func cutBytes(b []byte) (field, rest []byte, err error) {
	n, k := binary.Uvarint(b)
	if k <= 0 || n > uint64(len(b)-k) {
		return nil, nil, fmt.Errorf("%w: an operation is cut short", ErrDamaged)
	}
	return b[k : k+int(n) : k+int(n)], b[k+int(n):], nil
}

// sumRange computes the checksum of n bytes of r from off.
func sumRange(r io.ReaderAt, off, n int64) (uint32, error) {
	h := crc32.New(castagnoli)
	_, err := io.CopyBuffer(h, io.NewSectionReader(r, off, n), make([]byte, min(max(n, 1), 256<<10)))
	return h.Sum32(), err
}
