package store

import (
	"context"
	"errors"
	"fmt"
)

func (db *DB) wakeEraser() {
	select {
	case db.wake <- struct{}{}:
	default:
	}
}

// eraseLoop punches erased mails out of the journal. It ends when the store closes;
// what is left is done after the next Open.
func (db *DB) eraseLoop() {
	defer close(db.erased)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	go func() {
		select {
		case <-db.closing:
			cancel()
		case <-ctx.Done():
		}
	}()
	for {
		select {
		case <-db.wake:
			err := db.punch(ctx)
			if err != nil && !errors.Is(err, ErrClosed) && !errors.Is(err, context.Canceled) {
				db.o.Log.Error("erasing mails failed, the next start tries again", "error", err)
			}
		case <-db.closing:
			return
		}
	}
}

// punch makes the bytes of erased mails zeros.
func (db *DB) punch(ctx context.Context) error {
	ids, err := db.toPunch(ctx)
	if err != nil || len(ids) == 0 {
		return err
	}
	// The marks are written again: the newest record of the journal, which is checked to its
	// last byte when the index is lost, is then none that holds one of these mails.
	if err := db.update(ctx, func(t *tx) error { return t.mark(ids, false) }); err != nil {
		return err
	}
	if err := db.punchAll(ctx, ids); err != nil {
		return err
	}
	return db.update(ctx, func(t *tx) error { return t.mark(ids, true) })
}

// maxPunch bounds one round.
const maxPunch = 1000

func (db *DB) toPunch(ctx context.Context) (ids []MailID, err error) {
	err = db.view(ctx, func(t *readTx) error {
		hi := []byte{prefixErase[0], prefixErase[1] + 1}
		return t.scan(prefixErase, hi, maxPunch, false, func(key, _ []byte) error {
			ids = append(ids, mailOfKey(key))
			return nil
		})
	})
	if len(ids) == maxPunch {
		db.wakeEraser()
	}
	return ids, err
}

func (t *tx) mark(ids []MailID, done bool) error {
	for _, id := range ids {
		t.over.set(mailKey(prefixErase, id), []byte{engineVersion}, done)
	}
	return nil
}

func (db *DB) punchAll(ctx context.Context, ids []MailID) error {
	db.maintenance.Lock()
	defer db.maintenance.Unlock()
	for _, id := range ids {
		if err := ctx.Err(); err != nil {
			return err
		}
		var e mailEntry
		err := db.view(ctx, func(t *readTx) (err error) {
			e, err = t.entry(id)
			return err
		})
		if err != nil {
			return err
		}
		if err := db.journal.Punch(e.span.Segment, e.span.Offset, e.span.Length); err != nil {
			return fmt.Errorf("store: mail %d: %w", id, err)
		}
	}
	return nil
}
