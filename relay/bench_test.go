package relay

import (
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"postdesk/internal/message"
	"postdesk/internal/testkit"
	"postdesk/store"
)

// fill enqueues n mails, each to one recipient with a sender of its own as
// bounces need it, over some domains.
func (d *desk) fill(n, domains int) {
	d.t.Helper()
	err := d.store.Update(d.t.Context(), func(tx store.Tx) error {
		for i := range n {
			id, err := tx.PutMail(message.BytesSource([]byte(mailText("Bonjour,\r\n\r\nvotre demande est arrivée.\r\n"))))
			if err != nil {
				return err
			}
			row := store.Outgoing{Mail: id, From: address(fmt.Sprintf("desk+t%d@example.com", i)), Domain: "example.com",
				To: address(fmt.Sprintf("you%d@d%d.test", i, i%domains)), Created: d.clock.Now(), Due: d.clock.Now()}
			if err := store.Enqueue(tx, &row); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		d.t.Fatal(err)
	}
}

// BenchmarkDeliver: deliveries per second to a fast sink, by a smarthost,
// without signatures and with a store in memory.
func BenchmarkDeliver(b *testing.B) {
	sink := testkit.NewSink(b, testkit.SinkOptions{Discard: true})
	d := newDesk(b, func(o *Options) {
		o.Policy.Relay.Smarthost = sink.Addr
		o.Policy.Relay.ConnectionsPerHost = 20
		o.Timeouts.Idle = time.Second
	})
	d.fill(b.N, 10)
	b.ReportAllocs()
	b.ResetTimer()
	d.start()
	sink.Wait(b.N, 10*time.Minute)
	b.StopTimer()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "mails/s")
}

func BenchmarkSign(b *testing.B) {
	for _, algorithm := range []string{"rsa", "ed25519"} {
		b.Run(algorithm, func(b *testing.B) {
			key, _ := testKey(b, algorithm)
			keys := newKeyring(dkimEntry(key))
			src := message.BytesSource([]byte(mailText(strings.Repeat("It has not come, and nobody knows when it will.\r\n", 80))))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := keys.sign("example.com", src); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// With 5,000 mails in the queue for a destination that hangs, memory stays
// where it is: what is claimed is bounded, and a mail's bytes are read when it
// is sent.
func TestMemoryIsFlatWithALongQueue(t *testing.T) {
	d := newDesk(t, func(o *Options) {
		o.Resolver = testkit.NewDNS(t, map[string][]string{"d0.test": {"A 192.0.2.66"}}).Resolver()
		o.Timeouts.Dial = time.Minute
	})
	d.net.put("192.0.2.66:25", "hang")
	d.fill(5000, 1)
	before := heap()
	ctx := t.Context()
	go d.relay.Run(ctx)
	deadline := time.Now().Add(patience)
	for len(d.net.dialled()) == 0 && time.Now().Before(deadline) {
		time.Sleep(time.Millisecond)
	}
	if grown := heap() - before; grown > 16<<20 {
		t.Errorf("%d MB more", grown>>20)
	}
	d.relay.cut()
	<-d.relay.finished
}

func heap() int64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
