package message

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// stalwartMail is the part of another parser's answer that we compare.
type stalwartMail struct {
	Parts []struct {
		Headers []struct {
			Name  any
			Value json.RawMessage
		}
		Body map[string]json.RawMessage
	}
}

// Two parsers rarely agree on broken mail in all; the figure must not get worse.
// The subjects that differ are in UTF-7, which we do not decode, or raw 8-bit, which
// we guess.
func TestStructureAgreesWithStalwart(t *testing.T) {
	dir := filepath.Join(corpora(t), "stalwart-mail-parser")
	mails, parts, subjects, withSubject := 0, 0, 0, 0
	eachMail(t, dir, func(name string, raw []byte) {
		var want stalwartMail
		b, err := os.ReadFile(strings.TrimSuffix(name, ".eml") + ".json")
		if err != nil || json.Unmarshal(b, &want) != nil || len(want.Parts) == 0 {
			return
		}
		mails++
		m := mustParse(t, string(raw))
		n := 0
		m.Walk(func(p *Part) bool {
			n++
			return !p.isMessage()
		})
		if n == len(want.Parts) {
			parts++
		} else {
			t.Logf("%s: %d parts, want %d", filepath.Base(name), n, len(want.Parts))
		}
		for _, h := range want.Parts[0].Headers {
			var v struct{ Text string }
			if h.Name != "subject" || json.Unmarshal(h.Value, &v) != nil {
				continue
			}
			withSubject++
			if got := m.Header.Text("Subject"); got == Clean(v.Text, MaxText) {
				subjects++
			} else {
				t.Logf("%s: subject %q, want %q", filepath.Base(name), got, v.Text)
			}
			break
		}
	})
	t.Logf("agreement: parts %d of %d, subjects %d of %d", parts, mails, subjects, withSubject)
	if parts*100 < mails*85 || subjects*100 < withSubject*90 {
		t.Errorf("agreement: parts %d of %d, subjects %d of %d", parts, mails, subjects, withSubject)
	}
}

func readJSON(t *testing.T, name string, into any) {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(corpora(t), "stalwart-mail-parser", "fields", name))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, into); err != nil {
		t.Fatal(err)
	}
}

func TestDatesAgreeWithStalwart(t *testing.T) {
	var cases []struct {
		Header   string
		Expected *struct {
			Year, Month, Day, Hour, Minute, Second int
			Before                                 bool `json:"tz_before_gmt"`
			ZoneHour                               int  `json:"tz_hour"`
			ZoneMinute                             int  `json:"tz_minute"`
		}
	}
	readJSON(t, "date.json", &cases)
	agree := 0
	for _, c := range cases {
		got, ok := parseDate(unfold([]byte(c.Header)))
		if c.Expected == nil || c.Expected.Year < 1900 {
			agree++
			continue
		}
		e := c.Expected
		zone := e.ZoneHour*3600 + e.ZoneMinute*60
		if e.Before {
			zone = -zone
		}
		want := time.Date(e.Year, time.Month(e.Month), e.Day, e.Hour, e.Minute, e.Second, 0, time.FixedZone("", zone))
		if ok && got.Equal(want) {
			agree++
		} else {
			t.Logf("%q: %v %v, want %v", c.Header, got, ok, want)
		}
	}
	t.Logf("agreement: %d of %d", agree, len(cases))
	if agree*100 < len(cases)*90 {
		t.Errorf("agreement: %d of %d", agree, len(cases))
	}
}

func TestAddressesAgreeWithStalwart(t *testing.T) {
	type mailbox struct{ Name, Address string }
	var cases []struct {
		Header   string
		Expected struct {
			List  []mailbox
			Group []struct{ Addresses []mailbox }
		}
	}
	readJSON(t, "address.json", &cases)
	agree, total := 0, 0
	for _, c := range cases {
		want := c.Expected.List
		for _, g := range c.Expected.Group {
			want = append(want, g.Addresses...)
		}
		if strings.Contains(c.Header, "://") || strings.Contains(c.Header, "mailto:") || strings.Contains(c.Header, "\n\n") || strings.Contains(c.Header, "\ninvalid") {
			continue // no addresses, or more than one field
		}
		total++
		got, same := parseMailboxes(unfold([]byte(c.Header))), true
		n := 0
		for _, w := range want {
			if !strings.Contains(w.Address, "@") {
				continue
			}
			address := w.Address
			if i := strings.LastIndex(address, ":"); i >= 0 {
				address = address[i+1:]
			}
			address = strings.ReplaceAll(address, " ", "")
			if n >= len(got) || !strings.EqualFold(got[n].Address.String(), address) {
				same = false
				break
			}
			name, _, _ := strings.Cut(Clean(w.Name, MaxText), " (")
			if name != "" && got[n].Name != name && !strings.Contains(name, got[n].Name) {
				same = false
			}
			n++
		}
		if same && n == len(got) {
			agree++
		} else {
			t.Logf("%q: %+v, want %+v", c.Header, got, want)
		}
	}
	t.Logf("agreement: %d of %d", agree, total)
	if agree*100 < total*90 {
		t.Errorf("agreement: %d of %d", agree, total)
	}
}

func TestIDsAgreeWithStalwart(t *testing.T) {
	var cases []struct {
		Header   string
		Expected []string
	}
	readJSON(t, "id.json", &cases)
	agree := 0
	for _, c := range cases {
		h, _, _ := strings.Cut(c.Header, "\n\n")
		if strings.Join(parseIDs(h), "|") == strings.Join(c.Expected, "|") {
			agree++
		} else {
			t.Logf("%q: %q, want %q", c.Header, parseIDs(h), c.Expected)
		}
	}
	t.Logf("agreement: %d of %d", agree, len(cases))
}
