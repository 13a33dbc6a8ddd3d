// Package mailauth finds out who really sent a mail: SPF (RFC 7208), DKIM (RFC
// 6376), DMARC (RFC 9989) and the Authentication-Results (RFC 8601) of MTAs
// that are trusted. All of it is bounded in time, DNS queries and memory.
package mailauth

import (
	"slices"

	"postdesk/internal/addr"
)

// Result is a verdict in the words of RFC 8601 §2.7.
type Result string

// The verdicts.
const (
	None      Result = "none"
	Pass      Result = "pass"
	Fail      Result = "fail"
	SoftFail  Result = "softfail"
	Neutral   Result = "neutral"
	Policy    Result = "policy" // verified, or not worth it, but not accepted by our own rules
	TempError Result = "temperror"
	PermError Result = "permerror"
)

// Disposition is what a DMARC record asks for, RFC 9989 §4.7. The zero value
// means that there is no record.
type Disposition string

// The dispositions.
const (
	DispositionNone       Disposition = "none"
	DispositionQuarantine Disposition = "quarantine"
	DispositionReject     Disposition = "reject"
)

// Results are the facts about one mail. They are plain data: they can be
// written as JSON and read back.
type Results struct {
	// Author is the only author of the only From field; zero when there is
	// not exactly one, and AuthorFault says why. Such a mail is never backed.
	Author      addr.Address `json:"author"`
	AuthorFault string       `json:"author_fault,omitempty"`

	SPF         SPF    `json:"spf"`
	DKIM        []DKIM `json:"dkim,omitempty"`
	DKIMIgnored int    `json:"dkim_ignored,omitempty"` // signatures past the limit, not looked at
	DMARC       DMARC  `json:"dmarc"`
	Auth        []Auth `json:"auth,omitempty"` // from trusted Authentication-Results only
	ARC         Result `json:"arc,omitempty"`  // what a trusted frontend said; we do not verify it
}

// SPF is the result of the sender's policy, RFC 7208.
type SPF struct {
	Result   Result `json:"result"`
	Domain   string `json:"domain,omitempty"`   // the one that was checked
	Identity string `json:"identity,omitempty"` // "mailfrom", or "helo" for a null sender
	Aligned  bool   `json:"aligned,omitempty"`  // with the author's domain; counts only with Pass
	Reason   string `json:"reason,omitempty"`
	By       string `json:"by,omitempty"` // authserv-id of the frontend that said so, "" is us
}

// DKIM is the result of one signature, RFC 6376.
type DKIM struct {
	Result   Result `json:"result"`
	Domain   string `json:"domain,omitempty"`
	Selector string `json:"selector,omitempty"`
	Aligned  bool   `json:"aligned,omitempty"` // with the author's domain; counts only with Pass
	Reason   string `json:"reason,omitempty"`
	By       string `json:"by,omitempty"` // authserv-id of the frontend that said so, "" is us
}

// DMARC is the result of RFC 9989.
type DMARC struct {
	Result    Result      `json:"result"`
	Domain    string      `json:"domain,omitempty"`     // where the record is that applies
	OrgDomain string      `json:"org_domain,omitempty"` // of the author, by the tree walk
	Policy    Disposition `json:"policy,omitempty"`     // p, sp or np, as it applies to the author's domain
	Testing   bool        `json:"testing,omitempty"`    // t=y: one step milder is asked for
	Strict    bool        `json:"strict,omitempty"`     // adkim=s or aspf=s
	Reason    string      `json:"reason,omitempty"`
	By        string      `json:"by,omitempty"` // authserv-id of the frontend that said so, "" is us
}

// Auth is a login that a trusted frontend vouches for, RFC 8601 §2.7.4.
type Auth struct {
	Login string `json:"login"` // smtp.auth as given
	By    string `json:"by"`
}

// Backed says whether an address is proven to be the author's: it is the only
// author, and a DKIM signature or SPF that passed is aligned with its domain,
// or a trusted frontend says so. No published DMARC policy is needed. how
// names the proof for people: "dkim example.com", "spf example.com", "auth
// anne@example.com".
func (r Results) Backed(author addr.Address) (ok bool, how string) {
	if author.IsZero() || r.Author.IsZero() || !r.Author.Equal(author) {
		return false, ""
	}
	for _, d := range r.DKIM {
		if d.Result == Pass && d.Aligned {
			return true, "dkim " + d.Domain
		}
	}
	if r.SPF.Result == Pass && r.SPF.Aligned {
		return true, "spf " + r.SPF.Domain
	}
	if r.DMARC.Result == Pass {
		return true, "dmarc " + author.Domain
	}
	for _, a := range r.Auth {
		if login, err := addr.Parse(a.Login); err == nil && login.Equal(author) {
			return true, "auth " + a.Login
		}
	}
	return false, ""
}

// TempError says that a check could not be finished, so that trying later may
// give a better result.
func (r Results) TempError() bool {
	return r.SPF.Result == TempError || r.DMARC.Result == TempError ||
		slices.ContainsFunc(r.DKIM, func(d DKIM) bool { return d.Result == TempError })
}

// Requested is what the author's domain wants to be done with this mail:
// nothing unless DMARC failed; a domain that is testing (t=y, RFC 9989 §4.7)
// asks for one step less than it publishes.
func (r Results) Requested() Disposition {
	if r.DMARC.Result != Fail {
		return DispositionNone
	}
	switch {
	case r.DMARC.Policy == DispositionReject && r.DMARC.Testing:
		return DispositionQuarantine
	case r.DMARC.Policy == "" || r.DMARC.Policy == DispositionQuarantine && r.DMARC.Testing:
		return DispositionNone
	}
	return r.DMARC.Policy
}
