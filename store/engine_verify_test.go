package store

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/dgraph-io/badger/v4"
)

// closedStore makes a store of n deeds and closes it.
func closedStore(t *testing.T, n int) string {
	t.Helper()
	dir := t.TempDir()
	db, err := Open(small(dir))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := do(db, 0, n); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	return dir
}

// verify gives the faults in one string; "" is a sound store.
func verify(t *testing.T, dir string) string {
	t.Helper()
	var faults []string
	err := Verify(context.Background(), dir, func(s string) { faults = append(faults, s) })
	if (err == nil) != (len(faults) == 0) {
		t.Errorf("verify returns %v and reports %q", err, faults)
	}
	if err != nil && !errors.Is(err, ErrDamaged) {
		t.Fatal(err)
	}
	return strings.Join(faults, "\n")
}

func mustRebuild(t *testing.T, dir string) {
	t.Helper()
	if err := Rebuild(context.Background(), dir, func(string) {}); err != nil {
		t.Fatal(err)
	}
}

func TestVerifyFindsNothingInASoundStore(t *testing.T) {
	dir := closedStore(t, 12)
	if faults := verify(t, dir); faults != "" {
		t.Error(faults)
	}
	mustRebuild(t, dir)
	if faults := verify(t, dir); faults != "" {
		t.Error(faults)
	}
	if _, err := os.Stat(filepath.Join(dir, dirIndex+".old")); err == nil {
		t.Error("the old index is left over")
	}
	sound(t, dir, 12, 12)
}

// Threat 40, pitfall 33: whichever file of the index has a flipped bit or is gone, the store either works
// on as if nothing was, or says so in words; and a rebuild makes it whole.
func TestABitFlipsInTheIndex(t *testing.T) {
	t.Parallel()
	for _, pattern := range []string{"*.sst", "MANIFEST", "*.vlog", "KEYREGISTRY"} {
		for _, how := range []string{"flip", "truncate", "remove"} {
			t.Run(how+" "+pattern, func(t *testing.T) {
				dir := closedStore(t, 12)
				index := filepath.Join(dir, dirIndex)
				switch how {
				case "flip":
					flipInUse(t, index, pattern)
				case "truncate":
					truncate(t, index, pattern)
				default:
					remove(t, index, pattern)
				}
				faults := verify(t, dir)
				if faults != "" && !strings.Contains(faults, "verify --rebuild") {
					t.Errorf("the words do not say what to do: %s", faults)
				}
				if faults == "" {
					sound(t, copyTree(t, dir), 12, 12)
				}
				mustRebuild(t, dir)
				sound(t, dir, 12, 12)
			})
		}
	}
}

// A key of the index that is wrong, although every checksum of Badger is right.
func TestVerifyComparesIndexAndJournal(t *testing.T) {
	for name, w := range map[string]*written{
		"another value":  {key: []byte("deed/0003"), value: []byte("wrong")},
		"a key too few":  {key: []byte("deed/0003"), deleted: true},
		"a key too many": {key: []byte("deed/9999"), value: []byte("wrong")},
		"a mail too few": {key: mailKey(prefixMail, 3), deleted: true},
	} {
		t.Run(name, func(t *testing.T) {
			dir := closedStore(t, 8)
			changeIndex(t, dir, w)
			if faults := verify(t, dir); !strings.Contains(faults, "the index") {
				t.Errorf("faults: %q", faults)
			}
			mustRebuild(t, dir)
			sound(t, dir, 8, 8)
		})
	}
}

func changeIndex(t *testing.T, dir string, w *written) {
	t.Helper()
	index, err := badger.Open(indexOptions(filepath.Join(dir, dirIndex), 1<<20, discard()))
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(indexApply(index, []*written{w}, nil), index.Close()); err != nil {
		t.Fatal(err)
	}
}

// Threat 40: every byte of the journal counts. A flip in a mail is found by its SHA-256, one in a
// record's head or operations by their checksums. A snapshot, or the index that is still whole, gives
// everything but the mail itself.
func TestABitFlipsInTheJournal(t *testing.T) {
	t.Parallel()
	dir := closedStore(t, 5)
	segment := filepath.Join(dir, dirJournal, "00000000000000000001.journal")
	fi, err := os.Stat(segment)
	if err != nil {
		t.Fatal(err)
	}
	for off := int64(3); off < fi.Size(); off += 613 {
		flip(t, segment, off)
		if verify(t, dir) == "" && !isReserved(t, segment, off) {
			t.Errorf("a flip at %d is not found", off)
		}
		flip(t, segment, off)
	}
	if faults := verify(t, dir); faults != "" {
		t.Error(faults)
	}
}

// isReserved: behind the last record of the active segment is nothing but room.
func isReserved(t *testing.T, path string, off int64) bool {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return len(strings.TrimRight(string(b[off+1:]), "\x00")) == 0
}

// The damage is in a mail of the past: the store opens, the others are readable, and this one is an error
// and not wrong bytes.
func TestADamagedMailIsAnErrorAndNotData(t *testing.T) {
	dir := closedStore(t, 5)
	flip(t, filepath.Join(dir, dirJournal, "00000000000000000001.journal"), 200)
	db := mustOpen(t, small(dir))
	err := db.View(context.Background(), func(tx ReadTx) error {
		for id := MailID(1); id <= 5; id++ {
			m, err := tx.Mail(id)
			if err != nil {
				return err
			}
			if err := CheckMail(m); (id == 1) != errors.Is(err, ErrDamaged) {
				t.Errorf("mail %d: %v", id, err)
			}
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

// A hole: a segment is missing, or cut, or a head in the middle is bad. The words name the command.
func TestAHoleInTheJournalIsAnErrorInWords(t *testing.T) {
	const first = "00000000000000000001.journal"
	for name, harm := range map[string]func(t *testing.T, dir string){
		"the newest segment is missing": func(t *testing.T, dir string) {
			all := glob(t, dir, "*.journal")
			remove(t, dir, filepath.Base(all[len(all)-1]))
		},
		"all segments are missing": func(t *testing.T, dir string) { remove(t, dir, "*.journal") },
		"the newest segment is cut": func(t *testing.T, dir string) {
			all := glob(t, dir, "*.journal")
			if err := os.Truncate(all[len(all)-1], 70); err != nil {
				t.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := closedStore(t, 20)
			harm(t, filepath.Join(dir, dirJournal))
			_, err := Open(small(dir))
			if !errors.Is(err, ErrDamaged) || !strings.Contains(err.Error(), "verify --rebuild") {
				t.Errorf("open: %v", err)
			}
			if name == "all segments are missing" {
				return
			}
			mustRebuild(t, dir)
			db := mustOpen(t, small(dir))
			if n := deeds(t, db); n < 10 || n >= 20 {
				t.Errorf("after the rebuild there are %d", n)
			}
		})
	}
	t.Run("a head in the middle", func(t *testing.T) {
		dir := closedStore(t, 20)
		flip(t, filepath.Join(dir, dirJournal, first), 64+9)
		err := Rebuild(context.Background(), dir, func(string) {})
		if !errors.Is(err, ErrDamaged) || !strings.Contains(err.Error(), "restore a backup") {
			t.Errorf("rebuild: %v", err)
		}
		db := mustOpen(t, small(dir)) // the old index is still there, and whole
		if n := deeds(t, db); n != 20 {
			t.Errorf("after the rebuild that failed there are %d", n)
		}
		if err := db.Verify(context.Background(), func(string) {}); !errors.Is(err, ErrDamaged) {
			t.Errorf("verify: %v", err)
		}
	})
}

func discard() *slog.Logger { return slog.New(slog.DiscardHandler) }
