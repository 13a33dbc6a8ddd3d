package server_test

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"postdesk/internal/testkit"
	"postdesk/internal/ticket"
	"postdesk/relay"
	"postdesk/server"
	"postdesk/store"
)

// watched is a resolver that sees each question before the DNS does, and may
// answer it with an error. It is for all kinds of questions.
type watched struct {
	server.Resolver
	ask func(ctx context.Context, name string) (context.Context, error)
}

func (w watched) LookupTXT(ctx context.Context, name string) ([]string, error) {
	return watch(ctx, w, name, w.Resolver.LookupTXT)
}

func (w watched) LookupMX(ctx context.Context, name string) ([]*net.MX, error) {
	return watch(ctx, w, name, w.Resolver.LookupMX)
}

func (w watched) LookupIPAddr(ctx context.Context, name string) ([]net.IPAddr, error) {
	return watch(ctx, w, name, w.Resolver.LookupIPAddr)
}

func (w watched) LookupAddr(ctx context.Context, name string) ([]string, error) {
	return watch(ctx, w, name, w.Resolver.LookupAddr)
}

func (w watched) LookupNetIP(ctx context.Context, network, name string) ([]netip.Addr, error) {
	return watch(ctx, w, name, func(ctx context.Context, name string) ([]netip.Addr, error) {
		return w.Resolver.LookupNetIP(ctx, network, name)
	})
}

func watch[T any](ctx context.Context, w watched, name string, ask func(context.Context, string) (T, error)) (T, error) {
	ctx, err := w.ask(ctx, name)
	if err != nil {
		var none T
		return none, err
	}
	return ask(ctx, name)
}

// hasty gives up soon each question that the DNS of a test does not answer, so
// that the test has not to wait for the budget. It stops being so in good times.
func (d *desk) hasty(bad *atomic.Bool) {
	d.resolver = func(r server.Resolver) server.Resolver {
		return watched{r, func(ctx context.Context, _ string) (context.Context, error) {
			if !bad.Load() {
				return ctx, nil
			}
			ctx, cancel := context.WithTimeout(ctx, 150*time.Millisecond)
			context.AfterFunc(ctx, cancel)
			return ctx, nil
		}}
	}
}

// dnsTroubles are all ways in which a name server is of no help. Where truth is
// true, the answer is right all the same.
var dnsTroubles = []struct {
	name  string
	mode  testkit.DNSMode
	truth bool
}{
	{"SERVFAIL", testkit.DNSServFail, false}, {"REFUSED", testkit.DNSRefused, false}, {"no answer", testkit.DNSTimeout, false},
	{"garbage", testkit.DNSGarbage, false}, {"another question's answer", testkit.DNSLying, false}, {"a forged answer", testkit.DNSForged, false},
	{"truncated and TCP dead", testkit.DNSDeadTCP, false}, {"1,500 records", testkit.DNSHuge, false}, {"a loop of aliases", testkit.DNSLoop, false},
	{"no such name", testkit.DNSNXDomain, false}, {"truncated", testkit.DNSTruncated, true}, {"slow", testkit.DNSSlow, true},
}

// Whatever the DNS says or does not say: the mail is taken, nobody is refused on the
// strength of an answer that did not come, nobody is acknowledged without proof; and
// when the same mail comes again in better times its acknowledgement goes out.
func TestDNSThatIsOfNoHelp(t *testing.T) {
	t.Parallel()
	var bad atomic.Bool
	d := newDeskWith(t, func(config string) string { return config + "\n[auth]\ndmarc = \"enforce\"\n" }, func(d *desk) { d.hasty(&bad) })
	for i, x := range dnsTroubles {
		number := uint64(10000 + d.tickets())
		p := d.person("", fmt.Sprintf("p%d@client.example", i))
		mail := p.mail(generic, "Une question", fmt.Sprintf("Numéro %d.\n", i))
		forged := d.person("", "chef@strict.example")
		d.later(time.Minute) // what is found, or is not there, is remembered for half of it
		d.dns.SetMode(".", x.mode)
		bad.Store(!x.truth)
		if err := p.posts([]string{generic}, mail); err != nil {
			t.Errorf("%s: %v", x.name, err)
			continue
		}
		err := forged.posts([]string{generic}, forged.mail(generic, "Urgent", fmt.Sprintf("Payez %d.\n", i)))
		if refused := refused(err, 550, "5.7.26"); refused != x.truth {
			t.Errorf("%s: a forged mail: %v", x.name, err)
		}
		d.drained()
		if got := len(p.mailbox()) == 1; got != x.truth {
			t.Errorf("%s: acknowledged %v", x.name, got)
		}
		if e := d.happened(number, ticket.Silent); !x.truth && (len(e) != 1 || !slices.Contains([]string{"not-backed", "unauthenticated"}, e[0].Data["reason"])) {
			t.Errorf("%s: events: %+v", x.name, e)
		}
		d.dns.SetMode(".", testkit.DNSNormal)
		bad.Store(false)
		d.later(time.Minute)
		if err := p.posts([]string{generic}, mail); err != nil {
			t.Errorf("%s: again: %v", x.name, err)
		}
		d.drained()
		if got := len(p.mailbox()); got != 1 {
			t.Errorf("%s: %d acknowledgements when the mail came again", x.name, got)
		}
	}
	if want := 2*len(dnsTroubles) - 2; d.tickets() != want {
		t.Errorf("%d tickets, want %d", d.tickets(), want)
	}
	if got := len(d.person("", "chef@strict.example").mailbox()); got != 0 {
		t.Errorf("%d mails to who did not write", got)
	}
}

