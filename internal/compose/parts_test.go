package compose

import (
	"bytes"
	"encoding/binary"
	"io/fs"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"unicode/utf16"

	"postdesk/internal/addr"
	"postdesk/internal/config"
	"postdesk/internal/message"
)

// withPart is an agent's mail of a text and one more part.
func withPart(header, body string) string {
	return agentHeader + "Content-Type: multipart/mixed; boundary=\"canaryuser-b\"\n\n--canaryuser-b\nContent-Type: text/plain\n\nBonjour.\n--canaryuser-b\n" +
		header + "\n\n" + body + "\n--canaryuser-b--\n"
}

func replyTo(t *testing.T, raw string) (ReplyOut, string) {
	t.Helper()
	out, err := testComposer(t).Reply(testReplyIn(t, raw))
	if err != nil {
		t.Fatal(err)
	}
	return out, decodeAll(t, out.Source)
}

func utf16le(s string) string {
	var b []byte
	for _, u := range utf16.Encode([]rune(s)) {
		b = binary.LittleEndian.AppendUint16(b, u)
	}
	return string(b)
}

// tnef is a winmail.dat with one file.
func tnef(name, data string) string {
	attr := func(id uint32, v string) string {
		b := binary.LittleEndian.AppendUint32([]byte{2}, id)
		b = binary.LittleEndian.AppendUint32(b, uint32(len(v)))
		return string(b) + v + "\x00\x00"
	}
	sig := binary.LittleEndian.AppendUint32(nil, tnefSignature)
	return string(sig) + "\x01\x00" + attr(0x00068004, private+"\x00") + attr(tnefRendData, "xx") + attr(tnefTitle, name+"\x00") + attr(tnefAttachData, data)
}

func TestPartsOfAReply(t *testing.T) {
	const b64 = "\nContent-Transfer-Encoding: base64"
	for name, tc := range map[string]struct{ header, body, kinds, keep string }{
		"vcard": {"Content-Type: text/vcard; name=anne.vcf\nContent-Location: file:///C:/Users/canaryuser/anne.vcf",
			"BEGIN:VCARD\nVERSION:3.0\nFN:Anne Durand\nPRODID:CanaryMUA/7.3\nEMAIL;TYPE=work:anne.dur\n and@corp.example\nX-HOST:PC-ANNE-0815\nEND:VCARD", "", "EMAIL;TYPE=work:relationclient@example.com"},
		"calendar": {"Content-Type: text/calendar; method=REPLY",
			"BEGIN:VCALENDAR\nPRODID:-//CanaryMUA/7.3//EN\nMETHOD:REPLY\nBEGIN:VEVENT\nORGANIZER:mailto:jean@client.example\nATTENDEE;PARTSTAT=ACCEPTED;CN=Anne:MAILTO:Anne.Durand@corp.example\nX-MS-OLK-SENDER:mailto:anne.durand@corp.example\nEND:VEVENT\nEND:VCALENDAR", "", "relationclient@example.com"},
		"mail within": {"Content-Type: message/rfc822",
			"Received: from PC-ANNE-0815 (10.11.12.13)\nFrom: Jean Client <jean@client.example>\nTo: Anne <anne.durand@corp.example>\nDelivered-To: adurand-login@corp.example\nUser-Agent: CanaryMUA/7.3\nSubject: ancien\nContent-Type: text/html\n\n<p id=canaryuser>ecrivez a anne.durand@corp.example</p>", "", "Subject: ancien"},
		"winmail.dat":           {"Content-Type: application/ms-tnef; name=winmail.dat" + b64, wrap64(tnef("plan.pdf", "%PDF plan")), "", "plan.pdf"},
		"broken winmail.dat":    {"Content-Type: application/ms-tnef; name=winmail.dat" + b64, wrap64(tnef("plan.pdf", "%PDF")[:85]), "unreadable secret", ""},
		"address in a binary":   {"Content-Type: application/pdf; name=a.pdf" + b64, wrap64("%PDF /Author (Anne.Durand@corp.example)"), "secret", ""},
		"address in UTF-16":     {"Content-Type: application/msword; name=a.doc" + b64, wrap64("\x00\x01" + utf16le("x "+private)), "secret", ""},
		"address in a file":     {"Content-Type: text/csv; charset=utf-16le; name=a.csv" + b64, wrap64(utf16le("a;" + private)), "secret", ""},
		"file name":             {"Content-Type: application/pdf\nContent-Disposition: attachment; filename*0*=utf-8''anne.durand%40; filename*1=corp.example.pdf" + b64, wrap64("%PDF"), "secret", ""},
		"signature":             {"Content-Type: application/pgp-signature", "-----BEGIN PGP SIGNATURE-----\nComment: canaryuser", "", ""},
		"encrypted":             {"Content-Type: application/pkcs7-mime; smime-type=enveloped-data; name=smime.p7m" + b64, wrap64("x"), "encrypted", ""},
		"encrypted by its name": {"Content-Type: application/octet-stream; name=smime.p7m" + b64, wrap64("x"), "encrypted", ""},
		"description and more":  {"Content-Type: image/png; name=a.png; x-mac-creator=canaryuser\nContent-Description: canaryuser\nX-Attachment-Id: canaryuser\nContent-Location: PC-ANNE-0815" + b64, wrap64("\x89PNG"), "", "a.png"},
	} {
		out, all := replyTo(t, withPart(tc.header, tc.body))
		if got := kinds(out.Findings); got != tc.kinds {
			t.Errorf("%s: %v, want %q", name, out.Findings, tc.kinds)
		}
		if found := leaks(t, out.Source); tc.kinds == "" && len(found) > 0 {
			t.Errorf("%s: leaks %v\n%s", name, found, all)
		}
		if !strings.Contains(all, tc.keep) {
			t.Errorf("%s: lost %q\n%s", name, tc.keep, all)
		}
	}
}

