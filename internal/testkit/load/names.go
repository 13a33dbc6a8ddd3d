package load

import (
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"net"
	"strings"

	"github.com/miekg/dns"
)

// Names is a name server for the customers' domain, so that a run needs no
// other: SPF that loopback passes, and the key that the mails are signed with.
// All other names do not exist.
type Names struct {
	records map[string]string
	server  *dns.Server
	done    chan error
}

// NewNames serves on a loopback address, UDP. Close it.
func NewNames(addr, domain string, key *Key) (*Names, error) {
	if err := Loopback(addr); err != nil {
		return nil, err
	}
	n := &Names{records: map[string]string{dns.Fqdn(domain): "v=spf1 ip4:127.0.0.0/8 ip6:::1 -all"}, done: make(chan error, 1)}
	if key != nil {
		record, err := key.record()
		if err != nil {
			return nil, err
		}
		n.records[dns.Fqdn(key.Selector+"._domainkey."+key.Domain)] = record
	}
	pc, err := net.ListenPacket("udp", addr)
	if err != nil {
		return nil, err
	}
	started := make(chan struct{})
	n.server = &dns.Server{PacketConn: pc, Handler: dns.HandlerFunc(n.answer), NotifyStartedFunc: func() { close(started) }}
	go func() { n.done <- n.server.ActivateAndServe() }()
	<-started
	return n, nil
}

// Close ends the server.
func (n *Names) Close() error {
	err := n.server.Shutdown()
	<-n.done
	return err
}

func (n *Names) answer(w dns.ResponseWriter, q *dns.Msg) {
	m := new(dns.Msg).SetReply(q)
	if len(q.Question) != 1 {
		m.Rcode = dns.RcodeFormatError
		_ = w.WriteMsg(m) // the client asks again
		return
	}
	ask := q.Question[0]
	text, ok := n.records[strings.ToLower(ask.Name)]
	switch {
	case !ok:
		m.Rcode = dns.RcodeNameError
	case ask.Qtype == dns.TypeTXT:
		head := dns.RR_Header{Name: ask.Name, Rrtype: dns.TypeTXT, Class: dns.ClassINET, Ttl: 60}
		m.Answer = []dns.RR{&dns.TXT{Hdr: head, Txt: pieces(text)}}
	}
	_ = w.WriteMsg(m)
}

// pieces are strings of at most 255 bytes, RFC 1035 §3.3.14.
func pieces(s string) (list []string) {
	for len(s) > 255 {
		list, s = append(list, s[:255]), s[255:]
	}
	return append(list, s)
}

// record is the key's TXT record, RFC 6376 §3.6.1.
func (k *Key) record() (string, error) {
	kind, _, _ := strings.Cut(k.algorithm, "-")
	public, err := x509.MarshalPKIXPublicKey(k.signer.Public())
	if err != nil {
		return "", err
	}
	if kind == "ed25519" { // RFC 8463 §4: the bare key
		public = public[len(public)-32:]
	}
	return fmt.Sprintf("v=DKIM1; k=%s; p=%s", kind, base64.StdEncoding.EncodeToString(public)), nil
}
