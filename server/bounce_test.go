package server_test

import (
	"fmt"
	"strings"
	"testing"

	"postdesk/internal/testkit"
	"postdesk/internal/ticket"
)

// report is what another server writes about a mail that it could not deliver,
// RFC 3464.
func report(sent received, rcpt, action, status, diagnostic string) string {
	return letter("Mail Delivery System <mailer-daemon@mx.client.example>", sent.From, "dsn-"+sent.id(), "Undelivered Mail Returned to Sender",
		fmt.Sprintf(`--b
Content-Type: text/plain

This is the mail system. I'm sorry.
--b
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.client.example

Final-Recipient: rfc822; %s
Action: %s
Status: %s
Remote-MTA: dns; inner.client.example
Diagnostic-Code: smtp; %s

--b
Content-Type: text/rfc822-headers

Message-ID: <%s>
Subject: x
--b--
`, rcpt, action, status, diagnostic, sent.id()),
		"MIME-Version: 1.0", `Content-Type: multipart/report; report-type=delivery-status; boundary=b`)
}

// bounce sends the report back to the mail's envelope sender.
func (d *desk) bounce(sent received, rcpt, action, status, diagnostic string) {
	d.Helper()
	if sent.From == "" {
		d.Fatal("the mail has a null sender: nothing may bounce")
	}
	d.drained() // a report that is faster than the record of the delivery is asked for again
	if err := d.send("", []string{sent.From}, report(sent, rcpt, action, status, diagnostic)); err != nil {
		d.Fatal(err)
	}
	d.drained()
}

// An answer that the customer's server gives back: the agent is told in words,
// and it is our turn again.
func TestABouncedAnswer(t *testing.T) {
	t.Parallel()
	d := newDesk(t, nil)
	jean, anne := d.jean(), d.anne()
	_, copy := d.ask(jean, anne, "Une question", "Bonjour\n")
	anne.answers(copy, "Voici la réponse.\n")
	reply := jean.reads()
	d.expect(10000, ticket.Pending, "anne")

	// A delay changes nothing.
	d.bounce(reply, jean.address, "delayed", "4.4.1", "connection refused")
	d.expect(10000, ticket.Pending, "anne")
	anne.hearsNothing()

	d.bounce(withID(reply, "second"), jean.address, "failed", "5.1.1", "550 no such user here")
	notice := anne.reads()
	d.says(notice, "jean@client.example", "550 no such user here")
	if notice.From != "" {
		t.Errorf("the notice has the sender %q", notice.From)
	}
	d.expect(10000, ticket.Open, "anne")
	e := d.happened(10000, ticket.DeliveryFailed)
	if len(e) != 1 || e[0].Message == 0 || e[0].Data["to"] != jean.address {
		t.Errorf("delivery-failed: %+v", e)
	}
	// The same failure twice is told once.
	d.bounce(withID(reply, "third"), jean.address, "failed", "5.1.1", "550 no such user here")
	anne.hearsNothing()
	jean.hearsNothing()
	if d.tickets() != 1 {
		t.Errorf("%d tickets", d.tickets())
	}
	// What she answers to the notice is for nobody, and she hears so; she answers
	// the customer's mail again.
	anne.answers(notice, "Zut !\n")
	d.says(anne.reads(), "n’a été envoyé à personne", "Zut !")
	anne.answers(copy, "Deuxième essai.\n")
	d.says(jean.reads(), "Deuxième essai.")
}

// withID is the mail with another body in its report, so that it is not the same
// report again.
func withID(m received, more string) received {
	raw := strings.Replace(string(m.Raw), "\r\n\r\n", "\r\nX-More: "+more+"\r\n\r\n", 1)
	r := m.Received
	r.Raw = []byte(raw)
	return received{r, m.Message}
}

