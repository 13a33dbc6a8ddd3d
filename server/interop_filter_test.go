//go:build interop

package server_test

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"postdesk/store"
)

// rspamd alone: no modules but its test patterns, no DNS.
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
  bind_socket = "127.0.0.1:%[2]s";
  milter = yes;
  timeout = 10s;
  count = 1;
  upstream "local" { default = yes; self_scan = yes; }
}
`

// rspamd starts one as a milter and returns its port.
func rspamd(t *testing.T) string {
	t.Helper()
	dir, at := t.TempDir(), freePort(t)
	// The full list of suffixes takes it half a minute to compile.
	for name, text := range map[string]string{"conf": fmt.Sprintf(rspamdConfig, dir, at), "tld": "com\nexample\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	background(t, "rspamd", "-f", "-i", "-c", filepath.Join(dir, "conf"), "--var=DBDIR="+dir, "--var=RUNDIR="+dir, "--var=LOGDIR="+dir)
	listening(t, at)
	return at
}

// Patterns that rspamd takes for spam: to be refused, and to be marked.
const (
	gtubeReject = "XJS*C4JDBQADN1.NSBN3*2IDNEN*GTUBE-STANDARD-ANTI-UBE-TEST-EMAIL*C.34X\n"
	gtubeMark   = "YJS*C4JDBQADN1.NSBN3*2IDNEN*GTUBE-STANDARD-ANTI-UBE-TEST-EMAIL*C.34X\n"
)

func withFilter(text, port string) string {
	return text + fmt.Sprintf("\n[auth]\nfilters = [\"inet:127.0.0.1:%s\"]\n", port)
}

// rspamd decides in the session: what it rejects is refused on the direct MX, what it marks
// is a suspect ticket without acknowledgement, and ham passes.
func TestRspamdOnTheMX(t *testing.T) {
	filter := rspamd(t)
	d := newDesk(t, func(config string) string { return withFilter(config, filter) })
	mail := func(n int, body string) string {
		return letter("Jean <jean@client.example>", "relationclient@example.com", fmt.Sprintf("q%d@client.example", n), "Question", body)
	}
	at := d.srv.Addr("mx")
	if out, code := swaks(t, at, "jean@client.example", "relationclient@example.com", mail(1, gtubeReject)); code != 26 || !strings.Contains(out, "<** 554 5.7.1 ") {
		t.Errorf("GTUBE: swaks says %d:\n%s", code, out)
	}
	if out, code := swaks(t, at, "jean@client.example", "relationclient@example.com", mail(2, gtubeMark)); code != 0 {
		t.Errorf("GTUBE for a mark: swaks says %d:\n%s", code, out)
	}
	d.quiet(d.customers, 0)
	if out, code := swaks(t, at, "jean@client.example", "relationclient@example.com", mail(3, "Bonjour,\nma commande n'est pas arrivée.\n")); code != 0 {
		t.Errorf("ham: swaks says %d:\n%s", code, out)
	}
	if ack := d.arrives(d.customers, 1); ack.Header.MessageIDs("In-Reply-To")[0] != "q3@client.example" {
		t.Errorf("acknowledgement:\n%s", ack.Raw)
	}
	d.suspects(map[uint64]bool{10000: true, 10001: false})
}

// From a frontend the same mail is a suspect ticket: a refusal would be a bounce
// to a forged sender.
func TestRspamdBehindAFrontend(t *testing.T) {
	filter := rspamd(t)
	d := newDesk(t, func(config string) string { return withFilter(oneDomain(config), filter) })
	r := d.lmtp("jean@client.example", []string{"relationclient@example.com"}, stamp("spf=pass smtp.mailfrom=jean@client.example",
		letter("Jean <jean@client.example>", "relationclient@example.com", "q1@client.example", "Question", gtubeReject)))
	if !strings.HasPrefix(r[0], "250 ") {
		t.Errorf("GTUBE from a frontend: %q", r)
	}
	d.quiet(d.customers, 0)
	d.suspects(map[uint64]bool{10000: true})
}

func (d *desk) suspects(want map[uint64]bool) {
	d.Helper()
	d.view(func(tx store.ReadTx) error {
		for number, suspect := range want {
			if tk, err := store.GetTicket(tx, number); err != nil || tk.Suspect != suspect {
				d.Errorf("ticket %d: %+v, %v; want suspect %v", number, tk, err, suspect)
			}
		}
		if _, err := store.GetTicket(tx, 10000+uint64(len(want))); err == nil {
			d.Error("there is one more ticket")
		}
		return nil
	})
}

// promtool finds nothing to say of the metrics after a conversation.
func TestPromtoolReadsTheMetrics(t *testing.T) {
	program(t, "promtool")
	d := newDesk(t, nil)
	d.converse("relationclient+t")
	resp, err := http.Get("http://" + d.srv.Addr("http") + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	if out, code := run(t, text, "promtool", "check", "metrics"); code != 0 || out != "" {
		t.Errorf("promtool says %d:\n%s", code, out)
	}
	for _, want := range []string{
		`postdesk_mails_total{listener="mx",verdict="accepted"} 4`, `postdesk_acknowledgements_total{reason="sent"} 1`,
		`postdesk_tickets{status="open",team="relationclient@example.com"} 1`, "postdesk_outbox_oldest_seconds 0",
		"postdesk_config_last_reload_successful 1",
	} {
		if !strings.Contains(string(text), "\n"+want+"\n") {
			t.Errorf("no %s in\n%s", want, text)
		}
	}
}
