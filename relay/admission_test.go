package relay

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"postdesk/internal/testkit"
	"postdesk/store"
)

// silence is a network with n mail hosts that take connections and say nothing,
// each at an address of its own; name gives their domains. example.net works.
func silence(t *testing.T, n int, name string, change func(*Options)) (d *desk, good, silent *testkit.Sink) {
	dns := map[string][]string{"example.net": {"MX 10 mx.example.net."}, "mx.example.net": {"A 192.0.2.1"}}
	for i := range n {
		dns[fmt.Sprintf(name, i)] = []string{fmt.Sprintf("A 198.51.100.%d", i+1)}
	}
	d = newDesk(t, func(o *Options) {
		o.Workers = 20
		o.Resolver = testkit.NewDNS(t, dns).Resolver()
		o.Timeouts.Greeting, o.Timeouts.Command = time.Minute, time.Minute
		o.Policy.Relay.ConnectionsPerHost = 2
		if change != nil {
			change(o)
		}
	})
	silent = testkit.NewSink(t, testkit.SinkOptions{Script: testkit.Script{testkit.AtConnect: {Stall: true}}})
	for i := range n {
		d.net.put(fmt.Sprintf("198.51.100.%d:25", i+1), silent.Addr)
		d.put(mailText("x\r\n"), ack, "you@"+fmt.Sprintf(name, i))
	}
	return d, d.withSink(testkit.SinkOptions{}), silent
}

func ack(row *store.Outgoing) { row.Purpose = store.PurposeAck }

func purpose(p store.Purpose) func(*store.Outgoing) {
	return func(row *store.Outgoing) { row.Purpose = p }
}

// Names below one domain cost nothing: all of them together have the share of
// one.
func TestSilentHostsOfOneDomainTakeFewWorkers(t *testing.T) {
	d, good, silent := silence(t, 100, "h%d.evil.test", nil)
	d.start()
	defer silent.Close()
	id := d.put(mailText("x\r\n"), ack, "you@example.net")[0]
	good.Wait(1, patience)
	d.untilState(id, store.Delivered)
	if _, peak := silent.Connections(); peak > 2 {
		t.Errorf("%d connections to one owner's hosts", peak)
	}
}

// Who has many domains can hold up acknowledgements to other unknown sites, but
// never what people wrote, nor sites that answer.
func TestSilentDomainsDoNotStopTheDesk(t *testing.T) {
	d, good, silent := silence(t, 100, "evil%d.test", nil)
	first := d.put(mailText("x\r\n"), purpose(store.PurposeReply), "jean@example.net")[0]
	d.start()
	defer silent.Close()
	d.untilState(first, store.Delivered)
	for _, p := range []store.Purpose{store.PurposeAck, store.PurposeCopy, store.PurposeNote, store.PurposeNotice} {
		d.untilState(d.put(mailText("x\r\n"), purpose(p), "jean@example.net")[0], store.Delivered)
	}
	good.Wait(5, patience)
	if _, peak := silent.Connections(); peak > 14 {
		t.Errorf("%d of 20 workers for sites that nobody knows", peak)
	}
}

// A host that says nothing has a worker for the time of the whole attempt, not
// for five minutes at each of its addresses.
func TestSilentHostCostsLittleTime(t *testing.T) {
	d, _, silent := silence(t, 1, "evil%d.test", func(o *Options) { o.Timeouts.First, o.Timeouts.Later = 100*time.Millisecond, time.Minute })
	d.start()
	defer silent.Close()
	row := d.untilTried(1, 1)
	if row.State != store.Ready || row.Text == "" {
		t.Errorf("%+v", row)
	}
	if got := half(time.Now().Add(2 * time.Minute)); time.Until(got) > time.Minute || time.Until(got) < 59*time.Second {
		t.Errorf("an address has %v of two minutes", time.Until(got))
	}
	if got := half(time.Now().Add(12 * time.Second)); time.Until(got) < 9*time.Second {
		t.Errorf("an address has %v of twelve seconds", time.Until(got))
	}
}

// The end of all that comes before the data is not the end of the data.
func TestTimeBeforeTheDataEndsWithIt(t *testing.T) {
	for first := time.Second; first < patience; first *= 2 {
		d := newDesk(t, func(o *Options) { o.Timeouts.First, o.Timeouts.Dot = first, 2*first })
		d.withSink(testkit.SinkOptions{Script: testkit.Script{testkit.AtDot: {Stall: true}}})
		began := time.Now()
		id := d.put(mailText("x\r\n"), ack, "you@example.net")[0]
		d.start()
		row := d.untilTried(id, 1)
		if row.DataStarted.IsZero() {
			continue // on a busy machine the time was over before the data began
		}
		if took := time.Since(began); took < 2*first {
			t.Errorf("cut off after %v: %+v", took, row)
		}
		return
	}
	t.Error("the data never began")
}

