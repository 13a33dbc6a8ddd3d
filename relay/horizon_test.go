package relay

import (
	"testing"
	"time"

	"postdesk/internal/testkit"
	"postdesk/store"
)

// Under load a look begins a little before the one before it, and all of the queue is looked
// at once a second, as long as anything happens.
func TestHorizon(t *testing.T) {
	h, at := horizon{}, epoch
	step := func(after time.Duration, behind bool, next time.Duration) (from time.Time, again time.Duration) {
		at = at.Add(after)
		from = h.from(at, at, behind)
		return from, h.looked(at, at, next)
	}
	for i, c := range []struct {
		after  time.Duration
		behind bool
		next   time.Duration // what the look wants
		whole  bool
		again  time.Duration
	}{
		{0, false, lookAhead, true, lookAhead},
		{10 * time.Millisecond, false, lookAhead, false, 990 * time.Millisecond},
		{90 * time.Millisecond, false, lookAhead, false, 900 * time.Millisecond},
		{100 * time.Millisecond, true, lookAhead, true, lookAhead},
		{999 * time.Millisecond, false, lookAhead, false, time.Millisecond},
		{time.Millisecond, false, crowded, true, crowded},
		{crowded, false, lookAhead, true, lookAhead},
		{10 * time.Millisecond, false, lookAhead, false, 990 * time.Millisecond},
		{-time.Hour, false, lookAhead, true, lookAhead}, // the clock went back
		{time.Minute, false, lookAhead, true, lookAhead},
	} {
		before := at
		from, again := step(c.after, c.behind, c.next)
		if from.IsZero() != c.whole || again != c.again {
			t.Errorf("%d: a look from %v, and all of it in %v", i, from, again)
		}
		if !from.IsZero() && !from.Equal(before.Add(-lateCommit)) {
			t.Errorf("%d: a look from %v, the one before was at %v", i, from, before)
		}
	}
}

// A row whose commit took longer than all looks go back goes out a moment later.
func TestRowThatIsDueLongAgo(t *testing.T) {
	d := newDesk(t)
	sink := d.withSink(testkit.SinkOptions{})
	d.start()
	first := d.put(mailText("x\r\n"), nil, "a@example.net")[0]
	d.untilState(first, store.Delivered)
	late := d.put(mailText("x\r\n"), func(r *store.Outgoing) { r.Due = epoch.Add(-time.Hour) }, "b@example.net")[0]
	d.untilState(late, store.Delivered)
	if n := sink.Count(); n != 2 {
		t.Errorf("%d mails", n)
	}
}
