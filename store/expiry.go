package store

import "time"

// expire makes Purge delete a record once at has passed.
func expire(tx Tx, at time.Time, record []byte) error {
	return tx.Set(append(key(indexExpiry, at), record...), []byte{})
}

// Purge deletes at most limit records whose time has passed, and says how many
// it deleted.
func Purge(tx Tx, now time.Time, limit int) (n int, err error) {
	lo := key(indexExpiry)
	hi := key(indexExpiry, now)
	head := len(hi)
	var gone [][]byte
	err = tx.Scan(lo, hi, limit, false, func(k, _ []byte) error {
		gone = append(gone, append([]byte(nil), k...))
		return nil
	})
	for _, k := range gone {
		if err != nil {
			return n, err
		}
		if err = tx.Delete(k[head:]); err == nil {
			err = tx.Delete(k)
		}
		n++
	}
	return n, err
}
