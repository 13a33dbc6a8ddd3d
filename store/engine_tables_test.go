package store

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/dgraph-io/badger/v4/table"
)

// Pitfall 33: Badger takes a block of a table that is damaged for one that is not there. It is found before
// the store opens, or, in an index too large for that, beside the work, and stops the store.
func TestADamagedTableIsNotAnEmptyOne(t *testing.T) {
	dir := closedStore(t, 12)
	index := filepath.Join(dir, dirIndex)
	for _, name := range glob(t, index, "*.sst") {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		flip(t, name, int64(len(b)/4))
	}
	if _, err := Open(small(dir)); !errors.Is(err, ErrDamaged) || !strings.Contains(err.Error(), "verify --rebuild") {
		t.Errorf("open: %v", err)
	}
	late := small(copyTree(t, dir))
	late.checkLate = true
	db, err := Open(late)
	if err == nil {
		err = <-db.Fatal()
		db.Close()
	}
	if !errors.Is(err, ErrDamaged) {
		t.Errorf("a large index: %v", err)
	}
	mustRebuild(t, dir)
	sound(t, dir, 12, 12)
}

// What reads the tables beside the work finds every one of them whole, and tells of any byte that is not as it was written.
func TestATableIsReadToItsLastBlock(t *testing.T) {
	dir := closedStore(t, 12)
	for _, name := range glob(t, filepath.Join(dir, dirIndex), "*.sst") {
		id, _ := table.ParseFileID(name)
		b, err := readTable(name, id, nil)
		if err != nil {
			t.Fatal(err)
		}
		for at := int64(0); at < int64(len(b)); at += int64(len(b))/40 + 1 {
			flip(t, name, at)
			if _, err := readTable(name, id, b); err == nil {
				t.Errorf("%s: byte %d of %d is not as it was, and nobody says so", filepath.Base(name), at, len(b))
			}
			flip(t, name, at)
		}
		if _, err := readTable(name, id, nil); err != nil {
			t.Error(err)
		}
	}
}

// A store that closes does not wait until a large index is read.
func TestTheReadingOfTablesEndsWithTheStore(t *testing.T) {
	o := small(closedStore(t, 12))
	o.checkLate, o.scrubRate = true, 1 // a day and more
	if err := mustOpen(t, o).Close(); err != nil {
		t.Error(err)
	}
}

// A table is damaged while the store runs: neither a snapshot, for which the journal would give its write-sets
// away, nor a backup is made of what is left.
func TestADamagedTableMakesNoSnapshot(t *testing.T) {
	dir := closedStore(t, 12)
	for name, make := range map[string]func(*DB) error{
		"snapshot": func(db *DB) error { return db.Snapshot(t.Context(), true) },
		"backup":   func(db *DB) error { return db.Backup(t.Context(), t.TempDir()) },
	} {
		t.Run(name, func(t *testing.T) {
			dir := copyTree(t, dir)
			db := mustOpen(t, small(dir))
			for _, table := range glob(t, filepath.Join(dir, dirIndex), "*.sst") {
				fi, err := os.Stat(table)
				if err != nil {
					t.Fatal(err)
				}
				flip(t, table, fi.Size()/4)
			}
			if err := make(db); !errors.Is(err, ErrStopped) || !errors.Is(err, ErrDamaged) {
				t.Errorf("%v", err)
			}
			if left, _ := filepath.Glob(filepath.Join(dir, dirSnapshots, "*")); len(left) > 0 {
				t.Errorf("there is %v", left)
			}
		})
	}
}
