package store

import (
	"errors"
	"time"
)

// expiring is a record that Purge deletes once Until has passed. The zero Until
// is for ever.
type expiring struct {
	Until time.Time `json:",omitzero"`
	Value any
}

// putUntil writes a record that expires. Times are rounded up to a step, so that
// a record which is refreshed all the time has few entries in the index.
func putUntil(tx Tx, k []byte, v any, until time.Time, step time.Duration) error {
	if !until.IsZero() {
		until = until.Add(step - 1).Truncate(step)
		if err := tx.Set(append(key(indexExpiry, until), k...), []byte{}); err != nil {
			return err
		}
	}
	return put(tx, k, expiring{Until: until, Value: v})
}

// findUntil reads a record that putUntil wrote into what v points to.
func findUntil(tx ReadTx, k []byte, v any) (bool, error) {
	return find(tx, k, &expiring{Value: v})
}

// Purge looks at no more than limit records whose time has come, deletes those
// that were not refreshed since, and says how many it looked at.
func Purge(tx Tx, now time.Time, limit int) (looked int, err error) {
	hi := key(indexExpiry, now)
	var entries [][]byte
	err = tx.Scan(key(indexExpiry), hi, limit, false, func(k, _ []byte) error {
		entries = append(entries, append([]byte(nil), k...))
		return nil
	})
	for _, k := range entries {
		if err != nil {
			break
		}
		err = errors.Join(purge(tx, k[len(hi):], now), tx.Delete(k))
	}
	return len(entries), err
}

// purge deletes one record, unless it was refreshed.
func purge(tx Tx, record []byte, now time.Time) error {
	var e struct{ Until time.Time }
	ok, err := find(tx, record, &e)
	if err != nil || !ok || e.Until.After(now) || e.Until.IsZero() {
		return err
	}
	return tx.Delete(record)
}
