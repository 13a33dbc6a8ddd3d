package pipeline

import (
	"context"
	"fmt"
	"time"

	"postdesk/internal/ticket"
	"postdesk/rules"
	"postdesk/store"
)

// BreakerReason marks the rows of the outbox that the breaker holds.
const BreakerReason = "breaker"

// breakerOpen: too much was written on strangers' words. The desk writes nothing
// more by itself to people outside until an admin has looked.
func breakerOpen(tx store.ReadTx) (open bool, err error) {
	_, err = store.Window(tx, tripped, "", &open)
	return open, err
}

// countAll adds one to what the breaker looks at.
func (p *Pipeline) countAll(tx store.Tx, w *world, all *rules.Pulse) error {
	if w.cfg.Acknowledge.Breaker.N == 0 {
		return nil
	}
	at := p.steady.now()
	all.Add(at)
	return store.SetWindow(tx, capAll, "", all, at.Add(capMemory))
}

// trip opens the breaker, writes so in the ticket that was one too many, and tells
// the admin: acknowledgements wait from now on, held in the outbox, until the last of
// them is released or dropped.
func (in *inbound) trip(why string, all *rules.Pulse) error {
	if err := store.SetWindow(in.tx, tripped, "", true, time.Time{}); err != nil {
		return err
	}
	if in.t != nil { // the list of somebody's requests is of no ticket
		if err := in.event(ticket.Event{By: ticket.System, What: ticket.BreakerOpened, Data: map[string]string{"why": why}}); err != nil {
			return err
		}
	}
	return in.p.notifyPostmaster(in.tx, in.w, "Acknowledgements wait for you", breakerWords(why, all.Day(in.steady)), nil, in.at)
}

// breakerWords tell the admin why, and what to do. day is how many there were in the latest day.
func breakerWords(why string, day int) string {
	cause := "More acknowledgements than acknowledge.breaker allows were due at once."
	if why == "surge" {
		cause = fmt.Sprintf("The desk has written %d acknowledgements within a day: ten times what is usual here. A desk that is new or small may write 1,000.", day)
	}
	return cause + " It is a mail loop, a flood, or a busy day. New acknowledgements are held from now on, and holding mails, updates and reminders are not " +
		"written. No mail is lost: tickets are made, agents get their copies, and their answers leave.\n\n" +
		"What they have in common:\npostdesk ticket list --status new\n\n" +
		"If all is well, let them go; as many a day are usual from then on:\npostdesk queue release --all\n\n" +
		"If not: stop the cause with a rule, then give up what is held (postdesk queue list --state held), one by one:\npostdesk queue drop ID\n\n" +
		"With the last one that is held, released or dropped, acknowledgements go out again."
}

// countShown counts what is shown to people outside because a stranger wrote, and
// a rule says so: a request that goes on by itself is as good a loop as an acknowledgement.
func (in *inbound) countShown() error {
	var w windows
	if _, err := store.Window(in.tx, capAll, "", &w.all); err != nil {
		return err
	}
	open, err := breakerOpen(in.tx)
	if err != nil {
		return err
	}
	why := w.all.Full(in.steady, in.w.cfg.Acknowledge.Breaker)
	if in.waits = open || why != ""; in.waits && !open {
		if err := in.trip(why, &w.all); err != nil {
			return err
		}
	}
	for range observersOutside(in.t) {
		if err := in.p.countAll(in.tx, in.w, &w.all); err != nil {
			return err
		}
	}
	return nil
}

// CloseBreaker lets the desk write by itself again. allowed says that what was held
// has gone out: as many on a day are usual from now on.
func (p *Pipeline) CloseBreaker(ctx context.Context, allowed bool) error {
	return p.store.Update(ctx, func(tx store.Tx) error {
		open, err := breakerOpen(tx)
		if err != nil || !open {
			return err
		}
		if err := store.SetWindow(tx, tripped, "", false, time.Time{}); err != nil {
			return err
		}
		var all rules.Pulse
		now := p.steady.now()
		if _, err := store.Window(tx, capAll, "", &all); err != nil {
			return err
		}
		all.Begin(now, allowed)
		return store.SetWindow(tx, capAll, "", &all, now.Add(capMemory))
	})
}
