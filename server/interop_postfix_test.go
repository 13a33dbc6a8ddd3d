//go:build interop

package server_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// port is that of "host:port".
func port(addr string) string {
	_, p, _ := net.SplitHostPort(addr)
	return p
}

// program finds one of Debian's programs, or skips the test.
func program(t testing.TB, name string) string {
	t.Helper()
	for _, dir := range append(filepath.SplitList(os.Getenv("PATH")), "/usr/sbin", "/usr/lib/postfix/sbin") {
		path := filepath.Join(dir, name)
		if info, err := os.Stat(path); err == nil && !info.IsDir() && info.Mode()&0o111 != 0 {
			return path
		}
	}
	t.Skipf("%s is not installed", name)
	return ""
}

// run runs a program to its end and returns what it wrote and its exit code.
func run(t testing.TB, stdin []byte, argv ...string) (string, int) {
	t.Helper()
	cmd := exec.Command(program(t, argv[0]), argv[1:]...)
	cmd.Stdin = bytes.NewReader(stdin)
	out, err := cmd.CombinedOutput()
	if err != nil && cmd.ProcessState == nil {
		t.Fatal(err)
	}
	return string(out), cmd.ProcessState.ExitCode()
}

// background starts a program that runs until the test ends. What it writes is
// shown when the test fails.
func background(t testing.TB, argv ...string) {
	t.Helper()
	log, err := os.CreateTemp(t.TempDir(), "log")
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(program(t, argv[0]), argv[1:]...)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true} // Postfix ends its process group
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		_ = cmd.Wait()
		log.Close()
		if text, err := os.ReadFile(log.Name()); err == nil && t.Failed() {
			t.Logf("%s:\n%s", argv[0], text)
		}
	})
}

// freePort is one of loopback that nobody has, below those that the kernel gives to whoever asks for any.
func freePort(t testing.TB) string {
	t.Helper()
	for range 100 {
		if l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", 20000+rand.IntN(12000))); err == nil {
			defer l.Close()
			return port(l.Addr().String())
		}
	}
	t.Fatal("no port is free")
	return ""
}

// listening waits until somebody listens on a port of loopback.
func listening(t testing.TB, port string) {
	t.Helper()
	for end := time.Now().Add(wait); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if c, err := net.Dial("tcp", "127.0.0.1:"+port); err == nil {
			c.Close()
			return
		}
	}
	t.Fatalf("nothing listens on port %s", port)
}

// postfix is a Postfix of its own, beside the system's: own configuration, queue
// and log, on a free port of loopback.
type postfix struct {
	*testing.T
	dir  string // under it etc, queue, data, mail, log
	port string
}

// Loopback alone, no DNS. From 127.0.0.1 (postdesk, and the people of the house) mail may go
// anywhere; outsiders come from 127.0.0.3.
const postfixMain = `compatibility_level = 3.6
queue_directory = %[1]s/queue
data_directory = %[1]s/data
maillog_file = %[1]s/log
maillog_file_prefixes = %[1]s
mail_owner = postfix
setgid_group = postdrop
myhostname = front.example.com
mydestination =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
mynetworks = 127.0.0.1/32
disable_dns_lookups = yes
smtp_host_lookup = native
smtpd_peername_lookup = no
alias_maps =
local_recipient_maps =
minimal_backoff_time = 2s
queue_run_delay = 2s
`

const postfixMaster = `127.0.0.1:%[1]s inet n - n - - smtpd
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
proxymap unix - - n - - proxymap
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
smtp unix - - n - - smtp
lmtp unix - - n - - lmtp
virtual unix - n n - - virtual
error unix - - n - - error
retry unix - - n - - error
postlog unix-dgram n - n - 1 postlogd
`

// newPostfix prepares one; start runs it. It needs root, as Postfix does.
func newPostfix(t *testing.T) *postfix {
	t.Helper()
	program(t, "postfix")
	program(t, "master")
	if os.Getuid() != 0 {
		t.Skip("Postfix starts as root only")
	}
	dir, err := os.MkdirTemp("", "postfix") // not the test's own: others may not enter that
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	p := &postfix{T: t, dir: dir, port: freePort(t)}
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, sub := range []string{"etc", "queue", "data", "mail", "queue/postdesk"} {
		if err := os.Mkdir(filepath.Join(dir, sub), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for sub, owner := range map[string]string{"data": "postfix", "mail": "nobody"} {
		if out, code := run(t, nil, "chown", owner, filepath.Join(dir, sub)); code != 0 {
			t.Fatal(out)
		}
	}
	p.write("main.cf", fmt.Sprintf(postfixMain, p.dir), false) // postmap reads it
	return p
}

// at is a path below its directory.
func (p *postfix) at(path string) string { return filepath.Join(p.dir, path) }

func (p *postfix) addr() string { return "127.0.0.1:" + p.port }

// write puts a file into its etc; hash makes a map of it.
func (p *postfix) write(name, text string, hash bool) {
	p.Helper()
	if err := os.WriteFile(p.at("etc/"+name), []byte(text), 0o644); err != nil {
		p.Fatal(err)
	}
	if !hash {
		return
	}
	if out, code := run(p, nil, "postmap", "-c", p.at("etc"), "hash:"+p.at("etc/"+name)); code != 0 {
		p.Fatalf("postmap %s: %s", name, out)
	}
}

// start runs the master in the foreground until the test ends. $etc in main is
// its own folder.
func (p *postfix) start(main string) {
	p.Helper()
	p.write("main.cf", fmt.Sprintf(postfixMain, p.dir)+strings.ReplaceAll(main, "$etc", p.at("etc")), false)
	p.write("master.cf", fmt.Sprintf(postfixMaster, p.port), false)
	if out, code := run(p, nil, "postfix", "-c", p.at("etc"), "check"); code != 0 {
		p.Fatalf("postfix check: %s", out)
	}
	p.Cleanup(func() {
		if p.Failed() {
			p.Logf("Postfix:\n%s", p.log())
		}
	})
	background(p, "master", "-c", p.at("etc"), "-d")
	listening(p, p.port)
	p.Logf("Postfix on port %s", p.port)
}

func (p *postfix) log() string {
	text, _ := os.ReadFile(p.at("log"))
	return string(text)
}

// troubles are the lines of its log in which it complains.
func (p *postfix) troubles() []string {
	var list []string
	for line := range strings.Lines(p.log()) {
		for _, word := range []string{"warning:", "error:", "fatal:", "panic:", "status=deferred", "status=bounced"} {
			if strings.Contains(line, word) {
				list = append(list, line)
				break
			}
		}
	}
	return list
}

// swaks hands a mail to a server from an outsider's address and returns its
// transcript and exit code: 0 when the mail was taken.
func swaks(t testing.TB, at, from, to, mail string, more ...string) (string, int) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "mail")
	if err := os.WriteFile(file, []byte(strings.ReplaceAll(mail, "\r\n", "\n")), 0o600); err != nil {
		t.Fatal(err)
	}
	argv := []string{"swaks", "--server", at, "--local-interface", "127.0.0.3", "--helo", "mx.client.example",
		"--from", from, "--to", to, "--data", "@" + file}
	return run(t, nil, append(argv, more...)...)
}
