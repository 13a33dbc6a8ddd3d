package config

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"postdesk/internal/password"
)

func newKey(t *testing.T) []byte {
	t.Helper()
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
}

func parse(t *testing.T, text string, options ...Option) *Config {
	t.Helper()
	c, err := Parse("config.toml", []byte(text), append([]Option{WithFS(files)}, options...)...)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestDefaults(t *testing.T) {
	c := parse(t, base)
	paris, err := time.LoadLocation("Europe/Paris")
	if err != nil {
		t.Fatal(err)
	}
	want := Listen{MX: []string{"0.0.0.0:25"}, Submission: []string{"0.0.0.0:587"}, Submissions: []string{"0.0.0.0:465"},
		HTTP: []string{"127.0.0.1:9090"}, Admin: "unix:/run/postdesk/admin.sock"}
	if !reflect.DeepEqual(c.Listen, want) {
		t.Errorf("listen = %+v", c.Listen)
	}
	limits := Limits{35 << 20, 100, 1000, 20, Rate{1000, time.Hour}, 1 << 30}
	if c.Limits != limits {
		t.Errorf("limits = %+v", c.Limits)
	}
	ack := Acknowledge{Rate{5, time.Hour}, Rate{20, 24 * time.Hour}, Rate{600, time.Hour}, Rate{300, time.Minute}}
	if c.Acknowledge != ack {
		t.Errorf("acknowledge = %+v", c.Acknowledge)
	}
	relay := Relay{Retry: []time.Duration{time.Minute, 5 * time.Minute, 15 * time.Minute, 30 * time.Minute, time.Hour},
		Expire: 120 * time.Hour, ConnectionsPerHost: 5, Routes: map[string]string{}}
	if !reflect.DeepEqual(c.Relay, relay) {
		t.Errorf("relay = %v, want %v", c.Relay, relay)
	}
	team := c.Teams[0]
	hours := Hours{Days: [7]bool{false, true, true, true, true, true, true}, From: 9 * time.Hour, To: 18 * time.Hour, Zone: paris}
	if !reflect.DeepEqual(team.Hours, hours) {
		t.Errorf("hours = %+v", team.Hours)
	}
	if team.Language != "fr" || team.Assign != "round-robin" || team.AcceptKnown || !team.Acknowledge ||
		team.FirstReply != (Delay{Days: 2}) || team.UpdateEvery != (Delay{Days: 2}) || team.RemindCustomer != (Delay{}) || team.CloseAfter != (Delay{Days: 7}) {
		t.Errorf("team = %+v", team)
	}
	if want := (Tickets{FirstNumber: 10000, TagAgents: "[#{number}]", Reopen: 720 * time.Hour}); c.Tickets != want {
		t.Errorf("tickets = %+v", c.Tickets)
	}
	if c.DataDir != "/var/lib/postdesk" || !c.Auth.EnforceDMARC || c.Resolver != "" {
		t.Errorf("data_dir %s, dmarc %v, resolver %q", c.DataDir, c.Auth.EnforceDMARC, c.Resolver)
	}
}

func TestEmptyListsTurnListenersOff(t *testing.T) {
	c := parse(t, edit("listen", "mx = []\nsubmission = []\nsubmissions = []\nhttp = []"))
	if len(c.Listen.MX)+len(c.Listen.Submission)+len(c.Listen.Submissions)+len(c.Listen.HTTP) != 0 {
		t.Errorf("listen = %+v", c.Listen)
	}
}

func TestFrontendsAreAddressesPrefixesAndUnix(t *testing.T) {
	c := parse(t, edit("root", `frontends = ["127.0.0.1", "unix", "2001:db8::/32", "::ffff:192.0.2.1"]`))
	want := Frontends{Unix: true, Networks: []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32"),
		netip.MustParsePrefix("2001:db8::/32"), netip.MustParsePrefix("192.0.2.1/32")}}
	if !reflect.DeepEqual(c.Frontends, want) {
		t.Errorf("frontends = %+v", c.Frontends)
	}
}

