package server_test

import (
	"strings"
	"testing"

	"postdesk/internal/ticket"
	"postdesk/store"
)

// The whole conversation, with postdesk as the MX of its own domain.
func TestConversation(t *testing.T) {
	d := newDesk(t, nil)

	// A customer writes to the generic address.
	if err := d.send("jean@client.example", []string{"relationclient@example.com"},
		letter(`"Jean Client" <jean@client.example>`, "relationclient@example.com", "q1@client.example", "Une question", "Bonjour,\nmon appareil ne marche pas.\n")); err != nil {
		t.Fatal(err)
	}

	// The customer gets the acknowledgement.
	ack := d.arrives(d.customers, 1)
	if got := ack.Header.Text("Subject"); got != "Votre demande n°10000" {
		t.Errorf("subject of the acknowledgement: %q", got)
	}
	if ack.From != "" || ack.Header.Get("Auto-Submitted") != "auto-replied" || ack.Header.MessageIDs("In-Reply-To")[0] != "q1@client.example" {
		t.Errorf("acknowledgement: from %q\n%s", ack.From, ack.Raw)
	}

	// Anne gets the mail, as it was.
	copy := d.arrives(d.agents, 1)
	if got := copy.Header.Mailboxes("From")[0].Name; got != "Jean Client (via Relation Client)" {
		t.Errorf("From of the copy: %q", got)
	}
	if to := copy.To; len(to) != 1 || !strings.Contains("anne.durand@corp.example", to[0]) {
		t.Errorf("the copy went to %v", to)
	}
	if got := copy.Header.Text("Subject"); got != "Une question [#10000]" {
		t.Errorf("subject of the copy: %q", got)
	}
	if !strings.Contains(copy.text(), "mon appareil ne marche pas.") {
		t.Errorf("text of the copy:\n%s", copy.text())
	}

	// Anne presses Reply in her own mail client, with her own mail server.
	to, answer := replyTo(copy, "Anne Durand <anne.durand@corp.example>", "Bonjour,\nredémarrez-le, puis dites-moi.\n",
		"User-Agent: CanaryMail/7", "X-Originating-IP: 10.20.30.40")
	if err := d.send("anne.durand@corp.example", []string{to}, answer); err != nil {
		t.Fatal(err)
	}
	reply := d.arrives(d.customers, 2)
	from := reply.Header.Mailboxes("From")[0]
	if from.Name != "Anne Durand – Relation Client" || from.Address.String() != "relationclient@example.com" {
		t.Errorf("From of the reply: %q", from)
	}
	if got := reply.Header.MessageIDs("In-Reply-To"); len(got) != 1 || got[0] != "q1@client.example" {
		t.Errorf("In-Reply-To of the reply: %v", got)
	}
	if !strings.Contains(reply.text(), "redémarrez-le, puis dites-moi.") {
		t.Errorf("text of the reply:\n%s", reply.text())
	}
	d.without(reply, "anne.durand@", "a.durand@", "corp.example", "CanaryMail", "10.20.30.40", "relationclient+t", "127.0.0.1")

	// Jean answers with a file: the same ticket, no second acknowledgement.
	to, again := replyTo(reply, `"Jean Client" <jean@client.example>`, "Toujours rien, voici une photo.\n")
	if to != "relationclient@example.com" {
		t.Errorf("the customer's client answers to %s", to)
	}
	if err := d.send("jean@client.example", []string{to}, again); err != nil {
		t.Fatal(err)
	}
	second := d.arrives(d.agents, 2)
	if !strings.Contains(second.text(), "voici une photo") || second.Header.Text("Subject") != "Une question [#10000]" {
		t.Errorf("second copy:\n%s", second.Raw)
	}
	d.quiet(d.customers, 2)

	d.view(func(tx store.ReadTx) error {
		tk, err := store.GetTicket(tx, 10000)
		if err != nil {
			return err
		}
		if tk.Status != ticket.Open || tk.Assignee != "anne" || tk.Messages != 3 {
			t.Errorf("ticket: %+v", tk)
		}
		_, err = store.GetTicket(tx, 10001)
		if err == nil {
			t.Error("there is a second ticket")
		}
		return nil
	})
}