func TestInlineImageKeepsItsPlace(t *testing.T) {
	out, all := replyTo(t, agentHeader+"Content-Type: multipart/related; boundary=b; type=\"text/html\"\n\n--b\nContent-Type: text/html\n\n<p>Bonjour<img src=\"cid:image001.png@01DCANARY.PC-ANNE-0815\"></p>\n--b\n"+
		"Content-Type: image/png; name=image001.png\nContent-ID: <image001.png@01DCANARY.PC-ANNE-0815>\nContent-Disposition: inline\nContent-Transfer-Encoding: base64\n\n"+wrap64("\x89PNG")+"--b--\n")
	m, err := message.Parse(out.Source)
	if err != nil {
		t.Fatal(err)
	}
	var images []*message.Part
	m.Walk(func(p *message.Part) bool {
		if p.Inline() {
			images = append(images, p)
		}
		return true
	})
	if len(images) != 1 || !strings.Contains(all, `src="cid:`+images[0].ContentID()+`"`) || len(leaks(t, out.Source)) > 0 || len(out.Attachments) > 0 {
		t.Errorf("%v %v\n%s", images, out.Findings, all)
	}
}

func TestClearSignedReplyIsUnwrapped(t *testing.T) {
	_, all := replyTo(t, agentHeader+"Content-Type: multipart/signed; boundary=b; protocol=\"application/pgp-signature\"\n\n--b\nContent-Type: text/plain\n\nBonjour.\n--b\nContent-Type: application/pgp-signature\n\ncanaryuser\n--b--\n")
	if strings.Contains(all, "signed") || strings.Contains(all, "canaryuser") || !strings.Contains(all, "Bonjour.") {
		t.Error(all)
	}
	_, all = replyTo(t, plainReply("-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA512\n\nBonjour.\n- -- \nAnne\n-----BEGIN PGP SIGNATURE-----\n\ncanaryuser\n-----END PGP SIGNATURE-----\n"))
	if strings.Contains(all, "PGP") || !strings.Contains(all, "Bonjour.\n-- \n") {
		t.Error(all)
	}
}

func TestSignedMailIsPassedOnUntouched(t *testing.T) {
	raw := strings.ReplaceAll("From: Jean <jean@client.example>\nMIME-Version: 1.0\nContent-Type: multipart/signed; micalg=pgp-sha256; boundary=\"x y\";\n  protocol=\"application/pgp-signature\"\n\n--x y\nContent-Type: text/plain\n\nBonjour \n--x y\nContent-Type: application/pgp-signature\n\nsig\n--x y--\n", "\n", "\r\n")
	in := testCopyIn(t, "fr")
	in.Mail = parse(t, raw)
	c := testComposer(t)
	out, err := c.Copy(in)
	if err != nil {
		t.Fatal(err)
	}
	body := raw[strings.Index(raw, "Content-Type"):]
	if got := bytesOf(t, out.Source); !out.NeedsNotice || !strings.HasSuffix(got, body) {
		t.Errorf("%v\n%s", out.NeedsNotice, got)
	}
	notice, err := c.BlockNotice(in)
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "block-notice.fr", bytesOf(t, notice))
}

func TestCopyWithoutLargeAttachments(t *testing.T) {
	in := testCopyIn(t, "fr")
	in.OmitOver = 50
	out, err := testComposer(t).Copy(in)
	if err != nil {
		t.Fatal(err)
	}
	all := decodeAll(t, out.Source)
	if len(out.Omitted) != 1 || out.Omitted[0].N != 1 || strings.Contains(all, "JVBER") || !strings.Contains(all, "- 1\u00a0: facture.pdf") {
		t.Errorf("%v\n%s", out.Omitted, all)
	}
}

