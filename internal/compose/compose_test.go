package compose

import (
	"flag"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"postdesk/internal/addr"
	"postdesk/internal/config"
	"postdesk/internal/message"
)

var update = flag.Bool("update", false, "write the golden files")

func mustAddr(t testing.TB, s string) addr.Address {
	t.Helper()
	a, err := addr.Parse(s)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func testTeam(lang string) *config.Team {
	return &config.Team{
		Name: "Relation Client", Address: addr.Address{Local: "relationclient", Domain: "example.com"}, Language: lang,
		Signature: "{{.Agent.Name}}\n{{.Team.Name}}\n{{.Team.Address}}",
	}
}

func testComposer(t testing.TB) *Composer {
	t.Helper()
	c, err := New(Options{Teams: []config.Team{*testTeam("fr")}, MarkKeys: [][]byte{[]byte("a key of the test")}})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func parse(t testing.TB, raw string) *message.Message {
	t.Helper()
	if !strings.Contains(raw, "\r\n") {
		raw = strings.ReplaceAll(raw, "\n", "\r\n")
	}
	m, err := message.Parse(message.BytesSource([]byte(raw)))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func bytesOf(t testing.TB, src message.Source) string {
	t.Helper()
	b, err := io.ReadAll(io.NewSectionReader(src, 0, src.Size()))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", name+".golden.eml")
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if string(want) != got {
		t.Errorf("%s differs; run with -update and look at the diff. Got:\n%s", file, got)
	}
}

const (
	tokenAddr = "relationclient+tabcdefghijklmnopqrst@example.com"
	private   = "anne.durand@corp.example"
)

var testDate = time.Date(2026, 11, 21, 22, 30, 0, 0, time.FixedZone("CET", 3600))

func testHead(t testing.TB, to, subject string) Head {
	return Head{
		To: []addr.Mailbox{{Address: mustAddr(t, to)}}, Subject: subject, Date: testDate,
		MessageID: "m.abc@example.com", InReplyTo: "<orig@client.example>", References: []string{"thread.xyz@example.com", "<orig@client.example>"},
	}
}

const customerMail = `From: Jean Client <jean@client.example>
To: relationclient@example.com
Subject: Panne
Date: Sat, 21 Nov 2026 20:00:00 +0100
Message-ID: <orig@client.example>
Disposition-Notification-To: jean@client.example
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary="b1"

--b1
Content-Type: multipart/alternative; boundary="b2"

--b2
Content-Type: text/plain; charset=iso-8859-1
Content-Transfer-Encoding: quoted-printable

Bonjour, ma machine est cass=E9e.
Merci
--b2
Content-Type: text/html; charset=iso-8859-1
Content-Transfer-Encoding: quoted-printable

<html><head><meta charset=3D"iso-8859-1"></head><body><div style=3D"display:none"><p>Bonjour, ma machine est cass=E9e.</p>
</body></html>
--b2--
--b1
Content-Type: application/pdf; name="facture.pdf"
Content-Disposition: attachment; filename="facture.pdf"
Content-Transfer-Encoding: base64

JVBERi0xLjQKJcOkw7zDtsOfCjIgMCBvYmoKPDwvTGVuZ3RoIDMgMCBSL0ZpbHRlci9GbGF0ZURl
Y29kZT4+
--b1--
`

func testCopyIn(t testing.TB, lang string) CopyIn {
	return CopyIn{
		Head: testHead(t, private, "Panne [#10000]"), Team: testTeam(lang), Kind: CopyCustomer,
		Reply: mustAddr(t, tokenAddr), Ticket: Ticket{Number: 10000, Subject: "Panne", Status: "new", Priority: "low", Assignee: "Anne Durand"},
		Mail: parse(t, customerMail), Writer: addr.Mailbox{Name: "Jean Client", Address: mustAddr(t, "jean@client.example")}, Backed: true,
		Cc: []addr.Mailbox{{Name: "Marie", Address: mustAddr(t, "marie@client.example")}},
	}
}

func TestAcknowledgement(t *testing.T) {
	c := testComposer(t)
	for _, lang := range []string{"fr", "en"} {
		head := testHead(t, "jean@client.example", "")
		head.Loop = "loop.token"
		src, err := c.Acknowledgement(AckIn{Head: head, Team: testTeam(lang), Ticket: 10000, Delay: DelayWords(config.Delay{Days: 2}, lang)})
		if err != nil {
			t.Fatal(err)
		}
		if src.Size() > MaxAcknowledgement {
			t.Errorf("%d bytes", src.Size())
		}
		golden(t, "acknowledgement."+lang, bytesOf(t, src))
	}
}

func TestAcknowledgementIsKnownAgain(t *testing.T) {
	c := testComposer(t)
	if got := strings.Join(c.AckSubjects(), "|"); got != "votre demande n°|your request no." {
		t.Errorf("AckSubjects = %q", got)
	}
}

func TestCopy(t *testing.T) {
	c := testComposer(t)
	for _, lang := range []string{"fr", "en"} {
		out, err := c.Copy(testCopyIn(t, lang))
		if err != nil {
			t.Fatal(err)
		}
		raw := bytesOf(t, out.Source)
		golden(t, "copy."+lang, raw)
		if strings.Contains(raw, "Disposition-Notification-To") {
			t.Error("asks for a receipt")
		}
		if !strings.Contains(raw, "JVBERi0xLjQKJcOkw7zDtsOfCjIgMCBvYmoKPDwvTGVuZ3RoIDMgMCBSL0ZpbHRlci9GbGF0ZURl\r\nY29kZT4+\r\n") {
			t.Error("the attachment has changed")
		}
	}
}

// replyRecipients is what a mail client addresses an answer to, RFC 5322 §3.6.3.
func replyRecipients(m *message.Message, all bool) []addr.Mailbox {
	list := m.Header.Mailboxes("Reply-To")
	if len(list) == 0 {
		list = m.Header.Mailboxes("From")
	}
	if all {
		list = append(append(list, m.Header.Mailboxes("To")...), m.Header.Mailboxes("Cc")...)
	}
	return list
}

func TestReplyAllReachesOnlyUs(t *testing.T) {
	c := testComposer(t)
	in := testCopyIn(t, "fr")
	out, err := c.Copy(in)
	if err != nil {
		t.Fatal(err)
	}
	sources := []message.Source{out.Source}
	for _, kind := range []CopyKind{CopyNote, CopyColleague, CopyAside} {
		in := testCopyIn(t, "fr")
		in.Kind = kind
		out, err := c.Copy(in)
		if err != nil {
			t.Fatal(err)
		}
		sources = append(sources, out.Source)
	}
	notice, err := c.Notice(testNotice(t, NoticeHeld, "fr"))
	if err != nil {
		t.Fatal(err)
	}
	for _, src := range append(sources, notice) {
		m, err := message.Parse(src)
		if err != nil {
			t.Fatal(err)
		}
		for _, box := range replyRecipients(m, true) {
			if a := box.Address.String(); a != tokenAddr && a != private {
				t.Errorf("an answer to %q would go to %s", m.Header.Text("From"), a)
			}
		}
		for _, f := range m.Header.Fields {
			if strings.Contains(string(f.Raw), "jean@client.example") && !strings.Contains(string(f.Raw), "<orig@") {
				t.Errorf("live address in %s", f.Raw)
			}
		}
	}
}

func testNotice(t testing.TB, kind NoticeKind, lang string) NoticeIn {
	return NoticeIn{
		Head: testHead(t, private, ""), Team: testTeam(lang), Kind: kind, Agent: "Anne Durand", From: mustAddr(t, tokenAddr),
		Answering: true, Ticket: Ticket{Number: 10000, Subject: "Panne"},
		Data: NoticeData{
			Title: "Titre", Text: "Première ligne\nDeuxième ligne <b>", Lines: []string{"assigné à Anne", "résolue"}, Closest: []string{"#close"},
			Findings: []Finding{newFinding(FindAttachment, "ci-joint", "text"), newFinding(FindSecret, private, "text"), newFinding(FindEmpty, "", "text")},
			Who:      "Bruno Petit", Recipient: mustAddr(t, "jean@client.example"), Answer: "550 5.1.1 No such user", Until: testDate,
			Delay: "2 jours ouvrés", Desk: mustAddr(t, tokenAddr), Held: true,
			People: []Offered{{Who: addr.Mailbox{Name: "Dr Expert", Address: mustAddr(t, "expert@lab.example")}, Times: 3, Last: testDate},
				{Who: addr.Mailbox{Address: mustAddr(t, "other@lab.example")}, Times: 1, Last: testDate}},
		},
	}
}

func TestNotices(t *testing.T) {
	c := testComposer(t)
	for name := range c.sets[setKey("", "fr")].mails {
		if !isNotice(NoticeKind(name)) {
			continue
		}
		for _, lang := range []string{"fr", "en"} {
			in := testNotice(t, NoticeKind(name), lang)
			if in.Kind == NoticeHelp || in.Kind == NoticeWelcome {
				in.Data.Page = HelpPage(lang)
			}
			src, err := c.Notice(in)
			if err != nil {
				t.Fatal(err)
			}
			golden(t, "notice-"+name+"."+lang, bytesOf(t, src))
		}
	}
}

func TestLetters(t *testing.T) {
	c := testComposer(t)
	for name := range c.sets[setKey("", "fr")].mails {
		if !isLetter(LetterKind(name)) {
			continue
		}
		for _, lang := range []string{"fr", "en"} {
			src, err := c.Letter(LetterIn{
				Head: testHead(t, "jean@client.example", "Panne"), Team: testTeam(lang), Kind: LetterKind(name), Ticket: Ticket{Number: 10000, Subject: "Panne"},
				Data: LetterData{Text: "Un texte.", Agent: "Anne Durand", Delay: "2 jours", Fields: []config.Field{{Name: "Version", Hint: "Menu Aide"}, {Name: "Série"}}},
			})
			if err != nil {
				t.Fatal(err)
			}
			golden(t, "letter-"+name+"."+lang, bytesOf(t, src))
		}
	}
}