// All that is asked because of one mail has one end, 15 s after its beginning at most.
func TestOneBudgetForAllNamesOfAMail(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	var ends []time.Time
	d := newDeskWith(t, nil, func(d *desk) {
		d.resolver = func(r server.Resolver) server.Resolver {
			return watched{r, func(ctx context.Context, name string) (context.Context, error) {
				end, ok := ctx.Deadline()
				if !ok {
					t.Errorf("%s is asked without an end", name)
				}
				mu.Lock()
				defer mu.Unlock()
				ends = append(ends, end)
				return ctx, nil
			}}
		}
	})
	record := "v=spf1"
	for i := range 8 {
		record += fmt.Sprintf(" include:i%d.client.example", i)
		if err := d.dns.Set(fmt.Sprintf("i%d.client.example", i), testkit.TXT("v=spf1 ip4:192.0.2.1 ?all")); err != nil {
			t.Fatal(err)
		}
	}
	if err := d.dns.Set("client.example", testkit.TXT(record+" ip4:127.0.0.0/8 -all")); err != nil {
		t.Fatal(err)
	}
	jean := d.jean()
	began := time.Now()
	mail := jean.mail(generic, "Une question", "Bonjour\n")
	for i := range 20 {
		mail = fmt.Sprintf("DKIM-Signature: v=1; a=rsa-sha256; d=client.example; s=s%d; h=from:to; bh=47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=; b=AAAA\n%s", i, mail)
	}
	if err := jean.posts([]string{generic}, mail); err != nil {
		t.Fatal(err)
	}
	jean.reads()
	mu.Lock()
	defer mu.Unlock()
	if len(ends) < 14 { // SPF and its includes, five signatures
		t.Errorf("%d questions", len(ends))
	}
	slices.SortFunc(ends, time.Time.Compare)
	if last := ends[len(ends)-1]; !last.Equal(ends[0]) || last.After(time.Now().Add(15*time.Second)) || last.Before(began) {
		t.Errorf("from %v to %v after the beginning", ends[0].Sub(began), last.Sub(began))
	}
}

// While forty mails wait for a name server that is dead, those of others come in,
// are acknowledged and answered.
func TestOthersGoOnWhileNamesAreDead(t *testing.T) {
	t.Parallel()
	var g *gate
	d := newDeskWith(t, nil, func(d *desk) { g = d.gated("dead.example") })
	var waiting sync.WaitGroup
	for i := range 40 {
		waiting.Go(func() {
			p := d.person("", fmt.Sprintf("p%d@dead.example", i))
			if err := p.posts([]string{generic}, p.mail(generic, "Une question", fmt.Sprintf("Numéro %d.\n", i))); err != nil {
				t.Error(err)
			}
		})
	}
	for range 40 {
		<-g.asked
	}
	jean, anne := d.jean(), d.anne()
	for i := range 5 {
		jean.writes(generic, "Une question", fmt.Sprintf("La %d.\n", i))
		jean.reads()
	}
	anne.answers(anne.reads(), "Voici.\n")
	jean.reads()
	close(g.open)
	waiting.Wait()
	d.drained()
	if d.tickets() != 45 {
		t.Errorf("%d tickets, want 45", d.tickets())
	}
}

