package server_test

import (
	"fmt"
	"net/textproto"
	"regexp"
	"strings"
	"testing"

	"postdesk/internal/ticket"
	"postdesk/store"
)

// oneDomain is the common case: agents and generic addresses at example.com,
// served by an MTA that passes the generic addresses on over LMTP.
func oneDomain(config string) string {
	config = strings.ReplaceAll(config, "@corp.example", "@example.com")
	config = strings.ReplaceAll(config, `"corp.example" =`, `"example.com" =`)
	config = strings.Replace(config, "[listen]", "frontends = [\"127.0.0.1\"]\ntrusted_authserv = [\"front.example.com\"]\n\n[listen]\nlmtp = [\"127.0.0.1:0\"]", 1)
	return config + "\n[tickets]\ntoken_domain = \"desk.example.com\"\n"
}

// lmtp hands a mail over as the MTA in front would, and returns one reply for
// each recipient.
func (d *desk) lmtp(from string, to []string, mail string) []string {
	d.Helper()
	c, err := textproto.Dial("tcp", d.srv.Addr("lmtp"))
	if err != nil {
		d.Fatal(err)
	}
	defer c.Close()
	steps := []string{"LHLO front.example.com", "MAIL FROM:<" + from + ">"}
	for _, r := range to {
		steps = append(steps, "RCPT TO:<"+r+">")
	}
	_, _, err = c.ReadResponse(220)
	for _, s := range append(steps, "DATA") {
		if err != nil {
			break
		}
		if err = c.PrintfLine("%s", s); err == nil {
			_, _, err = c.ReadResponse(map[bool]int{true: 354, false: 250}[s == "DATA"])
		}
	}
	if err != nil {
		d.Fatal(err)
	}
	w := c.DotWriter()
	fmt.Fprint(w, crlf(mail))
	if err := w.Close(); err != nil {
		d.Fatal(err)
	}
	var replies []string
	for range to {
		code, text, err := c.ReadResponse(0)
		if err != nil {
			d.Fatal(err)
		}
		replies = append(replies, fmt.Sprintf("%d %s", code, text))
	}
	return replies
}

// stamp is what the MTA in front writes on top of a mail that it accepted.
func stamp(result, mail string) string {
	return "Authentication-Results: front.example.com; " + result + "\n" + mail
}

// The conversation behind an MTA, with one domain for agents and generic
// addresses.
func TestConversationBehindAFrontendWithOneDomain(t *testing.T) {
	d := newDesk(t, oneDomain)

	replies := d.lmtp("jean@client.example", []string{"relationclient@example.com", "export@example.com"}, stamp("spf=pass smtp.mailfrom=jean@client.example",
		letter("Jean <jean@client.example>", "relationclient@example.com", "q1@client.example", "Question", "Bonjour\n")))
	for _, r := range replies {
		if !strings.HasPrefix(r, "250 ") {
			t.Fatalf("replies: %q", replies)
		}
	}
	ack := d.arrives(d.customers, 1)
	if got := ack.Header.Text("Subject"); got != "Votre demande n°10000" {
		t.Errorf("acknowledgement: %q", got)
	}

	// One ticket; Anne has it, Bruno of the other team is told.
	d.drained()
	var mine *received
	for i := range d.agents.Mails() {
		if m := d.arrives(d.agents, i+1); strings.Contains(m.To[0], "anne") {
			mine = &m
		}
	}
	if mine == nil {
		t.Fatal("Anne got no copy")
	}
	to := mine.Header.Mailboxes("From")[0].Address
	if to.Domain != "desk.example.com" {
		t.Fatalf("the token address is %s, want one of the token domain", to)
	}

	// Anne answers through the MTA in front, which knows her by her login.
	_, answer := replyTo(*mine, "Anne Durand <anne.durand@example.com>", "Bonjour, c'est fait.\n")
	d.lmtp("anne.durand@example.com", []string{to.String()}, stamp("auth=pass smtp.auth=anne.durand@example.com", answer))
	reply := d.arrives(d.customers, 2)
	if got := reply.Header.Mailboxes("From")[0].Address.String(); got != "relationclient@example.com" {
		t.Errorf("From of the answer: %s", got)
	}
	d.without(reply, "anne.durand", "desk.example.com\"", to.String())

	// The customer's answer, now without any sender authentication: it joins by the ids
	// that we minted, for a mail to the generic address.
	_, again := replyTo(reply, "Jean <jean@client.example>", "Merci !\n")
	d.lmtp("jean@client.example", []string{"relationclient@example.com"}, again)
	d.drained()
	d.view(func(tx store.ReadTx) error {
		tk, err := store.GetTicket(tx, 10000)
		if err != nil {
			return err
		}
		if tk.Messages != 3 || tk.Status != ticket.Open {
			t.Errorf("ticket: %+v", tk)
		}
		return nil
	})
	d.quiet(d.customers, 2)
}

