package store

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/dgraph-io/badger/v4"
	"github.com/dgraph-io/badger/v4/options"
	"github.com/dgraph-io/badger/v4/table"
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

// checkTables looks at the tables before the store opens, or leaves them to scrub when they are large.
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

// trustTables reads all tables as fast as it can, for a caller that is a user of the index. Damage is ErrDamaged, and stops the
// store: what it does not find it might take for what is not there.
func (db *DB) trustTables() error {
	if err := checkTables(db.index, db.indexDir); err != nil {
		return db.fail(err)
	}
	return nil
}

// scrubRate is how many bytes of tables a second are read beside the work: little of a processor, and of a slow disk not all. The
// index of a million tickets takes nine minutes. At full speed it took two thirds of the rate of mails.
const scrubRate = 16 << 20

// scrub is trustTables for an index too large to be read before the store opens: table by table, the highest level first since it is
// the next to be compacted. It reads the files into a buffer, and not where Badger has them mapped, so that they do not count as the
// program's memory. It ends with the store.
func (db *DB) scrub() {
	if !db.enter() {
		return
	}
	defer db.users.Done()
	var buf []byte
	for _, t := range db.index.Tables() {
		var err error
		buf, err = readTable(table.NewFilename(t.ID, db.indexDir), t.ID, buf)
		if err != nil && db.hasTable(t.ID) { // else a compaction has removed it
			// Badger has the last word: it knows a table that was written with other options.
			_ = db.trustTables() // Fatal tells
			return
		}
		select {
		case <-time.After(time.Duration(int64(len(buf)) * int64(time.Second) / db.o.scrubRate)):
		case <-db.closing:
			return
		}
	}
}

// hasTable tells whether a table is still part of the index.
func (db *DB) hasTable(id uint64) bool {
	return slices.ContainsFunc(db.index.Tables(), func(t badger.TableInfo) bool { return t.ID == id })
}

// readTable reads a table's file into buf, which grows as needed, and checks all of its blocks.
func readTable(name string, id uint64, buf []byte) (b []byte, err error) {
	b = buf[:0]
	defer func() {
		if r := recover(); r != nil { // as in checkTables, or the index of the blocks is damaged
			err = fmt.Errorf("%v", r)
		}
	}()
	f, err := os.Open(name)
	if err != nil {
		return b, err
	}
	defer f.Close()
	fi, err := f.Stat()
	if err != nil {
		return b, err
	}
	b = slices.Grow(b, int(fi.Size()))[:fi.Size()]
	if _, err := io.ReadFull(f, b); err != nil {
		return b, err
	}
	t, err := table.OpenInMemoryTable(b, id, &table.Options{ChkMode: options.OnBlockRead, Compression: options.None})
	if err != nil {
		return b, err
	}
	return b, t.VerifyChecksum()
}
