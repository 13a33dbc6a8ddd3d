package pipeline

import (
	"errors"
	"math"
	"slices"

	"postdesk/internal/addr"
	"postdesk/internal/ticket"
	"postdesk/rules"
	"postdesk/store"
)

// sideAddress is where somebody answers to in an aside; aside 0 is the thread of an
// observer outside.
func (m minter) sideAddress(aside uint64, who addr.Person) addr.Address {
	return m.address(addr.Token{Kind: addr.KindParticipant, Ticket: m.t.Number, Item: aside, Person: who})
}

// nextIn numbers one more outgoing mail of the ticket; its thread is that of the
// aside and of nothing else.
func (m minter) nextIn(aside uint64, who addr.Person) marks {
	mark := m.next(who)
	tok := addr.Token{Kind: addr.KindThread, Ticket: m.t.Number, Item: aside, Person: who}
	mark.thread = bare(addr.MessageID(m.keys.Mint(tok), "", m.team.Address.Domain))
	return mark
}

// side is what a mail belongs to beside the conversation with the customer.
type side struct {
	aside    uint64 // 0 is none
	observer uint64 // participant: the thread of an observer outside; 0 is none
}

// nobody is no participant's number.
const nobody = math.MaxUint64

// none: the mail is of the conversation with the customer.
func (s side) none() bool { return s == side{} }

// sideOf reads which aside a mail is of, by its marks: the address that it came
// to, then the ids that it answers. One mark of an aside is enough to keep the mail
// from the customer, whatever else it bears.
func (d *delivery) sideOf(p *Pipeline, tx store.ReadTx, number uint64) (side, error) {
	var found side
	for _, pr := range p.presented(d) {
		s, err := sideOfToken(tx, pr.Token, number)
		if err != nil {
			return found, err
		}
		if s.aside != 0 {
			return s, nil
		}
		if found.none() {
			found = s
		}
	}
	for _, id := range d.answered() {
		n, seq, err := store.ByMessageID(tx, clip(id))
		if errors.Is(err, store.ErrNotFound) || err == nil && n != number {
			continue
		}
		if err != nil {
			return found, err
		}
		m, err := store.GetMessage(tx, n, seq)
		if err != nil {
			return found, err
		}
		if m.Aside != 0 {
			return side{aside: m.Aside}, nil
		}
	}
	return found, nil
}

// sideOfToken is the aside that a token bears, as it is numbered in a ticket: in a
// merged one it had another number.
func sideOfToken(tx store.ReadTx, tok addr.Token, number uint64) (side, error) {
	switch {
	case tok.Kind == addr.KindParticipant, tok.Kind == addr.KindThread && tok.Item != 0:
	default:
		return side{}, nil
	}
	s := side{aside: tok.Item}
	if tok.Item == 0 {
		s.observer = tok.Person.N
	}
	for n := tok.Ticket; n != number; {
		t, err := store.GetTicket(tx, n)
		if errors.Is(err, store.ErrNotFound) || err == nil && t.MergedInto == 0 {
			return side{}, nil // of another ticket
		}
		if err != nil {
			return side{}, err
		}
		if s = (side{aside: t.MovedAsides[s.aside], observer: t.MovedPeople[s.observer]}); s.none() {
			s.observer = nobody // it was not the customer's before, and is not now
		}
		n = t.MergedInto
	}
	return s, nil
}

// aloof says whether somebody has to do with a ticket without being on the
// customer's side: what such a person writes, the customer is not shown.
func aloof(p *ticket.Participant) bool {
	return p != nil && (p.Relation == ticket.Expert || p.Relation == ticket.Approver || p.Relation == ticket.Observer)
}

// latestAside is the last aside that somebody is in, 0 for none.
func latestAside(t *ticket.Ticket, p *ticket.Participant) uint64 {
	for _, a := range slices.Backward(t.Asides) {
		if slices.Contains(a.With, p.ID) {
			return a.ID
		}
	}
	return 0
}

// inAside says whether an address is of somebody whom the aside is with. Who
// left the copy list still answers what was asked.
func inAside(t *ticket.Ticket, a *ticket.Aside, who addr.Address) bool {
	return slices.ContainsFunc(a.With, func(id uint64) bool {
		p := t.Participant(id)
		return p != nil && !p.Address.IsZero() && (p.Address.Key() == who.Key() || !p.ReplyTo.IsZero() && p.ReplyTo.Key() == who.Key())
	})
}

// continued is the aside that an agent's mail goes on with: the one whose
// address it was sent to, else the one whose mail it answers.
func (out *outbound) continued() (*ticket.Aside, error) {
	if out.t == nil {
		return nil, nil
	}
	if to, other, err := out.sideAddressed(); err != nil || to != nil || other {
		return to, err
	}
	seq, err := out.answeredMessage()
	if err != nil || seq == 0 {
		return nil, err
	}
	m, err := store.GetMessage(out.tx, out.t.Number, seq)
	return out.t.Aside(m.Aside), err
}

// sideAddressed is the aside among the recipients; other says that another
// address of the ticket is, which means its own purpose.
func (out *outbound) sideAddressed() (a *ticket.Aside, other bool, err error) {
	for _, t := range out.targets {
		if t.token == nil || !out.ownsToken(*t.token) {
			continue
		}
		s, err := sideOfToken(out.tx, *t.token, out.t.Number)
		if err != nil || s.aside != 0 {
			return out.t.Aside(s.aside), false, err
		}
		other = other || t.token.Kind == addr.KindTicket
	}
	return nil, other, nil
}

func (out *outbound) ownsToken(t addr.Token) bool {
	a := out.w.agentOf(t)
	return a != nil && a.ID == out.agent.ID
}

// sideEvidence marks the evidence that leads into an aside, or comes from someone
// who is in one: such a mail opens no ticket again, and no new one follows it.
func (d *delivery) sideEvidence(p *Pipeline, tx store.ReadTx, list []rules.Evidence) error {
	known := map[uint64]bool{}
	for i := range list {
		number := list[i].Ticket
		beside, ok := known[number]
		if !ok {
			var err error
			if beside, err = d.leadsAside(p, tx, number); err != nil {
				return err
			}
			known[number] = beside
		}
		list[i].Aside = beside
	}
	return nil
}

func (d *delivery) leadsAside(p *Pipeline, tx store.ReadTx, number uint64) (bool, error) {
	t, err := store.LiveTicket(tx, number)
	if errors.Is(err, store.ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	s, err := d.sideOf(p, tx, t.Number)
	return !s.none() || aloof(t.Who(d.author.Address)), err
}
