//go:build interop

package milter

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"postdesk/internal/message"
)

const rspamdConfig = `
options {
  pidfile = "%[1]s/rspamd.pid";
  filters = "";
  url_tld = "%[1]s/tld";
  hs_cache_dir = "%[1]s";
  enable_test_patterns = true;
  dns { nameserver = ["127.0.0.1:9"]; timeout = 0.1s; retransmits = 1; }
}
logging { type = "console"; level = "info"; }
actions { reject = 15; add_header = 6; }
worker "rspamd_proxy" {
  bind_socket = "%[2]s";
  milter = yes;
  timeout = 10s;
  count = 1;
  upstream "local" { default = yes; self_scan = yes; }
}
`

// startRspamd runs a real rspamd on a free port, or skips the test.
func startRspamd(t *testing.T) string {
	t.Helper()
	bin, err := exec.LookPath("rspamd")
	if err != nil {
		t.Skip("no rspamd")
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	_ = l.Close()
	dir := t.TempDir()
	conf := filepath.Join(dir, "rspamd.conf")
	if err := os.WriteFile(conf, fmt.Appendf(nil, rspamdConfig, dir, address), 0o600); err != nil {
		t.Fatal(err)
	}
	// The full list of suffixes takes it half a minute to compile.
	if err := os.WriteFile(filepath.Join(dir, "tld"), []byte("com\nexample\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	logFile, err := os.Create(filepath.Join(dir, "log"))
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(bin, "-f", "-i", "-c", conf, "--var=DBDIR="+dir, "--var=RUNDIR="+dir, "--var=LOGDIR="+dir)
	cmd.Stdout, cmd.Stderr = logFile, logFile
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		_ = cmd.Wait()
		if text, err := os.ReadFile(logFile.Name()); err == nil && t.Failed() {
			t.Logf("rspamd:\n%s", text)
		}
	})
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		if conn, err := net.Dial("tcp", address); err == nil {
			_ = conn.Close()
			return "inet:" + address
		}
	}
	t.Fatal("rspamd does not listen")
	return ""
}

func TestRspamd(t *testing.T) {
	filter := startRspamd(t)
	mail := func(body string) In {
		in := testMail(body)
		in.Fields = nil
		for _, l := range []string{"From: Jean <jean@client.example>", "To: relationclient@example.com", "Subject: Bonjour", "Message-ID: <1@client.example>",
			"Date: Mon, 02 Nov 2026 09:00:00 +0100", "Content-Type: text/plain"} {
			name, _, _ := strings.Cut(l, ":")
			in.Fields = append(in.Fields, message.Field{Name: name, Raw: []byte(l + "\r\n")})
		}
		return in
	}
	const gtube = "*C4JDBQADN1.NSBN3*2IDNEN*GTUBE-STANDARD-ANTI-UBE-TEST-EMAIL*C.34X"
	if v, err := ask(t, mail("Bonjour,\r\nma commande n'est pas arrivée.\r\n"), filter); err != nil || v.Action != Accept || v.Spam {
		t.Errorf("ham: %+v, %v", v, err)
	}
	if v, err := ask(t, mail("XJS"+gtube+"\r\n"), filter); err != nil || v.Action != Reject || v.Code != 554 || v.Text == "" {
		t.Errorf("GTUBE: %+v, %v", v, err)
	}
	if v, err := ask(t, mail("YJS"+gtube+"\r\n"), filter); err != nil || v.Action != Accept || !v.Spam {
		t.Errorf("GTUBE for a flag: %+v, %v", v, err)
	}
}
