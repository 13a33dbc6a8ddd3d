package load

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"net"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"postdesk/internal/addr"
	"postdesk/internal/mailauth"
	"postdesk/internal/message"
)

// exchange sends n mails straight to a sink, as if a server had passed each on
// as it is: each is its own copy.
func exchange(t *testing.T, n int, change func(*Sink)) *Report {
	t.Helper()
	s, err := NewSink("127.0.0.1:0", SinkOptions{Name: "agents"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	change(s)
	r, err := Run(t.Context(), Options{Addr: s.Addr, To: "support@desk.example", Mails: n, Connections: 3, Sinks: []*Sink{s}, PerMail: 1, Quiet: 50 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// stateOf is that of a server that did all right.
func stateOf(sent []Entry) *State {
	s := &State{Raw: map[string]int{}, Messages: map[string]int{}, Acks: map[string]int{}}
	for _, e := range sent {
		if e.Accepted() {
			s.Raw[e.SHA256], s.Messages[e.MessageID], s.Acks[e.MessageID] = 1, 1, 1
		}
	}
	return s
}

func TestAGoodRunHasNoFaults(t *testing.T) {
	r := exchange(t, 50, func(*Sink) {})
	if faults := Check(r.Sent, r.Arrived, true, stateOf(r.Sent)); len(faults) > 0 || len(r.Sent) != 50 || len(r.Arrived) != 50 {
		t.Fatalf("%d sent, %d arrived, %v", len(r.Sent), len(r.Arrived), faults)
	}
	var text strings.Builder
	if err := r.Print(&text); err != nil || !strings.Contains(text.String(), "50 accepted") {
		t.Errorf("%v\n%s", err, text.String())
	}
}

func TestASinkThatLosesAMailIsCaught(t *testing.T) {
	var n atomic.Int64
	r := exchange(t, 20, func(s *Sink) { s.lose = func(Arrival) bool { return n.Add(1) == 7 } })
	faults := Check(r.Sent, r.Arrived, true, stateOf(r.Sent))
	if len(faults) != 1 || !strings.Contains(faults[0].What, "no copy") {
		t.Fatalf("%v", faults)
	}
}

// A line that is dropped after the final dot leaves the client without a reply;
// whoever sends again must be seen to.
func TestADroppedLineIsUnknownToTheClientAndMustComeAgainFromTheServer(t *testing.T) {
	r := exchange(t, 10, func(s *Sink) { s.o.DropEvery = 5 })
	unknown := 0
	for i := range r.Sent {
		if r.Sent[i].Unknown() {
			unknown++
		}
	}
	if unknown != 2 {
		t.Fatalf("%d without a reply, want 2", unknown)
	}
	for i := range r.Sent { // as if the server had been told 250 before it lost the line
		r.Sent[i].Code = 250
	}
	faults := Check(r.Sent, r.Arrived, true, nil)
	if len(faults) != 2 || !strings.Contains(faults[0].What, "not sent again") {
		t.Fatalf("%v", faults)
	}
}

func TestEveryBrokenPromiseOfTheServerIsCaught(t *testing.T) {
	good := exchange(t, 6, func(*Sink) {})
	for _, c := range []struct {
		name, want string
		change     func(s *State, e *Entry)
	}{
		{"lost", "kept 0 times", func(s *State, e *Entry) { delete(s.Raw, e.SHA256) }},
		{"kept twice", "kept 2 times", func(s *State, e *Entry) { s.Raw[e.SHA256] = 2 }},
		{"no ticket", "0 messages", func(s *State, e *Entry) { delete(s.Messages, e.MessageID) }},
		{"two tickets", "2 messages", func(s *State, e *Entry) { s.Messages[e.MessageID] = 2 }},
		{"two acknowledgements", "2 acknowledgements", func(s *State, e *Entry) { s.Acks[e.MessageID] = 2 }},
		{"refused and kept", "want 0", func(_ *State, e *Entry) { e.Code = 451 }},
	} {
		sent := append([]Entry(nil), good.Sent...)
		s := stateOf(sent)
		c.change(s, &sent[3])
		faults := Check(sent, good.Arrived, false, s)
		if len(faults) == 0 || !strings.Contains(faults[0].What, c.want) || faults[0].MessageID != sent[3].MessageID {
			t.Errorf("%s: %v", c.name, faults)
		}
	}
}

func TestWithoutAReplyAMailMayBeThereOnceOrNot(t *testing.T) {
	sent := []Entry{{MessageID: "a", SHA256: "1"}, {MessageID: "b", SHA256: "2"}, {MessageID: "c", SHA256: "3"}}
	s := &State{Raw: map[string]int{"1": 1, "3": 2}, Messages: map[string]int{"a": 1, "c": 1}}
	faults := Check(sent, nil, true, s)
	if len(faults) != 1 || faults[0].MessageID != "c" {
		t.Fatalf("%v", faults)
	}
}

func TestTheLedgerIsReadAsItWasWritten(t *testing.T) {
	r := exchange(t, 4, func(*Sink) {})
	var b bytes.Buffer
	if err := WriteLedger(&b, r.Sent, r.Arrived); err != nil {
		t.Fatal(err)
	}
	sent, arrived, err := ReadLedger(&b)
	if err != nil || len(sent) != 4 || len(arrived) != 4 || sent[2].SHA256 != r.Sent[2].SHA256 || arrived[1].Origin != r.Arrived[1].Origin {
		t.Fatalf("%v %v %v", err, sent, arrived)
	}
}

func TestOnlyLoopbackIsDriven(t *testing.T) {
	for _, addr := range []string{"192.0.2.1:25", "mx.example.com:25", "0.0.0.0:25", ":25", "127.0.0.1"} {
		if _, err := Run(t.Context(), Options{Addr: addr, To: "a@desk.example"}); err == nil {
			t.Errorf("%s was accepted", addr)
		}
		if _, err := NewSink(addr, SinkOptions{}); err == nil {
			t.Errorf("a sink on %s was accepted", addr)
		}
	}
}

func TestSignaturesVerify(t *testing.T) {
	_, edward, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	rivest, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	for _, signer := range []crypto.Signer{edward, rivest} {
		key, err := NewKey(signer, "client.example", "load")
		if err != nil {
			t.Fatal(err)
		}
		if got := verified(t, key); len(got.DKIM) != 1 || got.DKIM[0].Result != mailauth.Pass || got.SPF.Result != mailauth.Pass {
			t.Errorf("%s: %+v", key.algorithm, got)
		}
	}
}

// verified checks a signed mail with the run's own name server.
func verified(t *testing.T, key *Key) mailauth.Results {
	t.Helper()
	from, raw, err := (Options{To: "support@desk.example", Key: key, From: "customer@client.example"}).Mail("1", 7)
	if err != nil {
		t.Fatal(err)
	}
	at := freeUDP(t)
	names, err := NewNames(at, "client.example", key)
	if err != nil {
		t.Fatal(err)
	}
	defer names.Close()
	dns := &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "udp", at)
	}}
	src := message.BytesSource(raw)
	m, err := message.Parse(src)
	if err != nil {
		t.Fatal(err)
	}
	sender, err := addr.Parse(from)
	if err != nil {
		t.Fatal(err)
	}
	authors, fields := m.Authors()
	return mailauth.New(mailauth.Options{Resolver: dns}).Check(t.Context(), mailauth.In{
		RemoteIP: netip.MustParseAddr("127.0.0.1"), MailFrom: sender, Authors: authors, FromFields: fields, Source: src})
}

func freeUDP(t *testing.T) string {
	t.Helper()
	c, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	return c.LocalAddr().String()
}

// A line that ends behind a mail without QUIT lets it come once more, and no oftener; one that
// ended properly does not.
func TestWhatALineThatEndedExcuses(t *testing.T) {
	sent := []Entry{{MessageID: "load.a.1@x", Code: 250}}
	copyOf := func(cut bool) Arrival { return Arrival{Origin: "load.a.1@x", Own: "copy", To: "anne@x", Cut: cut} }
	for _, c := range []struct {
		arrived []Arrival
		faults  int
	}{
		{[]Arrival{copyOf(true)}, 0}, {[]Arrival{copyOf(true), copyOf(false)}, 0}, {[]Arrival{copyOf(true), copyOf(true)}, 0},
		{[]Arrival{copyOf(false), copyOf(false)}, 1}, {[]Arrival{copyOf(true), copyOf(false), copyOf(false)}, 1},
	} {
		if faults := Check(sent, c.arrived, true, nil); len(faults) != c.faults {
			t.Errorf("%+v: %v", c.arrived, faults)
		}
	}
}

// Persist sends a mail again until it is answered for good.
func TestPersist(t *testing.T) {
	s, err := NewSink("127.0.0.1:0", SinkOptions{DropEvery: 3})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	sent, err := Persist(t.Context(), Options{Addr: s.Addr, To: "support@desk.example", Mails: 20, Connections: 2}, nil, time.Millisecond, 0)
	if err != nil || len(sent) != 20 {
		t.Fatalf("%d sent, %v", len(sent), err)
	}
	for _, e := range sent {
		if !e.Accepted() {
			t.Errorf("%+v", e)
		}
	}
	stopped := make(chan struct{})
	close(stopped)
	if sent, err := Persist(t.Context(), Options{Addr: s.Addr, To: "support@desk.example"}, stopped, 0, 0); err != nil || len(sent) != 0 {
		t.Errorf("%d sent after the stop, %v", len(sent), err)
	}
}
