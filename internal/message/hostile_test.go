package message

import (
	"bytes"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"postdesk/internal/testkit"
)

// hostileMails are mails made to cost time or memory.
func hostileMails() map[string]string {
	nest := "Content-Type: multipart/mixed; boundary=b0\r\n\r\n"
	for i := range 10000 {
		nest += fmt.Sprintf("--b%d\r\nContent-Type: multipart/mixed; boundary=b%d\r\n\r\n", i, i+1)
	}
	prefixes := "Content-Type: multipart/mixed; boundary=a\r\n\r\n"
	for i := range 900 {
		prefixes += "--" + strings.Repeat("a", i+1) + "\r\n\r\nx\r\n"
	}
	rep := strings.Repeat
	return map[string]string{
		"nested multiparts":    nest,
		"nested messages":      rep("Content-Type: message/rfc822\r\n\r\n", 10000) + "x",
		"100000 parts":         "Content-Type: multipart/mixed; boundary=x\r\n\r\n" + rep("--x\r\n\r\n\r\n", 100000) + "--x--\r\n",
		"prefix boundaries":    prefixes,
		"70k boundary":         "Content-Type: multipart/mixed; boundary=\"" + rep("b", 70000) + "\"\r\n\r\n--" + rep("b", 70000) + "\r\n\r\nx\r\n",
		"500000 fields":        rep("X: y\r\n", 80000) + "\r\nbody",
		"10 MB field":          "Subject: " + rep("A", 1_000_000) + "\r\n\r\nx",
		"long line":            "\r\n" + rep("A", 1_000_000),
		"200000 folds":         "Subject: a" + rep("\r\n a", 60000) + "\r\n\r\nx",
		"nested comments":      "From: " + rep("(", 100000) + rep(")", 100000) + " eve@evil.test\r\n\r\nx",
		"open comments":        "From: " + rep("(", 100000) + "\r\nTo: " + rep("a(\\", 10000) + "\r\n\r\nx",
		"open brackets":        "From: " + rep("<a,", 20000) + "\r\nTo: " + rep("<\"a", 10000) + "\r\n\r\nx",
		"domain literal":       "From: eve@[" + rep("1", 200000) + "]\r\nTo: " + rep("[", 100000) + "\r\n\r\nx",
		"60000 references":     "References: " + rep("<a@x.test> ", 60000) + "\r\n\r\nx",
		"100000 encoded words": "Subject: " + rep("=?utf-8?q?a?=\r\n ", 100000) + "\r\n\r\nx",
		"open encoded words":   "Subject: " + rep("=?utf-8?q?", 100000) + "\r\nFrom: " + rep("=?a?b?", 10000) + "\r\n\r\nx",
		"100000 addresses":     "Cc: " + rep("a@b.test,\r\n ", 100000) + "\r\n\r\nx",
		"dashes":               "Content-Type: multipart/mixed; boundary=x\r\n\r\n" + rep("--\n", 100000),
		"parameters":           "Content-Type: text/plain; " + rep("a*0*=x;", 5000) + rep("a=b;", 5000) + rep("(", 5000) + "\r\n\r\nx",
		"nested html":          "Content-Type: text/html\r\n\r\n" + rep("<div><blockquote>", 50000) + "x" + rep("<a href=x>", 50000),
		"html entities":        "Content-Type: text/html\r\n\r\n" + rep("&amp;&#x41;&", 30000),
		"attributions":         "\r\n" + rep("On 3 May 2024, X wrote:\n> q\nnew\n", 4000) + rep("> q\n", 30000),
		"openers":              "\r\n" + rep("On\n", 20000),
		"header blocks":        "\r\n" + rep("From: x\n", 15000),
		"rulers":               "\r\n" + rep("-----\n\n", 10000) + "-----Original Message-----\n",
		"quoted-printable":     "Content-Transfer-Encoding: quoted-printable\r\n\r\n" + rep(" ", 300_000) + rep("=", 300_000) + rep("= ", 100_000),
		"flowed":               "Content-Type: text/plain; format=flowed; delsp=yes\r\n\r\n" + rep("a \r\n", 60000),
	}
}

// maxTime is of the processor.
const maxTime = 5 * time.Second * testkit.RaceFactor

// Two seconds of CPU per megabyte is what a mail may cost. Everything here is far
// below; the limit leaves room for slower machines, while what is quadratic would
// take minutes.
func TestHostileMailsAreCheap(t *testing.T) {
	for name, raw := range hostileMails() {
		begin := testkit.CPU()
		m := mustParse(t, raw)
		checkTiles(t, m, []byte(raw))
		readAll(t, m)
		if took := testkit.CPU() - begin; took > maxTime {
			t.Errorf("%s: %v for %d bytes", name, took, len(raw))
		}
	}
}

