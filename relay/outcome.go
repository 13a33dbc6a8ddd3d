package relay

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"postdesk/store"
)

// Words for the Observer.
const (
	resultDelivered = "delivered"
	resultDeferred  = "deferred"
	resultFailed    = "failed"
)

// recordBatch is how many rows one commit records.
const recordBatch = 200

// markStarted records that the body of a mail is about to be sent, for the rows
// that the server accepted. It fails with errWithdrawn when one of them is no
// longer ours to send.
func (r *Relay) markStarted(d *delivery, rows, accepted []int, host string) error {
	now := r.opts.Now()
	return r.opts.Store.Update(r.hard, func(tx store.Tx) error {
		for _, i := range accepted {
			claimed := &d.job.rows[rows[i]]
			row, err := store.GetOutgoing(tx, claimed.ID)
			if errors.Is(err, store.ErrNotFound) || err == nil && !ours(&row, claimed) {
				return errWithdrawn
			}
			if err != nil {
				return err
			}
			old := row
			row.State, row.DataStarted, row.Host, row.Attempts = store.Sending, now, host, claimed.Attempts+1
			if err := store.ReplaceOutgoing(tx, &old, &row); err != nil {
				return err
			}
		}
		return nil
	})
}

// ours says whether a row still is as we claimed it, or as we marked it.
func ours(row, claimed *store.Outgoing) bool {
	switch row.State {
	case store.Ready:
		return row.Attempts == claimed.Attempts
	case store.Sending:
		return row.Attempts == claimed.Attempts+1
	}
	return false
}

// outcome is what one row becomes.
type outcome struct {
	claimed store.Outgoing
	verdict verdict
	delay   time.Duration // to the next attempt, should there be one
}

func (r *Relay) recordAll(rows []store.Outgoing, v verdict) {
	verdicts := make([]verdict, len(rows))
	for i := range verdicts {
		verdicts[i] = v
	}
	r.record(rows, verdicts)
}

// record writes the outcome of rows, and tells Reports in the same commit. It
// goes on trying while the store refuses: until it is written, a restart would
// send the mails again. It is false when the relay or the store ended before.
func (r *Relay) record(rows []store.Outgoing, verdicts []verdict) bool {
	policy := r.active()
	outcomes := make([]outcome, len(rows))
	for i := range rows {
		if verdicts[i].failure == nil && !verdicts[i].answer.positive() {
			// Only a server's own yes makes a mail delivered.
			verdicts[i].failure = localFailure(451, "4.3.0", "no answer was noted")
		}
		outcomes[i] = outcome{rows[i], verdicts[i], jittered(backoff(policy.Relay.Retry, rows[i].Attempts+1))}
	}
	recorded := true
	for len(outcomes) > 0 {
		n := min(len(outcomes), recordBatch)
		recorded = r.recordBatch(outcomes[:n], &policy.Policy) && recorded
		outcomes = outcomes[n:]
	}
	return recorded
}

// recordBatch writes the outcomes of one commit. A batch whose reports are too
// large for that goes in halves.
func (r *Relay) recordBatch(batch []outcome, policy *Policy) bool {
	rec := recording{reports: r.opts.Reports, policy: policy, faults: make(map[uint64]int)}
	for pause := 100 * time.Millisecond; ; pause = min(2*pause, 10*time.Second) {
		rec.now = r.opts.Now()
		err := r.opts.Store.Update(context.WithoutCancel(r.hard), func(tx store.Tx) error { return rec.apply(tx, batch) })
		var fault *reportFault
		switch {
		case err == nil:
			r.observe(rec.written)
			return true
		case errors.Is(err, store.ErrTooLarge) && len(batch) > 1:
			first := r.recordBatch(batch[:len(batch)/2], policy)
			return r.recordBatch(batch[len(batch)/2:], policy) && first
		case errors.As(err, &fault):
			// What was sent is sent: the outcome must last even if nobody is told.
			r.opts.Log.Error("a delivery's outcome has no consequence", "row", fault.row, "error", err)
			rec.faults[fault.row]++
			continue
		case errors.Is(err, store.ErrClosed):
			r.opts.Log.Error("a delivery's outcome can't be recorded, its mail may go twice", "row", batch[0].claimed.ID, "error", err)
			return false
		}
		r.opts.Log.Error("a delivery's outcome can't be recorded yet", "row", batch[0].claimed.ID, "error", err)
		timer := time.NewTimer(pause)
		select {
		case <-timer.C:
		case <-r.hard.Done():
			timer.Stop()
			return false
		}
	}
}

