package pipeline

import (
	"context"
	"errors"
	"fmt"
	"time"

	"postdesk/internal/ticket"
	"postdesk/rules"
	"postdesk/store"
)

// Bounds of the timers' work: a transaction must be short, since mail waits for
// it, and an outbox that is full of letters makes answers late.
const (
	timerBatch   = 10
	timerBacklog = 200 // mails due in the outbox above which timers pause
	timerPause   = 15 * time.Second
	timerRetry   = time.Hour // after a fault
)

// Fired is what the timers did in one call.
type Fired struct {
	Tickets int
	// Next is when to call again; zero is never, and the past at once.
	Next time.Time
}

// RunTimers does what is due now, for a bounded number of tickets in one
// transaction. A ticket that can't be done is logged and tried again after an
// hour; the error is for what concerns all of them.
func (p *Pipeline) RunTimers(ctx context.Context) (Fired, error) {
	now := p.now().UTC()
	if wait, err := p.timersWait(ctx, now); err != nil || wait {
		return Fired{Next: now.Add(timerPause)}, err
	}
	var due []uint64
	err := p.store.View(ctx, func(tx store.ReadTx) (err error) {
		due, err = store.DueTimers(tx, now, timerBatch)
		return err
	})
	if err != nil || len(due) == 0 {
		return Fired{Next: p.nextTimer(ctx, now)}, err
	}
	if err := p.fireAll(ctx, due); err != nil {
		return Fired{Next: now.Add(timerPause)}, fmt.Errorf("timers: %w", err)
	}
	p.wake()
	return Fired{Tickets: len(due), Next: p.nextTimer(ctx, now)}, nil
}

// timersWait says whether timers pause: the disk is low, or the outbox has
// enough to do.
func (p *Pipeline) timersWait(ctx context.Context, now time.Time) (bool, error) {
	if p.diskLow() {
		return true, nil
	}
	backlog := 0
	err := p.store.View(ctx, func(tx store.ReadTx) error {
		backlog = 0
		return store.DueOutgoing(tx, time.Time{}, now, timerBacklog, func(uint64) bool { backlog++; return true }, nil)
	})
	return backlog >= timerBacklog, err
}

// nextTimer is when the next ticket is due. When it can't be read, a little
// later is soon enough.
func (p *Pipeline) nextTimer(ctx context.Context, now time.Time) (at time.Time) {
	err := p.store.View(ctx, func(tx store.ReadTx) (err error) {
		at, _, err = store.NextTimer(tx)
		return err
	})
	if err != nil {
		return now.Add(timerPause)
	}
	return at
}

// fireAll fires the timers of some tickets in one transaction, and one by one
// when that fails: one ticket must not keep the others from being done.
func (p *Pipeline) fireAll(ctx context.Context, numbers []uint64) error {
	err := p.fire(ctx, numbers)
	if err == nil || ctx.Err() != nil || errors.Is(err, store.ErrDiskLow) || errors.Is(err, store.ErrClosed) {
		return err
	}
	for _, n := range numbers {
		fault := p.fire(ctx, []uint64{n})
		if fault == nil {
			continue
		}
		err := p.store.Update(ctx, func(tx store.Tx) error { return postpone(tx, n, p.now().UTC().Add(timerRetry)) })
		if err != nil {
			return errors.Join(fault, err)
		}
		p.log.Error("a timer failed; it is tried again", "ticket", n, "in", timerRetry, "error", fault)
	}
	return nil
}

// postpone looks at a ticket again at a moment, whatever its timer says.
func postpone(tx store.Tx, number uint64, at time.Time) error {
	timer, err := store.GetTimer(tx, number)
	if err != nil {
		return err
	}
	timer.At = at
	return store.SetTimer(tx, number, timer)
}

