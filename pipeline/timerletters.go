package pipeline

import (
	"encoding/json"
	"errors"
	"strings"
	"time"

	"postdesk/internal/compose"
	"postdesk/internal/ticket"
	"postdesk/rules"
	"postdesk/store"
)

// timerLetter is a mail that a timer writes to the customer.
type timerLetter struct {
	kind compose.LetterKind
	what ticket.What
}

var (
	letterHolding  = timerLetter{compose.LetterHolding, ticket.HoldingSent}
	letterUpdate   = timerLetter{compose.LetterUpdate, ticket.UpdateSent}
	letterReminder = timerLetter{compose.LetterReminder, ticket.Reminded}
)

// refusedFor is how long a customer who could not be written to is left alone.
const refusedFor = 24 * time.Hour

// writeCustomer sends a letter and writes that it was sent.
func (f *firing) writeCustomer(l timerLetter) error {
	reached, err := f.send(l)
	if err != nil {
		return err
	}
	if reached {
		return f.finish(f.sent(l))
	}
	again := refusedFor
	if open, err := breakerOpen(f.tx); err != nil {
		return err
	} else if open {
		again = timerRetry // an admin may close it at any time
	}
	return postpone(f.tx, f.t.Number, f.at.Add(again))
}

func (f *firing) sent(l timerLetter) ticket.Event {
	return ticket.Event{What: l.what, Message: f.t.Messages}
}

// send writes the letter into the outbox; reached is false when the customer
// must not get it.
func (f *firing) send(l timerLetter) (reached bool, err error) {
	to := f.readers()
	if len(to) == 0 || !mayHear(f.w.teamOf(f.t), f.t) {
		return false, nil
	}
	if lost, err := f.lost(); err != nil || lost {
		return false, err
	}
	if to, err = f.p.underCap(f.tx, f.w, to); err != nil || len(to) == 0 {
		return false, err
	}
	err = f.p.sendLetter(f.tx, f.w, letter{kind: l.kind, t: f.t, to: to, at: f.at})
	f.letters = append(f.letters, f.t.Outgoing)
	return err == nil, err
}

// readers are those who would get an answer. Until an agent has written, only
// the requester is, at the address that wrote: somebody's Cc or Reply-To must not
// make us write to strangers by ourselves.
func (f *firing) readers() []*ticket.Participant {
	all := audience(f.t)
	if f.t.FirstReply.IsZero() && len(all) > 0 {
		return []*ticket.Participant{whence(all[0])}
	}
	return all
}

// lost: what the desk wrote by itself before did not arrive, or must not leave: the
// acknowledgement waits for an admin or was dropped, or the last letter came
// back. An agent's answer since then counts more.
func (f *firing) lost() (bool, error) {
	lost := false
	look := func(row store.Outgoing) error {
		switch row.State {
		case store.Failed:
			lost = lost || row.Done.After(f.t.FirstReply) && row.Done.After(f.t.TurnSince)
		case store.Held, store.Dropped:
			lost = lost || row.Purpose == store.PurposeAck && f.t.FirstReply.IsZero()
		}
		return nil
	}
	if err := store.SentWith(f.tx, f.t.Number, 1, func(row store.Outgoing) error {
		if row.Purpose == store.PurposeAck {
			return look(row)
		}
		return nil
	}); err != nil {
		return false, err
	}
	timer, err := store.GetTimer(f.tx, f.t.Number)
	if err != nil || len(timer.Letters) == 0 {
		return lost, err
	}
	err = store.SentAs(f.tx, f.t.Number, timer.Letters[len(timer.Letters)-1], look)
	return lost, err
}

// late is the moment at which the first answer was promised: the customer gets
// a holding mail, the supervisors a warning. Who is no person waits for nothing.
func (f *firing) late() error {
	waited, err := f.awaited()
	if err != nil {
		return err
	}
	if !waited {
		return postpone(f.tx, f.t.Number, time.Time{})
	}
	held, err := f.send(letterHolding)
	if err != nil {
		return err
	}
	told, err := f.warn(held)
	if err != nil {
		return err
	}
	events := []ticket.Event{{What: ticket.Overdue, Message: f.t.Messages, Data: map[string]string{"agents": strings.Join(told, " ")}}}
	if held {
		events = append(events, f.sent(letterHolding))
	}
	return f.finish(events...)
}

// awaited says whether somebody waits for the first answer.
func (f *firing) awaited() (bool, error) {
	if f.t.Requester() == nil || f.t.MergedInto != 0 {
		return false, nil
	}
	if f.t.Acknowledged || !f.t.ToldAt.IsZero() {
		return true, nil
	}
	m, err := store.GetMessage(f.tx, f.t.Number, 1)
	if errors.Is(err, store.ErrNotFound) || err == nil && len(m.Facts) == 0 {
		return true, nil
	}
	var facts Facts
	if err == nil {
		err = json.Unmarshal(m.Facts, &facts)
	}
	return rules.Awaited(facts.Ack.Reason), err
}

// Bounds of the warnings that supervisors get of one team: after a long stop
// they must not find a thousand.
const (
	maxWarnings = 20
	warningsFor = time.Hour
	overdueCap  = "overdue"
)

// warned counts a team's warnings since a moment.
type warned struct {
	Since time.Time
	N     int
}

// warn tells the supervisors, or, when the desk has none, those who look after
// the ticket; it returns who was told.
func (f *firing) warn(held bool) ([]string, error) {
	team := f.w.teamOf(f.t)
	readers := f.w.present(f.w.supervisors(team))
	if len(readers) == 0 {
		readers = f.w.present(f.p.attending(f.w, f.t))
	}
	n, err := f.countWarning(team.Address.Key())
	if err != nil || n > maxWarnings {
		return nil, err
	}
	for _, id := range readers {
		agent := f.w.agents[id]
		delay := compose.DelayWords(team.FirstReply, f.w.languageOf(agent, team))
		err := f.p.notify(f.tx, f.w, notice{kind: compose.NoticeOverdue, agent: agent, t: f.t, at: f.at, data: compose.NoticeData{
			Who: f.w.assigneeName(f.t), Delay: delay, Yes: held, Until: f.more(n),
		}})
		if err != nil {
			return nil, err
		}
	}
	return readers, nil
}

// more is until when no further warning comes, at the last one that does.
func (f *firing) more(n int) time.Time {
	if n < maxWarnings {
		return time.Time{}
	}
	return f.at.Add(warningsFor)
}

func (f *firing) countWarning(team string) (int, error) {
	var w warned
	if _, err := store.Window(f.tx, overdueCap, team, &w); err != nil {
		return 0, err
	}
	if f.at.Sub(w.Since).Abs() >= warningsFor {
		w = warned{Since: f.at}
	}
	w.N++
	return w.N, store.SetWindow(f.tx, overdueCap, team, w, w.Since.Add(warningsFor))
}
