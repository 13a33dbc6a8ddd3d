package store

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/dgraph-io/badger/v4"

	"postdesk/internal/disk"
	"postdesk/store/journal"
)

// Errors of the journalled engine.
var (
	// ErrLocked: another process has the data directory open (the server runs).
	ErrLocked = errors.New("store: the data directory is in use by another process")
	// ErrDamaged: the files contradict each other or their checksums. The text
	// says what to do.
	ErrDamaged = errors.New("store: damaged")
	// ErrErased: the mail was erased on purpose.
	ErrErased = errors.New("store: mail was erased")
	// ErrTooLarge: a key above 4 KB, a value above 64 KB, or an Update that writes more than
	// 1 MB of keys and values. Split it.
	ErrTooLarge = errors.New("store: too large for one update")
	// ErrStopped: a write to the disk failed, nothing is taken any more. Whether
	// an Update that got this error is there is known after the next Open: it
	// is there whole or not at all.
	ErrStopped = errors.New("store: stopped after a disk error")
)

// Limits of the engine.
const (
	MaxKey    = 4 << 10
	MaxValue  = 64 << 10
	MaxUpdate = 1 << 20 // keys and values of one Update; mails do not count
)

// Options say how to open a data directory.
type Options struct {
	Dir string           // the data directory; made if it does not exist
	FS  disk.FS          // nil: the real one
	Now func() time.Time // nil: time.Now
	Log *slog.Logger     // nil: nothing is logged

	// MinFreeDisk in bytes, 0 is off. Refusing mail at the door below it is the
	// caller's; the engine has the lower floors: PutMail fails with ErrDiskLow
	// below a quarter of it, every Update below a sixteenth, Open below an
	// eighth.
	MinFreeDisk int64

	// OnCommit hears of every batch: how many Updates, how long it took from
	// the first function to the last sync. It runs on the committer: be quick.
	OnCommit func(batch int, took time.Duration)

	// Migrations bring tables to further versions than those of this package, each
	// in the same commit as the new version number. A store that is newer is refused.
	Migrations []func(Tx) error

	// Extra are files of the data directory, by relative path, that Backup copies too.
	// One that does not exist is left out.
	Extra []string

	SegmentSize int64  // of the journal, bytes; 0 is 128 MB
	memtable    int64  // of the index; tests make it small
	floorEvery  uint64 // records between checkpoints; tests make it small
	checkLate   bool   // tests: the index is as one that is too large to be checked at once
	scrubRate   int64  // bytes a second; tests make it small
	restoring   bool   // Restore is opening it
}

// DB is the Engine of one machine: a journal that is the truth, and Badger as
// its index. See DESIGN.md beside this file.
type DB struct {
	o        Options
	lock     *os.File
	index    *badger.DB
	indexDir string
	journal  *journal.Journal
	keepTail bool // what is cut off at the end of the journal is kept
	// The tables of the index were too large to be read before the store opened.
	unchecked bool
	minFree   atomic.Int64

	queue     chan *request
	closing   chan struct{} // closed by Close
	committed chan struct{} // closed when the committer has ended
	wake      chan struct{} // there are mails to punch out
	erased    chan struct{} // closed when the eraser has ended
	closeOnce sync.Once
	closeErr  error

	// Of the committer alone.
	position    position
	checkpoints []checkpoint
	requests    []*request
	scratch     scratch
	applier     applier

	// maintenance keeps apart what must not meet: backup, snapshot, verify, punching.
	maintenance sync.Mutex

	mu     sync.Mutex
	closed bool
	users  sync.WaitGroup // views that run
	broken error
	fatal  chan error
}

// enter counts a user of the index, unless the store is closed.
func (db *DB) enter() bool {
	db.mu.Lock()
	defer db.mu.Unlock()
	if !db.closed {
		db.users.Add(1)
	}
	return !db.closed
}

// fail stops the store: after a failed write or sync nobody knows what is on the disk.
func (db *DB) fail(err error) error {
	db.mu.Lock()
	defer db.mu.Unlock()
	if db.broken == nil {
		db.broken = fmt.Errorf("%w: %w", ErrStopped, err)
		db.fatal <- db.broken
		close(db.fatal)
	}
	return db.broken
}

func (db *DB) err() error {
	db.mu.Lock()
	defer db.mu.Unlock()
	return db.broken
}

// Fatal gives the error and is closed once the disk failed: stop accepting, exit, start
// again. Every reader but the first gets nil.
func (db *DB) Fatal() <-chan error { return db.fatal }

// SetMinFreeDisk changes Options.MinFreeDisk, for the next Update on.
func (db *DB) SetMinFreeDisk(bytes int64) { db.minFree.Store(bytes) }

// Free tells what is left on the disk of the data directory.
func (db *DB) Free() (bytes, inodes uint64, err error) { return db.o.FS.Free(db.o.Dir) }

// Close finishes what was begun, and refuses the rest with ErrClosed. It waits for Views.
func (db *DB) Close() error {
	db.closeOnce.Do(func() {
		close(db.closing)
		<-db.erased
		<-db.committed
		db.mu.Lock()
		db.closed = true
		db.mu.Unlock()
		db.users.Wait()
		db.maintenance.Lock()
		defer db.maintenance.Unlock()
		db.closeErr = db.closeFiles(db.err() == nil)
	})
	return db.closeErr
}

// closeFiles closes what is open; clean leaves the mark that all of the index is in its tables.
func (db *DB) closeFiles(clean bool) error {
	var err error
	if db.index != nil {
		err = db.index.Close()
	}
	if db.journal != nil {
		err = errors.Join(err, db.journal.Close())
	}
	if clean && err == nil {
		err = putClean(db.o.Dir)
	}
	if db.lock != nil {
		err = errors.Join(err, db.lock.Close())
	}
	return err
}
