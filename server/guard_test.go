package server_test

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"postdesk/internal/message"
	"postdesk/internal/ticket"
)

// mime answers a mail with a body that the test wrote.
func (p *person) mime(m received, contentType, body string) {
	p.d.Helper()
	to, mail := replyTo(m, p.String(), "x")
	head, _, _ := strings.Cut(mail, "\n\n")
	head = strings.Replace(head, "Content-Type: text/plain; charset=utf-8", "Content-Type: "+contentType, 1)
	if err := p.posts([]string{to}, p.dated(head+"\n\n"+body)); err != nil {
		p.d.Fatal(err)
	}
}

func b64(s string) string {
	text := base64.StdEncoding.EncodeToString([]byte(s))
	var b strings.Builder
	for len(text) > 76 {
		b.WriteString(text[:76] + "\n")
		text = text[76:]
	}
	return b.String() + text + "\n"
}

// part is a MIME part.
func part(header, body string) string { return "--b\n" + header + "\n\n" + body + "\n" }

const mixed = "multipart/mixed; boundary=b"

// What the outgoing guard holds: the agent reads why, #send sends it, #cancel
// drops it.
func TestTheOutgoingGuard(t *testing.T) {
	t.Parallel()
	text := part("Content-Type: text/plain; charset=utf-8", "Voici ce que vous demandez.")
	for _, c := range []struct{ name, contentType, body, reason string }{
		{"address in a text file", mixed, text + part("Content-Type: text/csv; name=a.csv\nContent-Disposition: attachment; filename=a.csv", "qui;anne.durand@corp.example") + "--b--\n", "a.csv"},
		{"address in base64", mixed, text + part("Content-Type: text/plain\nContent-Transfer-Encoding: base64\nContent-Disposition: attachment; filename=b.txt", b64("écrivez à a.durand@corp.example")) + "--b--\n", "b.txt"},
		{"address in an image's name", mixed, text + part("Content-Type: image/png; name=\"anne.durand@corp.example.png\"\nContent-Transfer-Encoding: base64\nContent-Disposition: attachment; filename=\"anne.durand@corp.example.png\"", "QUJD") + "--b--\n", "anne.durand@corp.example"},
		{"promised attachment", "text/plain; charset=utf-8", "Vous trouverez ci-joint le devis.\n", "pièce jointe"},
		{"promised attachment, a logo is none", "multipart/related; boundary=b", part("Content-Type: text/html", `<p>Please see the attached file.<img src="cid:logo"></p>`) +
			part("Content-Type: image/png\nContent-ID: <logo>\nContent-Disposition: inline; filename=logo.png\nContent-Transfer-Encoding: base64", "QUJD") + "--b--\n", "pièce jointe"},
		{"empty", "text/plain; charset=utf-8", "\n\nLe 21/11/2026 à 10:00, Jean Client (via Relation Client) a écrit :\n> Bonjour\n", "aucun texte"},
		{"signature alone", "text/plain; charset=utf-8", "-- \nAnne\n", "aucun texte"},
		{"opaque signature", `application/pkcs7-mime; smime-type=signed-data; name=smime.p7m`, b64("rien à lire"), "signé"},
		{"encrypted", `multipart/encrypted; protocol="application/pgp-encrypted"; boundary=b`, part("Content-Type: application/pgp-encrypted", "Version: 1") + part("Content-Type: application/octet-stream", "-----BEGIN PGP MESSAGE-----\nxx\n-----END PGP MESSAGE-----") + "--b--\n", "chiffré"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			d := newDesk(t, nil)
			jean, anne := d.jean(), d.anne()
			_, copy := d.ask(jean, anne, "Une question", "Bonjour\n")
			anne.mime(copy, c.contentType, c.body)
			notice := anne.reads()
			d.says(notice, c.reason)
			jean.hearsNothing()
			d.expect(10000, ticket.New, "anne")
			if h := d.held(); len(h) != 1 || h[0].Why != "guard" || len(h[0].Reasons) == 0 {
				t.Fatalf("held: %+v", h)
			}
			if strings.Contains(c.name, "address") {
				anne.answers(notice, "#cancel\n")
				anne.reads()
				jean.hearsNothing()
				d.expect(10000, ticket.New, "anne")
				return
			}
			anne.answers(notice, "#send\n")
			jean.reads()
			d.expect(10000, ticket.Pending, "anne")
		})
	}
}

