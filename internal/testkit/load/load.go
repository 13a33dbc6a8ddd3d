// Package load drives a running postdesk over SMTP on loopback, receives what
// it sends out, and proves afterwards that nothing was lost or doubled: every
// mail that got a 250 is kept once, belongs to a ticket once, and went out;
// every mail that was refused is nowhere.
package load

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"time"
)

// Options say what is sent and how. Addr or Command is required.
type Options struct {
	Addr        string   // the server's MX, host:port on loopback
	Command     []string // instead of SMTP: a program that gets each mail on its standard input, with \n as line end
	Mails       int      // 100 when zero
	Connections int      // at the same time; 1 when zero
	Size        int      // bytes of the text of a mail; 4096 when zero
	Single      bool     // a connection for each mail
	From        string   // the customers are local part + number @ domain; "customer@client.example" when empty
	To          string   // a team's address
	Key         *Key     // signs the mails when not nil

	// Sinks receive what the server sends out. PerMail is how many mails out
	// one mail in should cause (2: an acknowledgement and one copy); the run is
	// over when all have come, or when none came for Quiet (10 s when zero).
	Sinks   []*Sink
	PerMail int
	Quiet   time.Duration
	Limit   time.Duration // of the whole run; 5 min when zero

	Watch Watched // whose CPU time and memory are measured
}

// Run sends all mails and waits for what goes out because of them. The error is
// about the run itself; what the server did is in the Report and is judged by
// Check.
func Run(ctx context.Context, o Options) (*Report, error) {
	if err := o.fill(); err != nil {
		return nil, err
	}
	letters, err := compose(o)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, o.Limit)
	defer cancel()
	meter := startMeter(o.Watch)
	start := time.Now()
	sent := drive(ctx, o, letters)
	end := time.Now()
	drained, missing := drain(ctx, o, sent)
	r := &Report{Sent: sent, Accepting: end.Sub(start), Missing: missing}
	for _, s := range o.Sinks {
		r.Arrived = append(r.Arrived, s.Arrivals()...)
	}
	if !drained.IsZero() {
		r.Draining = drained.Sub(start)
	}
	cpu, peak := meter.stop()
	r.CPU, r.PeakPSS, r.PeakAnon = cpu, peak.pss, peak.anonymous
	return r, nil
}

func (o *Options) fill() error {
	if len(o.Command) == 0 {
		if err := Loopback(o.Addr); err != nil {
			return err
		}
	}
	if o.To == "" {
		return errors.New("the address of a team is missing")
	}
	set := func(n *int, to int) {
		if *n <= 0 {
			*n = to
		}
	}
	set(&o.Mails, 100)
	set(&o.Connections, 1)
	set(&o.Size, 4096)
	if o.From == "" {
		o.From = "customer@client.example"
	}
	if o.Quiet <= 0 {
		o.Quiet = 10 * time.Second
	}
	if o.Limit <= 0 {
		o.Limit = 5 * time.Minute
	}
	return nil
}

// Loopback refuses every address that is not this machine's own: a load test
// must never reach a stranger's server.
func Loopback(addr string) error {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return fmt.Errorf("%q: want host:port: %w", addr, err)
	}
	ip, err := netip.ParseAddr(host)
	if err != nil || !ip.IsLoopback() {
		return fmt.Errorf("%q: only loopback addresses (127.0.0.0/8, ::1) are allowed", addr)
	}
	return nil
}

// drain waits until the sinks have what they should get. It returns when the
// last of it came, and how many mails did not.
func drain(ctx context.Context, o Options, sent []Entry) (last time.Time, missing int) {
	if len(o.Sinks) == 0 {
		return last, 0
	}
	want := 0
	for i := range sent {
		if sent[i].Accepted() {
			want += o.PerMail
		}
	}
	began := time.Now()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		have := 0
		for _, s := range o.Sinks {
			n, at := s.progress()
			have += n
			if at.After(last) {
				last = at
			}
		}
		quiet := began
		if last.After(quiet) {
			quiet = last
		}
		missing = max(want-have, 0)
		if o.PerMail > 0 && missing == 0 || time.Since(quiet) > o.Quiet {
			return last, missing
		}
		select {
		case <-ctx.Done():
			return last, missing
		case <-tick.C:
		}
	}
}
