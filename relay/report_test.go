package relay

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"postdesk/internal/testkit"
	"postdesk/store"
)

// crowd puts n mails into the outbox and makes outcomes of them.
func crowd(d *desk, n int) []outcome {
	var batch []outcome
	for i := range n {
		id := d.put(mailText("x\r\n"), nil, fmt.Sprintf("a%d@example.net", i))[0]
		batch = append(batch, outcome{claimed: d.row(id), verdict: verdict{answer: answer{code: 250}}})
	}
	return batch
}

// One report that fails or panics takes nothing from the other rows of its
// batch, and of its own row it takes only what would have followed.
func TestOneBadReportSilencesOnlyItsRow(t *testing.T) {
	for name, fail := range map[string]func() error{
		"error": func() error { return errors.New("no such message") },
		"panic": func() error { panic("index out of range") },
	} {
		t.Run(name, func(t *testing.T) {
			d := newDesk(t)
			batch := crowd(d, 20)
			bad := batch[7].claimed.ID
			last := 0
			d.reports.fail = func(row store.Outgoing) error {
				if row.ID == batch[0].claimed.ID {
					last = len(d.reports.rows) // a new transaction begins
				}
				if row.ID == bad {
					return fail()
				}
				return nil
			}
			d.relay.recordBatch(batch, &d.relay.active().Policy)
			var told []uint64
			for _, row := range d.reports.all()[last:] {
				told = append(told, row.ID)
			}
			if len(told) != 19 || slices.Contains(told, bad) {
				t.Errorf("told: %d", told)
			}
			if !slices.Equal(d.reports.record, []uint64{bad}) {
				t.Errorf("recorded without consequence: %d", d.reports.record)
			}
			for i := range batch {
				if row := d.row(batch[i].claimed.ID); row.State != store.Delivered {
					t.Errorf("row %d is %s", row.ID, row.State)
				}
			}
		})
	}
}

// mute fails at everything.
type mute struct{}

func (mute) Outcome(store.Tx, store.Outgoing, time.Time) error { return errGarbage }
func (mute) Record(store.Tx, store.Outgoing, time.Time) error  { panic("broken too") }

func TestOutcomeLastsThoughNobodyCanBeTold(t *testing.T) {
	d := newDesk(t, func(o *Options) { o.Reports = mute{} })
	sink := d.withSink(testkit.SinkOptions{})
	d.start()
	d.untilState(d.put(mailText("x\r\n"), nil, "a@example.net")[0], store.Delivered)
	if n := sink.Count(); n != 1 {
		t.Errorf("%d mails", n)
	}
}

// wordy writes so much that a commit holds it for few rows.
type wordy struct {
	tx       store.Tx
	rows     int // of this transaction
	recorded int
}

func (w *wordy) Record(store.Tx, store.Outgoing, time.Time) error { w.recorded++; return nil }

func (w *wordy) Outcome(tx store.Tx, row store.Outgoing, _ time.Time) error {
	if tx != w.tx {
		w.tx, w.rows = tx, 0
	}
	if w.rows++; w.rows > 5 {
		return store.ErrTooLarge
	}
	return nil
}

func TestReportsTooLargeForOneCommitGoInSeveral(t *testing.T) {
	w := &wordy{}
	d := newDesk(t, func(o *Options) { o.Reports = w })
	batch := crowd(d, 40)
	d.relay.recordBatch(batch, &d.relay.active().Policy)
	for i := range batch {
		if row := d.row(batch[i].claimed.ID); row.State != store.Delivered {
			t.Errorf("row %d is %s", row.ID, row.State)
		}
	}
	if w.recorded != 0 {
		t.Errorf("%d rows lost their consequences", w.recorded)
	}
}
