package relay

import (
	"strings"
	"testing"
	"time"

	"postdesk/internal/testkit"
	"postdesk/store"
)

const ready, failed, delivered = store.Ready, store.Failed, store.Delivered

// TestTLSOfMX plays what the sink may show against what the policy demands.
func TestTLSOfMX(t *testing.T) {
	ca := testkit.NewSinkCA(t)
	for _, c := range []struct {
		name     string
		sink     testkit.SinkOptions
		required bool
		want     store.State
		tls      bool
	}{
		{"opportunistic, none offered", testkit.SinkOptions{}, false, delivered, false},
		{"opportunistic, valid", testkit.SinkOptions{TLS: ca.Valid("mx.example.net")}, false, delivered, true},
		{"opportunistic, self-signed", testkit.SinkOptions{TLS: ca.SelfSigned("nobody")}, false, delivered, true},
		{"opportunistic, expired", testkit.SinkOptions{TLS: ca.Expired("mx.example.net")}, false, delivered, true},
		{"opportunistic, STARTTLS 454", testkit.SinkOptions{TLS: ca.Valid("mx.example.net"), Script: at(testkit.AtSTARTTLS, testkit.Step{Reply: "454 4.7.0 not now"})}, false, delivered, false},
		{"opportunistic, junk for a handshake", testkit.SinkOptions{TLS: ca.Valid("mx.example.net"), Script: at(testkit.AtTLS, testkit.Step{Reply: "\x15\x03\x01\x00\x02\x02\x28junk", Raw: true, Drop: true})}, false, delivered, false},
		{"opportunistic, closed after STARTTLS", testkit.SinkOptions{TLS: ca.Valid("mx.example.net"), Script: at(testkit.AtSTARTTLS, testkit.Step{Drop: true})}, false, delivered, false},
		{"required, none offered", testkit.SinkOptions{}, true, ready, false},
		{"required, valid", testkit.SinkOptions{TLS: ca.Valid("mx.example.net")}, true, delivered, true},
		{"required, wrong name", testkit.SinkOptions{TLS: ca.Valid("other.test")}, true, ready, false},
		{"required, self-signed", testkit.SinkOptions{TLS: ca.SelfSigned("mx.example.net")}, true, ready, false},
		{"required, expired", testkit.SinkOptions{TLS: ca.Expired("mx.example.net")}, true, ready, false},
		{"required, STARTTLS 454", testkit.SinkOptions{TLS: ca.Valid("mx.example.net"), Script: at(testkit.AtSTARTTLS, testkit.Step{Reply: "454 4.7.0 not now"})}, true, ready, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := newDesk(t, func(o *Options) { o.RootCAs = ca.Pool; o.Policy.Relay.TLSRequired = c.required })
			sink := d.withSink(c.sink)
			if row := d.deliverTo("you@example.net"); row.State != c.want {
				t.Fatalf("row: %+v", row)
			}
			if c.want != delivered {
				if strings.Contains(strings.Join(sink.Commands(), "\n"), "MAIL") {
					t.Error("MAIL was said without the TLS that is required")
				}
				return
			}
			if got := sink.Wait(1, patience)[0]; got.TLS != c.tls || got.Helo != "desk.example.com" {
				t.Errorf("TLS %v, HELO %s", got.TLS, got.Helo)
			}
		})
	}
}

// A reply sent ahead of the handshake was put there by someone in between. It
// must not be read as one that came under TLS.
func TestResponseInjectionBeforeTLS(t *testing.T) {
	ca := testkit.NewSinkCA(t)
	d := newDesk(t, func(o *Options) { o.RootCAs = ca.Pool; o.Policy.Relay.TLSRequired = true })
	sink := d.withSink(testkit.SinkOptions{TLS: ca.Valid("mx.example.net"),
		Script: at(testkit.AtSTARTTLS, testkit.Step{Reply: "220 go on\n250-evil\n250 AUTH PLAIN"})})
	row := d.deliverTo("you@example.net")
	if row.State != ready || !strings.Contains(row.Text, "spoke on before TLS") {
		t.Errorf("row: %+v", row)
	}
	if sink.Count() != 0 {
		t.Error("delivered")
	}
}

func smarthost(sink *testkit.Sink, user string) func(*Options) {
	return func(o *Options) {
		o.Policy.Relay.Smarthost = sink.Addr
		o.Policy.Relay.Username, o.Policy.Relay.Password = user, "s3cret"
	}
}

