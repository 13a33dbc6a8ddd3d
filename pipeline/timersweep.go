package pipeline

import (
	"context"
	"encoding/json"
	"slices"
	"time"

	"postdesk/internal/ticket"
	"postdesk/rules"
	"postdesk/store"
)

// Bounds of a sweep over all tickets, per transaction.
const (
	sweepLook = 500
	sweepSave = 50
)

// seenEvery is how often the clock's moment is written down, so that a start
// knows whether the clock was set back meanwhile.
const seenEvery = time.Hour

// timerState is what the timers remember: the settings by which they were set,
// and when the clock was last looked at.
type timerState struct {
	Settings string
	Seen     time.Time
}

const timerScope = "timers"

// SetTimers sets the timers of all tickets anew if the settings that they follow
// have changed, or the clock was set back, since it last ran to its end; always
// says to do so in any case. Between two looks at the clock it writes nothing.
func (p *Pipeline) SetTimers(ctx context.Context, always bool) error {
	w, now := p.world.Load(), p.now().UTC()
	settings, err := w.timerSettings()
	if err != nil {
		return err
	}
	var was timerState
	err = p.store.View(ctx, func(tx store.ReadTx) error {
		_, err := store.Window(tx, timerScope, "", &was)
		return err
	})
	if err != nil {
		return err
	}
	back := was.Seen.After(now.Add(aheadSlack))
	if always || back || was.Settings != settings {
		p.log.Info("the timers of all tickets are set anew", "clock_set_back", back)
		if err := p.sweep(ctx); err != nil {
			return err
		}
	} else if now.Sub(was.Seen) < seenEvery {
		return nil
	}
	return p.store.Update(ctx, func(tx store.Tx) error {
		return store.SetWindow(tx, timerScope, "", timerState{Settings: settings, Seen: now}, time.Time{})
	})
}

// timerSettings is all of the configuration that timers follow, comparable.
func (w *world) timerSettings() (string, error) {
	type settings struct {
		Team        string
		Acknowledge bool
		Zone        string
		Delays      rules.TimerDelays
	}
	var list []settings
	for i := range w.cfg.Teams {
		team := &w.cfg.Teams[i]
		s := settings{team.Address.Key(), team.Acknowledge, "", rules.DelaysOf(team, w.cfg.Tickets.KeepClosed)}
		if s.Delays.Hours.Zone != nil {
			s.Zone, s.Delays.Hours.Zone = s.Delays.Hours.Zone.String(), nil
		}
		list = append(list, s)
	}
	b, err := json.Marshal(list)
	return string(b), err
}

// sweep looks at every ticket, and sets the timers that are not right.
func (p *Pipeline) sweep(ctx context.Context) error {
	for last := uint64(0); ctx.Err() == nil; {
		var wrong []uint64
		looked := 0
		err := p.store.View(ctx, func(tx store.ReadTx) error {
			wrong, looked = nil, 0
			w := p.world.Load()
			list, err := store.TicketsAfter(tx, last, sweepLook)
			for _, t := range list {
				if err != nil {
					break
				}
				looked++
				var right bool
				if right, err = w.timerIsRight(tx, t, p.now().UTC()); !right {
					wrong = append(wrong, t.Number)
				}
			}
			if looked > 0 && err == nil {
				last = list[looked-1].Number
			}
			return err
		})
		if err != nil {
			return err
		}
		for part := range slices.Chunk(wrong, sweepSave) {
			if err := p.setAnew(ctx, part); err != nil {
				return err
			}
		}
		if looked < sweepLook {
			return nil
		}
	}
	return ctx.Err()
}

func (w *world) timerIsRight(tx store.ReadTx, t *ticket.Ticket, now time.Time) (bool, error) {
	timer, err := store.GetTimer(tx, t.Number)
	if err != nil || backToNow(t, now) {
		return false, err
	}
	_, at := rules.Timer(w.timerFacts(t), w.delays(t))
	return timer.At.Equal(at), nil
}

// setAnew saves some tickets, which sets their timers.
func (p *Pipeline) setAnew(ctx context.Context, numbers []uint64) error {
	return p.store.Update(ctx, func(tx store.Tx) error {
		w := p.world.Load()
		for _, n := range numbers {
			t, err := store.GetTicket(tx, n)
			if err != nil {
				return err
			}
			if err := p.save(tx, w, t); err != nil {
				return err
			}
		}
		return nil
	})
}

// eraseClosed takes the data out of tickets that were closed for longer than
// keep_closed, and ends their timers.
func (p *Pipeline) eraseClosed(ctx context.Context, numbers []uint64) error {
	done, err := store.EraseTickets(ctx, p.store, numbers, ticket.System, p.now().UTC())
	if err != nil {
		return err
	}
	p.log.Info("tickets that were closed for long are erased", "tickets", done.Tickets, "mails", done.Mails)
	return p.setAnew(ctx, numbers)
}
