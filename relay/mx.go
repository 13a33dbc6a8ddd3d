package relay

import (
	"cmp"
	"context"
	"errors"
	"iter"
	"math/rand/v2"
	"net"
	"net/netip"
	"slices"
	"strings"
	"time"
)

const (
	lookupTimeout = 15 * time.Second
	maxMXHosts    = 10 // hosts of a domain that are asked for addresses
	maxAddresses  = 8  // addresses that are tried in one attempt
)

// lookupMX finds the hosts that take a domain's mail, best first, RFC 5321
// §5.1. Hosts of equal preference come in random order.
func (r *Relay) lookupMX(ctx context.Context, domain, hostname string) ([]string, *failure) {
	ctx, cancel := context.WithTimeout(ctx, lookupTimeout)
	defer cancel()
	// The final dot keeps the system's search list out.
	list, err := r.opts.Resolver.LookupMX(ctx, domain+".")
	if len(list) == 0 {
		if err == nil || isNotFound(err) {
			return []string{domain}, nil // the implicit MX
		}
		return nil, dnsFailure(domain, err)
	}
	if len(list) == 1 && trimDot(list[0].Host) == "" {
		// Null MX, RFC 7505.
		return nil, localFailure(556, "5.1.10", "the domain "+domain+" accepts no mail")
	}
	list = slices.Clone(list)
	rand.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
	slices.SortStableFunc(list, func(a, b *net.MX) int { return cmp.Compare(a.Pref, b.Pref) })
	hosts := beforeOurselves(list, hostname)
	if len(hosts) == 0 {
		return nil, localFailure(554, "5.4.6", "the best MX of "+domain+" is this server itself")
	}
	return hosts[:min(len(hosts), maxMXHosts)], nil
}

// beforeOurselves leaves the hosts that are better than ours, if we are one of
// them: passing mail on to an equal or worse one would make a loop, RFC 5321
// §5.1.
func beforeOurselves(list []*net.MX, hostname string) (hosts []string) {
	limit := -1
	for _, mx := range list {
		if strings.EqualFold(trimDot(mx.Host), trimDot(hostname)) {
			limit = int(mx.Pref)
			break
		}
	}
	for _, mx := range list {
		if h := strings.ToLower(trimDot(mx.Host)); h != "" && (limit < 0 || int(mx.Pref) < limit) {
			hosts = append(hosts, h)
		}
	}
	return hosts
}

func trimDot(s string) string { return strings.TrimSuffix(s, ".") }

func isNotFound(err error) bool {
	var e *net.DNSError
	return errors.As(err, &e) && e.IsNotFound
}

func dnsFailure(name string, err error) *failure {
	f := localFailure(451, "4.4.3", "DNS lookup of "+name+": "+err.Error())
	f.err, f.stage = err, "DNS"
	return f
}

// servers gives the addresses of hosts in the order in which they are to be
// tried; an address is looked up when its turn comes. The failure beside an
// empty server says why a host has none.
func (r *Relay) servers(ctx context.Context, hosts []string, security security) iter.Seq2[server, *failure] {
	return func(yield func(server, *failure) bool) {
		tried := 0
		for _, host := range hosts {
			addrs, f := r.lookupHost(ctx, host)
			if f != nil && !yield(server{}, f) {
				return
			}
			for _, ip := range addrs {
				if tried++; tried > maxAddresses {
					return
				}
				s := server{host: host, addr: netip.AddrPortFrom(ip, 25).String(), security: security}
				if !yield(s, nil) {
					return
				}
			}
		}
	}
}

// lookupHost finds the addresses of a mail host, IPv6 and IPv4 by turns.
func (r *Relay) lookupHost(ctx context.Context, host string) ([]netip.Addr, *failure) {
	ctx, cancel := context.WithTimeout(ctx, lookupTimeout)
	defer cancel()
	list, err := r.opts.Resolver.LookupNetIP(ctx, "ip", host+".")
	if len(list) == 0 {
		if err == nil || isNotFound(err) {
			f := localFailure(451, "4.4.4", "the host "+host+" has no address")
			return nil, f
		}
		return nil, dnsFailure(host, err)
	}
	usable := list[:0:0]
	for _, ip := range list {
		ip = ip.Unmap()
		if !ip.IsLoopback() && !ip.IsUnspecified() && !ip.IsMulticast() {
			usable = append(usable, ip)
		}
	}
	if len(usable) == 0 {
		// A mail host on our own loopback is ourselves, or a trap.
		return nil, localFailure(554, "5.4.6", "the mail host "+host+" has only addresses of this machine itself")
	}
	return byTurns(usable), nil
}

func byTurns(list []netip.Addr) []netip.Addr {
	rand.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
	var six, four, out []netip.Addr
	for _, ip := range list {
		if ip.Is6() {
			six = append(six, ip)
		} else {
			four = append(four, ip)
		}
	}
	for len(six)+len(four) > 0 {
		if len(six) > 0 {
			out, six = append(out, six[0]), six[1:]
		}
		if len(four) > 0 {
			out, four = append(out, four[0]), four[1:]
		}
	}
	return out
}
