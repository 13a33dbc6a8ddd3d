package relay

import (
	"strings"
	"testing"
	"time"

	"postdesk/internal/testkit"
	"postdesk/store"
)

func withDNS(t testing.TB, records map[string][]string) func(*Options) {
	return func(o *Options) { o.Resolver = testkit.NewDNS(t, records).Resolver() }
}

func (d *desk) deliverTo(to string) store.Outgoing {
	d.t.Helper()
	d.start()
	id := d.put(mailText("x\r\n"), nil, to)[0]
	return d.until(id, "tried", func(r store.Outgoing) bool { return r.Attempts == 1 && r.State != store.Sending })
}

func TestMXInOrderOfPreference(t *testing.T) {
	d := newDesk(t, withDNS(t, map[string][]string{
		"example.net":   {"MX 20 b.example.net.", "MX 30 c.example.net.", "MX 10 a.example.net."},
		"a.example.net": {"A 192.0.2.10"}, "b.example.net": {"A 192.0.2.20"}, "c.example.net": {"A 192.0.2.30"}}))
	sink := testkit.NewSink(t, testkit.SinkOptions{})
	d.net.put("192.0.2.30:25", sink.Addr)
	if row := d.deliverTo("you@example.net"); row.State != store.Delivered || row.Host != "c.example.net" {
		t.Errorf("row: %+v", row)
	}
	if got := strings.Join(d.net.dialled(), " "); got != "192.0.2.10:25 192.0.2.20:25 192.0.2.30:25" {
		t.Errorf("dialled %s", got)
	}
}

// Hosts that answer but do not work must not hide those that do, whatever the
// point at which they go.
func TestNextMXAfterBrokenSession(t *testing.T) {
	for _, script := range []testkit.Script{
		{testkit.AtConnect: {Reply: "554 no mail here", Drop: true}},
		{testkit.AtEHLO: {Drop: true}},
		{testkit.AtMAIL: {Reply: "421 busy", Drop: true}},
		{testkit.AtRCPT: {Drop: true}},
	} {
		d := newDesk(t, withDNS(t, map[string][]string{
			"example.net":   {"MX 10 a.example.net.", "MX 20 b.example.net."},
			"a.example.net": {"A 192.0.2.10"}, "b.example.net": {"A 192.0.2.20"}}))
		d.net.put("192.0.2.10:25", testkit.NewSink(t, testkit.SinkOptions{Script: script}).Addr)
		good := testkit.NewSink(t, testkit.SinkOptions{})
		d.net.put("192.0.2.20:25", good.Addr)
		if row := d.deliverTo("you@example.net"); row.State != store.Delivered || row.Host != "b.example.net" {
			t.Errorf("%v: %+v", script, row)
		}
		d.stop()
	}
}

func TestEqualPreferencesShareTheLoad(t *testing.T) {
	seen := make(map[string]bool)
	d := newDesk(t, withDNS(t, map[string][]string{"example.net": {"MX 10 a.example.net.", "MX 10 b.example.net.", "MX 10 c.example.net."}}))
	for i := 0; i < 200 && len(seen) < 3; i++ {
		hosts, f := d.relay.lookupMX(t.Context(), "example.net", "desk.example.com")
		if f != nil || len(hosts) != 3 {
			t.Fatal(hosts, f)
		}
		seen[hosts[0]] = true
	}
	if len(seen) < 3 {
		t.Errorf("first hosts: %v", seen)
	}
}

func TestNullMX(t *testing.T) {
	d := newDesk(t, withDNS(t, map[string][]string{"example.net": {"MX 0 .", "A 192.0.2.1"}}))
	if row := d.deliverTo("you@example.net"); row.State != store.Failed || row.Enhanced != "5.1.10" || len(d.net.dialled()) > 0 {
		t.Errorf("row: %+v", row)
	}
}

func TestImplicitMX(t *testing.T) {
	d := newDesk(t, withDNS(t, map[string][]string{"example.net": {"A 192.0.2.1"}}))
	sink := d.withSink(testkit.SinkOptions{})
	if row := d.deliverTo("you@example.net"); row.State != store.Delivered || row.Host != "example.net" {
		t.Errorf("row: %+v", row)
	}
	sink.Wait(1, patience)
}

func TestIPv6AndIPv4(t *testing.T) {
	d := newDesk(t, withDNS(t, map[string][]string{
		"example.net": {"MX 10 mx.example.net."}, "mx.example.net": {"A 192.0.2.1", "AAAA 2001:db8::1"}}))
	d.withSink(testkit.SinkOptions{})
	if row := d.deliverTo("you@example.net"); row.State != store.Delivered {
		t.Errorf("row: %+v", row)
	}
	if got := strings.Join(d.net.dialled(), " "); got != "[2001:db8::1]:25 192.0.2.1:25" {
		t.Errorf("dialled %s", got)
	}
}

