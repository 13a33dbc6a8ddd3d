package store

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"postdesk/internal/testkit"
)

// Threat 23: a backup under load is one moment, and restores to a sound store in which the
// hook ran before anything else.
func TestBackupUnderLoadAndRestore(t *testing.T) {
	ctx := context.Background()
	o := small(t.TempDir())
	o.Extra = []string{"token.key", "not-there"}
	db := mustOpen(t, o)
	if err := os.WriteFile(filepath.Join(o.Dir, "token.key"), []byte("secret"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := do(db, 0, 20); err != nil {
		t.Fatal(err)
	}
	var load sync.WaitGroup
	load.Go(func() {
		if _, err := do(db, 20, 60); err != nil {
			t.Error(err)
		}
	})
	backup := filepath.Join(t.TempDir(), "backup")
	if err := db.Backup(ctx, backup); err != nil {
		t.Fatal(err)
	}
	load.Wait()
	if err := db.Backup(ctx, backup); err == nil {
		t.Error("a backup into a directory that is not empty")
	}
	to := small(t.TempDir())
	hold := func(ctx context.Context, db *DB) error {
		return db.Update(ctx, func(tx Tx) error { return tx.Set([]byte("outbox"), []byte("held")) })
	}
	if err := Restore(ctx, backup, to, hold); err != nil {
		t.Fatal(err)
	}
	key, err := os.ReadFile(filepath.Join(to.Dir, "token.key"))
	if err != nil || string(key) != "secret" {
		t.Errorf("token.key: %q, %v", key, err)
	}
	restored := mustOpen(t, to)
	if n := deeds(t, restored); n < 20 || n > 60 {
		t.Errorf("%d deeds in the backup", n)
	}
	if err := restored.View(ctx, func(tx ReadTx) error { _, err := tx.Get([]byte("outbox")); return err }); err != nil {
		t.Error(err)
	}
	restored.Close()
	sound(t, to.Dir, 20, 60)
}

// A backup that is damaged or unfinished is refused, and so is a directory that was restored only in part.
func TestADamagedBackupIsRefused(t *testing.T) {
	ctx := context.Background()
	db := mustOpen(t, small(t.TempDir()))
	if _, err := do(db, 0, 20); err != nil {
		t.Fatal(err)
	}
	backup := filepath.Join(t.TempDir(), "backup")
	if err := db.Backup(ctx, backup); err != nil {
		t.Fatal(err)
	}
	damaged := copyTree(t, backup)
	flip(t, glob(t, filepath.Join(damaged, dirJournal), "*")[0], 300)
	to := small(t.TempDir())
	if err := Restore(ctx, damaged, to, nil); !errors.Is(err, ErrDamaged) {
		t.Errorf("restore of a damaged backup: %v", err)
	}
	if _, err := Open(to); !errors.Is(err, ErrDamaged) || !strings.Contains(err.Error(), "did not finish") {
		t.Errorf("opening half a restore: %v", err)
	}
	remove(t, damaged, fileManifest)
	if err := Restore(ctx, damaged, small(t.TempDir()), nil); err == nil || !strings.Contains(err.Error(), "no backup") {
		t.Errorf("restore without a manifest: %v", err)
	}
}

// allBytes is what can be found in the files below dir.
func allBytes(t *testing.T, dir string) []byte {
	t.Helper()
	var all []byte
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		all = append(all, b...)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// An erased mail is gone from the disk, verify takes the hole for what it is, and a backup made before
// keeps its own.
func TestErasedMailsLeaveTheDisk(t *testing.T) {
	ctx := context.Background()
	o := small(t.TempDir())
	db := mustOpen(t, o)
	if _, err := do(db, 0, 20); err != nil {
		t.Fatal(err)
	}
	backup := filepath.Join(t.TempDir(), "backup")
	if err := db.Backup(ctx, backup); err != nil {
		t.Fatal(err)
	}
	if err := db.Update(ctx, func(tx Tx) error { return errors.Join(tx.EraseMail(2), tx.EraseMail(20)) }); err != nil {
		t.Fatal(err)
	}
	if err := db.punch(ctx); err != nil { // does what the eraser has not done yet
		t.Fatal(err)
	}
	journal := filepath.Join(o.Dir, dirJournal)
	for _, gone := range []string{"line of mail 1\r", "line of mail 19\r"} {
		if bytes.Contains(allBytes(t, journal), []byte(gone)) {
			t.Errorf("%q is still on the disk", gone)
		}
		if !bytes.Contains(allBytes(t, filepath.Join(backup, dirJournal)), []byte(gone)) {
			t.Errorf("%q is gone from the backup", gone)
		}
	}
	if err := db.Verify(ctx, func(s string) { t.Error(s) }); err != nil {
		t.Error(err)
	}
	killed := copyTree(t, o.Dir)
	mustRebuild(t, killed)
	if faults := verify(t, killed); faults != "" {
		t.Error(faults)
	}
	if err := Restore(ctx, backup, small(t.TempDir()), nil); err != nil {
		t.Error(err)
	}
}

// A snapshot lets write-sets before it go: what was deleted is then nowhere in the journal, and
// the index can still be made anew.
func TestASnapshotFreesWriteSets(t *testing.T) {
	ctx := context.Background()
	o := small(t.TempDir())
	db := mustOpen(t, o)
	secret := []byte("person@client.example")
	set := func(tx Tx) error { return tx.Set([]byte("contact"), secret) }
	drop := func(tx Tx) error { return tx.Delete([]byte("contact")) }
	if err := errors.Join(db.Update(ctx, set), db.Update(ctx, drop)); err != nil {
		t.Fatal(err)
	}
	if _, err := do(db, 0, 20); err != nil {
		t.Fatal(err)
	}
	db.Close() // the floor is at the end of what a clean close wrote
	db = mustOpen(t, o)
	if _, err := do(db, 20, 25); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := db.Snapshot(ctx, true); err != nil {
			t.Fatal(err)
		}
	}
	if bytes.Contains(allBytes(t, filepath.Join(o.Dir, dirJournal)), secret) {
		t.Error("the deleted value is still in the journal")
	}
	if err := db.Verify(ctx, func(s string) { t.Error(s) }); err != nil {
		t.Error(err)
	}
	if _, err := do(db, 25, 30); err != nil {
		t.Fatal(err)
	}
	killed := copyTree(t, o.Dir)
	sound(t, copyTree(t, killed), 30, 30)
	remove(t, filepath.Join(killed, dirIndex), "*")
	sound(t, copyTree(t, killed), 30, 30)
	mustRebuild(t, killed)
	sound(t, killed, 30, 30)
	flip(t, glob(t, filepath.Join(killed, dirSnapshots), "*")[0], 100)
	if faults := verify(t, killed); !strings.Contains(faults, "snapshot") {
		t.Errorf("a flip in the snapshot: %q", faults)
	}
}

// Threat 32: a newer store is refused, an older one is brought up, in one commit with its number.
func TestMigrations(t *testing.T) {
	ctx := context.Background()
	dir := closedStore(t, 3)
	o := small(dir)
	fails := errors.New("on purpose")
	o.Migrations = []func(Tx) error{func(tx Tx) error { return errors.Join(tx.Set([]byte("new"), nil), fails) }}
	if _, err := Open(o); !errors.Is(err, fails) {
		t.Fatalf("a migration that fails: %v", err)
	}
	runs := 0
	o.Migrations = []func(Tx) error{func(tx Tx) error { runs++; return tx.Insert([]byte("new"), nil) }}
	for range 2 {
		db := mustOpen(t, o)
		if err := db.View(ctx, func(tx ReadTx) error { _, err := tx.Get([]byte("new")); return err }); err != nil {
			t.Fatal(err)
		}
		db.Close()
	}
	if runs != 1 {
		t.Errorf("the migration ran %d times", runs)
	}
	if _, err := Open(small(dir)); err == nil || !strings.Contains(err.Error(), "newer postdesk") {
		t.Errorf("an older program: %v", err)
	}
}

// One fdatasync for many: ten callers that wait share the journal's sync.
func TestGroupCommit(t *testing.T) {
	var mu sync.Mutex
	batches, updates := 0, 0
	disk := testkit.NewDisk(t)
	o := small(t.TempDir())
	o.FS = disk
	o.OnCommit = func(n int, _ time.Duration) {
		mu.Lock()
		defer mu.Unlock()
		batches, updates = batches+1, updates+n
	}
	db := mustOpen(t, o)
	var all sync.WaitGroup
	for i := range 10 {
		all.Go(func() {
			for range 20 {
				if err := db.Update(context.Background(), func(tx Tx) error { return tx.Set([]byte{'k', byte(i)}, nil) }); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	db.Close()
	mu.Lock()
	defer mu.Unlock()
	if updates != 201 || batches > updates/2 || disk.Syncs() > updates/2 { // one is the store's version
		t.Errorf("%d updates in %d batches with %d syncs", updates, batches, disk.Syncs())
	}
}
