package server_test

import (
	"strings"
	"testing"

	"postdesk/internal/ticket"
	"postdesk/store"
)

// Tickets that one transaction can't hold are refused in words, also when each of them could be merged
// alone; nothing of it is done.
func TestMergeOfTooMuchAtOnce(t *testing.T) {
	t.Parallel()
	d := newDesk(t, nil)
	jean, anne := d.jean(), d.anne()
	_, copy := d.ask(jean, anne, "Une panne", "Bonjour\n")
	jean.writes(generic, "Une autre", "Le four est froid.\n")
	jean.writes(generic, "Encore une", "La pompe fuit.\n")
	d.drained()
	for _, number := range []uint64{10001, 10002} {
		err := d.srv.Store.Update(t.Context(), func(tx store.Tx) error {
			tk, err := store.GetTicket(tx, number)
			if err != nil {
				return err
			}
			for range 10 { // 300 KB
				if err := store.AddMessage(tx, tk, &ticket.Message{Kind: ticket.KindIn, At: d.now(), Excerpt: strings.Repeat("mot ", 7500)}); err != nil {
					return err
				}
			}
			return store.SaveTicket(tx, tk)
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	anne.answers(copy, "#merge 10001, 10002\n")
	d.says(anne.finds("réunissez-les une par une"), "#merge")
	if held := d.held(); len(held) != 1 || held[0].Why != "command" {
		t.Errorf("held: %+v", held)
	}
	if d.ticket(10001).MergedInto != 0 || len(d.ticket(10000).Merged) != 0 {
		t.Error("half of it was done")
	}
	anne.answers(copy, "#merge 10001\n")
	anne.answers(copy, "#merge 10002\n")
	d.drained()
	if got := d.ticket(10000).Merged; len(got) != 2 {
		t.Errorf("merged: %v", got)
	}
}

// Nor do two tickets become one that no record could hold.
func TestMergeOfTooManyFields(t *testing.T) {
	t.Parallel()
	d := newDesk(t, nil)
	jean, anne := d.jean(), d.anne()
	_, copy := d.ask(jean, anne, "Une panne", "Bonjour\n")
	jean.writes(generic, "Une autre", "Le four est froid.\n")
	d.drained()
	for _, number := range []uint64{10000, 10001} {
		err := d.srv.Store.Update(t.Context(), func(tx store.Tx) error {
			tk, err := store.GetTicket(tx, number)
			if err != nil {
				return err
			}
			tk.Fields = map[string]string{}
			for i := range 50 {
				tk.Fields[strings.Repeat("n", 10+i)+tk.Subject] = strings.Repeat("v", 500)
			}
			return store.SaveTicket(tx, tk)
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	anne.answers(copy, "#merge 10001\n")
	d.says(anne.finds("compterait trop de personnes"), "10001")
	if d.ticket(10001).MergedInto != 0 || len(d.held()) != 1 {
		t.Errorf("held: %+v", d.held())
	}
}
