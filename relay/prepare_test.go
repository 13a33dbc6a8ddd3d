package relay

import (
	"strings"
	"sync/atomic"
	"testing"

	"postdesk/internal/config"
	"postdesk/internal/message"
	"postdesk/internal/testkit"
	"postdesk/store"
)

// counted counts how often a mail is read.
type counted struct {
	message.Source
	reads *atomic.Int32
}

func (c counted) ReadAt(p []byte, off int64) (int, error) {
	c.reads.Add(1)
	return c.Source.ReadAt(p, off)
}

// A small mail is read once to be looked at, signed and sent, and its bytes are not kept; a
// large one is read piece by piece.
func TestASmallMailIsReadOnce(t *testing.T) {
	key, _ := testKey(t, "ed25519")
	for _, c := range []struct {
		name  string
		lines int
		once  bool
	}{{"small", 100, true}, {"large", 10000, false}} {
		t.Run(c.name, func(t *testing.T) {
			d := newDesk(t, func(o *Options) {
				o.Policy.DKIM = []config.DKIM{{Domain: "example.com", Selector: "a", Key: key}, {Domain: "example.com", Selector: "b", Key: key}}
			})
			sink := d.withSink(testkit.SinkOptions{})
			raw := mailText(strings.Repeat("0123456789\r\n", c.lines))
			id := d.put(raw, nil, "you@example.net")[0]
			var reads atomic.Int32
			d.store.mails[0] = counted{d.store.mails[0], &reads}
			d.start()
			d.untilState(id, store.Delivered)
			if n := reads.Load() - 1; (n == 1) != c.once { // one is the test store's own, for the checksum
				t.Errorf("read %d times", n)
			}
			if got := sink.Mails()[0].Raw; !strings.HasSuffix(string(got), raw) {
				t.Errorf("arrived as %.80q", got)
			}
			for _, p := range d.relay.prepared.entries {
				if message.Window(p.src, 0, 1) != nil || message.Window(p.plain.src, 0, 1) != nil {
					t.Error("the mail's bytes are kept")
				}
			}
		})
	}
}
