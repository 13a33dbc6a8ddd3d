package pipeline

import (
	"errors"
	"slices"

	"postdesk/internal/addr"
	"postdesk/internal/ticket"
	"postdesk/rules"
	"postdesk/store"
)

// threading looks for the ticket that the mail belongs to. It must run in the
// transaction that writes: the ticket's state decides.
func (p *Pipeline) threading(tx store.ReadTx, d *delivery, id rules.Identity, explicit bool) (rules.ThreadOut, error) {
	evidence, err := d.evidence(tx, id)
	if err != nil {
		return rules.ThreadOut{}, err
	}
	if err := p.follow(tx, d, evidence); err != nil {
		return rules.ThreadOut{}, err
	}
	if err := d.sideEvidence(p, tx, evidence); err != nil {
		return rules.ThreadOut{}, err
	}
	var failed error
	states := map[uint64]*rules.TicketState{} // nil: there is no such ticket
	in := rules.ThreadIn{
		Evidence: evidence,
		Ticket: func(number uint64) (rules.TicketState, bool) {
			s, known := states[number]
			if !known {
				var err error
				if s, err = d.ticketState(tx, number); err != nil {
					failed = err
				}
				states[number] = s
			}
			if s == nil {
				return rules.TicketState{}, false
			}
			return *s, true
		},
		Backed:    d.facts.Auth.Backed != "" || id.Kind == rules.IdentityAgent,
		Agent:     id.Kind == rules.IdentityAgent || id.Kind == rules.IdentityHeld,
		Explicit:  explicit,
		Automatic: d.facts.Class.Automatic,
		Now:       d.at,
		Reopen:    d.w.cfg.Tickets.Reopen,
	}
	return rules.Thread(in), failed
}

// evidence gathers what points to a ticket, in the order of the mail.
func (d *delivery) evidence(tx store.ReadTx, id rules.Identity) ([]rules.Evidence, error) {
	var list []rules.Evidence
	for _, pr := range id.Tokens {
		if pr.Token.Ticket == 0 || !joins[pr.Token.Kind] {
			continue
		}
		strength := rules.ByMintedID
		if pr.Place == rules.PlaceRecipient {
			strength = rules.ByAddress
		}
		list = append(list, rules.Evidence{Strength: strength, Ticket: pr.Token.Ticket, Token: pr.Token})
	}
	for _, ref := range d.answered() {
		number, _, err := store.ByMessageID(tx, clip(ref))
		if errors.Is(err, store.ErrNotFound) {
			continue
		}
		if err != nil {
			return nil, err
		}
		list = append(list, rules.Evidence{Strength: rules.ByHeldID, Ticket: number})
	}
	events, err := d.calendarEvidence(tx)
	if err != nil {
		return nil, err
	}
	list = append(list, events...)
	for _, number := range d.w.tags.Find(d.facts.Subject) {
		list = append(list, rules.Evidence{Strength: rules.ByTag, Ticket: number})
	}
	return list, nil
}

// follow turns evidence to where the mail that is answered is now. Tokens name
// the ticket that it was in when they were minted: of a message that was split
// off, the answers belong to the new ticket, whatever their address says.
func (p *Pipeline) follow(tx store.ReadTx, d *delivery, evidence []rules.Evidence) error {
	trail, err := p.answeredTrail(tx, d)
	if err != nil || len(trail) < 2 {
		return err
	}
	last := len(trail) - 1
	for i := range evidence {
		if slices.ContainsFunc(trail[:last], func(at ticket.Place) bool { return at.Ticket == evidence[i].Ticket }) {
			evidence[i].Ticket = trail[last].Ticket
		}
	}
	return nil
}

// answeredTrail lists the places of the message that the mail answers: of the
// nearest that is known. It is nil when none is, and for an answer to what we
// wrote about the ticket as a whole.
func (p *Pipeline) answeredTrail(tx store.ReadTx, d *delivery) ([]ticket.Place, error) {
	for _, id := range d.answered() {
		trail, err := store.TrailOf(tx, clip(id))
		if err == nil || !errors.Is(err, store.ErrNotFound) {
			return trail, err
		}
		row, err := p.sentWithID(tx, id)
		if err != nil {
			return nil, err
		}
		switch {
		case row == nil:
			continue
		case row.Message == 0 || row.Purpose == store.PurposeLetter || row.Purpose == store.PurposeNotice:
			return nil, nil
		}
		return store.Trail(tx, ticket.Place{Ticket: row.Ticket, Message: row.Message})
	}
	return nil, nil
}

// sentWithID is a row of the outgoing mail of a ticket that bears a Message-ID
// of ours, nil for none.
func (p *Pipeline) sentWithID(tx store.ReadTx, id string) (found *store.Outgoing, err error) {
	tok, ok := p.minted(id)
	if !ok || tok.Kind != addr.KindMessage || tok.Ticket == 0 {
		return nil, nil
	}
	err = store.SentAs(tx, tok.Ticket, tok.Item, func(row store.Outgoing) error {
		found = &row
		return nil
	})
	return found, err
}

// joins are the kinds of token that join a mail to a ticket. A bounce address
// comes back by itself and joins nothing.
var joins = map[addr.Kind]bool{addr.KindTicket: true, addr.KindNote: true, addr.KindMessage: true, addr.KindThread: true, addr.KindParticipant: true}

// ticketState is what threading knows of a ticket; nil when there is none.
func (d *delivery) ticketState(tx store.ReadTx, number uint64) (*rules.TicketState, error) {
	t, err := store.GetTicket(tx, number)
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	takesPart := t.Who(d.author.Address) != nil
	if a := d.agent(); a != nil {
		takesPart = takesPart || d.w.sees(a, t)
	}
	if !takesPart {
		takesPart, err = d.sameContact(tx, t)
	}
	return &rules.TicketState{
		Solved: t.Status == ticket.Solved, Closed: t.Status == ticket.Closed, ClosedAt: t.ClosedAt,
		MergedInto: t.MergedInto, Participant: takesPart, Dismissed: t.Dismissed(d.author.Address),
	}, err
}

// sameContact: the author's address is another one of a contact who takes part:
// an agent or an admin has said so.
func (d *delivery) sameContact(tx store.ReadTx, t *ticket.Ticket) (bool, error) {
	c, err := contactOf(tx, d.author.Address)
	if c == nil || err != nil {
		return false, err
	}
	return slices.ContainsFunc(t.Participants, func(p ticket.Participant) bool { return p.Contact == c.ID && !p.Removed }), nil
}
