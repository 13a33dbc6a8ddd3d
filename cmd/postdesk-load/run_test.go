package main

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"postdesk/internal/config"
	"postdesk/internal/testkit"
	"postdesk/server"
)

// desk starts a server whose mail goes to sink.
func desk(t *testing.T, dir, sink string) *server.Server {
	t.Helper()
	text := fmt.Sprintf(`
hostname = "mx.desk.example"
data_dir = %q
postmaster = "it@corp.example"
[listen]
mx = ["127.0.0.1:0"]
submission = []
submissions = []
http = []
admin = %q
[limits]
min_free_disk = "1MB"
messages_per_ip = ""
[relay]
smarthost = %q
retry = ["1s"]
[acknowledge]
breaker = ""
`+testkit.OneAgent, filepath.Join(dir, "data"), "unix:"+filepath.Join(dir, "admin.sock"), sink)
	cfg, err := config.Parse("config.toml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	dns := testkit.NewDNS(t, map[string][]string{"client.example": {testkit.TXT("v=spf1 ip4:127.0.0.0/8 -all")}})
	s, err := server.Start(t.Context(), server.Options{Config: cfg, Resolver: dns.Resolver()})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// A run with a sink that drops lines, against a real server, leaves nothing lost
// and nothing doubled; one mail taken out of the ledger's file is found.
func TestARunAgainstARealServer(t *testing.T) {
	dir, sink := t.TempDir(), testkit.FreePort(t)
	s := desk(t, dir, sink)
	ledger := filepath.Join(dir, "run.jsonl")
	var out strings.Builder
	err := run(t.Context(), []string{"send", "-addr", s.Addr("mx"), "-to", "support@desk.example", "-mails", "40", "-connections", "4",
		"-sink", sink, "-drop-every", "25", "-ledger", ledger}, &out)
	if err != nil {
		t.Fatalf("%v\n%s", err, out.String())
	}
	if !strings.Contains(out.String(), "40 accepted") || !strings.Contains(out.String(), "out     83 mails") { // 40 acknowledgements, 40 copies, three twice
		t.Fatal(out.String())
	}
	if err := run(t.Context(), []string{"check", "-ledger", ledger, "-socket", "unix:" + filepath.Join(dir, "admin.sock")}, &out); err != nil {
		t.Fatalf("%v\n%s", err, out.String())
	}
	if err := s.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	out.Reset()
	if err := run(t.Context(), []string{"check", "-ledger", ledger, "-data", filepath.Join(dir, "data")}, &out); err != nil {
		t.Fatalf("%v\n%s", err, out.String())
	}
	if err := run(t.Context(), []string{"check", "-ledger", ledger, "-data", filepath.Join(dir, "empty")}, &out); err == nil {
		t.Fatal("a store without the mails was found right")
	}
}
