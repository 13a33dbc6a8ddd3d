package store

import (
	"errors"
	"fmt"
	"slices"

	"postdesk/internal/ticket"
)

// row is what a filter looks at beside team and status, so that a ticket that
// does not match need not be read.
type row struct {
	Number   uint64
	Assignee string `json:",omitempty"`
}

// NewTicket gives the ticket its number, first for the very first one. The
// caller saves it.
func NewTicket(tx Tx, first uint64) (*ticket.Ticket, error) {
	n, err := next(tx, "ticket", first)
	if err != nil {
		return nil, err
	}
	return &ticket.Ticket{Number: n}, nil
}

// GetTicket reads a ticket, or ErrNotFound.
func GetTicket(tx ReadTx, number uint64) (*ticket.Ticket, error) {
	t := new(ticket.Ticket)
	if err := get(tx, key(tableTicket, number), t); err != nil {
		return nil, err
	}
	return t, nil
}

// SaveTicket writes a ticket and its indexes.
func SaveTicket(tx Tx, t *ticket.Ticket) error {
	old, err := GetTicket(tx, t.Number)
	if err != nil && !errors.Is(err, ErrNotFound) {
		return err
	}
	if old != nil {
		if err := tx.Delete(viewKey(old)); err != nil {
			return err
		}
	}
	if err := reassign(tx, old, t); err != nil {
		return err
	}
	if err := retally(tx, old, t); err != nil {
		return err
	}
	if err := put(tx, viewKey(t), row{Number: t.Number, Assignee: t.Assignee}); err != nil {
		return err
	}
	return put(tx, key(tableTicket, t.Number), t)
}

func viewKey(t *ticket.Ticket) []byte {
	return key(indexView, t.Team.Key(), string(t.Status), t.Updated, t.Number)
}

// reassign keeps the index of what each agent has in hand.
func reassign(tx Tx, old, t *ticket.Ticket) error {
	if old != nil && old.Assignee != "" && old.Assignee != t.Assignee {
		if err := tx.Delete(key(indexAssignee, old.Assignee, old.Number)); err != nil {
			return err
		}
	}
	if t.Assignee == "" {
		return nil
	}
	k := key(indexAssignee, t.Assignee, t.Number)
	if t.Turn() == ticket.TurnNobody {
		return tx.Delete(k)
	}
	return tx.Set(k, []byte(t.Status))
}

func retally(tx Tx, old, t *ticket.Ticket) error {
	if old != nil {
		if old.Team == t.Team && old.Status == t.Status {
			return nil
		}
		if err := tally(tx, -1, "tickets/"+old.Team.String(), string(old.Status)); err != nil {
			return err
		}
	}
	return tally(tx, 1, "tickets/"+t.Team.String(), string(t.Status))
}

// maxCounted is where CountInHand ends: whoever has so many has too many.
const maxCounted = 1000

// CountInHand says how many tickets that are not solved an agent has, up to 1000:
// each new request asks it of every agent of a team.
func CountInHand(tx ReadTx, agent string) (int, error) {
	n := 0
	lo, hi := within(key(indexAssignee, agent))
	err := tx.Scan(lo, hi, maxCounted, false, func(_, _ []byte) error { n++; return nil })
	return n, err
}

// AddEvent applies an event to the ticket and writes it to the history. The
// caller saves the ticket.
func AddEvent(tx Tx, t *ticket.Ticket, e ticket.Event) error {
	t.Apply(&e)
	if e.What == ticket.TimeSpent {
		if err := tx.Set(key(indexTime, e.At, t.Number, e.Seq), []byte{}); err != nil {
			return err
		}
	}
	return put(tx, key(tableEvent, t.Number, e.Seq), e)
}

// Events calls fn for the history of a ticket, the oldest first.
func Events(tx ReadTx, number uint64, fn func(ticket.Event) error) error {
	lo, hi := within(key(tableEvent, number))
	return tx.Scan(lo, hi, 0, false, func(_, v []byte) error {
		var e ticket.Event
		if err := decode(v, &e); err != nil {
			return err
		}
		return fn(e)
	})
}

// AddMessage numbers a message and writes it, findable by its Message-ID. The
// first message that bears an id keeps it. The caller saves the ticket.
func AddMessage(tx Tx, t *ticket.Ticket, m *ticket.Message) error {
	t.Messages++
	m.Seq = t.Messages
	if err := putMessage(tx, t.Number, m); err != nil {
		return err
	}
	return IndexMessageID(tx, m.MessageID, t.Number, m.Seq)
}

// IndexMessageID makes a message findable by one more Message-ID.
func IndexMessageID(tx Tx, id string, number, seq uint64) error {
	if id == "" {
		return nil
	}
	v, err := encode([2]uint64{number, seq})
	if err != nil {
		return err
	}
	if err := tx.Insert(key(indexMessageID, id), v); err != nil && !errors.Is(err, ErrExists) {
		return err
	}
	return nil
}

