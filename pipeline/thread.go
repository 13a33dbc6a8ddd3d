package pipeline

import (
	"errors"

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
	for _, number := range d.w.tags.Find(d.facts.Subject) {
		list = append(list, rules.Evidence{Strength: rules.ByTag, Ticket: number})
	}
	return list, nil
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
	return &rules.TicketState{
		Solved: t.Status == ticket.Solved, Closed: t.Status == ticket.Closed, ClosedAt: t.ClosedAt,
		MergedInto: t.MergedInto, Participant: t.Who(d.author.Address) != nil || d.facts.Class.Agent != "",
	}, nil
}
