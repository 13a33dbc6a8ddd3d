package store_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"postdesk/store"
)

func TestAnAbsenceIsASpan(t *testing.T) {
	now := time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)
	for name, c := range map[string]struct {
		a          store.Absence
		away, over bool
	}{
		"none":                {store.Absence{}, false, false},
		"open":                {store.Absence{From: now}, true, false},
		"to come":             {store.Absence{From: now.Add(time.Hour)}, false, false},
		"now":                 {store.Absence{From: now.Add(-time.Hour), Until: now.Add(time.Second)}, true, false},
		"ends at this moment": {store.Absence{From: now.Add(-time.Hour), Until: now}, false, true},
	} {
		if c.a.At(now) != c.away || c.a.Over(now) != c.over {
			t.Errorf("%s: away %t, over %t", name, c.a.At(now), c.a.Over(now))
		}
	}
}

func TestAbsencesAreKept(t *testing.T) {
	engine := openTables(t)
	now := time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)
	err := engine.Update(t.Context(), func(tx store.Tx) error {
		a := store.Absence{From: now, Until: now.Add(time.Hour), Learned: true}
		for n := range uint64(300) {
			if err := errors.Join(store.HandOver(tx, "anne", n), store.HandOver(tx, "anne", n)); err != nil {
				return err
			}
		}
		if err := store.SetAbsence(tx, "anne", a); err != nil {
			return err
		}
		if err := store.SetAbsence(tx, "bruno.petit", store.Absence{From: now}); err != nil {
			return err
		}
		return store.EndAbsence(tx, "nobody")
	})
	if err != nil {
		t.Fatal(err)
	}
	var who []string
	err = engine.View(t.Context(), func(tx store.ReadTx) error {
		a, ok, err := store.GetAbsence(tx, "anne")
		if err != nil || !ok || !a.Learned || !a.Until.Equal(now.Add(time.Hour)) {
			t.Errorf("anne: %+v, %t, %v", a, ok, err)
		}
		if handed, err := store.Handed(tx, "anne"); err != nil || len(handed) != 200 || handed[199] != 299 {
			t.Errorf("handed over: %v, %v", handed, err)
		}
		return store.Absences(tx, func(agent string, _ store.Absence) error { who = append(who, agent); return nil })
	})
	if err != nil || !slices.Equal(who, []string{"anne", "bruno.petit"}) {
		t.Errorf("%v, %v", who, err)
	}
	err = engine.Update(t.Context(), func(tx store.Tx) error { return store.EndAbsence(tx, "anne") })
	if err != nil {
		t.Fatal(err)
	}
	err = engine.View(t.Context(), func(tx store.ReadTx) error {
		handed, err := store.Handed(tx, "anne")
		if len(handed) > 0 {
			t.Errorf("of an absence that is over: %v", handed)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}
