package store

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/dgraph-io/badger/v4"

	"postdesk/internal/disk"
)

// A snapshot file holds every key of the index at one moment: a head, blocks
// with checksums, and an end with the number of keys. It is ours and not Badger's backup,
// which took more memory than the data.
const (
	snapshotMagic  = "PDESKSNP"
	snapshotSuffix = ".snapshot"
	snapshotBlock  = 64 << 10
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Snapshot writes all keys to a snapshot file of the data directory, from which
// Rebuild starts. With free, the write-sets of the journal up to it are given
// back to the disk, as far as the index no longer needs them after a
// crash, and are unreadable for ever: the newest ones go with a later Snapshot. The
// index is read to its last checksum first: a snapshot must not lack what a damaged table hides.
func (db *DB) Snapshot(ctx context.Context, free bool) error {
	db.maintenance.Lock()
	defer db.maintenance.Unlock()
	if !db.enter() {
		return ErrClosed
	}
	defer db.users.Done()
	if err := db.trustTables(); err != nil {
		return err
	}
	dir := filepath.Join(db.o.Dir, dirSnapshots)
	txn := db.index.NewTransaction(false)
	defer txn.Discard()
	p, err := writeSnapshot(ctx, db.o.FS, txn, dir)
	if err != nil {
		return fmt.Errorf("store: snapshot: %w", err)
	}
	if err := removeOlder(db.o.FS, dir, p.last.Seq); err != nil || !free {
		return err
	}
	return db.freeOps(ctx, min(p.last.Seq, p.floor.Seq))
}

// freeOps frees the write-sets up to the record to, and remembers it.
func (db *DB) freeOps(ctx context.Context, to uint64) error {
	var from uint64
	err := db.view(ctx, func(t *readTx) error {
		b, err := t.get(keyFreed)
		if err == nil && len(b) == 8 {
			from = binary.BigEndian.Uint64(b)
		}
		return nil
	})
	if err != nil || to <= from {
		return err
	}
	if err := db.journal.FreeOps(from, to); err != nil {
		return fmt.Errorf("store: freeing write-sets: %w", err)
	}
	return db.update(ctx, func(t *tx) error {
		t.over.set(keyFreed, binary.BigEndian.AppendUint64(nil, to), false)
		return nil
	})
}

// writeSnapshot writes what txn sees to a file of dir, under its final name only when it is
// whole and durable.
func writeSnapshot(ctx context.Context, fs disk.FS, txn *badger.Txn, dir string) (p position, err error) {
	raw, err := indexGet(txn, keyPosition, &arena{})
	if err != nil {
		return p, err
	}
	if p, err = decodePosition(raw); err != nil {
		return p, err
	}
	if err := fs.MkdirAll(dir); err != nil {
		return p, err
	}
	tmp := filepath.Join(dir, "new")
	if err := fs.Remove(tmp); err != nil && !errors.Is(err, os.ErrNotExist) {
		return p, err
	}
	f, err := fs.Create(tmp)
	if err != nil {
		return p, err
	}
	w := &snapshotWriter{w: bufio.NewWriterSize(io.NewOffsetWriter(f, 0), 256<<10)}
	if err = w.all(ctx, txn, raw); err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return p, errors.Join(err, fs.Remove(tmp))
	}
	if err := fs.Rename(tmp, snapshotPath(dir, p.last.Seq)); err != nil {
		return p, err
	}
	return p, fs.SyncDir(dir)
}

func snapshotPath(dir string, seq uint64) string {
	return filepath.Join(dir, fmt.Sprintf("%020d%s", seq, snapshotSuffix))
}

// snapshots lists the sequence numbers of the snapshots in dir, oldest first.
func snapshots(fs disk.FS, dir string) (seqs []uint64, err error) {
	names, err := fs.ReadDir(dir)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	for _, name := range names {
		n, err := strconv.ParseUint(strings.TrimSuffix(name, snapshotSuffix), 10, 64)
		if err == nil && strings.HasSuffix(name, snapshotSuffix) {
			seqs = append(seqs, n)
		}
	}
	return seqs, err
}

func removeOlder(fs disk.FS, dir string, than uint64) error {
	seqs, err := snapshots(fs, dir)
	for _, seq := range seqs {
		if seq < than {
			err = errors.Join(err, fs.Remove(snapshotPath(dir, seq)))
		}
	}
	return err
}

type snapshotWriter struct {
	w     *bufio.Writer
	block []byte
	count uint64
}

func (s *snapshotWriter) all(ctx context.Context, txn *badger.Txn, position []byte) error {
	if _, err := s.w.WriteString(snapshotMagic); err != nil {
		return err
	}
	if err := s.put(position); err != nil {
		return err
	}
	it := indexIterator(txn, nil, nil, false)
	defer it.Close()
	for ; it.Valid(); it.Next() {
		if err := s.key(it.Item()); err != nil {
			return err
		}
		if s.count%1024 == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
	}
	if err := s.flush(); err != nil {
		return err
	}
	if err := s.put(nil); err != nil { // an empty block ends the keys
		return err
	}
	if err := s.put(binary.BigEndian.AppendUint64(nil, s.count)); err != nil {
		return err
	}
	return s.w.Flush()
}

