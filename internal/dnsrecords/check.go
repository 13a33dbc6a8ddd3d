package dnsrecords

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"time"

	"postdesk/internal/addr"
	"postdesk/internal/mailauth"
	"postdesk/internal/message"
)

// Resolver is what Check asks; *net.Resolver is one.
type Resolver interface {
	LookupTXT(ctx context.Context, name string) ([]string, error)
	LookupMX(ctx context.Context, name string) ([]*net.MX, error)
	LookupIPAddr(ctx context.Context, host string) ([]net.IPAddr, error)
	LookupAddr(ctx context.Context, addr string) ([]string, error)
}

// State is how a record stands in the DNS.
type State string

// The states.
const (
	OK        State = "ok"
	Missing   State = "missing"
	Different State = "different" // something else is there
	Unknown   State = "unknown"   // the DNS did not answer
)

// Finding is what the DNS says about one record.
type Finding struct {
	Record Record
	State  State
	Found  []string // what is published
	Text   string   // what is wrong; what to do
}

// Good reports whether nothing has to be done: the record is there, or it is
// optional.
func (f Finding) Good() bool { return f.State == OK || f.Record.Optional }

// String is a line for people, and below it the record to publish, as it can be
// pasted into a zone file.
func (f Finding) String() string {
	s := fmt.Sprintf("%-9s %-7s %s", f.State, f.Record.Kind, f.Record.Name)
	if f.Record.Optional && f.State != OK {
		s += " (optional)"
	}
	if f.Text != "" {
		s += ": " + f.Text
	}
	return s
}

// checkBudget bounds the queries for one record.
const checkBudget = 20 * time.Second

// Check looks each record up. It returns one finding per record, in order, and
// when ctx ends those that were not looked at are unknown.
func Check(ctx context.Context, dns Resolver, records []Record) []Finding {
	findings := make([]Finding, 0, len(records))
	for _, r := range records {
		one, cancel := context.WithTimeout(ctx, checkBudget)
		f := check(one, dns, r)
		cancel()
		f.Record = r
		findings = append(findings, f)
	}
	return findings
}

func check(ctx context.Context, dns Resolver, r Record) Finding {
	switch r.Kind {
	case Address:
		_, f := addresses(ctx, dns, r.Name)
		return f
	case Reverse:
		return checkReverse(ctx, dns, r)
	case MX:
		return checkMX(ctx, dns, r)
	case SPF:
		return checkSPF(ctx, dns, r)
	case DKIM:
		return checkDKIM(ctx, dns, r)
	case DMARC:
		return checkDMARC(ctx, dns, r)
	case MTASTS:
		return checkText(ctx, dns, r, "v=STSv1")
	}
	return checkText(ctx, dns, r, "v=TLSRPTv1")
}

// failed is the finding of a lookup that gave nothing.
func failed(err error, missing string) Finding {
	var dnsErr *net.DNSError
	if err == nil || errors.As(err, &dnsErr) && dnsErr.IsNotFound {
		return Finding{State: Missing, Text: missing}
	}
	return Finding{State: Unknown, Text: "the DNS does not answer: " + err.Error()}
}

func addresses(ctx context.Context, dns Resolver, host string) ([]netip.Addr, Finding) {
	found, err := dns.LookupIPAddr(ctx, host+".")
	if len(found) == 0 {
		return nil, failed(err, "has no address; publish A (and AAAA)")
	}
	var ips []netip.Addr
	f := Finding{State: OK}
	for _, a := range found {
		if ip, ok := netip.AddrFromSlice(a.IP); ok {
			ips = append(ips, ip.Unmap())
			f.Found = append(f.Found, ip.Unmap().String())
		}
	}
	return ips, f
}

// checkReverse wants the name of each address to be the host name; large
// receivers refuse mail otherwise.
func checkReverse(ctx context.Context, dns Resolver, r Record) Finding {
	ips, f := addresses(ctx, dns, r.Name)
	if f.State != OK {
		return f
	}
	f.Found = nil
	for _, ip := range ips {
		names, err := dns.LookupAddr(ctx, ip.String())
		if len(names) == 0 {
			return failed(err, fmt.Sprintf("%s has no name; ask who gave you the address for %s", ip, r.Value))
		}
		f.Found = append(f.Found, names...)
		if !slices.ContainsFunc(names, func(name string) bool { return sameName(name, r.Name) }) {
			return Finding{State: Different, Found: names, Text: fmt.Sprintf("%s is called %s; want %s", ip, strings.Join(names, ", "), r.Value)}
		}
	}
	return f
}

func sameName(a, b string) bool {
	return strings.EqualFold(strings.TrimSuffix(a, "."), strings.TrimSuffix(b, "."))
}

