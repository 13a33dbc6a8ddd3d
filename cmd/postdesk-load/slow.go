package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"strings"

	"postdesk/internal/testkit/load"
)

// slow lets thousands of clients drip while a healthy one is served, and prints
// how that one fares. The flags -p99 (ms) and -memory (MB) make it an error when
// it fares worse.
func slow(ctx context.Context, args []string, out io.Writer) error {
	var o load.SlowOptions
	f := flag.NewFlagSet("slow", flag.ContinueOnError)
	f.StringVar(&o.Addr, "addr", "127.0.0.1:25", "the server's mx listener")
	f.StringVar(&o.To, "to", "", "a team's address")
	f.StringVar(&o.From, "from", "customer@client.example", "the healthy customers: a number is put before the @")
	f.IntVar(&o.Slow, "connections", 5000, "that drip")
	f.IntVar(&o.PerAddr, "per-address", 20, "of them from one address of 127.1.0.0/16")
	f.DurationVar(&o.Every, "every", 0, "between two bytes; 10s when zero")
	f.IntVar(&o.Mails, "mails", 300, "of the healthy client, a connection for each")
	f.DurationVar(&o.Between, "between", 0, "two of them; 100ms when zero")
	f.StringVar(&o.Metrics, "metrics", "", "URL of the server's metrics, to count its goroutines")
	dns := f.String("dns", "", "where to serve DNS for the customers' domain during the run, for the server's dns.resolver")
	pid := f.Int("pid", 0, "the server's process, to measure memory and descriptors")
	p99 := f.Float64("p99", 0, "what the healthy client's p99 may be, ms; 0 is anything")
	memory := f.Float64("memory", 0, "what the server may take, MB; 0 is anything")
	if f.Parse(args) != nil || o.To == "" {
		return errUsage
	}
	if *pid != 0 {
		o.Watch.PIDs = []int{*pid}
	}
	if *dns != "" {
		_, domain, _ := strings.Cut(o.From, "@")
		names, err := load.NewNames(*dns, domain, nil)
		if err != nil {
			return err
		}
		defer names.Close()
	}
	r, err := load.Slow(ctx, o)
	if err != nil {
		return err
	}
	if err := r.Print(out); err != nil {
		return err
	}
	return errors.Join(atMost("p99 of the healthy client, ms", float64(r.Percentile(0.99).Milliseconds()), *p99),
		atMost("memory, MB", float64(r.PeakPSS)/1e6, *memory), atMost("healthy mails lost", float64(r.Lost), 0.5))
}

func atMost(what string, got, limit float64) error {
	if limit > 0 && got > limit {
		return fmt.Errorf("%s: %.1f, more than %.1f", what, got, limit)
	}
	return nil
}
