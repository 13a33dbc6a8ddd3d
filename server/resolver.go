package server

import (
	"context"
	"net"
	"net/netip"

	"postdesk/admin"
	"postdesk/internal/mailauth"
	"postdesk/relay"
)

// Resolver is the DNS that authentication and delivery ask; *net.Resolver is
// one.
type Resolver interface {
	mailauth.Resolver
	relay.Resolver
}

// resolver is that of the options, else the one that the configuration in force
// names at the time of each question.
func (s *Server) resolver() Resolver {
	if s.opts.Resolver != nil {
		return s.opts.Resolver
	}
	return configured{func() *net.Resolver { return admin.Resolver(s.Config()) }}
}

// configured follows a reload.
type configured struct{ now func() *net.Resolver }

func (c configured) LookupTXT(ctx context.Context, name string) ([]string, error) {
	return c.now().LookupTXT(ctx, name)
}

func (c configured) LookupMX(ctx context.Context, name string) ([]*net.MX, error) {
	return c.now().LookupMX(ctx, name)
}

func (c configured) LookupIPAddr(ctx context.Context, host string) ([]net.IPAddr, error) {
	return c.now().LookupIPAddr(ctx, host)
}

func (c configured) LookupAddr(ctx context.Context, addr string) ([]string, error) {
	return c.now().LookupAddr(ctx, addr)
}

func (c configured) LookupNetIP(ctx context.Context, network, host string) ([]netip.Addr, error) {
	return c.now().LookupNetIP(ctx, network, host)
}
