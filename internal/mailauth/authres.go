package mailauth

import (
	"strings"
)

// Format writes the value of an Authentication-Results field, RFC 8601 §2.2,
// folded, without field name and last line end. Nothing of what it writes can
// end the field: the library's own writer leaves line ends inside quotes as
// they are.
func Format(authserv string, r Results) string {
	var b strings.Builder
	b.Grow(384)
	b.WriteString(value(authserv))
	n := b.Len()
	if r.SPF.Result != "" && r.SPF.By == "" {
		property := "smtp.mailfrom"
		if r.SPF.Identity == "helo" {
			property = "smtp.helo"
		}
		writeResult(&b, "spf", r.SPF.Result, r.SPF.Reason, property, r.SPF.Domain)
	}
	for _, d := range r.DKIM {
		if d.By == "" {
			writeResult(&b, "dkim", d.Result, d.Reason, "header.d", d.Domain, "header.s", d.Selector)
		}
	}
	if r.DMARC.Result != "" && r.DMARC.By == "" {
		writeResult(&b, "dmarc", r.DMARC.Result, r.DMARC.Reason, "header.from", r.Author.Domain)
	}
	if b.Len() == n {
		b.WriteString("; none")
	}
	return b.String()
}

// writeResult appends one resinfo; properties come as name and value, those
// with an empty value are left out.
func writeResult(b *strings.Builder, method string, result Result, reason string, properties ...string) {
	b.WriteString(";\r\n\t" + method + "=" + value(string(result)))
	if reason != "" {
		b.WriteString(" reason=" + quoted(reason))
	}
	for i := 0; i+1 < len(properties); i += 2 {
		if properties[i+1] != "" {
			b.WriteString("\r\n\t " + properties[i] + "=" + value(properties[i+1]))
		}
	}
}

// value writes a token (RFC 2045 §5.1) or a quoted string.
func value(s string) string {
	for _, r := range s {
		if r <= ' ' || r >= 0x7f || strings.ContainsRune(`()<>@,;:\"/[]?=`, r) {
			return quoted(s)
		}
	}
	if s == "" {
		return `""`
	}
	return s
}

func quoted(s string) string { return `"` + quotedPairs.Replace(clean(s)) + `"` }

var quotedPairs = strings.NewReplacer(`\`, `\\`, `"`, `\"`)

// trusted reads the Authentication-Results of frontends: fields are those of the
// mail from the top, names the authserv-ids that are believed. The caller must
// know that the mail came from a frontend, and the frontend must delete such
// fields from mail of strangers (RFC 8601 §5); but one that it missed should not
// count. An MTA writes above what was there, so that only the topmost block of
// fields is read, of each method only the topmost field that has it, and logins,
// which most mail has none of, only in the topmost of all. Alignment is not
// set: Check does that.
func trusted(fields []field, names []string) Results {
	var r Results
	by := map[string]int{} // the field whose word counts, by method
	for i, f := range trustedBlock(fields, names) {
		for _, x := range f.results {
			if _, ok := by[x.method]; !ok {
				by[x.method] = i
			}
			// A DMARC that failed (RFC 9989 §4.4) had no aligned pass to go by: one
			// below it is not of the same hand.
			refuted := x.result == Pass && r.DMARC.Result == Fail && by["dmarc"] < i
			if by[x.method] == i && !refuted && (x.method != "auth" || i == 0) {
				r.add(f.authserv, x)
			}
		}
	}
	return r
}

// trustedBlock reads the topmost fields of these names. The block ends where the
// trace of an earlier MTA begins, or what the sender wrote.
func trustedBlock(fields []field, names []string) (block []arField) {
	for _, f := range fields {
		if f.name != "authentication-results" {
			if len(block) > 0 && !isAddedOnTop(f.name) {
				return block
			}
			continue
		}
		_, v, _ := strings.Cut(string(f.raw), ":")
		if read, ok := parseField(v); ok && hasName(read.authserv, names) {
			block = append(block, read)
		}
	}
	return block
}

// isAddedOnTop says whether a field is one that MTAs and their filters write
// beside Authentication-Results.
func isAddedOnTop(name string) bool {
	switch name {
	case "received-spf", "dkim-filter", "dmarc-filter", "return-path", "delivered-to", "x-original-to":
		return true
	}
	return strings.HasPrefix(name, "arc-") || strings.HasPrefix(name, "x-")
}

// maxTrusted bounds what is kept of each kind.
const maxTrusted = 10

func (r *Results) add(by string, x resinfo) {
	switch x.method {
	case "spf":
		if r.SPF.By == "" {
			r.SPF = trustedSPF(by, x)
		}
	case "dkim":
		domain := x.props["header.d"]
		if domain == "" {
			domain = x.props["header.i"]
		}
		if d := domainOf(domain); d != "" && len(r.DKIM) < maxTrusted {
			r.DKIM = append(r.DKIM, DKIM{Result: x.result, Domain: d, Selector: clean(x.props["header.s"]), Reason: clean(x.reason), By: by})
		}
	case "dmarc":
		if r.DMARC.By == "" {
			r.DMARC = DMARC{Result: x.result, Domain: domainOf(x.props["header.from"]), Reason: clean(x.reason), By: by}
		}
	case "auth":
		// Only smtp.auth names who logged in. smtp.mailfrom beside it is what the
		// client then said, RFC 8601 §2.7.4.
		if login := x.props["smtp.auth"]; x.result == Pass && login != "" && len(r.Auth) < maxTrusted {
			r.Auth = append(r.Auth, Auth{Login: clean(login), By: by})
		}
	case "arc":
		if r.ARC == "" {
			r.ARC = x.result
		}
	}
}

func trustedSPF(by string, x resinfo) SPF {
	s := SPF{Result: x.result, Identity: "mailfrom", Domain: domainOf(x.props["smtp.mailfrom"]), Reason: clean(x.reason), By: by}
	if s.Domain == "" {
		s.Identity, s.Domain = "helo", domainOf(x.props["smtp.helo"])
	}
	return s
}

func hasName(authserv string, names []string) bool {
	for _, n := range names {
		if n != "" && strings.EqualFold(authserv, strings.TrimSpace(n)) {
			return true
		}
	}
	return false
}
