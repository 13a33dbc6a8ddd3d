package relay

import (
	"context"
	"errors"
	"iter"
	"net"
	"net/netip"
	"strings"

	"postdesk/store"
)

// hop is where a row goes next. Rows of one hop share connections.
type hop struct {
	kind hopKind
	name string // the domain, or host:port
}

type hopKind byte

const (
	byMX hopKind = iota
	byRoute
	bySmarthost
)

func (h hop) String() string { return h.name }

// hopOf says where a row goes under a policy: the domain's own route, else the
// smarthost, else the domain's MX.
func (p *activePolicy) hopOf(row *store.Outgoing) hop {
	domain := row.To.Domain
	if to := p.Relay.Routes[domain]; to != "" {
		return hop{byRoute, to}
	}
	if p.Relay.Smarthost != "" {
		return hop{bySmarthost, p.Relay.Smarthost}
	}
	return hop{byMX, domain}
}

// candidates gives the servers of a hop, best first. A failure alone says that
// there is none at all, or none of that name.
func (r *Relay) candidates(ctx context.Context, h hop, p *activePolicy) iter.Seq2[server, *failure] {
	if h.kind != byMX {
		return r.fixedServers(ctx, h, p)
	}
	if strings.HasPrefix(h.name, "[") {
		return oneFailure(localFailure(550, "5.1.2", "mail to address literals is not relayed"))
	}
	hosts, f := r.lookupMX(ctx, h.name, p.Hostname)
	if f != nil {
		return oneFailure(f)
	}
	if hosts[0] == h.name && len(hosts) == 1 {
		// Nobody answers for the name at all: it does not exist, or takes no mail.
		if _, f := r.lookupHost(ctx, h.name); f != nil && f.enhanced == "4.4.4" {
			return oneFailure(localFailure(550, "5.1.2", "the domain "+h.name+" does not exist or takes no mail"))
		}
	}
	security := opportunistic
	if p.Relay.TLSRequired {
		security = verified
	}
	sts := r.sts.policy(ctx, h.name)
	if sts.enforced() {
		security = verified
		if hosts = sts.allowed(hosts); len(hosts) == 0 {
			f := localFailure(451, "4.7.5", "no MX of "+h.name+" is in its MTA-STS policy")
			return oneFailure(f)
		}
	}
	return r.servers(ctx, hosts, security)
}

func oneFailure(f *failure) iter.Seq2[server, *failure] {
	return func(yield func(server, *failure) bool) { yield(server{}, f) }
}

// fixedServers are the addresses of a host that the admin named.
func (r *Relay) fixedServers(ctx context.Context, h hop, p *activePolicy) iter.Seq2[server, *failure] {
	return func(yield func(server, *failure) bool) {
		host, port, err := splitHostPort(h.name)
		if err != nil {
			f := localFailure(451, "4.3.5", err.Error())
			yield(server{}, f)
			return
		}
		addrs, f := r.lookupFixed(ctx, host)
		if f != nil {
			yield(server{}, f)
			return
		}
		for i, ip := range addrs {
			if i == maxAddresses || !yield(fixedServer(h, p, host, net.JoinHostPort(ip.String(), port)), nil) {
				return
			}
		}
	}
}

// fixedServer says how a named host is talked to. With a password, a server
// elsewhere must show that it is the one that was named.
func fixedServer(h hop, p *activePolicy, host, addr string) server {
	s := server{host: host, addr: addr, implicit: strings.HasSuffix(addr, ":465")}
	if h.kind == bySmarthost && p.Relay.Username != "" {
		s.username, s.password = p.Relay.Username, p.Relay.Password
	}
	if p.Relay.TLSRequired || s.username != "" && !isLoopback(addr) {
		s.security = verified
	}
	return s
}

func (r *Relay) lookupFixed(ctx context.Context, host string) ([]netip.Addr, *failure) {
	if ip, err := netip.ParseAddr(host); err == nil {
		return []netip.Addr{ip}, nil
	}
	ctx, cancel := context.WithTimeout(ctx, lookupTimeout)
	defer cancel()
	// No final dot: it is the admin's word, which may be a name of the local
	// network or of /etc/hosts.
	list, err := r.opts.Resolver.LookupNetIP(ctx, "ip", host)
	if err != nil || len(list) == 0 {
		if err == nil {
			err = errors.New("no address")
		}
		return nil, dnsFailure(host, err)
	}
	for i := range list {
		list[i] = list[i].Unmap()
	}
	return byTurns(list), nil
}

// splitHostPort reads "host", "host:port", "[::1]:port" or "::1"; the port is
// 25 where there is none.
func splitHostPort(s string) (host, port string, err error) {
	host, port, err = net.SplitHostPort(s)
	if err != nil {
		host, port = strings.Trim(s, "[]"), "25"
		if strings.Contains(host, ":") {
			if _, err := netip.ParseAddr(host); err != nil {
				return "", "", errors.New("relay: " + s + " is not host:port")
			}
		}
	}
	if host == "" || port == "" {
		return "", "", errors.New("relay: " + s + " is not host:port")
	}
	return host, port, nil
}
