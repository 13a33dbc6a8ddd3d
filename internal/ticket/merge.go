package ticket

import (
	"maps"
	"slices"
	"time"

	"postdesk/internal/addr"
)

// Absorb takes into t all that another ticket knows beside its messages and
// its history: people, asides, observers, tags, fields. What both have is t's.
// Afterwards MovedPeople and MovedAsides of the other say which numbers its
// people and asides have here. Status and assignee are the caller's, see
// Together.
func (t *Ticket) Absorb(o *Ticket) {
	t.absorbPeople(o)
	t.absorbAsides(o)
	for _, id := range o.Observers {
		t.Observers = add(t.Observers, id)
	}
	for _, id := range o.Writers {
		t.Writers = add(t.Writers, id)
	}
	for _, tag := range o.Tags {
		if len(t.Tags) < maxTags {
			t.Tags = add(t.Tags, tag)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(o.Fields)) {
		if t.Fields[name] == "" {
			t.setField(name, o.Fields[name])
		}
	}
	if t.Category == "" {
		t.Category = o.Category
	}
	if slices.Index(Priorities(), o.Priority) > slices.Index(Priorities(), t.Priority) {
		t.Priority = o.Priority
	}
	t.Merged = append(append(t.Merged, o.Number), o.Merged...)
	t.Minutes, o.Minutes = t.Minutes+o.Minutes, 0 // counted once
	t.absorbLinks(o)
	t.absorbTimes(o)
}

// absorbPeople joins who takes part in the other ticket, and notes the numbers.
// Someone who is in both stays what he is in t, and out of it who was sent away
// from it.
func (t *Ticket) absorbPeople(o *Ticket) {
	o.MovedPeople = map[uint64]uint64{}
	for _, p := range o.Participants {
		was := p.ID
		if p.Address.IsZero() {
			continue // erased
		}
		if here := t.everIn(p.Address); here != nil {
			o.MovedPeople[was] = here.ID
			continue
		}
		if p.Removed {
			continue
		}
		if p.Relation == Requester && t.Requester() != nil {
			p.Relation = Copied
		}
		t.join(&p)
		o.MovedPeople[was] = p.ID
	}
	if r, from := t.Requester(), o.Requester(); r != nil && from != nil && r.Address.Key() == from.Address.Key() && t.Number < o.Number && !from.ReplyTo.IsZero() {
		r.ReplyTo = from.ReplyTo // of the later mail
	}
}

// everIn is the participant with an address, also one who is gone.
func (t *Ticket) everIn(a addr.Address) *Participant {
	if p := t.Who(a); p != nil {
		return p
	}
	i := slices.IndexFunc(t.Participants, func(p Participant) bool { return p.Address.Key() == a.Key() })
	if i < 0 {
		return nil
	}
	return &t.Participants[i]
}

func (t *Ticket) absorbAsides(o *Ticket) {
	o.MovedAsides = map[uint64]uint64{}
	for _, a := range o.Asides {
		was := a.ID
		a.ID = uint64(len(t.Asides)) + 1
		with := a.With
		a.With = nil
		for _, p := range with {
			if here := o.MovedPeople[p]; here != 0 {
				a.With = append(a.With, here)
			}
		}
		t.Asides = append(t.Asides, a)
		o.MovedAsides[was] = a.ID
	}
}

func (t *Ticket) absorbLinks(o *Ticket) {
	for _, n := range o.Linked {
		if n != t.Number && !slices.Contains(t.Linked, n) {
			t.Linked = append(t.Linked, n)
		}
	}
	t.Linked = slices.DeleteFunc(t.Linked, func(n uint64) bool { return n == o.Number })
	for _, a := range append([]addr.Address{o.Team}, o.Teams...) {
		if a != t.Team && !slices.Contains(t.Teams, a) {
			t.Teams = append(t.Teams, a)
		}
	}
}

// absorbTimes keeps what the customer was told in either ticket as told, so
// that no timer tells it twice.
func (t *Ticket) absorbTimes(o *Ticket) {
	t.Acknowledged = t.Acknowledged || o.Acknowledged
	t.FieldsAsked = max(t.FieldsAsked, o.FieldsAsked)
	if t.FirstReply.IsZero() || !o.FirstReply.IsZero() && o.FirstReply.Before(t.FirstReply) {
		t.FirstReply = o.FirstReply
	}
	t.ToldAt, t.HoldingAt = latest(t.ToldAt, o.ToldAt), latest(t.HoldingAt, o.HoldingAt)
	t.PromisedAt = latest(t.PromisedAt, o.PromisedAt)
	t.RemindedAt, t.OverdueAt = latest(t.RemindedAt, o.RemindedAt), latest(t.OverdueAt, o.OverdueAt)
}

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// alive orders the statuses by how much there is to do, the most first.
var alive = []Status{Open, New, Hold, Pending, Solved, Closed}

// Together is the status of two tickets that become one, and since when it is
// somebody's turn: that of the one in which there is more to do. What either
// still waits for is not forgotten.
func Together(a, b *Ticket) (s Status, since time.Time) {
	s, since = a.Status, a.TurnSince
	if slices.Index(alive, b.Status) < slices.Index(alive, a.Status) {
		s, since = b.Status, b.TurnSince
	}
	if s == New && a.Status != b.Status {
		s = Open // one of the two has been answered already
	}
	if a.Turn() == b.Turn() && a.TurnSince.Before(b.TurnSince) {
		since = a.TurnSince
	} else if a.Turn() == b.Turn() {
		since = b.TurnSince
	}
	return s, since
}

// SameSide says whether two tickets may become one without anyone hearing what
// was not meant for them: it is the same customer, by address or contact, or each
// takes part in the other's already. It is not enough that one does: who names
// somebody in Cc must not get into that one's requests. A ticket without a customer has
// nobody to tell.
func SameSide(a, b *Ticket) bool {
	x, y := a.Requester(), b.Requester()
	if x == nil || y == nil {
		return true
	}
	return x.Contact != 0 && x.Contact == y.Contact || x.Address.Key() == y.Address.Key() || a.Hears(y.Address) && b.Hears(x.Address)
}

// Hears says whether an address gets what the customer of this ticket is told.
func (t *Ticket) Hears(a addr.Address) bool {
	p := t.Who(a)
	return p != nil && (p.Relation == Requester || p.Relation == Copied)
}
