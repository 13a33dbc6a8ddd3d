package dnsrecords

import (
	"context"
	"crypto/ed25519"
	"crypto/rsa"
	"net"
	"strings"
	"testing"
	"testing/fstest"

	"postdesk/internal/config"
	"postdesk/internal/testkit"
)

const settings = `hostname = "mx.example.com"
postmaster = "it@example.com"
#root
[[agent]]
id = "anne"
name = "Anne"
address = "anne@corp.example"
[[team]]
name = "Desk"
address = "desk@example.com"
agents = ["anne"]
[[dkim]]
domain = "example.com"
selector = "desk1"
key = "/desk1.pem"
#end
`

// load reads settings with a new Ed25519 key, and root and end in their places.
func load(t *testing.T, root, end string) *config.Config {
	t.Helper()
	key, _, err := NewDKIMKey(Ed25519)
	if err != nil {
		t.Fatal(err)
	}
	text := strings.NewReplacer("#root", root, "#end", end).Replace(settings)
	c, err := config.Parse("config.toml", []byte(text), config.WithFS(fstest.MapFS{"desk1.pem": {Data: key}}))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func mustRecords(t *testing.T, c *config.Config) []Record {
	t.Helper()
	records, err := Records(c)
	if err != nil {
		t.Fatal(err)
	}
	return records
}

// short is the kinds, names and values, for comparison.
func short(records []Record) string {
	var b strings.Builder
	for _, r := range records {
		value := r.Value
		if r.Kind == DKIM {
			value, _, _ = strings.Cut(value, " p=")
		}
		if r.Optional {
			b.WriteString("(optional) ")
		}
		b.WriteString(strings.TrimSpace(string(r.Kind)+" "+r.Name+" "+r.Type+" "+value) + "\n")
	}
	return b.String()
}

func TestRecordsOfADomainOfOurOwn(t *testing.T) {
	got := short(mustRecords(t, load(t, "", "")))
	want := `address mx.example.com A
reverse mx.example.com PTR mx.example.com.
spf mx.example.com TXT v=spf1 a -all
mx example.com MX 10 mx.example.com.
spf example.com TXT v=spf1 mx a:mx.example.com ~all
dkim desk1._domainkey.example.com TXT v=DKIM1; k=ed25519;
dmarc _dmarc.example.com TXT v=DMARC1; p=none; rua=mailto:it@example.com
(optional) mta-sts _mta-sts.example.com TXT v=STSv1; id=1
(optional) tls-rpt _smtp._tls.example.com TXT v=TLSRPTv1; rua=mailto:it@example.com
`
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestRecordsBehindAnotherMTAWithATokenDomain(t *testing.T) {
	got := short(mustRecords(t, load(t, `frontends = ["192.0.2.1"]`, "[tickets]\ntoken_domain = \"desk.example.com\"\n[relay]\nsmarthost = \"smtp.example.net:587\"")))
	want := `address mx.example.com A
(optional) reverse mx.example.com PTR mx.example.com.
(optional) mx example.com MX 10 mx.example.com.
spf example.com TXT v=spf1 mx a:smtp.example.net ~all
dkim desk1._domainkey.example.com TXT v=DKIM1; k=ed25519;
dmarc _dmarc.example.com TXT v=DMARC1; p=none; rua=mailto:it@example.com
mx desk.example.com MX 10 mx.example.com.
spf desk.example.com TXT v=spf1 mx a:smtp.example.net ~all
dmarc _dmarc.desk.example.com TXT v=DMARC1; p=reject
(optional) mta-sts _mta-sts.desk.example.com TXT v=STSv1; id=1
(optional) tls-rpt _smtp._tls.desk.example.com TXT v=TLSRPTv1; rua=mailto:it@example.com
`
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestNewKeysLoadAndHaveTheirRecord(t *testing.T) {
	for _, algorithm := range []string{RSA, Ed25519} {
		key, record, err := NewDKIMKey(algorithm)
		if err != nil {
			t.Fatal(err)
		}
		signer, err := config.ParseDKIMKey(key)
		if err != nil {
			t.Fatalf("%s: %v", algorithm, err)
		}
		if text, err := DKIMText(signer.Public()); err != nil || text != record {
			t.Errorf("%s: record %q, of the key read again %q, %v", algorithm, record, text, err)
		}
		switch k := signer.(type) {
		case *rsa.PrivateKey:
			if k.N.BitLen() != 2048 || algorithm != RSA {
				t.Errorf("RSA of %d bits", k.N.BitLen())
			}
		case ed25519.PrivateKey:
			if len(tag(record, "p")) != 44 {
				t.Errorf("record %q", record)
			}
		}
	}
	if _, _, err := NewDKIMKey("dsa"); err == nil {
		t.Error("dsa was made")
	}
}

func TestZoneSplitsTextAt255(t *testing.T) {
	_, record, err := NewDKIMKey(RSA)
	if err != nil {
		t.Fatal(err)
	}
	zone := Record{Kind: DKIM, Name: "a._domainkey.example.com", Type: "TXT", Value: record}.Zone()
	parts := strings.Split(zone, `"`)
	if len(parts) != 5 || len(parts[1]) != 255 || parts[1]+parts[3] != record || !strings.HasPrefix(parts[0], "a._domainkey.example.com.\tIN\tTXT\t( ") {
		t.Errorf("zone is %s", zone)
	}
	if got := (Record{Type: "TXT", Name: "x", Value: `a"b\c`}).Zone(); got != "x.\tIN\tTXT\t\"a\\\"b\\\\c\"" {
		t.Errorf("quoting: %s", got)
	}
}

// published is a zone with everything that records want.
func published(records []Record) map[string][]string {
	zone := map[string][]string{"mx.example.com": {"A 192.0.2.25"}, "25.2.0.192.in-addr.arpa": {"PTR mx.example.com."}}
	for _, r := range records {
		switch r.Type {
		case "TXT":
			zone[r.Name] = append(zone[r.Name], testkit.TXT(r.Value))
		case "MX":
			zone[r.Name] = append(zone[r.Name], "MX "+r.Value)
		}
	}
	return zone
}

func resolver(t *testing.T, zone map[string][]string) *net.Resolver {
	return testkit.NewDNS(t, zone).Resolver()
}

func TestCheckFindsAllThatIsPublished(t *testing.T) {
	records := mustRecords(t, load(t, "", ""))
	for _, f := range Check(context.Background(), resolver(t, published(records)), records) {
		if f.State != OK || f.Text != "" {
			t.Errorf("%s", f)
		}
	}
}

func TestCheckSaysWhatIsWrong(t *testing.T) {
	records := mustRecords(t, load(t, "", ""))
	dkim := "desk1._domainkey.example.com"
	for _, c := range []struct {
		name, owner string
		rows        []string
		want        string
	}{
		{"no address", "mx.example.com", nil, "missing   address mx.example.com: has no address; publish A (and AAAA)"},
		{"no reverse", "25.2.0.192.in-addr.arpa", nil, "missing   reverse mx.example.com: 192.0.2.25 has no name; ask who gave you the address for mx.example.com."},
		{"other reverse", "25.2.0.192.in-addr.arpa", []string{"PTR host25.isp.example."}, "different reverse mx.example.com: 192.0.2.25 is called host25.isp.example.; want mx.example.com."},
		{"no MX", "example.com", []string{testkit.TXT("v=spf1 mx a:mx.example.com ~all")}, "missing   mx      example.com: publish\nexample.com.\tIN\tMX\t10 mx.example.com."},
		{"other MX", "example.com", []string{"MX 5 mail.example.com."}, "different mx      example.com: is 5 mail.example.com.; want 10 mx.example.com."},
		{"second MX", "example.com", []string{"MX 5 mail.example.com.", "MX 10 mx.example.com."}, "ok        mx      example.com: mail goes to mail.example.com. first; it must pass it on"},
		{"no SPF", "example.com", []string{"MX 10 mx.example.com."}, "missing   spf     example.com: publish\nexample.com.\tIN\tTXT\t\"v=spf1 mx a:mx.example.com ~all\""},
		{"SPF without us", "example.com", []string{testkit.TXT("v=spf1 ip4:198.51.100.1 -all")}, "different spf     example.com: fail for mx.example.com (192.0.2.25); add a:mx.example.com to it"},
		{"SPF with our network", "example.com", []string{testkit.TXT("v=spf1 ip4:192.0.2.0/24 -all")}, "ok        spf     example.com"},
		{"two SPF", "example.com", []string{testkit.TXT("v=spf1 -all"), testkit.TXT("v=spf1 mx -all")}, "different spf     example.com: 2 records, and so none counts; want one"},
		{"revoked key", dkim, []string{testkit.TXT("v=DKIM1; p=")}, "different dkim    " + dkim + ": the published key is revoked (p= is empty); make a new key with a new selector"},
		{"no DMARC", "_dmarc.example.com", nil, "missing   dmarc   _dmarc.example.com: publish\n_dmarc.example.com.\tIN\tTXT\t\"v=DMARC1; p=none; rua=mailto:it@example.com\""},
		{"own DMARC", "_dmarc.example.com", []string{testkit.TXT("v=DMARC1; p=reject")}, "ok        dmarc   _dmarc.example.com"},
	} {
		zone := published(records)
		zone[c.owner] = c.rows
		var got []string
		for _, f := range Check(context.Background(), resolver(t, zone), records) {
			got = append(got, f.String())
		}
		if all := strings.Join(got, "\n"); !strings.Contains(all+"\n", c.want+"\n") {
			t.Errorf("%s: got\n%s\nwant\n%s", c.name, all, c.want)
		}
	}
}

func TestCheckComparesKeysWithoutSpaces(t *testing.T) {
	records := mustRecords(t, load(t, "", ""))
	zone := published(records)
	name := "desk1._domainkey.example.com"
	for _, r := range records {
		if r.Kind == DKIM {
			zone[name] = []string{testkit.TXT(strings.Replace(r.Value, "p=", "t=s; p = ", 1))}
		}
	}
	other := published(mustRecords(t, load(t, "", "")))
	for want, rows := range map[State][]string{OK: zone[name], Different: other[name]} {
		zone[name] = rows
		for _, f := range Check(context.Background(), resolver(t, zone), records) {
			if f.Record.Kind == DKIM && f.State != want {
				t.Errorf("%s, want %s", f, want)
			}
		}
	}
}

func TestCheckTakesTheDMARCRecordAbove(t *testing.T) {
	records := mustRecords(t, load(t, "", "[tickets]\ntoken_domain = \"desk.example.com\""))
	zone := published(records)
	delete(zone, "_dmarc.desk.example.com")
	for _, f := range Check(context.Background(), resolver(t, zone), records) {
		if f.Record.Name == "_dmarc.desk.example.com" && (f.State != OK || f.Text != "by the record of example.com") {
			t.Errorf("%s", f)
		}
	}
}

// A DNS that fails is no proof that a record is missing.
func TestCheckTellsSilenceFromMissing(t *testing.T) {
	records := mustRecords(t, load(t, "", ""))
	dns := testkit.NewDNS(t, published(records))
	for _, r := range records {
		dns.SetMode(r.Name, testkit.DNSServFail)
	}
	for _, f := range Check(context.Background(), dns.Resolver(), records) {
		if f.State != Unknown || f.Good() != f.Record.Optional {
			t.Errorf("%s", f)
		}
	}
}

func TestOptionalRecordsMayBeMissing(t *testing.T) {
	f := Finding{Record: Record{Optional: true}, State: Missing}
	if !f.Good() || (Finding{State: Missing}).Good() {
		t.Error("Good")
	}
}

// Mail that leaves by an MTA beside us leaves from our own address, and an
// address is no name.
func TestSPFOfASmarthost(t *testing.T) {
	for host, want := range map[string]string{
		"127.0.0.1": "v=spf1 mx a:mx.example.com ~all", "localhost": "v=spf1 mx a:mx.example.com ~all", "[::1]": "v=spf1 mx a:mx.example.com ~all",
		"192.0.2.7": "v=spf1 mx ip4:192.0.2.7 ~all", "[2001:db8::7]": "v=spf1 mx ip6:2001:db8::7 ~all", "smtp.example.net": "v=spf1 mx a:smtp.example.net ~all",
	} {
		found := false
		for _, r := range mustRecords(t, load(t, "", "[relay]\nsmarthost = \""+host+":587\"")) {
			found = found || r.Kind == SPF && r.Value == want
		}
		if !found {
			t.Errorf("%s: no %s", host, want)
		}
	}
}
