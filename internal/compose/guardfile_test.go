package compose

import (
	"archive/zip"
	"bytes"
	"strings"
	"testing"
	"time"

	"postdesk/internal/message"
	"postdesk/internal/testkit"
)

// zipped is an archive of one entry.
func zipped(t testing.TB, name, body string) string {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	w, err := z.Create(name)
	if err == nil {
		_, err = w.Write([]byte(body))
	}
	if err != nil || z.Close() != nil {
		t.Fatal(err)
	}
	return b.String()
}

func attachment(name, data string) string {
	return withPart("Content-Type: application/octet-stream; name="+name+"\nContent-Disposition: attachment; filename="+name+"\nContent-Transfer-Encoding: base64", wrap64(data))
}

// What formats hide is found; what a customer may know, and what is not the agent's, is not.
func TestFilesAreLookedInto(t *testing.T) {
	key := func(who string) string {
		return "-----BEGIN PGP PUBLIC KEY BLOCK-----\nVersion: x\n\n" + wrap64("\x99\x01 <"+who+">") + "=abcd\n-----END PGP PUBLIC KEY BLOCK-----\n"
	}
	inner := "Subject: x\nContent-Type: text/plain\nContent-Transfer-Encoding: base64\n\n" + wrap64("voir "+private)
	for name, c := range map[string]struct{ mail, kinds string }{
		"a document of hers":          {attachment("a.docx", zipped(t, "docProps/core.xml", "<dc:creator>"+private+"</dc:creator>")), "secret"},
		"by her login":                {attachment("a.docx", zipped(t, "docProps/core.xml", `<dc:creator>CORP\ADurand-Login</dc:creator>`)), "secret"},
		"a document of a customer":    {attachment("a.docx", zipped(t, "docProps/core.xml", "<dc:creator>Jean</dc:creator>")), ""},
		"her login as a title":        {attachment("a.docx", zipped(t, "docProps/app.xml", "<vt:lpstr>adurand-login</vt:lpstr>")), ""},
		"another file of an archive":  {attachment("a.zip", zipped(t, "docProps/other.xml", "<dc:creator>"+private+"</dc:creator>")), ""},
		"a PDF in octal":              {attachment("a.pdf", `%PDF /Author (anne.durand\100corp.example)`), "secret"},
		"a PDF in UTF-16":             {attachment("a.pdf", "%PDF /Author (\xfe\xff\x00a\x00d\x00u\x00r\x00a\x00n\x00d\x00-\x00l\x00o\x00g\x00i\x00n)"), "secret"},
		"a PDF that ends in the key":  {attachment("a.pdf", "%PDF /Author"), ""},
		"a key as a file":             {attachment("a.asc", key(private)), "secret"},
		"a customer's key":            {attachment("a.asc", key("jean@client.example")), ""},
		"a mail as a file":            {attachment("a.eml", inner), "secret"},
		"a page":                      {attachment("a.html", "<p>anne.durand<b>&#64;</b>corp.example"), "secret"},
		"a page in UTF-16":            {attachment("a.html", "\xff\xfe"+utf16le("<p>anne.durand&#64;corp.example")), "secret"},
		"four mails, one in another":  {attachment("a.eml", asFile("b.eml", asFile("c.eml", asFile("d.eml", inner)))), "unreadable"},
		"an attached mail, encoded":   {withPart("Content-Type: message/rfc822\nContent-Transfer-Encoding: base64", wrap64(inner)), "secret"},
		"a contact's note, line ends": {withPart("Content-Type: text/vcard", `BEGIN:VCARD`+"\n"+`NOTE:appeler\nanne.durand@corp.example\\nx`+"\nEND:VCARD"), ""},
	} {
		in := testReplyIn(t, c.mail)
		in.Logins = []string{"adurand-login"}
		out, err := testComposer(t).Reply(in)
		if err != nil {
			t.Fatal(err)
		}
		if got := kinds(out.Findings); got != c.kinds {
			t.Errorf("%s: %v, want %q", name, out.Findings, c.kinds)
		}
		if all := decodeAll(t, out.Source); c.kinds == "" && strings.Contains(all, "orp.example\\") {
			t.Errorf("%s: %s", name, all)
		}
	}
}

// asFile is a mail with one attachment.
func asFile(name, data string) string {
	return "Content-Type: application/octet-stream; name=" + name + "\nContent-Transfer-Encoding: base64\n\n" + wrap64(data)
}

