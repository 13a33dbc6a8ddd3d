package relay

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"postdesk/internal/message"
)

// Bounds of MTA-STS, RFC 8461.
const (
	stsFetchTimeout = 20 * time.Second
	stsMaxPolicy    = 64 << 10         // octets of a policy, §3.2
	stsMaxAge       = 31557600         // seconds, §3.2
	stsMaxHosts     = 100              // mx lines that are kept
	stsNegative     = 10 * time.Minute // how long "no policy" is believed
	stsRefresh      = 24 * time.Hour   // a policy is asked for again after this, §3.3
	stsMaxDomains   = 10000            // domains that are remembered
)

// stsPolicy is a domain's policy, RFC 8461 §3.2.
type stsPolicy struct {
	id      string
	mode    string // enforce, testing or none
	mx      []string
	maxAge  time.Duration
	fetched time.Time
}

// enforced says whether mail may only go to listed hosts with a certificate
// for their name. A nil policy does not.
func (p *stsPolicy) enforced() bool { return p != nil && p.mode == "enforce" }

// allowed leaves the hosts that a pattern of the policy matches, RFC 8461 §4.1.
func (p *stsPolicy) allowed(hosts []string) (list []string) {
	for _, h := range hosts {
		if p.matches(h) {
			list = append(list, h)
		}
	}
	return list
}

// matches compares a host with the patterns. "*." stands for exactly one label.
func (p *stsPolicy) matches(host string) bool {
	host = strings.ToLower(trimDot(host))
	_, parent, _ := strings.Cut(host, ".")
	for _, pattern := range p.mx {
		if suffix, wild := strings.CutPrefix(pattern, "*."); wild && suffix == parent || pattern == host {
			return true
		}
	}
	return false
}

var errSTS = errors.New("MTA-STS policy")

// parseSTSPolicy reads a policy file, RFC 8461 §3.2.
func parseSTSPolicy(text string) (*stsPolicy, error) {
	p := &stsPolicy{}
	version := ""
	seen := make(map[string]bool)
	for line := range strings.SplitSeq(text, "\n") {
		key, value, ok := strings.Cut(line, ":")
		key, value = strings.TrimSpace(key), strings.TrimSpace(value)
		if !ok || key != "mx" && seen[key] {
			continue // §3.2: the first of several counts
		}
		seen[key] = true
		switch key {
		case "version":
			version = value
		case "mode":
			p.mode = value
		case "max_age":
			n, err := strconv.ParseUint(value, 10, 64)
			if err != nil {
				return nil, fmt.Errorf("%w: max_age %q", errSTS, message.Clean(value, maxAnswerText))
			}
			p.maxAge = time.Duration(min(n, stsMaxAge)) * time.Second
		case "mx":
			if len(p.mx) < stsMaxHosts && value != "" {
				p.mx = append(p.mx, strings.ToLower(trimDot(value)))
			}
		}
	}
	if version != "STSv1" || !seen["max_age"] {
		return nil, fmt.Errorf("%w: no version STSv1 or no max_age", errSTS)
	}
	switch p.mode {
	case "none":
	case "enforce", "testing":
		if len(p.mx) == 0 {
			return nil, fmt.Errorf("%w: no mx", errSTS)
		}
	default:
		return nil, fmt.Errorf("%w: mode %q", errSTS, message.Clean(p.mode, maxAnswerText))
	}
	return p, nil
}

// parseSTSRecord reads the id of the _mta-sts TXT record, RFC 8461 §3.1. More
// than one record is none.
func parseSTSRecord(list []string) (id string, ok bool) {
	for _, txt := range list {
		if !strings.HasPrefix(txt, "v=STSv1;") {
			continue
		}
		if ok {
			return "", false
		}
		for field := range strings.SplitSeq(txt, ";") {
			if v, found := strings.CutPrefix(strings.TrimSpace(field), "id="); found && isSTSID(v) {
				id, ok = v, true
			}
		}
	}
	return id, ok
}

func isSTSID(s string) bool {
	return s != "" && len(s) <= 32 && strings.Trim(strings.ToLower(s), "abcdefghijklmnopqrstuvwxyz0123456789") == ""
}

// stsCache knows the policies of domains, in memory.
type stsCache struct {
	resolver Resolver
	http     *http.Client
	now      func() time.Time // never set: a policy must not end because the clock jumped
	log      *slog.Logger

	mu      sync.Mutex
	domains map[string]*stsEntry
}

// stsEntry is what is known of one domain. Its lock makes one lookup of several
// at the same time.
type stsEntry struct {
	mu     sync.Mutex
	policy *stsPolicy
	asked  time.Time // when the DNS was last asked
}