// fire does what is due in some tickets, in one transaction, and what takes many
// transactions after it.
func (p *Pipeline) fire(ctx context.Context, numbers []uint64) error {
	var done []*firing
	err := p.store.Update(ctx, func(tx store.Tx) (err error) {
		defer func() {
			if v := recover(); v != nil {
				err = fmt.Errorf("panic: %v", v)
			}
		}()
		done = done[:0]
		w := p.world.Load()
		for _, n := range numbers {
			f := &firing{p: p, tx: tx, w: w, at: p.now().UTC()}
			if err := f.ticket(n); err != nil {
				return fmt.Errorf("ticket %d: %w", n, err)
			}
			done = append(done, f)
		}
		return nil
	})
	if err != nil {
		return err
	}
	var erase []uint64
	for _, f := range done {
		p.told(f)
		if f.erase {
			erase = append(erase, f.t.Number)
		}
	}
	if len(erase) == 0 {
		return nil
	}
	return p.eraseClosed(ctx, erase)
}

// told logs and counts what a timer did.
func (p *Pipeline) told(f *firing) {
	for _, what := range f.happened {
		p.meters.Event(string(what))
		p.log.Info("timer", "ticket", f.t.Number, "did", string(what))
	}
}

// firing is the timer of one ticket in a transaction.
type firing struct {
	p        *Pipeline
	tx       store.Tx
	w        *world
	t        *ticket.Ticket
	at       time.Time
	letters  []uint64 // items of the letters that were written
	happened []ticket.What
	erase    bool // the ticket's data is to go
}

// ticket does what is due. Everything is asked anew: what was due when the timer
// was set may have been overtaken, or the configuration have changed.
func (f *firing) ticket(number uint64) (err error) {
	if f.t, err = store.GetTicket(f.tx, number); errors.Is(err, store.ErrNotFound) {
		return store.SetTimer(f.tx, number, store.Timer{})
	}
	if err != nil {
		return err
	}
	n, err := f.p.remindAgents(f.tx, f.w, f.t, f.at)
	if err != nil {
		return err
	}
	if n > 0 {
		return f.reminded(n) // what else is due comes at once after
	}
	what, at := rules.Timer(f.w.timerFacts(f.t), f.w.delays(f.t))
	switch {
	case what == "" || at.After(f.at):
		return f.p.save(f.tx, f.w, f.t)
	case f.p.flights.busy(number):
		return postpone(f.tx, number, f.at.Add(lookAgain))
	}
	return f.do(what)
}

// reminded saves a ticket of which agents were reminded.
func (f *firing) reminded(n int) error {
	for range n {
		f.happened = append(f.happened, ticket.Due)
	}
	return f.p.save(f.tx, f.w, f.t)
}

func (f *firing) do(what rules.TimerAction) error {
	switch what {
	case rules.TimerLate:
		return f.late()
	case rules.TimerUpdate:
		return f.writeCustomer(letterUpdate)
	case rules.TimerRemind:
		return f.writeCustomer(letterReminder)
	case rules.TimerClose:
		return f.finish(ticket.Event{What: ticket.StatusChanged, Data: map[string]string{"status": string(ticket.Closed), "why": "close_after"}})
	case rules.TimerErase:
		f.erase = true
		return postpone(f.tx, f.t.Number, f.at.Add(timerRetry))
	}
	return nil
}

// finish writes the event, the ticket and its next timer.
func (f *firing) finish(events ...ticket.Event) error {
	for _, e := range events {
		e.At, e.By = f.at, ticket.System
		if err := store.AddEvent(f.tx, f.t, e); err != nil {
			return err
		}
		f.happened = append(f.happened, e.What)
	}
	if err := f.p.save(f.tx, f.w, f.t); err != nil || len(f.letters) == 0 {
		return err
	}
	timer, err := store.GetTimer(f.tx, f.t.Number)
	if err != nil {
		return err
	}
	timer.Letters = append(timer.Letters, f.letters...)
	timer.Letters = timer.Letters[max(0, len(timer.Letters)-keptLetters):]
	return store.SetTimer(f.tx, f.t.Number, timer)
}

// keptLetters is how many letters of a ticket may wait at the same time: a new
// one takes the place of the one before.
const keptLetters = 2