func TestUnits(t *testing.T) {
	check := func(name string, got any, err error, want any) {
		t.Helper()
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s = %v, %v; want %v", name, got, err, want)
		}
	}
	for s, want := range map[string]time.Duration{"2s": 2 * time.Second, "90m": 90 * time.Minute, "48h": 48 * time.Hour,
		"30d": 720 * time.Hour, "1d12h": 36 * time.Hour, "3y": 3 * 365 * 24 * time.Hour, "1y1d": 366 * 24 * time.Hour} {
		got, err := parseDuration(s)
		check(s, got, err, want)
	}
	for s, want := range map[string]Delay{"2d": {Days: 2}, "6h": {Time: 6 * time.Hour}, "": {}, "90m": {Time: 90 * time.Minute},
		"1d4h": {1, 4 * time.Hour}} {
		got, err := parseDelay(s)
		check(s, got, err, want)
	}
	for s, want := range map[string]int64{"64KB": 64 << 10, "35MB": 35 << 20, "1GB": 1 << 30, "2 GB": 2 << 30} {
		got, err := parseSize(s)
		check(s, got, err, want)
	}
	for s, want := range map[string]Rate{"1000/h": {1000, time.Hour}, "20/d": {20, 24 * time.Hour}, "300/m": {300, time.Minute}, "": {}} {
		got, err := parseRate(s)
		check(s, got, err, want)
	}
	for s, want := range map[string][7]bool{
		"mon-sat":     {false, true, true, true, true, true, true},
		"mon,wed,fri": {false, true, false, true, false, true, false},
		"sat-mon":     {true, true, false, false, false, false, true},
		"Mon-Wed,sat": {false, true, true, true, false, false, true},
		"mon-sun":     {true, true, true, true, true, true, true},
	} {
		got, err := parseDays(s)
		check(s, got, err, want)
	}
	for s, want := range map[string]time.Duration{"09:00": 9 * time.Hour, "24:00": 24 * time.Hour, "00:00": 0, "23:59": 24*time.Hour - time.Minute} {
		got, err := parseClock(s)
		check(s, got, err, want)
	}
}

func TestHoursMayEndAtMidnightAndHaveHolidays(t *testing.T) {
	c := parse(t, edit("team", `hours = { days = "mon-sun", from = "00:00", to = "24:00", zone = "UTC", holidays = ["2026-12-25", 2027-01-01] }`))
	h := c.Teams[0].Hours
	want := []time.Time{time.Date(2026, 12, 25, 0, 0, 0, 0, time.UTC), time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC)}
	if h.To != 24*time.Hour || !reflect.DeepEqual(h.Holidays, want) {
		t.Errorf("hours = %+v", h)
	}
}

func TestRuleKeysAreFlatAndTyped(t *testing.T) {
	c := parse(t, edit("end", `[[rule]]
[rule.then]
team = "Desk@EXAMPLE.com"
tags = ["a"]
acknowledge = false
observe = "boss@corp.example"
stop = true
field = { version = "2" }
[rule.when]
header.X-Spam = 'yes'
"header.List-Id" = ['a', 'b']
not_from_domain = 'example'
larger = "5MB"
hours = "open"
not_known = true
field.serial = '1'
[rule.when.contact]
company = 'X'
`))
	rule := c.Rules[1]
	when := map[string]any{"header.X-Spam": "yes", "header.List-Id": []string{"a", "b"}, "not_from_domain": "example", "larger": int64(5 << 20),
		"hours": "open", "not_known": true, "field.serial": "1", "contact.company": "X"}
	then := map[string]any{"team": "desk@example.com", "field.version": "2", "tags": []string{"a"}, "acknowledge": false, "observe": "boss@corp.example", "stop": true}
	if !reflect.DeepEqual(rule.When, when) || !reflect.DeepEqual(rule.Then, then) {
		t.Errorf("when = %#v\nthen = %#v", rule.When, rule.Then)
	}
	if rule.Name != "rule 2" || rule.Line != 26 {
		t.Errorf("name %q, line %d", rule.Name, rule.Line)
	}
}

func TestWarnings(t *testing.T) {
	for _, c := range []struct{ name, slot, text, want string }{
		{"no TLS", "root", "", `1: tls.cert: no certificate and no acme: no TLS, and so no AUTH: agents cannot submit mail with a password`},
		{"unsigned", "root", "", `17: dkim: no key for example.com: its mail goes out unsigned`},
		{"frontend without authserv", "root", `frontends = ["10.0.0.1"]`, `1: trusted_authserv: is empty: what the frontend found out about senders is not read, only DKIM counts`},
		{"token domain", "root", `frontends = ["10.0.0.1"]`, `24: tickets.token_domain: is recommended behind another MTA: many drop the "+..." of addresses ("postdesk check --online" tries it)`},
		{"authserv without frontend", "root", `trusted_authserv = ["mx.example.com"]`, `3: trusted_authserv: has no effect without frontends`},
		{"observers alone", "agent", `role = "observer"`, `18: team.agents: all of them are observers: nobody may answer`},
		{"hostname", `hostname = "mx.example.com"`, `hostname = "mx"`, `1: hostname: "mx" has no domain; many servers refuse such a HELO`},
		{"postmaster", `postmaster = "it@corp.example"`, `postmaster = "postmaster@example.com"`, `2: postmaster: mail to postmaster@example.com may come back to postdesk; a mailbox of another name is safer`},
	} {
		got := parse(t, edit(c.slot, c.text)).Warnings
		if !strings.Contains(strings.Join(got, "\n")+"\n", "config.toml:"+c.want+"\n") {
			t.Errorf("%s:\ngot  %s\nwant %s", c.name, strings.Join(got, "\n     "), c.want)
		}
	}
}

