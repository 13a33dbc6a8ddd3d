package mailauth

import (
	"context"
	"strings"

	"postdesk/internal/addr"
)

// maxAuthorDomains is how many domains of a mail with several authors are
// looked at.
const maxAuthorDomains = 5

// checkDMARC aligns what passed with the author's domain and applies that
// domain's record, RFC 9989 §4.3 to §4.10.
func (c *Checker) checkDMARC(ctx context.Context, dns *lookups, in In, r *Results) {
	trusted := r.DMARC
	if r.Author.IsZero() {
		r.DMARC = c.severalAuthors(ctx, dns, in, r.AuthorFault)
		return
	}
	e := &evaluation{ctx: ctx, dns: dns, author: r.Author.Domain}
	d := e.discover(r.Author.Domain)
	e.align(r)
	r.DMARC = e.judge(r, d)
	if in.Frontend && r.DMARC.Result == Fail && r.SPF.By == "" {
		r.DMARC.Result, r.DMARC.Reason = None, "the frontend gives no SPF result"
	}
	// The frontend's verdict counts for the author that it names, no other.
	if trusted.By != "" && trusted.Domain == r.Author.Domain && r.DMARC.Result != Pass {
		r.DMARC.Result, r.DMARC.By, r.DMARC.Reason = trusted.Result, trusted.By, trusted.Reason
	}
}

// evaluation is DMARC for one author domain.
type evaluation struct {
	ctx     context.Context
	dns     *lookups
	author  string
	org     string // Organizational Domain of the author
	rec     record
	found   bool
	tempErr error // a query that might have found alignment, or the record, failed
}

// discover finds the author's Organizational Domain and the record that
// applies.
func (e *evaluation) discover(author string) DMARC {
	e.org = author
	if strings.HasPrefix(author, "[") {
		return DMARC{Result: None, Reason: "the author's domain is an address literal"}
	}
	records, err := walk(e.ctx, e.dns, author)
	if err != nil {
		e.tempErr = err
		return DMARC{Result: TempError, Reason: clean(err.Error())}
	}
	e.org = orgDomain(author, records)
	d := DMARC{Result: None, OrgDomain: e.org}
	if e.rec, e.found = applicable(author, e.org, records); !e.found {
		d.Reason = "no record"
		return d
	}
	d.Domain, d.Testing = e.rec.domain, e.rec.testing
	d.Strict = e.rec.dkimStrict || e.rec.spfStrict
	d.Policy = e.rec.policyFor(author, func() bool { return exists(e.ctx, e.dns, author) })
	return d
}

// align marks each identifier that stands for the author's domain, RFC 9989
// §4.4.
func (e *evaluation) align(r *Results) {
	for i := range r.DKIM {
		if d := &r.DKIM[i]; d.Domain != "" {
			d.Aligned = e.aligned(d.Domain, e.rec.dkimStrict, d.Result == Pass)
		}
	}
	if r.SPF.Domain != "" {
		r.SPF.Aligned = e.aligned(r.SPF.Domain, e.rec.spfStrict, r.SPF.Result == Pass)
	}
}

// aligned compares with the author's domain. The other domain's tree is walked
// only when it can matter: what lies outside the author's Organizational Domain
// has another one in any case, and what did not pass proves nothing.
func (e *evaluation) aligned(domain string, strict, passed bool) bool {
	if domain == e.author {
		return true
	}
	if strict || strings.HasPrefix(domain, "[") || domain != e.org && !strings.HasSuffix(domain, "."+e.org) || !passed {
		return false
	}
	records, err := walk(e.ctx, e.dns, domain)
	if err != nil {
		e.tempErr = err
		return false
	}
	return orgDomain(domain, records) == e.org
}

// judge gives the verdict. A failure that rests on something that could not be
// checked is none.
func (e *evaluation) judge(r *Results, d DMARC) DMARC {
	if !e.found {
		return d
	}
	temp := e.tempErr != nil || r.SPF.Result == TempError && (r.SPF.Aligned || related(r.SPF.Domain, e.org))
	for _, k := range r.DKIM {
		if k.Result == Pass && k.Aligned {
			d.Result = Pass
			return d
		}
		temp = temp || k.Result == TempError && related(k.Domain, e.org)
	}
	switch {
	case r.SPF.Result == Pass && r.SPF.Aligned:
		d.Result = Pass
	case temp:
		d.Result, d.Reason = TempError, "a check could not be finished"
	default:
		d.Result = Fail
	}
	return d
}

// related says that a domain may be aligned with an Organizational Domain.
func related(domain, org string) bool { return domain == org || strings.HasSuffix(domain, "."+org) }

// severalAuthors holds a mail that has not exactly one author to the strictest
// record of all its authors' domains: nothing can be aligned with it, and a
// second From is no way around a policy. RFC 9989 §5.3.1.
func (c *Checker) severalAuthors(ctx context.Context, dns *lookups, in In, fault string) DMARC {
	worst := DMARC{Result: None, Reason: fault}
	seen := map[string]bool{}
	for _, m := range in.Authors {
		domain := m.Address.Domain
		if domain == "" || seen[domain] {
			continue
		}
		if len(seen) == maxAuthorDomains {
			break
		}
		seen[domain] = true
		e := &evaluation{ctx: ctx, dns: dns, author: domain}
		d := e.discover(domain)
		d.Reason = fault
		if e.found {
			d.Result = Fail
		}
		if rank(d) > rank(worst) {
			worst = d
		}
	}
	return worst
}

func rank(d DMARC) int {
	order := map[Disposition]int{DispositionNone: 2, DispositionQuarantine: 3, DispositionReject: 4}
	if n, ok := order[d.Policy]; ok {
		return n
	}
	if d.Result == TempError {
		return 1
	}
	return 0
}

// exists approximates RFC 8020: a name without addresses, MX, TXT and records
// above or below that would tell is taken as one that does not exist. The
// standard resolver does not tell NXDOMAIN from an empty answer. A failed query
// counts as existence, which is the milder reading.
func exists(ctx context.Context, dns *lookups, domain string) bool {
	if _, err := dns.LookupIPAddr(ctx, domain); !isNotFound(err) {
		return true
	}
	if _, err := dns.LookupMX(ctx, domain); !isNotFound(err) {
		return true
	}
	_, err := dns.LookupTXT(ctx, domain)
	return !isNotFound(err)
}

// domainOf is the domain of an address or of a bare domain, in the form of
// addr.Address.Domain; "" if it is neither.
func domainOf(s string) string {
	d, err := addr.ParseDomain(s[strings.LastIndexByte(s, '@')+1:])
	if err != nil {
		return ""
	}
	return d
}
