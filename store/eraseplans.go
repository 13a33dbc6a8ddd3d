package store

import (
	"bytes"
	"slices"
)

// plans erases what was planned in a ticket in somebody's matter, and the
// invitations that the person sent.
func (e *eraser) plans(number uint64, whole bool) error {
	var activities, invitations, uids [][]byte
	err := e.db.View(e.ctx, func(tx ReadTx) error {
		activities, invitations, uids = nil, nil, nil
		lo, hi := within(key(tableActivity, number))
		err := tx.Scan(lo, hi, 0, false, func(k, v []byte) error {
			var a Activity
			if err := decode(v, &a); err != nil {
				return err
			}
			if whole || e.mentions(a.Title) {
				activities = append(activities, slices.Clone(k))
			}
			return nil
		})
		if err != nil {
			return err
		}
		lo, hi = within(key(tableInvitation, number))
		return tx.Scan(lo, hi, 0, false, func(k, v []byte) error {
			var inv Invitation
			if err := decode(v, &inv); err != nil {
				return err
			}
			if whole || e.is(inv.Organiser) || e.is(inv.Sender) {
				invitations = append(invitations, slices.Clone(k))
				uids = append(uids, key(indexUID, uidKey(inv.UID), number))
			}
			return nil
		})
	})
	if err != nil || len(activities)+len(invitations) == 0 {
		return err
	}
	for part := range slices.Chunk(activities, eraseStep) {
		err := e.db.Update(e.ctx, func(tx Tx) error {
			for _, k := range part {
				if err := blankActivity(tx, k); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return e.db.Update(e.ctx, func(tx Tx) error {
		for _, k := range slices.Concat(invitations, uids) {
			if err := tx.Delete(bytes.Clone(k)); err != nil {
				return err
			}
		}
		return nil
	})
}

// blankActivity leaves an activity's number and times, and reminds nobody.
func blankActivity(tx Tx, k []byte) error {
	var a Activity
	if ok, err := find(tx, k, &a); err != nil || !ok {
		return err
	}
	if a.Title = ErasedText; a.Open() {
		a.State = ActivityCancelled
	}
	return put(tx, k, a)
}
