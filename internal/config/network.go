package config

import (
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"

	"github.com/pelletier/go-toml/v2/unstable"

	"postdesk/internal/addr"
)

// needed is parsed for a key that must be there.
func needed[T any](t *table, key, example string, parse func(string) (T, error)) T {
	var none T
	s := t.needed(key, example)
	if s == "" {
		return none
	}
	v, err := parse(s)
	if err != nil {
		t.fail(key, "%v", err)
	}
	return v
}

func parseAddress(s string) (addr.Address, error) {
	a, err := addr.Parse(s)
	if err != nil {
		return addr.Address{}, fmt.Errorf(`%q is not an address (%w); want one as "name@example.com"`, s, err)
	}
	if strings.HasPrefix(a.Domain, "[") {
		return addr.Address{}, fmt.Errorf(`%q has no domain; want one as "name@example.com"`, s)
	}
	return a, nil
}

func parseDomain(s string) (string, error) {
	d, err := addr.ParseDomain(s)
	if err != nil || strings.HasPrefix(d, "[") {
		return "", fmt.Errorf(`%q is not a domain name; want one as "mx.example.com"`, s)
	}
	return d, nil
}

func parseAuthserv(s string) (string, error) {
	if strings.ContainsAny(s, " \t;\"()<>@,") {
		return "", fmt.Errorf(`%q is not an authserv-id; want the first word of Authentication-Results, as "mx.example.com"`, s)
	}
	return strings.ToLower(s), nil
}

// parseNetwork reads an IP address or a CIDR prefix. A prefix of the whole
// internet is refused: it would trust everyone.
func parseNetwork(s string) (netip.Prefix, error) {
	wrong := fmt.Errorf(`%q is not a network; want an IP address or a prefix, as "192.0.2.7" or "192.0.2.0/24"`, s)
	if ip, err := netip.ParseAddr(s); err == nil {
		if ip.Zone() != "" {
			return netip.Prefix{}, wrong
		}
		ip = ip.Unmap()
		return netip.PrefixFrom(ip, ip.BitLen()), nil
	}
	p, err := netip.ParsePrefix(s)
	if err != nil {
		return netip.Prefix{}, wrong
	}
	if p.Bits() == 0 {
		return netip.Prefix{}, fmt.Errorf(`%q is everyone; want only the networks of your own servers`, s)
	}
	if p != p.Masked() {
		return netip.Prefix{}, fmt.Errorf("%q has bits after the prefix; want %q", s, p.Masked())
	}
	return p, nil
}

// frontends reads addresses, prefixes and "unix".
func (r *reader) frontends(t *table) Frontends {
	var f Frontends
	f.Networks = parsedList(t, "frontends", nil, func(s string) (netip.Prefix, error) {
		if s == "unix" {
			f.Unix = true
			return netip.Prefix{}, nil
		}
		return parseNetwork(s)
	})
	networks := f.Networks[:0]
	for _, p := range f.Networks {
		if p.IsValid() { // "unix" left an invalid one
			networks = append(networks, p)
		}
	}
	f.Networks = networks
	return f
}

// parseListen reads "host:port" and ":port", for an IP address or a name.
func parseListen(s string) (string, error) {
	host, port, err := net.SplitHostPort(s)
	if err == nil && host != "" && net.ParseIP(host) == nil {
		_, err = addr.ParseDomain(host)
	}
	if err != nil || !isPort(port, 0) {
		return "", fmt.Errorf(`%q is not an address to listen on; want "ip:port", as "0.0.0.0:25" or "[::]:25"`, s)
	}
	return s, nil
}

func parseListenOrUnix(s string) (string, error) {
	if strings.HasPrefix(s, "unix:") {
		return parseUnix(s)
	}
	if _, err := parseListen(s); err != nil {
		return "", fmt.Errorf(`%q is not an address to listen on; want "ip:port" or "unix:/path"`, s)
	}
	return s, nil
}

// parseUnix reads "unix:/path". A path above 107 bytes is one that the kernel
// refuses (sun_path in unix(7)).
func parseUnix(s string) (string, error) {
	path, ok := strings.CutPrefix(s, "unix:")
	if !ok || path == "" {
		return "", fmt.Errorf(`%q is not a socket; want "unix:/path"`, s)
	}
	if len(path) > 107 {
		return "", fmt.Errorf("a socket's path has at most 107 bytes; this one has %d", len(path))
	}
	return s, nil
}

func isPort(s string, lowest uint64) bool {
	n, err := strconv.ParseUint(s, 10, 16)
	return err == nil && n >= lowest
}

// parseHostPort reads where to connect to: "host:port", with an IP address or a
// domain name.
func parseHostPort(s string) (string, error) {
	host, port, err := net.SplitHostPort(s)
	if err == nil && net.ParseIP(host) == nil {
		host, err = parseDomain(host)
	}
	if err != nil || !isPort(port, 1) {
		return "", fmt.Errorf(`%q is not host and port; want them as "smtp.example.com:587"`, s)
	}
	return net.JoinHostPort(host, port), nil
}

func parseResolver(s string) (string, error) {
	if s == "" {
		return "", nil
	}
	a, err := netip.ParseAddrPort(s)
	if err != nil || a.Port() == 0 {
		return "", fmt.Errorf(`%q is not address and port of a resolver; want them as "127.0.0.53:53", or "" for the system's`, s)
	}
	return s, nil
}

// parseFilter reads where a milter is: "unix:/path" or "inet:host:port".
func parseFilter(s string) (string, error) {
	wrong := fmt.Errorf(`%q is not a milter; want "unix:/path" or "inet:host:port"`, s)
	if path, ok := strings.CutPrefix(s, "unix:"); ok && path != "" {
		return s, nil
	}
	where, ok := strings.CutPrefix(s, "inet:")
	if !ok {
		return "", wrong
	}
	if _, err := parseHostPort(where); err != nil {
		return "", wrong
	}
	return s, nil
}

func (r *reader) listen(t *table) Listen {
	l := Listen{
		MX:          parsedList(t, "mx", []string{"0.0.0.0:25"}, parseListen),
		Submission:  parsedList(t, "submission", []string{"0.0.0.0:587"}, parseListen),
		Submissions: parsedList(t, "submissions", []string{"0.0.0.0:465"}, parseListen),
		LMTP:        parsedList(t, "lmtp", nil, parseListenOrUnix),
		HTTP:        parsedList(t, "http", []string{"127.0.0.1:9090"}, parseListen),
		ACME:        parsedList(t, "acme", nil, parseListen),
	}
	l.Admin = parsed(t, "admin", defaultAdmin, func(s string) (string, error) {
		if s == "" {
			return "", nil // off: the commands then need the server to be stopped
		}
		return parseUnix(s)
	})
	t.done()
	t.noneTwice()
	return l
}

// noneTwice reports an address that two listeners want. Port 0 is a free one.
func (t *table) noneTwice() {
	seen := map[string]string{}
	for _, key := range []string{"mx", "submission", "submissions", "lmtp", "http", "acme", "admin"} {
		v := t.entries[key]
		if v == nil {
			continue
		}
		for _, e := range append([]*value{v}, v.list...) {
			if e.kind != unstable.String || e.text == "" || strings.HasSuffix(e.text, ":0") {
				continue
			}
			if other := seen[e.text]; other != "" {
				t.failAt(e.line, key, "%q is taken by listen.%s; want another port", e.text, other)
			}
			seen[e.text] = key
		}
	}
}

func (r *reader) resolver(t *table) string {
	defer t.done()
	return parsed(t, "resolver", "", parseResolver)
}
