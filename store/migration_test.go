package store

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"postdesk/internal/testkit"
)

// renumber is a migration that changes many keys, each from what it was: applied
// twice, or in part, it shows.
func renumber(tx Tx) error {
	lo, hi := within([]byte("deed/"))
	changed := map[string]string{}
	if err := tx.Scan(lo, hi, 0, false, func(k, v []byte) error {
		changed[string(k)] = "new " + string(v)
		return nil
	}); err != nil {
		return err
	}
	for k, v := range changed {
		if err := tx.Set([]byte(k), []byte(v)); err != nil {
			return err
		}
	}
	return nil
}

// deedsAre counts the deeds of which renumber has changed none, one or more times.
func deedsAre(t *testing.T, db *DB) (times map[int]int) {
	t.Helper()
	times = map[int]int{}
	err := db.View(context.Background(), func(tx ReadTx) error {
		lo, hi := within([]byte("deed/"))
		return tx.Scan(lo, hi, 0, false, func(_, v []byte) error { times[strings.Count(string(v), "new ")]++; return nil })
	})
	if err != nil {
		t.Fatal(err)
	}
	return times
}

// Threat 32: wherever a migration is killed, the data is as it was or as it should become, the newer
// program finishes it, and the older one refuses what is not its own any more.
func TestAMigrationIsKilledAtEveryCall(t *testing.T) {
	const deeds = 3
	template := closedStore(t, deeds)
	for n := 1; ; n++ {
		dir := t.TempDir()
		if err := os.CopyFS(dir, os.DirFS(template)); err != nil {
			t.Fatal(err)
		}
		disk := testkit.NewDisk(t)
		disk.FailFrom(n, errors.New("killed here"))
		newer := small(dir)
		newer.FS, newer.Migrations = disk, []func(Tx) error{renumber}
		db, err := Open(newer)
		if err == nil {
			err = db.Close()
		}
		survived := err == nil
		t.Run(fmt.Sprint(n), func(t *testing.T) { migratedOrNot(t, dir, deeds) })
		if survived {
			if n < 3 {
				t.Fatalf("no call but %d failed", n)
			}
			return
		}
	}
}

func migratedOrNot(t *testing.T, dir string, deeds int) {
	older := small(dir)
	db, err := Open(older)
	refusal := fmt.Sprintf("store: the data in %s is of version 3 and this postdesk knows only 2: install the newer postdesk again", dir)
	switch {
	case err == nil: // nothing has happened yet
		if got := deedsAre(t, db); got[0] != deeds {
			t.Fatalf("half a migration: %v", got)
		}
		db.Close()
	case err.Error() != refusal:
		t.Fatalf("the older program: %v", err)
	}
	newer := small(dir)
	newer.Migrations = []func(Tx) error{renumber}
	db = mustOpen(t, newer)
	if got := deedsAre(t, db); got[1] != deeds {
		t.Fatalf("after the migration: %v", got)
	}
	db.Close()
	if err := Verify(context.Background(), dir, func(fault string) { t.Error(fault) }); err != nil {
		t.Fatal(err)
	}
}

// Threat 32: a data directory with records of version 2 says so in its number. A program from before, which knew
// no such records, was let in, and stopped in the middle of its work when it met one.
func TestTheNumberOfTheTablesGrewWithTheirRecords(t *testing.T) {
	db := mustOpen(t, small(t.TempDir()))
	defer db.Close()
	if v, err := db.schema(context.Background()); err != nil || v < 2 {
		t.Errorf("version %d, %v", v, err)
	}
}
