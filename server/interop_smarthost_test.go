//go:build interop

package server_test

import (
	"context"
	"fmt"
	"net"
	"strings"
	"testing"

	"postdesk/internal/config"
	"postdesk/internal/ticket"
	"postdesk/relay"
	"postdesk/server"
)

// A Postfix behind postdesk passes everything on to the sinks.
const behindMain = `transport_maps = inline:{ client.example=smtp:[127.0.0.1]:CUSTOMERS, corp.example=smtp:[127.0.0.1]:AGENTS }
relay_domains = client.example
smtpd_relay_restrictions = permit_mynetworks, reject_unauth_destination
`

// meddling also replaces Message-IDs and drops "+" parts, in header and envelope.
const meddling = `header_checks = regexp:$etc/header_checks
always_add_missing_headers = yes
canonical_maps = regexp:$etc/canonical
`

func (p *postfix) startBehind(d *desk, more string) {
	p.Helper()
	p.write("header_checks", "/^Message-ID:/ IGNORE\n", false)
	p.write("canonical", "/^([^+]+)\\+.*@(.*)$/ $1@$2\n", false)
	p.start(strings.NewReplacer("CUSTOMERS", port(d.customers.Addr), "AGENTS", port(d.agents.Addr)).Replace(behindMain + more))
}

// throughSmarthost is a configuration without routes.
func throughSmarthost(text, smarthost string) string {
	head, rest, _ := strings.Cut(text, "[relay.routes]\n")
	_, rest, _ = strings.Cut(rest, "\n\n")
	head = strings.Replace(head, "[relay]\n", fmt.Sprintf("[relay]\nsmarthost = %q\n", smarthost), 1)
	return head + rest
}

// Postfix as smarthost, which passes on what it gets.
func TestPostfixAsSmarthost(t *testing.T) {
	p := newPostfix(t)
	d := newDesk(t, func(config string) string { return throughSmarthost(config, p.addr()) })
	p.startBehind(d, "")
	d.converse("relationclient+t")
	p.calm()
}

// Postfix as smarthost, which replaces Message-IDs and drops "+" parts: a token
// domain stands that.
func TestPostfixAsMeddlingSmarthost(t *testing.T) {
	p := newPostfix(t)
	d := newDesk(t, func(config string) string {
		return throughSmarthost(config, p.addr()) + "\n[tickets]\ntoken_domain = \"desk.example.com\"\n"
	})
	p.startBehind(d, meddling)
	d.converse("@desk.example.com")
	for _, m := range append(d.customers.Mails(), d.agents.Mails()...) {
		if id := parse(t, m).Header.MessageIDs("Message-ID"); len(id) != 1 || !strings.HasSuffix(id[0], "@front.example.com") {
			t.Errorf("Postfix did not replace the Message-ID: %q", id)
		}
	}
	p.calm()
}

// Postfix as the customers' MX, found by DNS.
func TestPostfixAsMX(t *testing.T) {
	p := newPostfix(t)
	d := newWorld(t)
	if err := d.dns.Set("mx.client.example", "A 192.0.2.25"); err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(d.config(), "\"client.example\" =")
	head, _, _ := strings.Cut(d.config(), "\"client.example\" =")
	_, rest, _ = strings.Cut(rest, "\n")
	d.startRelaying(head+rest, func(o *relay.Options) { o.Dial = insteadOf("192.0.2.25:25", p.addr()) })
	p.startBehind(d, "")
	d.converse("relationclient+t")
	if !strings.Contains(p.log(), "to=<jean@client.example>") {
		t.Error("the customer's mail did not go through the MX")
	}
	p.calm()
}

// newWorld is newDesk without postdesk.
func newWorld(t *testing.T) *desk {
	t.Helper()
	d := newDesk(t, nil)
	if err := d.srv.Close(); err != nil {
		t.Fatal(err)
	}
	d.dir = t.TempDir()
	return d
}

// startRelaying is start, with a relay that the test changed.
func (d *desk) startRelaying(text string, change func(*relay.Options)) {
	d.Helper()
	cfg, err := config.Parse(d.dir+"/config.toml", []byte(text))
	if err != nil {
		d.Fatal(err)
	}
	d.srv, err = server.Start(context.Background(), server.Options{Config: cfg, Resolver: d.dns.Resolver(), Relay: change})
	if err != nil {
		d.Fatal(err)
	}
	d.Cleanup(func() { _ = d.srv.Close() })
}

// insteadOf dials real where addr is meant: an address of loopback is no MX.
func insteadOf(addr, real string) func(context.Context, string, string) (net.Conn, error) {
	return func(ctx context.Context, network, to string) (net.Conn, error) {
		var d net.Dialer
		if to == addr {
			to = real
		}
		return d.DialContext(ctx, network, to)
	}
}

// calm fails the test when Postfix had anything to complain of.
func (p *postfix) calm() {
	p.Helper()
	if trouble := p.troubles(); len(trouble) > 0 {
		p.Errorf("Postfix complains:\n%s", strings.Join(trouble, ""))
	}
}

// converse is a conversation of two rounds, whatever the mails go through. mark
// is what token addresses have.
func (d *desk) converse(mark string) {
	d.Helper()
	say := func(from, to, mail string) {
		d.Helper()
		if out, code := swaks(d.T, d.srv.Addr("mx"), from, to, mail); code != 0 {
			d.Fatalf("swaks says %d:\n%s", code, out)
		}
	}
	say("jean@client.example", "relationclient@example.com",
		letter(`"Jean Client" <jean@client.example>`, "relationclient@example.com", "q1@client.example", "Une question", "Bonjour,\nça ne marche pas.\n"))
	ack, copy := d.arrives(d.customers, 1), d.arrives(d.agents, 1)

	to, more := replyTo(ack, `"Jean Client" <jean@client.example>`, "J'ajoute ceci.\n")
	say("jean@client.example", to, more)
	d.arrives(d.agents, 2)

	to, answer := replyTo(copy, "Anne Durand <anne.durand@corp.example>", "Redémarrez-le.\n", "User-Agent: CanaryMail/7")
	if !strings.Contains(to, mark) {
		d.Fatalf("the copy is from %s, want an address with %s", to, mark)
	}
	say("anne.durand@corp.example", to, answer)
	reply := d.arrives(d.customers, 2)
	if got := reply.Header.Text("Subject"); got != "Une question" {
		d.Errorf("subject of the answer: %q", got)
	}
	d.without(reply, "anne.durand", "a.durand", "corp.example", "CanaryMail", to)

	to, again := replyTo(reply, `"Jean Client" <jean@client.example>`, "Merci.\n")
	if to != "relationclient@example.com" {
		d.Errorf("the customer's client answers to %s", to)
	}
	say("jean@client.example", to, again)
	d.arrives(d.agents, 3)
	d.ticketIs(10000, 4, ticket.Open)
	d.quiet(d.customers, 2)
}
