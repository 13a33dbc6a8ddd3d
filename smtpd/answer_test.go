package smtpd

import (
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"syscall"
	"testing"

	"postdesk/internal/reply"
)

func TestPublicText(t *testing.T) {
	for _, v := range []struct {
		in   string
		utf8 bool
		want string
	}{
		{"Désolé, c’est « fermé » – œuvre…", false, `Desole, c'est " ferme " - oeuvre...`},
		{"Désolé", true, "Désolé"},
		{"one\r\n250 two\x00\x1b[31m\u202e", false, "one  250 two[31m"},
		{"日本", false, "??"},
		{"bad \xff byte", true, "bad  byte"},
		{strings.Repeat("é", 1000), true, strings.Repeat("é", maxText/2)},
		{"", false, ""},
	} {
		if got := publicText(v.in, v.utf8); got != v.want {
			t.Errorf("%q is %q, want %q", v.in, got, v.want)
		}
	}
}

// go-smtp makes a permanent 554 with the error's own text of any error that is
// not exactly its own type, wrapped ones of its type included.
func TestEveryErrorGoesThroughOneDoor(t *testing.T) {
	s := &session{log: slog.New(slog.DiscardHandler), peer: Peer{Session: "s"}}
	for _, v := range []struct {
		err  error
		want string
	}{
		{errors.New("open /var/lib: broken"), "451 4.3.0 Internal error, please try again later (id s-1)"},
		{fmt.Errorf("wrapped: %w", reply.New(550, [3]int{5, 7, 1}, "No")), "550 5.7.1 No"},
		{reply.Wrap(errors.New("secret"), 450, [3]int{4, 2, 0}, "Later"), "450 4.2.0 Later"},
		{fmt.Errorf("write: %w", syscall.ENOSPC), "452 4.3.1 Insufficient system storage, please try again later (id s-2)"},
		{reply.New(250, [3]int{2, 0, 0}, "no refusal"), "451 4.0.0 no refusal"},
		{reply.New(550, [3]int{4, 0, 0}, "mixed up"), "550 5.0.0 mixed up"},
	} {
		e := s.refuse(v.err).said
		got := fmt.Sprintf("%d %d.%d.%d %s", e.Code, e.EnhancedCode[0], e.EnhancedCode[1], e.EnhancedCode[2], e.Message)
		if got != v.want {
			t.Errorf("%v: %q, want %q", v.err, got, v.want)
		}
	}
}

// One line of the log has the cause that the client is not told, and the name
// by which the client can ask for it.
func TestARefusedMailIsLoggedOnce(t *testing.T) {
	for _, k := range []Kind{MX, LMTP} {
		w := newWorld(t, nil)
		c := w.dial(k, 9)
		c.envelope(map[Kind]string{MX: "EHLO", LMTP: "LHLO"}[k], "dbroken@ours.test", "desk@ours.test")
		c.raw("Subject: x\r\n\r\nx\r\n.\r\n")
		for range map[Kind]int{MX: 1, LMTP: 2}[k] {
			c.expect("451 4.3.0 .*Internal error, please try again later .id [a-z0-9]+-1.")
		}
		c.say("QUIT", "221")
		var lines []string
		for line := range strings.Lines(w.log.String()) {
			if strings.Contains(line, "badger") {
				lines = append(lines, line)
			}
		}
		if len(lines) != 1 || !strings.Contains(lines[0], `"level":"ERROR","msg":"received"`) || !strings.Contains(lines[0], `-1"`) {
			t.Errorf("%s: %q", k, lines)
		}
	}
}
