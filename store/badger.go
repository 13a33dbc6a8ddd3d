package store

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/dgraph-io/badger/v4"
	"github.com/dgraph-io/badger/v4/options"
)

// This file is all that knows Badger. The index holds the tables' keys, the engine's own keys, and the
// position of the last journal record that it contains, in the same transaction.

// defaultMemtable is Badger's memtable, bytes. A transaction may have 15 % of it, and in memory it takes a third more.
const defaultMemtable = 8 << 20

// Sizes of the tables, bytes. Badger builds a table in memory of twice its size, a dozen at the same time, and keeps much of that
// for the next ones: they are small, and of one size on all levels. To write a memtable, which becomes one table, that memory is
// doubled until it fits, which 8 MB do after one time. A level is ten times the next higher one, and what is
// written goes through all of them: a large highest one halves what is written again and again.
const (
	tableSize = 2 << 20
	topLevel  = 128 << 20
)

func indexOptions(dir string, memtable int64, log *slog.Logger) badger.Options {
	if memtable <= 0 {
		memtable = defaultMemtable
	}
	o := badger.DefaultOptions(dir)
	o.TableSizeMultiplier = 1
	return o.
		WithBaseTableSize(min(tableSize, memtable)).
		WithBaseLevelSize(topLevel).
		// Badger's default does not sync: a power loss took every commit.
		WithSyncWrites(true).
		// One committer: there is nobody to conflict with.
		WithDetectConflicts(false).
		WithNumVersionsToKeep(1).
		// All values stay in the tree, since a failed sync of the value log is only
		// logged by Badger, and its garbage collection frees little.
		WithValueThreshold(min(1<<20, memtable/8)).
		WithValueLogFileSize(16 << 20).
		WithMemTableSize(memtable).
		WithNumMemtables(2).
		// Tables are neither compressed nor encrypted, so that a block, and a table's index,
		// is read where the file is mapped: a cache would hold no more than pointers there.
		WithBlockCacheSize(0).
		WithIndexCacheSize(0).
		// Without this a flipped byte comes back as data; with OnTableAndBlockRead it
		// is a panic.
		WithChecksumVerificationMode(options.OnBlockRead).
		// With compression, writing a memtable to its table takes memory of eight times
		// its size for a moment; and the tables are small beside the journal.
		WithCompression(options.None).
		WithNumCompactors(2).
		WithMetricsEnabled(false).
		WithLogger(badgerLog{log})
}

// openIndex opens Badger. What can't be opened is an error that says what to do.
func openIndex(dir string, memtable int64, log *slog.Logger) (db *badger.DB, err error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	if err := removeEmptyFiles(dir, log); err != nil {
		return nil, err
	}
	defer func() {
		if r := recover(); r != nil { // a damaged table is a panic in some places
			err = fmt.Errorf("%v", r)
		}
		if err != nil {
			db = nil // Badger gives a database that can't even be closed
			err = fmt.Errorf("%w: the index %s can't be opened (%s): `postdesk verify --rebuild` makes it anew from the journal",
				ErrDamaged, dir, firstLine(err.Error()))
		}
	}()
	return badger.Open(indexOptions(dir, memtable, log))
}

func firstLine(s string) string {
	s, _, _ = strings.Cut(s, "\n")
	return s
}

// removeEmptyFiles removes what a crash between creating and filling a file leaves
// behind. Badger fails to open with it (dgraph-io/badger issue 2207).
func removeEmptyFiles(dir string, log *slog.Logger) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if ext := filepath.Ext(e.Name()); ext != ".mem" && ext != ".vlog" && ext != ".sst" {
			continue
		}
		fi, err := e.Info()
		if err != nil {
			return err
		}
		if fi.Size() > 0 {
			continue
		}
		log.Warn("removing an empty file that a crash left", "file", filepath.Join(dir, e.Name()))
		if err := os.Remove(filepath.Join(dir, e.Name())); err != nil {
			return err
		}
	}
	return nil
}

// indexGet copies a value out of the index.
func indexGet(txn *badger.Txn, key []byte, a *arena) ([]byte, error) {
	item, err := txn.Get(key)
	if errors.Is(err, badger.ErrKeyNotFound) {
		return nil, ErrNotFound
	}
	if err != nil {
		return nil, fmt.Errorf("store: index: %w", err)
	}
	var out []byte
	err = item.Value(func(v []byte) error {
		out = a.copy(v)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("store: index: %w", err)
	}
	return out, nil
}

// indexIterator walks over the index between lo and hi. Values are in the tree, so
// prefetching, which starts a goroutine per value, only costs.
func indexIterator(txn *badger.Txn, lo, hi []byte, reverse bool) *badger.Iterator {
	o := badger.IteratorOptions{Reverse: reverse}
	if lo != nil && hi != nil {
		o.Prefix = commonPrefix(lo, hi)
	}
	it := txn.NewIterator(o)
	if !reverse {
		it.Seek(lo)
		return it
	}
	it.Seek(hi)
	for hi != nil && it.Valid() && bytes.Compare(it.Item().Key(), hi) >= 0 {
		it.Next() // hi itself is not part of the range
	}
	return it
}

func commonPrefix(a, b []byte) []byte {
	n := 0
	for n < len(a) && n < len(b) && a[n] == b[n] {
		n++
	}
	return a[:n]
}

// indexApply writes a batch and the position behind it as one transaction.
func indexApply(db *badger.DB, entries []*written, position []byte) error {
	return new(applier).apply(db, entries, position)
}

// applier is indexApply for one batch after another, in the same memory.
type applier struct{ sets []badger.Entry }

func (a *applier) apply(db *badger.DB, entries []*written, position []byte) error {
	txn := db.NewTransaction(true)
	defer txn.Discard()
	a.sets = slices.Grow(a.sets[:0], len(entries))[:len(entries)]
	defer clear(a.sets)
	for i, w := range entries {
		var err error
		if w.deleted {
			err = txn.Delete(w.key)
		} else {
			a.sets[i] = badger.Entry{Key: w.key, Value: w.value}
			err = txn.SetEntry(&a.sets[i])
		}
		if err != nil {
			return fmt.Errorf("store: index: %s", firstLine(err.Error())) // a longer text may hold a dump of the value
		}
	}
	if position != nil {
		if err := txn.SetEntry(badger.NewEntry(keyPosition, position)); err != nil {
			return fmt.Errorf("store: index: %w", err)
		}
	}
	if err := txn.Commit(); err != nil {
		return fmt.Errorf("store: index: %w", err)
	}
	return nil
}

// flushedVersion is the newest version that lies in a table file. Memtables are written to tables in
// order, so all that is older lies in tables too, and no longer depends on Badger's write-ahead log.
func flushedVersion(db *badger.DB) uint64 {
	var v uint64
	for _, t := range db.Tables() {
		v = max(v, t.MaxVersion)
	}
	return v
}

// badgerLog passes Badger's words on. What it calls info is debug for us.
type badgerLog struct{ log *slog.Logger }

func (l badgerLog) Errorf(f string, a ...any)   { l.log.Error("index: " + oneLine(f, a)) }
func (l badgerLog) Warningf(f string, a ...any) { l.log.Warn("index: " + oneLine(f, a)) }
func (l badgerLog) Infof(f string, a ...any)    { l.log.Debug("index: " + oneLine(f, a)) }
func (l badgerLog) Debugf(string, ...any)       {}

// oneLine bounds the text: Badger's errors may contain a dump of a value.
func oneLine(f string, a []any) string {
	s := strings.TrimSpace(fmt.Sprintf(f, a...))
	return firstLine(s[:min(len(s), 300)])
}
