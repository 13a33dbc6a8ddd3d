package store

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"postdesk/internal/testkit"
)

// small makes everything small, so that a few Updates reach every border.
func small(dir string) Options {
	return Options{Dir: dir, SegmentSize: 8 << 10, memtable: 1 << 20, floorEvery: 4}
}

func mustOpen(t testing.TB, o Options) *DB {
	t.Helper()
	db, err := Open(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

// deed is the i-th Update of the crash tests: it counts, and leaves a key and a mail.
func deed(i int) func(Tx) error {
	return func(tx Tx) error {
		n := 0
		if v, err := tx.Get([]byte("count")); err == nil {
			fmt.Sscan(string(v), &n)
		} else if !errors.Is(err, ErrNotFound) {
			return err
		}
		id, err := tx.PutMail(mailOf(i))
		if err != nil {
			return err
		}
		if err := tx.Insert(fmt.Appendf(nil, "deed/%04d", i), fmt.Append(nil, id)); err != nil {
			return err
		}
		return tx.Set([]byte("count"), fmt.Append(nil, n+1))
	}
}

func mailOf(i int) memory {
	return memory(fmt.Sprintf("Subject: %d\r\n\r\n%s", i, strings.Repeat(fmt.Sprintf("line of mail %d\r\n", i), 40+i%80)))
}

// do runs deeds from..to and gives how many were acknowledged before the first error.
func do(db *DB, from, to int) (done int, err error) {
	for i := from; i < to; i++ {
		if err := db.Update(context.Background(), deed(i)); err != nil {
			return i, err
		}
	}
	return to, nil
}

// deeds checks that the store holds exactly the deeds 0..n-1 for some n, each once and whole, and gives n.
func deeds(t testing.TB, db *DB) int {
	t.Helper()
	n := 0
	err := db.View(context.Background(), func(tx ReadTx) error {
		count := 0
		if v, err := tx.Get([]byte("count")); err == nil {
			fmt.Sscan(string(v), &count)
		}
		err := tx.Scan([]byte("deed/"), []byte("deed0"), 0, false, func(k, v []byte) error {
			if want := fmt.Sprintf("deed/%04d", n); string(k) != want {
				return fmt.Errorf("there is %s, want %s", k, want)
			}
			m, err := tx.Mail(MailID(n + 1))
			if err != nil {
				return err
			}
			if m.Size() != mailOf(n).Size() {
				return fmt.Errorf("mail %d has %d bytes", n+1, m.Size())
			}
			n++
			return CheckMail(m)
		})
		if err == nil && count != n {
			err = fmt.Errorf("the counter says %d and there are %d", count, n)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// copyTree copies a directory as it lies there at one moment. Badger writes, merges and removes tables
// whenever it likes: a copy in which a file came, went or changed meanwhile is of no moment, and is made again.
func copyTree(t testing.TB, from string) string {
	t.Helper()
	for range 100 {
		before, to := listing(t, from), t.TempDir()
		err := os.CopyFS(to, os.DirFS(from))
		if err == nil && slices.Equal(before, listing(t, from)) {
			return to
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			t.Fatal(err)
		}
	}
	t.Fatalf("%s never lay still", from)
	return ""
}

// listing names each file below dir, with its size and the time of its last change.
func listing(t testing.TB, dir string) (files []string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := e.Info()
		if err == nil {
			files = append(files, fmt.Sprint(path, info.Size(), info.ModTime().UnixNano()))
		}
		return err
	})
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	return files
}

// sound verifies, and shows that the store goes on working.
func sound(t testing.TB, dir string, atLeast, atMost int) {
	t.Helper()
	db, err := Open(small(dir))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	n := deeds(t, db)
	if n < atLeast || n > atMost {
		t.Fatalf("there are %d deeds, want %d (acknowledged) to %d (tried)", n, atLeast, atMost)
	}
	if _, err := do(db, n, n+3); err != nil {
		t.Fatal(err)
	}
	if err := db.Verify(context.Background(), func(s string) { t.Error(s) }); err != nil {
		t.Fatal(err)
	}
}

// Threats 2, 10 and 39, pitfalls 41 and 43: whatever call to the disk fails, and the power
// goes right after, each acknowledged Update is there once, and no other is there in part.
func TestEveryDiskCallFailsOnce(t *testing.T) {
	t.Parallel()
	const total = 10
	calls := callsOf(t, total)
	for n := 1; n <= calls; n++ {
		disk := testkit.NewDisk(t)
		dir := t.TempDir()
		o := small(dir)
		o.FS = disk
		disk.FailAt(n, testkit.ErrDisk)
		db, err := Open(o)
		done := 0
		if err == nil {
			done, err = do(db, 0, total)
		}
		if err == nil {
			t.Fatalf("call %d of %d failed and nobody noticed", n, calls)
		}
		if db != nil {
			mustBeStopped(t, db, err)
		}
		sound(t, afterPowerLoss(t, disk, dir, uint64(n%3)), done, done+1)
		if db != nil {
			db.Close()
		}
		if t.Failed() {
			t.Fatalf("at call %d: %s", n, strings.Join(disk.Log(), ", "))
		}
	}
}

// callsOf counts the calls of a run in which nothing fails.
func callsOf(t *testing.T, total int) int {
	disk := testkit.NewDisk(t)
	o := small(t.TempDir())
	o.FS = disk
	db := mustOpen(t, o)
	if _, err := do(db, 0, total); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	return disk.Calls()
}

// mustBeStopped: after a disk error nothing is taken any more, and the server hears of it.
func mustBeStopped(t *testing.T, db *DB, err error) {
	t.Helper()
	if !errors.Is(err, ErrStopped) {
		t.Errorf("the error is %v, want ErrStopped", err)
	}
	if err := db.Update(context.Background(), deed(900)); !errors.Is(err, ErrStopped) {
		t.Errorf("the next update: %v", err)
	}
	select {
	case err := <-db.Fatal():
		if !errors.Is(err, ErrStopped) {
			t.Errorf("Fatal gives %v", err)
		}
	default:
		t.Error("Fatal is silent")
	}
}

// afterPowerLoss gives a copy of the directory as the power loss leaves it. The
// disk of the original is left alone, so that one run serves several losses.
func afterPowerLoss(t *testing.T, disk *testkit.Disk, dir string, seed uint64) string {
	t.Helper()
	var rng *rand.Rand
	if seed > 0 {
		rng = rand.New(rand.NewPCG(seed, seed))
	}
	to := copyTree(t, dir)
	if err := disk.PowerOffCopy(dir, to, rng); err != nil {
		t.Fatal(err)
	}
	return to
}

// Threat 2: the power goes at any moment while nothing fails; unsynced data is lost, or half of it.
func TestPowerLossAtAnyMoment(t *testing.T) {
	t.Parallel()
	disk := testkit.NewDisk(t)
	dir := t.TempDir()
	o := small(dir)
	o.FS = disk
	db := mustOpen(t, o)
	for i := range 12 {
		if _, err := do(db, i, i+1); err != nil {
			t.Fatal(err)
		}
		sound(t, afterPowerLoss(t, disk, dir, uint64(i%4)), i+1, i+1)
	}
}

// Pitfall 34: the index forgets its newest commits, or all of them; the journal has them.
func TestWhatTheIndexForgotComesFromTheJournal(t *testing.T) {
	for name, forget := range map[string]func(t *testing.T, index string){
		"its log is deleted":        func(t *testing.T, index string) { remove(t, index, "*.mem") },
		"its log is empty":          func(t *testing.T, index string) { truncate(t, index, "*.mem") },
		"its log has a flipped bit": func(t *testing.T, index string) { flipInUse(t, index, "*.mem") },
		"it is deleted":             func(t *testing.T, index string) { remove(t, index, "*") },
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			db := mustOpen(t, small(dir))
			if _, err := do(db, 0, 10); err != nil {
				t.Fatal(err)
			}
			killed := copyTree(t, dir)
			forget(t, filepath.Join(killed, dirIndex))
			sound(t, killed, 10, 10)
		})
	}
}

// Pitfall 34, the worse case: an older log of the index is hit while the newest is whole, so
// that the position it remembers is right and keys before it are missing.
func TestAHoleInTheMiddleOfTheIndexIsFilled(t *testing.T) {
	dir := t.TempDir()
	db := mustOpen(t, small(dir))
	if _, err := do(db, 0, 10); err != nil {
		t.Fatal(err)
	}
	lost := [][]byte{[]byte("deed/0004"), mailKey(prefixMail, 5)}
	for _, key := range lost {
		if err := indexApply(db.index, []*written{{key: key, deleted: true}}, nil); err != nil {
			t.Fatal(err)
		}
	}
	sound(t, copyTree(t, dir), 10, 10)
}

// The floor moves when Badger has written its memory to tables, and no further; what lies above it is
// applied again after a kill.
func TestTheFloorFollowsTheTables(t *testing.T) {
	dir := t.TempDir()
	db := mustOpen(t, small(dir))
	if _, err := do(db, 0, 5); err != nil {
		t.Fatal(err)
	}
	large := make([]byte, MaxValue)
	for i := range 100 {
		err := db.Update(context.Background(), func(tx Tx) error { return tx.Set(fmt.Appendf(nil, "large/%d", i%8), large) })
		if err != nil {
			t.Fatal(err)
		}
	}
	if _, err := do(db, 5, 9); err != nil {
		t.Fatal(err)
	}
	killed := copyTree(t, dir)
	db.Close()
	if p := db.position; p.floor.Seq == 0 || p.floor.Seq >= p.last.Seq {
		t.Errorf("floor %d, last %d", p.floor.Seq, p.last.Seq)
	}
	for _, name := range glob(t, filepath.Join(killed, dirIndex), "*.mem") {
		if err := os.Remove(name); err != nil {
			t.Fatal(err)
		}
	}
	sound(t, killed, 9, 9)
}

func glob(t *testing.T, dir, pattern string) []string {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, pattern))
	if err != nil || len(names) == 0 {
		t.Fatalf("no %s in %s: %v", pattern, dir, err)
	}
	return names
}

