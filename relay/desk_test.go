package relay

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"postdesk/internal/addr"
	"postdesk/internal/config"
	"postdesk/internal/message"
	"postdesk/internal/testkit"
	"postdesk/store"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(testkit.Settled{M: m}) }

// patience is that of a busy machine.
const patience = time.Minute

var epoch = time.Date(2026, 11, 2, 10, 0, 0, 0, time.UTC)

// desk is an outbox with a relay, a clock, a name server and a network of
// sinks.
type desk struct {
	t       testing.TB
	store   *memEngine
	clock   *testkit.Clock
	net     *network
	relay   *Relay
	reports *reportLog
	count   *counts
	opts    Options
	started bool
}

// network maps the addresses of the tests' DNS to sinks. What it does not know
// refuses connections.
type network struct {
	mu    sync.Mutex
	hosts map[string]string
	dials []string
}

func (n *network) put(addr, to string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.hosts[addr] = to
}

func (n *network) Dial(ctx context.Context, network, addr string) (net.Conn, error) {
	n.mu.Lock()
	n.dials = append(n.dials, addr)
	to := n.hosts[addr]
	n.mu.Unlock()
	if to == "" && strings.HasPrefix(addr, "127.0.0.1:") {
		to = addr
	}
	switch to {
	case "":
		return nil, &net.OpError{Op: "dial", Net: network, Err: fmt.Errorf("connection refused")}
	case "hang":
		<-ctx.Done()
		return nil, ctx.Err()
	}
	return new(net.Dialer).DialContext(ctx, network, to)
}

func (n *network) dialled() []string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return append([]string(nil), n.dials...)
}

// reportLog remembers what Reports was told.
type reportLog struct {
	mu     sync.Mutex
	rows   []store.Outgoing // told by Outcome
	record []uint64         // rows told by Record
	fail   func(store.Outgoing) error
}

func (l *reportLog) Outcome(_ store.Tx, row store.Outgoing, _ time.Time) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.fail != nil {
		if err := l.fail(row); err != nil {
			return err
		}
	}
	l.rows = append(l.rows, row)
	return nil
}

func (l *reportLog) Record(_ store.Tx, row store.Outgoing, _ time.Time) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.record = append(l.record, row.ID)
	return nil
}

func (l *reportLog) all() []store.Outgoing {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append([]store.Outgoing(nil), l.rows...)
}

type counts struct {
	mu      sync.Mutex
	results map[string]int
}

func (c *counts) Delivery(result string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.results[result]++
}

func (c *counts) DeliverySeconds(time.Duration) {}

func (c *counts) of(result string) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.results[result]
}

// newDesk makes a desk that knows example.net, whose mail host is 192.0.2.1.
func newDesk(t testing.TB, change ...func(*Options)) *desk {
	d := &desk{t: t, store: newMemEngine(), clock: testkit.NewClock(epoch), net: &network{hosts: make(map[string]string)},
		reports: &reportLog{}, count: &counts{results: make(map[string]int)}}
	opts := Options{
		Store: d.store, Now: d.clock.Now, Log: slog.New(slog.DiscardHandler), Reports: d.reports, Observer: d.count,
		Dial:     d.net.Dial,
		Policy:   Policy{Hostname: "desk.example.com", Relay: config.Relay{ConnectionsPerHost: 5}},
		Timeouts: generous(),
	}
	for _, fn := range change {
		fn(&opts)
	}
	if opts.Resolver == nil {
		opts.Resolver = testkit.NewDNS(t, map[string][]string{
			"example.net": {"MX 10 mx.example.net."}, "mx.example.net": {"A 192.0.2.1"},
		}).Resolver()
	}
	d.opts, d.relay = opts, New(opts)
	return d
}

// again starts another relay on the same outbox, one that waits long for answers.
func (d *desk) again() {
	d.stop()
	d.opts.Timeouts = generous()
	d.relay = New(d.opts)
	d.start()
}

// generous are times that a server in good health keeps on a busy machine.
func generous() Timeouts {
	return Timeouts{Command: patience, Greeting: patience, Data: patience, Block: patience, Dot: patience, Quit: 100 * time.Millisecond, Idle: 50 * time.Millisecond}
}