// An agent's program attaches its key to each mail that it signs; both go, and a customer's key stays.
func TestTheAgentsOwnKeyIsLeftOut(t *testing.T) {
	for who, want := range map[string]int{private: 0, "jean@client.example": 1} {
		out, _ := replyTo(t, withPart("Content-Type: application/pgp-keys; name=key.asc\nContent-Disposition: attachment; filename=key.asc",
			"-----BEGIN PGP PUBLIC KEY BLOCK-----\n\n"+wrap64("\x99\x01 Anne <"+who+">")+"=abcd\n-----END PGP PUBLIC KEY BLOCK-----"))
		if len(out.Findings) > 0 || len(out.Attachments) != want {
			t.Errorf("%s: %v, %d attachments", who, out.Findings, len(out.Attachments))
		}
	}
}

// A parameter that a client has for itself tells of it; the rest of the line stays.
func TestCalendarsLosePrivateParameters(t *testing.T) {
	_, all := replyTo(t, withPart("Content-Type: text/calendar", "BEGIN:VCALENDAR\nBEGIN:VEVENT\nATTENDEE;CN=Jean;X-NUM-GUESTS=0;X-HOST=\"PC;ANNE\";PARTSTAT=ACCEPTED:mailto:jean@client.example\nEND:VEVENT\nEND:VCALENDAR"))
	if !strings.Contains(all, "ATTENDEE;CN=Jean;PARTSTAT=ACCEPTED:mailto:jean@client.example") {
		t.Error(all)
	}
}

// Archives and documents that are made to cost much when they are unpacked cost next to nothing.
func TestDocumentsThatAreBombs(t *testing.T) {
	zeros := zipped(t, "docProps/core.xml", strings.Repeat("\x00", 64<<20))
	entry := zipped(t, "docProps/core.xml", "x")
	entry = entry[strings.Index(entry, zipEntry):strings.Index(entry, zipEnd)]
	directory := zipLocal + strings.Repeat(entry, 100_000)
	end := []byte(zipEnd + strings.Repeat("\x00", 18))
	end[16] = 4
	for name, data := range map[string]string{
		"zeros": zeros, "a directory that goes on": directory + string(end), "ends": zipLocal + strings.Repeat(string(end), 200_000),
		"keys of a PDF": "%PDF" + strings.Repeat("/Author(", 500_000), "an open string": "%PDF/Author(" + strings.Repeat(`\`, 4<<20),
		"armour": strings.Repeat("-----BEGIN A-----\nA: b\n", 40_000), "half armour": strings.Repeat("-----BEGIN ", 90_000), "one line of armour": "-----BEGIN A-----\n" + strings.Repeat("A", 1<<20),
		"mails within a file": strings.Repeat("Content-Type: message/rfc822\n\n", 30_000), "a wide file": "\xff\xfe" + strings.Repeat("<\x00", 1<<20),
	} {
		m := parse(t, "Content-Type: application/octet-stream; name=\"a.eml\"\n\n")
		g := testComposer(t).newGuard([]string{private}, nil)
		began := testkit.CPU()
		for _, look := range []func([]byte, string) error{g.document, g.pdf, g.mailFile, g.textFile} {
			if err := look([]byte(data), partName(m.Root)); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
		dearmor([]byte(data))
		if used, most := testkit.CPU()-began, 2*time.Second*time.Duration(max(len(data), 1<<20))>>20*testkit.RaceFactor; used > most {
			t.Errorf("%s: %v of processor for %d KB", name, used, len(data)>>10)
		} else {
			t.Logf("%s: %v for %d KB", name, used, len(data)>>10)
		}
	}
}

func FuzzFiles(f *testing.F) {
	f.Add([]byte(zipped(f, "docProps/core.xml", "<dc:creator>anne</dc:creator>")))
	f.Add([]byte(`%PDF /Author (a\100b) /Title <FEFF0041>`))
	f.Add([]byte("-----BEGIN X-----\nA: b\n\nQUJD\n=abcd\n-----END X-----\n"))
	f.Add([]byte("\xfe\xff\x00a\x00@"))
	c := testComposer(f)
	f.Fuzz(func(t *testing.T, data []byte) {
		g := c.newGuard([]string{private}, nil)
		g.logins = map[string]bool{"anne": true}
		for _, look := range []func([]byte, string) error{g.document, g.pdf, g.mailFile, g.textFile} {
			if err := look(data, "x"); err != nil {
				t.Fatal(err)
			}
		}
		for _, key := range dearmor(data) {
			if len(key) > len(data) {
				t.Fatal("more than was there")
			}
		}
		_ = message.Clean(textOf(data), 100)
	})
}