func newSTSCache(o Options) *stsCache {
	client := o.HTTP
	if client == nil {
		client = &http.Client{Transport: &http.Transport{
			DialContext: stsDialer(o), TLSClientConfig: &tls.Config{RootCAs: o.RootCAs, MinVersion: tls.VersionTLS12},
			DisableKeepAlives: true, MaxResponseHeaderBytes: 64 << 10,
		}}
	}
	own := *client
	// §3.3: HTTP redirects must not be followed.
	own.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	started, before := o.Now(), o.Elapsed()
	steady := func() time.Time { return started.Add(o.Elapsed() - before) }
	return &stsCache{resolver: o.Resolver, http: &own, now: steady, log: o.Log, domains: make(map[string]*stsEntry)}
}

// stsDialer asks our own resolver, and does not let a foreign name lead to this
// machine.
func stsDialer(o Options) func(ctx context.Context, network, addr string) (net.Conn, error) {
	return func(ctx context.Context, network, addr string) (net.Conn, error) {
		host, port, err := net.SplitHostPort(addr)
		if err != nil {
			return nil, err
		}
		list, err := o.Resolver.LookupNetIP(ctx, "ip", host+".")
		if err == nil {
			err = fmt.Errorf("%w: %s has no usable address", errSTS, host)
		}
		for _, ip := range list {
			if ip = ip.Unmap(); ip.IsLoopback() || ip.IsUnspecified() {
				continue
			}
			var c net.Conn
			if c, err = o.Dial(ctx, network, net.JoinHostPort(ip.String(), port)); err == nil {
				return c, nil
			}
		}
		return nil, err
	}
}

// policy returns the domain's policy, or nil where it has none. A policy that
// is known stays in force until its max_age is over, also when the DNS or the
// web server do not answer: else whoever stands between us could take it away
// (§3.3, §10.2).
func (c *stsCache) policy(ctx context.Context, domain string) *stsPolicy {
	e := c.entry(domain)
	e.mu.Lock()
	defer e.mu.Unlock()
	now := c.now()
	if e.policy != nil && (now.Sub(e.policy.fetched) > e.policy.maxAge || now.Before(e.policy.fetched)) {
		e.policy = nil
	}
	if age := now.Sub(e.asked); age >= 0 && age < stsNegative {
		return e.policy
	}
	e.asked = now
	ctx, cancel := context.WithTimeout(ctx, stsFetchTimeout)
	defer cancel()
	txt, err := c.resolver.LookupTXT(ctx, "_mta-sts."+domain+".")
	id, ok := parseSTSRecord(txt)
	if err != nil && !isNotFound(err) {
		return e.policy
	}
	if !ok || e.policy != nil && e.policy.id == id && now.Sub(e.policy.fetched) < stsRefresh {
		return e.policy
	}
	p, err := c.fetch(ctx, domain)
	if err != nil {
		c.log.Warn("MTA-STS policy can't be fetched", "domain", domain, "error", message.Clean(err.Error(), maxAnswerText))
		return e.policy
	}
	p.id, p.fetched = id, now
	e.policy = p
	return p
}

// close drops the HTTP client's connections.
func (c *stsCache) close() { c.http.CloseIdleConnections() }

func (c *stsCache) entry(domain string) *stsEntry {
	c.mu.Lock()
	defer c.mu.Unlock()
	if e := c.domains[domain]; e != nil {
		return e
	}
	if len(c.domains) >= stsMaxDomains {
		for d := range c.domains { // any one
			delete(c.domains, d)
			break
		}
	}
	e := &stsEntry{}
	c.domains[domain] = e
	return e
}

// fetch gets a policy over HTTPS with a verified certificate, RFC 8461 §3.3.
func (c *stsCache) fetch(ctx context.Context, domain string) (*stsPolicy, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "https://mta-sts."+domain+"/.well-known/mta-sts.txt", nil)
	if err != nil {
		return nil, err
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%w: HTTP status %d", errSTS, resp.StatusCode)
	}
	if t, _, _ := strings.Cut(resp.Header.Get("Content-Type"), ";"); !strings.EqualFold(strings.TrimSpace(t), "text/plain") {
		return nil, fmt.Errorf("%w: content type %q", errSTS, message.Clean(t, maxAnswerText))
	}
	text, err := io.ReadAll(io.LimitReader(resp.Body, stsMaxPolicy+1))
	if err != nil {
		return nil, err
	}
	if len(text) > stsMaxPolicy {
		return nil, fmt.Errorf("%w: longer than %d octets", errSTS, stsMaxPolicy)
	}
	return parseSTSPolicy(string(text))
}
