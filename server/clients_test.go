package server_test

import (
	"strings"
	"testing"

	"postdesk/internal/ticket"
)

// What mail clients make of "#solved" alone: nothing goes to the customer.
func TestCommandsAlone(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, contentType, body string }{
		{"plain", "text/plain; charset=utf-8", "#solved\n"},
		{"with a byte order mark", "text/plain; charset=utf-8", "\ufeff#solved\n"},
		{"with no-break spaces", "text/plain; charset=utf-8", "\u00a0#solved\u00a0\n\u00a0\n"},
		{"with a signature", "text/plain; charset=utf-8", "#solved\n\n-- \nAnne Durand\nRelation Client\n"},
		{"from a phone", "text/plain; charset=utf-8", "#solved\n\nEnvoyé de mon iPhone\n"},
		{"from an Android", "text/plain; charset=utf-8", "#solved\n\nEnvoyé depuis mon téléphone Android avec K-9 Mail.\n"},
		{"from Outlook for Android", "text/plain; charset=utf-8", "#solved\n\nTélécharger Outlook pour Android<https://aka.ms/AAb9ysg>\n"},
		{"HTML alone", "text/html; charset=utf-8", "<html><body><div>#solved</div><div><br></div></body></html>"},
		{"HTML of Outlook", "text/html; charset=utf-8", `<html><body><p class="MsoNormal">#solved<o:p></o:p></p><p class="MsoNormal"><o:p>&nbsp;</o:p></p></body></html>`},
		{"HTML with a quote", "text/html; charset=utf-8", `<div dir="ltr">#solved</div><br><div class="gmail_quote"><div class="gmail_attr">Le sam. 21 nov. 2026 à 10:00, Jean a écrit&nbsp;:<br></div><blockquote class="gmail_quote">Bonjour</blockquote></div>`},
		{"flowed", "text/plain; charset=utf-8; format=flowed", "#solved\n\nLe 21/11/2026 à 10:00, Jean a écrit :\n> Bonjour\n"},
		{"alternative", "multipart/alternative; boundary=b", part("Content-Type: text/plain; charset=utf-8", "#solved") + part("Content-Type: text/html; charset=utf-8", "<p>#solved</p>") + "--b--\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			d := newDesk(t, nil)
			jean, anne := d.jean(), d.anne()
			_, copy := d.ask(jean, anne, "Une question", "Bonjour\n")
			anne.mime(copy, c.contentType, c.body)
			d.says(anne.reads(), "#solved")
			d.expect(10000, ticket.Solved, "anne")
			jean.hearsNothing()
		})
	}
}

// A note by any client stays inside, in text and HTML.
func TestANoteByAnyClient(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, contentType, body string }{
		{"HTML alone", "text/html; charset=utf-8", "<div>#note</div><div>SECRET</div>"},
		{"line breaks", "text/html; charset=utf-8", "#note<br>SECRET"},
		{"with space", "text/html; charset=utf-8", "<p>&nbsp;</p><p>&nbsp;<b>#Note</b></p><p>SECRET</p>"},
		{"alternative, text empty", "multipart/alternative; boundary=b", part("Content-Type: text/plain; charset=utf-8", "") + part("Content-Type: text/html; charset=utf-8", "<p>#note</p><p>SECRET</p>") + "--b--\n"},
		{"with a file", mixed, part("Content-Type: text/plain; charset=utf-8", "#note\nSECRET ci-joint") + part("Content-Type: text/csv\nContent-Disposition: attachment; filename=a.csv", "SECRET") + "--b--\n"},
		{"a file alone", mixed, part("Content-Type: text/plain; charset=utf-8", "#note") + part("Content-Type: text/csv\nContent-Disposition: attachment; filename=a.csv", "SECRET") + "--b--\n"},
		{"clear-signed", `multipart/signed; protocol="application/pgp-signature"; micalg=pgp-sha256; boundary=b`, part("Content-Type: text/plain; charset=utf-8", "#note\nSECRET") + part("Content-Type: application/pgp-signature", "-----BEGIN PGP SIGNATURE-----\nx\n-----END PGP SIGNATURE-----") + "--b--\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			d := newDesk(t, nil)
			jean, anne, bruno := d.jean(), d.anne(), d.bruno()
			_, copy := d.ask(jean, anne, "Une question", "Bonjour\n")
			anne.answers(copy, "#assign bruno\n")
			bruno.reads()
			anne.mime(copy, c.contentType, c.body)
			note := bruno.reads()
			if note.Header.Count("Auto-Submitted") > 0 { // the block of a signed mail comes apart
				note = bruno.reads()
			}
			if !strings.Contains(string(note.Raw), "SECRET") && !strings.Contains(note.text(), "SECRET") {
				t.Errorf("the note:\n%s", note.Raw)
			}
			jean.hearsNothing()
			if kinds := d.messages(10000); kinds != "in internal note" {
				t.Errorf("messages: %s", kinds)
			}
		})
	}
}

// Commands above a text leave text and HTML; what is below or between the
// quoted lines goes out.
func TestHowPeopleAnswer(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, contentType, body, not string }{
		{"below the quote", "text/plain; charset=utf-8", "Le 21/11/2026 à 10:00, Jean a écrit :\n> Mon appareil est en panne.\n\nVOICI la réponse.\n", "zzz"},
		{"between the lines", "text/plain; charset=utf-8", "Le 21/11/2026 à 10:00, Jean a écrit :\n> Mon appareil\n\nLequel ? VOICI.\n\n> est en panne.\n\nDepuis quand ?\n", "zzz"},
		{"no quote at all", "text/plain; charset=utf-8", "VOICI la réponse.\n", "zzz"},
		{"commands in both", "multipart/alternative; boundary=b", part("Content-Type: text/plain; charset=utf-8", "#solved\n#assign me\n\nVOICI.") +
			part("Content-Type: text/html; charset=utf-8", "<div>#solved</div><div>#assign me</div><div><br></div><div>VOICI.</div>") + "--b--\n", "#"},
		{"commands in HTML alone", "text/html; charset=utf-8", "<p>#solved<br>#assign me</p><p>VOICI.</p>", "#"},
		{"Latin-1", "text/plain; charset=iso-8859-1", "#r\xe9solu\n\nVOICI l'\xe9t\xe9.\n", "#"},
		{"UTF-16 in base64", "text/plain; charset=utf-16le", "#solved\n\nVOICI.\n", "#solved"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			d := newDesk(t, nil)
			jean, anne := d.jean(), d.anne()
			_, copy := d.ask(jean, anne, "Une question", "Mon appareil est en panne.\n")
			body := c.body
			if strings.HasPrefix(c.name, "UTF-16") {
				var wide strings.Builder
				for _, r := range c.body {
					wide.WriteString(string(r) + "\x00")
				}
				to, mail := replyTo(copy, anne.String(), "x")
				head, _, _ := strings.Cut(mail, "\n\n")
				head = strings.NewReplacer("charset=utf-8", "charset=utf-16le", "8bit", "base64").Replace(head)
				if err := anne.posts([]string{to}, head+"\n\n"+b64(wide.String())); err != nil {
					t.Fatal(err)
				}
			} else {
				anne.mime(copy, c.contentType, body)
			}
			reply := jean.reads()
			d.says(reply, "VOICI")
			d.without(reply, c.not)
		})
	}
}
