package main

import (
	"bytes"
	"context"
	"math"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"postdesk/internal/password"
)

func TestBadUsageExits2WithTheUsageText(t *testing.T) {
	for _, line := range []string{"", "nonsense", "ticket", "ticket odd", "ticket show", "ticket show x", "ticket show 1 2", "ticket list --odd", "--odd",
		"--config", "queue", "queue retry", "contact merge a@x.example", "backup", "restore", "explain", "welcome", "dkim new", "report",
		"dkim new --domain example.com --selector s --algorithm odd --out f", "ticket set 1", "serve now", "report time --to never"} {
		var out, errs bytes.Buffer
		code := run(context.Background(), strings.Fields(line), strings.NewReader(""), &out, &errs)
		if code != 2 || !strings.Contains(errs.String(), "usage: postdesk") || out.Len() > 0 {
			t.Errorf("postdesk %s: exit %d, out %q, errors %q", line, code, &out, &errs)
		}
	}
}

func TestHelpOfEveryCommand(t *testing.T) {
	for _, cmd := range commands() {
		for _, args := range [][]string{append([]string{"help"}, strings.Fields(cmd.name)...), append(strings.Fields(cmd.name), "-h"), append(strings.Fields(cmd.name), "--help")} {
			var out, errs bytes.Buffer
			if code := run(context.Background(), args, strings.NewReader(""), &out, &errs); code != 0 || !strings.HasPrefix(out.String(), "usage: postdesk "+cmd.name) || errs.Len() > 0 {
				t.Errorf("%v: exit %d: %s%s", args, code, &out, &errs)
			}
			if !strings.Contains(out.String(), "-config") {
				t.Errorf("%v does not take --config", args)
			}
		}
	}
	for _, line := range []string{"help", "-h", "--help", "ticket --help", "help queue"} {
		var out bytes.Buffer
		if code := run(context.Background(), strings.Fields(line), strings.NewReader(""), &out, &out); code != 0 || !strings.Contains(out.String(), "queue release ID | --all") && !strings.Contains(out.String(), "ticket show N") {
			t.Errorf("%s: exit %d: %s", line, code, &out)
		}
	}
}

func TestPasswdPrintsAHash(t *testing.T) {
	var out, errs bytes.Buffer
	if code := run(context.Background(), []string{"passwd"}, strings.NewReader("le mot de passe\n"), &out, &errs); code != 0 {
		t.Fatal(code, errs.String())
	}
	if !password.Verify(strings.TrimSpace(out.String()), "le mot de passe") {
		t.Error("the hash is not that of the password:", &out)
	}
	if code := run(context.Background(), []string{"passwd"}, strings.NewReader(""), &out, &errs); code != 1 {
		t.Error("an empty password is taken")
	}
}

func TestDKIMNewWritesTheKeyOnce(t *testing.T) {
	for _, algorithm := range []string{"rsa", "ed25519"} {
		key := filepath.Join(t.TempDir(), "desk1.pem")
		args := []string{"dkim", "new", "--domain", "Example.com", "--selector", "desk1", "--algorithm", algorithm, "--out", key}
		var out, errs bytes.Buffer
		if code := run(context.Background(), args, strings.NewReader(""), &out, &errs); code != 0 {
			t.Fatal(code, errs.String())
		}
		if !strings.HasPrefix(out.String(), "desk1._domainkey.example.com.\tIN\tTXT\t") || !strings.Contains(out.String(), "v=DKIM1; k="+algorithm) {
			t.Error(out.String())
		}
		if fi, err := os.Stat(key); err != nil || fi.Mode().Perm() != 0o600 {
			t.Error(fi, err)
		}
		if code := run(context.Background(), args, strings.NewReader(""), &out, &errs); code != 1 || !strings.Contains(errs.String(), "file exists") {
			t.Error("the key was written over")
		}
	}
}