// An answer that the customer's server refuses in the session is the same.
func TestARefusedAnswer(t *testing.T) {
	t.Parallel()
	d := newDesk(t, nil)
	jean, anne := d.jean(), d.anne()
	_, copy := d.ask(jean, anne, "Une question", "Bonjour\n")
	d.customers.SetScript(testkit.Script{testkit.AtRCPT: {Reply: "550 5.2.1 mailbox disabled"}})
	anne.answers(copy, "Voici la réponse.\n")
	d.says(anne.reads(), "jean@client.example", "mailbox disabled")
	d.expect(10000, ticket.Open, "anne")
	if e := d.happened(10000, ticket.DeliveryFailed); len(e) != 1 || e[0].Data["code"] != "550" {
		t.Errorf("delivery-failed: %+v", e)
	}
}

// An agent's copy that comes back unassigns the ticket, and the colleagues get
// the mail.
func TestABouncedCopy(t *testing.T) {
	t.Parallel()
	d := newDesk(t, nil)
	jean, anne, bruno := d.jean(), d.anne(), d.bruno()
	_, copy := d.ask(jean, anne, "Une question", "Bonjour\nvoici.\n")
	d.bounce(copy, anne.address, "failed", "5.1.1", "550 gone")
	d.expect(10000, ticket.New, "")
	got := bruno.reads()
	d.says(got, "voici.", "Anne Durand")
	bruno.answers(got, "Je prends.\n")
	d.says(jean.reads(), "Je prends.")
	d.expect(10000, ticket.Pending, "bruno")
}

// The same when the agent's server refuses the copy in the session; without a
// colleague it is the supervisors, and then the postmaster.
func TestARefusedCopy(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, config, reader string }{
		{"a colleague", "", "bruno.petit@corp.example"},
		{"no colleague, a supervisor", "supervisor", "chef@corp.example"},
		{"nobody", "alone", "it@corp.example"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			d := newDesk(t, func(config string) string {
				if c.config != "" {
					config = strings.Replace(config, `agents = ["anne", "bruno"]`, `agents = ["anne"]`, 1)
				}
				if c.config == "supervisor" {
					config += "\n[[agent]]\nid = \"chef\"\nname = \"Chef\"\naddress = \"chef@corp.example\"\nrole = \"supervisor\"\n"
				}
				return config
			})
			d.agents.SetScript(testkit.Script{testkit.AtRCPT: {Reply: "550 5.1.1 no such user", Times: 1}})
			jean := d.jean()
			jean.writes(generic, "Une question", "Le texte perdu.\n")
			jean.reads()
			got := d.person("", c.reader).reads()
			if !strings.Contains(string(got.Raw)+got.text(), "Le texte perdu.") {
				t.Errorf("the mail is not in it:\n%s", got.Raw)
			}
			d.drained()
			if tk := d.ticket(10000); tk.Assignee != "" {
				t.Errorf("still assigned to %q", tk.Assignee)
			}
			if len(d.happened(10000, ticket.Undeliverable)) != 1 {
				t.Error("no event")
			}
			jean.hearsNothing()
		})
	}
}

// When every mailbox of the team is dead, the postmaster hears of it.
func TestAllCopiesAreRefused(t *testing.T) {
	t.Parallel()
	d := newDesk(t, func(config string) string { return config })
	d.agents.SetScript(testkit.Script{testkit.AtRCPT: {Reply: "550 5.1.1 no such user", Times: 2}})
	d.jean().writes(generic, "Une question", "Le texte perdu.\n")
	got := d.person("", "it@corp.example").reads()
	if !strings.Contains(string(got.Raw), "Le texte perdu.") {
		t.Errorf("the mail is not attached:\n%s", got.Raw)
	}
	d.person("", "it@corp.example")
	d.drained()
	if n := len(d.person("", "it@corp.example").mailbox()); n != 1 {
		t.Errorf("%d mails to the postmaster", n)
	}
}

