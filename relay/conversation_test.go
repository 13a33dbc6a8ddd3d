package relay

import (
	"context"
	"net"
	"strings"
	"testing"
	"time"

	"postdesk/internal/testkit"
	"postdesk/store"
)

func TestOneMail(t *testing.T) {
	d := newDesk(t)
	sink := d.withSink(testkit.SinkOptions{})
	d.start()
	raw := mailText("Bonjour,\r\n.\r\n..two\r\n.three\r\nend\r\n")
	id := d.put(raw, nil, "you@example.net")[0]
	got := sink.Wait(1, patience)[0]
	if string(got.Raw) != raw {
		t.Errorf("the mail arrived as %q", got.Raw)
	}
	if got.From != "desk+t1@example.com" || len(got.To) != 1 || got.To[0] != "you@example.net" || got.Helo != "desk.example.com" {
		t.Errorf("envelope: %+v", got)
	}
	row := d.untilState(id, store.Delivered)
	if row.Host != "mx.example.net" || row.Code != 250 || row.Enhanced != "2.0.0" || row.Text != "queued as sink" {
		t.Errorf("the server's answer was not kept: %+v", row)
	}
	if row.Attempts != 1 || row.DataStarted.IsZero() || !row.Done.Equal(epoch) {
		t.Errorf("row: %+v", row)
	}
	if reports := d.reports.all(); len(reports) != 1 || reports[0].State != store.Delivered {
		t.Errorf("reports: %+v", reports)
	}
	if d.count.of("delivered") != 1 {
		t.Error("not counted")
	}
}

func TestNullSenderIsEmptyBrackets(t *testing.T) {
	d := newDesk(t)
	sink := d.withSink(testkit.SinkOptions{})
	d.start()
	d.put(mailText("x\r\n"), func(r *store.Outgoing) { r.From = address(""); r.NotifyNone = true }, "you@example.net")
	sink.Wait(1, patience)
	conversation := strings.Join(sink.Commands(), "\n")
	if !strings.Contains(conversation, "MAIL FROM:<> ") || !strings.Contains(conversation, "RCPT TO:<you@example.net> NOTIFY=NEVER") {
		t.Errorf("conversation:\n%s", conversation)
	}
}

func TestQuotedLocalPartStaysQuoted(t *testing.T) {
	d := newDesk(t)
	sink := d.withSink(testkit.SinkOptions{})
	d.start()
	d.put(mailText("x\r\n"), nil, "v@other.test> X@example.net")
	if got := sink.Wait(1, patience)[0]; got.To[0] != `"v@other.test> X"@example.net` {
		t.Errorf("RCPT TO:<%s>", got.To[0])
	}
}

func TestRowsOfOneMailAreOneTransaction(t *testing.T) {
	d := newDesk(t)
	sink := d.withSink(testkit.SinkOptions{Recipients: map[string]string{
		"gone@example.net": "550-5.1.1 no such\n550 5.1.1 user \x1b[31mhere", "grey@example.net": "451 4.7.1 try later"}})
	ids := d.put(mailText("x\r\n"), nil, "a@example.net", "gone@example.net", "grey@example.net", "b@example.net")
	d.start()
	got := sink.Wait(1, patience)
	if len(got) != 1 || strings.Join(got[0].To, " ") != "a@example.net b@example.net" {
		t.Fatalf("got %+v", got)
	}
	d.untilState(ids[0], store.Delivered)
	d.untilState(ids[3], store.Delivered)
	gone := d.untilState(ids[1], store.Failed)
	if gone.Code != 550 || gone.Enhanced != "5.1.1" || gone.Text != "no such user [31mhere" {
		t.Errorf("answer: %+v", gone)
	}
	grey := d.untilTried(ids[2], 1)
	if grey.Code != 451 || grey.Text != "try later" || !grey.DataStarted.IsZero() {
		t.Errorf("answer: %+v", grey)
	}
	d.pass(2 * time.Minute)
	d.untilTried(ids[2], 2)
	if n := sink.Count(); n != 1 {
		t.Errorf("%d mails", n)
	}
}

func TestDifferentSendersAreNotMixed(t *testing.T) {
	d := newDesk(t)
	sink := d.withSink(testkit.SinkOptions{})
	n := 0
	d.put(mailText("x\r\n"), func(r *store.Outgoing) { n++; r.From.Local = []string{"", "one", "two"}[n] }, "a@example.net", "b@example.net")
	d.start()
	if got := sink.Wait(2, patience); got[0].From == got[1].From {
		t.Errorf("got %+v", got)
	}
}

