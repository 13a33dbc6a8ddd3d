package store_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"postdesk/internal/addr"
	"postdesk/internal/ticket"
	"postdesk/store"
)

// holders are the files of dir that hold one of the texts.
func holders(t *testing.T, dir string, texts ...string) (found []string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		raw, err := os.ReadFile(path)
		for _, text := range texts {
			if bytes.Contains(bytes.ToLower(raw), []byte(text)) {
				found = append(found, text+" in "+path)
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// The counters of acknowledgements and the memory of same contents have address
// and subject in their keys, and the index of what expires has those keys again.
func TestErasedPersonIsInNoKey(t *testing.T) {
	ctx := context.Background()
	o := store.Options{Dir: t.TempDir()}
	db, err := store.Open(o)
	if err != nil {
		t.Fatal(err)
	}
	jean, paul := addr.Address{Local: "jean", Domain: "client.example"}, addr.Address{Local: "paul", Domain: "client.example"}
	team := addr.Address{Local: "sav", Domain: "example.com"}
	update(t, db, func(tx store.Tx) (err error) {
		for _, a := range []addr.Address{jean, paul} {
			err = errors.Join(err, store.SetUsual(tx, team, a.Key(), "anne"))
			for day := range 3 { // refreshed: there is one entry a day in the index
				until := noon.AddDate(0, 0, day)
				err = errors.Join(err, store.SetWindow(tx, "ack-address", a.Key(), day, until),
					store.SetWindow(tx, "same-content", a.Key()+"\x00a secret of "+a.Local+"\x00abcd", until, until))
			}
		}
		return err
	})
	if _, err := store.ErasePerson(ctx, db, jean, ticket.System, noon); err != nil && !errors.Is(err, store.ErrNotFound) {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil { // the newest write-sets are given back after a clean stop
		t.Fatal(err)
	}
	if db, err = store.Open(o); err != nil {
		t.Fatal(err)
	}
	update(t, db, func(tx store.Tx) error { return store.SetLastByTurn(tx, team, "anne") }) // life goes on
	backup := filepath.Join(t.TempDir(), "backup")
	if err := errors.Join(db.Snapshot(ctx, true), db.Backup(ctx, backup)); err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{filepath.Join(o.Dir, "snapshots"), backup} {
		if left := holders(t, dir, "jean"); len(left) > 0 {
			t.Error(left)
		}
		if left := holders(t, dir, "paul@client.example", "secret of paul"); len(left) < 2 {
			t.Errorf("another person's records are gone: %v", left)
		}
	}
	update(t, db, func(tx store.Tx) error {
		if n, err := store.Purge(tx, noon.Add(1000*time.Hour), 100); n != 6 || err != nil {
			t.Errorf("%d entries expire, %v; want those of the other person", n, err)
		}
		return nil
	})
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
}