// What agents' mail clients quote of the copy goes out without our block and
// without a trace of the agent.
func TestTheQuotedBlockIsTakenOut(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, quote string }{
		{"Outlook", `<div><p class="MsoNormal">Voici la réponse.</p></div><div style="border:none;border-top:solid #E1E1E1 1.0pt"><p class="MsoNormal"><b>De :</b> Jean Client (via Relation Client) &lt;%[1]s&gt;<br><b>Envoyé :</b> samedi<br><b>À :</b> Anne Durand &lt;anne.durand@corp.example&gt;<br><b>Objet :</b> Une question [#10000]</p></div>%[2]s`},
		{"Gmail", `<div dir="ltr">Voici la réponse.</div><br><div class="gmail_quote"><div class="gmail_attr">Le sam. 21 nov. 2026 à 10:00, Jean Client &lt;<a href="mailto:%[1]s">%[1]s</a>&gt; a écrit&nbsp;:<br></div><blockquote class="gmail_quote">%[2]s</blockquote></div>`},
		{"Apple", `<div>Voici la réponse.</div><div><br><blockquote type="cite"><div>Le 21 nov. 2026 à 10:00, Jean Client &lt;<a href="mailto:%[1]s">%[1]s</a>&gt; a écrit :</div>%[2]s</blockquote></div>`},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			d := newDesk(t, nil)
			jean, anne := d.jean(), d.anne()
			jean.writes(generic, "Une question", part("Content-Type: text/plain", "Bonjour texte")+part("Content-Type: text/html", "<html><body><p>Bonjour <b>HTML</b></p></body></html>")+"--b--\n",
				"MIME-Version: 1.0", "Content-Type: multipart/alternative; boundary=b")
			jean.reads()
			copy := anne.reads()
			var body string
			copy.Walk(func(p *message.Part) bool {
				if p.MediaType == "text/html" {
					body = p.Text(1 << 20)
				}
				return true
			})
			if !strings.Contains(body, "postdesk 10000") {
				t.Fatalf("no block in the copy's HTML:\n%s", body)
			}
			quoted := fmt.Sprintf(c.quote, copy.token(), body)
			plain := "Voici la réponse.\n\nLe 21 nov. 2026, Jean Client <" + copy.token() + "> a écrit :\n> " + strings.ReplaceAll(copy.text(), "\n", "\n> ")
			anne.mime(copy, "multipart/alternative; boundary=b", part("Content-Type: text/plain; charset=utf-8", plain)+part("Content-Type: text/html; charset=utf-8", quoted)+"--b--\n")
			reply := jean.reads()
			d.without(reply, "postdesk 10000", "Note interne", "anne.durand", "corp.example", copy.token(), "%23note", "#note", "adresse vérifiée", "priorité")
			d.says(reply, "Voici la réponse.", "Bonjour texte")
		})
	}
}

// Attachments pass byte for byte in both directions.
func TestAttachmentsByteForByte(t *testing.T) {
	t.Parallel()
	d := newDesk(t, nil)
	jean, anne := d.jean(), d.anne()
	random := make([]byte, 100_000)
	r := rand.New(rand.NewPCG(1, 2))
	for i := range random {
		random[i] = byte(r.Uint32())
	}
	file := part("Content-Type: application/pdf; name=\"=?utf-8?q?re=C3=A7u.pdf?=\"\nContent-Transfer-Encoding: base64\nContent-Disposition: attachment; filename*=utf-8''re%C3%A7u.pdf", b64(string(random)))
	inline := part("Content-Type: image/gif\nContent-ID: <img1>\nContent-Transfer-Encoding: base64\nContent-Disposition: inline; filename=i.gif", b64("GIF89a-inline"))
	body := part("Content-Type: text/html; charset=utf-8", `<p>Voici ci-joint le fichier <img src="cid:img1"></p>`) + inline + file + "--b--\n"
	jean.writes(generic, "Un fichier", body, "MIME-Version: 1.0", "Content-Type: "+mixed)
	jean.reads()
	copy := anne.reads()
	sameFile(t, copy, random)
	anne.mime(copy, mixed, body)
	sameFile(t, jean.reads(), random)
}

