package pipeline

import (
	"postdesk/internal/ticket"
	"postdesk/store"
)

// save writes a ticket that events changed, and when it is to be looked at
// again. Every road saves its ticket here.
func (p *Pipeline) save(tx store.Tx, w *world, t *ticket.Ticket) error {
	now := p.now().UTC()
	backToNow(t, now)
	timer, err := p.overtake(tx, t, now)
	if err != nil {
		return err
	}
	if err := store.SaveTicket(tx, t); err != nil {
		return err
	}
	return store.SetTimer(tx, t.Number, w.nextTimer(t, timer))
}