func (s *snapshotWriter) key(item *badger.Item) error {
	if string(item.Key()) == string(keyPosition) {
		return nil
	}
	s.count++
	s.block = binary.AppendUvarint(s.block, uint64(len(item.Key())))
	s.block = append(s.block, item.Key()...)
	err := item.Value(func(v []byte) error {
		s.block = binary.AppendUvarint(s.block, uint64(len(v)))
		s.block = append(s.block, v...)
		return nil
	})
	if err != nil || len(s.block) < snapshotBlock {
		return err
	}
	return s.flush()
}

func (s *snapshotWriter) flush() error {
	if len(s.block) == 0 {
		return nil
	}
	err := s.put(s.block)
	s.block = s.block[:0]
	return err
}

// put writes one block: length, checksum, bytes.
func (s *snapshotWriter) put(b []byte) error {
	var h [8]byte
	binary.BigEndian.PutUint32(h[:], uint32(len(b)))
	binary.BigEndian.PutUint32(h[4:], crc32.Checksum(b, castagnoli))
	if _, err := s.w.Write(h[:]); err != nil {
		return err
	}
	_, err := s.w.Write(b)
	return err
}

// readSnapshot calls head, and then fn for each key. Slices are valid until fn returns.
func readSnapshot(ctx context.Context, fs disk.FS, path string, head func(position), fn func(key, value []byte) error) error {
	f, err := fs.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := (&snapshotReader{ctx: ctx, r: bufio.NewReaderSize(io.NewSectionReader(f, 0, 1<<62), 256<<10)}).all(head, fn); err != nil {
		return fmt.Errorf("%w: snapshot %s: %w", ErrDamaged, path, err)
	}
	return nil
}

type snapshotReader struct {
	ctx   context.Context
	r     *bufio.Reader
	block []byte
	count uint64
}

func (s *snapshotReader) all(head func(position), fn func(key, value []byte) error) error {
	magic := make([]byte, len(snapshotMagic))
	if _, err := io.ReadFull(s.r, magic); err != nil || string(magic) != snapshotMagic {
		return errors.New("it does not begin like a snapshot")
	}
	if err := s.next(); err != nil {
		return err
	}
	p, err := decodePosition(s.block)
	if err != nil {
		return err
	}
	head(p)
	for {
		if err := errors.Join(s.ctx.Err(), s.next()); err != nil {
			return err
		}
		if len(s.block) == 0 {
			break
		}
		if err := s.keys(s.block, fn); err != nil {
			return err
		}
	}
	if err := s.next(); err != nil {
		return err
	}
	if len(s.block) != 8 || binary.BigEndian.Uint64(s.block) != s.count {
		return errors.New("keys are missing")
	}
	return nil
}

func (s *snapshotReader) next() error {
	var h [8]byte
	if _, err := io.ReadFull(s.r, h[:]); err != nil {
		return fmt.Errorf("it is cut short: %w", err)
	}
	n := int(binary.BigEndian.Uint32(h[:]))
	if n > snapshotBlock+MaxKey+MaxValue+64 {
		return errors.New("a block has an impossible length")
	}
	if cap(s.block) < n {
		s.block = make([]byte, n)
	}
	s.block = s.block[:n]
	if _, err := io.ReadFull(s.r, s.block); err != nil {
		return fmt.Errorf("it is cut short: %w", err)
	}
	if crc32.Checksum(s.block, castagnoli) != binary.BigEndian.Uint32(h[4:]) {
		return errors.New("a block has a wrong checksum")
	}
	return nil
}

func (s *snapshotReader) keys(b []byte, fn func(key, value []byte) error) error {
	for len(b) > 0 {
		var part [2][]byte
		for i := range part {
			n, k := binary.Uvarint(b)
			if k <= 0 || n > uint64(len(b)-k) {
				return errors.New("a block is malformed")
			}
			part[i], b = b[k:k+int(n)], b[k+int(n):]
		}
		s.count++
		if err := fn(part[0], part[1]); err != nil {
			return err
		}
	}
	return nil
}

// loadSnapshot puts the newest snapshot into an empty index. It does not write the position, so
// that a load that was cut off begins again.
func (db *DB) loadSnapshot(ctx context.Context) (found bool, err error) {
	dir := filepath.Join(db.o.Dir, dirSnapshots)
	seqs, err := snapshots(db.o.FS, dir)
	if err != nil || len(seqs) == 0 {
		return false, err
	}
	var p position
	var over overlay
	err = readSnapshot(ctx, db.o.FS, snapshotPath(dir, seqs[len(seqs)-1]), func(at position) { p = at }, func(key, value []byte) error {
		over.set(key, value, false)
		if over.bytes < db.loadBytes() {
			return nil
		}
		defer func() { over = overlay{} }()
		return db.load(over.entries, nil)
	})
	if err != nil {
		return false, err
	}
	if err := db.load(over.entries, nil); err != nil {
		return false, err
	}
	db.position = p
	return true, nil
}