func sameFile(t *testing.T, m received, want []byte) {
	t.Helper()
	pdf, gif := false, false
	m.Walk(func(p *message.Part) bool {
		if len(p.Children) > 0 {
			return true
		}
		var b bytes.Buffer
		if _, err := b.ReadFrom(p.Decode()); err != nil {
			t.Fatal(err)
		}
		switch p.FileName() {
		case "reçu.pdf":
			pdf = bytes.Equal(b.Bytes(), want)
		case "i.gif":
			gif = b.String() == "GIF89a-inline"
		}
		return true
	})
	if !pdf || !gif {
		t.Errorf("the PDF is whole: %v, the image: %v", pdf, gif)
	}
}

// The agent's own absence, receipt or calendar answer reaches no customer.
func TestAnAgentsAutomaticMailStaysInside(t *testing.T) {
	t.Parallel()
	d := newDesk(t, nil)
	jean, anne := d.jean(), d.anne()
	jean.writes(generic, "Une question", "Bonjour\n", "Disposition-Notification-To: jean@client.example", "Return-Receipt-To: jean@client.example")
	jean.reads()
	copy := anne.reads()
	for _, name := range []string{"Disposition-Notification-To", "Return-Receipt-To"} {
		if copy.Header.Count(name) != 0 {
			t.Errorf("the copy asks for a receipt by %s", name)
		}
	}
	// To the envelope sender, to the From, with and without the marks of RFC 3834.
	anne.from("<>").writes(copy.From, "Réponse automatique : Une question", "Je suis absente, appelez le 06 00 00 00 00.\n", "Auto-Submitted: auto-replied")
	anne.answers(copy, "Je suis absente, appelez-moi.\n", "Auto-Submitted: auto-replied")
	anne.answers(copy, "Je suis absente, appelez-moi.\n", "X-Autoreply: yes")
	anne.answers(copy, "Je suis absente, appelez-moi.\n", "Precedence: auto_reply")
	anne.from("<>").answers(copy, "Je suis absente.\n")
	_, out := replyTo(copy, anne.String(), "Je suis absente.\n")
	if err := anne.posts([]string{copy.token()}, strings.Replace(out, "Subject: Re:", "Subject: Automatic reply:", 1)); err != nil {
		t.Fatal(err)
	}
	jean.hearsNothing()
	d.expect(10000, ticket.New, "bruno") // who is there
	if len(d.held()) != 0 {
		t.Errorf("held: %+v", d.held())
	}
	anne.hearsNothing()
}

// Addresses in attached mails, however deep, become the team's.
func TestAttachedMailsShowNoAgent(t *testing.T) {
	t.Parallel()
	d := newDesk(t, nil)
	jean, anne := d.jean(), d.anne()
	_, copy := d.ask(jean, anne, "Une question", "Bonjour\n")
	anne.mime(copy, mixed, part("Content-Type: text/plain; charset=utf-8", "Voici.")+
		part("Content-Type: message/rfc822", "Content-Type: multipart/mixed; boundary=c\nFrom: Anne <anne.durand@corp.example>\nX-Originating-IP: 10.1.2.3\nReceived: from poste-anne.corp.example by x\n\n--c\nContent-Type: message/rfc822\n\nSubject: au fond\nContent-Type: text/plain\n\nbruno.petit@corp.example\n--c--")+
		"--b--\n")
	reply := jean.reads()
	d.without(reply, "anne.durand@", "bruno.petit@", "corp.example", "10.1.2.3", "poste-anne")
	if !strings.Contains(string(reply.Raw), "au fond") {
		t.Errorf("the inner mail is gone:\n%s", reply.Raw)
	}
}

