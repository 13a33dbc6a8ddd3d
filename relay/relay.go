// Package relay is how mail goes out: it takes the due rows of the outbox,
// finds the servers that take them, signs and delivers them over SMTP, and
// records what the remote server said. DESIGN.md tells the states of a row and
// what a crash at any point means.
package relay

import (
	"context"
	"crypto/x509"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"postdesk/internal/config"
	"postdesk/store"
)

// Resolver is the part of net.Resolver that the relay asks.
type Resolver interface {
	LookupMX(ctx context.Context, name string) ([]*net.MX, error)
	LookupNetIP(ctx context.Context, network, host string) ([]netip.Addr, error)
	LookupTXT(ctx context.Context, name string) ([]string, error)
}

// Reports hears what became of a row. It is called inside the transaction that
// records the outcome, after the row was written, and must be pure: it may be
// called again. row.State is delivered or failed; or it is ready and
// row.Delayed was just set, once in a row's life: the mail is late.
type Reports interface {
	// Outcome writes what happened and what follows from it. When it fails or
	// panics, nothing of the transaction lasts, and Record is called instead.
	Outcome(tx store.Tx, row store.Outgoing, now time.Time) error
	// Record writes only that it happened. When it fails too, nothing is said of
	// the row.
	Record(tx store.Tx, row store.Outgoing, now time.Time) error
}

// Observer counts. Its methods may be called from several goroutines.
type Observer interface {
	// Delivery is one attempt for one recipient: "delivered", "deferred" or
	// "failed".
	Delivery(result string)
	// DeliverySeconds is the time from the birth of a row to its delivery.
	DeliverySeconds(d time.Duration)
}

// Policy is the part of the configuration that a reload may change.
type Policy struct {
	Hostname  string // HELO name, and what makes an MX our own
	Relay     config.Relay
	DKIM      []config.DKIM
	LateAfter time.Duration // the agent is told; 4 h when zero, measured like Relay.Expire
}

// Timeouts of a conversation, RFC 5321 §4.5.3.2. A zero field takes the
// default beside it.
type Timeouts struct {
	Dial     time.Duration // 30 s, per address
	Greeting time.Duration // 5 min
	Command  time.Duration // 5 min: EHLO, STARTTLS, AUTH, MAIL, RCPT, RSET
	Data     time.Duration // 2 min: the answer to DATA
	Block    time.Duration // 3 min: each block of the mail
	Dot      time.Duration // 10 min: the answer to the final dot
	Quit     time.Duration // 2 s
	Idle     time.Duration // 2 s: how long an idle connection waits for the next mail

	// All that comes before DATA, over all addresses of a destination.
	First time.Duration // 2 min: in a mail's first attempt, at a server that has not answered lately
	Later time.Duration // 10 min: in its other attempts
	Known time.Duration // 30 min: at a server that has, at a route and at the smarthost
}

// Options are what a relay needs. Store and Log must be set.
type Options struct {
	Store    store.Engine
	Resolver Resolver             // net.DefaultResolver when nil
	Now      func() time.Time     // time.Now when nil
	Elapsed  func() time.Duration // a clock that nobody sets; nil is Now's monotonic reading
	Log      *slog.Logger
	Reports  Reports  // may be nil
	Observer Observer // may be nil
	Policy   Policy
	Timeouts Timeouts

	Workers int            // connections at the same time, all together; 100 when zero
	RootCAs *x509.CertPool // the system's when nil
	// Dial opens connections; a net.Dialer when nil.
	Dial func(ctx context.Context, network, addr string) (net.Conn, error)
	// HTTP fetches MTA-STS policies; when nil, a client that follows no redirect
	// and has a time limit. Redirects are never followed.
	HTTP *http.Client
}

// Relay delivers the outbox.
type Relay struct {
	opts     Options
	sched    *scheduler
	sts      *stsCache
	prepared preparedCache

	wake     chan struct{}
	behind   atomic.Bool // rows that were due already were given back
	stopping chan struct{}
	stopOnce sync.Once
	finished chan struct{}
	hard     context.Context // ends when what is under way is to be broken off
	cut      context.CancelFunc

	mu     sync.RWMutex
	policy *activePolicy
	ran    bool // Run was called
	over   bool // Stop was called before it
}

// activePolicy is a Policy with its keys in order. It is never changed.
type activePolicy struct {
	Policy
	keys keyring
}

// New makes a relay that does nothing before Run.
func New(opts Options) *Relay {
	opts.setDefaults()
	r := &Relay{
		opts:     opts,
		sts:      newSTSCache(opts),
		wake:     make(chan struct{}, 1),
		stopping: make(chan struct{}),
		finished: make(chan struct{}),
	}
	r.hard, r.cut = context.WithCancel(context.Background())
	r.sched = newScheduler(opts.Workers)
	r.sched.start = func(w *worker) { go r.work(w) }
	r.SetPolicy(opts.Policy)
	return r
}

func (o *Options) setDefaults() {
	if o.Resolver == nil {
		o.Resolver = net.DefaultResolver
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Elapsed == nil {
		now, started := o.Now, o.Now()
		o.Elapsed = func() time.Duration { return now().Sub(started) }
	}
	if o.Workers <= 0 {
		o.Workers = 100
	}
	if o.Observer == nil {
		o.Observer = noObserver{}
	}
	o.Timeouts.setDefaults()
	if o.Dial == nil {
		o.Dial = new(net.Dialer).DialContext
	}
}

func (t *Timeouts) setDefaults() {
	set := func(field *time.Duration, d time.Duration) {
		if *field <= 0 {
			*field = d
		}
	}
	set(&t.Dial, 30*time.Second)
	set(&t.Greeting, 5*time.Minute)
	set(&t.Command, 5*time.Minute)
	set(&t.Data, 2*time.Minute)
	set(&t.Block, 3*time.Minute)
	set(&t.Dot, 10*time.Minute)
	set(&t.Quit, 2*time.Second)
	set(&t.Idle, 2*time.Second)
	set(&t.First, 2*time.Minute)
	set(&t.Later, 10*time.Minute)
	set(&t.Known, 30*time.Minute)
}

type noObserver struct{}

func (noObserver) Delivery(string)               {}
func (noObserver) DeliverySeconds(time.Duration) {}

// SetPolicy makes p count from the next attempt on. A signing key that is
// missing holds the mail of its domain in the queue.
func (r *Relay) SetPolicy(p Policy) {
	p.setDefaults()
	active := &activePolicy{Policy: p, keys: newKeyring(p.DKIM)}
	r.mu.Lock()
	r.policy = active
	r.mu.Unlock()
	r.sched.setPerHost(p.Relay.ConnectionsPerHost)
	r.Wake()
}

func (p *Policy) setDefaults() {
	if len(p.Relay.Retry) == 0 {
		p.Relay.Retry = []time.Duration{time.Minute, 5 * time.Minute, 15 * time.Minute, 30 * time.Minute, time.Hour}
	}
	if p.Relay.Expire <= 0 {
		p.Relay.Expire = 5 * 24 * time.Hour
	}
	if p.Relay.ConnectionsPerHost <= 0 {
		p.Relay.ConnectionsPerHost = 5
	}
	if p.LateAfter <= 0 {
		p.LateAfter = 4 * time.Hour
	}
	if p.Hostname == "" {
		p.Hostname = "localhost"
	}
}

func (r *Relay) active() *activePolicy {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.policy
}

// Wake tells the relay that the outbox has new rows, or that rows were made
// due. It never blocks.
func (r *Relay) Wake() {
	select {
	case r.wake <- struct{}{}:
	default:
	}
}
