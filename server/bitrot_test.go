package server_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"postdesk/internal/config"
	"postdesk/server"
	"postdesk/store"
)

// archive is a data directory after a conversation, and what is in it.
type archive struct {
	dir    string // as it lies on the disk
	text   string // the configuration
	holds  map[string][sha256.Size]byte
	tokens string // the key file
}

// newArchive has a conversation. Closed, all of the index is in its tables; killed, the newest of it is in
// Badger's log.
func newArchive(t *testing.T, closed bool) *archive {
	t.Helper()
	d := newDesk(t, nil)
	jean, anne := d.jean(), d.anne()
	_, copy := d.ask(jean, anne, "Une question", "Le four est froid.\n"+strings.Repeat("Rien ne chauffe.\n", 300))
	anne.answers(copy, "Redémarrez-le.\n")
	jean.reads()
	d.drained()
	if err := d.srv.Store.Snapshot(d.Context(), false); err != nil {
		t.Fatal(err)
	}
	anne.answers(copy, "Ou débranchez-le.\n")
	jean.reads()
	d.drained()
	a := &archive{text: d.text}
	a.holds, _ = holds(t, d.srv.Store)
	key, err := os.ReadFile(filepath.Join(d.dir, "data", server.KeyFile))
	if err != nil {
		t.Fatal(err)
	}
	a.tokens = string(key)
	if closed {
		if err := d.srv.Close(); err != nil {
			t.Fatal(err)
		}
	}
	a.dir = t.TempDir()
	copyDir(t, filepath.Join(d.dir, "data"), a.dir)
	return a
}

// copyDir copies files as they lie there. Reserved room stays a hole.
func copyDir(t *testing.T, from, to string) {
	t.Helper()
	err := filepath.WalkDir(from, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(from, path)
		if err != nil || rel == "." {
			return err
		}
		if e.IsDir() {
			return os.Mkdir(filepath.Join(to, rel), 0o700)
		}
		b, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		used := bytes.TrimRight(b, "\x00")
		if err := os.WriteFile(filepath.Join(to, rel), used, 0o600); err != nil {
			return err
		}
		return os.Truncate(filepath.Join(to, rel), int64(len(b)))
	})
	if err != nil {
		t.Fatal(err)
	}
}

