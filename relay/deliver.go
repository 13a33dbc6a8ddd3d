package relay

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"
	"time"

	"postdesk/internal/addr"
	"postdesk/store"
)

// maxMails is how many mails go over one connection.
const maxMails = 100

// delivery is one attempt for one job.
type delivery struct {
	job      *job
	policy   *activePolicy
	verdicts []verdict
	pending  []int    // rows without a verdict
	last     *failure // of the hosts that were tried
	reached  bool     // a host took part in an SMTP session
	stalled  bool     // the last host let us wait for an answer, after whatever it said before
	parked   bool     // put back into the queue, since its address has all connections that it may have
	marked   bool     // rows are recorded as being sent
	gone     bool     // a row was withdrawn, nothing is to be recorded but for rows that were marked
}

// work is a worker's life.
func (r *Relay) work(w *worker) {
	defer r.sched.running.Done()
	defer r.sched.left(w)
	defer w.part()
	for j := <-w.jobs; j != nil; j = r.sched.next(w, r.opts.Timeouts.Idle) {
		r.attempt(w, j)
	}
}

// attempt delivers a job and begins to record the outcome. The next mail's
// envelope is said while that commit is under way; but there is never more than
// one mail of a worker that is out and not recorded, since after a crash it
// goes out again.
func (r *Relay) attempt(w *worker, j *job) {
	policy := r.active()
	if policy.hopOf(&j.rows[0]) != j.hop {
		// The configuration changed since the rows were claimed.
		r.release(j, true)
		return
	}
	if w.conn != nil && (w.made != policy || w.conn.mails >= maxMails) {
		w.part()
	}
	d := &delivery{job: j, policy: policy, verdicts: make([]verdict, len(j.rows))}
	for i := range j.rows {
		d.pending = append(d.pending, i)
	}
	r.guarded(w, d)
	if d.parked {
		return
	}
	others := r.sched.reached(w.dest, d.reached, d.standing())
	w.recording.Wait()
	if r.hard.Err() != nil {
		w.unrecorded = !r.record(d.accepted()) // the rest was cut off, and is reset at the next start
		return
	}
	w.recording.Go(func() { w.unrecorded = !r.conclude(d, others) })
}

// accepted are the rows that a server took, which is the truth however late its
// answer came.
func (d *delivery) accepted() (rows []store.Outgoing, verdicts []verdict) {
	for i, v := range d.verdicts {
		if v.failure == nil && v.answer.positive() {
			rows, verdicts = append(rows, d.job.rows[i]), append(verdicts, v)
		}
	}
	return rows, verdicts
}

// conclude records the outcome of a delivery, also for the jobs that waited for
// the same destination when it could not be reached, and gives the rows back. It
// is false when the outcome is not on record.
func (r *Relay) conclude(d *delivery, others []*job) (recorded bool) {
	recorded = d.gone && !d.marked || r.record(d.job.rows, d.verdicts)
	r.release(d.job, d.gone || d.failed())
	for _, other := range others {
		r.recordAll(other.rows, d.verdicts[0])
		r.release(other, true)
	}
	return recorded
}

// failed says whether a row may have become ready again.
func (d *delivery) failed() bool {
	return slices.ContainsFunc(d.verdicts, func(v verdict) bool { return v.failure != nil })
}

// release gives a job's rows back, and looks for them again where they may be
// due: what is claimed is passed over by a look.
func (r *Relay) release(j *job, again bool) {
	if r.sched.done(j.hop, j.rows); again {
		r.behind.Store(true)
		r.Wake()
	}
}

