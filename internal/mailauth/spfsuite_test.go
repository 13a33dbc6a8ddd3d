package mailauth

import (
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"postdesk/internal/addr"
	"postdesk/internal/testkit"
)

// corpora is the folder of mails that others wrote, or skips the test.
func corpora(t testing.TB) string {
	t.Helper()
	dir := os.Getenv("POSTDESK_CORPORA")
	if dir == "" {
		dir = "../../../shared/corpora"
	}
	if _, err := os.Stat(dir); err != nil {
		t.Skip("no corpora: set POSTDESK_CORPORA")
	}
	return dir
}

// spfScenario is one document of the openspf test suite for RFC 7208.
type spfScenario struct {
	name  string
	tests []spfCase
	zone  map[string][]string // "TYPE: value" as written
}

type spfCase struct {
	name  string
	field map[string]string
}

// readSuite reads the little of YAML that the suite uses.
func readSuite(text string) (list []spfScenario) {
	for _, doc := range strings.Split(text, "\n---") {
		s := spfScenario{zone: map[string][]string{}}
		section, owner := "", ""
		for _, line := range strings.Split(doc, "\n") {
			trimmed := strings.TrimSpace(line)
			indent := len(line) - len(strings.TrimLeft(line, " "))
			if trimmed == "" || strings.HasPrefix(trimmed, "#") {
				continue
			}
			key, value, _ := strings.Cut(trimmed, ":")
			value = strings.TrimSpace(value)
			switch {
			case indent == 0:
				section = key
				if key == "description" {
					s.name = value
				}
			case section == "tests" && indent == 4:
				s.tests = append(s.tests, spfCase{name: key, field: map[string]string{}})
			case section == "tests" && indent == 8:
				s.tests[len(s.tests)-1].field[key] = value
			case section == "zonedata" && indent == 4:
				owner = unquote(key)
			case section == "zonedata" && strings.HasPrefix(trimmed, "- "):
				s.zone[owner] = append(s.zone[owner], trimmed[2:])
			case section == "zonedata":
				last := &s.zone[owner][len(s.zone[owner])-1]
				*last += " " + trimmed
			}
		}
		if len(s.tests) > 0 {
			list = append(list, s)
		}
	}
	return list
}

// unquote reads a YAML scalar; \xNN in double quotes is a byte.
func unquote(s string) string {
	switch {
	case len(s) >= 2 && s[0] == '\'':
		return strings.ReplaceAll(s[1:len(s)-1], "''", "'")
	case len(s) >= 2 && s[0] == '"':
		if u, err := strconv.Unquote(strings.ReplaceAll(s, `\0"`, `\x00"`)); err == nil {
			return u
		}
	}
	return s
}

func yamlList(s string) (list []string) {
	if !strings.HasPrefix(s, "[") {
		return []string{unquote(s)}
	}
	for _, v := range strings.Split(strings.Trim(s, "[]"), ",") {
		list = append(list, unquote(strings.TrimSpace(v)))
	}
	return list
}

// load puts a scenario's zone into a server. A record of type SPF stands for
// TXT where there is none; TIMEOUT becomes SERVFAIL, which is as temporary.
func (s spfScenario) load(t *testing.T) *testkit.DNS {
	d := testkit.NewDNS(t, nil)
	for owner, entries := range s.zone {
		var records []string
		hasTXT, down := false, false
		for _, e := range entries {
			hasTXT = hasTXT || strings.HasPrefix(e, "TXT:")
			down = down || e == "TIMEOUT"
		}
		answersTXT := false
		for _, e := range entries {
			kind, value, _ := strings.Cut(e, ":")
			value = strings.TrimSpace(value)
			switch {
			case e == "TIMEOUT" || value == "NONE" || kind == "SPF" && hasTXT:
			case kind == "TXT" || kind == "SPF":
				records = append(records, testkit.TXT(strings.Join(yamlList(value), "")))
				answersTXT = true
			case kind == "MX":
				mx := yamlList(value)
				records = append(records, "MX "+mx[0]+" "+strings.TrimSuffix(mx[1], ".")+".")
			case kind == "PTR" || kind == "CNAME":
				records = append(records, kind+" "+strings.TrimSuffix(unquote(value), ".")+".")
			default:
				records = append(records, kind+" "+unquote(value))
			}
		}
		owner = strings.ReplaceAll(owner, " ", `\032`)
		if err := d.Set(owner, records...); err != nil {
			t.Errorf("%s: %v", s.name, err)
		}
		d.SetMode(owner, testkit.DNSNormal)
		if down && !answersTXT {
			d.SetMode(owner, testkit.DNSServFail)
		}
	}
	return d
}

func (s spfScenario) run(t *testing.T, c spfCase, d *testkit.DNS) error {
	local, domain, ok := strings.Cut(unquote(c.field["mailfrom"]), "@")
	from := addr.Address{Local: local, Domain: domain}
	if ok && local == "" {
		from.Local = "postmaster" // RFC 7208 §4.3
	}
	host, err := netip.ParseAddr(unquote(c.field["host"]))
	if err != nil {
		return err
	}
	ck := New(Options{Resolver: d.Resolver()})
	got := ck.checkSPF(t.Context(), newLookups(ck.resolver), In{RemoteIP: host, Helo: unquote(c.field["helo"]), MailFrom: from})
	for _, want := range yamlList(c.field["result"]) {
		if string(got.Result) == want {
			return nil
		}
	}
	return fmt.Errorf("%s (%s); want %s", got.Result, got.Reason, c.field["result"])
}

// Where we and the suite disagree, each with its reason: a change of either
// side is to be seen.
var spfDisagreements = map[string]string{
	"a-colon-domain":            "the library takes a slash in a domain for a prefix length; permerror is the safe side",
	"a-colon-domain-ip4mapped":  "the same",
	"mx-colon-domain":           "the same",
	"mx-colon-domain-ip4mapped": "the same",
	"macro-mania-in-domain":     "the standard resolver does not ask for names with a space",
	"p-macro-multiple":          "the library takes the first name of several; RFC 7208 §7.3 has a SHOULD, and advises against p",
}

func TestSPFSuiteRFC7208(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(corpora(t), "mailauth/fixtures/spf/rfc7208-tests.yml"))
	if err != nil {
		t.Skip(err)
	}
	agree, all := 0, 0
	for _, s := range readSuite(string(text)) {
		d := s.load(t)
		for _, c := range s.tests {
			all++
			err := s.run(t, c, d)
			reason, known := spfDisagreements[c.name]
			switch {
			case err == nil:
				agree++
				if known {
					t.Errorf("%s: agrees now, though: %s", c.name, reason)
				}
			case !known:
				t.Errorf("%s / %s: %v", s.name, c.name, err)
			}
		}
		d.Close()
	}
	t.Logf("%d of %d cases agree", agree, all)
}
