package main

import (
	"crypto/tls"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net"
	"net/smtp"
	"net/textproto"
	"strings"
	"testing"

	"postdesk/internal/testkit"
)

const canary = "canari-91c2-mot-de-passe"

// Whatever peers say, of themselves and in their mails, to us and in answer to us: each
// line of the log is one JSON object of bounded values, with nothing that a terminal
// obeys, and with no password and no text of a mail.
func TestEveryLineOfTheLogIsJSON(t *testing.T) {
	s := newShell(t)
	cert, key := testkit.CertFiles(t, t.TempDir(), "mx.example.com")
	submission := testkit.FreePort(t)
	text := strings.Replace(mustRead(t, s.file), "submission = []", fmt.Sprintf("submission = [%q]", submission), 1)
	s.write("config.toml", text+fmt.Sprintf("[tls]\ncert = %q\nkey = %q\n", cert, key))
	s.customers.SetScript(testkit.Script{testkit.AtRCPT: {Reply: "550-5.1.1 \x1b[2J\x00\u202e\n550 5.1.1 {\"level\":\"ERROR\"}\r" + strings.Repeat("long ", 5000), Times: 1}})
	log := s.serve()
	evil := "\x1b]0;owned\x07\u202e\u2028\u009b31m{\"a\":\"" + strings.Repeat("x", 300)
	for i, lines := range [][]string{
		{"EHLO " + evil, "MAIL FROM:<" + evil + "@client.example>", "RCPT TO:<" + evil + ">", evil},
		{"EHLO a", "AUTH PLAIN " + base64.StdEncoding.EncodeToString([]byte("\x00anne\x00"+canary)), "STARTTLS\r\nMAIL FROM:<x@client.example>"},
		{"\x16\x03\x01\x02\x00\x01\x00", "GET / HTTP/1.0"},
	} {
		s.speak([]string{s.mx, submission}[i%2], lines...)
	}
	s.guesses(submission, evil)
	s.speak(s.mx, "EHLO mx.client.example", "MAIL FROM:<jean@client.example>", "RCPT TO:<relationclient@example.com>", "DATA",
		"From: =?utf-8?Q?=1B[2J=E2=80=AE?= <jean@client.example>\r\nTo: <relationclient@example.com>\r\nMessage-ID: <x."+strings.Repeat("y", 400)+"@client.example>\r\nSubject: =?utf-8?B?"+
			base64.StdEncoding.EncodeToString([]byte("Sujet\r\n\x1b[31m\u202e\x00"))+"?=\r\n\r\nBonjour, "+canary+"\r\n.")
	s.settle()
	s.stop()
	lines := strings.Split(strings.TrimSuffix(log.String(), "\n"), "\n")
	if len(lines) < 8 || !strings.Contains(log.String(), "login refused") || !strings.Contains(log.String(), `"result":"failed"`) {
		t.Errorf("not all is in the log:\n%s", log)
	}
	for _, line := range lines {
		checkLine(t, line)
	}
}

func checkLine(t *testing.T, line string) {
	t.Helper()
	var fields map[string]any
	if err := json.Unmarshal([]byte(line), &fields); err != nil {
		t.Errorf("%v: %q", err, line)
	}
	for name, value := range fields {
		if text, ok := value.(string); ok && len(text) > 1024 && name != "configuration" {
			t.Errorf("%s has %d bytes", name, len(text))
		}
	}
	for _, r := range line {
		if r < ' ' || obeyed(r) || r == '\u2028' || r == '\u2029' {
			t.Errorf("%U in %q", r, line)
		}
	}
	for _, secret := range []string{canary, base64.StdEncoding.EncodeToString([]byte(canary)), base64.StdEncoding.EncodeToString([]byte("\x00anne\x00" + canary))} {
		if strings.Contains(line, secret) {
			t.Errorf("a secret: %s", line)
		}
	}
}

// speak says lines to a listener, whatever it answers.
func (s *shell) speak(to string, lines ...string) {
	s.Helper()
	c, err := textproto.Dial("tcp", to)
	if err != nil {
		s.Fatal(err)
	}
	defer c.Close()
	for _, line := range lines {
		if _, _, err := c.ReadResponse(0); err != nil {
			return
		}
		if c.PrintfLine("%s", line) != nil {
			return
		}
	}
	_, _, _ = c.ReadResponse(0)
}

// guesses tries to log in with the canary, under TLS and with names of protocols that
// nobody knows.
func (s *shell) guesses(submission, evil string) {
	s.Helper()
	nc, err := net.Dial("tcp", submission)
	if err != nil {
		s.Fatal(err)
	}
	c, err := smtp.NewClient(nc, "mx.example.com")
	if err != nil {
		s.Fatal(err)
	}
	defer c.Close()
	if err := c.StartTLS(&tls.Config{InsecureSkipVerify: true, NextProtos: []string{evil[:100]}}); err != nil {
		return
	}
	for _, user := range []string{"anne", evil} {
		if err := c.Auth(smtp.PlainAuth("", user, canary, "mx.example.com")); err == nil {
			s.Error("the canary is a password")
		}
	}
}
