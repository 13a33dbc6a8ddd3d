//go:build interop

package server_test

import (
	"os"
	"strings"
	"testing"
	"time"

	"postdesk/internal/disk"
	"postdesk/internal/testkit"
	"postdesk/internal/ticket"
	"postdesk/store"
)

// eventsOf lists a ticket's events of one kind.
func (d *desk) eventsOf(number uint64, what ticket.What) (list []ticket.Event) {
	d.Helper()
	d.view(func(tx store.ReadTx) error {
		return store.Events(tx, number, func(e ticket.Event) error {
			if e.What == what {
				list = append(list, e)
			}
			return nil
		})
	})
	return list
}

// Postfix reports that the customer's server refused Anne's answer: she is told
// in that server's words.
func TestPostfixReportsARefusedAnswer(t *testing.T) {
	f := newFront(t, "inet", "", "")
	f.outside("jean@client.example", "relationclient@example.com",
		letter("Jean <jean@client.example>", "relationclient@example.com", "q1@client.example", "Question", "Bonjour\n"))
	f.arrives(f.customers, 1)
	to, answer := replyTo(f.mailbox("anne", 1), "Anne Durand <anne.durand@example.com>", "Voici.\n")
	f.customers.SetScript(testkit.Script{testkit.AtRCPT: {Reply: "550 5.1.1 no Jean lives here"}})
	f.outside("anne.durand@example.com", to, answer)

	notice := f.mailbox("anne", 2)
	if text := notice.text(); !strings.Contains(text, "no Jean lives here") || !strings.Contains(text, "jean@client.example") {
		f.Errorf("the notice:\n%s", notice.Raw)
	}
	failed := f.eventsOf(10000, ticket.DeliveryFailed)
	if len(failed) != 1 || failed[0].Data["to"] != "jean@client.example" || !strings.Contains(failed[0].Data["text"], "no Jean lives here") {
		f.Errorf("events: %+v", failed)
	}
	f.drained()
	f.ticketsAre(1)
	if n := len(f.maildir("bruno")); n != 0 {
		f.Errorf("Bruno got %d mails", n)
	}
}

// Postfix reports that Anne's mailbox is gone: the ticket leaves her and Bruno
// gets the mail.
func TestPostfixReportsADeadMailbox(t *testing.T) {
	f := newFront(t, "inet", "anne.durand@example.com smtp:[127.0.0.1]:AGENTS\n", "")
	f.agents.SetScript(testkit.Script{testkit.AtRCPT: {Reply: "550 5.2.1 mailbox disabled"}})
	f.outside("jean@client.example", "relationclient@example.com",
		letter("Jean <jean@client.example>", "relationclient@example.com", "q1@client.example", "Question", "Bonjour Anne\n"))
	if m := f.mailbox("bruno", 1); !strings.Contains(m.text(), "Bonjour Anne") {
		f.Errorf("Bruno's copy:\n%s", m.Raw)
	}
	f.drained()
	f.view(func(tx store.ReadTx) error {
		tk, err := store.GetTicket(tx, 10000)
		if err == nil && tk.Assignee != "" {
			t.Errorf("the ticket is still with %s", tk.Assignee)
		}
		return err
	})
	f.ticketsAre(1)
	f.quiet(f.customers, 1)
}

// A mail to two teams and to Anne is one transaction over LMTP: one ticket, and
// the other team is told.
func TestPostfixHandsOverSeveralRecipients(t *testing.T) {
	f := newFront(t, "inet", "", "")
	f.outside("jean@client.example", "export@example.com,relationclient@example.com,bruno.petit@example.com",
		letter("Jean <jean@client.example>", "relationclient@example.com, bruno.petit@example.com", "q1@client.example", "Question", "Bonjour à tous\n", "Cc: export@example.com"))
	f.mailbox("anne", 1)
	direct := 0
	f.mailbox("bruno", 2) // the one that was sent to him, and the other team's copy
	for _, path := range f.maildir("bruno") {
		if raw, err := os.ReadFile(path); err == nil && !strings.Contains(string(raw), "(via ") {
			direct++
		}
	}
	if direct != 1 {
		t.Errorf("Bruno got %d mails directly, want 1", direct)
	}
	f.ticketIs(10000, 1, ticket.New)
	f.quiet(f.customers, 1)
	f.postfix.calm()
}

// The disk of postdesk is low: Postfix keeps the mail and brings it later.
func TestPostfixTriesAgainAfter452(t *testing.T) {
	f := newFront(t, "inet", "", "")
	ask := func(id string) {
		f.outside("jean@client.example", "relationclient@example.com",
			letter("Jean <jean@client.example>", "relationclient@example.com", id+"@client.example", "Question "+id, "Bonjour "+id+"\n"))
	}
	ask("q1")
	f.mailbox("anne", 1)
	free, _, err := disk.OS{}.Free(f.dir)
	if err != nil {
		t.Fatal(err)
	}
	cfg := f.srv.Config()
	low := *cfg
	low.Limits.MinFreeDisk = 4 * int64(free) // too little for new mail, enough for everything else
	if err := f.srv.Reload(t.Context(), &low); err != nil {
		t.Fatal(err)
	}
	ask("q2")
	f.postfix.logs("status=deferred (host 127.0.0.1[127.0.0.1] said: 452 4.3.1")
	if err := f.srv.Reload(t.Context(), cfg); err != nil {
		t.Fatal(err)
	}
	// From here on the queue's own runs, each 2 s, bring it.
	taken := "status=sent (250 2.0.0 <relationclient@example.com> queued as"
	f.postfix.logs(taken, "status=deferred", taken)
	f.drained()
	f.ticketsAre(2)
	f.customers.Wait(2, wait) // Postfix has them from us, and hands them on
	f.quiet(f.customers, 2)
}

// logs waits until the log has all of these lines, one after the other.
func (p *postfix) logs(words ...string) {
	p.Helper()
	for end := time.Now().Add(2 * wait); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		rest, found := p.log(), true
		for _, w := range words {
			_, after, ok := strings.Cut(rest, w)
			rest, found = after, found && ok
		}
		if found {
			return
		}
	}
	p.Fatalf("the log lacks %q", words)
}
