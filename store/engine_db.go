package store

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"postdesk/internal/disk"
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
	// 2 MB of keys and values. Split it.
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
	MaxUpdate = 2 << 20 // keys and values of one Update; mails do not count
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

	// Migrations bring tables from version i+1 to i+2, in the same commit as the
	// new version number. A store that is newer than len(Migrations)+1 is refused.
	Migrations []func(Tx) error

	// Extra are files of the data directory, by relative path, that Backup copies too.
	// One that does not exist is left out.
	Extra []string

	SegmentSize int64 // of the journal, bytes; 0 is 128 MB
	memtable    int64 // of the index; tests make it small
}

// DB is the Engine of one machine: a journal that is the truth, and Badger as
// its index. See DESIGN.md beside this file.
type DB struct {
}

var errNotYet = errors.New("store: not built yet")

// Open opens a data directory, applies what the journal has and the index
// lacks, and starts the committer. Close it.
//
// Errors: ErrLocked, ErrDamaged, ErrDiskLow, each with words for the admin.
func Open(o Options) (*DB, error) { return nil, errNotYet }

// Update runs fn on the committer, together with those of other callers, and returns
// nil when what it wrote is durable. When ctx ends before fn began, ctx's error is
// returned and fn never runs; after that Update waits for the outcome. fn must not call Update.
// A panic in fn is returned as an error.
func (db *DB) Update(ctx context.Context, fn func(Tx) error) error { return errNotYet }

// View runs fn on one snapshot of what is durable.
func (db *DB) View(ctx context.Context, fn func(ReadTx) error) error { return errNotYet }

// Close finishes what was begun, and refuses the rest with ErrClosed.
func (db *DB) Close() error { return errNotYet }

// Fatal gives the error and is closed once the disk failed: stop accepting, exit, start
// again. Every reader but the first gets nil.
func (db *DB) Fatal() <-chan error { return nil }

// Free tells what is left on the disk of the data directory.
func (db *DB) Free() (bytes, inodes uint64, err error) { return 0, 0, errNotYet }

// Backup writes a consistent copy of the store to dir (new or empty) while it runs.
func (db *DB) Backup(ctx context.Context, dir string) error { return errNotYet }

// Snapshot writes all keys to a snapshot file of the data directory, from which
// Rebuild starts. With free, the write-sets of the journal up to it are given
// back to the disk, and so are unreadable for ever.
func (db *DB) Snapshot(ctx context.Context, free bool) error { return errNotYet }

// Verify checks the running store: every checksum, every SHA-256, the index against
// the journal. Each fault is reported in one sentence; the error says that there were some.
func (db *DB) Verify(ctx context.Context, report func(string)) error { return errNotYet }

// Verify is DB.Verify of a closed data directory.
func Verify(ctx context.Context, dir string, report func(string)) error { return errNotYet }

// Rebuild makes the index of a closed data directory anew, from the last snapshot and the
// journal. The old index is replaced at the end.
func Rebuild(ctx context.Context, dir string, report func(string)) error { return errNotYet }

// Restore makes dataDir (new or empty) from a backup, checks everything, and
// runs after (may be nil) in the first Update, before anyone else can: the place to
// hold the outbox.
func Restore(ctx context.Context, backupDir, dataDir string, after func(Tx) error) error {
	return errNotYet
}
