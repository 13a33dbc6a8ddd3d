package store_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"postdesk/internal/addr"
	"postdesk/internal/message"
	"postdesk/internal/ticket"
	"postdesk/store"
)

// addMessage keeps a mail from somebody, with an outbox row of it.
func addMessage(tx store.Tx, t *ticket.Ticket, at time.Time, from addr.Address, id string) error {
	mail, err := tx.PutMail(message.BytesSource([]byte("Subject: " + id + "\r\n\r\nx\r\n")))
	if err != nil {
		return err
	}
	m := &ticket.Message{Kind: ticket.KindIn, At: at, Mail: uint64(mail), From: addr.Mailbox{Address: from}, MessageID: id}
	if err := store.AddMessage(tx, t, m); err != nil {
		return err
	}
	t.Outgoing++
	row := store.Outgoing{Mail: mail, To: addr.Address{Local: "anne", Domain: "corp.example"}, Purpose: store.PurposeCopy, Ticket: t.Number, Message: m.Seq,
		Item: t.Outgoing, MessageID: "copy-of-" + id, Due: at, Created: at, Agent: "anne"}
	if err := store.Enqueue(tx, &row); err != nil {
		return err
	}
	if err := store.IndexMessageID(tx, row.MessageID, t.Number, m.Seq); err != nil {
		return err
	}
	return store.SaveTicket(tx, t)
}

// opened is a ticket of a person with messages at these hours, named for ticket
// and hour.
func opened(tx store.Tx, who addr.Address, hours ...int) (*ticket.Ticket, error) {
	t, err := newTicket(tx, "sav")
	if err != nil {
		return nil, err
	}
	p := &ticket.Participant{Relation: ticket.Requester, Address: who}
	if err := store.AddEvent(tx, t, ticket.Event{At: noon, What: ticket.Joined, Participant: p}); err != nil {
		return nil, err
	}
	for _, h := range hours {
		if err := addMessage(tx, t, noon.Add(time.Duration(h)*time.Hour), who, fmt.Sprintf("%d-%d", t.Number, h)); err != nil {
			return nil, err
		}
	}
	return t, nil
}

// mergeAll moves all messages of one ticket into another, and says so.
func mergeAll(tx store.Tx, from, to *ticket.Ticket) error {
	for seq := uint64(1); seq <= from.Messages; seq++ {
		if _, err := store.MoveMessage(tx, from, seq, to); err != nil {
			return err
		}
	}
	to.Absorb(from)
	e := ticket.Event{At: noon.Add(24 * time.Hour), What: ticket.MergedAway, Data: map[string]string{"number": fmt.Sprint(to.Number)}}
	return errors.Join(store.AddEvent(tx, from, e), store.SaveTicket(tx, from), store.SaveTicket(tx, to))
}

var jean, marie = addr.Address{Local: "jean", Domain: "client.example"}, addr.Address{Local: "marie", Domain: "client.example"}

// merged are three tickets of which the second is merged into the first and a
// message of that split off into a third.
func merged(t *testing.T, db *store.DB, second addr.Address) (a, b, c *ticket.Ticket) {
	t.Helper()
	update(t, db, func(tx store.Tx) (err error) {
		a, err = opened(tx, jean, 1, 4)
		if err != nil {
			return err
		}
		b, err = opened(tx, second, 2, 3, 5)
		return err
	})
	update(t, db, func(tx store.Tx) error { return mergeAll(tx, b, a) })
	update(t, db, func(tx store.Tx) (err error) {
		if c, err = newTicket(tx, "sav"); err != nil {
			return err
		}
		if _, err = store.MoveMessage(tx, a, 4, c); err != nil { // the second of b
			return err
		}
		return errors.Join(store.SaveTicket(tx, a), store.SaveTicket(tx, c))
	})
	return a, b, c
}

// Whatever led to a message still does after a merge and a split: its
// Message-ID, a copy's, the outbox.
func TestMovedMessagesAreFound(t *testing.T) {
	db := openTables(t)
	a, b, c := merged(t, db, jean)
	view(t, db, func(tx store.ReadTx) error {
		for id, want := range map[string]ticket.Place{
			"10000-1": {Ticket: a.Number, Message: 1}, "10000-4": {Ticket: a.Number, Message: 2}, "10001-2": {Ticket: a.Number, Message: 3},
			"copy-of-10001-2": {Ticket: a.Number, Message: 3}, "10001-3": {Ticket: c.Number, Message: 1}, "copy-of-10001-3": {Ticket: c.Number, Message: 1},
			"10001-5": {Ticket: a.Number, Message: 5},
		} {
			n, seq, err := store.ByMessageID(tx, id)
			if err != nil || n != want.Ticket || seq != want.Message {
				t.Errorf("%s is message %d of %d, %v; want %+v", id, seq, n, err, want)
			}
		}
		for number, want := range map[uint64][]string{a.Number: {"10000-1", "10001-2", "10000-4", "10001-5"}, b.Number: nil, c.Number: {"10001-3"}} {
			var got, latest []string
			err := errors.Join(store.Messages(tx, number, func(m ticket.Message) error { got = append(got, m.MessageID); return nil }),
				store.LatestMessages(tx, number, 100, func(m ticket.Message) error { latest = append(latest, m.MessageID); return nil }))
			slices.Reverse(latest)
			if err != nil || !slices.Equal(got, want) || !slices.Equal(latest, want) {
				t.Errorf("messages of %d: %v and %v, want %v; %v", number, got, latest, want, err)
			}
		}
		return store.SentAs(tx, b.Number, 2, func(row store.Outgoing) error {
			now, err := store.Settle(tx, row)
			if err != nil || now.Ticket != c.Number || now.Message != 1 || row.Ticket != b.Number {
				t.Errorf("row %+v reads %+v, %v", row, now, err)
			}
			found := 0
			err = store.SentWith(tx, now.Ticket, now.Message, func(store.Outgoing) error { found++; return nil })
			if found != 1 {
				t.Errorf("%d rows of the moved message", found)
			}
			return err
		})
	})
}

