package pipeline

import (
	"strconv"
	"time"

	"postdesk/internal/compose"
	"postdesk/internal/ticket"
	"postdesk/store"
)

// remindAgents sends the reminders of a ticket that are due. Each goes once: that
// it went is in the same commit.
func (p *Pipeline) remindAgents(tx store.Tx, w *world, t *ticket.Ticket, now time.Time) (reminded int, err error) {
	list, err := store.OpenActivities(tx, t)
	if err != nil {
		return 0, err
	}
	for _, a := range list {
		if a.Due.IsZero() || a.Due.After(now) {
			continue
		}
		if err := p.remind(tx, w, t, a, now); err != nil {
			return reminded, err
		}
		reminded++
	}
	return reminded, nil
}

func (p *Pipeline) remind(tx store.Tx, w *world, t *ticket.Ticket, a *store.Activity, now time.Time) error {
	readers, err := p.remindedAgents(tx, w, t, a, now)
	if err != nil {
		return err
	}
	due := a.Due
	if !a.Day {
		due = a.Start
	}
	for _, id := range readers {
		n := notice{kind: compose.NoticeActivity, agent: w.agents[id], t: t, at: now,
			data: compose.NoticeData{Title: a.Title, Text: w.activityText(t), Until: due.In(zoneOf(w.teamOf(t))), Closest: reminderForms(w.teamOf(t).Language, a)}}
		if err := p.notify(tx, w, n); err != nil {
			return err
		}
		a.Sent(t.Number, t.Outgoing)
	}
	a.Due = time.Time{}
	e := ticket.Event{At: now, By: ticket.System, What: ticket.Due, Data: map[string]string{"activity": strconv.FormatUint(a.N, 10)}}
	if err := store.AddEvent(tx, t, e); err != nil {
		return err
	}
	return store.PutActivity(tx, t.Number, a)
}

// reminderForms are what a reminder's links say: done, and tomorrow again. They
// name the activity, since a link may lose what it answers.
func reminderForms(lang string, a *store.Activity) []string {
	n := strconv.FormatUint(a.N, 10)
	return []string{planWords(lang, "formDone") + " " + n, planWords(lang, "formLater") + " " + a.Title}
}

// remindedAgents are whose activity it is; when that one is away or gone, those on
// duty too.
func (p *Pipeline) remindedAgents(tx store.Tx, w *world, t *ticket.Ticket, a *store.Activity, now time.Time) ([]string, error) {
	there, err := available(tx, w.present([]string{a.Agent}), now)
	if err != nil || len(there) > 0 {
		return there, err
	}
	all, _, err := w.onDuty(tx, t, now)
	return w.present(append([]string{a.Agent}, all...)), err
}
