package server

import (
	"bytes"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"postdesk/internal/config"
	"postdesk/internal/testkit"
	"postdesk/smtpd"
)

// A reload that names another resolver counts for the next question.
func TestTheResolverFollowsTheConfiguration(t *testing.T) {
	var s Server
	for _, text := range []string{"one", "two"} {
		dns := testkit.NewDNS(t, map[string][]string{"client.example": {testkit.TXT(text)}})
		r := s.resolver()
		s.config.Store(&config.Config{Resolver: dns.Addr()})
		if got, err := r.LookupTXT(t.Context(), "client.example"); err != nil || len(got) != 1 || got[0] != text {
			t.Errorf("%q, %v; want %q", got, err, text)
		}
	}
}

func TestWhatNeedsARestartIsNamed(t *testing.T) {
	for key, change := range map[string]func(*config.Config){
		"data_dir":                 func(c *config.Config) { c.DataDir = "/elsewhere" },
		"listen.mx":                func(c *config.Config) { c.Listen.MX = []string{"127.0.0.1:26"} },
		"listen.submission":        func(c *config.Config) { c.Listen.Submission = []string{"127.0.0.1:26"} },
		"listen.submissions":       func(c *config.Config) { c.Listen.Submissions = []string{"127.0.0.1:26"} },
		"listen.lmtp":              func(c *config.Config) { c.Listen.LMTP = []string{"127.0.0.1:26"} },
		"listen.http":              func(c *config.Config) { c.Listen.HTTP = []string{"127.0.0.1:26"} },
		"listen.acme":              func(c *config.Config) { c.Listen.ACME = []string{"127.0.0.1:26"} },
		"listen.admin":             func(c *config.Config) { c.Listen.Admin = "unix:/elsewhere" },
		"tls.acme":                 func(c *config.Config) { c.TLS.ACME = false },
		"tls.acme_email":           func(c *config.Config) { c.TLS.ACMEEmail = "x@example.com" },
		"hostname (with tls.acme)": func(c *config.Config) { c.Hostname = "other.example.com" },
	} {
		old := &config.Config{Hostname: "mx.example.com", TLS: config.TLS{ACME: true}}
		changed := *old
		changed.File = "config.toml"
		change(&changed)
		if err := unchangeable(old, &changed); err == nil || err.Error() != "config.toml: "+key+": changing it needs a restart" {
			t.Errorf("%s: %v", key, err)
		}
	}
	old := &config.Config{Hostname: "mx.example.com", TLS: config.TLS{Cert: "a"}}
	if err := unchangeable(old, &config.Config{Hostname: "other.example.com", TLS: config.TLS{Cert: "b"}}); err != nil {
		t.Errorf("without ACME: %v", err)
	}
}

// Each new error of a certificate that can't be read again is logged, once.
func TestACertificateThatCantBeReadIsLoggedOnce(t *testing.T) {
	cert, key := testkit.CertFiles(t, t.TempDir(), "mx.example.com")
	now := time.Now()
	files, err := smtpd.CertFiles(cert, key, func() time.Time { return now })
	if err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	w := &watchedFiles{files: files, log: slog.New(slog.NewTextHandler(&log, nil))}
	good, err := os.ReadFile(cert)
	if err != nil {
		t.Fatal(err)
	}
	for i, content := range []string{"garbage", "garbage", string(good), "garbage again"} {
		now = now.Add(time.Minute)
		if err := os.WriteFile(cert, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(cert, now, now); err != nil {
			t.Fatal(err)
		}
		for range 3 {
			if c, err := w.GetCertificate(nil); c == nil || err != nil {
				t.Fatalf("no certificate: %v", err)
			}
		}
		want := []int{1, 1, 1, 2}[i]
		if n := strings.Count(log.String(), "the old one stays"); n != want {
			t.Errorf("after %q: %d lines, want %d:\n%s", content, n, want, log.String())
		}
	}
}

func TestListenReplacesOnlyAStaleSocket(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	ln, err := Listen("unix:"+path, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	if _, err := Listen("unix:"+path, 0o600); err == nil || !strings.Contains(err.Error(), "another process listens there") {
		t.Errorf("in use: %v", err)
	}
	ln.(*net.UnixListener).SetUnlinkOnClose(false) // as after a crash
	ln.Close()
	if ln, err = Listen("unix:"+path, 0o666); err != nil {
		t.Fatalf("left from a crash: %v", err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o666 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	ln.Close()
	if err := os.WriteFile(path, []byte("precious"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Listen("unix:"+path, 0o600); err == nil || !strings.Contains(err.Error(), "no socket") {
		t.Errorf("a file: %v", err)
	}
	if b, err := os.ReadFile(path); err != nil || string(b) != "precious" {
		t.Errorf("%q, %v", b, err)
	}
}
