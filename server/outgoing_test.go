package server_test

import (
	"regexp"
	"strings"
	"testing"

	"postdesk/internal/message"
	"postdesk/internal/testkit"
)

// allowed are the only fields of what a customer receives from an agent.
var allowed = map[string]bool{"from": true, "to": true, "cc": true, "subject": true, "date": true, "message-id": true, "in-reply-to": true,
	"references": true, "mime-version": true, "content-type": true, "content-transfer-encoding": true, "content-disposition": true, "dkim-signature": true,
	"content-language": true, "received": true}

// Every field of the agent's client stays behind; the date has no zone of the
// agent's.
func TestHeadersAreBuiltAnew(t *testing.T) {
	t.Parallel()
	d := newDesk(t, nil)
	jean, anne := d.jean(), d.anne()
	_, copy := d.ask(jean, anne, "Une question", "Bonjour\n")
	canaries := []string{"CANARI"}
	var headers []string
	for _, name := range []string{"X-Mailer", "User-Agent", "Organization", "X-Originating-IP", "Thread-Index", "Thread-Topic", "Autocrypt", "Face", "List-Id", "Sender", "Return-Path",
		"Reply-To", "Disposition-Notification-To", "X-MS-Exchange-Organization-AuthAs", "DKIM-Signature", "ARC-Seal", "Received", "X-Postdesk-Loop", "Comments", "Keywords", "Resent-From", "Bcc", "Authentication-Results"} {
		headers = append(headers, name+": CANARI-"+name+" <canari@poste-anne.corp.example>")
	}
	to, mail := replyTo(copy, anne.String(), "Voici la réponse.\n", headers...)
	mail = regexp.MustCompile(`(?m)^Date: .*$`).ReplaceAllString(mail, "Date: Sat, 21 Nov 2026 12:34:56 +0545")
	if err := anne.posts([]string{to}, mail); err != nil {
		t.Fatal(err)
	}
	reply := jean.reads()
	for _, f := range reply.Header.Fields {
		if !allowed[strings.ToLower(f.Name)] {
			t.Errorf("the field %s goes out: %s", f.Name, f.Raw)
		}
	}
	d.without(reply, append(canaries, "poste-anne", "+0545", "12:34:56", "anne.durand@", "corp.example")...)
	if !strings.Contains(reply.Header.Get("Date"), "+0000") {
		t.Errorf("Date: %s", reply.Header.Get("Date"))
	}
	if reply.From == "" || !strings.Contains(reply.From, "+t") {
		t.Errorf("the envelope sender %q bears no token", reply.From)
	}
	// The signature is added, once.
	if n := strings.Count(reply.text(), "Relation Client\n"); n < 1 || !strings.Contains(reply.text(), "Anne Durand") {
		t.Errorf("text:\n%s", reply.text())
	}
}

// A clear-signed answer is unwrapped: the signature would show the agent.
func TestAClearSignedAnswerIsUnwrapped(t *testing.T) {
	t.Parallel()
	d := newDesk(t, nil)
	jean, anne := d.jean(), d.anne()
	_, copy := d.ask(jean, anne, "Une question", "Bonjour\n")
	anne.mime(copy, `multipart/signed; protocol="application/pkcs7-signature"; micalg=sha-256; boundary=b`,
		part("Content-Type: text/plain; charset=utf-8", "Voici la réponse.")+part("Content-Type: application/pkcs7-signature; name=smime.p7s\nContent-Transfer-Encoding: base64\nContent-Disposition: attachment; filename=smime.p7s",
			b64("un certificat au nom de anne.durand@corp.example"))+"--b--\n")
	reply := jean.reads()
	d.says(reply, "Voici la réponse.")
	if strings.Contains(string(reply.Raw), "pkcs7") || attached(reply) != "" {
		t.Errorf("the signature goes out:\n%s", reply.Raw)
	}
}

