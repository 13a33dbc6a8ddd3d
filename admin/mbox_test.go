package admin

import (
	"bufio"
	"bytes"
	"strings"
	"testing"
	"time"

	"postdesk/internal/addr"
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
