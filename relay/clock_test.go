package relay

import (
	"strings"
	"testing"
	"time"

	"postdesk/internal/config"
	"postdesk/internal/testkit"
	"postdesk/store"
)

func schedule() []time.Duration {
	return []time.Duration{time.Minute, 5 * time.Minute, 15 * time.Minute, 30 * time.Minute, time.Hour}
}

func TestBackoffAndWaited(t *testing.T) {
	retry := schedule()
	for n, want := range map[int]time.Duration{1: time.Minute, 2: 5 * time.Minute, 5: time.Hour, 6: time.Hour, 1000: time.Hour} {
		if got := backoff(retry, n); got != want {
			t.Errorf("after attempt %d: %v", n, got)
		}
	}
	var sum time.Duration
	for n := 1; n < 200; n++ {
		if got := waited(retry, n); got != sum {
			t.Fatalf("at attempt %d: %v, want %v", n, got, sum)
		}
		sum += backoff(retry, n)
	}
	for range 1000 {
		if j := jittered(time.Hour); j < 54*time.Minute || j > 66*time.Minute {
			t.Fatal(j)
		}
	}
}

// A mail that is refused for the moment is tried for five days, more and more
// seldom, then given up; the agent hears once that it is late, and once that it
// failed.
func TestFiveDaysOfGreylisting(t *testing.T) {
	d := newDesk(t)
	d.withSink(testkit.SinkOptions{Script: testkit.Script{testkit.AtRCPT: {Reply: "451 4.7.1 come back"}}})
	d.start()
	id := d.put(mailText("x\r\n"), nil, "you@example.net")[0]
	row := d.untilTried(id, 1)
	for n := 2; row.State == store.Ready; n++ {
		d.clock.Set(row.Due)
		d.relay.Wake()
		row = d.until(id, "tried again", func(r store.Outgoing) bool { return r.Attempts == n && r.State != store.Sending })
	}
	if row.State != store.Failed || row.Code != 451 || !strings.Contains(row.Reason, "not delivered within") {
		t.Errorf("row: %+v", row)
	}
	took := row.Done.Sub(row.Created)
	if took < 4*24*time.Hour+12*time.Hour || took > 5*24*time.Hour+13*time.Hour || row.Attempts < 100 || row.Attempts > 130 {
		t.Errorf("given up after %v and %d attempts", took, row.Attempts)
	}
	reports := d.reports.all()
	if len(reports) != 2 || reports[0].State != store.Ready || !reports[0].Delayed || reports[1].State != store.Failed {
		t.Fatalf("reports: %+v", reports)
	}
	if late := reports[0].Due.Sub(epoch); late < 4*time.Hour || late > 7*time.Hour {
		t.Errorf("told that it is late after %v", late)
	}
}

const month = 30 * 24 * time.Hour

// A jump of the clock by a month, in either direction, gives up no mail, tells
// nobody that it is late, and leaves no mail waiting for the clock to catch up.
func TestClockJumps(t *testing.T) {
	for name, jumps := range map[string][]time.Duration{
		"ahead": {month}, "back": {-month}, "ahead and back": {month, -month}, "back and ahead": {-month, month},
		"ahead three times": {month, month, month},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDesk(t)
			sink := d.withSink(testkit.SinkOptions{Script: testkit.Script{testkit.AtRCPT: {Reply: "451 4.7.1 come back"}}})
			d.start()
			id := d.put(mailText("x\r\n"), nil, "you@example.net")[0]
			n := 1
			row := d.untilTried(id, n)
			for _, jump := range jumps {
				d.pass(jump)
				row = d.until(id, "due within reach", func(r store.Outgoing) bool {
					wait := r.Due.Sub(d.clock.Now())
					return r.State == store.Ready && wait > 0 && wait < 40*time.Minute
				})
			}
			if len(d.reports.all()) != 0 || row.Delayed {
				t.Errorf("reports: %+v", d.reports.all())
			}
			if row.Attempts > 1+len(jumps) {
				t.Errorf("%d attempts", row.Attempts)
			}
			sink.SetScript(nil)
			d.pass(40 * time.Minute)
			d.untilState(id, store.Delivered)
			if sink.Count() != 1 {
				t.Errorf("%d mails", sink.Count())
			}
		})
	}
}

// An attempt that was under way when the clock went back is recorded by the time
// before, when all else is mended already: its mail does not wait for that time.
func TestAttemptUnderWayWhenTheClockGoesBack(t *testing.T) {
	d := newDesk(t)
	sink := d.withSink(testkit.SinkOptions{Script: testkit.Script{testkit.AtRCPT: {Reply: "451 4.7.1 come back"}}})
	d.start()
	id := d.put(mailText("x\r\n"), nil, "you@example.net")[0]
	d.untilTried(id, 1)
	d.change(id, func(r *store.Outgoing) { r.Due = r.Due.Add(month) })
	d.relay.Wake()
	d.until(id, "due within reach", func(r store.Outgoing) bool { return r.Due.Sub(d.clock.Now()) < 2*time.Minute })
	sink.SetScript(nil)
	d.pass(2 * time.Minute)
	d.untilState(id, store.Delivered)
}