func TestConnectionIsReused(t *testing.T) {
	d := newDesk(t, func(o *Options) { o.Policy.Relay.ConnectionsPerHost = 1; o.Timeouts.Idle = time.Minute })
	sink := d.withSink(testkit.SinkOptions{Recipients: map[string]string{"gone@example.net": "550 no"}})
	d.start()
	for i, to := range []string{"a@example.net", "gone@example.net", "b@example.net"} {
		id := d.put(mailText("x\r\n"), nil, to)[0]
		d.until(id, "done", func(r store.Outgoing) bool { return r.State != store.Ready && r.State != store.Sending })
		if accepted, _ := sink.Connections(); accepted != 1 {
			t.Errorf("mail %d: %d connections", i, accepted)
		}
	}
	if conversation := strings.Join(sink.Commands(), "\n"); strings.Count(conversation, "RSET") != 1 {
		t.Errorf("want one RSET, after the refused recipient:\n%s", conversation)
	}
}

func TestNoMoreThanAHundredMailsOnAConnection(t *testing.T) {
	d := newDesk(t, func(o *Options) { o.Policy.Relay.ConnectionsPerHost = 1; o.Timeouts.Idle = time.Minute })
	sink := d.withSink(testkit.SinkOptions{})
	for range 101 {
		d.put(mailText("x\r\n"), nil, "a@example.net")
	}
	d.start()
	mails := sink.Wait(101, patience)
	if mails[99].Conn != 1 || mails[100].Conn != 2 {
		t.Errorf("mail 100 on connection %d, 101 on %d", mails[99].Conn, mails[100].Conn)
	}
}

// A server closes an idle connection at any time. That is no failed attempt.
func TestIdleConnectionClosedByTheServer(t *testing.T) {
	d := newDesk(t, func(o *Options) { o.Policy.Relay.ConnectionsPerHost = 1; o.Timeouts.Idle = time.Minute })
	sink := d.withSink(testkit.SinkOptions{})
	d.start()
	first := d.put(mailText("x\r\n"), nil, "a@example.net")[0]
	d.untilState(first, store.Delivered)
	sink.SetScript(testkit.Script{testkit.AtMAIL: {Reply: "421 4.4.2 idle too long", Drop: true, Times: 1}})
	second := d.put(mailText("x\r\n"), nil, "a@example.net")[0]
	if row := d.untilState(second, store.Delivered); row.Attempts != 1 {
		t.Errorf("%d attempts", row.Attempts)
	}
}

func TestConnectionsPerHost(t *testing.T) {
	d := newDesk(t, func(o *Options) { o.Policy.Relay.ConnectionsPerHost = 3 })
	sink := d.withSink(testkit.SinkOptions{})
	for range 60 {
		d.put(mailText("x\r\n"), nil, "a@example.net")
	}
	d.start()
	sink.Wait(60, patience)
	if _, peak := sink.Connections(); peak > 3 {
		t.Errorf("%d connections at once", peak)
	}
}

func TestOneStuckDestinationBlocksNoOther(t *testing.T) {
	dns := map[string][]string{"example.net": {"MX 10 mx.example.net."}, "mx.example.net": {"A 192.0.2.1"},
		"stuck.test": {"A 192.0.2.66"}}
	d := newDesk(t, func(o *Options) {
		o.Workers = 4
		o.Resolver = testkit.NewDNS(t, dns).Resolver()
		o.Timeouts.Command = time.Minute
	})
	stuck := testkit.NewSink(t, testkit.SinkOptions{Script: testkit.Script{testkit.AtMAIL: {Stall: true}}})
	d.net.put("192.0.2.66:25", stuck.Addr)
	sink := d.withSink(testkit.SinkOptions{})
	for range 300 {
		d.put(mailText("x\r\n"), nil, "you@stuck.test")
	}
	d.start()
	defer stuck.Close()
	id := d.put(mailText("x\r\n"), nil, "you@example.net")[0]
	sink.Wait(1, patience)
	d.untilState(id, store.Delivered)
}