func TestCheckAndDNS(t *testing.T) {
	s := newShell(t)
	if out, _, code := s.try("", "check"); code != 0 || out != "ok\n" {
		t.Error(out, code)
	}
	bad := s.write("bad.toml", strings.Replace(mustRead(t, s.file), `language = "en"`, `assign = "lottery"`, 1))
	s.fails(1, `team.assign: unknown value "lottery"`, "check", "--config", bad)
	bad = s.write("bad.toml", mustRead(t, s.file)+"[[rule]]\nwhen = { subject = '(' }\nthen = { tags = [\"x\"] }\n")
	s.fails(1, "when.subject", "check", "--config", bad)
	s.fails(1, "no such file", "check", "--config", filepath.Join(s.dir, "absent.toml"))
	if out := s.postdesk("dns"); !strings.Contains(out, "example.com.\tIN\tMX\t10 mx.example.com.") {
		t.Error(out)
	}
	if out, _, code := s.try("", "dns", "--check"); code != 1 || !strings.Contains(out, "missing") || strings.Contains(out, "\uFFFD") ||
		!strings.Contains(out, "\nexample.com.\tIN\tMX\t10 mx.example.com.\n") {
		t.Error(out, code)
	}
	out, _, code := s.try("", "check", "--online")
	if code != 1 || !strings.Contains(out, "relay: route of corp.example "+s.agents.Addr+" answers") || !strings.Contains(out, "plus: relationclient+tprobe@example.com: no MX: lookup example.com") {
		t.Error(out, code)
	}
	if out := s.postdesk("version"); !strings.HasPrefix(out, "postdesk ") {
		t.Error(out)
	}
}

// systemd listens where a service says how it is; hear waits for the next word.
func systemd(t *testing.T, s *shell) (hear func(want string)) {
	path := filepath.Join(s.dir, "notify")
	socket, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { socket.Close() })
	t.Setenv("NOTIFY_SOCKET", path)
	return func(want string) {
		t.Helper()
		buf := make([]byte, 200)
		if err := socket.SetReadDeadline(time.Now().Add(time.Minute)); err != nil {
			t.Fatal(err)
		}
		n, err := socket.Read(buf)
		if err != nil || !strings.HasPrefix(string(buf[:n]), want) {
			t.Fatalf("%q, %v; want %s", buf[:n], err, want)
		}
	}
}

func TestServeReloadsAndTellsSystemd(t *testing.T) {
	s := newShell(t)
	hear := systemd(t, s)
	s.serve()
	hear("READY=1")
	hup := func() {
		t.Helper()
		if err := syscall.Kill(os.Getpid(), syscall.SIGHUP); err != nil {
			t.Fatal(err)
		}
		hear("RELOADING=1\nMONOTONIC_USEC=")
		hear("READY=1")
	}
	good := mustRead(t, s.file)
	s.write("config.toml", strings.Replace(good, `"Bruno Petit"`, `"Bruno Grand"`, 1))
	hup()
	s.customer("jean@client.example", "export@example.com", "x@client.example", "Question", "Bonjour\r\n")
	s.settle()
	if got := string(s.agents.Mails()[0].Raw); !strings.Contains(got, "Bruno Grand") {
		t.Error("the new configuration is not in force:", got)
	}
	s.write("config.toml", good+"nonsense = 1\n")
	hup()
	s.write("config.toml", good)
	if out := s.postdesk("ticket", "list"); !strings.Contains(out, "Question") {
		t.Error(out)
	}
	s.stop()
	hear("STOPPING=1")
}

func TestTheLogHasNothingThatATerminalObeys(t *testing.T) {
	var b bytes.Buffer
	newLog(&b).Info("a\x1b[31m\u009b\u202e\x7f\nb", "é", "ü")
	if s := b.String(); strings.ContainsAny(s[:len(s)-1], "\x1b\u009b\u202e\x7f\n") || !strings.Contains(s, `\u202e`) || !strings.Contains(s, "ü") {
		t.Errorf("%q", s)
	}
}

func TestMemoryLimitOfMachineAndControlGroups(t *testing.T) {
	dir := t.TempDir()
	file := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	if n := machineMemory(file("meminfo", "MemTotal:        2048 kB\nMemFree: 1 kB\n")); n != 2048<<10 {
		t.Error(n)
	}
	self := file("self", "0::/system.slice/postdesk.service\n")
	file("cg/system.slice/memory.max", "5000\n")
	file("cg/system.slice/postdesk.service/memory.max", "max\n")
	if n := cgroupMemory(self, filepath.Join(dir, "cg")); n != 5000 {
		t.Error(n)
	}
	if n := cgroupMemory(filepath.Join(dir, "absent"), dir); n != math.MaxInt64 {
		t.Error(n)
	}
}
