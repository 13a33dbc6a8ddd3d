package compose

import (
	"strings"
	"testing"
	"time"

	"postdesk/internal/addr"
	"postdesk/internal/message"
)

// noticeText is the text of a notice as a client shows it, spaces made plain.
func noticeText(t *testing.T, in NoticeIn) string {
	t.Helper()
	src, err := testComposer(t).Notice(in)
	if err != nil {
		t.Fatal(err)
	}
	m, err := message.Parse(src)
	if err != nil {
		t.Fatal(err)
	}
	return plainSpaces(m.Header.Text("Subject") + "\n" + m.TextPart().Text(1<<20))
}

func plainSpaces(s string) string {
	return strings.NewReplacer("\u00a0", " ", "\u202f", " ").Replace(s)
}

func TestNoticeVariants(t *testing.T) {
	for _, c := range []struct {
		name        string
		kind        NoticeKind
		change      func(*NoticeIn)
		want, never string
	}{
		{"a closed ticket", NoticeWhich, func(in *NoticeIn) { in.Ticket.Status = "closed" }, "#envoyer : l’envoyer quand même au client.", "sans répondre"},
		{"an open ticket", NoticeWhich, func(in *NoticeIn) { in.Ticket.Status = "open" }, "#envoyer : c’est bien pour cette demande.", "close"},
		{"the desk address", NoticeWhich, func(in *NoticeIn) { in.Ticket = Ticket{} }, "#envoyer : en faire une nouvelle demande.", "demande n°"},
		{"a ticket's mail, forwarded to a team", NoticeWhich, func(in *NoticeIn) { in.Data.Yes = true }, "#transfert jean@client.example", "l’adresse de la demande"},
		{"a mail of whom we think to know", NoticeCustomer, func(in *NoticeIn) {}, "#client jean@client.example", "adresse@du.client"},
		{"a mail of whom we don't know", NoticeCustomer, func(in *NoticeIn) { in.Data.Recipient = addr.Address{} }, "#client adresse@du.client", "jean@"},
		{"a command of a held mail", NoticeUnknown, func(in *NoticeIn) {}, "elle remplacera l’autre, et votre message suivra son chemin.", "#send"},
		{"a command of a mail that is not held", NoticeUnknown, func(in *NoticeIn) { in.Data.Held = false }, "Renvoyez le message corrigé.", "retenu"},
		{"sent already", NoticeDecided, func(in *NoticeIn) { in.Data.Yes = true }, "le message est parti le 21 novembre 2026 à 22:30.", "abandonné"},
		{"dropped already", NoticeDecided, func(in *NoticeIn) { in.Data.Until = time.Time{} }, "il a été abandonné, il n’est pas parti.", "le message est parti"},
		{"an unknown address", NoticeFailed, func(in *NoticeIn) {}, "Vérifiez l’adresse, ou joignez", "Joignez"},
		{"an unknown address by its code", NoticeFailed, func(in *NoticeIn) { in.Data.Answer, in.Data.Enhanced = "550 No such user", "5.1.10" }, "Vérifiez l’adresse", "Joignez"},
		{"a full mailbox", NoticeFailed, func(in *NoticeIn) { in.Data.Answer, in.Data.Enhanced = "552 Mailbox full", "5.2.2" }, "Joignez le destinataire", "Vérifiez"},
		{"a refused sender", NoticeFailed, func(in *NoticeIn) { in.Data.Answer, in.Data.Enhanced = "550 Refused", "5.1.8" }, "Joignez le destinataire", "Vérifiez"},
		{"an address of a machine", NoticeFailed, func(in *NoticeIn) { in.Data.Answer = "554 blocked, see 10.5.1.1" }, "Joignez le destinataire", "Vérifiez"},
		{"what the desk wrote by itself", NoticeFailed, func(in *NoticeIn) { in.Data.Automatic = true }, "Plus rien d’automatique n’y part", "Votre"},
		{"commands on a ticket", NoticeTranscript, func(in *NoticeIn) {}, "rien d’autre n’a été envoyé au client.", "{{"},
		{"commands on none", NoticeTranscript, func(in *NoticeIn) { in.Ticket = Ticket{} }, "- résolue", "envoyé"},
		{"a held mail", NoticeHeld, func(in *NoticeIn) {}, "Objet : Titre, reçu le 21 novembre 2026 à 22:30", "#send"},
		{"a held mail without a subject", NoticeHeld, func(in *NoticeIn) { in.Data.Title = "" }, "Sans objet, reçu le 21 novembre", "Objet :"},
		{"the guard with more reasons", NoticeGuard, func(in *NoticeIn) {}, "- assigné à Anne\n", "#cancel"},
	} {
		in := testNotice(t, c.kind, "fr")
		c.change(&in)
		got := noticeText(t, in)
		if !strings.Contains(got, c.want) || strings.Contains(got, c.never) {
			t.Errorf("%s: want %q, never %q:\n%s", c.name, c.want, c.never, got)
		}
	}
}

func TestANoticeTellsTheTimeOfTheTeam(t *testing.T) {
	in := testNotice(t, NoticeLate, "fr")
	in.Data.Until = testDate.UTC()
	in.Team.Hours.Zone = time.FixedZone("IST", 5*3600+1800)
	if got := noticeText(t, in); !strings.Contains(got, "22 novembre 2026 à 03:00") {
		t.Errorf("21:30 UTC in India:\n%s", got)
	}
}

// blockText is the text of a copy, spaces made plain.
func blockText(t *testing.T, in CopyIn) string {
	t.Helper()
	out, err := testComposer(t).Copy(in)
	if err != nil {
		t.Fatal(err)
	}
	m, err := message.Parse(out.Source)
	if err != nil {
		t.Fatal(err)
	}
	return plainSpaces(m.TextPart().Text(1 << 20))
}

func TestTheBlockNamesThePeopleInCopy(t *testing.T) {
	const both = "votre réponse partira vers le client et les personnes en copie, sans montrer votre adresse."
	in := testCopyIn(t, "fr")
	if got := blockText(t, in); !strings.Contains(got, both) {
		t.Errorf("with a Cc:\n%s", got)
	}
	in.Cc = nil
	if got := blockText(t, in); !strings.Contains(got, "votre réponse partira vers le client, sans") {
		t.Errorf("without a Cc:\n%s", got)
	}
}

func TestTheBlockNamesTheTicketsBefore(t *testing.T) {
	in := testCopyIn(t, "fr")
	if got := blockText(t, in); strings.Contains(got, "fait suite") {
		t.Errorf("nothing came before:\n%s", got)
	}
	in.Ticket.Linked = []uint64{9998, 9999}
	if got := blockText(t, in); !strings.Contains(got, "Cette demande fait suite à la n°9998, n°9999.\n") {
		t.Errorf("two came before:\n%s", got)
	}
}
