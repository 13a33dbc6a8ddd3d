package mailauth

import (
	"context"
	"fmt"
	"strings"

	"blitiri.com.ar/go/spf"
)

// Limits of an SPF evaluation, RFC 7208 §4.6.4.
const (
	spfLookups     = 10
	spfVoidLookups = 2
)

// checkSPF evaluates the MAIL FROM identity, or postmaster at the HELO name
// for a null sender (RFC 7208 §2.4).
func (c *Checker) checkSPF(ctx context.Context, dns *lookups, in In) (s SPF) {
	defer func() {
		// The library runs on what strangers publish; a fault in it must not
		// take the server down.
		if p := recover(); p != nil {
			s.Result, s.Reason = PermError, fmt.Sprintf("internal error: %v", p)
		}
	}()
	if in.Frontend || !in.RemoteIP.IsValid() {
		return SPF{Result: None, Reason: "no SPF for this peer"}
	}
	s = SPF{Domain: in.MailFrom.Domain, Identity: "mailfrom"}
	local := in.MailFrom.Local
	if in.MailFrom.IsZero() {
		s.Domain, s.Identity, local = strings.TrimSuffix(in.Helo, "."), "helo", "postmaster"
	}
	s.Domain = strings.ToLower(s.Domain)
	if _, err := absolute(s.Domain); err != nil || !strings.Contains(s.Domain, ".") || strings.HasPrefix(s.Domain, "[") {
		s.Result, s.Reason = None, "not a domain name" // RFC 7208 §4.3
		return s
	}
	// The library cuts the sender at the first @; one that was quoted inside
	// the local part would make it ask another domain.
	local = strings.ReplaceAll(local, "@", "_")
	res, err := spf.CheckHostWithSender(in.RemoteIP.Unmap().AsSlice(), in.Helo, local+"@"+s.Domain,
		spf.WithContext(ctx), spf.WithResolver(spfLookup{dns}), spf.OverrideLookupLimit(spfLookups), spf.OverrideVoidLookupLimit(spfVoidLookups))
	s.Result = Result(res)
	if err != nil {
		s.Reason = clean(err.Error())
	}
	return s
}