// A mail that came before the clock went back, and is stored after that was seen, does not
// wait for the time at which it came: not even when a retry might lie as far ahead.
func TestMailUnderWayWhenTheClockGoesBack(t *testing.T) {
	d := newDesk(t)
	d.withSink(testkit.SinkOptions{})
	d.start()
	d.untilState(d.put(mailText("x\r\n"), nil, "a@example.net")[0], store.Delivered)
	d.pass(-30 * time.Minute)
	d.untilState(d.put(mailText("x\r\n"), nil, "b@example.net")[0], store.Delivered) // it was seen
	before := func(r *store.Outgoing) { r.Created, r.Due = epoch, epoch }
	d.untilState(d.put(mailText("x\r\n"), before, "c@example.net")[0], store.Delivered)
}

// After a restart with a clock that was wrong before: rows of the future go
// out, those that are meant for later wait.
func TestStartWithAClockThatWentBack(t *testing.T) {
	d := newDesk(t)
	sink := d.withSink(testkit.SinkOptions{})
	future := epoch.Add(30 * 24 * time.Hour)
	fresh := d.put(mailText("x\r\n"), func(r *store.Outgoing) { r.Created, r.Due = future, future }, "a@example.net")[0]
	tried := d.put(mailText("x\r\n"), func(r *store.Outgoing) { r.Created, r.Due, r.Attempts = epoch, future, 2 }, "b@example.net")[0]
	later := d.put(mailText("x\r\n"), func(r *store.Outgoing) { r.Created, r.Due = epoch, epoch.Add(48*time.Hour) }, "c@example.net")[0]
	d.start()
	d.untilState(fresh, store.Delivered)
	if row := d.until(tried, "mended", func(r store.Outgoing) bool { return r.Due.Before(future) }); row.Due.Sub(epoch) > 6*time.Minute {
		t.Errorf("due after %v", row.Due.Sub(epoch))
	}
	d.pass(7 * time.Minute)
	d.untilState(tried, store.Delivered)
	if row := d.row(later); row.State != store.Ready || row.Due.Sub(epoch) != 48*time.Hour || sink.Count() != 2 {
		t.Errorf("row: %+v, %d mails", row, sink.Count())
	}
}

// A week without the server is not a week without an answer.
func TestDowntimeDoesNotExpire(t *testing.T) {
	d := newDesk(t)
	d.withSink(testkit.SinkOptions{Script: testkit.Script{testkit.AtRCPT: {Reply: "451 4.7.1 come back"}}})
	id := d.put(mailText("x\r\n"), func(r *store.Outgoing) { r.Attempts = 3 }, "you@example.net")[0]
	d.clock.Advance(7 * 24 * time.Hour)
	d.start()
	d.untilTried(id, 4)
}

func TestSendingIsReadyAgainAfterACrash(t *testing.T) {
	d := newDesk(t)
	sink := d.withSink(testkit.SinkOptions{})
	id := d.put(mailText("x\r\n"), nil, "you@example.net")[0]
	d.change(id, func(r *store.Outgoing) { r.State, r.Attempts, r.DataStarted = store.Sending, 1, epoch })
	d.start()
	if row := d.untilState(id, store.Delivered); row.Attempts != 2 {
		t.Errorf("row: %+v", row)
	}
	if sink.Count() != 1 {
		t.Errorf("%d mails", sink.Count())
	}
}

// Rows do not pile up in memory, however long the queue is.
func TestClaimsAreBounded(t *testing.T) {
	s := newScheduler(1)
	s.start = func(*worker) {}
	taken := 0
	for i := range 3 * maxClaimed {
		h := hop{byMX, string(rune('a' + i%7))}
		if ok, _ := s.claim(h, &store.Outgoing{ID: uint64(i)}); ok {
			taken++
		}
	}
	if taken >= maxClaimed {
		t.Errorf("%d rows claimed", taken)
	}
	if ok, _ := s.claim(hop{byMX, "new.test"}, &store.Outgoing{ID: 1 << 40}); !ok {
		t.Error("seven destinations keep the eighth out")
	}
}

func TestShorterExpire(t *testing.T) {
	d := newDesk(t, func(o *Options) {
		o.Policy.Relay = config.Relay{Retry: []time.Duration{time.Minute}, Expire: 2 * time.Minute}
	})
	d.withSink(testkit.SinkOptions{Script: testkit.Script{testkit.AtRCPT: {Reply: "451 4.7.1 come back"}}})
	d.start()
	id := d.put(mailText("x\r\n"), nil, "you@example.net")[0]
	d.untilTried(id, 1)
	d.pass(2 * time.Minute)
	d.untilTried(id, 2)
	d.pass(2 * time.Minute)
	if row := d.untilState(id, store.Failed); row.Attempts != 3 {
		t.Errorf("row: %+v", row)
	}
}
