package store

import (
	"postdesk/internal/ticket"
)

// MoveCalendar takes the invitations whose message went from one ticket to
// another there; places says which number each message has now. With whole the
// activities go too: the first ticket is no more. The caller saves both tickets.
func MoveCalendar(tx Tx, from, to *ticket.Ticket, places map[uint64]uint64, whole bool) error {
	list, err := Invitations(tx, from)
	if err != nil {
		return err
	}
	for _, inv := range list {
		if places[inv.Message] == 0 {
			continue
		}
		if err := moveInvitation(tx, from, to, places, inv); err != nil {
			return err
		}
	}
	if !whole {
		return nil
	}
	activities, err := Activities(tx, from)
	if err != nil {
		return err
	}
	for _, a := range activities {
		if err := tx.Delete(key(tableActivity, from.Number, a.N)); err != nil {
			return err
		}
		AddActivity(to, a)
		if err := PutActivity(tx, to.Number, a); err != nil {
			return err
		}
		if err := IndexUID(tx, a.UID, to.Number); err != nil {
			return err
		}
	}
	return nil
}

// moveInvitation moves one. Of two tickets that know the same event the newer
// message counts.
func moveInvitation(tx Tx, from, to *ticket.Ticket, places map[uint64]uint64, inv *Invitation) error {
	if err := tx.Delete(key(tableInvitation, from.Number, uidKey(inv.UID))); err != nil {
		return err
	}
	if err := tx.Delete(key(indexUID, uidKey(inv.UID), from.Number)); err != nil {
		return err
	}
	known, err := GetInvitation(tx, to.Number, inv.UID)
	if err != nil || known != nil && inv.Latest[""].Before(known.Latest[""]) {
		return err
	}
	inv.Message, inv.Passing = places[inv.Message], places[inv.Passing]
	var since []uint64
	for _, seq := range inv.Since {
		if places[seq] != 0 {
			since = append(since, places[seq])
		}
	}
	inv.Since = since
	if known != nil {
		for _, agent := range known.Holders {
			inv.Hold(agent)
		}
	}
	return PutInvitation(tx, to, inv)
}
