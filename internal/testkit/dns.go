package testkit

import (
	"context"
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// DNSMode is a way in which a DNS server can be of no help.
type DNSMode int

// The modes. DNSNormal answers from the records.
const (
	DNSNormal    DNSMode = iota
	DNSNXDomain          // the name does not exist, whatever the records say
	DNSServFail          // SERVFAIL
	DNSRefused           // REFUSED
	DNSTimeout           // never an answer
	DNSSlow              // the answer comes after DNS.Delay
	DNSTruncated         // UDP answers are empty and truncated; TCP works
	DNSGarbage           // bytes that are no DNS message
	DNSLying             // a well-formed answer to another question
	DNSForged            // the right question, a wrong number, and a record that passes everything
	DNSDeadTCP           // UDP answers are truncated, and TCP connections are closed without a word
	DNSHuge              // as many records as 64 KB hold, all of the same kind
	DNSLoop              // an alias of a name below, which is one of a name below
)

// DNS is a name server on a free port of the loopback interface, UDP and TCP.
// It is authoritative for everything: what is not in its records does not
// exist. It may be used by many goroutines.
type DNS struct {
	// Delay is how long DNSSlow waits. Set it before the first query.
	Delay time.Duration

	addr    string
	servers []*dns.Server
	done    chan struct{}
	wg      sync.WaitGroup

	mu      sync.Mutex
	records map[string][]dns.RR
	modes   map[string]DNSMode
	queries []string
}

// NewDNS starts a server that is stopped at the end of the test. records maps
// a name to its records in zone file form without name, TTL and class:
//
//	{"example.com": {"A 192.0.2.1", "MX 10 mx.example.com.", testkit.TXT("v=spf1 -all")}}
func NewDNS(t testing.TB, records map[string][]string) *DNS {
	t.Helper()
	d := &DNS{Delay: 50 * time.Millisecond, done: make(chan struct{}),
		records: map[string][]dns.RR{}, modes: map[string]DNSMode{}}
	for name, list := range records {
		if err := d.Set(name, list...); err != nil {
			t.Fatal(err)
		}
	}
	if err := d.listen(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(d.Close)
	return d
}

// TXT writes the text of a TXT record in zone file form, in character-strings
// of at most 255 octets (RFC 1035 §3.3.14).
func TXT(text string) string {
	var b strings.Builder
	b.WriteString("TXT")
	for first := true; first || text != ""; first = false {
		n := min(len(text), 255)
		b.WriteString(` "`)
		for _, c := range []byte(text[:n]) {
			if c < ' ' || c > '~' || c == '"' || c == '\\' || c == ';' {
				fmt.Fprintf(&b, `\%03d`, c)
			} else {
				b.WriteByte(c)
			}
		}
		b.WriteByte('"')
		text = text[n:]
	}
	return b.String()
}

// listen opens UDP and TCP on the same port; the port that the kernel gives
// for one may be taken for the other, so it tries a few.
func (d *DNS) listen() error {
	var err error
	for range 20 {
		var pc net.PacketConn
		if pc, err = net.ListenPacket("udp", "127.0.0.1:0"); err != nil {
			return fmt.Errorf("testkit: dns: %w", err)
		}
		var l net.Listener
		if l, err = net.Listen("tcp", pc.LocalAddr().String()); err != nil {
			pc.Close()
			continue
		}
		d.addr = pc.LocalAddr().String()
		d.serve(&dns.Server{PacketConn: pc, Handler: d})
		d.serve(&dns.Server{Listener: l, Handler: d})
		return nil
	}
	return fmt.Errorf("testkit: dns: %w", err)
}

func (d *DNS) serve(s *dns.Server) {
	started := make(chan struct{})
	s.NotifyStartedFunc = func() { close(started) }
	d.servers = append(d.servers, s)
	d.wg.Go(func() { _ = s.ActivateAndServe() })
	<-started
}

// Close stops the server and waits for its goroutines.
func (d *DNS) Close() {
	select {
	case <-d.done:
		return
	default:
	}
	close(d.done)
	for _, s := range d.servers {
		_ = s.Shutdown()
	}
	d.wg.Wait()
}

// Addr is "127.0.0.1:port".
func (d *DNS) Addr() string { return d.addr }

// Resolver asks only this server.
func (d *DNS) Resolver() *net.Resolver {
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
		var nd net.Dialer
		return nd.DialContext(ctx, network, d.addr)
	}}
}

// Set replaces all records of a name; none at all removes it.
func (d *DNS) Set(name string, records ...string) error {
	owner := dns.CanonicalName(name)
	var list []dns.RR
	for _, r := range records {
		rr, err := dns.NewRR(owner + " 60 IN " + r)
		if err != nil || rr == nil {
			return fmt.Errorf("testkit: dns: record %q of %s: %v", r, name, err)
		}
		list = append(list, rr)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(list) == 0 {
		delete(d.records, owner)
		return nil
	}
	d.records[owner] = list
	return nil
}

// SetMode sets how queries for a name and what is below it are answered; "."
// is all names. The most specific name counts.
func (d *DNS) SetMode(name string, m DNSMode) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.modes[dns.CanonicalName(name)] = m
}