// Memory does not follow the size of the mail: 64 MB from a source that holds
// nothing are parsed in a few.
func TestParseMemoryIsBounded(t *testing.T) {
	src := repeatSource{head: "Content-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\n\r\n", line: strings.Repeat("A", 76) + "\r\n", size: 64 << 20}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	m, err := Parse(src)
	runtime.ReadMemStats(&after)
	if err != nil || len(m.Root.Children) != 1 {
		t.Fatal(err, m)
	}
	if n := after.TotalAlloc - before.TotalAlloc; n > 1<<20 {
		t.Errorf("%d bytes allocated", n)
	}
}

// repeatSource is a head, and then one line again and again.
type repeatSource struct {
	head, line string
	size       int64
}

func (s repeatSource) Size() int64 { return s.size }

func (s repeatSource) ReadAt(b []byte, off int64) (int, error) {
	n := 0
	for n < len(b) && off < s.size {
		from := s.head
		at := off
		if off >= int64(len(s.head)) {
			from, at = s.line, (off-int64(len(s.head)))%int64(len(s.line))
		}
		m := copy(b[n:min(int64(len(b)), int64(n)+s.size-off)], from[at:])
		n, off = n+m, off+int64(m)
	}
	return n, nil
}

func TestDepthAndPartsAreBounded(t *testing.T) {
	mails := hostileMails()
	for _, c := range []struct {
		name string
		max  int
	}{{"nested multiparts", MaxDepth}, {"nested messages", MaxDepth}, {"100000 parts", MaxParts + 1}} {
		m := mustParse(t, mails[c.name])
		n, opaque := 0, false
		m.Walk(func(p *Part) bool { n++; opaque = opaque || p.Opaque; return true })
		if n > c.max || !opaque || len(m.Defects) == 0 {
			t.Errorf("%s: %d parts, opaque %v, defects %v", c.name, n, opaque, m.Defects)
		}
	}
	if n := len(mustParse(t, mails["500000 fields"]).Header.Fields); n > MaxFields {
		t.Errorf("%d fields", n)
	}
	if n := len(mustParse(t, mails["60000 references"]).Header.MessageIDs("References")); n != MaxIDs {
		t.Errorf("%d ids", n)
	}
	if n := len(mustParse(t, mails["100000 addresses"]).Header.Mailboxes("Cc")); n != MaxList {
		t.Errorf("%d addresses", n)
	}
}

func TestHostileNamesAreText(t *testing.T) {
	for raw, want := range map[string]string{
		`filename="../../../../etc/cron.d/x"`: "x", `filename="/etc/passwd"`: "passwd", `filename="C:\\Windows\\x.exe"`: "x.exe", `filename="C:\Windows\x.exe"`: "x.exe",
		"filename=\"a.txt\x00.exe\"": "a.txt.exe", `filename=".."`: "", `filename=""`: "", "filename=\"gpj.\u202eexe\"": "gpj.exe",
		`filename*0*=utf-8''..%2F..%2F; filename*1*=etc%2Fx%0d%0aY:z`: "x Y_z", "filename=\"a\r\n X-Inj: 1\"": "a X-Inj_ 1",
		`filename="=?utf-8?q?=C3=A9=0D=0Ab.pdf?="`: "é b.pdf", `filename=facture mars (1).pdf`: "facture mars (1).pdf",
		`filename*=iso-8859-1'fr'%E9t%E9.pdf; filename="ete.pdf"`: "été.pdf",
	} {
		m := mustParse(t, "Content-Disposition: attachment; "+raw+"\r\n\r\nx")
		if got := m.Root.FileName(); got != want {
			t.Errorf("%q: %q, want %q", raw, got, want)
		}
	}
	if n := len(mustParse(t, "Content-Disposition: attachment; filename="+strings.Repeat("a", 5000)+".pdf\r\n\r\n").Root.FileName()); n > MaxFileName {
		t.Errorf("%d bytes", n)
	}
}

func TestEncodedWordsNeverGiveControls(t *testing.T) {
	m := mustParse(t, "Subject: =?utf-8?q?hi=0D=0ABcc:_v=00=1B[2J_=E2=80=AEx?=\r\nReply-To: =?utf-8?b?DQpCY2M6IHZAdi50ZXN0?= <eve@evil.test>\r\n"+
		"From: =?utf-8?b?cG90dXNAd2hpdGVob3VzZS5nb3Y=?==?utf-8?Q?=00?==?utf-8?b?cG90dXNAd2hpdGVob3VzZS5nb3Y=?=@evil.test\r\n\r\nx")
	if got := m.Header.Text("Subject"); got != "hi Bcc: v[2J x" {
		t.Errorf("got %q", got)
	}
	if got := m.Header.Mailboxes("Reply-To"); len(got) != 1 || got[0].Name != "Bcc: v@v.test" || got[0].Address.String() != "eve@evil.test" {
		t.Errorf("got %+v", got)
	}
	if list, _ := m.Authors(); len(list) > 1 || len(list) == 1 && list[0].Address.Domain != "evil.test" {
		t.Errorf("got %+v", list)
	}
}

