package store_test

import (
	"context"
	"testing"
	"time"

	"postdesk/internal/addr"
	"postdesk/internal/ticket"
	"postdesk/store"
)

var planned = time.Date(2026, 12, 1, 9, 0, 0, 0, time.UTC)

func TestActivitiesOfATicket(t *testing.T) {
	db := openTables(t)
	tk := &ticket.Ticket{Number: 7}
	update(t, db, func(tx store.Tx) error {
		for i, due := range []time.Duration{3, 1, 2} {
			a := &store.Activity{Agent: "anne", Kind: "task", Title: "x", Start: planned, Due: planned.Add(due * time.Hour)}
			store.AddActivity(tk, a)
			if i == 1 {
				a.State = store.ActivityDone
			}
			if err := store.PutActivity(tx, tk.Number, a); err != nil {
				return err
			}
		}
		other := &ticket.Ticket{Number: 8}
		store.AddActivity(other, &store.Activity{})
		return store.PutActivity(tx, 8, &store.Activity{N: 1, Due: planned})
	})
	view(t, db, func(tx store.ReadTx) error {
		all, err := store.Activities(tx, tk)
		if err != nil {
			return err
		}
		open, err := store.OpenActivities(tx, tk)
		if err != nil {
			return err
		}
		next, err := store.NextActivity(tx, tk)
		if len(all) != 3 || len(open) != 2 || all[2].N != 3 || !next.Equal(planned.Add(2*time.Hour)) {
			t.Errorf("%d, %d open, next %v", len(all), len(open), next)
		}
		return err
	})
}

func TestInvitationsByUID(t *testing.T) {
	db := openTables(t)
	a, b := &ticket.Ticket{Number: 7}, &ticket.Ticket{Number: 8}
	update(t, db, func(tx store.Tx) error {
		for _, tk := range []*ticket.Ticket{a, b} {
			for range 2 { // written again
				if err := store.PutInvitation(tx, tk, &store.Invitation{UID: "uid\x00é", Message: tk.Number}); err != nil {
					return err
				}
			}
		}
		return nil
	})
	if a.Invitations != 1 {
		t.Errorf("counted %d", a.Invitations)
	}
	view(t, db, func(tx store.ReadTx) error {
		list, err := store.ByUID(tx, "uid\x00é")
		if err != nil {
			return err
		}
		inv, err := store.GetInvitation(tx, 7, "uid\x00é")
		if err != nil {
			return err
		}
		if len(list) != 2 || list[0] != 8 || inv == nil || inv.Message != 7 {
			t.Errorf("%v %+v", list, inv)
		}
		none, err := store.GetInvitation(tx, 7, "uid")
		if none != nil {
			t.Error("another UID is found")
		}
		return err
	})
}

func TestTheOrderOfRevisions(t *testing.T) {
	known := store.Revision{Sequence: 2, Stamp: planned}
	for r, before := range map[store.Revision]bool{
		{1, planned.Add(time.Hour)}:  true,
		{2, planned.Add(-time.Hour)}: true,
		{2, planned}:                 false,
		{2, planned.Add(time.Hour)}:  false,
		{3, planned.Add(-time.Hour)}: false,
	} {
		if r.Before(known) != before {
			t.Errorf("%+v before %+v: %v", r, known, !before)
		}
	}
}

func TestAnErasedPersonIsInNoPlan(t *testing.T) {
	db := openTables(t)
	jean := addr.Address{Local: "jean", Domain: "client.example"}
	tk := &ticket.Ticket{Number: 7, Participants: []ticket.Participant{{ID: 1, Relation: ticket.Requester, Address: jean}}}
	update(t, db, func(tx store.Tx) error {
		a := &store.Activity{Agent: "anne", Title: "Appeler Jean", Due: planned}
		store.AddActivity(tk, a)
		if err := store.PutActivity(tx, 7, a); err != nil {
			return err
		}
		if err := store.PutInvitation(tx, tk, &store.Invitation{UID: "u", Organiser: jean}); err != nil {
			return err
		}
		return store.SaveTicket(tx, tk)
	})
	if _, err := store.ErasePerson(context.Background(), db, jean, ticket.System, planned); err != nil {
		t.Fatal(err)
	}
	view(t, db, func(tx store.ReadTx) error {
		list, err := store.Activities(tx, tk)
		if err != nil {
			return err
		}
		inv, err := store.GetInvitation(tx, 7, "u")
		found, _ := store.ByUID(tx, "u")
		if list[0].Title != store.ErasedText || list[0].Open() || inv != nil || len(found) != 0 {
			t.Errorf("%+v %+v %v", list[0], inv, found)
		}
		return err
	})
}
