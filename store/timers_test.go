package store_test

import (
	"slices"
	"testing"
	"time"

	"postdesk/store"
)

func TestATicketHasOneTimer(t *testing.T) {
	db := openTables(t)
	set := func(number uint64, timer store.Timer) {
		t.Helper()
		update(t, db, func(tx store.Tx) error { return store.SetTimer(tx, number, timer) })
	}
	due := func(now time.Time, want ...uint64) {
		t.Helper()
		view(t, db, func(tx store.ReadTx) error {
			got, err := store.DueTimers(tx, now, 10)
			if !slices.Equal(got, want) {
				t.Errorf("due at %s: %v, want %v", now, got, want)
			}
			return err
		})
	}
	set(1, store.Timer{At: noon.Add(2 * time.Hour)})
	set(2, store.Timer{At: noon.Add(time.Hour), Letters: []uint64{7}})
	set(1, store.Timer{At: noon.Add(time.Minute)})
	due(noon)
	due(noon.Add(time.Minute), 1)
	due(noon.Add(3*time.Hour), 1, 2)
	view(t, db, func(tx store.ReadTx) error {
		at, ok, err := store.NextTimer(tx)
		if !ok || !at.Equal(noon.Add(time.Minute)) {
			t.Errorf("next: %s, %v", at, ok)
		}
		return err
	})
	set(1, store.Timer{})
	set(2, store.Timer{Letters: []uint64{7}})
	due(noon.Add(3 * time.Hour))
	view(t, db, func(tx store.ReadTx) error {
		_, ok, err := store.NextTimer(tx)
		timer, err2 := store.GetTimer(tx, 2)
		if ok || err2 != nil || !slices.Equal(timer.Letters, []uint64{7}) {
			t.Errorf("after taking both off: %v, %+v, %v", ok, timer, err2)
		}
		return err
	})
}

func TestTimersOfLongAgoAndFarAheadAreInOrder(t *testing.T) {
	db := openTables(t)
	moments := []time.Time{noon.AddDate(90, 0, 0), time.Date(1969, 1, 1, 0, 0, 0, 0, time.UTC), noon}
	update(t, db, func(tx store.Tx) error {
		for i, at := range moments {
			if err := store.SetTimer(tx, uint64(i+1), store.Timer{At: at}); err != nil {
				return err
			}
		}
		return nil
	})
	view(t, db, func(tx store.ReadTx) error {
		got, err := store.DueTimers(tx, noon.AddDate(100, 0, 0), 10)
		if !slices.Equal(got, []uint64{2, 3, 1}) {
			t.Errorf("%v", got)
		}
		at, _, err2 := store.NextTimer(tx)
		if !at.Equal(moments[1]) || err2 != nil {
			t.Errorf("next %s, %v", at, err2)
		}
		return err
	})
}