// A copy that is too large for the agent's server goes again without the large
// attachments.
func TestACopyTooLarge(t *testing.T) {
	t.Parallel()
	d := newDesk(t, nil)
	jean, anne := d.jean(), d.anne()
	d.agents.SetScript(testkit.Script{testkit.AtDot: {Reply: "552 5.3.4 message too big", Times: 1}})
	big := strings.Repeat(strings.Repeat("QUJD", 19)+"\n", 30000)
	jean.writes(generic, "Deux fichiers", "--b\nContent-Type: text/plain\n\nVoici deux fichiers.\n--b\nContent-Type: image/png\nContent-Disposition: attachment; filename=petit.png\nContent-Transfer-Encoding: base64\n\nQUJDREVG\n"+
		"--b\nContent-Type: application/zip\nContent-Disposition: attachment; filename=gros.zip\nContent-Transfer-Encoding: base64\n\n"+big+"--b--\n",
		"MIME-Version: 1.0", "Content-Type: multipart/mixed; boundary=b")
	copy := anne.reads()
	d.says(copy, "Voici deux fichiers.", "gros.zip")
	if names := attached(copy); names != "petit.png" {
		t.Errorf("attachments of the second copy: %s", names)
	}
	d.expect(10000, ticket.New, "anne")
	anne.answers(copy, "Bien reçu.\n")
	jean.reads() // the acknowledgement
	d.says(jean.reads(), "Bien reçu.")
	// One that is refused again is a dead mailbox.
	d.agents.SetScript(testkit.Script{testkit.AtDot: {Reply: "552 5.3.4 message too big", Times: 2}})
	jean.answers(d.mailTo(jean, 1), "Encore un mot.\n")
	d.says(d.bruno().reads(), "Encore un mot.")
}

func attached(m received) string {
	var names []string
	for _, a := range m.Attachments() {
		names = append(names, a.FileName())
	}
	return strings.Join(names, " ")
}

// A report that is about nothing of ours is kept, closed and tagged, and
// disturbs nobody.
func TestABounceOfNothing(t *testing.T) {
	t.Parallel()
	d := newDesk(t, nil)
	alien := received{Received: testkit.Received{From: generic}, Message: parse(t, testkit.Received{Raw: []byte("Message-ID: <alien@elsewhere.example>\r\n\r\n")}).Message}
	d.bounce(alien, "who@elsewhere.example", "failed", "5.1.1", "550 who?")
	tk := d.ticket(10000)
	if tk.Status != ticket.Closed || len(tk.Tags) != 1 || tk.Tags[0] != "bounce" {
		t.Errorf("ticket: %s %v", tk.Status, tk.Tags)
	}
	if d.customers.Count()+d.agents.Count() != 0 {
		t.Errorf("mails: %d and %d", d.customers.Count(), d.agents.Count())
	}
}

// Vacation answers and receipts are shown in the ticket, and change nothing.
func TestAutomaticMailChangesNothing(t *testing.T) {
	t.Parallel()
	d := newDesk(t, nil)
	jean, anne := d.jean(), d.anne()
	_, copy := d.ask(jean, anne, "Une question", "Bonjour\n")
	anne.answers(copy, "Voici la réponse.\n")
	reply := jean.reads()
	for _, status := range []string{"pending", "solved", "closed"} {
		switch status {
		case "solved":
			anne.answers(copy, "#solved\n")
			anne.reads()
		case "closed":
			anne.answers(copy, "#close\n")
			anne.reads()
		}
		d.drained()
		jean.answers(reply, "Je suis en vacances, "+status+".\n", "Auto-Submitted: auto-replied")
		jean.from("<>").answers(reply, "Je suis absent, "+status+".\n")
		_, receipt := replyTo(reply, jean.String(), "Lu, "+status+".\n")
		receipt = strings.Replace(receipt, "Content-Type: text/plain; charset=utf-8", "Content-Type: multipart/report; report-type=disposition-notification; boundary=b", 1)
		if err := jean.posts([]string{generic}, receipt); err != nil {
			t.Fatal(err)
		}
		d.drained()
		if got := string(d.ticket(10000).Status); got != status {
			t.Errorf("the ticket is %s, want %s", got, status)
		}
	}
	anne.drop()
	jean.hearsNothing()
	if d.tickets() != 1 {
		t.Errorf("%d tickets", d.tickets())
	}
}

