package store

import (
	"encoding/binary"
	"log/slog"
	"testing"
)

// Whatever the committer may have gathered when an Update of the largest size comes last fits into one
// transaction of Badger, which bounds the bytes and the number of entries by its memtable.
func TestTheLargestBatchIsOneTransaction(t *testing.T) {
	for name, length := range map[string]int{"tiny values": 0, "large values": MaxValue} {
		index, err := openIndex(t.TempDir(), 0, slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		defer index.Close()
		var o overlay
		value := make([]byte, length)
		for i := uint32(0); o.bytes+4+length+opOverhead < maxBatchKeys+MaxUpdate; i++ {
			o.set(binary.BigEndian.AppendUint32(nil, i), value, false)
		}
		if err := indexApply(index, o.entries, (&position{}).encode()); err != nil {
			t.Errorf("%s, %d entries: %v", name, len(o.entries), err)
		}
	}
}
