package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"testing"
)

// Batches of all sizes lie in the same memory one after another, small ones in what a large one has left. Each Update finds
// what it wrote and what others wrote before, one that fails leaves nothing, and in the end all is there.
func TestBatchesInTheSameMemory(t *testing.T) {
	db, err := Open(Options{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	want := map[string][]byte{}
	for batch, keys := range []int{1, 3, 700, 2, 40, 1500, 5, 1} {
		size := []int{0, 10, 120, 5000, 1000, 30, MaxValue, 7}[batch]
		value := func(i int) []byte { return bytes.Repeat([]byte{byte(batch*31 + i)}, size) }
		failed := db.Update(context.Background(), func(tx Tx) error { return errors.Join(writeMany(tx, batch, keys, value), ErrExists) })
		if !errors.Is(failed, ErrExists) {
			t.Fatal(failed)
		}
		err := db.Update(context.Background(), func(tx Tx) error {
			if err := writeMany(tx, batch, keys, value); err != nil {
				return err
			}
			for i := range keys {
				want[fmt.Sprintf("k%d", i)] = value(i)
			}
			return holds(tx, want)
		})
		if err != nil {
			t.Fatalf("batch %d: %v", batch, err)
		}
	}
	if err := db.View(context.Background(), func(tx ReadTx) error { return holds(tx, want) }); err != nil {
		t.Error(err)
	}
}

// writeMany writes keys, all but the first of them twice.
func writeMany(tx Tx, batch, keys int, value func(int) []byte) error {
	for i := range keys {
		k := fmt.Appendf(nil, "k%d", i)
		if err := errors.Join(tx.Set(k, fmt.Append(nil, "not this", batch)), tx.Set(k, value(i))); err != nil {
			return err
		}
	}
	return nil
}

// holds compares all keys with what they should have.
func holds(tx ReadTx, want map[string][]byte) error {
	n := 0
	err := tx.Scan([]byte("k"), []byte("l"), 0, false, func(k, v []byte) error {
		if n++; !bytes.Equal(v, want[string(k)]) {
			return fmt.Errorf("%s has %d bytes that are not its own", k, len(v))
		}
		return nil
	})
	if err == nil && n != len(want) {
		err = fmt.Errorf("%d keys instead of %d", n, len(want))
	}
	return err
}
