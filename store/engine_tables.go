package store

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/dgraph-io/badger/v4"
)

// checkedAtOpen is how many bytes of tables are read before the store opens: what a disk reads in a
// moment. A larger index is read beside the work.
const checkedAtOpen = 128 << 20

// checkTables reads every block of the index's tables. Badger takes a block with a wrong checksum for
// one that is not there (observed in 4.9.6): a key is not found, a list ends early, a compaction drops what lay in
// it, all without a word. An error is ErrDamaged.
func checkTables(index *badger.DB, dir string) (err error) {
	defer func() {
		if recover() != nil { // VerifyChecksum trips over a block that it could not read
			err = errors.New("a block has a wrong checksum")
		}
		if err != nil {
			err = fmt.Errorf("%w: a table of the index %s can't be trusted (%s): `postdesk verify --rebuild` makes it anew from the journal",
				ErrDamaged, dir, firstLine(err.Error()))
		}
	}()
	return index.VerifyChecksum()
}

// tableBytes is how large the index's tables are.
func tableBytes(dir string) (n int64, err error) {
	names, err := filepath.Glob(filepath.Join(dir, "*.sst"))
	if err != nil {
		return 0, err
	}
	for _, name := range names {
		fi, err := os.Stat(name)
		if err != nil {
			return 0, err
		}
		n += fi.Size()
	}
	return n, nil
}

// checkTables looks at the tables before the store opens, or leaves them to checkLate when they are large.
func (db *DB) checkTables() error {
	n, err := tableBytes(db.indexDir)
	if err != nil {
		return err
	}
	if db.unchecked = n > checkedAtOpen || db.o.checkLate; db.unchecked {
		return nil
	}
	return checkTables(db.index, db.indexDir)
}

// CheckIndex reads every block of the index's tables, up to some seconds for a large one. Damage is
// ErrDamaged, and stops the store: what it does not find it might take for what is not there.
func (db *DB) CheckIndex() error {
	if !db.enter() {
		return ErrClosed
	}
	defer db.users.Done()
	return db.trustTables()
}

// trustTables is CheckIndex for a caller that is a user of the index already.
func (db *DB) trustTables() error {
	if err := checkTables(db.index, db.indexDir); err != nil {
		return db.fail(err)
	}
	return nil
}
