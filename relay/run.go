package relay

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"postdesk/internal/addr"
	"postdesk/store"
)

const (
	lookAhead  = time.Minute           // at most so long between two looks at the queue
	crowded    = 50 * time.Millisecond // between two looks when rows wait for room
	clockSlack = time.Minute           // a clock that went back by more has jumped
	mendEvery  = time.Second           // at least so long between two looks at what is due too late
	settling   = 5 * time.Minute       // after the clock went back: what was under way is written by now
)

// Run delivers the outbox until Stop, or until ctx ends: then it breaks off
// what is under way. It returns nil after Stop, else ctx's error; or the error
// of the store at start. It must be called once.
func (r *Relay) Run(ctx context.Context) error {
	r.mu.Lock()
	over := r.over
	r.ran = true
	r.mu.Unlock()
	if over {
		return nil
	}
	defer close(r.finished)
	unlink := context.AfterFunc(ctx, r.cut)
	defer unlink()
	defer r.cut()
	if err := r.begin(); err != nil {
		return err
	}
	r.loop()
	r.sched.stop()
	r.sched.running.Wait()
	r.sts.close()
	return ctx.Err()
}

// Stop ends Run: nothing new is begun, and what is being sent is finished, as
// far as that is possible before ctx ends; the rest is broken off, and is sent
// again after the next start. It returns ctx's error in that case. A Run that
// comes later does nothing.
func (r *Relay) Stop(ctx context.Context) error {
	r.stopOnce.Do(func() { close(r.stopping) })
	r.mu.Lock()
	r.over = r.over || !r.ran
	over := r.over
	r.mu.Unlock()
	if over {
		r.cut()
		return nil
	}
	select {
	case <-r.finished:
		return nil
	case <-ctx.Done():
		r.cut()
		<-r.finished
		return ctx.Err()
	}
}

// begin takes up what a stop or a crash left behind.
func (r *Relay) begin() error {
	if _, err := store.ResetSending(r.hard, r.opts.Store); err != nil {
		return fmt.Errorf("relay: outbox: %w", err)
	}
	if err := r.mendDue(clockSlack); err != nil {
		return fmt.Errorf("relay: outbox: %w", err)
	}
	return nil
}

// loop looks at the queue when it is woken, when a row becomes due, and when
// the clock went back. A look takes at most a tenth of the time.
func (r *Relay) loop() {
	timer := time.NewTimer(0)
	defer timer.Stop()
	last, mono, mended := r.opts.Now(), time.Now(), time.Now()
	var seen horizon
	var jumped time.Time // by the machine's clock
	for {
		select {
		case <-r.hard.Done():
			return
		case <-r.stopping:
			return
		case <-timer.C:
		case <-r.wake:
		}
		now, passed := r.opts.Now(), time.Since(mono)
		if now.Sub(last)-passed < -clockSlack {
			r.opts.Log.Warn("the clock went back, due times are mended", "from", last, "to", now)
			r.mend(clockSlack)
			jumped = time.Now()
		}
		soon := mendEvery - time.Since(mended)
		if soon <= 0 { // what was under way when the clock went back, and is recorded by the time before
			r.mend(r.reach(time.Since(jumped)))
			soon, mended = lookAhead, time.Now()
		}
		last, mono = now, time.Now()
		next, err := r.look(seen.from(now, mono, r.behind.Swap(false)), now)
		if err != nil && r.hard.Err() == nil {
			r.opts.Log.Error("outbox can't be read", "error", err)
			next, seen = time.Second, horizon{}
		} else {
			next = min(next, seen.looked(now, mono, next))
		}
		next = min(next, soon)
		if !r.pace(10 * time.Since(mono)) {
			return
		}
		timer.Reset(next)
	}
}

// pace waits when a look took long. It is false when the relay is to end.
func (r *Relay) pace(d time.Duration) bool {
	if d < 10*time.Millisecond {
		return true
	}
	timer := time.NewTimer(min(d, time.Second))
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-r.stopping:
	case <-r.hard.Done():
	}
	return false
}

var errEnough = errors.New("enough")

