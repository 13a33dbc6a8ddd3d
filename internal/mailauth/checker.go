package mailauth

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"runtime"
	"strings"
	"time"

	"postdesk/internal/addr"
	"postdesk/internal/message"
)

// Limits of one mail.
const (
	DefaultBudget    = 15 * time.Second // for all DNS of a mail and all its signatures
	MaxVerifications = 5                // signatures that are looked at
	maxQueries       = 150              // DNS lookups
)

// Resolver is what is used of *net.Resolver.
type Resolver interface {
	LookupTXT(ctx context.Context, name string) ([]string, error)
	LookupMX(ctx context.Context, name string) ([]*net.MX, error)
	LookupIPAddr(ctx context.Context, host string) ([]net.IPAddr, error)
	LookupAddr(ctx context.Context, addr string) ([]string, error)
}

// Options of a Checker. Zero values are the defaults.
type Options struct {
	Resolver Resolver         // default: the system's
	Now      func() time.Time // default: time.Now
	Workers  int              // mails whose signatures are verified at the same time; default: one per processor
	Budget   time.Duration    // default: DefaultBudget
}

// Checker checks mails. It may be used by many goroutines and has none of its
// own.
type Checker struct {
	resolver Resolver
	now      func() time.Time
	budget   time.Duration
	slots    chan struct{}
}

// New makes a Checker.
func New(o Options) *Checker {
	c := &Checker{resolver: o.Resolver, now: o.Now, budget: o.Budget}
	if c.resolver == nil {
		c.resolver = net.DefaultResolver
	}
	if c.now == nil {
		c.now = time.Now
	}
	if c.budget <= 0 {
		c.budget = DefaultBudget
	}
	if o.Workers <= 0 {
		o.Workers = runtime.GOMAXPROCS(0)
	}
	c.slots = make(chan struct{}, o.Workers)
	return c
}

// In is what is known of a mail before it is checked.
type In struct {
	RemoteIP netip.Addr   // invalid (a unix socket): no SPF
	Helo     string       // as given
	MailFrom addr.Address // zero is the null sender

	// Authors and FromFields are what (*message.Message).Authors returns.
	Authors    []addr.Mailbox
	FromFields int

	// Source is the finished mail as received: signatures are verified over
	// exactly these bytes.
	Source message.Source

	// Frontend says that the peer is an MTA in front of us: there is no SPF of
	// our own, and the mail's topmost Authentication-Results are believed when
	// they bear a name of TrustedAuthserv. From other peers they are ignored.
	Frontend        bool
	TrustedAuthserv []string
}

// Check finds out who sent a mail. It takes at most the budget of time; what
// could not be finished is TempError. It returns when all its work has ended.
func (c *Checker) Check(ctx context.Context, in In) Results {
	ctx, cancel := context.WithTimeout(ctx, c.budget)
	defer cancel()
	dns := newLookups(c.resolver)
	head := readHeader(in.Source)

	var r Results
	if in.Frontend {
		r = trusted(head.fields, in.TrustedAuthserv)
	}
	r.Author, r.AuthorFault = soleAuthor(in, head)
	spf := make(chan SPF, 1)
	go func() { spf <- c.checkSPF(ctx, dns, in) }() // ends with ctx at the latest, and is waited for below
	own, ignored := c.checkDKIM(ctx, dns, in.Source, head, r.Author.Domain)
	r.DKIM = append(own, r.DKIM...)
	r.DKIMIgnored = ignored
	if s := <-spf; r.SPF.By == "" {
		r.SPF = s
	}
	c.checkDMARC(ctx, dns, in, &r)
	return r
}

// soleAuthor is the one author of the one From field. RFC 5322 §3.6 wants one
// field, and a second one is a way to show another author than the signed one:
// a signature covers the lowest, clients show the topmost. The fields are
// counted in the bytes too, so that a reader's tolerance can't hide one.
func soleAuthor(in In, h header) (addr.Address, string) {
	switch n := max(in.FromFields, h.count("from")); {
	case h.incomplete:
		return addr.Address{}, h.tooLarge
	case n == 0:
		return addr.Address{}, "no From field"
	case n > 1:
		return addr.Address{}, fmt.Sprintf("%d From fields", n)
	case len(in.Authors) == 0:
		return addr.Address{}, "no address in From"
	case len(in.Authors) > 1:
		return addr.Address{}, fmt.Sprintf("%d addresses in From", len(in.Authors))
	}
	a := in.Authors[0].Address
	if a.Local == "" || a.Domain == "" {
		return addr.Address{}, "no usable address in From"
	}
	a.Domain = strings.ToLower(a.Domain)
	return a, ""
}
