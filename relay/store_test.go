package relay

import (
	"context"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"postdesk/internal/message"
	"postdesk/internal/testkit"
	"postdesk/store"
)

// realStore opens a store on disk.
func realStore(t testing.TB, dir string) *store.DB {
	t.Helper()
	db, err := store.Open(store.Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	return db
}

func enqueueReal(t testing.TB, e store.Engine, n int) (ids []uint64) {
	t.Helper()
	err := e.Update(context.Background(), func(tx store.Tx) error {
		ids = ids[:0]
		for i := range n {
			mail, err := tx.PutMail(message.BytesSource([]byte(mailText(fmt.Sprintf("%d\r\n", i)))))
			if err != nil {
				return err
			}
			row := store.Outgoing{Mail: mail, From: address("desk@example.com"), To: address("you@example.net"), Domain: "example.com", Created: epoch, Due: epoch}
			if err := store.Enqueue(tx, &row); err != nil {
				return err
			}
			ids = append(ids, row.ID)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return ids
}

// A server that goes while a mail is being sent sends it again after the next
// start, and what was delivered is not sent again.
func TestRestartOnTheRealStore(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	db := realStore(t, dir)
	sink := testkit.NewSink(t, testkit.SinkOptions{})
	run := func(timeouts Timeouts) *Relay {
		d := newDesk(t, func(o *Options) {
			o.Store, o.Timeouts = db, timeouts
			o.Policy.Relay.Smarthost = sink.Addr
			o.Policy.Relay.ConnectionsPerHost = 1
		})
		go d.relay.Run(context.Background())
		return d.relay
	}
	ids := enqueueReal(t, db, 20)
	first := run(Timeouts{Idle: 50 * time.Millisecond})
	sink.Wait(20, patience)
	if err := first.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	sink.SetScript(testkit.Script{testkit.AtDATA: {Stall: true}})
	stuck := enqueueReal(t, db, 1)[0]
	second := run(Timeouts{Data: time.Minute})
	for deadline := time.Now().Add(patience); realRow(t, db, stuck).State != store.Sending && time.Now().Before(deadline); {
		time.Sleep(time.Millisecond)
	}
	second.cut() // as if the machine went
	<-second.finished
	if row := realRow(t, db, stuck); row.State != store.Sending || row.DataStarted.IsZero() {
		t.Errorf("row: %+v", row)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	db = realStore(t, dir)
	defer db.Close()
	sink.SetScript(nil)
	third := run(Timeouts{Idle: 50 * time.Millisecond})
	sink.Wait(21, patience)
	if err := third.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, id := range append(ids, stuck) {
		if row := realRow(t, db, id); row.State != store.Delivered {
			t.Errorf("row: %+v", row)
		}
	}
	if n := sink.Count(); n != 21 {
		t.Errorf("%d mails", n)
	}
}

func realRow(t testing.TB, e store.Engine, id uint64) (row store.Outgoing) {
	t.Helper()
	err := e.View(context.Background(), func(tx store.ReadTx) (err error) {
		row, err = store.GetOutgoing(tx, id)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return row
}

func TestStopBeforeRun(t *testing.T) {
	d := newDesk(t)
	if err := d.relay.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := d.relay.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// BenchmarkDeliverDurably is BenchmarkDeliver with the store on disk.
func BenchmarkDeliverDurably(b *testing.B) {
	db := realStore(b, b.TempDir())
	defer db.Close()
	sink := testkit.NewSink(b, testkit.SinkOptions{Discard: true})
	d := newDesk(b, func(o *Options) {
		o.Store = db
		o.Policy.Relay.Smarthost = sink.Addr
		o.Policy.Relay.ConnectionsPerHost = 50
		o.Timeouts.Idle = time.Second
	})
	for n := b.N; n > 0; n -= 1000 {
		enqueueReal(b, db, min(n, 1000))
	}
	b.ResetTimer()
	go d.relay.Run(context.Background())
	sink.Wait(b.N, 10*time.Minute)
	b.StopTimer()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "mails/s")
	if err := d.relay.Stop(context.Background()); err != nil {
		b.Error(err)
	}
}