// look claims rows that became due since from, and are, and queues them. It says when to
// look again.
func (r *Relay) look(from, now time.Time) (next time.Duration, err error) {
	policy := r.active()
	next = lookAhead
	group := newGrouping()
	err = r.opts.Store.View(r.hard, func(tx store.ReadTx) error {
		return store.DueOutgoing(tx, from, now.Add(lookAhead), 0, r.sched.has, func(row store.Outgoing) error {
			if row.Due.After(now) {
				next = min(next, row.Due.Sub(now))
				return errEnough
			}
			h := policy.hopOf(&row)
			taken, full := r.sched.claim(h, &row)
			if full {
				next = crowded
			}
			if taken {
				group.add(h, row)
			}
			return nil
		})
	})
	if errors.Is(err, errEnough) {
		err = nil
	}
	r.sched.add(group.jobs)
	return next, err
}

// grouping makes jobs of rows: those of one mail, sender and hop go together.
type grouping struct {
	jobs []*job
	open map[groupKey]*job
}

type groupKey struct {
	hop        hop
	mail       store.MailID
	from       addr.Address
	domain     string
	utf8, none bool
}

func newGrouping() *grouping { return &grouping{open: make(map[groupKey]*job)} }

func (g *grouping) add(h hop, row store.Outgoing) {
	k := groupKey{h, row.Mail, row.From, row.Domain, needsUTF8(&row), row.NotifyNone}
	if j := g.open[k]; j != nil && len(j.rows) < maxRecipients {
		j.rows = append(j.rows, row)
		return
	}
	j := &job{hop: h, rows: []store.Outgoing{row}}
	g.jobs = append(g.jobs, j)
	g.open[k] = j
}

// reach is how far ahead due times are not looked at, so long after the clock was seen to
// go back: as far as they lie for a mail that was tried, but for those that were under way.
func (r *Relay) reach(passed time.Duration) time.Duration {
	if passed < settling {
		return clockSlack
	}
	longest := slices.Max(r.active().Relay.Retry)
	return longest + longest/5 + clockSlack
}

func (r *Relay) mend(beyond time.Duration) {
	if err := r.mendDue(beyond); err != nil && r.hard.Err() == nil {
		r.opts.Log.Error("outbox", "error", err)
	}
}

// mendDue brings due times back that lie further ahead than we ever put them, of
// those beyond some time from now: they were written when the clock was ahead.
// Without that, mail would wait until the clock has caught up.
func (r *Relay) mendDue(beyond time.Duration) error {
	now := r.opts.Now()
	var stranded []store.Outgoing
	err := r.opts.Store.View(r.hard, func(tx store.ReadTx) error {
		return store.LaterOutgoing(tx, now.Add(beyond), func(row store.Outgoing) error {
			if r.isStranded(&row, now) {
				stranded = append(stranded, row)
			}
			return nil
		})
	})
	for err == nil && len(stranded) > 0 {
		n := min(len(stranded), recordBatch)
		err = r.mendRows(stranded[:n], now)
		stranded = stranded[n:]
	}
	return err
}

func (r *Relay) isStranded(row *store.Outgoing, now time.Time) bool {
	if !row.Due.After(now.Add(clockSlack)) {
		return false
	}
	if row.Attempts == 0 {
		return row.Created.After(now.Add(clockSlack))
	}
	longest := backoff(r.active().Relay.Retry, row.Attempts)
	return row.Due.After(now.Add(longest + longest/5 + clockSlack))
}

func (r *Relay) mendRows(rows []store.Outgoing, now time.Time) error {
	retry := r.active().Relay.Retry
	due := make([]time.Time, len(rows))
	for i := range rows {
		due[i] = now
		if rows[i].Attempts > 0 {
			due[i] = now.Add(jittered(backoff(retry, rows[i].Attempts)))
		}
	}
	return r.opts.Store.Update(r.hard, func(tx store.Tx) error {
		for i := range rows {
			row, err := store.GetOutgoing(tx, rows[i].ID)
			if err != nil {
				return err
			}
			if row.State != store.Ready || !row.Due.Equal(rows[i].Due) {
				continue
			}
			row.Due = due[i]
			if err := store.PutOutgoing(tx, row); err != nil {
				return err
			}
		}
		return nil
	})
}
