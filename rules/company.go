package rules

import "postdesk/internal/addr"

// Company is the key under which contacts of one company are found: the
// registered domain, or "" for a freemail domain, whose users have nothing to
// do with each other.
func Company(domain string) string {
	if addr.IsFreemail(domain) {
		return ""
	}
	return addr.OrgDomain(domain)
}

// CapDomain is the key under which acknowledgements to a domain are counted:
// the registered domain, and one key for all freemail domains.
func CapDomain(domain string) string {
	if addr.IsFreemail(domain) {
		return "freemail"
	}
	return addr.OrgDomain(domain)
}
