package pipeline

import (
	"time"

	"postdesk/internal/ticket"
	"postdesk/store"
)

// earlier is the timer that looks at the ticket at a moment too; zero is never.
func earlier(timer store.Timer, at time.Time) store.Timer {
	if !at.IsZero() && (timer.At.IsZero() || at.Before(timer.At)) {
		timer.At = at
	}
	return timer
}

// save writes a ticket that events changed, and when it is to be looked at
// again. Every road saves its ticket here.
func (p *Pipeline) save(tx store.Tx, w *world, t *ticket.Ticket) error {
	now := p.now().UTC()
	backToNow(t, now)
	timer, err := p.overtake(tx, t, now)
	if err != nil {
		return err
	}
	if err := p.followCalendar(tx, w, t, now); err != nil {
		return err
	}
	if err := store.SaveTicket(tx, t); err != nil {
		return err
	}
	reminder, err := store.NextActivity(tx, t)
	if err != nil {
		return err
	}
	return store.SetTimer(tx, t.Number, earlier(w.nextTimer(t, timer), reminder))
}
