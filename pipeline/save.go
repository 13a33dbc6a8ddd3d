package pipeline

import (
	"postdesk/internal/ticket"
	"postdesk/store"
)

// save writes a ticket that events changed. Every road saves its ticket here.
func (p *Pipeline) save(tx store.Tx, w *world, t *ticket.Ticket) error {
	return store.SaveTicket(tx, t)
}