// Domains that share a mail host share its connections, and wait for them
// without an attempt that counts.
func TestConnectionsToOneAddressAreBounded(t *testing.T) {
	dns := map[string][]string{}
	for i := range 40 {
		dns[fmt.Sprintf("d%d.test", i)] = []string{"MX 10 mx.example.net."}
	}
	dns["mx.example.net"] = []string{"A 192.0.2.1"}
	d := newDesk(t, func(o *Options) {
		o.Resolver = testkit.NewDNS(t, dns).Resolver()
		o.Workers, o.Policy.Relay.ConnectionsPerHost = 20, 2
		o.Timeouts.Idle = time.Minute // idle ones make room
	})
	sink := d.withSink(testkit.SinkOptions{})
	var ids []uint64
	for i := range 80 {
		ids = append(ids, d.put(mailText("x\r\n"), ack, fmt.Sprintf("you@d%d.test", i%40))...)
	}
	d.start()
	sink.Wait(80, patience)
	for _, id := range ids {
		if row := d.untilState(id, store.Delivered); row.Attempts != 1 {
			t.Errorf("%d attempts", row.Attempts)
		}
	}
	if _, peak := sink.Connections(); peak > 3 { // one may be saying goodbye
		t.Errorf("%d connections at once", peak)
	}
}

// What people wrote does not wait behind acknowledgements, and where one server
// takes all, acknowledgements have their turn.
func TestUrgentMailGoesFirst(t *testing.T) {
	for _, kind := range []hopKind{byMX, bySmarthost} {
		s := newScheduler(1)
		s.start = func(*worker) {}
		h := hop{kind, "example.net"}
		var jobs []*job
		for i := range 12 {
			row := store.Outgoing{ID: uint64(i), Purpose: store.PurposeAck}
			if i >= 6 {
				row.Purpose = store.PurposeReply
			}
			if taken, _ := s.claim(h, &row); !taken {
				t.Fatal("not taken")
			}
			jobs = append(jobs, &job{h, []store.Outgoing{row}})
		}
		s.add(jobs)
		w := &worker{dest: s.dests[h], conn: &conn{}}
		order := ""
		for range 11 {
			order += string(s.next(w, 0).rows[0].Purpose[0])
		}
		if want := map[hopKind]string{byMX: "rrrrraaaaaa", bySmarthost: "rrarrraaaaa"}[kind]; order != want[:11] {
			t.Errorf("%d: %s, want %s", kind, order, want)
		}
	}
}

// Ten thousand rows of one owner leave room in memory for the others', and
// giving out work stays fast.
func TestTenThousandRowsOfOneOwner(t *testing.T) {
	s := newScheduler(100)
	var started []*worker
	s.start = func(w *worker) { started = append(started, w) }
	put := func(n, first int, domain string, p store.Purpose) (jobs []*job) {
		for i := range n {
			h, row := hop{byMX, strings.ReplaceAll(domain, "#", strconv.Itoa(i))}, store.Outgoing{ID: uint64(first + i), Purpose: p}
			if taken, _ := s.claim(h, &row); taken {
				jobs = append(jobs, &job{h, []store.Outgoing{row}})
			}
		}
		s.add(jobs)
		return jobs
	}
	if jobs := put(10000, 1, "h#.evil.test", store.PurposeAck); len(jobs) > maxClaimed/8 || len(started) != 10 {
		t.Errorf("%d rows claimed, %d workers", len(jobs), len(started))
	}
	put(10000, 20000, "evil#.test", store.PurposeAck)
	if n := len(started); n > 67 {
		t.Errorf("%d workers for sites that nobody knows", n)
	}
	before, began := len(started), testkit.CPU()
	for i := range 20 {
		put(1, 40000+i, fmt.Sprintf("client%d.test", i), store.PurposeReply)
	}
	if len(started) != before+20 {
		t.Errorf("%d workers for 20 replies", len(started)-before)
	}
	if took := testkit.CPU() - began; took > time.Second*testkit.RaceFactor {
		t.Errorf("20 rows took %v with %d waiting", took, len(s.order))
	}
}

// How a site did the last time is remembered, for a bounded number of them, and
// those that stall are forgotten first.
func TestStandingsAreBounded(t *testing.T) {
	s := newScheduler(1)
	s.remember(hop{byMX, "client.test"}, answers)
	for i := range 3 * maxStandings {
		s.remember(hop{byMX, fmt.Sprintf("evil%d.test", i)}, stalls)
	}
	if len(s.standings) > maxStandings || s.standings[hop{byMX, "client.test"}] != answers {
		t.Errorf("%d standings, client %d", len(s.standings), s.standings[hop{byMX, "client.test"}])
	}
}
