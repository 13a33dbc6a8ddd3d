package admin

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"io"
	"strings"
	"testing"
	"time"

	"postdesk/internal/addr"
	"postdesk/internal/config"
	"postdesk/internal/message"
	"postdesk/store"
)

func box(t *testing.T, prefix, mail string) string {
	t.Helper()
	var b bytes.Buffer
	w := bufio.NewWriter(&b)
	at := time.Date(2026, 11, 2, 3, 4, 5, 0, time.UTC)
	if err := writeMbox(w, addr.Address{Local: "a", Domain: "x.example"}, at, []byte(prefix), strings.NewReader(mail)); err != nil {
		t.Fatal(err)
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestMboxrd(t *testing.T) {
	const head = "From a@x.example Mon Nov  2 03:04:05 2026\n"
	for _, c := range []struct{ prefix, mail, want string }{
		{"Return-Path: <>\r\n", "A: b\r\n\r\nFrom x\r\n>From y\r\n>>From z\r\n From w\r\n", "Return-Path: <>\nA: b\n\n>From x\n>>From y\n>>>From z\n From w\n\n"},
		{"", "no end", "no end\n\n"},
		{"", "", "\n"},
		{"", strings.Repeat("x", 5000) + "From here\r\n", strings.Repeat("x", 5000) + "From here\n\n"},
		{"", strings.Repeat("x", 4095) + "\r\nFrom here", strings.Repeat("x", 4095) + "\n>From here\n\n"},
	} {
		if got := box(t, c.prefix, c.mail); got != head+c.want {
			t.Errorf("%.40q: %.200q; want %.200q", c.mail, got, head+c.want)
		}
	}
}

// memMail is a stored mail.
type memMail struct{ message.Source }

func (memMail) ID() store.MailID                { return 1 }
func (memMail) SHA256() (sum [sha256.Size]byte) { return sum }

// In a mailbox below our own fields, forged ones would be believed. The rest of
// the mail keeps its bytes.
func TestExportLeavesForgedFieldsOut(t *testing.T) {
	const top, forged, front, rest = "Received: from a\r\n\tby b\r\n", "Authentication-Results: mx.example.com;\r\n dmarc=pass\r\nx-postdesk-loop: yes\r\n",
		"Authentication-Results: front.example.com; spf=pass\r\n", "Subject:  odd \r\n no field\r\n\r\nAuthentication-Results: mx.example.com; in the text\n\r\n"
	cfg := &config.Config{Hostname: "mx.example.com", TrustedAuthserv: []string{"front.example.com"}}
	for facts, want := range map[string]string{"": top + rest, `{"frontend":true}`: top + front + rest} {
		m := stored{mail: memMail{message.BytesSource([]byte(top + forged + front + rest))}}
		m.Facts = []byte(facts)
		r, err := unforged(m, cfg)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := io.ReadAll(r); err != nil || string(got) != want {
			t.Errorf("facts %q: %q, %v", facts, got, err)
		}
	}
}
