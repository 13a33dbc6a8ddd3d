package compose

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"postdesk/internal/addr"
	"postdesk/internal/message"
)

// corpusMails calls fn for every mail that others wrote.
func corpusMails(t *testing.T, fn func(name string, raw []byte)) {
	dir := os.Getenv("POSTDESK_CORPORA")
	if dir == "" {
		dir = filepath.Join("..", "..", "..", "shared", "corpora")
	}
	if _, err := os.Stat(dir); err != nil {
		t.Skip("no corpora: set POSTDESK_CORPORA")
	}
	n := 0
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || filepath.Ext(path) != ".eml" {
			return err
		}
		raw, err := os.ReadFile(path)
		if err == nil {
			n++
			fn(path, raw)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d mails", n)
}

// TestCorporaAsReplies takes every mail for an agent's answer: its From address is the agent's
// own, and must not come out unless a finding says so.
func TestCorporaAsReplies(t *testing.T) {
	c := testComposer(t)
	corpusMails(t, func(name string, raw []byte) {
		m, err := message.Parse(message.BytesSource(raw))
		if err != nil {
			t.Fatal(err)
		}
		authors, _ := m.Authors()
		if len(authors) == 0 || authors[0].Address.IsZero() {
			return
		}
		own := authors[0].Address
		in := testReplyIn(t, customerMail)
		in.Mail, in.Secrets = m, []string{own.String()}
		in.Rewrite = func(a addr.Address) (addr.Address, bool) { return in.Team.Address, a.Equal(own) }
		out, err := c.Reply(in)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			return
		}
		if strings.Contains(kinds(out.Findings), "secret") {
			return
		}
		all := strings.ToLower(decodeAll(t, out.Source))
		if i := strings.Index(all, strings.ToLower(own.String())); i >= 0 && (i == 0 || !isLocalByte(all[i-1])) && !isDomainByte(all[i+len(own.String())]) {
			t.Errorf("%s: %s came out: …%q…", name, own, all[max(0, i-40):min(len(all), i+60)])
		}
	})
}

// TestCorporaAsCopies takes every mail for a customer's: attachments come through byte for
// byte, and an answer to all reaches only us.
func TestCorporaAsCopies(t *testing.T) {
	c := testComposer(t)
	corpusMails(t, func(name string, raw []byte) {
		m, err := message.Parse(message.BytesSource(raw))
		if err != nil {
			t.Fatal(err)
		}
		in := testCopyIn(t, "fr")
		in.Mail = m
		out, err := c.Copy(in)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			return
		}
		got, err := message.Parse(out.Source)
		if err != nil {
			t.Fatal(err)
		}
		for _, box := range replyRecipients(got, true) {
			if a := box.Address.String(); a != tokenAddr && a != private {
				t.Errorf("%s: an answer would go to %s", name, a)
			}
		}
		if !out.NeedsNotice && !bytes.Contains([]byte(decodeAll(t, out.Source)), []byte("[== postdesk 10000")) {
			t.Errorf("%s: no block", name)
		}
		written := bytesOf(t, out.Source)
		if bare := strings.ReplaceAll(written, "\r\n", ""); strings.ContainsAny(bare, "\r\n\x00") {
			t.Errorf("%s: bare CR, LF or NUL", name)
		}
		if want, have := leaves(m), leaves(got); have < want {
			t.Errorf("%s: %d parts of %d", name, have, want)
		}
	})
}

// leaves counts what is no multipart; a mail within is one.
func leaves(m *message.Message) (n int) {
	m.Walk(func(p *message.Part) bool {
		if !p.IsMultipart() {
			n++
		}
		return p.IsMultipart()
	})
	return n
}
