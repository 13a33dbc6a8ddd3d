package store

// tally counts records by two words, so that a gauge is one short scan.
func tally(tx Tx, by int64, what, kind string) error {
	k := key(indexTally, what, kind)
	n, _, err := findCount(tx, k)
	if err != nil {
		return err
	}
	return putCount(tx, k, n+by)
}

// Tally returns the counts of a kind of record: "outbox" by state, "held" by
// reason, and "tickets/<team address>" by status.
func Tally(tx ReadTx, what string) (map[string]int64, error) {
	prefix := key(indexTally, what)
	lo, hi := within(prefix)
	counts := map[string]int64{}
	err := tx.Scan(lo, hi, 0, false, func(k, v []byte) error {
		n, err := decodeCount(v)
		if err != nil {
			return err
		}
		counts[string(k[len(prefix):len(k)-2])] = n
		return nil
	})
	return counts, err
}
