package pipeline

import (
	"time"

	"postdesk/internal/config"
	"postdesk/internal/ticket"
	"postdesk/rules"
	"postdesk/store"
)

// aheadSlack is how far a moment of a ticket may lie ahead of the clock before it
// is taken for one that a wrong clock wrote.
const aheadSlack = time.Hour

// lookAgain is when a ticket is looked at again whose timer had to wait.
const lookAgain = time.Minute

// timerFacts is what the timers of a ticket depend on.
func (w *world) timerFacts(t *ticket.Ticket) rules.TimerFacts {
	f := rules.TimerFacts{
		Since: t.TurnSince, Asked: t.Created, Replied: !t.FirstReply.IsZero(), Told: t.ToldAt, Late: t.OverdueAt, Reminded: t.RemindedAt,
		Writable: mayHear(w.teamOf(t), t),
	}
	if f.Since.IsZero() {
		f.Since = t.Created
	}
	if t.PromisedAt.After(f.Asked) {
		f.Asked = t.PromisedAt
	}
	if t.PromisedAt.After(f.Told) {
		f.Told = t.PromisedAt
	}
	switch {
	case t.Erased || t.MergedInto != 0: // it lives and goes with the ticket that it is in
	case t.Status == ticket.Closed:
		f.Stand, f.Since = rules.StandClosed, t.ClosedAt
	case t.Status == ticket.Solved:
		f.Stand, f.Since = rules.StandSolved, t.SolvedAt
	case t.Turn() == ticket.TurnDesk:
		f.Stand = rules.StandDesk
	case t.Turn() == ticket.TurnCustomer:
		f.Stand = rules.StandCustomer
	}
	return f
}

// mayHear says whether timers may write to the customer: somebody of us has, or
// the acknowledgement was allowed and the team wants automatic mail. Whoever got
// none, a robot, a list, a forged sender, gets nothing later either.
func mayHear(team *config.Team, t *ticket.Ticket) bool {
	if t.Suspect || t.MergedInto != 0 || t.Erased || t.Requester() == nil {
		return false
	}
	return !t.FirstReply.IsZero() || !t.ToldAt.IsZero() || t.Acknowledged && team.Acknowledge
}

func (w *world) delays(t *ticket.Ticket) rules.TimerDelays {
	return rules.DelaysOf(w.teamOf(t), w.cfg.Tickets.KeepClosed)
}

// nextTimer is when the ticket is to be looked at again; was may hold an
// earlier moment.
func (w *world) nextTimer(t *ticket.Ticket, was store.Timer) store.Timer {
	what, at := rules.Timer(w.timerFacts(t), w.delays(t))
	if what != "" && (was.At.IsZero() || at.Before(was.At)) {
		was.At = at.UTC()
	}
	return was
}

// backToNow corrects the moments of a ticket that a clock far ahead wrote: else
// its timers would come as late as the clock was early.
func backToNow(t *ticket.Ticket, now time.Time) (changed bool) {
	for _, at := range []*time.Time{&t.Created, &t.TurnSince, &t.ToldAt, &t.PromisedAt, &t.HoldingAt, &t.RemindedAt, &t.OverdueAt, &t.SolvedAt, &t.ClosedAt} {
		if at.After(now.Add(aheadSlack)) {
			*at, changed = now, true
		}
	}
	return changed
}

// overtake drops what timers wrote and what has not left yet, when an answer or
// the customer was faster. The timer that it returns has what may still wait; its
// moment is set when a mail that was overtaken is just being sent: should the
// other server put it off, it is dropped then.
func (p *Pipeline) overtake(tx store.Tx, t *ticket.Ticket, now time.Time) (store.Timer, error) {
	timer, err := store.GetTimer(tx, t.Number)
	if err != nil {
		return timer, err
	}
	next := store.Timer{Letters: timer.Letters}
	for _, item := range timer.Letters {
		var rows []store.Outgoing
		err := store.SentAs(tx, t.Number, item, func(row store.Outgoing) error {
			if t.ToldAt.After(row.Created) || t.TurnSince.After(row.Created) {
				rows = append(rows, row)
			}
			return nil
		})
		if err != nil {
			return timer, err
		}
		sending, err := dropRows(tx, t, rows, now)
		if err != nil {
			return timer, err
		}
		if sending {
			next.At = now.Add(lookAgain)
		}
	}
	return next, nil
}

// dropRows drops those rows that wait, and says whether one is under way.
func dropRows(tx store.Tx, t *ticket.Ticket, rows []store.Outgoing, now time.Time) (sending bool, err error) {
	dropped := false
	for _, row := range rows {
		sending = sending || row.State == store.Sending
		if row.State != store.Ready && row.State != store.Held {
			continue
		}
		row.State, row.Reason, row.Done = store.Dropped, overtaken, now
		if err := store.PutOutgoing(tx, row); err != nil {
			return false, err
		}
		if dropped {
			continue
		}
		dropped = true
		e := ticket.Event{At: now, By: ticket.System, What: ticket.DroppedMail, Message: row.Message,
			Data: map[string]string{"purpose": string(row.Purpose), "to": row.To.String(), "why": overtaken}}
		if err := store.AddEvent(tx, t, e); err != nil {
			return false, err
		}
	}
	return sending, nil
}

// overtaken is why a timer's mail that waited was dropped.
const overtaken = "overtaken by the conversation"
