package server_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"postdesk/internal/ticket"
)

// sendsBy answers a mail with a mail program.
func (p *person) sendsBy(by mailer, m received, lines ...string) {
	p.d.Helper()
	contentType, body := by.write(lines, m)
	if strings.Contains(contentType, "X-Encoding") {
		to, mail := replyTo(m, p.String(), "x")
		head, _, _ := strings.Cut(mail, "\n\n")
		head = strings.Replace(head, "Content-Transfer-Encoding: 8bit", "Content-Transfer-Encoding: quoted-printable", 1)
		if err := p.posts([]string{to}, p.dated(head+"\n\n"+body)); err != nil {
			p.d.Fatal(err)
		}
		return
	}
	p.mime(m, contentType, body)
}

// Commands as every mail program writes them are obeyed, and not a letter of them
// reaches the customer.
func TestCommandsByEveryMailProgram(t *testing.T) {
	t.Parallel()
	for _, by := range mailers {
		t.Run(by.name, func(t *testing.T) {
			t.Parallel()
			d := newDesk(t, func(config string) string {
				return strings.Replace(config, `agents = ["anne", "bruno"]`, `agents = ["anne"]`, 1)
			})
			jean, anne := d.jean(), d.anne()
			ask := func() received {
				n := len(jean.mailbox()) // the same request again would not be acknowledged
				_, copy := d.ask(jean, anne, fmt.Sprintf("Question %d", n), fmt.Sprintf("Mon appareil est en panne depuis %d jours.\n", n+2))
				return copy
			}

			anne.sendsBy(by, ask(), "#Note", "", "SECRET pour Bruno.")
			d.says(anne.reads(), "Votre note est gardée")
			if kinds := d.messages(10000); kinds != "in note" {
				t.Errorf("a note: %s", kinds)
			}

			anne.sendsBy(by, ask(), "#solved merci")
			d.says(anne.reads(), "#solved merci")
			d.expect(10001, ticket.Solved, "anne")
			if r := d.ticket(10001).Resolution; r != "merci" {
				t.Errorf("the resolution is %q", r)
			}

			anne.sendsBy(by, ask(), "#assign bruno")
			d.says(anne.reads(), "Bruno Petit")
			d.expect(10002, ticket.New, "bruno")
			jean.hearsNothing()

			anne.sendsBy(by, ask(), "#assign me", "#tag +garantie –prioritaire", "#résolu échange “standard” décidé avec l’atelier ce matin – voir le courrier du 12", "", "Bonjour,", "", "VOICI la réponse.")
			reply := jean.reads()
			d.says(reply, "Bonjour,", "VOICI la réponse.")
			d.without(reply, "#assign", "#tag", "#r", "garantie", "prioritaire", "échange", "standard", "courrier", "SECRET", "anne.durand")
			d.expect(10003, ticket.Solved, "anne")
			if got := d.ticket(10003); !slices.Equal(got.Tags, []string{"garantie"}) || !strings.HasPrefix(got.Resolution, "échange “standard” décidé") || !strings.HasSuffix(got.Resolution, "du 12") {
				t.Errorf("tags %q, resolution %q", got.Tags, got.Resolution)
			}
			if h := d.held(); len(h) > 0 {
				t.Errorf("held: %+v", h)
			}
		})
	}
}