// recording is the commit of a batch, which may be tried several times.
type recording struct {
	reports Reports // may be nil
	policy  *Policy
	now     time.Time
	faults  map[uint64]int // of Reports, by row
	written []store.Outgoing
}

// reportFault is an error or a panic of Reports at one row.
type reportFault struct {
	row uint64
	err error
}

func (f *reportFault) Error() string { return fmt.Sprintf("report of row %d: %v", f.row, f.err) }
func (f *reportFault) Unwrap() error { return f.err }

func (rec *recording) apply(tx store.Tx, batch []outcome) error {
	rec.written = rec.written[:0]
	for i := range batch {
		row, err := store.GetOutgoing(tx, batch[i].claimed.ID)
		if errors.Is(err, store.ErrNotFound) {
			continue
		}
		if err != nil {
			return err
		}
		if !batch[i].concerns(&row) {
			continue
		}
		old := row
		late := batch[i].apply(&row, rec.policy, rec.now)
		if err := store.ReplaceOutgoing(tx, &old, &row); err != nil {
			return err
		}
		rec.written = append(rec.written, row)
		if rec.reports != nil && (row.State != store.Ready || late) {
			if err := rec.report(tx, row); err != nil {
				return err
			}
		}
	}
	return nil
}

// report tells Reports of a row: less after each fault, so that the other rows
// of the batch lose nothing by it.
func (rec *recording) report(tx store.Tx, row store.Outgoing) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = &reportFault{row.ID, fmt.Errorf("panic: %v", p)}
		}
	}()
	switch rec.faults[row.ID] {
	case 0:
		err = rec.reports.Outcome(tx, row, rec.now)
	case 1:
		err = rec.reports.Record(tx, row, rec.now)
	}
	if err == nil || errors.Is(err, store.ErrClosed) || errors.Is(err, store.ErrStopped) {
		return err
	}
	return &reportFault{row.ID, err}
}

// concerns says whether the outcome is to be written. A row that an admin held
// or dropped meanwhile stays so, unless the mail is out: that is the truth.
func (o *outcome) concerns(row *store.Outgoing) bool {
	if o.verdict.failure == nil {
		return row.State != store.Delivered
	}
	return ours(row, &o.claimed)
}

// apply makes row what the attempt made of it. late says that the mail just
// became late.
func (o *outcome) apply(row *store.Outgoing, policy *Policy, now time.Time) (late bool) {
	row.Attempts = o.claimed.Attempts + 1
	f := o.verdict.failure
	if f == nil {
		o.verdict.answer.writeTo(row)
		row.State, row.Done, row.Reason = store.Delivered, now, ""
		return false
	}
	row.Host = f.host
	f.answer.writeTo(row)
	if !f.doubt {
		row.DataStarted = time.Time{}
	}
	age := waited(policy.Relay.Retry, row.Attempts)
	switch {
	case f.final:
		row.State, row.Done = store.Failed, now
	case age >= policy.Relay.Expire:
		row.State, row.Done = store.Failed, now
		row.Reason = "not delivered within " + policy.Relay.Expire.String()
	default:
		row.State, row.Due = store.Ready, now.Add(o.delay)
		late = !row.Delayed && age >= policy.LateAfter
		row.Delayed = row.Delayed || late
	}
	return late
}

func (a answer) writeTo(row *store.Outgoing) {
	row.Code, row.Enhanced, row.Text = a.code, a.enhanced, a.text
}

func (r *Relay) observe(rows []store.Outgoing) {
	for i := range rows {
		row := &rows[i]
		result, level := resultDeferred, slog.LevelInfo
		switch row.State {
		case store.Delivered:
			result = resultDelivered
			r.opts.Observer.DeliverySeconds(max(row.Done.Sub(row.Created), 0))
		case store.Failed:
			result, level = resultFailed, slog.LevelWarn
		}
		r.opts.Observer.Delivery(result)
		r.opts.Log.Log(r.hard, level, "delivery", "result", result, "row", row.ID, "ticket", row.Ticket, "message_id", row.MessageID, "to", row.To.String(),
			"attempt", row.Attempts, "host", row.Host, "code", row.Code, "enhanced", row.Enhanced, "text", row.Text)
	}
	if len(rows) > 0 && r.opts.Reports != nil {
		r.Wake() // a report may have made new mail
	}
}