func remove(t *testing.T, dir, pattern string) {
	for _, name := range glob(t, dir, pattern) {
		if err := os.Remove(name); err != nil {
			t.Fatal(err)
		}
	}
}

func truncate(t *testing.T, dir, pattern string) {
	for _, name := range glob(t, dir, pattern) {
		if err := os.Truncate(name, 0); err != nil {
			t.Fatal(err)
		}
	}
}

// flipInUse flips a bit in the middle of the bytes that are not zero.
func flipInUse(t *testing.T, dir, pattern string) {
	for _, name := range glob(t, dir, pattern) {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		flip(t, name, int64(len(strings.TrimRight(string(b), "\x00"))/2))
	}
}

func flip(t testing.TB, path string, off int64) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	b := make([]byte, 1)
	if _, err := f.ReadAt(b, off); err != nil {
		t.Fatal(err)
	}
	b[0] ^= 0x10
	if _, err := f.WriteAt(b, off); err != nil {
		t.Fatal(err)
	}
}

// Pitfall 32: a 0-byte file of a crash makes Badger's Open fail.
func TestEmptyBadgerFilesAreRemoved(t *testing.T) {
	dir := t.TempDir()
	db := mustOpen(t, small(dir))
	if _, err := do(db, 0, 3); err != nil {
		t.Fatal(err)
	}
	killed := copyTree(t, dir)
	for _, name := range []string{"00077.mem", "000077.vlog"} {
		if err := os.WriteFile(filepath.Join(killed, dirIndex, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	sound(t, killed, 3, 3)
}

// Threat 9: no room for a new segment is an error of the Update, and goes away with the lack.
func TestAFullDiskIsNotTheEnd(t *testing.T) {
	disk := testkit.NewDisk(t)
	o := small(t.TempDir())
	o.FS = disk
	db := mustOpen(t, o)
	done := 0
	for refused := 0; done < 30; {
		if done == 10 && refused == 0 {
			disk.FullFor("allocate", 3)
		}
		var err error
		if done, err = do(db, done, 30); err != nil {
			if !errors.Is(err, ErrDiskLow) {
				t.Fatalf("a full disk gives %v", err)
			}
			if refused++; refused > 5 {
				t.Fatal("it does not recover")
			}
		}
	}
	if n := deeds(t, db); n != 30 {
		t.Errorf("%d deeds", n)
	}
}

// Threat 9, pitfall 30: below the floors mail is refused first, then everything, before
// Badger's memory map turns a full disk into a signal.
func TestFloorsOfFreeSpace(t *testing.T) {
	disk := testkit.NewDisk(t)
	o := small(t.TempDir())
	o.FS, o.MinFreeDisk = disk, 160<<20
	db := mustOpen(t, o)
	set := func() error {
		return db.Update(context.Background(), func(tx Tx) error { return tx.Set([]byte("outbox"), []byte("drains")) })
	}
	disk.SetFree(50<<20, 1e6)
	if err := errors.Join(set(), db.Update(context.Background(), deed(0))); err != nil {
		t.Fatal(err)
	}
	for _, few := range []struct{ bytes, inodes uint64 }{{30 << 20, 1e6}, {1 << 40, 50}} {
		disk.SetFree(few.bytes, few.inodes)
		if err := db.Update(context.Background(), deed(1)); !errors.Is(err, ErrDiskLow) {
			t.Errorf("a mail with %v: %v", few, err)
		}
		if err := set(); err != nil {
			t.Errorf("the outbox with %v: %v", few, err)
		}
	}
	disk.SetFree(5<<20, 1e6)
	if err := set(); !errors.Is(err, ErrDiskLow) {
		t.Errorf("below the lowest floor: %v", err)
	}
	db.Close()
	if _, err := Open(o); !errors.Is(err, ErrDiskLow) || !strings.Contains(err.Error(), "make room") {
		t.Errorf("opening on a full disk: %v", err)
	}
}

// The server holds the directory: the second process is told so.
func TestTheDirectoryIsLocked(t *testing.T) {
	dir := t.TempDir()
	mustOpen(t, small(dir))
	if _, err := Open(small(dir)); !errors.Is(err, ErrLocked) {
		t.Errorf("opening twice: %v", err)
	}
	if err := Verify(context.Background(), dir, func(string) {}); !errors.Is(err, ErrLocked) {
		t.Errorf("verify: %v", err)
	}
	if err := Rebuild(context.Background(), dir, func(string) {}); !errors.Is(err, ErrLocked) {
		t.Errorf("rebuild: %v", err)
	}
}
