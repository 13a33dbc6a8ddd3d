package store

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"postdesk/internal/message"
)

type memory []byte

func (m memory) ReadAt(p []byte, off int64) (int, error) { return bytes.NewReader(m).ReadAt(p, off) }
func (m memory) Size() int64                             { return int64(len(m)) }

var _ message.Source = memory(nil)

// An Update as the pipeline makes them: one mail of 4 KB, and fifteen keys.
func benchUpdate(tx Tx, n uint64, mail memory) error {
	id, err := tx.PutMail(mail)
	if err != nil {
		return err
	}
	var value [120]byte
	for i := range 15 {
		key := binary.BigEndian.AppendUint64([]byte{'b', byte(i)}, n*7919%1e6)
		key = binary.BigEndian.AppendUint64(key, uint64(id))
		if i < 3 {
			if _, err := tx.Get(key); err == nil {
				return ErrExists
			}
		}
		if err := tx.Set(key, value[:]); err != nil {
			return err
		}
	}
	return nil
}

func BenchmarkUpdate(b *testing.B) {
	for _, workers := range []int{1, 10, 50} {
		b.Run(fmt.Sprintf("goroutines=%d", workers), func(b *testing.B) {
			var batches atomic.Int64
			db, err := Open(Options{Dir: b.TempDir(), OnCommit: func(int, time.Duration) { batches.Add(1) }})
			if err != nil {
				b.Fatal(err)
			}
			defer db.Close()
			mail := memory(bytes.Repeat([]byte("0123456789abcde\n"), 256))
			b.ReportAllocs()
			b.ResetTimer()
			var wg sync.WaitGroup
			var next atomic.Int64
			for range workers {
				wg.Go(func() {
					for n := next.Add(1); n <= int64(b.N); n = next.Add(1) {
						err := db.Update(context.Background(), func(tx Tx) error { return benchUpdate(tx, uint64(n), mail) })
						if err != nil {
							b.Error(err)
						}
					}
				})
			}
			wg.Wait()
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "updates/s")
			b.ReportMetric(float64(b.N)/float64(batches.Load()), "updates/batch")
		})
	}
}
