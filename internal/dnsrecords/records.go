// Package dnsrecords says what to publish in the DNS for a configuration, and
// compares it with what is published.
package dnsrecords

import (
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"

	"postdesk/internal/config"
)

// Kind says what a record is for.
type Kind string

// The kinds of record.
const (
	Address Kind = "address" // of the host name; Value is not known here
	Reverse Kind = "reverse" // PTR of each address of the host name
	MX      Kind = "mx"
	SPF     Kind = "spf"
	DKIM    Kind = "dkim"
	DMARC   Kind = "dmarc"
	MTASTS  Kind = "mta-sts"
	TLSRPT  Kind = "tls-rpt"
)

// Record is one record to publish.
type Record struct {
	Kind     Kind
	Name     string // without the last dot
	Type     string // A, MX, PTR or TXT
	Value    string // in zone file form, TXT without quotes
	Optional bool   // good to have
	Why      string // one line for people

	host  string // our host name, for SPF
	relay string // the smarthost that mail leaves by, if any
}

// Records returns what to publish, by name: for our host name, then for each
// domain of the teams, then for the token domain. DKIM records come from the
// key files as they were when c was loaded.
func Records(c *config.Config) ([]Record, error) {
	records := hostRecords(c)
	for _, domain := range c.Domains() {
		records = append(records, mailRecord(c, domain), spfRecord(c, domain))
		keys, err := dkimRecords(c, domain)
		if err != nil {
			return nil, err
		}
		records = append(records, keys...)
		records = append(records, dmarcRecord(c, domain))
		if isDirect(c, domain) {
			records = append(records, transportRecords(c, domain)...)
		}
	}
	return records, nil
}

// hostRecords are those of the HELO name. Acknowledgements have a null sender:
// receivers check the SPF of the HELO name then (RFC 7208 §2.4).
func hostRecords(c *config.Config) []Record {
	records := []Record{
		{Kind: Address, Name: c.Hostname, Type: "A", Why: "the address (A, and AAAA if there is one) of this server"},
		{Kind: Reverse, Name: c.Hostname, Type: "PTR", Value: c.Hostname + ".", Why: "the name of each of its addresses; ask who gave you the address"},
	}
	records[1].Optional = c.Relay.Smarthost != ""
	if c.Relay.Smarthost != "" || slices.Contains(c.Domains(), c.Hostname) { // the domain's own record follows
		return records
	}
	return append(records, Record{Kind: SPF, Name: c.Hostname, Type: "TXT", Value: "v=spf1 a -all", host: c.Hostname,
		Why: "for acknowledgements, whose sender is empty"})
}

// isDirect reports whether mail to domain comes straight to us: always to the
// token domain, to others unless there is an MTA in front of us.
func isDirect(c *config.Config, domain string) bool {
	return domain == c.Tickets.TokenDomain || len(c.Frontends.Networks) == 0 && !c.Frontends.Unix
}

func mailRecord(c *config.Config, domain string) Record {
	r := Record{Kind: MX, Name: domain, Type: "MX", Value: "10 " + c.Hostname + ".", Why: "mail to the domain comes to postdesk"}
	if domain == c.Tickets.TokenDomain {
		r.Why = "answers to token addresses come to postdesk"
	}
	if !isDirect(c, domain) {
		r.Optional = true
		r.Why = "not needed while the MTA in front passes the mail on; leave the MX that is there"
	}
	return r
}

func spfRecord(c *config.Config, domain string) Record {
	r := Record{Kind: SPF, Name: domain, Type: "TXT", Value: "v=spf1 mx a:" + c.Hostname + " ~all", host: c.Hostname,
		Why: "this server may send for the domain; if there is such a record, add a:" + c.Hostname + " to it"}
	if host := hostOf(c.Relay.Smarthost); host != "" && !onThisMachine(host) {
		r.relay = host
		r.Value = "v=spf1 mx " + mechanism(host) + " ~all"
		r.Why = "the smarthost may send for the domain; its owner may want an include: instead"
	}
	return r
}

// onThisMachine reports whether a smarthost is an MTA beside us: its mail leaves
// from our own address.
func onThisMachine(host string) bool {
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.Unmap().IsLoopback() || strings.EqualFold(host, "localhost")
}