// A colleague's own failed note bothers nobody; a failed reply of an agent who
// left is told to the team.
func TestABouncedAnswerOfSomeoneWhoLeft(t *testing.T) {
	t.Parallel()
	d := newDesk(t, nil)
	jean, anne, bruno := d.jean(), d.anne(), d.bruno()
	_, copy := d.ask(jean, anne, "Une question", "Bonjour\n")
	anne.answers(copy, "Voici la réponse.\n")
	reply := jean.reads()
	d.text = strings.Replace(strings.Replace(d.text, `agents = ["anne", "bruno"]`, `agents = ["bruno"]`, 1), `"anne"`, `"anne-gone"`, 1)
	d.again()
	d.bounce(reply, jean.address, "failed", "5.1.1", "550 no such user here")
	d.says(bruno.reads(), "no such user here")
}

// A vacation answer goes to the envelope sender (RFC 3834 §4), with a sender of
// its own or without, and may name no Message-ID: it is shown in the ticket.
func TestAVacationAnswerToTheEnvelopeSender(t *testing.T) {
	t.Parallel()
	d := newDesk(t, nil)
	jean, anne := d.jean(), d.anne()
	_, copy := d.ask(jean, anne, "Une question", "Bonjour\n")
	anne.answers(copy, "Voici.\n")
	reply := jean.reads()
	jean.writes(reply.From, "Auto: Une question", "Je suis en vacances.\n", "Auto-Submitted: auto-replied")
	jean.from("<>").writes(reply.From, "Absent", "Je suis encore en vacances.\n")
	anne.writes(copy.From, "Absente", "Je suis en vacances aussi.\n", "Auto-Submitted: auto-replied")
	d.drained()
	if kinds := d.messages(10000); kinds != "in out bounce bounce bounce" || d.tickets() != 1 {
		t.Errorf("messages: %s, %d tickets", kinds, d.tickets())
	}
	d.expect(10000, ticket.Pending, "anne")
	jean.hearsNothing()
	anne.hearsNothing()
}

// A person who forwards a report is a person: the report is attached, and the
// mail has a sender.
func TestAPersonForwardsAReport(t *testing.T) {
	t.Parallel()
	d := newDesk(t, nil)
	jean, anne := d.jean(), d.anne()
	jean.writes(generic, "Votre adresse ne marche pas", part("Content-Type: text/plain", "Voyez ce que j'ai reçu.")+
		part("Content-Type: message/delivery-status", "Reporting-MTA: dns; x\n\nFinal-Recipient: rfc822; who@else.example\nAction: failed\nStatus: 5.1.1\n")+"--b--\n",
		"MIME-Version: 1.0", "Content-Type: "+mixed)
	d.says(anne.reads(), "Voyez ce que j'ai reçu.")
	d.expect(10000, ticket.New, "anne")
}

// A server that never heard of RFC 3464 writes in prose. It came to the mail's
// own envelope sender, so it is about that mail; the agent hears what it says.
func TestABounceInProse(t *testing.T) {
	t.Parallel()
	d := newDesk(t, nil)
	jean, anne := d.jean(), d.anne()
	_, copy := d.ask(jean, anne, "Une question", "Bonjour\n")
	anne.answers(copy, "Voici la réponse.\n")
	sent := jean.reads()
	prose := letter("MAILER-DAEMON@mx.client.example", sent.From, "prose@mx.client.example", "failure notice",
		"Hi. I wasn't able to deliver your message.\n\n<jean@client.example>:\nSorry, no mailbox here by that name. (#5.1.1)\n\n--- Below this line is a copy of the message.\n\nSubject: x\n")
	d.drained()
	if err := d.send("", []string{sent.From}, prose); err != nil {
		t.Fatal(err)
	}
	d.says(anne.reads(), "jean@client.example", "no mailbox here by that name")
	d.expect(10000, ticket.Open, "anne")
	anne.hearsNothing()
	jean.hearsNothing()
}