// The name server goes and comes back in the middle of a mail, at each of its
// questions: nobody is refused because of what was not answered, nobody without
// proof is acknowledged, and nothing goes out twice.
func TestNamesComeAndGoWithinAMail(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	asked, failed := 0, map[string]bool{}
	fails := func(int) bool { return false }
	d := newDeskWith(t, func(config string) string {
		return config + "\n[auth]\ndmarc = \"enforce\"\n[acknowledge]\nper_domain = \"\"\n"
	}, func(d *desk) {
		d.resolver = func(r server.Resolver) server.Resolver {
			return watched{r, func(ctx context.Context, name string) (context.Context, error) {
				mu.Lock()
				defer mu.Unlock()
				if asked++; !fails(asked - 1) {
					return ctx, nil
				}
				failed[name] = true
				return ctx, &net.DNSError{Err: "server misbehaving", Name: name, IsTemporary: true}
			}}
		}
	})
	n := 0
	post := func(domain string, fail func(int) bool) (acknowledged bool, questions int, unanswered map[string]bool, err error) {
		n++
		d.later(time.Minute)
		mu.Lock()
		asked, failed, fails = 0, map[string]bool{}, fail
		mu.Unlock()
		p := d.person("", fmt.Sprintf("p%d@%s", n, domain))
		err = p.posts([]string{generic}, p.mail(generic, "Une question", fmt.Sprintf("Numéro %d.\n", n)))
		d.drained()
		mu.Lock()
		defer mu.Unlock()
		return len(p.mailbox()) > 0, asked, failed, err
	}
	for _, domain := range []string{"client.example", "strict.example"} {
		ack, questions, _, err := post(domain, func(int) bool { return false })
		if ack != (domain == "client.example") || refused(err, 550, "5.7.26") != !ack {
			t.Fatalf("%s in good times: acknowledged %v, %v", domain, ack, err)
		}
		for k := range questions {
			for name, fail := range map[string]func(int) bool{
				"only": func(i int) bool { return i == k }, "from": func(i int) bool { return i >= k }, "until": func(i int) bool { return i <= k },
			} {
				ack, _, unanswered, err := post(domain, fail)
				spf, dmarc := unanswered[domain+"."], unanswered["_dmarc."+domain+"."]
				if err != nil && (domain == "client.example" || spf || dmarc) {
					t.Errorf("%s, %s question %d fails (%v): %v", domain, name, k, unanswered, err)
				}
				if ack != (domain == "client.example" && !spf) {
					t.Errorf("%s, %s question %d fails (%v): acknowledged %v", domain, name, k, unanswered, ack)
				}
			}
		}
		if questions < 2 {
			t.Errorf("%s: %d questions", domain, questions)
		}
	}
}

// Mail to a domain whose names can't be found out waits, and goes once when they
// can.
func TestMailWaitsForNames(t *testing.T) {
	t.Parallel()
	var bad atomic.Bool
	d := newDeskWith(t, nil, func(d *desk) {
		d.hasty(&bad)
		d.relay = func(o *relay.Options) {
			o.Dial = func(ctx context.Context, network, addr string) (net.Conn, error) {
				switch {
				case addr == "192.0.2.77:25":
					addr = d.customers.Addr
				case !strings.HasPrefix(addr, "127."):
					return nil, &net.OpError{Op: "dial", Net: network, Err: fmt.Errorf("no route to host")}
				}
				return new(net.Dialer).DialContext(ctx, network, addr)
			}
		}
	})
	for name, record := range map[string]string{"far.example": "MX 10 mx.far.example.", "mx.far.example": "A 192.0.2.77"} {
		if err := d.dns.Set(name, testkit.TXT("v=spf1 ip4:127.0.0.0/8 -all"), record); err != nil {
			t.Fatal(err)
		}
	}
	later := testkit.Script{testkit.AtMAIL: {Reply: "421 4.3.2 not now", Drop: true}} // no connection is kept for the next attempt
	for i, x := range dnsTroubles {
		if x.truth || x.mode == testkit.DNSNXDomain || x.mode == testkit.DNSLoop { // aliases without an address at their end are an answer, too
			continue
		}
		d.customers.SetScript(later)
		p := d.person("", fmt.Sprintf("p%d@far.example", i))
		p.writes(generic, "Une question", fmt.Sprintf("Numéro %d.\n", i))
		d.until("tried", d.tried)
		d.dns.SetMode(".", x.mode)
		bad.Store(true)
		d.later(time.Hour)
		d.srv.Relay.Wake()
		d.until("tried again", func() bool { return d.attempts(p.address) > 1 })
		d.dns.SetMode(".", testkit.DNSNormal)
		bad.Store(false)
		d.customers.SetScript(nil)
		d.later(time.Hour)
		d.srv.Relay.Wake()
		d.drained()
		if got := len(p.mailbox()); got != 1 {
			t.Errorf("%s: %d acknowledgements", x.name, got)
		}
	}
	for _, row := range d.outbox() {
		if row.State != store.Delivered {
			t.Errorf("%s to %s is %s: %s", row.Purpose, row.To, row.State, row.Text)
		}
	}
}

// attempts is how often mail to an address was tried.
func (d *desk) attempts(to string) (n int) {
	for _, row := range d.outbox() {
		if row.To.String() == to {
			n += row.Attempts
		}
	}
	return n
}
