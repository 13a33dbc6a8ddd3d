package load

import (
	"context"
	"sync"
	"sync/atomic"
	"time"
)

// Persist sends mails as an MTA does: what is answered with neither 2xx nor 5xx, or not at
// all, is sent again after a pause, the same bytes, until it is. It begins no other mail once stop is
// closed, and returns when those that were begun are done. What ctx cuts off has its last answer in the
// ledger, or none if one of its sendings had none: then it may be there. Between two mails of a
// connection are rest.
func Persist(ctx context.Context, o Options, stop <-chan struct{}, pause, rest time.Duration) ([]Entry, error) {
	if err := o.fill(); err != nil {
		return nil, err
	}
	letters, err := compose(o)
	if err != nil {
		return nil, err
	}
	p := persistent{o: &o, letters: letters, entries: make([]Entry, len(letters)), stop: stop, pause: pause}
	var wg sync.WaitGroup
	for range o.Connections {
		wg.Go(func() {
			c := client{ctx: ctx, o: &o, sessions: &p.sessions}
			defer c.quit()
			for p.one(&c) {
				sleep(ctx, rest)
			}
		})
	}
	wg.Wait()
	return p.entries[:min(int(p.next.Load()), len(letters))], nil
}

type persistent struct {
	o        *Options
	letters  []letter
	entries  []Entry
	next     atomic.Int64
	sessions atomic.Int64
	stop     <-chan struct{}
	pause    time.Duration
}

// one sends the next mail until it is answered.
func (p *persistent) one(c *client) bool {
	select {
	case <-p.stop:
		return false
	default:
	}
	i := int(p.next.Add(1)) - 1
	if i >= len(p.letters) {
		return false
	}
	unknown := false
	for {
		e := c.send(p.letters[i])
		unknown = unknown || e.Unknown()
		decided := e.Code/100 == 2 || e.Code/100 == 5
		if unknown && !decided {
			e.Code = 0
		}
		p.entries[i] = e
		if decided {
			return true
		}
		if !sleep(c.ctx, p.pause) {
			return false
		}
	}
}

// sleep is false when ctx ends first.
func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}
