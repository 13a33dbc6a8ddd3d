package message

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"fmt"
	"io"
	"math/rand/v2"
	"net/textproto"
	"sort"
	"strings"
	"testing"
	"time"

	"postdesk/internal/addr"
)

// counter makes boundaries for tests.
func counter() func() string {
	n := 0
	return func() string { n++; return fmt.Sprintf("=_b%d", n) }
}

func readSource(t testing.TB, src Source) string {
	t.Helper()
	b, err := io.ReadAll(NewReader(src))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func build(t testing.TB, b *Builder, body Content) string {
	t.Helper()
	r, err := b.Build(body)
	if err != nil {
		t.Fatal(err)
	}
	out := readSource(t, r)
	checkClean(t, out)
	return out
}

// checkClean fails if a mail that we wrote has anything that one server reads
// differently from another.
func checkClean(t testing.TB, out string) {
	t.Helper()
	facts, err := lookAtBytes(BytesSource([]byte(out)))
	if err != nil || !facts.sendable() {
		t.Fatalf("not sendable: %+v %v\n%q", facts, err, limit(out, 2000))
	}
}

func TestBuilderWritesAMail(t *testing.T) {
	b := NewBuilder(counter())
	b.Mailboxes("From", []addr.Mailbox{{Name: "Anne Durand – Relation Client", Address: addr.Address{Local: "relationclient", Domain: "example.com"}}})
	b.Mailboxes("To", []addr.Mailbox{{Name: "Client, Jean", Address: addr.Address{Local: "jean", Domain: "client.example"}}, {Address: addr.Address{Local: "a b", Domain: "x.example"}}})
	b.Text("Subject", "Réclamation")
	b.Date(time.Date(2025, 11, 21, 10, 0, 0, 0, time.UTC))
	b.MessageIDs("In-Reply-To", []string{"1@x", "bad\r\nBcc: v@x", "2@x"})
	got := build(t, b, MultipartContent("mixed", nil,
		TextContent("text/plain", "Bonjour\n-- \nAnne"),
		DataContent(File{MediaType: "application/pdf", Name: "Évaluation.pdf", Data: BytesSource([]byte("%PDF"))})))
	want := strings.ReplaceAll(`From: =?utf-8?q?Anne_Durand_=E2=80=93_Relation_Client?=
 <relationclient@example.com>
To: "Client, Jean" <jean@client.example>, "a b"@x.example
Subject: =?utf-8?q?R=C3=A9clamation?=
Date: Fri, 21 Nov 2025 10:00:00 +0000
In-Reply-To: <1@x> <badBcc:v@x> <2@x>
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary="=_b1"

--=_b1
Content-Type: text/plain; charset=utf-8
Content-Transfer-Encoding: 7bit

Bonjour
-- 
Anne

--=_b1
Content-Type: application/pdf; name="_valuation.pdf";
 name*=utf-8''%C3%89valuation.pdf
Content-Disposition: attachment; filename="_valuation.pdf";
 filename*=utf-8''%C3%89valuation.pdf
Content-Transfer-Encoding: base64

JVBERg==

--=_b1--
`, "\n", "\r\n")
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// A header value that carries line ends never becomes another field: what a
// standard word decoder would hand through.
func TestNoHeaderInjection(t *testing.T) {
	evil := []string{
		"hi\r\nBcc: victim@v.test\r\n", "a\nb: c", "a\rb: c", "x\x00y", "a\u2028Bcc: x", "a\u2029b", "\u202emoc", "=?utf-8?q?hi=0D=0ABcc:_v@v.test?=",
		strings.Repeat("x", 5000), strings.Repeat("é", 5000), strings.Repeat("a ", 3000), "\xff\xfe", "a\x85b", "",
	}
	for _, e := range evil {
		b := NewBuilder(counter())
		b.Field("X-One", e)
		b.Text("Subject", e)
		b.Mailboxes("From", []addr.Mailbox{{Name: e, Address: addr.Address{Local: "a", Domain: "b.test"}}})
		b.MessageIDs("References", []string{e})
		out := build(t, b, DataContent(File{Name: e, MediaType: e, ContentID: e, Params: map[string]string{"x": e, e: "y"}, Data: BytesSource(nil)}))
		checkHeaderNames(t, out, "X-One", "Subject", "From", "References", "Mime-Version", "Content-Type", "Content-Disposition", "Content-Id", "Content-Transfer-Encoding")
	}
}

// checkHeaderNames reads the header with two parsers; they must agree, and see
// no field but those allowed, each once.
func checkHeaderNames(t testing.TB, out string, allowed ...string) {
	t.Helper()
	m := mustParse(t, out)
	var ours, theirs []string
	for _, f := range m.Header.Fields {
		ours = append(ours, textproto.CanonicalMIMEHeaderKey(f.Name))
	}
	h, err := textproto.NewReader(bufio.NewReader(strings.NewReader(out))).ReadMIMEHeader()
	if err != nil {
		t.Fatalf("net/textproto: %v\n%q", err, limit(out, 1000))
	}
	for name, values := range h {
		for range values {
			theirs = append(theirs, name)
		}
	}
	sort.Strings(ours)
	sort.Strings(theirs)
	if fmt.Sprint(ours) != fmt.Sprint(theirs) {
		t.Fatalf("two parsers: %v, %v", ours, theirs)
	}
	for i, name := range ours {
		if !strings.Contains(" "+strings.Join(allowed, " ")+" ", " "+name+" ") || i > 0 && ours[i-1] == name {
			t.Fatalf("field %q in %q", name, limit(out, 1000))
		}
	}
}

func TestTextComesBack(t *testing.T) {
	for _, s := range []string{"plain", "é", strings.Repeat("Réclamation n° 12 ", 20), "日本語の件名はとても長いのでいくつかの語に分かれます。日本語の件名", "=?utf-8?q?not?=", "🏳️‍🌈 flag", "a=b_c?d"} {
		b := NewBuilder(counter())
		b.Text("Subject", s)
		out := build(t, b, TextContent("text/plain", s))
		m := mustParse(t, out)
		if got := m.Header.Text("Subject"); got != Clean(s, MaxText) {
			t.Errorf("%q came back as %q", s, got)
		}
		if got, _ := m.TextBody(1 << 20); got != s+"\n" {
			t.Errorf("body %q came back as %q", s, got)
		}
		for _, line := range strings.Split(out, "\r\n") {
			if len(line) > 78 {
				t.Errorf("line of %d: %q", len(line), line)
			}
		}
	}
}

func TestFileNameComesBack(t *testing.T) {
	for _, s := range []string{"a.pdf", "Évaluation.pdf", `say "hi".txt`, strings.Repeat("long ", 20) + ".txt", strings.Repeat("é", 100) + ".txt", "100% sûr.txt", "=?utf-8?q?x?=.txt"} {
		m := mustParse(t, build(t, NewBuilder(counter()), DataContent(File{Name: s, Data: BytesSource(nil)})))
		if got, want := m.Root.FileName(), cleanFileName(s); got != want {
			t.Errorf("%q came back as %q", want, got)
		}
	}
}

func TestMailboxesComeBack(t *testing.T) {
	a := addr.Address{Local: "a", Domain: "b.test"}
	for _, name := range []string{"", "Jean", "Client, Jean", `J "Q" P`, "Jürgen Müller", "a@b", "x\\y", "O'Neil", "=?x", strings.Repeat("Zoë ", 60)} {
		b := NewBuilder(counter())
		b.Mailboxes("To", []addr.Mailbox{{Name: name, Address: a}, {Address: a}})
		got := mustParse(t, build(t, b, TextContent("text/plain", ""))).Header.Mailboxes("To")
		if len(got) != 2 || got[0].Name != Clean(name, MaxText) || got[0].Address != a {
			t.Errorf("%q came back as %+v", name, got)
		}
	}
}

func TestBadFieldNameAndBoundaryAreErrors(t *testing.T) {
	b := NewBuilder(counter())
	b.Field("X-Evil: x\r\nBcc", "v")
	if _, err := b.Build(TextContent("text/plain", "")); err == nil {
		t.Error("a bad field name was written")
	}
	b = NewBuilder(func() string { return "a\r\nb" })
	if _, err := b.Build(MultipartContent("mixed", nil)); err == nil {
		t.Error("a bad boundary was written")
	}
}

func TestRopeIsItsPieces(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		var want bytes.Buffer
		r := &Rope{}
		for range rnd.IntN(12) {
			b := make([]byte, rnd.IntN(300))
			for i := range b {
				b[i] = byte(rnd.Uint32())
			}
			off := rnd.IntN(len(b) + 1)
			switch rnd.IntN(4) {
			case 0:
				r.Append(b)
				want.Write(b)
			case 1:
				r.AppendRange(BytesSource(b), int64(off), int64(len(b)))
				want.Write(b[off:])
			case 2:
				r.AppendSource(Base64Source(BytesSource(b)))
				want.WriteString(wrap64(b))
			case 3:
				inner := &Rope{}
				inner.AppendString("x")
				inner.AppendRange(BytesSource(b), 0, int64(off))
				r.AppendSource(inner)
				want.WriteString("x" + string(b[:off]))
			}
		}
		checkRope(t, r, want.Bytes(), rnd)
	}
}

func checkRope(t *testing.T, r *Rope, want []byte, rnd *rand.Rand) {
	t.Helper()
	var got bytes.Buffer
	if n, err := r.WriteTo(&got); err != nil || n != int64(len(want)) || !bytes.Equal(got.Bytes(), want) || r.Size() != n {
		t.Fatalf("WriteTo: %d of %d, %v", n, len(want), err)
	}
	for range 20 {
		off, b := rnd.IntN(len(want)+2), make([]byte, rnd.IntN(200))
		n, err := r.ReadAt(b, int64(off))
		rest := want[min(off, len(want)):]
		if n != min(len(b), len(rest)) || !bytes.Equal(b[:n], rest[:n]) || (err == io.EOF) != (n < len(b)) {
			t.Fatalf("ReadAt(%d, %d) = %d, %v", off, len(b), n, err)
		}
	}
}

func wrap64(b []byte) string {
	var out strings.Builder
	for s := base64.StdEncoding.EncodeToString(b); s != ""; {
		n := min(76, len(s))
		out.WriteString(s[:n] + "\r\n")
		s = s[n:]
	}
	return out.String()
}

// A source that lost bytes must not look like the end of the mail.
func TestRopeOfAShortSourceIsAnError(t *testing.T) {
	r := &Rope{}
	r.AppendRange(shortSource{}, 0, 100)
	if _, err := r.WriteTo(io.Discard); err != io.ErrUnexpectedEOF {
		t.Errorf("got %v", err)
	}
}

type shortSource struct{}

func (shortSource) Size() int64                             { return 100 }
func (shortSource) ReadAt(b []byte, off int64) (int, error) { return 0, io.EOF }

func TestCopyKeepsTheBytes(t *testing.T) {
	raw := strings.ReplaceAll(`From: a@b.test
Content-Type: multipart/mixed; boundary=x

--x
Content-Type: text/plain; charset=iso-8859-1
Content-Transfer-Encoding: quoted-printable
X-Secret: 1

caf=E9
--x
Content-Type: image/png; name="a b.png"
Content-Transfer-Encoding: base64
Content-ID: <img@x>
Content-Disposition: inline

AAEC
--x--
`, "\n", "\r\n")
	out := build(t, NewBuilder(counter()), CopyContent(mustParse(t, raw).Root))
	m := mustParse(t, out)
	if len(m.Root.Children) != 2 || m.Root.Children[1].FileName() != "a b.png" || m.Root.Children[1].ContentID() != "img@x" {
		t.Fatalf("got %s", out)
	}
	if strings.Contains(out, "X-Secret") || !strings.Contains(out, "\r\n\r\ncaf=E9\r\n--") || !strings.Contains(out, "\r\n\r\nAAEC\r\n--") {
		t.Errorf("got %s", out)
	}
}

func TestCopyOfHarmfulBytesIsEncodedAnew(t *testing.T) {
	for _, c := range []struct{ encoding, body, want string }{
		{"7bit", "a\nb\r\n.\nc", "a\nb\r\n.\nc"},
		{"8bit", "a\rb\x00c", "a\rb\x00c"},
		{"binary", strings.Repeat("x", 2000), strings.Repeat("x", 2000)},
		{"base64", "AAEC\nAwQF\n", "\x00\x01\x02\x03\x04\x05"},
		{"quoted-printable", "a=0Ab\n", "a\nb\n"},
	} {
		for _, kind := range []string{"application/x", "text/plain", "message/rfc822"} {
			raw := "Content-Type: " + kind + "\r\nContent-Transfer-Encoding: " + c.encoding + "\r\n\r\n" + c.body
			p := mustParse(t, raw).Root
			for _, content := range []Content{CopyContent(p), RawContent(p)} {
				got := mustParse(t, build(t, NewBuilder(counter()), content))
				if b, _ := io.ReadAll(got.Root.Decode()); string(b) != c.want {
					t.Errorf("%s %s: %q", kind, c.encoding, b)
				}
			}
		}
	}
}

func TestRawContentIsExact(t *testing.T) {
	raw := "Received: x\r\nContent-Type: multipart/signed;\r\n\tboundary=\"b\"\r\nSubject: x\r\n\r\npreamble\r\n--b\r\n\r\ntext\r\n--b\r\n\r\nsig\r\n--b--\r\n"
	m := mustParse(t, raw)
	if ok, err := m.Root.Exact(); !ok || err != nil {
		t.Fatal(ok, err)
	}
	got := build(t, NewBuilder(counter()), RawContent(m.Root))
	want := "MIME-Version: 1.0\r\nContent-Type: multipart/signed;\r\n\tboundary=\"b\"\r\n\r\n" + raw[strings.Index(raw, "preamble"):]
	if got != want {
		t.Errorf("got %q", got)
	}
}

// Whatever comes in, what goes out has no stray line end, and every leaf decodes
// to the same bytes.
func TestCopiesOfTheCorpora(t *testing.T) {
	eachMail(t, corpora(t), func(name string, raw []byte) {
		m := mustParse(t, string(raw))
		for _, content := range []Content{CopyContent(m.Root), RawContent(m.Root), MessageContent(m.Source, "x")} {
			r, err := NewBuilder(counter()).Build(content)
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			checkClean(t, readSource(t, r))
		}
		r, _ := NewBuilder(counter()).Build(CopyContent(m.Root))
		copied, err := Parse(r)
		if err != nil {
			t.Fatal(err)
		}
		before, after := leafBytes(t, m), leafBytes(t, copied)
		if fmt.Sprint(len(before)) != fmt.Sprint(len(after)) {
			t.Logf("%s: %d parts became %d", name, len(before), len(after))
			return
		}
		for i := range before {
			if before[i] != strings.TrimSuffix(after[i], "\r\n") && before[i] != after[i] {
				t.Errorf("%s: part %d: %d bytes became %d", name, i, len(before[i]), len(after[i]))
			}
		}
	})
}

func leafBytes(t *testing.T, m *Message) (list []string) {
	m.Walk(func(p *Part) bool {
		if p.IsMultipart() {
			return true
		}
		b, err := io.ReadAll(p.Decode())
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, string(b))
		return false
	})
	return list
}
