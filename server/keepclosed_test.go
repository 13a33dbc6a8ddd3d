package server_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"postdesk/internal/ticket"
	"postdesk/store"
)

// keep_closed: what was said in a ticket that was closed for longer goes, and so
// does who is known only by it.
func TestClosedTicketsAreNotKeptForEver(t *testing.T) {
	t.Parallel()
	d := newDesk(t, func(text string) string {
		return withTimers(`close_after = "7d"`)(text) + "\n[tickets]\nkeep_closed = \"90d\"\n"
	})
	d.at("Mon 2030-11-18 10:00")
	jean, paul, anne := d.jean(), d.person("Paul Martin", "paul@client.example"), d.anne()
	_, copy := d.ask(jean, anne, "Le secret de Jean", "Mon numéro est 4711\n")
	anne.answers(copy, "#note\n\nClient difficile 4711.\n")
	anne.answers(copy, "#solved réparé 4711\n\nC’est réparé.\n")
	jean.reads()
	paul.writes(generic, "Une question", "Bonjour\n")
	paul.reads()
	d.drained()

	d.later(80 * 24 * time.Hour)
	d.timers()
	d.expect(10000, ticket.Closed, "anne")
	if d.ticket(10000).Erased {
		t.Fatal("erased too early")
	}
	d.later(100 * 24 * time.Hour)
	d.timers()
	tk := d.ticket(10000)
	if !tk.Erased || tk.Subject != store.ErasedText || tk.Resolution != "" || tk.Requester() != nil {
		t.Fatalf("kept: %+v", tk)
	}
	d.view(func(tx store.ReadTx) error {
		if err := store.Messages(tx, 10000, func(m ticket.Message) error {
			if _, err := tx.Mail(store.MailID(m.Mail)); !errors.Is(err, store.ErrErased) {
				t.Errorf("message %d is still there: %v", m.Seq, err)
			}
			if strings.Contains(m.Excerpt, "4711") || m.From.Address.Local == "jean" {
				t.Errorf("message %d: %+v", m.Seq, m)
			}
			return nil
		}); err != nil {
			return err
		}
		if err := store.SentOf(tx, 10000, func(row store.Outgoing) error {
			if row.To.Local == "jean" {
				t.Errorf("outbox: %+v", row)
			}
			return nil
		}); err != nil {
			return err
		}
		if err := store.Events(tx, 10000, func(e ticket.Event) error {
			for _, v := range e.Data {
				if strings.Contains(v, "4711") || strings.Contains(v, "jean@") {
					t.Errorf("event: %+v", e)
				}
			}
			return nil
		}); err != nil {
			return err
		}
		_, err := store.FindContact(tx, d.mustParse("jean@client.example"))
		if !errors.Is(err, store.ErrNotFound) {
			t.Errorf("the contact: %v", err)
		}
		if c, err := store.FindContact(tx, d.mustParse("paul@client.example")); err != nil || c.Name != "Paul Martin" {
			t.Errorf("another contact: %+v, %v", c, err)
		}
		return nil
	})
	if d.ticket(10001).Erased {
		t.Error("an open ticket is erased")
	}
	if n := len(d.happened(10000, ticket.Erased)); n != 1 {
		t.Errorf("erased %d times", n)
	}
	d.timers()
	if n := len(d.happened(10000, ticket.Erased)); n != 1 {
		t.Errorf("erased %d times", n)
	}
}
