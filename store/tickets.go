package store

import (
	"errors"
	"fmt"

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

// CountInHand says how many tickets that are not solved an agent has.
func CountInHand(tx ReadTx, agent string) (int, error) {
	n := 0
	lo, hi := within(key(indexAssignee, agent))
	err := tx.Scan(lo, hi, 0, false, func(_, _ []byte) error { n++; return nil })
	return n, err
}

// AddEvent applies an event to the ticket and writes it to the history. The
// caller saves the ticket.
func AddEvent(tx Tx, t *ticket.Ticket, e ticket.Event) error {
	t.Apply(&e)
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
	if err := put(tx, key(tableMessage, t.Number, m.Seq), m); err != nil {
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
// brackets) belongs to, or ErrNotFound.
func ByMessageID(tx ReadTx, id string) (number, seq uint64, err error) {
	var v [2]uint64
	err = get(tx, key(indexMessageID, id), &v)
	return v[0], v[1], err
}

// PutMessage writes a message that AddMessage numbered.
func PutMessage(tx Tx, number uint64, m ticket.Message) error {
	return put(tx, key(tableMessage, number, m.Seq), m)
}

// GetMessage reads one message of a ticket, or ErrNotFound.
func GetMessage(tx ReadTx, number, seq uint64) (ticket.Message, error) {
	var m ticket.Message
	err := get(tx, key(tableMessage, number, seq), &m)
	return m, err
}

// Messages calls fn for the messages of a ticket, the oldest first.
func Messages(tx ReadTx, number uint64, fn func(ticket.Message) error) error {
	lo, hi := within(key(tableMessage, number))
	return tx.Scan(lo, hi, 0, false, func(_, v []byte) error {
		var m ticket.Message
		if err := decode(v, &m); err != nil {
			return err
		}
		return fn(m)
	})
}

// LatestMessages calls fn for at most limit messages of a ticket, the latest
// first.
func LatestMessages(tx ReadTx, number uint64, limit int, fn func(ticket.Message) error) error {
	lo, hi := within(key(tableMessage, number))
	return tx.Scan(lo, hi, limit, true, func(_, v []byte) error {
		var m ticket.Message
		if err := decode(v, &m); err != nil {
			return err
		}
		return fn(m)
	})
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