func TestRoutesAndSmarthost(t *testing.T) {
	special := testkit.NewSink(t, testkit.SinkOptions{})
	smart := testkit.NewSink(t, testkit.SinkOptions{})
	d := newDesk(t, func(o *Options) {
		o.Policy.Relay.Smarthost = smart.Addr
		o.Policy.Relay.Routes = map[string]string{"corp.example": special.Addr}
	})
	d.start()
	d.put(mailText("x\r\n"), nil, "boss@corp.example", "you@example.net", "you@example.org")
	if got := special.Wait(1, patience); got[0].To[0] != "boss@corp.example" {
		t.Errorf("by route: %+v", got)
	}
	if got := smart.Wait(1, patience); len(got[0].To) != 2 {
		t.Errorf("by smarthost, in one transaction: %+v", got)
	}
}

func TestReloadMovesMailToTheNewRoute(t *testing.T) {
	d := newDesk(t)
	id := d.put(mailText("x\r\n"), nil, "you@example.net")[0]
	d.start()
	if row := d.untilTried(id, 1); !strings.Contains(row.Text, "refused") {
		t.Errorf("row: %+v", row)
	}
	sink := testkit.NewSink(t, testkit.SinkOptions{})
	p := d.relay.active().Policy
	p.Relay.Smarthost = sink.Addr
	d.relay.SetPolicy(p)
	d.pass(2 * time.Minute)
	sink.Wait(1, patience)
}

// What an admin held or dropped after it was claimed must not go out.
func TestWithdrawnRowIsNotSent(t *testing.T) {
	d := newDesk(t)
	sink := d.withSink(testkit.SinkOptions{})
	ids := d.put(mailText("x\r\n"), nil, "a@example.net", "b@example.net")
	claimed := []store.Outgoing{d.row(ids[0]), d.row(ids[1])}
	d.change(ids[0], func(r *store.Outgoing) { r.State = store.Held })
	h := hop{byMX, "example.net"}
	for i := range claimed {
		d.relay.sched.claim(h, &claimed[i])
	}
	d.relay.sched.add([]*job{{hop: h, rows: claimed}})
	d.start()
	got := sink.Wait(1, patience)
	d.untilState(ids[1], store.Delivered)
	if len(got) != 1 || len(got[0].To) != 1 || got[0].To[0] != "b@example.net" {
		t.Errorf("got %+v", got)
	}
	if row := d.row(ids[0]); row.State != store.Held {
		t.Errorf("row: %+v", row)
	}
}

func TestStopFinishesWhatIsBeingSent(t *testing.T) {
	d := newDesk(t, func(o *Options) { o.Timeouts.Dot = time.Minute })
	sink := d.withSink(testkit.SinkOptions{Script: testkit.Script{testkit.AtDot: {Stall: true, Accept: true}}})
	d.start()
	id := d.put(mailText("x\r\n"), nil, "a@example.net")[0]
	sink.Wait(1, patience)
	if row := d.row(id); row.State != store.Sending || row.DataStarted.IsZero() {
		t.Errorf("while the server thinks: %+v", row)
	}
	go sink.Close() // it never answers, and goes
	d.stop()
	if row := d.row(id); row.State != store.Ready || row.DataStarted.IsZero() || row.Attempts != 1 {
		t.Errorf("a duplicate is possible and must be seen to be: %+v", row)
	}
}

// listener calls heard after each read.
type listener struct {
	net.Conn
	heard func()
}

func (l listener) Read(p []byte) (int, error) {
	n, err := l.Conn.Read(p)
	l.heard()
	return n, err
}

// The server's yes counts although the grace ends while it comes. The recipient
// that it refused is asked again.
func TestYesAtTheEndOfTheGraceIsDelivered(t *testing.T) {
	var d *desk
	var sink *testkit.Sink
	d = newDesk(t, func(o *Options) {
		dial := o.Dial
		o.Dial = func(ctx context.Context, network, addr string) (net.Conn, error) {
			nc, err := dial(ctx, network, addr)
			return listener{nc, func() {
				if sink.Count() > 0 {
					d.relay.cut()
				}
			}}, err
		}
	})
	sink = d.withSink(testkit.SinkOptions{Recipients: map[string]string{"b@example.net": "550 5.1.1 no such user"}})
	ids := d.put(mailText("x\r\n"), nil, "a@example.net", "b@example.net")
	d.start()
	<-d.relay.finished
	if row := d.row(ids[0]); row.State != store.Delivered {
		t.Errorf("accepted: %+v", row)
	}
	if row := d.row(ids[1]); row.State != store.Ready || row.Attempts != 0 {
		t.Errorf("refused: %+v", row)
	}
}