// From a frontend nothing is refused after RCPT, and its own word alone counts.
func TestAFrontendIsNeverMadeToBounce(t *testing.T) {
	d := newDesk(t, oneDomain)
	forged := letter("Boss <boss@strict.example>", "relationclient@example.com", "f1@strict.example", "Urgent", "Pay this\n",
		"Authentication-Results: someone.else; spf=pass smtp.mailfrom=boss@strict.example")
	if r := d.lmtp("boss@strict.example", []string{"relationclient@example.com"}, stamp("dmarc=fail header.from=strict.example", forged)); !strings.HasPrefix(r[0], "250 ") {
		t.Errorf("a DMARC failure from a frontend: %q", r)
	}
	d.quiet(d.customers, 0)
	d.view(func(tx store.ReadTx) error {
		tk, err := store.GetTicket(tx, 10000)
		if err != nil || !tk.Suspect {
			t.Errorf("ticket %+v, %v: want a suspect one", tk, err)
		}
		return nil
	})

	// An agent's address that the frontend did not vouch for is held.
	d.lmtp("anne.durand@example.com", []string{"relationclient@example.com"},
		letter("Anne Durand <anne.durand@example.com>", "relationclient@example.com", "x1@example.com", "Re: x [#10000]", "#close\n"))
	d.drained()
	d.view(func(tx store.ReadTx) error {
		n := 0
		err := store.ListHeld(tx, func(h *store.HeldMail) error { n++; return nil })
		if tk, _ := store.GetTicket(tx, 10000); n != 1 || tk.Status != ticket.New {
			t.Errorf("%d mails held, ticket %s", n, tk.Status)
		}
		return err
	})
}

// mangler plays a smarthost that replaces Message-IDs and drops "+" parts.
type mangler struct{ n int }

var (
	messageID = regexp.MustCompile(`(?mi)^Message-ID:.*\r\n`)
	plusPart  = regexp.MustCompile(`\+[a-z0-9]+@`)
)

func (m *mangler) pass(d *desk, r received) received {
	m.n++
	raw := messageID.ReplaceAllString(string(r.Raw), fmt.Sprintf("Message-ID: <replaced-%d@relay.example>\r\n", m.n))
	r.Received.Raw = []byte(plusPart.ReplaceAllString(raw, "@"))
	return parse(d.T, r.Received)
}

// The conversation behind a smarthost that replaces Message-IDs and drops "+"
// parts, with a token domain.
func TestConversationThroughAMeddlingSmarthost(t *testing.T) {
	d := newDesk(t, func(config string) string {
		return config + "\n[tickets]\ntoken_domain = \"desk.example.com\"\n"
	})
	relay := &mangler{}
	if err := d.send("jean@client.example", []string{"relationclient@example.com"},
		letter("Jean <jean@client.example>", "relationclient@example.com", "q1@client.example", "Question", "Bonjour\n")); err != nil {
		t.Fatal(err)
	}
	copy := relay.pass(d, d.arrives(d.agents, 1))
	ack := relay.pass(d, d.arrives(d.customers, 1))

	// The customer answers the acknowledgement first: it joins.
	to, more := replyTo(ack, "Jean <jean@client.example>", "J'ajoute ceci.\n")
	if err := d.send("jean@client.example", []string{to}, more); err != nil {
		t.Fatal(err)
	}
	d.arrives(d.agents, 2)

	to, answer := replyTo(copy, "Anne Durand <anne.durand@corp.example>", "Voici la réponse.\n")
	if err := d.send("anne.durand@corp.example", []string{to}, answer); err != nil {
		t.Fatal(err)
	}
	reply := relay.pass(d, d.arrives(d.customers, 2))
	if got := reply.Header.Text("Subject"); got != "Question" {
		t.Errorf("subject of the answer: %q, want the request's, though the acknowledgement was answered too", got)
	}
	to, again := replyTo(reply, "Jean <jean@client.example>", "Parfait.\n")
	if err := d.send("jean@client.example", []string{to}, again); err != nil {
		t.Fatal(err)
	}
	d.arrives(d.agents, 3)
	d.quiet(d.customers, 2)
	d.view(func(tx store.ReadTx) error {
		if tk, err := store.GetTicket(tx, 10000); err != nil || tk.Messages != 4 {
			t.Errorf("ticket %+v, %v", tk, err)
		}
		if _, err := store.GetTicket(tx, 10001); err == nil {
			t.Error("a second ticket")
		}
		return nil
	})
}

// A rule that refuses says so in the session on the direct MX; from a frontend
// the mail becomes a closed suspect ticket, and the sentence a mail.
func TestARuleRefuses(t *testing.T) {
	rule := "\n[[rule]]\nname = \"adverts\"\nwhen = { subject = 'partnership' }\nthen = { refuse = \"We buy nothing by mail.\" }\n"
	d := newDesk(t, func(c string) string { return oneDomain(c) + rule })
	advert := letter("Ad <ad@client.example>", "relationclient@example.com", "a1@client.example", "A Partnership", "Hello\n")
	if r := d.lmtp("ad@client.example", []string{"relationclient@example.com"}, stamp("spf=pass smtp.mailfrom=ad@client.example", advert)); !strings.HasPrefix(r[0], "250 ") {
		t.Fatalf("from a frontend: %q", r)
	}
	said := d.arrives(d.customers, 1)
	if !strings.Contains(said.text(), "We buy nothing by mail.") || said.From != "" || said.Header.Text("Subject") != "A Partnership" {
		t.Errorf("the sentence:\n%s", said.Raw)
	}
	d.quiet(d.agents, 0)
	d.view(func(tx store.ReadTx) error {
		tk, err := store.GetTicket(tx, 10000)
		if err != nil || tk.Status != ticket.Closed || !tk.Suspect {
			t.Errorf("ticket %+v, %v", tk, err)
		}
		return nil
	})

	direct := newDesk(t, func(c string) string { return c + rule })
	err := direct.send("ad@client.example", []string{"relationclient@example.com"}, advert)
	if err == nil || !strings.Contains(err.Error(), "We buy nothing by mail.") {
		t.Errorf("on the direct MX: %v", err)
	}
	direct.quiet(direct.customers, 0)
}
