package store_test

import (
	"context"
	"path/filepath"
	"testing"

	"postdesk/store"
)

// fill writes n rows in a state.
func fill(t *testing.T, db *store.DB, n int, state store.State) {
	t.Helper()
	for n > 0 {
		part := min(n, 500)
		update(t, db, func(tx store.Tx) error {
			for range part {
				if err := store.Enqueue(tx, &store.Outgoing{State: state, Due: noon, Created: noon, MessageID: "1@example.com"}); err != nil {
					return err
				}
			}
			return nil
		})
		n -= part
	}
}

func outboxCounts(t *testing.T, db *store.DB) (counts map[string]int64) {
	t.Helper()
	view(t, db, func(tx store.ReadTx) (err error) {
		counts, err = store.Tally(tx, "outbox")
		return err
	})
	return counts
}

// An outbox of any length can be held, released and taken up after a crash: one
// Update would not hold it.
func TestALongOutboxMoves(t *testing.T) {
	db := openTables(t)
	fill(t, db, 6000, store.Ready)
	fill(t, db, 4000, store.Sending)
	if n, err := store.ResetSending(t.Context(), db); n != 4000 || err != nil {
		t.Fatalf("%d rows were under way: %v", n, err)
	}
	if n, err := store.HoldOutbox(t.Context(), db, "restored"); n != 10000 || err != nil {
		t.Fatalf("%d rows are held: %v", n, err)
	}
	if counts := outboxCounts(t, db); counts["held"] != 10000 || counts["ready"] != 0 {
		t.Errorf("counts: %v", counts)
	}
	if n, err := store.MoveOutbox(t.Context(), db, store.Held, func(row *store.Outgoing) { row.State = store.Ready }); n != 10000 || err != nil {
		t.Errorf("%d rows are released: %v", n, err)
	}
}

func TestALongOutboxIsHeldByRestore(t *testing.T) {
	db := openTables(t)
	fill(t, db, 10000, store.Ready)
	backup := filepath.Join(t.TempDir(), "backup")
	if err := db.Backup(t.Context(), backup); err != nil {
		t.Fatal(err)
	}
	to := store.Options{Dir: t.TempDir()}
	err := store.Restore(t.Context(), backup, to, func(ctx context.Context, db *store.DB) error {
		_, err := store.HoldOutbox(ctx, db, "restored")
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	restored, err := store.Open(to)
	if err != nil {
		t.Fatal(err)
	}
	defer restored.Close()
	if counts := outboxCounts(t, restored); counts["held"] != 10000 || counts["ready"] != 0 {
		t.Errorf("counts: %v", counts)
	}
}