// Signed and encrypted mails of customers pass untouched, and the block comes in
// a notice of its own.
func TestASealedMailOfACustomer(t *testing.T) {
	t.Parallel()
	d := newDesk(t, nil)
	jean, anne := d.jean(), d.anne()
	body := part("Content-Type: application/pgp-encrypted", "Version: 1") + part("Content-Type: application/octet-stream", "-----BEGIN PGP MESSAGE-----\nabcd\n-----END PGP MESSAGE-----") + "--b--\n"
	jean.writes(generic, "Secret", body, "MIME-Version: 1.0", `Content-Type: multipart/encrypted; protocol="application/pgp-encrypted"; boundary=b`)
	jean.reads()
	sealed, notice := anne.reads(), anne.reads()
	if sealed.Root.MediaType != "multipart/encrypted" {
		sealed, notice = notice, sealed
	}
	if got := string(sealed.Raw); !strings.Contains(got, strings.ReplaceAll(body, "\n", "\r\n")) {
		t.Errorf("the sealed mail is not as it was:\n%s", got)
	}
	d.says(notice, "Demande n°10000")
	anne.answers(notice, "Reçu.\n")
	d.says(jean.reads(), "Reçu.")
}

// A reply to all from the copy reaches us and nobody else.
func TestReplyAllReachesOnlyUs(t *testing.T) {
	t.Parallel()
	d := newDesk(t, nil)
	jean, anne := d.jean(), d.anne()
	if err := jean.posts([]string{generic}, jean.mail(generic, "Une question", "Bonjour\n", "Cc: Marie <marie@other.example>", "Reply-To: jean.home@other.example",
		"Mail-Followup-To: liste@other.example", "Resent-To: x@other.example", "Errors-To: x@other.example", "X-Original-To: x@other.example")); err != nil {
		t.Fatal(err)
	}
	copy := anne.reads()
	for _, f := range copy.Header.Fields {
		switch strings.ToLower(f.Name) {
		case "from", "message-id", "references", "in-reply-to", "subject":
			continue
		}
		for _, a := range regexp.MustCompile(`[\w.+-]+@[\w.-]+`).FindAllString(string(f.Raw), -1) {
			if a != anne.address {
				t.Errorf("a live address in %s: %s", f.Name, a)
			}
		}
	}
	if list := copy.Header.Mailboxes("From"); len(list) != 1 || list[0].Address.Domain != "example.com" {
		t.Errorf("From: %v", list)
	}
	if copy.Header.Count("Auto-Submitted") != 0 || copy.From == "" {
		t.Error("the copy must not look automatic: absence is learned from the answer")
	}
}

// What we send ends its lines with CRLF, has no bare CR or LF, and no line above
// 998 octets, whatever came in. RFC 5322 §2.1.1, RFC 5321 §4.1.1.4.
func TestLinesThatGoOut(t *testing.T) {
	t.Parallel()
	d := newDesk(t, nil)
	jean, anne := d.jean(), d.anne()
	long := strings.Repeat("é-très-long-", 500)
	jean.writes(generic, strings.Repeat("long ", 300), long+"\n.\n..\n.x\n", "X-Long: "+strings.Repeat("x", 900))
	jean.reads()
	copy := anne.reads()
	d.says(copy, long)
	anne.answers(copy, long+"\n.\n.fin\n")
	reply := jean.reads()
	d.says(reply, long, "\n.\n.fin")
	for _, m := range []received{copy, reply} {
		properLines(t, m.Received)
	}
}

func properLines(t *testing.T, m testkit.Received) {
	t.Helper()
	for _, line := range strings.SplitAfter(string(m.Raw), "\n") {
		if line == "" {
			continue
		}
		if !strings.HasSuffix(line, "\r\n") || strings.ContainsAny(line[:len(line)-2], "\r\n\x00") || len(line) > 1000 {
			t.Errorf("a line of %d octets to %v: %.80q", len(line), m.To, line)
		}
	}
	if _, err := message.Parse(message.BytesSource(m.Raw)); err != nil {
		t.Error(err)
	}
}