// ByMessageID finds the ticket and the message that a Message-ID (without its
// brackets) belongs to, where that is now, or ErrNotFound.
func ByMessageID(tx ReadTx, id string) (number, seq uint64, err error) {
	trail, err := TrailOf(tx, id)
	if err != nil {
		return 0, 0, err
	}
	p := trail[len(trail)-1]
	return p.Ticket, p.Message, nil
}

// TrailOf is Trail of the message that a Message-ID belongs to.
func TrailOf(tx ReadTx, id string) ([]ticket.Place, error) {
	var v [2]uint64
	if err := get(tx, key(indexMessageID, id), &v); err != nil {
		return nil, err
	}
	return Trail(tx, ticket.Place{Ticket: v[0], Message: v[1]})
}

// PutMessage writes a message that AddMessage numbered.
func PutMessage(tx Tx, number uint64, m ticket.Message) error {
	return putMessage(tx, number, &m)
}

// GetMessage reads one message of a ticket, or ErrNotFound. One that was moved
// to another ticket has only the mark where it is, see FindMessage.
func GetMessage(tx ReadTx, number, seq uint64) (ticket.Message, error) {
	var m ticket.Message
	b, err := tx.Get(key(tableMessage, number, seq))
	if err == nil {
		err = decodeMessage(b, &m)
	}
	return m, err
}

// Messages calls fn for the messages of a ticket, the oldest first. What moved to
// another ticket is that one's.
func Messages(tx ReadTx, number uint64, fn func(ticket.Message) error) error {
	return scanMessages(tx, number, 0, false, fn)
}

// LatestMessages calls fn for at most limit messages of a ticket, the latest
// first.
func LatestMessages(tx ReadTx, number uint64, limit int, fn func(ticket.Message) error) error {
	return scanMessages(tx, number, limit, true, fn)
}

// scanMessages reads messages by number, and those of a ticket that others were
// merged into by time: what came with them has the later numbers.
func scanMessages(tx ReadTx, number uint64, limit int, latest bool, fn func(ticket.Message) error) error {
	t, err := GetTicket(tx, number)
	if errors.Is(err, ErrNotFound) {
		t, err = new(ticket.Ticket), nil // not saved yet
	}
	if err != nil {
		return err
	}
	var list []ticket.Message
	lo, hi := within(key(tableMessage, number))
	err = tx.Scan(lo, hi, limit, latest, func(_, v []byte) error {
		var m ticket.Message
		if err := decodeMessage(v, &m); err != nil || m.Moved != nil {
			return err
		}
		if len(t.Merged) == 0 {
			return fn(m)
		}
		list = append(list, m)
		return nil
	})
	slices.SortStableFunc(list, func(a, b ticket.Message) int {
		if latest {
			a, b = b, a
		}
		return a.At.Compare(b.At)
	})
	for _, m := range list {
		if err == nil {
			err = fn(m)
		}
	}
	return err
}

// Filter chooses tickets; an empty field means any.
type Filter struct {
	Team     string // address
	Status   ticket.Status
	Assignee string // id, or "none"
}

// ListTickets calls fn for the tickets that match, those of one team and status
// together, the latest change first.
func ListTickets(tx ReadTx, f Filter, fn func(*ticket.Ticket) error) error {
	if f.Team != "" || f.Status == "" {
		return listView(tx, f, fn)
	}
	teams, err := teamsListed(tx)
	for i := 0; i < len(teams) && err == nil; i++ {
		f.Team = teams[i]
		err = listView(tx, f, fn)
	}
	return err
}

// teamsListed are the teams that have tickets. It reads one of each: a status is
// asked for team by team, past all that have another one.
func teamsListed(tx ReadTx) (teams []string, err error) {
	lo, hi := within(key(indexView))
	for {
		team := ""
		err := tx.Scan(lo, hi, 1, true, func(_, v []byte) error {
			var r row
			if err := decode(v, &r); err != nil {
				return err
			}
			t, err := GetTicket(tx, r.Number)
			if err != nil {
				return fmt.Errorf("ticket %d is listed and missing: %w", r.Number, err)
			}
			team = t.Team.Key()
			return nil
		})
		if err != nil || team == "" {
			return teams, err
		}
		teams = append(teams, team)
		hi, _ = within(key(indexView, team))
	}
}

func listView(tx ReadTx, f Filter, fn func(*ticket.Ticket) error) error {
	prefix := key(indexView)
	if f.Team != "" {
		prefix = key(indexView, f.Team)
		if f.Status != "" {
			prefix = key(indexView, f.Team, string(f.Status))
		}
	}
	lo, hi := within(prefix)
	return tx.Scan(lo, hi, 0, true, func(k, v []byte) error {
		var r row
		if err := decode(v, &r); err != nil {
			return err
		}
		if f.Assignee != "" && f.Assignee != r.Assignee && (f.Assignee != "none" || r.Assignee != "") {
			return nil
		}
		t, err := GetTicket(tx, r.Number)
		if err != nil {
			return fmt.Errorf("ticket %d is listed and missing: %w", r.Number, err)
		}
		if f.Status != "" && f.Status != t.Status {
			return nil
		}
		return fn(t)
	})
}