func TestTwoFromFieldsAreSeen(t *testing.T) {
	list, n := mustParse(t, "From: a@x.test\r\nFROM : b@x.test\r\n\r\n").Authors()
	if n != 2 || len(list) != 2 {
		t.Errorf("%d fields, %+v", n, list)
	}
}

func TestUTF7IsNeverDecoded(t *testing.T) {
	for _, charset := range []string{"utf-7", "unicode-1-1-utf-7", "UTF-7", "x-user-defined", "hz-gb-2312", "../../etc/passwd", "utf-8\x00", strings.Repeat("a", 10000)} {
		m := mustParse(t, "Content-Type: text/html; charset=\""+charset+"\"\r\n\r\n+ADw-script+AD4-alert(1)")
		if got, _ := m.TextBody(1000); !strings.Contains(got, "+ADw-") {
			t.Errorf("%q: %q", limit(charset, 20), got)
		}
	}
}

// What stops other parsers: each of these must still give sender and text.
func TestBrokenMailsAreRead(t *testing.T) {
	for name, raw := range map[string]string{
		"a header line without colon": "From: A <a@b.test>\r\nnonsense\r\nSubject: s\r\n\r\ntext",
		"CR CR LF":                    "From: A <a@b.test>\r\r\nSubject: s\r\r\n\r\r\ntext",
		"encoding with a comment":     "From: A <a@b.test>\r\nContent-Transfer-Encoding: 7bit (plain)\r\nSubject: s\r\n\r\ntext",
		"unknown encoding":            "From: A <a@b.test>\r\nContent-Transfer-Encoding: x-foo\r\nSubject: s\r\n\r\ntext",
		"multipart without boundary":  "From: A <a@b.test>\r\nSubject: s\r\nContent-Type: multipart/mixed\r\n\r\ntext",
		"bad base64":                  "From: A <a@b.test>\r\nSubject: s\r\nContent-Transfer-Encoding: base64\r\n\r\ndG!V4dA==",
		"bad base64 and a tail":       "From: A <a@b.test>\r\nSubject: s\r\nContent-Transfer-Encoding: base64\r\n\r\ndGU*=eHQ=",
		"unquoted comma":              "From: A, A <a@b.test>\r\nSubject: s\r\n\r\ntext",
		"no blank line":               "From: A <a@b.test>\r\nSubject: s\r\ntext",
		"LF only":                     "From: A <a@b.test>\nSubject: s\n\ntext",
		"mbox line":                   "From a@b.test Mon Jan  1\r\nFrom: A <a@b.test>\r\nSubject: s\r\n\r\ntext",
		"no closing bracket":          "From: A <a@b.test\r\nSubject: s\r\n\r\ntext",
		"comment as name":             "From: a@b.test (A)\r\nSubject: s\r\n\r\ntext",
		"unknown charset":             "From: =?x-none?q?A?= <a@b.test>\r\nSubject: =?x-none?q?s?=\r\nContent-Type: text/plain; charset=x-none\r\n\r\ntext",
	} {
		m := mustParse(t, raw)
		list, _ := m.Authors()
		text, found := m.TextBody(100)
		if len(list) != 1 || list[0].Address.String() != "a@b.test" || !strings.HasPrefix(list[0].Name, "A") ||
			m.Header.Text("Subject") != "s" || !found || !strings.HasPrefix(text, "text") {
			t.Errorf("%s: %+v, %q, %q", name, list, m.Header.Text("Subject"), text)
		}
		if body := m.Root.Text(100); body != "text" {
			t.Errorf("%s: %q", name, body)
		}
	}
}

func TestRawBytesSurvive(t *testing.T) {
	raw := []byte("Subject: \xe9t\xe9\r\n\r\n\x00\r\xff\n")
	m, err := Parse(BytesSource(raw))
	if err != nil {
		t.Fatal(err)
	}
	if got := readSource(t, m.Root.Raw()); !bytes.Equal([]byte(got), raw) {
		t.Errorf("got %q", got)
	}
	if m.Header.Text("Subject") != "été" {
		t.Errorf("got %q", m.Header.Text("Subject"))
	}
}
