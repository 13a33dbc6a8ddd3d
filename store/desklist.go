package store

import (
	"fmt"

	"postdesk/internal/addr"
	"postdesk/internal/ticket"
)

// maxListed is how many rows of a view are counted for one answer: a desk with
// more than that in one state is told that there are more.
const maxListed = 20_000

// Oldest calls fn for the tickets of a team and status, those that nothing
// happened to for longest first, at most limit of them; with nobody only those
// that are assigned to nobody. total is how many there are, counted up to
// maxListed.
func Oldest(tx ReadTx, team addr.Address, status ticket.Status, nobody bool, limit int, fn func(*ticket.Ticket) error) (total int, err error) {
	lo, hi := within(key(indexView, team.Key(), string(status)))
	err = tx.Scan(lo, hi, maxListed, false, func(_, v []byte) error {
		var r row
		if err := decode(v, &r); err != nil {
			return err
		}
		if nobody && r.Assignee != "" {
			return nil
		}
		if total++; total > limit {
			return nil
		}
		t, err := GetTicket(tx, r.Number)
		if err != nil {
			return fmt.Errorf("ticket %d is listed and missing: %w", r.Number, err)
		}
		return fn(t)
	})
	return total, err
}

// InHand calls fn for the tickets of an agent that are not solved, by number,
// at most limit of them. total is how many there are.
func InHand(tx ReadTx, agent string, limit int, fn func(*ticket.Ticket) error) (total int, err error) {
	lo, hi := within(key(indexAssignee, agent))
	err = tx.Scan(lo, hi, maxListed, false, func(k, _ []byte) error {
		if total++; total > limit {
			return nil
		}
		t, err := GetTicket(tx, lastUint(k))
		if err != nil {
			return fmt.Errorf("ticket %d is listed and missing: %w", lastUint(k), err)
		}
		return fn(t)
	})
	return total, err
}

// LatestRequests calls fn for the tickets that a contact asked in, the latest
// number first, at most limit of them.
func LatestRequests(tx ReadTx, contact uint64, limit int, fn func(*ticket.Ticket) error) error {
	lo, hi := within(key(indexRequester, contact))
	return tx.Scan(lo, hi, limit, true, func(k, _ []byte) error {
		t, err := GetTicket(tx, lastUint(k))
		if err != nil {
			return fmt.Errorf("ticket %d is listed and missing: %w", lastUint(k), err)
		}
		return fn(t)
	})
}