// holds are all keys of a store, each with the sum of its value, and the mails that are not what they were.
func holds(t *testing.T, db *store.DB) (all map[string][sha256.Size]byte, damaged int) {
	t.Helper()
	all = map[string][sha256.Size]byte{}
	err := db.View(context.Background(), func(tx store.ReadTx) error {
		for id := store.MailID(1); ; id++ {
			m, err := tx.Mail(id)
			if errors.Is(err, store.ErrNotFound) {
				break
			} else if err != nil {
				return err
			}
			all[fmt.Sprint("mail ", id)] = m.SHA256()
			if err := store.CheckMail(m); errors.Is(err, store.ErrDamaged) {
				damaged++
			} else if err != nil {
				return err
			}
		}
		return tx.Scan(nil, nil, 0, false, func(k, v []byte) error {
			all[string(k)] = sha256.Sum256(v)
			return nil
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	return all, damaged
}

// kinds are the files of a data directory, one of each kind.
func (a *archive) kinds(t *testing.T) map[string]string {
	t.Helper()
	kinds := map[string]string{}
	err := filepath.WalkDir(a.dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		rel, err := filepath.Rel(a.dir, path)
		kind := rel
		if ext := filepath.Ext(rel); ext != "" && ext != ".key" {
			kind = filepath.Join(filepath.Dir(rel), "*"+ext)
		}
		kinds[kind] = rel
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return kinds
}

// Threat 40: one byte of any file is flipped, or the file is gone. The server says so in words and does not
// start, or it has everything; never does it serve less in silence. Verify finds what is wrong, and a
// rebuild gives all back or says that a backup is needed.
func TestNothingRotsInSilence(t *testing.T) {
	t.Parallel()
	n := 0
	for _, closed := range []bool{true, false} {
		a := newArchive(t, closed)
		kinds := a.kinds(t)
		for _, kind := range slices.Sorted(maps.Keys(kinds)) {
			for _, h := range harms(t, filepath.Join(a.dir, kinds[kind])) {
				if n++; n%rotStride != 0 {
					continue
				}
				t.Run(fmt.Sprintf("closed %v, %s of %s", closed, h.name, kind), func(t *testing.T) {
					a.suffers(t, kinds[kind], h.do)
				})
			}
		}
	}
}

// harm is what happens to a file.
type harm struct {
	name string
	do   func(path string) error
}

// harms are some flips in the used part of a file, and the file gone.
func harms(t *testing.T, path string) []harm {
	t.Helper()
	list := []harm{{"loss", os.Remove}, {"emptiness", func(path string) error { return os.Truncate(path, 0) }}}
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	used := len(bytes.TrimRight(b, "\x00"))
	for i := 1; i <= flips && used > 0; i++ {
		at := used * i / (flips + 1)
		list = append(list, harm{fmt.Sprint("flip at ", at), func(path string) error {
			f, err := os.OpenFile(path, os.O_WRONLY, 0)
			if err != nil {
				return err
			}
			_, err = f.WriteAt([]byte{b[at] ^ 0x10}, int64(at))
			return errors.Join(err, f.Close())
		}})
	}
	return list
}

// suffers does harm to one file of two copies: one is served, the other verified and rebuilt.
func (a *archive) suffers(t *testing.T, file string, do func(string) error) {
	served, mended := t.TempDir(), t.TempDir()
	for _, dir := range []string{served, mended} {
		copyDir(t, a.dir, dir)
		if err := do(filepath.Join(dir, file)); err != nil {
			t.Fatal(err)
		}
	}
	told := a.serve(t, served)
	var faults []string
	err := store.Verify(t.Context(), mended, func(s string) { faults = append(faults, s) })
	if err != nil && !errors.Is(err, store.ErrDamaged) {
		t.Fatal(err)
	}
	if err == nil {
		if told != nil && !strings.Contains(told.Error(), "token key") {
			t.Errorf("the server says %v, and verify finds nothing", told)
		}
		return
	}
	if err := store.Rebuild(t.Context(), mended, func(string) {}); err != nil {
		if !strings.Contains(err.Error(), "backup") {
			t.Errorf("the rebuild says %v", err)
		}
		return
	}
	db, err := store.Open(store.Options{Dir: mended})
	if err != nil {
		t.Fatalf("after the rebuild: %v", err)
	}
	defer db.Close()
	if all, damaged := holds(t, db); !maps.Equal(all, a.holds) && damaged == 0 && !strings.Contains(strings.Join(faults, " "), "without the records that are missing") {
		t.Errorf("after the rebuild there are %d keys of %d, and verify said %q", len(all), len(a.holds), faults)
	}
}

// serve starts the server, and gives the words with which it refuses. If it runs it has all.
func (a *archive) serve(t *testing.T, dir string) error {
	t.Helper()
	before, _, _ := strings.Cut(a.text, "data_dir = ")
	_, after, _ := strings.Cut(a.text, "data_dir = ")
	_, after, _ = strings.Cut(after, "\n")
	cfg, err := config.Parse(filepath.Join(dir, "config.toml"), []byte(before+fmt.Sprintf("data_dir = %q\n", dir)+after))
	if err != nil {
		t.Fatal(err)
	}
	cfg.Listen.Admin = ""
	srv, err := server.Start(context.Background(), server.Options{Config: cfg, After: (&alarm{}).after})
	if err != nil {
		if !strings.Contains(err.Error(), "verify") && !strings.Contains(err.Error(), "backup") {
			t.Errorf("it does not say what to do: %v", err)
		}
		return err
	}
	defer srv.Close()
	if all, _ := holds(t, srv.Store); !maps.Equal(all, a.holds) {
		t.Errorf("the server runs with %d keys of %d", len(all), len(a.holds))
	}
	key, err := os.ReadFile(filepath.Join(dir, server.KeyFile))
	if err != nil || a.foreign(key) {
		t.Errorf("the server runs with another token key: %v\n%s", err, key)
	}
	return nil
}

// foreign says whether a key file has lost the key.
func (a *archive) foreign(key []byte) bool {
	want := strings.Fields(a.tokens)
	got := strings.Fields(string(key))
	return len(got) < 3 || strings.Join(got[len(got)-3:], " ") != strings.Join(want[len(want)-3:], " ")
}
