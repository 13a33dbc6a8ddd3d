package pipeline

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"net/netip"
	"path/filepath"
	"sync/atomic"
	"testing"

	"postdesk/internal/addr"
	"postdesk/internal/config"
	"postdesk/internal/message"
	"postdesk/internal/testkit"
	"postdesk/internal/testkit/load"
	"postdesk/rules"
	"postdesk/smtpd"
	"postdesk/store"
)

const benchConfig = `
hostname = "mx.desk.example"
data_dir = "/nowhere"
postmaster = "it@corp.example"
[acknowledge]
per_address = ""
per_address_day = ""
per_domain = ""
breaker = ""
` + testkit.OneAgent

// stand is a pipeline on a real store, and customers whose mail is signed by
// RSA-2048 and has SPF.
type stand struct {
	*Pipeline
	db   *store.DB
	mail load.Options
	n    atomic.Int64
}

func newStand(b *testing.B) *stand {
	b.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		b.Fatal(err)
	}
	public, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		b.Fatal(err)
	}
	signer, err := load.NewKey(key, "client.example", "load")
	if err != nil {
		b.Fatal(err)
	}
	dns := testkit.NewDNS(b, map[string][]string{
		"client.example":                 {testkit.TXT("v=spf1 ip4:127.0.0.0/8 -all")},
		"load._domainkey.client.example": {testkit.TXT("v=DKIM1; k=rsa; p=" + base64.StdEncoding.EncodeToString(public))},
	})
	cfg, err := config.Parse("config.toml", []byte(benchConfig))
	if err != nil {
		b.Fatal(err)
	}
	dir := b.TempDir()
	db, err := store.Open(store.Options{Dir: dir})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { db.Close() })
	keys, err := addr.LoadOrCreateKeyRing(filepath.Join(dir, "token.key"))
	if err != nil {
		b.Fatal(err)
	}
	p, err := New(b.Context(), Options{Store: db, Keys: keys, Config: cfg, Resolver: dns.Resolver()})
	if err != nil {
		b.Fatal(err)
	}
	return &stand{Pipeline: p, db: db, mail: load.Options{To: "support@desk.example", Key: signer}}
}

// next is one more customer's mail of 4 KB, or of another size of the stand's, as a session received it.
func (s *stand) next(b *testing.B) (*smtpd.Envelope, message.Source) {
	from, raw, err := s.mail.Mail("bench", int(s.n.Add(1)))
	if err != nil {
		b.Fatal(err)
	}
	spool := message.NewSpool("", 0)
	if _, err := spool.Write(raw); err != nil {
		b.Fatal(err)
	}
	if err := spool.Seal(); err != nil {
		b.Fatal(err)
	}
	return s.envelope(b, from), spool
}

func (s *stand) envelope(b *testing.B, from string) *smtpd.Envelope {
	sender, err := addr.Parse(from)
	if err != nil {
		b.Fatal(err)
	}
	to, err := addr.Parse(s.mail.To)
	if err != nil {
		b.Fatal(err)
	}
	peer := smtpd.Peer{Listener: smtpd.MX, Addr: netip.MustParseAddr("127.0.0.1"), Helo: "client.example", Session: "bench"}
	return &smtpd.Envelope{Peer: peer, From: sender, To: []addr.Address{to}}
}

// learned is a delivery before its transaction.
func (s *stand) learned(b *testing.B) (*delivery, rules.Identity) {
	env, raw := s.next(b)
	d, err := s.newDelivery(s.world.Load(), env, raw)
	if err != nil {
		b.Fatal(err)
	}
	id, err := s.learn(b.Context(), d)
	if err != nil || d.facts.Auth.Backed == "" {
		b.Fatal(err, d.facts.Auth)
	}
	return d, id
}

// eachSize runs a benchmark with mails of the usual size and with large ones.
func eachSize(b *testing.B, run func(b *testing.B, s *stand)) {
	for _, size := range []int{4 << 10, 100 << 10} {
		b.Run(fmt.Sprintf("%dKB", size>>10), func(b *testing.B) {
			s := newStand(b)
			s.mail.Size = size
			b.ReportAllocs()
			run(b, s)
		})
	}
}

// BenchmarkRead: the mail is parsed and hashed, the recipients are found.
func BenchmarkRead(b *testing.B) {
	eachSize(b, func(b *testing.B, s *stand) {
		env, raw := s.next(b)
		for b.Loop() {
			if _, err := s.newDelivery(s.world.Load(), env, raw); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// BenchmarkAuthenticate: SPF, one RSA-2048 DKIM signature, DMARC, with a name
// server on loopback.
func BenchmarkAuthenticate(b *testing.B) {
	eachSize(b, func(b *testing.B, s *stand) {
		env, raw := s.next(b)
		d, err := s.newDelivery(s.world.Load(), env, raw)
		if err != nil {
			b.Fatal(err)
		}
		for b.Loop() {
			if s.authenticate(b.Context(), d); d.facts.Auth.Backed == "" {
				b.Fatal(d.facts.Auth)
			}
		}
	})
}

// BenchmarkDecide: a new request's transaction: threading, rules, routing, the
// acknowledgement, the agent's copy; durable when it returns.
func BenchmarkDecide(b *testing.B) {
	eachSize(b, func(b *testing.B, s *stand) {
		for b.Loop() {
			b.StopTimer()
			d, id := s.learned(b)
			b.StartTimer()
			if _, err := s.commit(b.Context(), d, id); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// BenchmarkDeliver: all of it, by so many senders at the same time.
func BenchmarkDeliver(b *testing.B) {
	for _, senders := range []int{1, 10} {
		b.Run(fmt.Sprintf("senders=%d", senders), func(b *testing.B) {
			eachSize(b, func(b *testing.B, s *stand) { s.deliverWith(b, senders) })
		})
	}
}

func (s *stand) deliverWith(b *testing.B, senders int) {
	envs, mails := make([]*smtpd.Envelope, b.N), make([]message.Source, b.N)
	for i := range b.N {
		envs[i], mails[i] = s.next(b)
	}
	var next atomic.Int64
	b.ResetTimer()
	done := make(chan error, senders)
	for range senders {
		go func() { done <- s.deliverAll(b, envs, mails, &next) }()
	}
	for range senders {
		if err := <-done; err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "mails/s")
}

func (s *stand) deliverAll(b *testing.B, envs []*smtpd.Envelope, mails []message.Source, next *atomic.Int64) error {
	for {
		i := int(next.Add(1)) - 1
		if i >= len(mails) {
			return nil
		}
		if _, _, err := s.Deliver(b.Context(), envs[i], mails[i]); err != nil {
			return err
		}
	}
}