func TestSmarthostAuth(t *testing.T) {
	ca := testkit.NewSinkCA(t)
	users := map[string]string{"desk": "s3cret"}
	for _, c := range []struct {
		name, user string
		sink       testkit.SinkOptions
		want       store.State
	}{
		{"PLAIN", "desk", testkit.SinkOptions{TLS: ca.Valid("127.0.0.1"), Users: users}, delivered},
		{"LOGIN", "desk", testkit.SinkOptions{TLS: ca.Valid("127.0.0.1"), Users: users, Mechanisms: []string{"LOGIN"}}, delivered},
		{"TLS from the first byte is not by port here", "desk", testkit.SinkOptions{AuthInClear: true, Users: users}, delivered}, // loopback
		{"no mechanism that we know", "desk", testkit.SinkOptions{TLS: ca.Valid("127.0.0.1"), Users: users, Mechanisms: []string{"GSSAPI"}}, ready},
		{"STARTTLS that fails is not made good in clear text", "desk", testkit.SinkOptions{TLS: ca.Valid("127.0.0.1"), AuthInClear: true, Users: users, Script: at(testkit.AtSTARTTLS, testkit.Step{Reply: "454 no"})}, ready},
		{"wrong user", "desc", testkit.SinkOptions{TLS: ca.Valid("127.0.0.1"), Users: users}, ready},
	} {
		t.Run(c.name, func(t *testing.T) {
			sink := testkit.NewSink(t, c.sink)
			d := newDesk(t, smarthost(sink, c.user), func(o *Options) { o.RootCAs = ca.Pool })
			if row := d.deliverTo("you@example.net"); row.State != c.want {
				t.Fatalf("row: %+v", row)
			}
			if c.want == delivered && sink.Wait(1, patience)[0].User != "desk" {
				t.Error("not authenticated")
			}
		})
	}
}

// elsewhereHost configures a smarthost with a password that is not this machine.
func elsewhereHost(t testing.TB, port string) func(*Options) {
	return func(o *Options) {
		o.Resolver = testkit.NewDNS(t, map[string][]string{"smart.test": {"A 192.0.2.50"}}).Resolver()
		o.Policy.Relay.Smarthost = "smart.test:" + port
		o.Policy.Relay.Username, o.Policy.Relay.Password = "desk", "s3cret"
	}
}

// A password goes nowhere but over TLS to the host that was named.
func TestNoPasswordInClearOrToAStranger(t *testing.T) {
	ca := testkit.NewSinkCA(t)
	users := map[string]string{"desk": "s3cret"}
	for _, c := range []struct {
		name string
		sink testkit.SinkOptions
		want store.State
	}{
		{"valid", testkit.SinkOptions{TLS: ca.Valid("smart.test"), Users: users}, delivered},
		{"no TLS", testkit.SinkOptions{AuthInClear: true, Users: users}, ready},
		{"STARTTLS stripped by a refusal", testkit.SinkOptions{TLS: ca.Valid("smart.test"), AuthInClear: true, Users: users, Script: at(testkit.AtSTARTTLS, testkit.Step{Reply: "454 no"})}, ready},
		{"wrong name", testkit.SinkOptions{TLS: ca.Valid("other.test"), Users: users}, ready},
		{"self-signed", testkit.SinkOptions{TLS: ca.SelfSigned("smart.test"), Users: users}, ready},
		{"expired", testkit.SinkOptions{TLS: ca.Expired("smart.test"), Users: users}, ready},
	} {
		t.Run(c.name, func(t *testing.T) {
			sink := testkit.NewSink(t, c.sink)
			d := newDesk(t, elsewhereHost(t, "587"), func(o *Options) { o.RootCAs = ca.Pool })
			d.net.put("192.0.2.50:587", sink.Addr)
			if row := d.deliverTo("you@example.net"); row.State != c.want {
				t.Fatalf("row: %+v", row)
			}
			if said := strings.Join(sink.Commands(), "\n"); c.want == ready && strings.Contains(said, "AUTH") {
				t.Errorf("AUTH was said:\n%s", said)
			}
		})
	}
}

func TestPort465IsImplicitTLS(t *testing.T) {
	ca := testkit.NewSinkCA(t)
	sink := testkit.NewSink(t, testkit.SinkOptions{TLS: ca.Valid("smart.test"), ImplicitTLS: true, Users: map[string]string{"desk": "s3cret"}})
	d := newDesk(t, elsewhereHost(t, "465"), func(o *Options) { o.RootCAs = ca.Pool })
	d.net.put("192.0.2.50:465", sink.Addr)
	if row := d.deliverTo("you@example.net"); row.State != delivered {
		t.Fatalf("row: %+v", row)
	}
	if got := sink.Wait(1, patience)[0]; !got.TLS || got.User != "desk" {
		t.Errorf("got %+v", got)
	}
}

// Junk on port 465 is a fault of the moment.
func TestJunkOnImplicitTLSPort(t *testing.T) {
	sink := testkit.NewSink(t, testkit.SinkOptions{})
	d := newDesk(t, elsewhereHost(t, "465"))
	d.net.put("192.0.2.50:465", sink.Addr)
	if row := d.deliverTo("you@example.net"); row.State != ready || sink.Count() != 0 {
		t.Fatalf("row: %+v", row)
	}
}

// A smarthost that wants AUTH where none is configured must not bounce the
// queue.
func TestSmarthostWantsAuth(t *testing.T) {
	sink := testkit.NewSink(t, testkit.SinkOptions{Users: map[string]string{"desk": "s3cret"}})
	d := newDesk(t, smarthost(sink, ""))
	row := d.deliverTo("you@example.net")
	if row.State != ready || row.Code != 530 {
		t.Fatalf("row: %+v", row)
	}
	d.pass(2 * time.Minute)
	d.untilTried(row.ID, 2)
}

func TestIsLoopback(t *testing.T) {
	for in, want := range map[string]bool{"127.0.0.1:25": true, "[::1]:25": true, "[::ffff:127.0.0.1]:25": true, "192.0.2.1:25": false, "localhost:25": false, "x": false} {
		if got := isLoopback(in); got != want {
			t.Errorf("%s: %v", in, got)
		}
	}
}
