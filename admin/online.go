package admin

import (
	"context"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"net"
	"net/smtp"
	"os"
	"slices"
	"strings"
	"time"

	"postdesk/internal/addr"
	"postdesk/internal/config"
	"postdesk/internal/dnsrecords"
)

// Online says how the world is looked at. The zero value but for Now looks at
// the real one.
type Online struct {
	Resolver *net.Resolver // nil: as configured
	Now      func() time.Time
	Dial     func(ctx context.Context, network, address string) (net.Conn, error)
}

// Finding is one line of a check.
type Finding struct {
	Good bool
	Text string
}

// Resolver is the configured one, else the system's.
func Resolver(cfg *config.Config) *net.Resolver {
	if cfg.Resolver == "" {
		return net.DefaultResolver
	}
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, network, cfg.Resolver)
	}}
}

// lookTime bounds one look at another server.
const lookTime = 30 * time.Second

// CheckOnline looks at what a configuration needs of the world: DNS records, the
// certificate's dates, the relay, and whether addresses with a "+" reach the desk.
// The last is tried at the MX of each team's domain, up to RCPT TO with a null
// sender: a server that takes the recipient and drops the mail later is not
// found out.
func CheckOnline(ctx context.Context, cfg *config.Config, o Online) []Finding {
	if o.Resolver == nil {
		o.Resolver = Resolver(cfg)
	}
	if o.Dial == nil {
		o.Dial = (&net.Dialer{Timeout: lookTime}).DialContext
	}
	var list []Finding
	records, err := dnsrecords.Records(cfg)
	if err != nil {
		return []Finding{{Text: err.Error()}}
	}
	for _, f := range dnsrecords.Check(ctx, o.Resolver, records) {
		list = append(list, Finding{f.Good(), f.String()})
	}
	list = append(list, o.certificate(cfg))
	list = append(list, o.relays(ctx, cfg)...)
	return append(list, o.plus(ctx, cfg)...)
}

// soon is when a certificate should have been renewed.
const soon = 14 * 24 * time.Hour

func (o Online) certificate(cfg *config.Config) Finding {
	if cfg.TLS.Cert == "" {
		return Finding{true, fmt.Sprintf("tls: no certificate file (acme=%t)", cfg.TLS.ACME)}
	}
	raw, err := os.ReadFile(cfg.TLS.Cert)
	if err != nil {
		return Finding{false, "tls: " + err.Error()}
	}
	block, _ := pem.Decode(raw)
	if block == nil {
		return Finding{false, "tls: " + cfg.TLS.Cert + " holds no certificate"}
	}
	leaf, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return Finding{false, "tls: " + err.Error()}
	}
	left := leaf.NotAfter.Sub(o.Now())
	if err := leaf.VerifyHostname(cfg.Hostname); err != nil {
		return Finding{false, "tls: " + err.Error()}
	}
	return Finding{left > soon, fmt.Sprintf("tls: the certificate of %s ends on %s", cfg.Hostname, leaf.NotAfter.Format(time.DateOnly))}
}

// relays greets the smarthost and the routes' servers.
func (o Online) relays(ctx context.Context, cfg *config.Config) []Finding {
	hosts := map[string]string{}
	if cfg.Relay.Smarthost != "" {
		hosts[cfg.Relay.Smarthost] = "smarthost"
	}
	for domain, host := range cfg.Relay.Routes {
		hosts[host] = "route of " + domain
	}
	var list []Finding
	for host, what := range hosts {
		f := Finding{true, fmt.Sprintf("relay: %s %s answers", what, host)}
		if err := o.talk(ctx, host, cfg.Hostname, func(*smtp.Client) error { return nil }); err != nil {
			f = Finding{false, fmt.Sprintf("relay: %s %s: %v", what, host, err)}
		}
		list = append(list, f)
	}
	slices.SortFunc(list, func(a, b Finding) int { return strings.Compare(a.Text, b.Text) })
	return list
}

// talk says EHLO to a server, runs fn and says goodbye.
func (o Online) talk(ctx context.Context, host, name string, fn func(*smtp.Client) error) error {
	ctx, cancel := context.WithTimeout(ctx, lookTime)
	defer cancel()
	conn, err := o.Dial(ctx, "tcp", host)
	if err != nil {
		return err
	}
	defer conn.Close()
	if deadline, ok := ctx.Deadline(); ok {
		if err := conn.SetDeadline(deadline); err != nil {
			return err
		}
	}
	server, _, _ := net.SplitHostPort(host)
	c, err := smtp.NewClient(conn, server)
	if err != nil {
		return err
	}
	defer c.Close()
	if err := c.Hello(name); err != nil {
		return err
	}
	if err := fn(c); err != nil {
		return err
	}
	return c.Quit()
}

// plus tries an address with an extension at each team's domain. With a token
// domain none is needed.
func (o Online) plus(ctx context.Context, cfg *config.Config) []Finding {
	if cfg.Tickets.TokenDomain != "" {
		return nil
	}
	var list []Finding
	for _, team := range cfg.Teams {
		probe := team.Address.WithExt("tprobe")
		f := Finding{true, fmt.Sprintf("plus: the MX of %s takes %s", team.Address.Domain, probe)}
		if err := o.tryRecipient(ctx, cfg, probe); err != nil {
			f = Finding{false, fmt.Sprintf("plus: %s: %v; set tickets.token_domain if \"+\" addresses can't come through", probe, err)}
		}
		list = append(list, f)
	}
	return list
}

func (o Online) tryRecipient(ctx context.Context, cfg *config.Config, to addr.Address) error {
	lookup, cancel := context.WithTimeout(ctx, lookTime)
	defer cancel()
	found, err := o.Resolver.LookupMX(lookup, to.Domain)
	if len(found) == 0 {
		if err != nil {
			return fmt.Errorf("no MX: %w", err)
		}
		return errors.New("no MX")
	}
	for _, mx := range found {
		err = o.talk(ctx, net.JoinHostPort(strings.TrimSuffix(mx.Host, "."), "25"), cfg.Hostname, func(c *smtp.Client) error {
			if err := c.Mail(""); err != nil {
				return err
			}
			if err := c.Rcpt(to.String()); err != nil {
				return err
			}
			return c.Reset()
		})
		if err == nil {
			return nil
		}
	}
	return err
}
