package mailauth

import (
	"context"
	"errors"
	"net"
	"strings"
	"sync"
)

// lookups are the DNS lookups of one mail: counted, with absolute names, so
// that no search list of the machine is tried, and remembered for the length
// of the check.
type lookups struct {
	r Resolver

	mu   sync.Mutex
	left int
	txt  map[string]*txtAnswer
}

type txtAnswer struct {
	once sync.Once
	txt  []string
	err  error
}

func newLookups(r Resolver) *lookups {
	return &lookups{r: r, left: maxQueries, txt: map[string]*txtAnswer{}}
}

// LookupTXT asks once for each name.
func (l *lookups) LookupTXT(ctx context.Context, name string) ([]string, error) {
	name, err := absolute(name)
	if err != nil {
		return nil, err
	}
	l.mu.Lock()
	a := l.txt[name]
	if a == nil {
		a = &txtAnswer{}
		l.txt[name] = a
	}
	l.mu.Unlock()
	a.once.Do(func() {
		if a.err = l.spend(ctx, name); a.err == nil {
			a.txt, a.err = l.r.LookupTXT(ctx, name)
		}
		a.err = dnsError(ctx, name, a.err)
	})
	return a.txt, a.err
}

// LookupMX is net.Resolver's, counted.
func (l *lookups) LookupMX(ctx context.Context, name string) ([]*net.MX, error) {
	return lookup(ctx, l, name, l.r.LookupMX)
}

// LookupIPAddr is net.Resolver's, counted.
func (l *lookups) LookupIPAddr(ctx context.Context, name string) ([]net.IPAddr, error) {
	return lookup(ctx, l, name, l.r.LookupIPAddr)
}

// LookupAddr is net.Resolver's, counted.
func (l *lookups) LookupAddr(ctx context.Context, ip string) ([]string, error) {
	if err := l.spend(ctx, ip); err != nil {
		return nil, err
	}
	names, err := l.r.LookupAddr(ctx, ip)
	return names, dnsError(ctx, ip, err)
}

func lookup[T any](ctx context.Context, l *lookups, name string, ask func(context.Context, string) (T, error)) (T, error) {
	var none T
	name, err := absolute(name)
	if err != nil {
		return none, err
	}
	if err := l.spend(ctx, name); err != nil {
		return none, err
	}
	v, err := ask(ctx, name)
	return v, dnsError(ctx, name, err)
}

// spend counts a lookup and refuses it when the mail has had its share or its
// time is over.
func (l *lookups) spend(ctx context.Context, name string) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.left == 0 {
		return &net.DNSError{Err: "too many lookups for one mail", Name: name, IsTemporary: true}
	}
	l.left--
	return dnsError(ctx, name, ctx.Err())
}

// absolute ends a name with a dot. A name that no DNS could have is "not
// found" without being asked for.
func absolute(name string) (string, error) {
	n := strings.TrimSuffix(name, ".")
	bad := n == "" || len(n) > 253
	for _, label := range strings.Split(n, ".") {
		bad = bad || label == "" || len(label) > 63
	}
	if bad {
		return "", &net.DNSError{Err: "no such name", Name: name, IsNotFound: true}
	}
	return n + ".", nil
}

// dnsError makes every failure but "not found" a temporary one: REFUSED and the
// like too (RFC 7208 §4.4, RFC 6376 §6.1.2), which the standard resolver does
// not mark so. It is always a *net.DNSError: the DKIM library asserts the type,
// it does not unwrap.
func dnsError(ctx context.Context, name string, err error) error {
	if err == nil {
		return nil
	}
	var de *net.DNSError
	if errors.As(err, &de) && de.IsNotFound && ctx.Err() == nil {
		return de
	}
	return &net.DNSError{Err: err.Error(), Name: name, IsTimeout: ctx.Err() != nil, IsTemporary: true}
}

// isNotFound says that a name has no record of the type that was asked for.
func isNotFound(err error) bool {
	var de *net.DNSError
	return errors.As(err, &de) && de.IsNotFound
}