// guarded delivers, and makes a panic a reason to try later.
func (r *Relay) guarded(w *worker, d *delivery) {
	defer func() {
		if p := recover(); p != nil {
			r.opts.Log.Error("panic while delivering", "mail", d.job.rows[0].Mail, "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
			w.drop()
			d.reached = true // it is the mail's fault, not the destination's
			d.settle(localFailure(451, "4.3.0", "internal error"))
		}
	}()
	r.deliver(r.hard, w, d)
}

// errUnrecorded: no mail may follow one whose outcome could not be recorded.
var errUnrecorded = errors.New("the outcome of the mail before is not on record")

// recorded waits until the last mail's outcome is on record.
func (w *worker) recorded() error {
	if w.recording.Wait(); w.unrecorded {
		return errUnrecorded
	}
	return nil
}

// part ends w's connection when what went over it is on record. QUIT says so: where
// it could not be recorded the line is dropped, as by a server that died, and the
// other side sees that the last mail may come again.
func (w *worker) part() {
	if w.recorded() != nil {
		w.drop()
	}
	if w.conn != nil {
		w.conn.quit()
		w.conn = nil
	}
}

func (w *worker) drop() {
	if w.conn != nil {
		w.conn.close()
		w.conn = nil
	}
}

// settle gives f to all rows that have no verdict.
func (d *delivery) settle(f *failure) {
	for _, i := range d.pending {
		d.verdicts[i].failure = f
	}
	d.pending = nil
}

// note remembers why a host did not do. A temporary reason outweighs a final
// one: as long as one host may take the mail later, it is not lost.
func (d *delivery) note(f *failure) {
	if d.last == nil || d.last.final || !f.final {
		d.last = f
	}
}

// deliver goes from host to host until each row has a verdict, RFC 5321 §5.1,
// or there is no time left.
func (r *Relay) deliver(ctx context.Context, w *worker, d *delivery) {
	until := time.Now().Add(r.patience(w, d))
	if w.conn != nil {
		d.reached = true
		w.conn.until = half(until)
		if r.try(ctx, w, d) {
			return
		}
		d.last = nil // an idle connection may be closed by the other side at any time
	}
	looking, cancel := context.WithDeadline(ctx, until)
	defer cancel()
	for s, f := range r.candidates(looking, d.job.hop, d.policy) {
		if f == nil && !r.sched.enter(w, s) {
			if f = d.crowded(s); d.parked {
				r.sched.park(w, d.job, s)
				return
			}
		}
		if f == nil {
			w.conn, f = r.open(ctx, s, d.policy.Hostname, half(until))
		}
		if f != nil {
			d.note(f)
		} else {
			w.made = d.policy
			d.reached = true
			if r.try(ctx, w, d) {
				return
			}
		}
		if looking.Err() != nil {
			break
		}
	}
	if d.last == nil {
		d.last = localFailure(451, "4.4.1", "no mail host could be reached")
	}
	d.settle(d.last)
}

// try sends the pending rows over w's connection. It is false when another host
// may do better.
func (r *Relay) try(ctx context.Context, w *worker, d *delivery) bool {
	c := w.conn
	body, f := r.bodyFor(ctx, c, d)
	if f != nil {
		d.settle(f)
		return true
	}
	rows := d.pending
	env := d.envelope()
	verdicts, fault := c.transact(env, body, func(accepted []int) error {
		if len(accepted) == 0 {
			return w.recorded()
		}
		marked := r.markStarted(d, rows, accepted, c.host)
		d.marked = d.marked || marked == nil
		return errors.Join(marked, w.recorded())
	})
	d.pending = nil
	for i, v := range verdicts {
		d.verdicts[rows[i]] = v
		if fault != nil && v.failure == fault && elsewhere(fault) {
			d.pending = append(d.pending, rows[i])
		}
	}
	d.stalled = fault != nil && timedOut(fault.err) && len(d.pending) == 0
	if fault != nil {
		w.drop()
		d.gone = d.gone || errors.Is(fault.err, errWithdrawn)
		d.note(fault)
	}
	return len(d.pending) == 0
}

// elsewhere says whether the next host may be tried after a broken connection:
// not after the final dot, and not when the fault is ours.
func elsewhere(f *failure) bool {
	return f.lost && !f.final && !f.doubt && !f.config && f.stage != "DATA"
}

func (d *delivery) envelope() *envelope {
	first := &d.job.rows[0]
	env := &envelope{from: first.From, notifyNone: first.NotifyNone, utf8: needsUTF8(first)}
	env.to = make([]addr.Address, len(d.pending))
	for i, n := range d.pending {
		env.to[i] = d.job.rows[n].To
	}
	return env
}

func needsUTF8(row *store.Outgoing) bool {
	return row.SMTPUTF8 || !row.To.IsASCII() || !row.From.IsASCII()
}

// bodyFor asks the server's extensions, and makes the mail what they allow. What
// can't be is final without a word to the server.
func (r *Relay) bodyFor(ctx context.Context, c *conn, d *delivery) (*outgoingBody, *failure) {
	row := &d.job.rows[0]
	if needsUTF8(row) && !c.has("SMTPUTF8") {
		f := localFailure(553, "5.6.7", "the server does not know SMTPUTF8, which an address needs")
		f.host = c.host
		return nil, f
	}
	body, f := r.prepare(ctx, preparedKey{row.Mail, row.Domain, d.policy}, c.has("8BITMIME"))
	if f == nil {
		if limit := c.sizeLimit(); limit > 0 && body.size() > limit {
			f = localFailure(552, "5.3.4", fmt.Sprintf("the mail has %d octets, the server takes %d", body.size(), limit))
		}
	}
	if f != nil {
		f.host = c.host
	}
	return body, f
}
