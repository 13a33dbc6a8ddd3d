package store

import (
	"slices"
	"time"
)

// Absence is when an agent does not work. Each mail reads those of all agents: what is long is kept apart, see
// HandOver.
type Absence struct {
	From     time.Time
	Until    time.Time `json:",omitzero"`  // the first moment back; zero: until the agent says so
	Learned  bool      `json:",omitempty"` // from an out-of-office answer, not from the agent's own word
	Reminded bool      `json:",omitempty"` // the agent wrote meanwhile, and was told of it
}

// maxHanded is how many handed-over tickets are remembered for one absence.
const maxHanded = 200

// At says whether the agent is away at a moment. The zero Absence is none.
func (a Absence) At(now time.Time) bool {
	return !a.From.IsZero() && !now.Before(a.From) && (a.Until.IsZero() || now.Before(a.Until))
}

// Over says whether the absence has ended by itself.
func (a Absence) Over(now time.Time) bool { return !a.Until.IsZero() && !now.Before(a.Until) }

// GetAbsence reads the absence of an agent, also one that is to come or is over
// and was not taken note of; false for none.
func GetAbsence(tx ReadTx, agent string) (Absence, bool, error) {
	var a Absence
	ok, err := find(tx, key(tableAbsence, agent), &a)
	return a, ok, err
}

// SetAbsence records that an agent is, or will be, away.
func SetAbsence(tx Tx, agent string, a Absence) error { return put(tx, key(tableAbsence, agent), a) }

// EndAbsence forgets it, and what was handed over.
func EndAbsence(tx Tx, agent string) error {
	if err := tx.Delete(key(tableHanded, agent)); err != nil {
		return err
	}
	return tx.Delete(key(tableAbsence, agent))
}

// HandOver remembers a ticket that others got since its agent is away, until EndAbsence; the latest 200.
func HandOver(tx Tx, agent string, number uint64) error {
	list, err := Handed(tx, agent)
	if err != nil || slices.Contains(list, number) {
		return err
	}
	list = append(list, number)
	return put(tx, key(tableHanded, agent), list[max(0, len(list)-maxHanded):])
}

// Handed lists the tickets that were handed over during an agent's absence, the oldest first.
func Handed(tx ReadTx, agent string) (list []uint64, err error) {
	_, err = find(tx, key(tableHanded, agent), &list)
	return list, err
}

// Absences calls fn for every agent with an absence, by id.
func Absences(tx ReadTx, fn func(agent string, a Absence) error) error {
	lo, hi := within([]byte{tableAbsence})
	return tx.Scan(lo, hi, 0, false, func(k, v []byte) error {
		var a Absence
		if err := decode(v, &a); err != nil {
			return err
		}
		return fn(agentOfKey(k), a)
	})
}

// agentOfKey is the id in a key of one string. Ids have no zero bytes.
func agentOfKey(k []byte) string { return string(k[1 : len(k)-2]) }
