package store

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"postdesk/internal/disk"
	"postdesk/store/journal"
)

// What lies in a data directory.
const (
	dirJournal   = "journal"
	dirIndex     = "index"
	dirSnapshots = "snapshots"
	fileClean    = "CLEAN" // the index was closed properly
	// Restore is filling the directory.
	fileRestoring = "RESTORING"
)

func (o *Options) fill() error {
	if o.Dir == "" {
		return errors.New("store: no data directory given")
	}
	if o.FS == nil {
		o.FS = disk.OS{}
	}
	if o.floorEvery == 0 {
		o.floorEvery = floorEvery
	}
	if o.scrubRate == 0 {
		o.scrubRate = scrubRate
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return nil
}

// Open opens a data directory, applies what the journal has and the index
// lacks, and starts the committer. Close it.
//
// Errors: ErrLocked, ErrDamaged, ErrDiskLow, each with words for the admin.
func Open(o Options) (*DB, error) {
	db, err := openFiles(o)
	if err != nil {
		return nil, err
	}
	go db.commitLoop()
	go db.eraseLoop()
	if err := db.migrate(); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	db.wakeEraser()
	if db.unchecked {
		go db.scrub() // Close ends it
	}
	return db, nil
}

// openFiles opens everything and starts nothing.
func openFiles(o Options) (*DB, error) {
	if err := o.fill(); err != nil {
		return nil, err
	}
	if err := o.FS.MkdirAll(o.Dir); err != nil {
		return nil, err
	}
	if err := checkRoom(&o); err != nil {
		return nil, err
	}
	if _, err := os.Stat(filepath.Join(o.Dir, fileRestoring)); err == nil && !o.restoring {
		return nil, fmt.Errorf("%w: a restore into %s did not finish: empty the directory and restore again", ErrDamaged, o.Dir)
	}
	db := &DB{
		o: o, indexDir: filepath.Join(o.Dir, dirIndex), queue: make(chan *request, 4*maxBatch), scratch: newScratch(), wake: make(chan struct{}, 1),
		closing: make(chan struct{}), committed: make(chan struct{}), erased: make(chan struct{}),
		fatal: make(chan error, 1),
	}
	db.minFree.Store(o.MinFreeDisk)
	var err error
	if db.lock, err = lock(o.Dir); err != nil {
		return nil, err
	}
	if err := db.openBoth(); err != nil {
		return nil, errors.Join(err, db.closeFiles(false))
	}
	return db, nil
}

// checkRoom refuses to open on a full disk: Badger would die in a signal.
func checkRoom(o *Options) error {
	if o.MinFreeDisk <= 0 {
		return nil
	}
	free, inodes, err := o.FS.Free(o.Dir)
	if err != nil {
		return err
	}
	if need := uint64(o.MinFreeDisk / 8); free < need || inodes < 32 {
		return fmt.Errorf("%w: the disk of %s has %d MB and %d inodes left; postdesk needs %d MB and 32 inodes to start: make room on it, nothing is lost",
			ErrDiskLow, o.Dir, free>>20, inodes, need>>20)
	}
	return nil
}

// openBoth opens index and journal and makes them agree.
func (db *DB) openBoth() error {
	clean, err := takeClean(db.o.Dir)
	if err != nil {
		return err
	}
	if db.index, err = openIndex(db.indexDir, db.o.memtable, db.o.Log); err != nil {
		return err
	}
	if err := db.checkTables(); err != nil {
		return err
	}
	if err := db.readPosition(); err != nil {
		return err
	}
	if db.position.last.Seq == 0 {
		return db.fromSnapshot(context.Background())
	}
	from := journal.From{After: db.position.floor, Acked: db.position.last.Seq}
	if clean {
		from.After = db.position.last
	}
	if err := db.replay(from); err != nil {
		return err
	}
	if clean { // Badger wrote all of its memory to tables when it closed
		db.position.floor = from.After
	}
	return nil
}

// putClean says that the index is closed and whole.
func putClean(dir string) error {
	f, err := os.OpenFile(filepath.Join(dir, fileClean), os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	if err := errors.Join(f.Sync(), f.Close()); err != nil {
		return err
	}
	return disk.OS{}.SyncDir(dir)
}

// takeClean tells whether the index was closed properly, and removes the mark.
func takeClean(dir string) (bool, error) {
	path := filepath.Join(dir, fileClean)
	err := os.Remove(path)
	if errors.Is(err, os.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	return true, disk.OS{}.SyncDir(dir)
}

func (db *DB) readPosition() error {
	txn := db.index.NewTransaction(false)
	defer txn.Discard()
	b, err := indexGet(txn, keyPosition, &arena{})
	if errors.Is(err, ErrNotFound) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("%w: %w: run `postdesk verify --rebuild`", ErrDamaged, err)
	}
	db.position, err = decodePosition(b)
	return err
}

// fromSnapshot fills an empty index: from the newest snapshot, if there is one, and the journal.
func (db *DB) fromSnapshot(ctx context.Context) error {
	found, err := db.loadSnapshot(ctx)
	if err != nil {
		return err
	}
	if found { // closing puts all of it into tables: what is freed in the journal is never needed again
		if err := db.index.Close(); err != nil {
			return err
		}
		if db.index, err = openIndex(db.indexDir, db.o.memtable, db.o.Log); err != nil {
			return err
		}
		db.position.floor = db.position.last
		if err := indexApply(db.index, nil, db.position.encode()); err != nil {
			return err
		}
	}
	return db.replay(journal.From{After: db.position.last, Acked: db.position.last.Seq})
}

// replay opens the journal and applies what lies behind from.After. Applying a record again changes
// nothing: records say what a key is, not how it changes.
func (db *DB) replay(from journal.From) error {
	r := replayer{db: db}
	o := journal.Options{Dir: filepath.Join(db.o.Dir, dirJournal), FS: db.o.FS, SegmentSize: db.o.SegmentSize, KeepTail: db.keepTail}
	j, err := journal.Open(o, from, r.record)
	if err != nil {
		return journalError(err, db.o.Dir)
	}
	db.journal = j
	if known := db.position.journal; known != ([16]byte{}) && known != j.ID() {
		return fmt.Errorf("%w: index and journal in %s are of different stores: restore a backup, or put the right journal back", ErrDamaged, db.o.Dir)
	}
	db.position.journal = j.ID()
	if r.count > 0 {
		db.o.Log.Info("applied records of the journal to the index", "records", r.count, "last", r.last.Seq)
	}
	return r.flush()
}

// journalError adds what the admin should do.
func journalError(err error, dir string) error {
	switch {
	case errors.Is(err, journal.ErrBehind):
		return fmt.Errorf("%w: %w. The index in %s knows more than the journal. If the journal was moved or restored, put the newer one back; "+
			"else `postdesk verify --rebuild` makes the index from what the journal has, without the records that are missing", ErrDamaged, err, dir)
	case errors.Is(err, journal.ErrDamaged):
		return fmt.Errorf("%w: %w. Run `postdesk verify` to see what is hit; restore a backup, or let `postdesk verify --rebuild` make "+
			"the index from the part that is whole", ErrDamaged, err)
	}
	return fmt.Errorf("store: %w", err)
}

// replayer applies records, several in one transaction.
type replayer struct {
	db    *DB
	over  overlay
	last  journal.Position
	mails MailID
	count int
}

func (r *replayer) record(rec *journal.Record) error {
	r.count++
	r.last = rec.Position
	err := rec.Ops(func(op journal.Op) error {
		if len(op.Key) == len(prefixMail)+8 && string(op.Key[:2]) == string(prefixMail) {
			r.mails = max(r.mails, mailOfKey(op.Key))
		}
		r.over.set(op.Key, op.Value, op.Delete)
		return nil
	})
	if err != nil || r.over.bytes < r.db.loadBytes() {
		return err
	}
	return r.flush()
}

// loadBytes is how much is gathered before it is applied, and how much of it goes into one transaction of
// Badger.
func (db *DB) loadBytes() int {
	if db.o.memtable > 0 {
		return int(db.o.memtable / 16)
	}
	return 512 << 10
}

// flush applies what was gathered. The position moves only forward: records up to it
// that are applied again do not take it back.
func (r *replayer) flush() error {
	if r.count == 0 {
		return nil
	}
	p := r.db.position
	p.mails = max(p.mails, r.mails)
	var raw []byte
	if r.last.Seq > p.last.Seq {
		p.last = r.last
		raw = p.encode()
	}
	if err := r.db.load(r.over.entries, raw); err != nil {
		return err
	}
	r.db.position = p
	r.over = overlay{}
	return nil
}

// load applies entries while nobody reads, in as many transactions as they need: a record may be larger than
// one can be. The position comes last, so that a load that was cut off is made again.
func (db *DB) load(entries []*written, position []byte) error {
	for size, n := 0, 0; n < len(entries); n++ {
		if size += len(entries[n].key) + len(entries[n].value) + opOverhead; size < db.loadBytes() {
			continue
		}
		if err := indexApply(db.index, entries[:n+1], nil); err != nil {
			return err
		}
		entries, size, n = entries[n+1:], 0, -1
	}
	return indexApply(db.index, entries, position)
}

// migrations are the steps from each version of this package's tables to the next. Version 2: messages and rows
// of the outbox have records of their own. Those of version 1 are read as they are; the number alone keeps
// a program away that would find the others unreadable in the middle of its work.
func migrations() []func(Tx) error {
	return []func(Tx) error{func(Tx) error { return nil }}
}

// migrate brings the tables to the version that this program knows.
func (db *DB) migrate() error {
	steps := append(migrations(), db.o.Migrations...)
	want := len(steps) + 1
	ctx := context.Background()
	have, err := db.schema(ctx)
	if err != nil {
		return err
	}
	if have == 0 {
		return db.update(ctx, func(t *tx) error { t.over.set(keySchema, []byte{engineVersion, byte(want)}, false); return nil })
	}
	if have > want {
		return fmt.Errorf("store: the data in %s is of version %d and this postdesk knows only %d: install the newer postdesk again", db.o.Dir, have, want)
	}
	for v := have; v < want; v++ {
		err := db.update(ctx, func(t *tx) error {
			t.over.set(keySchema, []byte{engineVersion, byte(v + 1)}, false)
			return steps[v-1](t)
		})
		if err != nil {
			return fmt.Errorf("store: bringing the data from version %d to %d: %w", v, v+1, err)
		}
	}
	return nil
}

// schema reads the version of the tables; 0 is a new store.
func (db *DB) schema(ctx context.Context) (v int, err error) {
	err = db.view(ctx, func(t *readTx) error {
		b, err := t.get(keySchema)
		if errors.Is(err, ErrNotFound) {
			return nil
		}
		if err == nil && len(b) != 2 {
			err = fmt.Errorf("%w: the record of the data's version is unreadable", ErrDamaged)
		}
		if err == nil {
			v = int(b[1])
		}
		return err
	})
	return v, err
}
