package pipeline

import (
	"slices"
	"time"

	"postdesk/internal/ticket"
	"postdesk/store"
)

// absentees are the agents who are away at a moment, by id.
func absentees(tx store.ReadTx, now time.Time) (map[string]store.Absence, error) {
	away := map[string]store.Absence{}
	err := store.Absences(tx, func(id string, a store.Absence) error {
		if a.At(now) {
			away[id] = a
		}
		return nil
	})
	return away, err
}

// available leaves out of a list of agents those who are away.
func available(tx store.ReadTx, ids []string, now time.Time) ([]string, error) {
	var list []string
	for _, id := range ids {
		a, _, err := store.GetAbsence(tx, id)
		if err != nil {
			return nil, err
		}
		if !a.At(now) {
			list = append(list, id)
		}
	}
	return list, nil
}

// reachable is available, or the whole list when all of it are away: a mail that
// nobody gets now must not be one that nobody ever gets.
func reachable(tx store.ReadTx, ids []string, now time.Time) ([]string, error) {
	list, err := available(tx, ids, now)
	if err == nil && len(list) == 0 {
		return ids, nil
	}
	return list, err
}

// onDuty are the agents who get what is new in a ticket: its agent, or those of
// the team who are there. When all of them are away the supervisors are asked
// to look (review) beside them, so that nothing waits for the end of a holiday.
func (w *world) onDuty(tx store.ReadTx, t *ticket.Ticket, now time.Time) (all, review []string, err error) {
	team := w.teamOf(t)
	all = w.crew(team)
	if w.agents[t.Assignee] != nil {
		all = []string{t.Assignee}
	}
	there, err := available(tx, all, now)
	if err != nil || len(there) > 0 {
		return there, nil, err
	}
	if review, err = reachable(tx, w.supervisors(team), now); err != nil {
		return nil, nil, err
	}
	if w.agents[t.Assignee] != nil && len(review) == 0 {
		review = slices.DeleteFunc(w.crew(team), func(id string) bool { return id == t.Assignee })
	}
	return w.present(slices.Concat(all, review)), review, nil
}

// writerOrNext is the agent who wrote something, when that one is there, and
// else who looks after the ticket; the writer too, who may come back.
func (w *world) writerOrNext(tx store.ReadTx, t *ticket.Ticket, writer string, now time.Time) ([]string, error) {
	there, err := available(tx, w.present([]string{writer}), now)
	if err != nil || len(there) > 0 {
		return there, err
	}
	duty, _, err := w.onDuty(tx, t, now)
	return w.present(append([]string{writer}, duty...)), err
}

// noteReaders are the agents who get this agent's note. Where it is for the
// whole team, those who are away are left alone. An observer's mail to a colleague goes
// there too, once.
func (out *outbound) noteReaders() ([]string, error) {
	crew, err := reachable(out.tx, out.w.crew(out.team), out.at)
	readers := out.t.NoteReaders(out.agent.ID, crew)
	if out.observes() {
		readers = append(readers, out.people.colleagues...)
	}
	return out.w.present(readers), err
}