func TestSecretsAreNotPrinted(t *testing.T) {
	hash, err := password.Hash("canary")
	if err != nil {
		t.Fatal(err)
	}
	text := edit("relay", "smarthost = \"smtp.example.com:587\"\nusername = \"desk\"\npassword_file = \"/etc/canary\"\n")
	text = strings.Replace(text, "#agent", `password_hash = "`+hash+`"`, 1)
	c := parse(t, text, WithFS(fstest.MapFS{"etc/canary": {Data: []byte("canary in a file\r\nsecond line")}}))
	if c.Relay.Password != "canary in a file" || c.Agents[0].PasswordHash != hash {
		t.Fatalf("password %q, hash %q", c.Relay.Password, c.Agents[0].PasswordHash)
	}
	for _, format := range []string{"%v", "%+v", "%#v", "%s"} {
		for _, v := range []any{c, c.Relay, c.Agents, c.Agents[0], c.DKIM} {
			if s := fmt.Sprintf(format, v); strings.Contains(s, "canary") || strings.Contains(s, "argon2id") {
				t.Errorf("%s of %T prints a secret: %s", format, v, s)
			}
		}
	}
}

func TestLookups(t *testing.T) {
	c := parse(t, edit("agent", `aliases = ["a.durand@corp.example"]`))
	alias, _ := parseAddress("A.Durand@Corp.Example")
	desk, _ := parseAddress("DESK@example.com")
	if a := c.AgentByAddress(alias); a == nil || a.ID != "anne" {
		t.Errorf("agent by alias: %v", a)
	}
	if team := c.TeamByAddress(desk); team == nil || team.Name != "Relation Client" {
		t.Errorf("team: %v", team)
	}
	if c.AgentByAddress(desk) != nil || c.TeamByAddress(alias) != nil || c.AgentByID("") != nil || c.TeamByAddress(c.Teams[0].Address.WithExt("x")) != nil {
		t.Error("found what is not there")
	}
	if got := c.Domains(); !reflect.DeepEqual(got, []string{"example.com"}) {
		t.Errorf("domains = %v", got)
	}
}

func TestRelativePathsBeginAtTheFile(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "config.toml")
	text := strings.Replace(edit("root", `data_dir = "data"`), "#team", `templates = "words"`, 1)
	if err := os.Mkdir(filepath.Join(dir, "words"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte("\ufeff"+strings.ReplaceAll(text, "\n", "\r\n")), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := Load(path)
	if err != nil {
		t.Fatal(err)
	}
	if c.DataDir != filepath.Join(dir, "data") || c.Teams[0].Templates != filepath.Join(dir, "words") || c.File != path {
		t.Errorf("data_dir = %s, templates = %s, file = %s", c.DataDir, c.Teams[0].Templates, c.File)
	}
}

func TestFind(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	if _, err := Find(""); err == nil && !exists("/etc/postdesk/config.toml") {
		t.Error("found a file in an empty folder")
	}
	if _, err := Find("none.toml"); err == nil {
		t.Error("a file that is not there was found")
	}
	if err := os.WriteFile("config.toml", nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if path, err := Find(""); err != nil || path != "config.toml" && !exists("/etc/postdesk/config.toml") {
		t.Errorf("Find = %q, %v", path, err)
	}
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(base))
	for _, c := range badConfigs {
		f.Add([]byte(edit(c.slot, c.text)))
	}
	if example, err := os.ReadFile("../../config.toml.example"); err == nil {
		f.Add([]byte(uncommented(string(example))))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := Parse("config.toml", data, WithFS(files), At(time.Unix(0, 0)))
		if (c == nil) == (err == nil) {
			t.Fatalf("config %v, error %v", c, err)
		}
		if err == nil {
			return
		}
		lines := 1 + strings.Count(string(data), "\n")
		for _, p := range err.(Errors) {
			if p.Line < 1 || p.Line > lines || p.Text == "" {
				t.Errorf("line %d of %d: %s", p.Line, lines, p)
			}
		}
	})
}
