package mailauth

import (
	"context"
	"strings"

	"github.com/emersion/go-msgauth/dmarc"
)

// maxWalk is the most DNS queries of a tree walk, RFC 9989 §4.10.
const maxWalk = 8

// record is a DMARC policy record, RFC 9989 §4.7, as far as a receiver that
// sends no reports needs it.
type record struct {
	domain     string
	p, sp, np  Disposition // sp and np are empty when the record has none
	dkimStrict bool        // adkim=s
	spfStrict  bool        // aspf=s
	testing    bool        // t=y
	psd        byte        // 'y', 'n', or 'u' when the record does not say
}

// parseRecord reads one TXT string; ok is false for what is no DMARC record.
// The library knows RFC 7489 only, and refuses a record for a tag that today
// is to be ignored, or for a missing p=: it is given the tags that it can read.
func parseRecord(domain, txt string) (record, bool) {
	first, _, _ := strings.Cut(txt, ";")
	name, version, _ := strings.Cut(first, "=")
	if strings.TrimSpace(name) != "v" || strings.TrimSpace(version) != "DMARC1" {
		return record{}, false
	}
	tags := dmarcTags(txt)
	lib, err := dmarc.Parse("v=DMARC1; p=" + knownPolicy(tags["p"], "none") +
		"; adkim=" + knownMode(tags["adkim"]) + "; aspf=" + knownMode(tags["aspf"]))
	if err != nil {
		return record{}, false
	}
	r := record{domain: domain, p: Disposition(lib.Policy), sp: Disposition(knownPolicy(tags["sp"], "")), np: Disposition(knownPolicy(tags["np"], "")),
		dkimStrict: lib.DKIMAlignment == dmarc.AlignmentStrict, spfStrict: lib.SPFAlignment == dmarc.AlignmentStrict,
		testing: tags["t"] == "y", psd: 'u'}
	if v := tags["psd"]; v == "y" || v == "n" {
		r.psd = v[0]
	}
	return r, true
}

// dmarcTags are the tags in lower case; the first of two with one name counts.
func dmarcTags(txt string) map[string]string {
	tags := map[string]string{}
	for _, p := range strings.Split(txt, ";") {
		name, value, _ := strings.Cut(p, "=")
		name = strings.ToLower(strings.TrimSpace(name))
		if _, dup := tags[name]; !dup {
			tags[name] = strings.ToLower(strings.TrimSpace(value))
		}
	}
	return tags
}

func knownPolicy(s, otherwise string) string {
	switch s {
	case "none", "quarantine", "reject":
		return s
	}
	return otherwise
}

func knownMode(s string) string {
	if s == "s" {
		return s
	}
	return "r"
}

// policyFor is what the record asks for mail of a domain: p for the record's
// own, else np for one that does not exist, else sp, else p. RFC 9989 §4.7.
func (r record) policyFor(domain string, exists func() bool) Disposition {
	switch {
	case domain == r.domain:
		return r.p
	case r.np != "" && r.np != r.subdomains() && !exists():
		return r.np
	}
	return r.subdomains()
}

func (r record) subdomains() Disposition {
	if r.sp != "" {
		return r.sp
	}
	return r.p
}

// walk is a DNS tree walk, RFC 9989 §4.10: the records at a domain and above
// it, the longest name first. An error is a temporary one of the DNS.
func walk(ctx context.Context, dns *lookups, domain string) (found []record, err error) {
	labels := strings.Split(domain, ".")
	for n := 0; n < maxWalk && len(labels) > 0; n++ {
		name := strings.Join(labels, ".")
		r, ok, err := lookupRecord(ctx, dns, name)
		if err != nil {
			return nil, err
		}
		if ok {
			found = append(found, r)
			if r.psd == 'n' || r.psd == 'y' && name != domain {
				break
			}
		}
		labels = labels[max(1, len(labels)-(maxWalk-1)):]
	}
	return found, nil
}

// lookupRecord asks one name. Several records are none, RFC 9989 §4.10.
func lookupRecord(ctx context.Context, dns *lookups, domain string) (r record, ok bool, err error) {
	list, err := dns.LookupTXT(ctx, "_dmarc."+domain)
	if isNotFound(err) {
		return record{}, false, nil
	}
	if err != nil {
		return record{}, false, err
	}
	n := 0
	for _, txt := range list {
		if one, is := parseRecord(domain, txt); is {
			r = one
			n++
		}
	}
	if n != 1 {
		return record{}, false, nil
	}
	return r, true, nil
}

// orgDomain chooses the Organizational Domain from a walk that began at start,
// RFC 9989 §4.10.2.
func orgDomain(start string, found []record) string {
	for _, r := range found {
		if r.psd == 'n' {
			return r.domain
		}
		if r.psd == 'y' && r.domain != start {
			return oneBelow(start, r.domain)
		}
	}
	if len(found) == 0 {
		return start
	}
	return found[len(found)-1].domain
}

// oneBelow is the ancestor of domain, or domain itself, that has one label
// more than above.
func oneBelow(domain, above string) string {
	rest := strings.TrimSuffix(domain, "."+above)
	return rest[strings.LastIndexByte(rest, '.')+1:] + "." + above
}

// applicable is the record that decides: the author's own, else that of the
// Organizational Domain, else that of the public suffix above. RFC 9989
// §4.10.1.
func applicable(author, org string, found []record) (record, bool) {
	for _, at := range []string{author, org} {
		for _, r := range found {
			if r.domain == at {
				return r, true
			}
		}
	}
	if n := len(found); n > 0 && found[n-1].psd == 'y' {
		return found[n-1], true
	}
	return record{}, false
}
