package relay

import (
	"context"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"postdesk/internal/testkit"
	"postdesk/store"
)

// brittle is a connection that breaks in the middle of a large mail.
type brittle struct {
	net.Conn
	left int // octets
}

func (b *brittle) Write(p []byte) (int, error) {
	if b.left -= len(p); b.left < 0 {
		return 0, net.ErrClosed
	}
	return b.Conn.Write(p)
}

// A mail breaks off at one host; before the next one takes it, one of its recipients is
// withdrawn. The other one, which was marked as being sent, does not stay so.
func TestWithdrawnBetweenTwoHosts(t *testing.T) {
	var d *desk
	var ids []uint64
	d = newDesk(t, func(o *Options) {
		o.Resolver = testkit.NewDNS(t, map[string][]string{
			"example.net":     {"MX 10 mx.example.net.", "MX 20 mx2.example.net."},
			"mx.example.net":  {"A 192.0.2.1"},
			"mx2.example.net": {"A 192.0.2.2"},
		}).Resolver()
		dial := o.Dial
		var withdrawn atomic.Bool
		o.Dial = func(ctx context.Context, network, addr string) (net.Conn, error) {
			if addr == "192.0.2.2:25" && !withdrawn.Swap(true) {
				d.change(ids[1], func(r *store.Outgoing) { r.State = store.Held })
			}
			nc, err := dial(ctx, network, addr)
			if err == nil && !withdrawn.Load() {
				nc = &brittle{nc, 32 << 10}
			}
			return nc, err
		}
	})
	sink := d.withSink(testkit.SinkOptions{})
	d.net.put("192.0.2.2:25", sink.Addr)
	ids = d.put(mailText(strings.Repeat("some words\r\n", 10000)), nil, "a@example.net", "b@example.net")
	d.start()
	d.until(ids[0], "given back", func(r store.Outgoing) bool { return r.State == store.Ready && r.Attempts == 1 })
	d.pass(10 * time.Minute)
	d.untilState(ids[0], store.Delivered)
	if got := sink.Wait(1, patience); len(got) != 1 || len(got[0].To) != 1 || d.row(ids[1]).State != store.Held {
		t.Errorf("got %d mails, the row that was held is %+v", len(got), d.row(ids[1]))
	}
}