// An address that is spelt out or lies in several elements is found, and a note's text in an attached mail.
func TestTheGuardReadsAsPeopleDo(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ contentType, body, reason string }{
		"spelt out":       {"text/plain; charset=utf-8", "Écrivez-moi : anne.durand (at) corp.example\n", "anne.durand@corp.example"},
		"in words":        {"text/plain; charset=utf-8", "Écrivez-moi : anne.durand arobase corp point example\n", "anne.durand@corp.example"},
		"in elements":     {"text/html; charset=utf-8", "<p>anne.<b>durand</b><span>@</span><i>corp</i>.example</p>", ""},
		"a note, wrapped": {"text/plain; charset=utf-8", "Bonjour,\nle client est un mauvais\npayeur, prudence.\n", "mauvais payeur"},
		"a note in a mail that is attached": {mixed, part("Content-Type: text/plain; charset=utf-8", "Voici.") +
			part("Content-Type: message/rfc822", "Subject: interne\nContent-Type: text/html\n\n<p>Le client est un <b>mauvais</b> payeur, prudence.</p>") + "--b--\n", "mauvais payeur"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newDesk(t, nil)
			jean, anne := d.jean(), d.anne()
			_, copy := d.ask(jean, anne, "Une question", "Bonjour\n")
			anne.answers(copy, "#note\nLe client est un mauvais payeur, prudence.\n\nAnne Durand\nResponsable Relation Client Europe\n")
			anne.reads() // nobody else follows the ticket
			anne.mime(copy, c.contentType, c.body)
			if c.reason == "" { // taken out, or found
				if len(d.held()) == 0 {
					d.without(jean.reads(), "corp.example")
				}
				return
			}
			d.says(anne.reads(), c.reason)
			jean.hearsNothing()
		})
	}
}

// What customers wrote themselves is no secret of a note that repeats it, and neither is the signature
// below the note.
func TestTheGuardLetsThroughWhatIsKnown(t *testing.T) {
	t.Parallel()
	d := newDesk(t, nil)
	jean, anne := d.jean(), d.anne()
	_, copy := d.ask(jean, anne, "Une question", "Mon appareil XR-200 est en panne depuis mardi.\n")
	anne.answers(copy, "#note\nVu avec l’atelier :\nMon appareil XR-200 est en panne depuis mardi.\n\nCordialement,\nAnne Durand\nResponsable Relation Client Europe\n")
	anne.reads() // nobody else follows the ticket
	anne.answers(copy, "Nous regardons.\n\nAnne Durand\nResponsable Relation Client Europe\n")
	d.says(jean.reads(), "Nous regardons.", "Responsable Relation Client Europe")
	anne.hearsNothing()
}

// An answer that is nothing but a signature, as Outlook writes it, says nothing.
func TestASignatureAloneIsHeld(t *testing.T) {
	t.Parallel()
	for _, by := range mailers {
		t.Run(by.name, func(t *testing.T) {
			t.Parallel()
			d := newDesk(t, nil)
			jean, anne := d.jean(), d.anne()
			_, copy := d.ask(jean, anne, "Une question", "Bonjour\n")
			anne.sendsBy(by, copy, "", "Cordialement,", "", "Anne Durand")
			d.says(anne.reads(), "aucun texte nouveau")
			jean.hearsNothing()
		})
	}
}

// The copy of a note, attached to the answer in another ticket, is searched for what that note says.
func TestTheGuardKnowsTheTicketOfAnAttachedNote(t *testing.T) {
	t.Parallel()
	d := newDesk(t, nil)
	jean, anne, bruno := d.jean(), d.anne(), d.bruno()
	_, copy := d.ask(jean, anne, "Une question", "Bonjour\n")
	anne.answers(copy, "#note\nLe client est un mauvais payeur, prudence.\n")
	anne.answers(copy, "#assign bruno\n")
	d.drained()
	anne.answers(copy, "#note\nIl menace de nous quitter au printemps.\n")
	note := bruno.finds("nous quitter au printemps")

	marie := d.person("Marie Cliente", "marie@client.example")
	marie.writes(generic, "Autre chose", "Bonjour, une autre question.\n")
	marie.reads()
	d.drained()
	var other received
	agent := anne
	if d.ticket(10001).Assignee == "bruno" {
		agent = bruno
	}
	other = agent.finds("une autre question")
	agent.mime(other, mixed, part("Content-Type: text/plain; charset=utf-8", "Voici.")+part("Content-Type: message/rfc822", string(note.Raw))+"--b--\n")
	if held := d.held(); len(held) != 1 || held[0].Why != "guard" || !strings.Contains(strings.Join(held[0].Reasons, " "), "nous quitter au printemps") {
		t.Fatalf("held: %+v", held)
	}
	marie.hearsNothing()
}
