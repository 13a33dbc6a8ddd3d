package pipeline

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"postdesk/internal/addr"
	"postdesk/internal/compose"
	"postdesk/internal/message"
	"postdesk/internal/ticket"
	"postdesk/rules"
	"postdesk/store"
)

// ByAdmin is the actor of what is done on the command line. Its ID is the
// name of the user who did it.
const ByAdmin ticket.ActorKind = "admin"

// Admin is who acts for the command line.
func Admin(user string) ticket.Actor { return ticket.Actor{Kind: ByAdmin, ID: user} }

// ReleaseHeld lets a held mail go its way by an admin's word, and tells what
// became of it: the outgoing guard may hold it again.
func (p *Pipeline) ReleaseHeld(ctx context.Context, id uint64, by ticket.Actor) (decision string, err error) {
	w := p.world.Load()
	err = p.store.Update(ctx, func(tx store.Tx) error {
		h, err := store.GetHeld(tx, id)
		if err != nil {
			return err
		}
		r, err := p.Release(tx, w, h, by, p.now().UTC())
		if err == nil {
			decision = r.facts.Decision
		}
		return err
	})
	if err != nil {
		return "", fmt.Errorf("held mail %d: %w", id, err)
	}
	p.wake()
	return decision, nil
}

// DropHeld ends the waiting of a held mail: nothing goes out. Its bytes stay.
func (p *Pipeline) DropHeld(ctx context.Context, id uint64, by ticket.Actor) error {
	err := p.store.Update(ctx, func(tx store.Tx) error {
		h, err := store.DecideHeld(tx, id, store.Cancelled, p.now().UTC())
		if err != nil || h.Ticket == 0 || h.Why == holdIdentity {
			return err
		}
		return p.note(tx, h.Ticket, ticket.Event{By: by, What: ticket.DroppedMail, Data: numbered("id", id)})
	})
	if err != nil {
		return fmt.Errorf("held mail %d: %w", id, err)
	}
	return nil
}

func numbered(name string, n uint64) map[string]string {
	return map[string]string{name: strconv.FormatUint(n, 10)}
}

// note adds one event to a ticket, or to what it was merged into.
func (p *Pipeline) note(tx store.Tx, number uint64, e ticket.Event) error {
	t, err := store.LiveTicket(tx, number)
	if err != nil {
		return err
	}
	e.At = p.now().UTC()
	if err := store.AddEvent(tx, t, e); err != nil {
		return err
	}
	return p.save(tx, p.world.Load(), t)
}

// DropOutgoing gives up a mail of the outbox, and says so in its ticket.
func (p *Pipeline) DropOutgoing(ctx context.Context, id uint64, by ticket.Actor) error {
	err := p.store.Update(ctx, func(tx store.Tx) error {
		row, err := store.GetOutgoing(tx, id)
		if err != nil {
			return err
		}
		if row.State != store.Ready && row.State != store.Held && row.State != store.Failed {
			return fmt.Errorf("it is %s", row.State)
		}
		row.State, row.Reason, row.Done = store.Dropped, "by "+by.String(), p.now().UTC()
		if err := store.PutOutgoing(tx, row); err != nil || row.Ticket == 0 {
			return err
		}
		e := ticket.Event{By: by, What: ticket.DroppedMail, Message: row.Message,
			Data: map[string]string{"outbox": strconv.FormatUint(id, 10), "to": row.To.String(), "purpose": string(row.Purpose)}}
		return p.note(tx, row.Ticket, e)
	})
	if err != nil {
		return fmt.Errorf("outbox %d: %w", id, err)
	}
	return nil
}

// Welcome mails an agent the desk address and the page of commands.
func (p *Pipeline) Welcome(ctx context.Context, typed string) (addr.Address, error) {
	w := p.world.Load()
	agent := w.agents[typed]
	if a, err := addr.Parse(typed); err == nil && agent == nil {
		agent = w.byAddress[a.Key()]
	}
	if agent == nil {
		return addr.Address{}, fmt.Errorf("no agent is called %q in the configuration", typed)
	}
	err := p.store.Update(ctx, func(tx store.Tx) error {
		return p.notify(tx, w, notice{kind: compose.NoticeWelcome, agent: agent, at: p.now().UTC()})
	})
	if err != nil {
		return addr.Address{}, fmt.Errorf("welcome %s: %w", agent.ID, err)
	}
	p.wake()
	return agent.Address, nil
}

// Change is one key=value of an admin.
type Change struct{ Key, Value string }

