package mailauth

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"postdesk/internal/testkit"
)

// vectorZone reads the .dns files of chasquid's DKIM vectors: "name: text",
// with lines continued by a backslash.
func vectorZone(t *testing.T, path string) *testkit.DNS {
	t.Helper()
	text, err := os.ReadFile(path)
	if os.IsNotExist(err) {
		text, err = os.ReadFile(filepath.Join(filepath.Dir(path), "01-rfc8463.dns"))
	}
	if err != nil {
		t.Fatal(err)
	}
	d := testkit.NewDNS(t, nil)
	records := map[string][]string{}
	for _, line := range strings.Split(strings.ReplaceAll(string(text), "\\\n", ""), "\n") {
		name, value, ok := strings.Cut(line, ":")
		if !ok || strings.HasPrefix(name, "#") {
			continue
		}
		switch value = strings.TrimSpace(value); value {
		case "TEMPERROR":
			d.SetMode(name, testkit.DNSServFail)
		case "PERMERROR":
			d.SetMode(name, testkit.DNSNXDomain)
		default:
			records[name] = append(records[name], testkit.TXT(value))
		}
	}
	for name, list := range records {
		if err := d.Set(name, list...); err != nil {
			t.Fatal(err)
		}
	}
	return d
}

func TestDKIMVectorsChasquid(t *testing.T) {
	files, _ := filepath.Glob(filepath.Join(corpora(t), "chasquid-dialogs/internal/dkim/testdata/*.msg"))
	if len(files) == 0 {
		t.Skip("no vectors")
	}
	for _, f := range files {
		base := strings.TrimSuffix(f, ".msg")
		name := filepath.Base(base)
		text, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		mail := strings.ReplaceAll(strings.ReplaceAll(string(text), "\r\n", "\n"), "\n", "\r\n")
		var want struct {
			Results []struct{ Domain, Selector, State string }
		}
		if res, err := os.ReadFile(base + ".result"); err == nil {
			if err := json.Unmarshal(res, &want); err != nil {
				t.Fatal(err)
			}
		}
		d := vectorZone(t, base+".dns")
		r := checker(d).Check(t.Context(), input(t, mail))
		got := map[string]int{}
		for _, s := range r.DKIM {
			got[s.Domain+" "+s.Selector+" "+string(s.Result)]++
		}
		for _, w := range want.Results {
			state := map[string]Result{"SUCCESS": Pass, "TEMPFAIL": TempError, "PERMFAIL": PermError}[w.State]
			if w.Domain == "" {
				w.Domain, w.Selector = "football.example.com", "brisbane" // the vector leaves them out
			}
			if name == "09-limited_body" && w.Domain == "example.com" {
				state = Policy // l= is valid, and no proof for us
			}
			key := w.Domain + " " + w.Selector + " " + string(state)
			if got[key]--; got[key] < 0 {
				t.Errorf("%s: want %s, got %+v", name, key, r.DKIM)
			}
		}
	}
	t.Logf("%d mails", len(files))
}

func TestDKIMMailauth(t *testing.T) {
	dir := filepath.Join(corpora(t), "mailauth/dkim/ec/fixtures")
	text, err := os.ReadFile(filepath.Join(dir, "dns.json"))
	if err != nil {
		t.Skip(err)
	}
	var zone map[string]struct{ TXT [][]string }
	if err := json.Unmarshal(text, &zone); err != nil {
		t.Fatal(err)
	}
	d := testkit.NewDNS(t, nil)
	for name, z := range zone {
		for _, parts := range z.TXT {
			if err := d.Set(name, testkit.TXT(strings.Join(parts, ""))); err != nil {
				t.Fatal(err)
			}
		}
	}
	mail, err := os.ReadFile(filepath.Join(dir, "signed.eml"))
	if err != nil {
		t.Fatal(err)
	}
	r := checker(d).Check(t.Context(), input(t, strings.ReplaceAll(strings.ReplaceAll(string(mail), "\r\n", "\n"), "\n", "\r\n")))
	if len(r.DKIM) != 2 || r.DKIM[0].Result != Pass || r.DKIM[1].Result != Pass {
		t.Errorf("%+v", r.DKIM)
	}
}
