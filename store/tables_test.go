package store_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"postdesk/internal/addr"
	"postdesk/internal/ticket"
	"postdesk/store"
)

var noon = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

func openTables(t *testing.T) *store.DB {
	t.Helper()
	db, err := store.Open(store.Options{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return db
}

func update(t *testing.T, db *store.DB, fn func(store.Tx) error) {
	t.Helper()
	if err := db.Update(context.Background(), fn); err != nil {
		t.Fatal(err)
	}
}

func view(t *testing.T, db *store.DB, fn func(store.ReadTx) error) {
	t.Helper()
	if err := db.View(context.Background(), fn); err != nil {
		t.Fatal(err)
	}
}

// newTicket makes and saves one ticket of a team.
func newTicket(tx store.Tx, team string) (*ticket.Ticket, error) {
	t, err := store.NewTicket(tx, 10000)
	if err != nil {
		return nil, err
	}
	t.Team = addr.Address{Local: team, Domain: "example.com"}
	if err := store.AddEvent(tx, t, ticket.Event{At: noon, What: ticket.Created, Data: map[string]string{"subject": "s"}}); err != nil {
		return nil, err
	}
	return t, store.SaveTicket(tx, t)
}

func TestNumbersHaveNoGaps(t *testing.T) {
	db := openTables(t)
	fails := errors.New("the mail was refused after all")
	var got []uint64
	for i := range 6 {
		err := db.Update(context.Background(), func(tx store.Tx) error {
			tk, err := newTicket(tx, "sav")
			if err != nil {
				return err
			}
			if i%2 == 1 {
				return fails
			}
			got = append(got, tk.Number)
			return nil
		})
		if err != nil && !errors.Is(err, fails) {
			t.Fatal(err)
		}
	}
	if want := []uint64{10000, 10001, 10002}; !slices.Equal(got, want) {
		t.Errorf("numbers %v, want %v", got, want)
	}
}

func numbers(t *testing.T, db *store.DB, f store.Filter) []uint64 {
	t.Helper()
	var list []uint64
	view(t, db, func(tx store.ReadTx) error {
		list = nil
		return store.ListTickets(tx, f, func(tk *ticket.Ticket) error { list = append(list, tk.Number); return nil })
	})
	slices.Sort(list)
	return list
}

// reads counts what is read of a store.
type reads struct {
	store.ReadTx
	n int
}

func (r *reads) Get(k []byte) ([]byte, error) {
	r.n++
	return r.ReadTx.Get(k)
}

// A list of the few that are open does not read the many that are not.
func TestAListByStatusReadsNoOthers(t *testing.T) {
	db := openTables(t)
	update(t, db, func(tx store.Tx) error {
		for i := range 60 {
			tk, err := newTicket(tx, []string{"sav", "export"}[i%2])
			if err != nil {
				return err
			}
			if i > 2 {
				continue
			}
			if err := store.AddEvent(tx, tk, ticket.Event{At: noon, What: ticket.StatusChanged, Data: map[string]string{"status": "open"}}); err != nil {
				return err
			}
			if err := store.SaveTicket(tx, tk); err != nil {
				return err
			}
		}
		return nil
	})
	err := db.View(t.Context(), func(tx store.ReadTx) error {
		counted, found := &reads{ReadTx: tx}, 0
		err := store.ListTickets(counted, store.Filter{Status: ticket.Open}, func(*ticket.Ticket) error { found++; return nil })
		if found != 3 || counted.n > 3+2 {
			t.Errorf("%d are open, %d read", found, counted.n)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestAListFollowsEveryChange(t *testing.T) {
	db := openTables(t)
	update(t, db, func(tx store.Tx) error {
		for _, team := range []string{"sav", "sav", "export"} {
			if _, err := newTicket(tx, team); err != nil {
				return err
			}
		}
		return nil
	})
	update(t, db, func(tx store.Tx) error {
		tk, err := store.GetTicket(tx, 10001)
		if err != nil {
			return err
		}
		for _, e := range []ticket.Event{
			{At: noon.Add(time.Hour), What: ticket.Assigned, Data: map[string]string{"agent": "anne"}},
			{At: noon.Add(time.Hour), What: ticket.StatusChanged, Data: map[string]string{"status": "open"}},
		} {
			if err := store.AddEvent(tx, tk, e); err != nil {
				return err
			}
		}
		return store.SaveTicket(tx, tk)
	})
	for _, c := range []struct {
		f    store.Filter
		want []uint64
	}{
		{store.Filter{}, []uint64{10000, 10001, 10002}},
		{store.Filter{Team: "sav@example.com"}, []uint64{10000, 10001}},
		{store.Filter{Team: "sav@example.com", Status: ticket.New}, []uint64{10000}},
		{store.Filter{Status: ticket.Open}, []uint64{10001}},
		{store.Filter{Assignee: "anne"}, []uint64{10001}},
		{store.Filter{Assignee: "none"}, []uint64{10000, 10002}},
		{store.Filter{Team: "nobody@example.com"}, nil},
	} {
		if got := numbers(t, db, c.f); !slices.Equal(got, c.want) {
			t.Errorf("%+v: %v, want %v", c.f, got, c.want)
		}
	}
	view(t, db, func(tx store.ReadTx) error {
		n, err := store.CountInHand(tx, "anne")
		if n != 1 {
			t.Errorf("anne has %d in hand", n)
		}
		counts, err2 := store.Tally(tx, "tickets/sav@example.com")
		if counts["new"] != 1 || counts["open"] != 1 {
			t.Errorf("counts: %v", counts)
		}
		return errors.Join(err, err2)
	})
}

func TestTheOutboxKeepsItsIndexes(t *testing.T) {
	db := openTables(t)
	due := func(at time.Time) (ids []uint64) {
		view(t, db, func(tx store.ReadTx) error {
			return store.DueOutgoing(tx, time.Time{}, at, 0, func(uint64) bool { return false }, func(r store.Outgoing) error { ids = append(ids, r.ID); return nil })
		})
		return ids
	}
	change := func(id uint64, f func(*store.Outgoing)) {
		update(t, db, func(tx store.Tx) error {
			r, err := store.GetOutgoing(tx, id)
			if err != nil {
				return err
			}
			f(&r)
			return store.PutOutgoing(tx, r)
		})
	}
	update(t, db, func(tx store.Tx) error {
		for i := range 3 {
			if err := store.Enqueue(tx, &store.Outgoing{Due: noon.Add(time.Duration(i) * time.Minute), Created: noon}); err != nil {
				return err
			}
		}
		return store.Enqueue(tx, &store.Outgoing{State: store.Held, Due: noon, Created: noon})
	})
	if got := due(noon.Add(time.Minute)); !slices.Equal(got, []uint64{1, 2}) {
		t.Errorf("due: %v", got)
	}
	change(1, func(r *store.Outgoing) { r.State = store.Sending })
	change(2, func(r *store.Outgoing) { r.Due = noon.Add(time.Hour) })
	if got := due(noon.Add(time.Minute)); len(got) != 0 {
		t.Errorf("due, one under way and one deferred: %v", got)
	}
	if n, err := store.ResetSending(t.Context(), db); n != 1 || err != nil {
		t.Errorf("%d rows were under way: %v", n, err)
	}
	change(3, func(r *store.Outgoing) { r.State = store.Delivered })
	if got := due(noon.Add(2 * time.Hour)); !slices.Equal(got, []uint64{1, 2}) {
		t.Errorf("due after a restart: %v", got)
	}
	if n, err := store.HoldOutbox(t.Context(), db, "restored"); n != 2 || err != nil {
		t.Errorf("%d rows are held: %v", n, err)
	}
	if got := due(noon.Add(2 * time.Hour)); len(got) != 0 {
		t.Errorf("due after a restore: %v", got)
	}
	release := func(row *store.Outgoing) { row.State, row.Due, row.Reason = store.Ready, noon, "" }
	if n, err := store.MoveOutbox(t.Context(), db, store.Held, release); n != 3 || err != nil {
		t.Errorf("%d rows are released: %v", n, err)
	}
	view(t, db, func(tx store.ReadTx) error {
		counts, err := store.Tally(tx, "outbox")
		if counts["ready"] != 3 || counts["delivered"] != 1 || counts["held"] != 0 || counts["sending"] != 0 {
			t.Errorf("counts: %v", counts)
		}
		return err
	})
}

// A look at the queue may begin at any moment, and another one goes from it to the end: each row is found by one of the two.
func TestTheOutboxIsReadFromAMoment(t *testing.T) {
	db := openTables(t)
	update(t, db, func(tx store.Tx) error {
		for i := range 4 {
			if err := store.Enqueue(tx, &store.Outgoing{Due: noon.Add(time.Duration(i) * time.Second), Created: noon}); err != nil {
				return err
			}
		}
		return store.Enqueue(tx, &store.Outgoing{Due: noon.Add(1000 * time.Hour), Created: noon})
	})
	for _, c := range []struct {
		from       time.Duration
		due, later []uint64
	}{
		{-time.Hour, []uint64{1, 2, 3}, []uint64{1, 2, 3, 4, 5}},
		{0, []uint64{1, 2, 3}, []uint64{1, 2, 3, 4, 5}},
		{1, []uint64{2, 3}, []uint64{2, 3, 4, 5}},
		{2 * time.Second, []uint64{3}, []uint64{3, 4, 5}},
		{3 * time.Second, nil, []uint64{4, 5}},
		{time.Hour, nil, []uint64{5}},
	} {
		var due, later []uint64
		view(t, db, func(tx store.ReadTx) error {
			from := noon.Add(c.from)
			err := store.DueOutgoing(tx, from, noon.Add(2*time.Second), 0, func(uint64) bool { return false }, func(r store.Outgoing) error { due = append(due, r.ID); return nil })
			return errors.Join(err, store.LaterOutgoing(tx, from, func(r store.Outgoing) error { later = append(later, r.ID); return nil }))
		})
		if !slices.Equal(due, c.due) || !slices.Equal(later, c.later) {
			t.Errorf("from %v: %v are due, %v are later; want %v and %v", c.from, due, later, c.due, c.later)
		}
	}
}

func TestAHeldMailIsDecidedOnce(t *testing.T) {
	db := openTables(t)
	update(t, db, func(tx store.Tx) error {
		return store.AddHeld(tx, &store.HeldMail{Agent: "anne", Why: "guard", At: noon})
	})
	update(t, db, func(tx store.Tx) error { _, err := store.DecideHeld(tx, 1, store.Released, noon); return err })
	err := db.Update(context.Background(), func(tx store.Tx) error { _, err := store.DecideHeld(tx, 1, store.Cancelled, noon); return err })
	if !errors.Is(err, store.ErrDecided) {
		t.Errorf("a second decision: %v", err)
	}
	view(t, db, func(tx store.ReadTx) error {
		return store.ListHeld(tx, func(h *store.HeldMail) error { t.Errorf("still listed: %+v", h); return nil })
	})
}

func TestAContactIsFoundByAllAddresses(t *testing.T) {
	db := openTables(t)
	jean, work := addr.Address{Local: "Jean", Domain: "client.example"}, addr.Address{Local: "jean", Domain: "work.example"}
	update(t, db, func(tx store.Tx) error {
		return store.SaveContact(tx, &store.Contact{Name: "Jean", Addresses: []addr.Address{jean, work}, Created: noon})
	})
	update(t, db, func(tx store.Tx) error {
		c, err := store.FindContact(tx, addr.Address{Local: "jean", Domain: "client.example"})
		if err != nil {
			return err
		}
		c.Addresses = []addr.Address{work}
		return store.SaveContact(tx, c)
	})
	view(t, db, func(tx store.ReadTx) error {
		if _, err := store.FindContact(tx, jean); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("an address that was taken away: %v", err)
		}
		_, err := store.FindContact(tx, work)
		return err
	})
}

func TestPurgeDeletesWhatIsPastAndNothingElse(t *testing.T) {
	db := openTables(t)
	update(t, db, func(tx store.Tx) error {
		for i, print := range []string{"a", "b", "c"} {
			if err := store.SetSeen(tx, print, store.Seen{Ticket: 1}, noon.Add(time.Duration(i)*time.Hour)); err != nil {
				return err
			}
		}
		return nil
	})
	for _, want := range []int{2, 0} {
		update(t, db, func(tx store.Tx) error {
			n, err := store.Purge(tx, noon.Add(90*time.Minute), 10)
			if n != want {
				t.Errorf("%d records looked at, want %d", n, want)
			}
			return err
		})
	}
	view(t, db, func(tx store.ReadTx) error {
		for print, want := range map[string]bool{"a": false, "b": false, "c": true} {
			if _, ok, err := store.GetSeen(tx, print); ok != want || err != nil {
				t.Errorf("%s is there: %v, %v", print, ok, err)
			}
		}
		return nil
	})
}

func TestARefreshedRecordOutlivesItsFirstExpiry(t *testing.T) {
	db := openTables(t)
	for _, at := range []time.Time{noon, noon.Add(20 * time.Hour)} {
		update(t, db, func(tx store.Tx) error { return store.SetWindow(tx, "same", "x", at, at.Add(24*time.Hour)) })
	}
	for _, c := range []struct {
		after time.Duration
		want  bool
	}{{37 * time.Hour, true}, {4 * 24 * time.Hour, false}} {
		update(t, db, func(tx store.Tx) error {
			_, err := store.Purge(tx, noon.Add(c.after), 100)
			if err != nil {
				return err
			}
			var at time.Time
			if ok, err := store.Window(tx, "same", "x", &at); ok != c.want || err != nil {
				t.Errorf("after %v it is there: %v, %v; want %v", c.after, ok, err, c.want)
			}
			return nil
		})
	}
}

func TestUsualAgentsTheLatestFirst(t *testing.T) {
	db := openTables(t)
	team := addr.Address{Local: "sav", Domain: "example.com"}
	update(t, db, func(tx store.Tx) error {
		for _, id := range []string{"a", "b", "c", "d", "e", "f", "b"} {
			if err := store.SetUsual(tx, team, "@client.example", id); err != nil {
				return err
			}
		}
		return nil
	})
	view(t, db, func(tx store.ReadTx) error {
		got, err := store.UsualFor(tx, team, "@client.example")
		if !slices.Equal(got, []string{"b", "f", "e", "d", "c"}) {
			t.Errorf("usual: %v", got)
		}
		return err
	})
}