func TestNoteCopy(t *testing.T) {
	in := testCopyIn(t, "fr")
	in.Mail = parse(t, clients[2].write(t, "#note\nAttention, client pressé.\n", "<div>#note</div><div>Attention, client pressé.</div>"))
	in.Kind, in.Commands = CopyNote, []string{"#note"}
	in.Writer = addr.Mailbox{Name: "Bruno Petit", Address: mustAddr(t, "bruno@corp.example")}
	in.Customer = addr.Mailbox{Name: "Jean Client", Address: mustAddr(t, "jean@client.example")}
	out, err := testComposer(t).Copy(in)
	if err != nil {
		t.Fatal(err)
	}
	all := decodeAll(t, out.Source)
	if strings.Contains(strings.ReplaceAll(all, "body=#note", ""), "#note") || strings.Contains(all, "bruno@corp.example") || !strings.Contains(all, "NOTE – Bruno Petit (Relation Client)") {
		t.Error(all)
	}
	if n := strings.Count(all, "[== postdesk"); n != 4 { // text and HTML, each shown twice
		t.Errorf("%d blocks\n%s", n, all)
	}
}

func TestHeaderInjection(t *testing.T) {
	in := testCopyIn(t, "fr")
	in.Head.Subject = "a\r\nBcc: x@evil.example\r\n\r\nbody"
	in.Writer.Name = "Jean\r\nBcc: y@evil.example <z@evil.example>\u202e"
	out, err := testComposer(t).Copy(in)
	if err != nil {
		t.Fatal(err)
	}
	m, err := message.Parse(out.Source)
	if err != nil {
		t.Fatal(err)
	}
	if m.Header.Has("Bcc") || len(m.Header.Mailboxes("From")) != 1 || strings.Contains(m.Header.Text("From"), "evil.example") {
		t.Error(bytesOf(t, out.Source))
	}
}

func TestMarkupCannotHideTheBlock(t *testing.T) {
	for _, src := range []string{"<div style='display:none'>", "<!-- ", "<table><tr><td>", "<style>x", "a</body></html><p>more", "<b>x</b></div></div>", "<textarea>"} {
		out, ok := placeHTML(src, "", "<div>BLOCK</div>")
		if !ok {
			continue
		}
		i := strings.Index(out, "<div>BLOCK")
		if strings.Count(out[:i], "<div")+strings.Count(out[:i], "<td") > strings.Count(out[:i], "</div>")+strings.Count(out[:i], "</td>") || strings.Contains(out[:i], "<!--") || strings.Contains(out, "<style>") {
			t.Errorf("%q: %q", src, out)
		}
	}
}

func TestTemplatesOfATeam(t *testing.T) {
	good := fstest.MapFS{
		"acknowledgement.txt": {Data: []byte("Subject: Dossier {{.Ticket.Number}} ouvert\r\n\r\nBonjour.\r\n")},
		"canned/devis.txt":    {Data: []byte("Bonjour {{.Customer.Name}}, voici le devis de la demande {{.Ticket.Number}}.\n")},
		"en/holding.txt":      {Data: []byte("Please wait.\n")},
	}
	team := testTeam("fr")
	team.Templates = "/x"
	c, err := New(Options{Teams: []config.Team{*team}, Folder: opener(good)})
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Contains(c.AckSubjects(), "dossier") {
		t.Error("the team's own acknowledgement is not known again")
	}
	canned, err := c.Canned(team, "", "Devis", CannedData{Customer: CustomerData{Name: "Jean"}, Ticket: Ticket{Number: 7}})
	if err != nil || canned.Text != "Bonjour Jean, voici le devis de la demande 7." {
		t.Errorf("%q, %v", canned.Text, err)
	}
	if _, err := c.Canned(team, "", "nope", CannedData{}); err == nil || !strings.Contains(err.Error(), "there are devis") {
		t.Error(err)
	}
	for file, tc := range map[string][2]string{
		"holding.txt":         {"Bonjour\n\n{{.Nope}}\n", "holding.txt:3"},
		"acknowledgement.txt": {"Subject: Bonjour\n\nx", "Ticket.Number"},
		"held.txt":            {"Subject: a\n\n{{if}}\n", "held.txt:3"},
		"canned/x.txt":        {"{{.Secret}}", "canned/x.txt:1"},
	} {
		_, err := New(Options{Teams: []config.Team{*team}, Folder: opener(fstest.MapFS{file: {Data: []byte(tc[0])}})})
		if err == nil || !strings.Contains(err.Error(), tc[1]) {
			t.Errorf("%s: %v, want %q", file, err, tc[1])
		}
	}
}

func TestTNEFIsBounded(t *testing.T) {
	for n := range len(tnef("a", "b")) {
		tnefFiles([]byte(tnef("a", "b")[:n]))
	}
	if _, ok := tnefFiles(bytes.Repeat([]byte{0xff}, 1000)); ok {
		t.Error("noise is a winmail.dat")
	}
}

func opener(fsys fs.FS) func(string) fs.FS { return func(string) fs.FS { return fsys } }
