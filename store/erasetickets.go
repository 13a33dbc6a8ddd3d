package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"postdesk/internal/addr"
	"postdesk/internal/ticket"
)

// EraseTickets takes all that was said out of some tickets, and out of those
// that were merged into them: mails, subjects, fields, names and addresses.
// Numbers, times and the kinds of events stay. A contact who was only seen in
// mails and has no other request goes too. It takes many Updates; when it is cut
// off it can be run again. A ticket that is erased already is passed over.
func EraseTickets(ctx context.Context, db Engine, numbers []uint64, by ticket.Actor, now time.Time) (ErasedPerson, error) {
	e := &eraser{ctx: ctx, db: db, now: now, by: by, all: true}
	gone := map[uint64]bool{}
	for _, n := range numbers {
		if err := e.family(n, gone); err != nil {
			return e.done, fmt.Errorf("erase: ticket %d: %w", n, err)
		}
	}
	err := e.heldOf(gone)
	if err == nil {
		err = e.leave()
	}
	if err != nil {
		return e.done, fmt.Errorf("erase: %w", err)
	}
	return e.done, nil
}

// family erases a ticket and what was merged into it, those first: the ticket
// leads to them.
func (e *eraser) family(number uint64, gone map[uint64]bool) error {
	var t *ticket.Ticket
	err := e.db.View(e.ctx, func(tx ReadTx) (err error) {
		t, err = GetTicket(tx, number)
		return err
	})
	if errors.Is(err, ErrNotFound) || err == nil && (t.Erased || gone[number]) {
		return nil
	}
	if err != nil {
		return err
	}
	gone[number] = true
	for _, n := range t.Merged {
		if err := e.family(n, gone); err != nil {
			return err
		}
	}
	e.know(t)
	if err := e.ticket(number); err != nil {
		return err
	}
	return e.strangers(t)
}

// know makes the people of a ticket those whose addresses are looked for in it.
func (e *eraser) know(t *ticket.Ticket) {
	e.addresses, e.texts = map[string]bool{}, nil
	for _, p := range t.Participants {
		for _, a := range []addr.Address{p.Address, p.ReplyTo} {
			if a.Local != "" {
				e.addresses[a.Key()] = true
				e.texts = append(e.texts, strings.ToLower(a.String()))
			}
		}
	}
}

// strangers forgets that people asked, and notes those of them who are to go.
func (e *eraser) strangers(t *ticket.Ticket) error {
	for _, p := range t.Participants {
		if p.Contact == 0 {
			continue
		}
		var c *Contact
		err := e.db.Update(e.ctx, func(tx Tx) (err error) {
			c, err = forgetRequest(tx, p.Contact, t.Number)
			return err
		})
		if err != nil {
			return err
		}
		if c != nil {
			e.leaving = append(e.leaving, c)
		}
	}
	return nil
}

// leave erases the contacts whom nobody entered and who have asked nothing else.
func (e *eraser) leave() error {
	if len(e.leaving) == 0 {
		return nil
	}
	e.addresses = map[string]bool{}
	for _, c := range e.leaving {
		for _, a := range c.Addresses {
			e.addresses[a.Key()] = true
		}
	}
	if err := e.traces(); err != nil {
		return err
	}
	for _, e.contact = range e.leaving {
		if err := e.record(); err != nil {
			return err
		}
	}
	return nil
}

// forgetRequest takes a ticket off a contact's list; it returns the contact if it
// is to go: nothing keeps it.
func forgetRequest(tx Tx, contact, number uint64) (*Contact, error) {
	if err := tx.Delete(key(indexRequester, contact, number)); err != nil {
		return nil, err
	}
	c, err := GetContact(tx, contact)
	if errors.Is(err, ErrNotFound) || err == nil && (c.Known || c.Erased) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	err = Requests(tx, contact, func(uint64) error { return errEnough })
	if errors.Is(err, errEnough) {
		return nil, nil
	}
	return c, err
}

// heldOf blanks the held mails of tickets that are gone.
func (e *eraser) heldOf(tickets map[uint64]bool) error {
	var ids []uint64
	err := e.db.View(e.ctx, func(tx ReadTx) error {
		ids = nil
		return AllHeld(tx, func(h *HeldMail) error {
			if tickets[h.Ticket] && (h.Subject != "" || len(h.Facts) > 0 || h.State == Waiting) {
				ids = append(ids, h.ID)
			}
			return e.ctx.Err()
		})
	})
	if err != nil {
		return err
	}
	slices.Sort(ids)
	return e.each(ids, e.heldMail)
}
