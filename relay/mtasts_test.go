package relay

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"postdesk/internal/testkit"
	"postdesk/store"
)

// stsWorld is example.net with a policy on a web server.
type stsWorld struct {
	*desk
	ca      *testkit.SinkCA
	dns     *testkit.DNS
	policy  atomic.Pointer[string]
	fetches atomic.Int32
	handler atomic.Pointer[http.HandlerFunc]
}

func newSTSWorld(t *testing.T, policy string, change ...func(*Options)) *stsWorld {
	w := &stsWorld{ca: testkit.NewSinkCA(t)}
	w.policy.Store(&policy)
	web := httptest.NewUnstartedServer(http.HandlerFunc(w.serve))
	web.TLS = w.ca.Valid("mta-sts.example.net")
	web.StartTLS()
	t.Cleanup(web.Close)
	w.dns = testkit.NewDNS(t, map[string][]string{
		"example.net": {"MX 10 mx.example.net."}, "mx.example.net": {"A 192.0.2.1"},
		"mta-sts.example.net": {"A 192.0.2.80"}, "_mta-sts.example.net": {testkit.TXT("v=STSv1; id=1;")}})
	w.desk = newDesk(t, append(change, func(o *Options) { o.RootCAs = w.ca.Pool; o.Resolver = w.dns.Resolver() })...)
	w.net.put("192.0.2.80:443", web.Listener.Addr().String())
	return w
}

func (w *stsWorld) serve(rw http.ResponseWriter, req *http.Request) {
	w.fetches.Add(1)
	if h := w.handler.Load(); h != nil {
		(*h)(rw, req)
		return
	}
	if req.URL.Path != "/.well-known/mta-sts.txt" {
		http.NotFound(rw, req)
		return
	}
	rw.Header().Set("Content-Type", "text/plain; charset=utf-8")
	fmt.Fprint(rw, *w.policy.Load())
}

const enforceMX = "version: STSv1\r\nmode: enforce\r\nmx: mx.example.net\r\nmax_age: 604800\r\n"

func TestMTASTSEnforced(t *testing.T) {
	for _, c := range []struct {
		name, policy string
		host         string // of the certificate; "" offers no TLS
		want         store.State
	}{
		{"right host, right certificate", enforceMX, "mx.example.net", delivered},
		{"wildcard", strings.Replace(enforceMX, "mx.example.net", "*.example.net", 1), "mx.example.net", delivered},
		{"certificate for another name", enforceMX, "other.test", ready},
		{"no TLS", enforceMX, "", ready},
		{"MX that is not in the policy", strings.Replace(enforceMX, "mx.example.net", "mail.example.net", 1), "mx.example.net", ready},
		{"wildcard is one label", strings.Replace(enforceMX, "mx.example.net", "*.net", 1), "mx.example.net", ready},
		{"testing", strings.Replace(enforceMX, "enforce", "testing", 1), "", delivered},
		{"none", "version: STSv1\nmode: none\nmax_age: 86400\n", "", delivered},
		{"no valid policy", "version: STSv2\nmode: enforce\nmx: x\nmax_age: 1\n", "", delivered},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newSTSWorld(t, c.policy)
			opts := testkit.SinkOptions{}
			if c.host != "" {
				opts.TLS = w.ca.Valid(c.host)
			}
			sink := w.withSink(opts)
			row := w.deliverTo("you@example.net")
			if row.State != c.want {
				t.Fatalf("row: %+v", row)
			}
			if said := strings.Join(sink.Commands(), "\n"); c.want == ready && strings.Contains(said, "MAIL") {
				t.Errorf("said:\n%s", said)
			}
		})
	}
}

// A policy that is known stays in force when the DNS record or the web server
// go: that is what an attacker would do.
func TestMTASTSCanNotBeTakenAway(t *testing.T) {
	w := newSTSWorld(t, enforceMX)
	ctx := context.Background()
	if p := w.relay.sts.policy(ctx, "example.net"); !p.enforced() {
		t.Fatal("no policy")
	}
	w.clock.Advance(time.Hour)
	w.dns.SetMode("_mta-sts.example.net", testkit.DNSNXDomain)
	if p := w.relay.sts.policy(ctx, "example.net"); !p.enforced() {
		t.Error("gone with the record")
	}
	w.dns.SetMode("_mta-sts.example.net", testkit.DNSNormal)
	if err := w.dns.Set("_mta-sts.example.net", testkit.TXT("v=STSv1; id=2;")); err != nil {
		t.Fatal(err)
	}
	broken := http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) { http.Error(rw, "no", 500) })
	w.handler.Store(&broken)
	w.clock.Advance(time.Hour)
	if p := w.relay.sts.policy(ctx, "example.net"); !p.enforced() || p.id != "1" {
		t.Error("gone with the web server")
	}
	w.clock.Advance(8 * 24 * time.Hour)
	if p := w.relay.sts.policy(ctx, "example.net"); p != nil {
		t.Error("in force past its max_age")
	}
}

