//go:build interop

package server_test

import (
	"bytes"
	"os"
	"path/filepath"
	"runtime/debug"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode"

	"postdesk/internal/message"
	"postdesk/internal/testkit"
)

// probe finds a tool beside the corpora, or skips the test.
func probe(t *testing.T, name string) string {
	t.Helper()
	corpora := os.Getenv("POSTDESK_CORPORA")
	if corpora == "" {
		corpora = "../../shared/corpora"
	}
	path := filepath.Join(corpora, "..", "probes", name)
	if _, err := os.Stat(path); err != nil {
		t.Skip("no probe beside POSTDESK_CORPORA")
	}
	return path
}

// Whatever looks like an end of data and is none smuggles no second mail into the whole
// server, also where it believes the peer.
func TestSmugglingProbe(t *testing.T) {
	python, tool := systemPython(t, "socket"), probe(t, "smuggle.py")
	for name, change := range map[string]func(string) string{"stranger": nil, "frontend": oneDomain} {
		t.Run(name, func(t *testing.T) {
			t.Parallel() // it waits most of the time
			d := newDesk(t, change)
			host, port, _ := strings.Cut(d.srv.Addr("mx"), ":")
			if out, code := run(t, nil, "env", python, tool, host, port, "eve@client.example", "relationclient@example.com"); code != 0 {
				t.Errorf("the probe says %d:\n%s", code, out)
			}
			for _, k := range d.kept() {
				if m := parse(t, testkit.Received{Raw: k.raw}); m.Header.Text("Subject") != "outer" {
					t.Errorf("ticket %d is a smuggled mail:\n%q", k.ticket, k.raw)
				}
			}
		})
	}
}

// bombs makes the hostile mails of the probe.
func bombs(t *testing.T) []string {
	t.Helper()
	tool := probe(t, "bombs.py")
	dir := t.TempDir()
	if out, code := run(t, nil, "env", systemPython(t, "zipfile"), tool, dir); code != 0 {
		t.Fatal(out)
	}
	list, err := filepath.Glob(filepath.Join(dir, "*.eml"))
	if err != nil || len(list) == 0 {
		t.Fatal("the probe made no mails")
	}
	return list
}

// peak is the most memory that this process had since the last forgetPeak, in
// bytes.
func peak(field string) int64 {
	status, _ := os.ReadFile("/proc/self/status")
	_, rest, _ := strings.Cut(string(status), "\n"+field+":")
	n, _ := strconv.ParseInt(strings.TrimSpace(strings.SplitN(rest, "kB", 2)[0]), 10, 64)
	return n << 10
}

func forgetPeak() { _ = os.WriteFile("/proc/self/clear_refs", []byte("5"), 0) }

// Each bomb is answered with 250 or 5xx, costs at most 2 s of processor and eight
// times its size of memory per MB (and a floor that any mail may cost), and what
// was taken is kept byte for byte. All of it is measured until the agents have
// their copies.
func TestBombs(t *testing.T) {
	list := bombs(t)
	large := func(config string) string {
		return strings.Replace(config, "[limits]\n", "[limits]\nmessage_size = \"64MB\"\n", 1)
	}
	t.Run("mx", func(t *testing.T) { newDesk(t, large).explode("mx", list) })
	t.Run("lmtp", func(t *testing.T) {
		newDesk(t, func(config string) string { return large(oneDomain(config)) }).explode("lmtp", list)
	})
}

func (d *desk) explode(listener string, list []string) {
	d.Helper()
	hello := map[string]string{"mx": "EHLO mx.client.example", "lmtp": "LHLO front.example.com"}[listener]
	var taken []*foreign
	for i, file := range list {
		mail, err := os.ReadFile(file)
		if err != nil {
			d.Fatal(err)
		}
		if !bytes.HasSuffix(mail, []byte("\r\n")) {
			mail = append(mail, "\r\n"...)
		}
		mail = bytes.Replace(mail, []byte("Message-ID: <"), []byte("Message-ID: <"+strconv.Itoa(i)+"."), 1) // or some are a repetition
		f := &foreign{name: filepath.Base(file), mail: mail, sender: "eve" + strconv.Itoa(i) + "@evil.test"}
		debug.FreeOSMemory()
		forgetPeak()
		began, used, had := time.Now(), testkit.CPU(), peak("VmRSS")
		if f.reply, err = hand(d.srv.Addr(listener), hello, f.sender, "relationclient@example.com", mail); err != nil {
			d.Errorf("%s: %q, %v", f.name, f.reply, err)
			continue
		}
		d.drained()
		d.bounded(f, time.Since(began), testkit.CPU()-used, peak("VmHWM")-had)
		if strings.HasPrefix(f.reply, "250 ") {
			taken = append(taken, f)
		} else if !strings.HasPrefix(f.reply, "5") {
			d.Errorf("%s: %q", f.name, f.reply)
		}
	}
	d.mustKeep(taken)
	d.harmless()
	d.Logf("%d bombs, %d taken, %d copies", len(list), len(taken), d.agents.Count())
}

// bounded judges what one mail cost.
func (d *desk) bounded(f *foreign, took, used time.Duration, memory int64) {
	d.Helper()
	size := int64(len(f.mail))
	d.Logf("%-32s %9d bytes: %.60s; %v, cpu %v, memory %d MB", f.name, size, f.reply, took.Round(time.Millisecond), used.Round(time.Millisecond), memory>>20)
	if most := 2 * time.Second * time.Duration(max(size, 1<<20)) >> 20; used > most {
		d.Errorf("%s: %v of processor, at most %v", f.name, used, most)
	}
	if most := 8*size + 96<<20; memory > most {
		d.Errorf("%s: %d MB of memory, at most %d", f.name, memory>>20, most>>20)
	}
}

// harmless checks that nothing of a bomb became a header field, or a control
// character in one, of the copies that the agents got.
func (d *desk) harmless() {
	d.Helper()
	for _, r := range d.agents.Mails() {
		m := parse(d.T, r)
		for _, name := range []string{"Bcc", "X-Inj", "Y"} {
			if m.Header.Get(name) != "" {
				d.Errorf("a copy has the field %s:\n%.2000s", name, r.Raw)
			}
		}
		m.Walk(func(p *message.Part) bool {
			for _, f := range p.Header.Fields {
				text := strings.NewReplacer("\r\n ", "", "\r\n\t", "", "\t", "").Replace(strings.TrimSuffix(string(f.Raw), "\r\n"))
				if strings.ContainsFunc(text, unicode.IsControl) || strings.ContainsAny(text, "\u202e\u202c\u2028") {
					d.Errorf("a copy has a control character in %q", f.Raw)
				}
			}
			return true
		})
	}
}
