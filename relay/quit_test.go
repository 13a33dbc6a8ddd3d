package relay

import (
	"context"
	"slices"
	"testing"

	"postdesk/internal/testkit"
	"postdesk/store"
)

// QUIT says that all that went over the line is on record, so that whoever looks at the line knows
// whether its last mail may come again. Where the store ended before, the line is dropped without it.
func TestQuitIsSaidWhenAllIsOnRecord(t *testing.T) {
	for _, c := range []struct {
		name    string
		outcome error
	}{{"on record", nil}, {"the store ended", store.ErrClosed}} {
		t.Run(c.name, func(t *testing.T) {
			d := newDesk(t)
			sink := d.withSink(testkit.SinkOptions{})
			d.store.fail = func() error {
				if sink.Count() == 0 {
					return nil
				}
				return c.outcome
			}
			d.put(mailText("x\r\n"), nil, "a@example.net")
			d.start()
			sink.Wait(1, patience)
			d.stop()
			if said := slices.Contains(sink.Commands(), "QUIT"); said != (c.outcome == nil) {
				t.Errorf("QUIT said: %v", said)
			}
		})
	}
}

// forgetful is a store that ended before a row's delivery was recorded.
type forgetful struct {
	store.Engine
	row uint64
}

func (f *forgetful) Update(ctx context.Context, fn func(store.Tx) error) error {
	return f.Engine.Update(ctx, func(tx store.Tx) error {
		if err := fn(tx); err != nil || f.row == 0 {
			return err
		}
		if row, err := store.GetOutgoing(tx, f.row); err != nil || row.State == store.Delivered {
			return store.ErrClosed
		}
		return nil
	})
}

// No mail follows one whose outcome could not be recorded: of each line at most the last may come again.
func TestNothingFollowsWhatIsNotOnRecord(t *testing.T) {
	engine := &forgetful{}
	d := newDesk(t, func(o *Options) {
		engine.Engine, o.Store = o.Store, engine
		o.Policy.Relay.ConnectionsPerHost = 1
	})
	sink := d.withSink(testkit.SinkOptions{})
	engine.row = d.put(mailText("x\r\n"), nil, "a@example.net")[0]
	next := d.put(mailText("y\r\n"), nil, "b@example.net")[0]
	d.start()
	d.untilTried(next, 1)
	d.stop()
	if n := sink.Count(); n != 1 || slices.Contains(sink.Commands(), "QUIT") {
		t.Errorf("%d mails; the server was told %q", n, sink.Commands())
	}
}