// mechanism names a host or an address in an SPF record, RFC 7208 §5.3 and §5.6.
func mechanism(host string) string {
	ip, err := netip.ParseAddr(host)
	switch {
	case err != nil:
		return "a:" + host
	case ip.Unmap().Is4():
		return "ip4:" + ip.Unmap().String()
	}
	return "ip6:" + ip.String()
}

func hostOf(hostport string) string {
	host, _, err := net.SplitHostPort(hostport)
	if err != nil {
		return hostport
	}
	return host
}

func dkimRecords(c *config.Config, domain string) ([]Record, error) {
	var records []Record
	for _, k := range c.DKIM {
		if k.Domain != domain {
			continue
		}
		r, err := DKIMRecord(k)
		if err != nil {
			return nil, err
		}
		records = append(records, r)
	}
	return records, nil
}

// DKIMRecord is the record of one signing key.
func DKIMRecord(k config.DKIM) (Record, error) {
	if k.Key == nil {
		return Record{}, fmt.Errorf("key of %s is not loaded", k)
	}
	text, err := DKIMText(k.Key.Public())
	if err != nil {
		return Record{}, fmt.Errorf("key of %s: %w", k, err)
	}
	return Record{Kind: DKIM, Name: k.Selector + "._domainkey." + k.Domain, Type: "TXT", Value: text,
		Why: "the public key of our signatures"}, nil
}

// dmarcRecord asks for no action: who publishes it first and looks at the
// reports learns what else sends for the domain.
func dmarcRecord(c *config.Config, domain string) Record {
	r := Record{Kind: DMARC, Name: "_dmarc." + domain, Type: "TXT", Value: "v=DMARC1; p=none",
		Why: "a first step; p=quarantine when all mail of the domain is signed"}
	if c.Postmaster.Domain == domain { // elsewhere RFC 9990 §4 wants a record of consent
		r.Value += "; rua=mailto:" + c.Postmaster.String()
	}
	if domain == c.Tickets.TokenDomain {
		r.Value = strings.Replace(r.Value, "p=none", "p=reject", 1)
		r.Why = "only postdesk writes from this domain"
	}
	return r
}

// transportRecords are RFC 8461 and RFC 8460.
func transportRecords(c *config.Config, domain string) []Record {
	return []Record{
		{Kind: MTASTS, Name: "_mta-sts." + domain, Type: "TXT", Value: "v=STSv1; id=1", Optional: true,
			Why: "senders insist on TLS; needs the policy (mode: enforce, mx: " + c.Hostname + ", max_age: 604800) at https://mta-sts." + domain + "/.well-known/mta-sts.txt"},
		{Kind: TLSRPT, Name: "_smtp._tls." + domain, Type: "TXT", Value: "v=TLSRPTv1; rua=mailto:" + c.Postmaster.String(), Optional: true,
			Why: "senders report when TLS fails"},
	}
}

// Zone is the record as lines of a zone file, RFC 1035 §5.1. What is not known
// here is a comment.
func (r Record) Zone() string {
	value := r.Value
	switch {
	case r.Type == "TXT":
		value = quoteTXT(r.Value)
	case r.Kind == Address:
		return fmt.Sprintf("; %s.\tIN\tA\t(%s)", r.Name, r.Why)
	case r.Kind == Reverse:
		return fmt.Sprintf("; (reverse of %s)\tIN\tPTR\t%s", r.Name, r.Value)
	}
	return fmt.Sprintf("%s.\tIN\t%s\t%s", r.Name, r.Type, value)
}

// String is Zone below a comment that says what the record is for.
func (r Record) String() string {
	why := r.Why
	if r.Optional {
		why = "optional: " + why
	}
	return "; " + why + "\n" + r.Zone()
}

// quoteTXT writes a text as character strings of at most 255 octets, RFC 1035
// §3.3; parts follow each other without a space.
func quoteTXT(text string) string {
	var parts []string
	for len(text) > 255 {
		parts = append(parts, quote(text[:255]))
		text = text[255:]
	}
	parts = append(parts, quote(text))
	if len(parts) == 1 {
		return parts[0]
	}
	return "( " + strings.Join(parts, "\n\t\t") + " )"
}

func quote(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
}