// Queries returns what was asked so far, as "name. TYPE".
func (d *DNS) Queries() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return append([]string(nil), d.queries...)
}

// ServeDNS answers one query; it is called by the DNS library.
func (d *DNS) ServeDNS(w dns.ResponseWriter, q *dns.Msg) {
	if len(q.Question) != 1 {
		return
	}
	name := dns.CanonicalName(q.Question[0].Name)
	mode := d.ask(name, q.Question[0].Qtype)
	_, udp := w.RemoteAddr().(*net.UDPAddr)
	switch mode {
	case DNSTimeout:
		return
	case DNSSlow:
		select {
		case <-time.After(d.Delay):
		case <-d.done:
			return
		}
	case DNSGarbage:
		_, _ = w.Write([]byte{0xff, 0x00, 0xde, 0xad})
		return
	case DNSDeadTCP:
		if !udp {
			_ = w.Close()
			return
		}
	}
	_ = w.WriteMsg(d.answer(q, name, mode, udp))
}

// ask notes a query and returns the mode of its name.
func (d *DNS) ask(name string, qtype uint16) DNSMode {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.queries = append(d.queries, name+" "+dns.TypeToString[qtype])
	for n := name; ; {
		if m, ok := d.modes[n]; ok {
			return m
		}
		i, end := dns.NextLabel(n, 0)
		if n == "." {
			return DNSNormal
		}
		if end {
			n = "."
			continue
		}
		n = n[i:]
	}
}

func (d *DNS) answer(q *dns.Msg, name string, mode DNSMode, udp bool) *dns.Msg {
	m := new(dns.Msg)
	m.SetReply(q)
	m.Authoritative, m.RecursionAvailable, m.Compress = true, true, mode == DNSHuge
	switch {
	case mode == DNSNXDomain:
		m.Rcode = dns.RcodeNameError
	case mode == DNSServFail:
		m.Rcode = dns.RcodeServerFailure
	case mode == DNSRefused:
		m.Rcode = dns.RcodeRefused
	case udp && (mode == DNSTruncated || mode == DNSDeadTCP || mode == DNSHuge):
		m.Truncated = true
	case mode == DNSHuge:
		m.Answer = manyRecords(name, q.Question[0].Qtype)
	case mode == DNSLoop:
		m.Answer = aliases(name)
	case mode == DNSForged:
		m.Id++
		m.Answer = oneRecord(name, `TXT "v=spf1 +all"`)
	case mode == DNSLying:
		m.Question[0].Name = "liar.example."
		m.Answer = oneRecord("liar.example.", `TXT "v=spf1 +all"`)
	default:
		m.Answer, m.Rcode = d.lookup(name, q.Question[0].Qtype)
		if udp {
			m.Truncate(udpSize(q))
		}
	}
	return m
}

func udpSize(q *dns.Msg) int {
	if o := q.IsEdns0(); o != nil {
		return int(o.UDPSize())
	}
	return dns.MinMsgSize
}

// oneRecord is one in zone file form, none when it can't be read.
func oneRecord(name, record string) []dns.RR {
	rr, err := dns.NewRR(name + " 60 IN " + record)
	if err != nil || rr == nil {
		return nil
	}
	return []dns.RR{rr}
}

// manyRecords is what fits into one message of TCP.
func manyRecords(name string, qtype uint16) (list []dns.RR) {
	for i := 0; i < 1500; i++ {
		switch qtype {
		case dns.TypeTXT:
			list = append(list, oneRecord(name, fmt.Sprintf(`TXT "v=spf1 a:h%d.example"`, i))...)
		case dns.TypeMX:
			list = append(list, oneRecord(name, fmt.Sprintf("MX %d h%d.example.", i, i))...)
		case dns.TypeA:
			list = append(list, oneRecord(name, fmt.Sprintf("A 192.0.%d.%d", 2+i>>8, i&255))...)
		}
	}
	return list
}

// aliases lead from a name to ever new ones below it, and back.
func aliases(name string) (list []dns.RR) {
	first := name
	for i := range 20 {
		next := fmt.Sprintf("c%d.%s", i, first)
		list = append(list, oneRecord(name, "CNAME "+next)...)
		name = next
	}
	return append(list, oneRecord(name, "CNAME "+first)...)
}

// lookup follows CNAMEs among the records; a loop ends after ten.
func (d *DNS) lookup(name string, qtype uint16) (answer []dns.RR, rcode int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for range 10 {
		next := ""
		for _, rr := range d.records[name] {
			if rr.Header().Rrtype == qtype {
				answer = append(answer, rr)
			} else if c, ok := rr.(*dns.CNAME); ok {
				answer = append(answer, rr)
				next = dns.CanonicalName(c.Target)
			}
		}
		if next == "" {
			break
		}
		name = next
	}
	if len(answer) == 0 && !d.exists(name) {
		return nil, dns.RcodeNameError
	}
	return answer, dns.RcodeSuccess
}

// exists says whether a name has records or lies above one that has.
func (d *DNS) exists(name string) bool {
	for n := range d.records {
		if n == name || strings.HasSuffix(n, "."+name) {
			return true
		}
	}
	return false
}