// A number leads to the ticket that is left; one that never was to none.
func TestLiveTicket(t *testing.T) {
	db := openTables(t)
	a, b, c := merged(t, db, jean)
	update(t, db, func(tx store.Tx) error { return mergeAll(tx, c, a) })
	view(t, db, func(tx store.ReadTx) error {
		for _, n := range []uint64{a.Number, b.Number, c.Number} {
			if got, err := store.LiveTicket(tx, n); err != nil || got.Number != a.Number {
				t.Errorf("ticket %d leads to %+v, %v", n, got, err)
			}
		}
		if _, err := store.LiveTicket(tx, 99999); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("a ticket that never was: %v", err)
		}
		n, m, err := store.FindMessage(tx, b.Number, 2)
		if err != nil || n != a.Number || m.MessageID != "10001-3" || m.Was != b.Number {
			t.Errorf("message 2 of the second is %+v of %d, %v", m, n, err)
		}
		return nil
	})
}

// The history of what was merged is told with the ticket's own, in order.
func TestHistoryOfAMergedTicket(t *testing.T) {
	db := openTables(t)
	a, b, _ := merged(t, db, jean)
	view(t, db, func(tx store.ReadTx) error {
		var numbers []uint64
		var last time.Time
		err := store.History(tx, a, func(n uint64, e ticket.Event) error {
			if e.At.Before(last) {
				t.Errorf("%s of %d is told too late", e.What, n)
			}
			numbers, last = append(numbers, n), e.At
			return nil
		})
		if !slices.Contains(numbers, b.Number) || len(numbers) != int(a.Events+b.Events)-1 {
			t.Errorf("history of tickets %v", numbers)
		}
		return err
	})
}

// Who is erased is erased from a ticket that theirs was merged into, and nobody
// else is.
func TestErasureFollowsAMerge(t *testing.T) {
	db := openTables(t)
	a, _, c := merged(t, db, marie)
	if _, err := store.ErasePerson(context.Background(), db, marie, ticket.System, noon); err != nil {
		t.Fatal(err)
	}
	view(t, db, func(tx store.ReadTx) error {
		for _, number := range []uint64{a.Number, c.Number} {
			err := store.Messages(tx, number, func(m ticket.Message) error {
				_, err := tx.Mail(store.MailID(m.Mail))
				mine := m.Was != 0
				if mine != errors.Is(err, store.ErrErased) || mine != m.From.Address.IsZero() {
					t.Errorf("message %d of %d: %+v, %v", m.Seq, number, m, err)
				}
				return store.SentWith(tx, number, m.Seq, func(r store.Outgoing) error {
					if mine != (r.State == store.Dropped) {
						t.Errorf("row %+v", r)
					}
					return nil
				})
			})
			if err != nil {
				return err
			}
		}
		if _, _, err := store.ByMessageID(tx, "10001-2"); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("the Message-ID of an erased mail: %v", err)
		}
		return nil
	})
}

// What waits for an agent's word goes with the ticket; what was decided stays.
func TestHeldMailsMove(t *testing.T) {
	db := openTables(t)
	update(t, db, func(tx store.Tx) error {
		for range 3 {
			if err := store.AddHeld(tx, &store.HeldMail{Ticket: 2, Why: "guard"}); err != nil {
				return err
			}
		}
		_, err := store.DecideHeld(tx, 1, store.Cancelled, noon)
		return errors.Join(err, store.AddHeld(tx, &store.HeldMail{Ticket: 3}), store.MoveHeld(tx, 2, 1))
	})
	view(t, db, func(tx store.ReadTx) error {
		for id, want := range map[uint64]uint64{1: 2, 2: 1, 3: 1, 4: 3} {
			if h, err := store.GetHeld(tx, id); err != nil || h.Ticket != want {
				t.Errorf("held mail %d: %+v, %v; want ticket %d", id, h, err, want)
			}
		}
		return nil
	})
}
