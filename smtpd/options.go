package smtpd

import (
	"context"
	"crypto/tls"
	"log/slog"
	"net/netip"
	"time"
)

// Options is what a Server is made of. Handler is required; the rest has
// defaults.
type Options struct {
	Handler  Handler
	Policy   Policy       // the first one, see Server.SetPolicy
	Observer Observer     // nil: nobody counts
	Log      *slog.Logger // nil: no log
	SpoolDir string       // for mails larger than message.SpoolMemory; "" is the system's
	// SpoolBudget gives the bytes that mails being received may take at this
	// moment, beside those that they have in SpoolDir: free space less what must
	// stay free. It is asked while they arrive, and must be quick; past it the
	// reply is 452 4.3.1. nil is no limit.
	SpoolBudget func() int64
	Timeouts    Timeouts // zero fields get the defaults

	// Now is the clock of rates, limits and places; nil is time.Now. The deadlines of
	// connections are the kernel's and follow the real clock.
	Now func() time.Time
	// Sleep waits for d or until ctx ends; nil waits by the real clock. It is
	// used to slow down guessers of passwords.
	Sleep func(ctx context.Context, d time.Duration)
}

// Policy is what a reload may change. A transaction keeps the policy that it
// began with; the next one takes the new policy.
type Policy struct {
	Hostname         string // for the greeting and for "<postmaster>"
	MessageSize      int64  // bytes; 0 is 35 MB
	Recipients       int    // per transaction; 0 is 100
	Connections      int    // in all; 0 is 1000
	ConnectionsPerIP int    // per IPv4 address or IPv6 /64, and eight times as many per /48; 0 is 20
	MessagesPerIP    Rate   // likewise, and 1 MB of mail for each; the zero Rate is no limit
	TrustedNetworks  []netip.Prefix
	Frontends        []netip.Prefix
	FrontendUnix     bool // peers on a unix socket are frontends

	// GetCertificate gives the certificate. nil: no TLS, and so no AUTH.
	GetCertificate func(*tls.ClientHelloInfo) (*tls.Certificate, error)
}

// Rate is N per period.
type Rate struct {
	N   int
	Per time.Duration
}

// Timeouts bound the time of a connection.
type Timeouts struct {
	Command    time.Duration // for a whole command line, RFC 5321 §4.5.3.2.7: 5 min
	Overload   time.Duration // the same while 4/5 of the connections are in use: 10 s
	Data       time.Duration // between two reads of DATA: 3 min
	DataTotal  time.Duration // for a whole DATA: 1 h
	Yield      time.Duration // kept waiting for longer, a connection may lose its place to a newcomer: 1 s
	Session    time.Duration // for a connection, between transactions: 2 h
	Handshake  time.Duration // for TLS: 30 s
	Write      time.Duration // for a reply: 1 min
	Linger     time.Duration // for a last reply to arrive before we close: 1 s
	RateWindow time.Duration // in each of which DATA must bring MinRate: 5 min
	MinRate    int64         // bytes per second, 128; negative is none
}

// The verdicts of a mail, for Observer.Mail.
const (
	VerdictAccepted = "accepted" // 2xx: durable
	VerdictRefused  = "refused"  // 5xx
	VerdictDeferred = "deferred" // 4xx
	VerdictAborted  = "aborted"  // the client was gone before the end of data
)

// Observer counts. Its methods are called from many goroutines and must not
// block.
type Observer interface {
	// Session is called once for each connection that gets a greeting.
	Session(k Kind)
	// AuthFailure is called for each refused login.
	AuthFailure(k Kind)
	// Mail is called for each DATA, and for each of its recipients over LMTP,
	// with one of the verdicts.
	Mail(k Kind, verdict string)
}

type noObserver struct{}

func (noObserver) Session(Kind)      {}
func (noObserver) AuthFailure(Kind)  {}
func (noObserver) Mail(Kind, string) {}

// withDefaults fills in what was left out.
func (o Options) withDefaults() Options {
	if o.Observer == nil {
		o.Observer = noObserver{}
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Sleep == nil {
		o.Sleep = sleep
	}
	o.Policy = o.Policy.withDefaults()
	o.Timeouts = o.Timeouts.withDefaults()
	return o
}

func (p Policy) withDefaults() Policy {
	if p.Hostname == "" {
		p.Hostname = "localhost"
	}
	setDefault(&p.MessageSize, 35<<20)
	setDefault(&p.Recipients, 100)
	setDefault(&p.Connections, 1000)
	setDefault(&p.ConnectionsPerIP, 20)
	return p
}

func (t Timeouts) withDefaults() Timeouts {
	setDefault(&t.Command, 5*time.Minute)
	setDefault(&t.Overload, 10*time.Second)
	setDefault(&t.Yield, time.Second)
	setDefault(&t.Data, 3*time.Minute)
	setDefault(&t.DataTotal, time.Hour)
	setDefault(&t.Session, 2*time.Hour)
	setDefault(&t.Handshake, 30*time.Second)
	setDefault(&t.Write, time.Minute)
	setDefault(&t.Linger, time.Second)
	setDefault(&t.RateWindow, 5*time.Minute)
	setDefault(&t.MinRate, 128)
	return t
}

func setDefault[T comparable](p *T, v T) {
	var zero T
	if *p == zero {
		*p = v
	}
}

// sleep waits by the real clock.
func sleep(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}
