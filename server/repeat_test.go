package server_test

import (
	"strings"
	"testing"

	"postdesk/store"
)

// A sender that lost our 250 sends again: the admin gets the mail once.
func TestMailForThePostmasterIsNotDoubled(t *testing.T) {
	d := newDesk(t, nil)
	mail := letter("a@client.example", "postmaster@example.com", "p1@client.example", "Your mail server", "Hello\n")
	for range 2 {
		if err := d.send("a@client.example", []string{"postmaster@example.com"}, mail); err != nil {
			t.Fatal(err)
		}
	}
	d.quiet(d.agents, 1)
	if m := d.arrives(d.agents, 1); m.To[0] != "it@corp.example" {
		t.Errorf("it went to %v", m.To)
	}
}

// Commands in a mail that is about no ticket come back; nothing is done and
// nothing is lost.
func TestCommandsInANewMailComeBack(t *testing.T) {
	d := newDesk(t, nil)
	err := d.submit("anne", "secret of anne", "anne.durand@corp.example", []string{"relationclient@example.com"},
		letter("Anne Durand <anne.durand@corp.example>", "relationclient@example.com", "n1@corp.example", "Appel de M. Client", "#assign bruno\nIl rappellera.\n"))
	if err != nil {
		t.Fatal(err)
	}
	m := d.arrives(d.agents, 1)
	if !strings.Contains(m.To[0], "anne") || !strings.Contains(m.text(), "Il rappellera") {
		t.Errorf("to %v:\n%s", m.To, m.text())
	}
	d.quiet(d.agents, 1)
	d.view(func(tx store.ReadTx) error {
		if _, err := store.GetTicket(tx, 10000); err == nil {
			t.Error("a ticket was made")
		}
		return store.ListHeld(tx, func(h *store.HeldMail) error {
			if h.Why != "command" {
				t.Errorf("held for %q", h.Why)
			}
			return nil
		})
	})
}

// A ticket whose mails were erased can still be handed over.
func TestAnErasedTicketCanBeAssigned(t *testing.T) {
	d := newDesk(t, nil)
	if err := d.send("jean@client.example", []string{"relationclient@example.com"},
		letter("Jean <jean@client.example>", "relationclient@example.com", "e1@client.example", "Question", "Bonjour\n")); err != nil {
		t.Fatal(err)
	}
	copy := d.arrives(d.agents, 1)
	if err := d.srv.Store.Update(t.Context(), func(tx store.Tx) error {
		m, err := store.GetMessage(tx, 10000, 1)
		if err != nil {
			return err
		}
		return tx.EraseMail(store.MailID(m.Mail))
	}); err != nil {
		t.Fatal(err)
	}
	to, order := replyTo(copy, "Anne Durand <anne.durand@corp.example>", "#assign bruno\n")
	if err := d.send("anne.durand@corp.example", []string{to}, order); err != nil {
		t.Fatal(err)
	}
	d.arrives(d.agents, 2) // the transcript
	if tk := d.ticket(10000); tk.Assignee != "bruno" {
		t.Errorf("assigned to %q", tk.Assignee)
	}
}
