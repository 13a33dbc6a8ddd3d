package main

import (
	"fmt"
	"net/smtp"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"postdesk/internal/testkit"
)

// faultyFiles are thirty configurations with a fault, made of a good one.
func faultyFiles(s *shell, good string) (list []string) {
	s.Helper()
	swap := func(old, new string) string {
		if !strings.Contains(good, old) {
			s.Fatalf("no %q in the configuration", old)
		}
		return strings.Replace(good, old, new, 1)
	}
	add := func(more string) string { return good + more }
	other := newKeyFolder(s)
	return []string{
		"", "\x00\x01\x02 garbage", "\xff\xfeh\x00o\x00s\x00t\x00", good[:len(good)/2] + "[[", strings.Repeat("x = [", 20000),
		add("nonsense = 1\n"), add("[[team]]\n"), add("[[team]]\nname = \"Deux\"\naddress = \"export@example.com\"\nagents = [\"anne\"]\n"),
		add("[[agent]]\nid = \"anne\"\nname = \"Anne Bis\"\naddress = \"bis@corp.example\"\n"), add("[[agent]]\nid = \"x\"\nname = \"X\"\naddress = \"no address\"\n"),
		add("[[agent]]\nid = \"x\"\nname = \"X\"\naddress = \"x@corp.example\"\nrole = \"king\"\n"), add("[[rule]]\nwhen = { subject = '(' }\nthen = { tags = [\"x\"] }\n"),
		add("[[rule]]\nwhen = { subject = 'x' }\nthen = { assign = \"nobody\" }\n"), add("[[rule]]\nwhen = { moon = 'full' }\nthen = { tags = [\"x\"] }\n"),
		add("[[dkim]]\ndomain = \"example.com\"\nselector = \"s\"\nkey = \"absent.pem\"\n"), add("[[dkim]]\ndomain = \"example.com\"\nselector = \"s\"\nkey = \"config.toml\"\n"),
		add("[tls]\ncert = \"absent.pem\"\nkey = \"absent.pem\"\n"), add(fmt.Sprintf("[tls]\ncert = %q\nkey = %q\n", filepath.Join(other[0], "cert.pem"), filepath.Join(other[1], "key.pem"))),
		add("[acknowledge]\nper_address = \"often\"\n"), add("[tickets]\nreopen = \"soon\"\n"),
		swap(`agents = ["bruno"]`, `agents = ["nobody"]`), swap(`language = "en"`, `language = "klingon"`), swap(`hostname = "mx.example.com"`, `hostname = "not a name"`),
		swap(`postmaster = "it@corp.example"`, `postmaster = ""`), swap(`min_free_disk = "1MB"`, `min_free_disk = "much"`), swap(`data_dir = "data"`, `data_dir = "elsewhere"`),
		swap(`mx = [`, `mx = ["127.0.0.1:1", `), swap(`mx = [`, `lmtp = ["127.0.0.1:1"]`+"\nmx = ["), swap(`hostname =`, `frontends = ["10.0.0.0/99"]`+"\nhostname ="),
		swap(`"Export"`, `"Export\r\nBcc: x@example.net"`),
	}
}

// newKeyFolder makes two folders with a certificate and a key each.
func newKeyFolder(s *shell) (dirs [2]string) {
	for i := range dirs {
		dirs[i] = s.TempDir()
		testkit.CertFiles(s, dirs[i], "mx.example.com")
	}
	return dirs
}

// Thirty faulty files, one after the other, while customers write: no session
// fails, each file is refused whole and said to be, and what was in force stays.
func TestFaultyFilesUnderLoad(t *testing.T) {
	s := newShell(t)
	hear := systemd(t, s)
	good := strings.Replace(mustRead(t, s.file), "[limits]", "[limits]\nmessages_per_ip = \"\"\nconnections_per_ip = 100", 1)
	s.write("config.toml", good)
	log := s.serve()
	hear("READY=1")
	over, posted := s.writesUntil(3)
	files := faultyFiles(s, good)
	for _, text := range files {
		s.write("config.toml", text)
		if err := syscall.Kill(os.Getpid(), syscall.SIGHUP); err != nil {
			t.Fatal(err)
		}
		hear("RELOADING=1")
		hear("READY=1")
	}
	s.write("config.toml", good)
	close(over)
	n := posted()
	s.settle()
	if list := decode[[]struct{ Team, Assignee string }](s, s.postdesk("ticket", "list", "--json")); len(list) != n || n == 0 {
		t.Errorf("%d tickets of %d mails", len(list), n)
	} else if list[0].Team != "export@example.com" || list[0].Assignee != "bruno" {
		t.Errorf("not by the configuration that was in force: %+v", list[0])
	}
	s.stop()
	if got := strings.Count(log.String(), "reload failed, the configuration in force stays"); got != len(files) || len(files) != 30 {
		t.Errorf("%d of %d faulty files were refused:\n%s", got, len(files), log)
	}
}

// writesUntil has n customers write until over is closed; posted waits for the last
// of their mails and says how many there were.
func (s *shell) writesUntil(n int) (over chan struct{}, posted func() int) {
	over = make(chan struct{})
	var all sync.WaitGroup
	counts := make([]int, n)
	for c := range n {
		all.Go(func() {
			for ; ; counts[c]++ {
				select {
				case <-over:
					return
				default:
				}
				from := fmt.Sprintf("c%d.%d@client.example", c, counts[c])
				mail := fmt.Sprintf("From: <%s>\r\nTo: <export@example.com>\r\nSubject: Question\r\nDate: %s\r\nMessage-ID: <%s>\r\n\r\nHello %s\r\n", from, time.Now().Format(time.RFC1123Z), from, from)
				if err := smtp.SendMail(s.mx, nil, from, []string{"export@example.com"}, []byte(mail)); err != nil {
					s.Errorf("a session failed: %v", err)
					return
				}
			}
		})
	}
	return over, func() (sum int) {
		all.Wait()
		for _, n := range counts {
			sum += n
		}
		return sum
	}
}
