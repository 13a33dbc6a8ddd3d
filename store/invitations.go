package store

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"slices"
	"time"

	"postdesk/internal/addr"
	"postdesk/internal/ticket"
)

// Invitation is a calendar event that a customer invited a team to, or an agent a
// customer.
type Invitation struct {
	UID       string
	Organiser addr.Address
	Sender    addr.Address `json:",omitzero"`  // who mailed it, the organiser's assistant or program
	Agent     string       `json:",omitempty"` // id, when the agent is the organiser
	Message   uint64       // of the ticket: the newest whole invitation
	// Latest holds sequence and stamp of what came last about the series ("") and
	// about single instances, by RECURRENCE-ID.
	Latest map[string]Revision `json:",omitempty"`
	// Since are the messages about single instances that came after Message, and
	// Passing one that concerns nobody else later (DECLINECOUNTER).
	Since     []uint64  `json:",omitempty"`
	Passing   uint64    `json:",omitempty"`
	Cancelled bool      `json:",omitempty"`
	Over      time.Time `json:",omitzero"` // by then it is over; zero is unknown
	// Holders are the agents who have it in their calendars, Declined those of
	// them who said no while it was nobody's.
	Holders  []string `json:",omitempty"`
	Declined []string `json:",omitempty"`
	// Answered is what was last answered to the organiser, by RECURRENCE-ID, and
	// Answers how many times.
	Answered map[string]string `json:",omitempty"`
	Answers  int               `json:",omitempty"`
}

// Revision orders what is said about an event, RFC 5546 §2.1.5.
type Revision struct {
	Sequence int
	Stamp    time.Time
}

// Before says whether r is older than what is known.
func (r Revision) Before(known Revision) bool {
	return r.Sequence < known.Sequence || r.Sequence == known.Sequence && r.Stamp.Before(known.Stamp)
}

// MaxInvitations is how many invitations of a ticket are followed.
const MaxInvitations = 100

// maxSameUID is how many tickets may know the same UID: whoever writes it into a
// ticket of his own must not hide the others.
const maxSameUID = 20

// uidKey is short whatever a UID is, and shows nothing of it.
func uidKey(uid string) string {
	sum := sha256.Sum256([]byte(uid))
	return hex.EncodeToString(sum[:16])
}

// PutInvitation writes an invitation of a ticket, findable by its UID. The caller
// saves the ticket.
func PutInvitation(tx Tx, t *ticket.Ticket, inv *Invitation) error {
	k := key(tableInvitation, t.Number, uidKey(inv.UID))
	if _, err := tx.Get(k); errors.Is(err, ErrNotFound) {
		t.Invitations++
	} else if err != nil {
		return err
	}
	if err := IndexUID(tx, inv.UID, t.Number); err != nil {
		return err
	}
	return put(tx, k, inv)
}

// IndexUID makes a ticket findable by the UID of an event.
func IndexUID(tx Tx, uid string, number uint64) error {
	return tx.Set(key(indexUID, uidKey(uid), number), []byte{})
}

// GetInvitation reads an invitation of a ticket; nil for none.
func GetInvitation(tx ReadTx, number uint64, uid string) (*Invitation, error) {
	inv := new(Invitation)
	if ok, err := find(tx, key(tableInvitation, number, uidKey(uid)), inv); err != nil || !ok {
		return nil, err
	}
	return inv, nil
}

// Invitations are those of a ticket.
func Invitations(tx ReadTx, t *ticket.Ticket) ([]*Invitation, error) {
	if t.Invitations == 0 {
		return nil, nil
	}
	var list []*Invitation
	lo, hi := within(key(tableInvitation, t.Number))
	err := tx.Scan(lo, hi, MaxInvitations, false, func(_, v []byte) error {
		inv := new(Invitation)
		list = append(list, inv)
		return decode(v, inv)
	})
	return list, err
}

// ByUID are the tickets that know an event, those with the highest numbers.
func ByUID(tx ReadTx, uid string) ([]uint64, error) {
	var list []uint64
	lo, hi := within(key(indexUID, uidKey(uid)))
	err := tx.Scan(lo, hi, maxSameUID, true, func(k, _ []byte) error {
		list = append(list, lastUint(k))
		return nil
	})
	return list, err
}

// Live says whether a message of the ticket may act in the calendars of its
// agents.
func (inv *Invitation) Live(seq uint64) bool {
	return seq == inv.Message || seq == inv.Passing || slices.Contains(inv.Since, seq)
}

// Holds says whether an agent has it in the calendar.
func (inv *Invitation) Holds(agent string) bool { return slices.Contains(inv.Holders, agent) }

// Hold puts it into an agent's calendar.
func (inv *Invitation) Hold(agent string) {
	if !inv.Holds(agent) {
		inv.Holders = append(inv.Holders, agent)
	}
}

// Drop takes it out of an agent's calendar.
func (inv *Invitation) Drop(agent string) {
	is := func(id string) bool { return id == agent }
	inv.Holders = slices.DeleteFunc(inv.Holders, is)
	inv.Declined = slices.DeleteFunc(inv.Declined, is)
}