// SetTicket changes a ticket as an admin says: all changes or none. Keys are
// status, assignee, team, priority, category, tag, subject, language and
// field.<name>. A new assignee, and the agents of a new team, get the
// customer's latest mail; the customer is told nothing.
func (p *Pipeline) SetTicket(ctx context.Context, number uint64, changes []Change, by ticket.Actor) error {
	w, now := p.world.Load(), p.now().UTC()
	var long took
	err := p.store.Update(ctx, func(tx store.Tx) error {
		t, err := store.GetTicket(tx, number)
		if err != nil {
			return err
		}
		if t.MergedInto != 0 {
			return fmt.Errorf("it was merged into ticket %d, which is the one to change", t.MergedInto)
		}
		assignee, team := t.Assignee, t.Team
		for _, c := range changes {
			e, err := w.changeEvent(c)
			if err != nil {
				return err
			}
			e.At, e.By = now, by
			if (e.What == ticket.Tagged || e.What == ticket.FieldSet && e.Data["value"] != "") && t.Full() {
				return fmt.Errorf("%s: the ticket is full: take fields away first", c.Key)
			}
			if err := store.AddEvent(tx, t, e); err != nil {
				return err
			}
		}
		long = w.took(t, now)
		if err := p.newHands(tx, w, t, assignee, team, by); err != nil {
			return err
		}
		return p.save(tx, w, t)
	})
	if err != nil {
		return fmt.Errorf("ticket %d: %w", number, err)
	}
	p.measure(long)
	p.wake()
	return nil
}

// changeEvent checks a change and makes it an event.
func (w *world) changeEvent(c Change) (ticket.Event, error) {
	field, isField := strings.CutPrefix(c.Key, "field.")
	switch {
	case isField && (len(field) > maxFieldName || message.Clean(c.Value, rules.MaxFieldValue) != c.Value):
		return ticket.Event{}, fmt.Errorf("%s: the name or the value is too long, or has control characters", c.Key)
	case isField && field != "":
		return ticket.Event{What: ticket.FieldSet, Data: map[string]string{"name": field, "value": c.Value}}, nil
	case c.Key == "status":
		return oneOf(ticket.StatusChanged, c, ticket.Statuses())
	case c.Key == "priority":
		return oneOf(ticket.Prioritised, c, ticket.Priorities())
	case c.Key == "assignee":
		id, ok := w.FindAgent(c.Value)
		if c.Value == "" || c.Value == "none" {
			id, ok = "", true
		}
		if !ok {
			return ticket.Event{}, fmt.Errorf("assignee: no agent who may be assigned is called %q; none is nobody", c.Value)
		}
		return ticket.Event{What: ticket.Assigned, Data: map[string]string{"agent": id, "why": "admin"}}, nil
	case c.Key == "team":
		a, err := addr.Parse(c.Value)
		if err != nil || w.team(a) == nil {
			return ticket.Event{}, fmt.Errorf("team: %q is no team's address", c.Value)
		}
		return ticket.Event{What: ticket.TeamMoved, Data: map[string]string{"team": w.team(a).Address.String()}}, nil
	}
	if c.Key == "tag" { // as in #tag +vip
		if strings.HasPrefix(c.Value, "-") {
			return ticket.Event{}, fmt.Errorf("tag: %q: a tag can't be taken away, only given", c.Value)
		}
		c.Value = strings.TrimPrefix(c.Value, "+")
	}
	plain, ok := plainChanges[c.Key]
	if !ok {
		return ticket.Event{}, fmt.Errorf("unknown key %q; want status, assignee, team, priority, category, tag, subject, language or field.<name>", c.Key)
	}
	if value := message.Clean(c.Value, 500); value != c.Value || value == "" && c.Key != "category" {
		return ticket.Event{}, fmt.Errorf("%s: %q is empty, too long or has control characters", c.Key, c.Value)
	}
	return ticket.Event{What: plain, Data: map[string]string{c.Key: c.Value}}, nil
}

// plainChanges are taken as they are; the event's data has the key's name.
var plainChanges = map[string]ticket.What{
	"category": ticket.Categorised, "tag": ticket.Tagged, "subject": ticket.SubjectSet, "language": ticket.LanguageSet,
}

func oneOf[T ~string](what ticket.What, c Change, known []T) (ticket.Event, error) {
	if slices.Contains(known, T(c.Value)) {
		return ticket.Event{What: what, Data: map[string]string{c.Key: c.Value}}, nil
	}
	return ticket.Event{}, fmt.Errorf("%s: unknown value %q; want one of %v", c.Key, c.Value, known)
}

// newHands sends the customer's latest mail to who looks after the ticket now.
// An assignee who is not of the new team loses it.
func (p *Pipeline) newHands(tx store.Tx, w *world, t *ticket.Ticket, assignee string, team addr.Address, by ticket.Actor) error {
	if t.Team != team && t.Assignee == assignee && t.Assignee != "" && !inTeam(w.teamOf(t), t.Assignee) {
		e := ticket.Event{At: p.now().UTC(), By: by, What: ticket.Assigned, Data: map[string]string{"agent": "", "why": "team"}}
		if err := store.AddEvent(tx, t, e); err != nil {
			return err
		}
	}
	if t.Team == team && (t.Assignee == assignee || t.Assignee == "") {
		return nil
	}
	c, err := latestCopy(tx, t, p.now().UTC())
	if err != nil || c == nil {
		return err
	}
	if t.Assignee != "" {
		c.readers = p.attending(w, t)
	} else if c.readers, c.review, err = w.onDuty(tx, t, c.at); err != nil {
		return err
	}
	return p.sendCopies(tx, w, *c)
}
