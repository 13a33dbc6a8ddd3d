package relay

import (
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
