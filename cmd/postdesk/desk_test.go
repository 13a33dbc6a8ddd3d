package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/smtp"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"postdesk/internal/testkit"
)

// shell is a folder with a configuration, and the world around it.
type shell struct {
	*testing.T
	dir, file, mx     string
	customers, agents *testkit.Sink
	stop              func()
}

func newShell(t *testing.T) *shell {
	t.Helper()
	dir, err := os.MkdirTemp("", "pd") // short: a socket's path has 108 bytes at most
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	s := &shell{T: t, dir: dir, file: filepath.Join(dir, "config.toml"), mx: testkit.FreePort(t), stop: func() {}}
	s.customers = testkit.NewSink(t, testkit.SinkOptions{Hostname: "mx.client.example"})
	s.agents = testkit.NewSink(t, testkit.SinkOptions{Hostname: "mx.corp.example"})
	spf := testkit.TXT("v=spf1 ip4:127.0.0.0/8 -all")
	dns := testkit.NewDNS(t, map[string][]string{"client.example": {spf}, "corp.example": {spf}, "other.example": {spf}})
	s.write("config.toml", s.config(dns.Addr(), ""))
	s.write("new.toml", s.config(dns.Addr(), `
[[rule]]
name = "pharmacies"
when = { subject = '\bPH\b' }
then = { assign = "bruno", category = "pharmacie", priority = "high", acknowledge = false }
`))
	return s
}

func (s *shell) config(resolver, more string) string {
	return fmt.Sprintf(`
hostname = "mx.example.com"
data_dir = "data"
postmaster = "it@corp.example"
[listen]
mx = [%q]
submission = []
submissions = []
http = []
admin = "unix:%s/run/admin.sock"
[dns]
resolver = %q
[limits]
min_free_disk = "1MB"
[relay.routes]
"client.example" = %q
"other.example" = %q
"corp.example" = %q
[[agent]]
id = "anne"
name = "Anne Durand"
address = "anne.durand@corp.example"
[[agent]]
id = "bruno"
name = "Bruno Petit"
address = "bruno.petit@corp.example"
[[team]]
name = "Relation Client"
address = "relationclient@example.com"
agents = ["anne", "bruno"]
language = "fr"
[[team]]
name = "Export"
address = "export@example.com"
agents = ["bruno"]
language = "en"
%s`, s.mx, s.dir, resolver, s.customers.Addr, s.customers.Addr, s.agents.Addr, more)
}

func (s *shell) write(name, text string) string {
	s.Helper()
	path := filepath.Join(s.dir, name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		s.Fatal(err)
	}
	return path
}

// serve runs the server until stop.
func (s *shell) serve() *bytes.Buffer {
	s.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	log := new(bytes.Buffer)
	done := make(chan int, 1)
	go func() {
		defer close(done)
		done <- run(ctx, []string{"serve", "--config", s.file}, strings.NewReader(""), os.Stdout, log)
	}()
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(5 * time.Millisecond) {
		if c, err := net.Dial("unix", filepath.Join(s.dir, "run/admin.sock")); err == nil {
			c.Close()
			break
		}
		if time.Now().After(deadline) {
			cancel()
			s.Fatalf("the server did not start: exit %d: %s", <-done, log)
		}
	}
	s.stop = sync.OnceFunc(func() {
		s.Helper()
		cancel()
		if code := <-done; code != 0 {
			s.Errorf("serve: exit %d: %s", code, log)
		}
	})
	s.Cleanup(func() { s.stop() })
	return log
}

// postdesk runs a command that must succeed, and gives what it wrote.
func (s *shell) postdesk(args ...string) string {
	s.Helper()
	out, errs, code := s.try("", args...)
	if code != 0 {
		s.Fatalf("postdesk %s: exit %d: %s%s", strings.Join(args, " "), code, out, errs)
	}
	return out
}

func (s *shell) try(stdin string, args ...string) (out, errs string, code int) {
	var o, e bytes.Buffer
	code = run(context.Background(), append([]string{"--config", s.file}, args...), strings.NewReader(stdin), &o, &e)
	return o.String(), e.String(), code
}

// fails runs a command that must exit with a code and a sentence.
func (s *shell) fails(code int, sentence string, args ...string) {
	s.Helper()
	out, errs, got := s.try("", args...)
	if got != code || !strings.Contains(errs, sentence) {
		s.Errorf("postdesk %s: exit %d, %q, %q; want %d and %q", strings.Join(args, " "), got, out, errs, code, sentence)
	}
}

func decode[T any](s *shell, text string) (v T) {
	s.Helper()
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		s.Fatalf("%v in %s", err, text)
	}
	return v
}

// customer sends a mail to the desk over SMTP.
func (s *shell) customer(from, to, id, subject, body string) string {
	s.Helper()
	mail := "From: " + strings.ToUpper(from[:1]) + from[1:strings.Index(from, "@")] + " Client <" + from + ">\r\nTo: <" + to + ">\r\nSubject: " + subject + "\r\nDate: " + time.Now().Format(time.RFC1123Z) +
		"\r\nMessage-ID: <" + id + ">\r\n\r\n" + body
	if err := smtp.SendMail(s.mx, nil, from, []string{to}, []byte(mail)); err != nil {
		s.Fatal(err)
	}
	return mail
}

// settle waits until the outbox has nothing that waits.
func (s *shell) settle() {
	s.Helper()
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		if strings.TrimSpace(s.postdesk("queue", "list", "--state", "ready", "--json")) == "[]" {
			return
		}
	}
	s.Fatal("the outbox does not empty: ", s.postdesk("queue", "list"))
}
