//go:build interop

package server_test

import (
	"testing"

	"postdesk/internal/ticket"
)

// swaks as Anne's client, Postfix as the way out: a new mail to a customer opens a
// ticket, and the customer's answer finds it.
func TestSwaksWritesToACustomerThroughPostfix(t *testing.T) {
	swaksWithTLS(t)
	p := newPostfix(t)
	d := newDesk(t, func(config string) string { return throughSmarthost(config, p.addr()) })
	p.startBehind(d, "")
	mail := letter(anneTeam, "jean@client.example", "s1@laptop.corp.example", "Votre contrat", "Bonjour,\nvotre contrat arrive à son terme.\n",
		"MIME-Version: 1.0", "Content-Type: text/plain; charset=utf-8", "Content-Transfer-Encoding: 8bit", "X-Mailer: swaks")
	out, code := swaks(t, d.srv.Addr("submission"), generic, "jean@client.example,paul@client.example", mail,
		"--tls", "--auth", "PLAIN", "--auth-user", "anne", "--auth-password", "secret of anne", "--helo", "laptop")
	if code != 0 {
		t.Fatalf("swaks says %d:\n%s", code, out)
	}
	jean, paul, anne := d.jean(), d.person("", "paul@client.example"), d.anne()
	m := jean.reads()
	d.says(m, "votre contrat arrive à son terme.", "Anne Durand")
	d.without(m, "corp.example", "laptop", "swaks", "paul@")
	paul.reads()
	jean.answers(m, "Renouvelez-le.")
	d.says(anne.reads(), "Renouvelez-le.")
	d.expect(10000, ticket.Open, "anne")
	p.calm()
}
