package addr

import (
	"fmt"
	"net/netip"
	"strings"

	"golang.org/x/net/idna"
	"golang.org/x/net/publicsuffix"
)

// ParseDomain checks a domain or an address literal and brings it into the
// form of Address.Domain. RFC 5321 §4.1.2 and §4.1.3, RFC 5891.
func ParseDomain(s string) (string, error) {
	if strings.HasPrefix(s, "[") {
		return parseLiteral(s)
	}
	d := lowerASCII(s)
	if !isASCII(d) || strings.Contains(d, "xn--") {
		var err error
		if d, err = toASCII(d); err != nil {
			return "", fmt.Errorf("%w: domain: %w", errSyntax, err)
		}
	}
	if err := checkDomain(d); err != nil {
		return "", err
	}
	return d, nil
}

// toASCII makes A-labels. It reads its own result again: the library checks the
// direction of a label before it maps it, so that some names come out in a form
// that it would refuse, and an address must stay what it is when it is written
// and read.
func toASCII(name string) (string, error) {
	p := lookupProfile()
	once, err := p.ToASCII(name)
	if err != nil {
		return "", err
	}
	return p.ToASCII(once)
}

// lookupProfile is UTS 46 for lookup, non-transitional; the hyphens are
// checked by checkDomain, since names such as r3---x.example exist.
func lookupProfile() *idna.Profile {
	return idna.New(idna.MapForLookup(), idna.Transitional(false), idna.BidiRule(),
		idna.ValidateLabels(true), idna.CheckHyphens(false), idna.StrictDomainName(true))
}

// checkDomain holds a name in A-label form to RFC 5321 §4.1.2 (Domain) and to
// the lengths of RFC 1035 §2.3.4. No trailing dot, no address without brackets.
func checkDomain(d string) error {
	if len(d) == 0 || len(d) > maxDomain-2 {
		return fmt.Errorf("%w: domain is empty or too long", errSyntax)
	}
	labels := strings.Split(d, ".")
	for _, l := range labels {
		if !isLabel(l) {
			return fmt.Errorf("%w: bad label in the domain", errSyntax)
		}
	}
	if strings.Trim(labels[len(labels)-1], "0123456789") == "" {
		return fmt.Errorf("%w: an IP address needs brackets", errSyntax)
	}
	return nil
}

func isLabel(l string) bool {
	if l == "" || len(l) > 63 || l[0] == '-' || l[len(l)-1] == '-' {
		return false
	}
	for i := 0; i < len(l); i++ {
		c := l[i]
		if !('a' <= c && c <= 'z' || '0' <= c && c <= '9' || c == '-') {
			return false
		}
	}
	return true
}

// parseLiteral reads an address literal, RFC 5321 §4.1.3: IPv4, or IPv6 behind
// its tag. Others are unknown to the world.
func parseLiteral(s string) (string, error) {
	in, ok := strings.CutSuffix(s[1:], "]")
	if !ok {
		return "", fmt.Errorf("%w: bracket is not closed", errSyntax)
	}
	v6 := len(in) > 5 && strings.EqualFold(in[:5], "IPv6:")
	if v6 {
		in = in[5:]
	}
	ip, err := netip.ParseAddr(in)
	if err != nil || ip.Is6() != v6 || ip.Zone() != "" {
		return "", fmt.Errorf("%w: bad address literal", errSyntax)
	}
	if v6 {
		return "[IPv6:" + ip.String() + "]", nil
	}
	return "[" + ip.String() + "]", nil
}

// OrgDomain is the registered domain above a name, by the public suffix list:
// mail.corp.example.co.uk gives example.co.uk. A name that is a public suffix,
// an address literal or no domain at all is returned as it is, in lower case.
// It tells whether two people are of the same company; DMARC has its own way
// (RFC 9989), see package mailauth.
func OrgDomain(domain string) string {
	d := lowerASCII(domain)
	if strings.HasPrefix(d, "[") {
		return d
	}
	org, err := publicsuffix.EffectiveTLDPlusOne(d)
	if err != nil {
		return d
	}
	return org
}