func TestDomainThatDoesNotExist(t *testing.T) {
	d := newDesk(t)
	if row := d.deliverTo("you@gone.test"); row.State != store.Failed || row.Enhanced != "5.1.2" {
		t.Errorf("row: %+v", row)
	}
}

func TestNameServerDown(t *testing.T) {
	var dns *testkit.DNS
	d := newDesk(t, func(o *Options) {
		dns = testkit.NewDNS(t, map[string][]string{"example.net": {"A 192.0.2.1"}})
		o.Resolver = dns.Resolver()
	})
	dns.SetMode(".", testkit.DNSServFail)
	row := d.deliverTo("you@example.net")
	if row.State != store.Ready || row.Enhanced != "4.4.3" {
		t.Errorf("row: %+v", row)
	}
	dns.SetMode(".", testkit.DNSNormal)
	d.withSink(testkit.SinkOptions{})
	d.pass(2 * time.Minute)
	d.untilState(row.ID, store.Delivered)
}

func TestMXWithoutAddressWaits(t *testing.T) {
	d := newDesk(t, withDNS(t, map[string][]string{"example.net": {"MX 10 mx.example.net."}}))
	if row := d.deliverTo("you@example.net"); row.State != store.Ready || row.Enhanced != "4.4.4" {
		t.Errorf("row: %+v", row)
	}
}

func TestOurselvesAsBestMX(t *testing.T) {
	d := newDesk(t, withDNS(t, map[string][]string{"example.net": {"MX 10 Desk.Example.COM.", "MX 10 other.test.", "MX 20 worse.test."}, "desk.example.com": {"A 192.0.2.9"}}))
	if row := d.deliverTo("you@example.net"); row.State != store.Failed || row.Enhanced != "5.4.6" || len(d.net.dialled()) > 0 {
		t.Errorf("row: %+v", row)
	}
}

func TestOnlyBetterMXThanOurselves(t *testing.T) {
	d := newDesk(t, withDNS(t, map[string][]string{"example.net": {"MX 10 desk.example.com.", "MX 5 mx.example.net.", "MX 20 worse.test."}, "mx.example.net": {"A 192.0.2.1"}}))
	d.withSink(testkit.SinkOptions{})
	if row := d.deliverTo("you@example.net"); row.State != store.Delivered || row.Host != "mx.example.net" {
		t.Errorf("row: %+v", row)
	}
}

func TestLoopbackMXIsALoop(t *testing.T) {
	d := newDesk(t, withDNS(t, map[string][]string{"example.net": {"MX 10 localhost."}, "localhost": {"A 127.0.0.1", "AAAA ::1"}}))
	if row := d.deliverTo("you@example.net"); row.State != store.Failed || row.Enhanced != "5.4.6" || len(d.net.dialled()) > 0 {
		t.Errorf("row: %+v %v", row, d.net.dialled())
	}
}

func TestAddressLiteralIsNotRelayed(t *testing.T) {
	d := newDesk(t)
	if row := d.deliverTo("you@[192.0.2.1]"); row.State != store.Failed || row.Enhanced != "5.1.2" || len(d.net.dialled()) > 0 {
		t.Errorf("row: %+v", row)
	}
}

// A destination that can't be reached is tried once for all its mail, not once
// for each.
func TestUnreachableDestinationIsTriedOnce(t *testing.T) {
	d := newDesk(t)
	var ids []uint64
	for range 50 {
		ids = append(ids, d.put(mailText("x\r\n"), nil, "you@example.net")...)
	}
	d.start()
	for _, id := range ids {
		d.untilTried(id, 1)
	}
	if n := len(d.net.dialled()); n > 6 {
		t.Errorf("dialled %d times for 50 mails", n)
	}
}

func TestSplitHostPort(t *testing.T) {
	for in, want := range map[string]string{
		"mx.example.com": "mx.example.com 25", "mx.example.com:587": "mx.example.com 587", "[::1]:25": "::1 25",
		"::1": "::1 25", "[::1]": "::1 25", "127.0.0.1:2525": "127.0.0.1 2525", ":25": "error", "a:b:c": "error", "": "error"} {
		host, port, err := splitHostPort(in)
		if got := host + " " + port; err == nil && got != want || err != nil && want != "error" {
			t.Errorf("%q: %q %v, want %q", in, got, err, want)
		}
	}
}