func checkMX(ctx context.Context, dns Resolver, r Record) Finding {
	found, err := dns.LookupMX(ctx, r.Name+".")
	if len(found) == 0 {
		return failed(err, "publish\n"+r.Zone())
	}
	f := Finding{State: Different}
	_, want, _ := strings.Cut(r.Value, " ")
	for _, mx := range found {
		f.Found = append(f.Found, fmt.Sprintf("%d %s", mx.Pref, mx.Host))
		if sameName(mx.Host, want) {
			f.State = OK
		}
	}
	if f.State == Different {
		f.Text = fmt.Sprintf("is %s; want %s", strings.Join(f.Found, ", "), r.Value)
	} else if first := found[0].Host; !sameName(first, want) {
		f.Text = fmt.Sprintf("mail goes to %s first; it must pass it on", first)
	}
	return f
}

// texts returns the TXT records of name that begin with the version tag.
func texts(ctx context.Context, dns Resolver, name, version string) ([]string, error) {
	all, err := dns.LookupTXT(ctx, name+".")
	var found []string
	for _, text := range all {
		tag, _, _ := strings.Cut(strings.ReplaceAll(text, ";", " "), " ")
		if strings.EqualFold(tag, version) {
			found = append(found, text)
		}
	}
	if len(all) > 0 {
		err = nil
	}
	return found, err
}

// checkText wants exactly one record of the version.
func checkText(ctx context.Context, dns Resolver, r Record, version string) Finding {
	found, err := texts(ctx, dns, r.Name, version)
	switch len(found) {
	case 0:
		return failed(err, "publish\n"+r.Zone())
	case 1:
		return Finding{State: OK, Found: found}
	}
	return Finding{State: Different, Found: found, Text: fmt.Sprintf("%d records, and so none counts; want one", len(found))}
}

// checkSPF evaluates the record for the addresses of the host that sends.
func checkSPF(ctx context.Context, dns Resolver, r Record) Finding {
	f := checkText(ctx, dns, r, "v=spf1")
	if f.State != OK {
		return f
	}
	sender := r.host
	if r.relay != "" {
		sender = r.relay
	}
	ips, where := addresses(ctx, dns, sender)
	if ip, err := netip.ParseAddr(sender); err == nil {
		ips, where = []netip.Addr{ip}, Finding{State: OK}
	}
	if where.State != OK {
		return Finding{State: Unknown, Found: f.Found, Text: sender + " " + where.Text}
	}
	for _, ip := range ips {
		if result := evaluateSPF(ctx, dns, ip, r); result != mailauth.Pass {
			f.State = Different
			f.Text = fmt.Sprintf("%s for %s (%s); add a:%s to it", result, sender, ip, sender)
			if r.relay != "" {
				f.State, f.Text = Unknown, fmt.Sprintf("%s for %s (%s); its owner knows which include: it needs", result, sender, ip)
			}
			return f
		}
	}
	return f
}

func evaluateSPF(ctx context.Context, dns Resolver, ip netip.Addr, r Record) mailauth.Result {
	checker := mailauth.New(mailauth.Options{Resolver: dns, Budget: checkBudget, Workers: 1})
	return checker.Check(ctx, mailauth.In{RemoteIP: ip, Helo: r.host, MailFrom: addr.Address{Local: "postmaster", Domain: r.Name},
		Source: message.BytesSource([]byte("From: <postmaster@" + r.Name + ">\r\n\r\n"))}).SPF.Result
}

// checkDKIM compares the keys; other tags are the admin's.
func checkDKIM(ctx context.Context, dns Resolver, r Record) Finding {
	all, err := dns.LookupTXT(ctx, r.Name+".")
	if len(all) == 0 {
		return failed(err, "publish\n"+r.Zone())
	}
	want := tag(r.Value, "p")
	f := Finding{State: OK, Found: all}
	switch {
	case len(all) > 1:
		f.State, f.Text = Different, fmt.Sprintf("%d records; want one", len(all))
	case tag(all[0], "p") == "":
		f.State, f.Text = Different, "the published key is revoked (p= is empty); make a new key with a new selector"
	case tag(all[0], "p") != want:
		f.State, f.Text = Different, "another key is published; want\n"+r.Zone()
	}
	return f
}

// tag is a tag of a list as in RFC 6376 §3.2, without white space.
func tag(list, name string) string {
	for part := range strings.SplitSeq(list, ";") {
		if key, value, ok := strings.Cut(part, "="); ok && strings.TrimSpace(key) == name {
			return strings.Join(strings.Fields(value), "")
		}
	}
	return ""
}

// checkDMARC also takes a record of the organisational domain, RFC 9989 §4.10.
func checkDMARC(ctx context.Context, dns Resolver, r Record) Finding {
	f := checkText(ctx, dns, r, "v=DMARC1")
	domain := strings.TrimPrefix(r.Name, "_dmarc.")
	if org := addr.OrgDomain(domain); f.State == Missing && org != domain {
		r.Name = "_dmarc." + org
		if above := checkText(ctx, dns, r, "v=DMARC1"); above.State == OK {
			above.Text = "by the record of " + org
			return above
		}
	}
	return f
}
