package message

import (
	"bytes"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// corpora is the folder of mails that no one here wrote; the test is skipped
// without it.
func corpora(t testing.TB) string {
	t.Helper()
	dir := os.Getenv("POSTDESK_CORPORA")
	if dir == "" {
		dir = filepath.Join("..", "..", "..", "shared", "corpora")
	}
	if _, err := os.Stat(dir); err != nil {
		t.Skip("no corpora: set POSTDESK_CORPORA")
	}
	return dir
}

// eachMail calls fn for every .eml below dir.
func eachMail(t testing.TB, dir string, fn func(name string, raw []byte)) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".eml") {
			return err
		}
		raw, err := os.ReadFile(path)
		if err == nil {
			fn(path, raw)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func mustParse(t testing.TB, raw string) *Message {
	t.Helper()
	m, err := Parse(BytesSource([]byte(raw)))
	if err != nil {
		t.Fatalf("Parse: %v", err)
	}
	return m
}

// checkTiles fails if the parts are not within each other, in order, so that the
// mail can be put together again from their ranges.
func checkTiles(t testing.TB, m *Message, raw []byte) {
	t.Helper()
	if m.Root.Start != 0 || m.Root.End != int64(len(raw)) {
		t.Fatalf("root is [%d,%d) of %d", m.Root.Start, m.Root.End, len(raw))
	}
	var rebuild func(p *Part) []byte
	rebuild = func(p *Part) []byte {
		if p.Start > p.Body || p.Body > p.End {
			t.Fatalf("part is [%d,%d,%d)", p.Start, p.Body, p.End)
		}
		out := append([]byte(nil), raw[p.Start:p.Body]...)
		at := p.Body
		for _, c := range p.Children {
			if c.Start < at || c.End > p.End {
				t.Fatalf("child [%d,%d) is not within [%d,%d)", c.Start, c.End, at, p.End)
			}
			out = append(out, raw[at:c.Start]...)
			out = append(out, rebuild(c)...)
			at = c.End
		}
		return append(out, raw[at:p.End]...)
	}
	if !bytes.Equal(rebuild(m.Root), raw) {
		t.Fatal("the parts put together are not the mail")
	}
}

// readAll looks at everything that a mail offers.
func readAll(t testing.TB, m *Message) {
	t.Helper()
	m.Walk(func(p *Part) bool {
		if _, err := io.Copy(io.Discard, p.Decode()); err != nil {
			t.Fatal(err)
		}
		p.Text(1000)
		p.FileName()
		p.ContentID()
		p.IsAttachment()
		return true
	})
	for _, f := range m.Header.Fields {
		m.Header.Text(f.Name)
		m.Header.Mailboxes(f.Name)
		m.Header.MessageIDs(f.Name)
	}
	m.Header.Date()
	m.Authors()
	text, _ := m.TextBody(1 << 20)
	SplitQuote(text)
	m.Attachments()
	m.Report()
}

func TestAllCorporaParseAndTile(t *testing.T) {
	n := 0
	eachMail(t, corpora(t), func(name string, raw []byte) {
		m, err := Parse(BytesSource(raw))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			return
		}
		checkTiles(t, m, raw)
		n++
	})
	t.Logf("%d mails", n)
}
