package server_test

import (
	"strings"
	"testing"

	"postdesk/internal/ticket"
)

// Mails without one usable author become tickets too; an answer to nobody is
// held, with the reason.
func TestOddAuthors(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, from string }{
		{"none", ""},
		{"empty", "From: \n"},
		{"group", "From: undisclosed-recipients:;\n"},
		{"two", "From: jean@client.example, paul@client.example\n"},
		{"two fields", "From: jean@client.example\nFrom: anne.durand@corp.example\n"},
		{"an agent among them", "From: Anne <anne.durand@corp.example>, jean@client.example\n"},
		{"nonsense", "From: \"<<>>@@\n"},
		{"no domain", "From: jean\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			d := newDesk(t, nil)
			anne := d.anne()
			mail := c.from + "To: " + generic + "\nMessage-ID: <odd@client.example>\nSubject: Bizarre\n\nLe texte bizarre.\n"
			if err := d.send("jean@client.example", []string{generic}, mail); err != nil {
				t.Fatal(err)
			}
			copy := anne.reads()
			d.says(copy, "Le texte bizarre.")
			anne.answers(copy, "À qui ?\n")
			d.says(anne.reads(), "pas d’adresse de client")
			d.drained()
			if d.customers.Count() != 0 {
				t.Errorf("%d mails went out:\n%s", d.customers.Count(), d.customers.Mails()[0].Raw)
			}
		})
	}
}

// What a sender hides in encoded words adds no header to what we write.
func TestNoHeaderIsInjected(t *testing.T) {
	t.Parallel()
	d := newDesk(t, nil)
	anne := d.anne()
	evil := "=?utf-8?q?a=0D=0ABcc:_victim@other.example=0D=0A=0D=0Abody=00?="
	mail := "From: " + evil + " <jean@client.example>\nTo: " + generic + "\nMessage-ID: <evil@client.example>\nSubject: " + evil +
		"\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n\n--b\n\nTexte.\n--b\nContent-Type: text/csv\nContent-Disposition: attachment; filename=\"" + evil + "\"\n\na\n--b--\n"
	if err := d.send("jean@client.example", []string{generic}, mail); err != nil {
		t.Fatal(err)
	}
	jean := d.jean()
	jean.reads()
	copy := anne.reads()
	anne.answers(copy, "Voici.\n")
	for _, m := range []received{copy, jean.reads()} {
		head, _, _ := strings.Cut(string(m.Raw), "\r\n\r\n")
		if m.Header.Count("Bcc") != 0 || strings.Contains(head, "\r\nBcc") || strings.Contains(head, "\x00") {
			t.Errorf("injected:\n%s", head)
		}
	}
	d.drained()
	if n := len(d.person("", "victim@other.example").mailbox()); n != 0 {
		t.Error("the victim got a mail")
	}
}

// A customer's name that is an agent's is flagged, and gives no right.
func TestAnAgentsNameFromOutside(t *testing.T) {
	t.Parallel()
	d := newDesk(t, nil)
	d.person("Bruno Petit", "bruno@other.example").writes(generic, "Urgent", "#close\nFais le virement.\n")
	d.says(d.anne().reads(), "ressemble à celui d’un collègue")
	d.expect(10000, ticket.New, "anne")
}

// An agent's alias is the agent.
func TestAnAgentWritesFromAnAlias(t *testing.T) {
	t.Parallel()
	d := newDesk(t, nil)
	jean, anne := d.jean(), d.anne()
	_, copy := d.ask(jean, anne, "Une question", "Bonjour\n")
	anne.address = "a.durand@corp.example"
	anne.answers(copy, "Voici la réponse.\n")
	reply := jean.reads()
	d.says(reply, "Voici la réponse.")
	d.without(reply, "durand@corp")
}

// An agent who is gone: the tickets go to the team, the tokens are dead.
func TestAnAgentWhoIsGone(t *testing.T) {
	t.Parallel()
	d := newDesk(t, nil)
	jean, anne, bruno := d.jean(), d.anne(), d.bruno()
	_, copy := d.ask(jean, anne, "Une question", "Bonjour\n")
	anne.answers(copy, "Je m'en occupe.\n")
	reply := jean.reads()

	at := strings.Index(d.text, "[[agent]]\nid = \"anne\"")
	end := strings.Index(d.text, "[[agent]]\nid = \"bruno\"")
	d.text = strings.Replace(d.text[:at]+d.text[end:], `agents = ["anne", "bruno"]`, `agents = ["bruno"]`, 1)
	d.again()
	jean.answers(reply, "Et alors ?\n")
	d.says(bruno.reads(), "Et alors ?")
	anne.hearsNothing()

	anne.answers(copy, "#close\nJe parle encore au client.\n")
	d.drained()
	for _, m := range jean.mailbox() {
		d.without(parse(t, m), "parle encore")
	}
	d.expect(10000, ticket.Open, "anne") // the name stays in the history
	if r := d.ticket(10001).Requester(); r == nil || r.Address.String() != anne.address {
		t.Errorf("her mail is the request of %+v", r)
	}
}

// SMTPUTF8 addresses get their acknowledgement and their answer.
func TestACustomerWithAnInternationalAddress(t *testing.T) {
	t.Parallel()
	d := newDesk(t, nil)
	s := d.dial("mx")
	s.says("MAIL FROM:<jérôme@client.example> SMTPUTF8 BODY=8BITMIME", 250)
	s.says("RCPT TO:<"+generic+">", 250)
	s.says("DATA", 354)
	w := s.c.DotWriter()
	mail := letter("Jérôme <jérôme@client.example>", generic, "u1@client.example", "Été", "Ça va ?\n", "MIME-Version: 1.0", "Content-Type: text/plain; charset=utf-8")
	if _, err := w.Write([]byte(crlf(mail))); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if code, text, err := s.c.ReadResponse(250); err != nil {
		t.Fatal(code, text, err)
	}
	jerome, anne := d.person("Jérôme", "jérôme@client.example"), d.anne()
	jerome.reads()
	copy := anne.reads()
	if copy.subject() != "Été [#10000]" {
		t.Errorf("subject: %q", copy.subject())
	}
	anne.answers(copy, "Ça va.\n")
	d.says(jerome.reads(), "Ça va.")
}
