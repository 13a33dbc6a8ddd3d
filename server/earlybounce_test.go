package server_test

import (
	"context"
	"testing"
	"time"

	"postdesk/internal/ticket"
	"postdesk/store"
)

// A server may give a mail back before our row says that the mail was delivered. Such
// a report is not lost: it is asked for again, and heard when it comes again.
func TestABounceFasterThanTheRecordOfTheDelivery(t *testing.T) {
	t.Parallel()
	d := newDesk(t, nil)
	jean, anne := d.jean(), d.anne()
	_, copy := d.ask(jean, anne, "Une question", "Bonjour\n")
	anne.answers(copy, "Voici la réponse.\n")
	sent := jean.reads()
	d.drained()
	row := d.rowOf(sent)
	d.marks(row, func(row *store.Outgoing) { row.State, row.DataStarted = store.Sending, d.now() })
	early := report(sent, "jean@client.example", "failed", "5.1.1", "550 5.1.1 no such user")
	if err := d.send("", []string{sent.From}, early); !refused(err, 451, "4.3.0") {
		t.Fatalf("while it is being sent: %v", err)
	}
	if list := d.happened(10000, ticket.Automatic); len(list) != 0 {
		t.Errorf("kept all the same: %v", list)
	}
	d.marks(row, func(row *store.Outgoing) { row.State, row.DataStarted = store.Delivered, time.Time{} })
	if err := d.send("", []string{sent.From}, early); err != nil {
		t.Fatal(err)
	}
	d.says(anne.reads(), "jean@client.example", "no such user")
	d.expect(10000, ticket.Open, "anne")
}

// rowOf is the outbox row of a mail.
func (d *desk) rowOf(m received) uint64 {
	d.Helper()
	for _, row := range d.outbox() {
		if row.MessageID == m.id() {
			return row.ID
		}
	}
	d.Fatalf("no row of %s", m.id())
	return 0
}

// marks changes a row of the outbox as the relay would.
func (d *desk) marks(id uint64, change func(*store.Outgoing)) {
	d.Helper()
	err := d.srv.Store.Update(context.Background(), func(tx store.Tx) error {
		row, err := store.GetOutgoing(tx, id)
		if err != nil {
			return err
		}
		change(&row)
		return store.PutOutgoing(tx, row)
	})
	if err != nil {
		d.Fatal(err)
	}
}