// withSink gives example.net's mail to a new sink.
func (d *desk) withSink(opts testkit.SinkOptions) *testkit.Sink {
	s := testkit.NewSink(d.t, opts)
	d.net.put("192.0.2.1:25", s.Addr)
	return s
}

func (d *desk) start() {
	d.started = true
	go d.relay.Run(context.Background())
	d.t.Cleanup(d.stop)
}

func (d *desk) stop() {
	if !d.started {
		return
	}
	d.started = false
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := d.relay.Stop(ctx); err != nil {
		d.t.Errorf("stop: %v", err)
	}
}

func address(s string) addr.Address {
	if s == "" {
		return addr.Address{}
	}
	at := strings.LastIndexByte(s, '@')
	return addr.Address{Local: s[:at], Domain: s[at+1:]}
}

func mailText(body string) string {
	return "From: Desk <desk@example.com>\r\nTo: you@example.net\r\nSubject: Votre demande\r\n" +
		"Message-ID: <1@example.com>\r\nDate: Mon, 2 Nov 2026 10:00:00 +0000\r\n\r\n" + body
}

// put stores a mail and enqueues it for each recipient.
func (d *desk) put(raw string, change func(*store.Outgoing), to ...string) (ids []uint64) {
	d.t.Helper()
	err := d.store.Update(context.Background(), func(tx store.Tx) error {
		ids = ids[:0]
		id, err := tx.PutMail(message.BytesSource([]byte(raw)))
		if err != nil {
			return err
		}
		for _, a := range to {
			row := store.Outgoing{Mail: id, From: address("desk+t1@example.com"), To: address(a), Domain: "example.com",
				MessageID: "1@example.com", Created: d.clock.Now(), Due: d.clock.Now()}
			if change != nil {
				change(&row)
			}
			if err := store.Enqueue(tx, &row); err != nil {
				return err
			}
			ids = append(ids, row.ID)
		}
		return nil
	})
	if err != nil {
		d.t.Fatal(err)
	}
	d.relay.Wake()
	return ids
}

func (d *desk) row(id uint64) (row store.Outgoing) {
	d.t.Helper()
	err := d.store.View(context.Background(), func(tx store.ReadTx) (err error) {
		row, err = store.GetOutgoing(tx, id)
		return err
	})
	if err != nil {
		d.t.Fatal(err)
	}
	return row
}

// until waits for a row to be as wanted.
func (d *desk) until(id uint64, what string, ok func(store.Outgoing) bool) store.Outgoing {
	d.t.Helper()
	timer := time.NewTimer(patience)
	defer timer.Stop()
	for {
		changed := d.store.wait()
		row := d.row(id)
		if ok(row) {
			return row
		}
		select {
		case <-changed:
		case <-timer.C:
			d.t.Fatalf("row %d is not %s: %+v", id, what, row)
		}
	}
}

func (d *desk) untilState(id uint64, s store.State) store.Outgoing {
	d.t.Helper()
	return d.until(id, string(s), func(r store.Outgoing) bool { return r.State == s })
}

// untilTried waits for the n-th attempt to end without a final result.
func (d *desk) untilTried(id uint64, n int) store.Outgoing {
	d.t.Helper()
	return d.until(id, fmt.Sprintf("tried %d times", n), func(r store.Outgoing) bool { return r.State == store.Ready && r.Attempts == n })
}

// pass moves the clock and lets the relay look.
func (d *desk) pass(by time.Duration) {
	d.clock.Advance(by)
	d.relay.Wake()
}

// change edits a row as an admin's command does.
func (d *desk) change(id uint64, fn func(*store.Outgoing)) {
	d.t.Helper()
	err := d.store.Update(context.Background(), func(tx store.Tx) error {
		row, err := store.GetOutgoing(tx, id)
		if err != nil {
			return err
		}
		fn(&row)
		return store.PutOutgoing(tx, row)
	})
	if err != nil {
		d.t.Fatal(err)
	}
}