func TestReportThatFailsDoesNotUndoTheOutcome(t *testing.T) {
	d := newDesk(t)
	d.reports.fail = func(store.Outgoing) error { return errGarbage }
	sink := d.withSink(testkit.SinkOptions{})
	d.start()
	id := d.put(mailText("x\r\n"), nil, "a@example.net")[0]
	d.untilState(id, store.Delivered)
	if n := sink.Count(); n != 1 {
		t.Errorf("%d mails", n)
	}
}

// bouncer answers a failure with a mail of its own, in the same commit.
type bouncer struct{}

func (bouncer) Record(store.Tx, store.Outgoing, time.Time) error { return nil }

func (bouncer) Outcome(tx store.Tx, row store.Outgoing, now time.Time) error {
	if row.State != store.Failed {
		return nil
	}
	notice := store.Outgoing{Mail: row.Mail, To: address("agent@example.net"), Created: now, Due: now}
	return store.Enqueue(tx, &notice)
}

func TestMailOfAReportGoesOutAtOnce(t *testing.T) {
	d := newDesk(t, func(o *Options) { o.Reports = bouncer{} })
	sink := d.withSink(testkit.SinkOptions{Recipients: map[string]string{"gone@example.net": "550 5.1.1 no such user"}})
	d.start()
	d.put(mailText("x\r\n"), nil, "gone@example.net")
	if got := sink.Wait(1, patience)[0]; got.From != "" || got.To[0] != "agent@example.net" {
		t.Errorf("got %+v", got)
	}
}

// What nobody answered for is never taken for delivered.
func TestNoVerdictIsNoDelivery(t *testing.T) {
	d := newDesk(t)
	id := d.put(mailText("x\r\n"), nil, "a@example.net")[0]
	d.relay.record([]store.Outgoing{d.row(id)}, make([]verdict, 1))
	if row := d.row(id); row.State != store.Ready || row.Attempts != 1 {
		t.Errorf("row: %+v", row)
	}
}

// A panic in the making of one mail ends neither the relay nor the mail.
func TestPanicIsATemporaryFault(t *testing.T) {
	d := newDesk(t)
	sink := d.withSink(testkit.SinkOptions{})
	id := d.put(mailText("x\r\n"), nil, "a@example.net")[0]
	whole := d.store.mails[0]
	d.store.mails[0] = readerFunc{whole, func([]byte, int64) (int, error) { panic("broken") }}
	d.start()
	d.untilTried(id, 1)
	d.put(mailText("y\r\n"), nil, "a@example.net")
	sink.Wait(1, patience)
}

// The outcome of what is out is written as soon as the store takes it, and the
// mail is not sent again meanwhile.
func TestStoreRefusesTheOutcome(t *testing.T) {
	d := newDesk(t)
	sink := d.withSink(testkit.SinkOptions{})
	id := d.put(mailText("x\r\n"), nil, "a@example.net")[0]
	refused := 0
	d.store.fail = func() error {
		if sink.Count() > 0 && refused < 2 {
			refused++
			return store.ErrDiskLow
		}
		return nil
	}
	d.start()
	d.untilState(id, store.Delivered)
	if n := sink.Count(); n != 1 || refused != 2 {
		t.Errorf("%d mails, refused %d times", n, refused)
	}
}

func TestStoreRefusesTheStart(t *testing.T) {
	d := newDesk(t)
	sink := d.withSink(testkit.SinkOptions{})
	id := d.put(mailText("x\r\n"), nil, "a@example.net")[0]
	n := 0
	d.store.fail = func() error {
		if n++; n == 1 {
			return store.ErrDiskLow
		}
		return nil
	}
	d.start()
	d.untilTried(id, 1)
	if sink.Count() != 0 {
		t.Error("sent without a record")
	}
}

func TestErasedMailFails(t *testing.T) {
	d := newDesk(t)
	d.withSink(testkit.SinkOptions{})
	id := d.put(mailText("x\r\n"), func(r *store.Outgoing) { r.Mail = 99 }, "a@example.net")[0]
	d.start()
	if row := d.untilState(id, store.Failed); row.Text != "the mail is gone" {
		t.Errorf("row: %+v", row)
	}
}