// A clock that is set by a month ends no policy, while record and web server are gone.
func TestMTASTSWhileTheClockIsSet(t *testing.T) {
	for name, jumps := range map[string][]time.Duration{"ahead": {month}, "back": {-month}, "ahead and back": {month, -month}} {
		t.Run(name, func(t *testing.T) {
			var real atomic.Int64
			w := newSTSWorld(t, enforceMX, func(o *Options) { o.Elapsed = func() time.Duration { return time.Duration(real.Load()) } })
			w.relay.sts.policy(t.Context(), "example.net")
			w.dns.SetMode("example.net", testkit.DNSServFail)
			for _, jump := range jumps {
				w.clock.Advance(jump)
				real.Add(int64(time.Hour))
				if p := w.relay.sts.policy(t.Context(), "example.net"); !p.enforced() {
					t.Errorf("no policy after %v", jump)
				}
			}
			real.Add(int64(8 * 24 * time.Hour))
			if p := w.relay.sts.policy(t.Context(), "example.net"); p != nil {
				t.Error("in force past its max_age")
			}
		})
	}
}

func TestMTASTSIsFetchedOnceAndAgainForANewID(t *testing.T) {
	w := newSTSWorld(t, enforceMX)
	for range 5 {
		w.relay.sts.policy(context.Background(), "example.net")
		w.clock.Advance(time.Hour)
	}
	if n := w.fetches.Load(); n != 1 {
		t.Errorf("%d fetches", n)
	}
	if err := w.dns.Set("_mta-sts.example.net", testkit.TXT("v=STSv1; id=2;")); err != nil {
		t.Fatal(err)
	}
	none := "version: STSv1\nmode: none\nmax_age: 86400\n"
	w.policy.Store(&none)
	if p := w.relay.sts.policy(context.Background(), "example.net"); p.enforced() || w.fetches.Load() != 2 {
		t.Error("the new policy is not in force")
	}
}

// What a web server may do wrong: none of it is a policy, and none takes long.
func TestMTASTSHostileWebServer(t *testing.T) {
	text := func(rw http.ResponseWriter) { rw.Header().Set("Content-Type", "text/plain") }
	for name, h := range map[string]http.HandlerFunc{
		"redirect": func(rw http.ResponseWriter, r *http.Request) {
			http.Redirect(rw, r, "https://mta-sts.example.net/other", http.StatusFound)
		},
		"not found": http.NotFound,
		"html": func(rw http.ResponseWriter, _ *http.Request) {
			rw.Header().Set("Content-Type", "text/html")
			fmt.Fprint(rw, enforceMX)
		},
		"too long": func(rw http.ResponseWriter, _ *http.Request) {
			text(rw)
			fmt.Fprint(rw, enforceMX, strings.Repeat("mx: a.test\r\n", 10000))
		},
		"binary": func(rw http.ResponseWriter, _ *http.Request) { text(rw); rw.Write(make([]byte, 1000)) },
	} {
		t.Run(name, func(t *testing.T) {
			w := newSTSWorld(t, "")
			w.handler.Store(&h)
			if p := w.relay.sts.policy(context.Background(), "example.net"); p != nil {
				t.Errorf("policy %+v", p)
			}
			if n := w.fetches.Load(); n != 1 {
				t.Errorf("%d fetches", n)
			}
		})
	}
}

func TestParseSTSRecord(t *testing.T) {
	for _, c := range []struct {
		list []string
		id   string
		ok   bool
	}{
		{[]string{"v=STSv1; id=20160831085700Z;"}, "20160831085700Z", true},
		{[]string{"v=spf1 -all", "v=STSv1;id=a"}, "a", true},
		{[]string{"v=STSv1; id=a;", "v=STSv1; id=b;"}, "", false},
		{[]string{"v=STSv1; id=a b;"}, "", false},
		{[]string{"v=STSv1"}, "", false},
		{nil, "", false},
	} {
		if id, ok := parseSTSRecord(c.list); id != c.id || ok != c.ok {
			t.Errorf("%q: %q %v", c.list, id, ok)
		}
	}
}

func FuzzSTSPolicy(f *testing.F) {
	f.Add(enforceMX)
	f.Add("version: STSv1\nmode: none\nmax_age: 99999999999999999999\n")
	f.Add("mode: enforce\nmode: none\nmx: *.\nmx: *\nmax_age:1\nversion:STSv1")
	f.Fuzz(func(t *testing.T, text string) {
		p, err := parseSTSPolicy(text)
		if err != nil {
			return
		}
		if p.maxAge < 0 || p.maxAge > stsMaxAge*time.Second || len(p.mx) > stsMaxHosts || p.mode == "enforce" && len(p.mx) == 0 {
			t.Errorf("%+v", p)
		}
		p.matches("mx.example.net")
	})
}

func FuzzSTSRecord(f *testing.F) {
	f.Add("v=STSv1; id=20160831085700Z;")
	f.Add("v=STSv1; id=a; id=b")
	f.Fuzz(func(t *testing.T, txt string) {
		if id, ok := parseSTSRecord([]string{txt}); ok && (id == "" || len(id) > 32) {
			t.Errorf("%q", id)
		}
	})
}
