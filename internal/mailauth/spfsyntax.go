package mailauth

import (
	"context"
	"net"
	"regexp"
	"strconv"
	"strings"
)

// spfLookup hands the SPF library only records that are well-formed. RFC 7208
// §4.6 makes a syntax error anywhere in a record a permerror; the library stops
// at the first mechanism that matches, and takes names and lengths for good
// that the grammar does not know.
type spfLookup struct{ *lookups }

// brokenSPF is a record that the library refuses.
const brokenSPF = "v=spf1 malformed"

// LookupTXT replaces malformed SPF records.
func (l spfLookup) LookupTXT(ctx context.Context, name string) ([]string, error) {
	list, err := l.lookups.LookupTXT(ctx, name)
	out := make([]string, len(list))
	for i, txt := range list {
		if out[i] = txt; isSPF(txt) && !validSPF(txt) {
			out[i] = brokenSPF
		}
	}
	return out, err
}

func isSPF(txt string) bool {
	return len(txt) >= 6 && strings.EqualFold(txt[:6], "v=spf1") && (len(txt) == 6 || txt[6] == ' ')
}

// The grammar of RFC 7208 §12. The letters c, r and t are for explanations
// only, §7.2.
const (
	macroExpand = `%(?:\{[sldoiphvSLDOIPHV][0-9]*[rR]?[-.+,/_=]*\}|%|_|-)`
	macroString = `(?:` + macroExpand + `|[!-$&-~])*`
	topLabel    = `(?:[A-Za-z0-9]*[A-Za-z][A-Za-z0-9]*|[A-Za-z0-9]+-[A-Za-z0-9-]*[A-Za-z0-9])`
	domainSpec  = macroString + `(?:\.` + topLabel + `\.?|` + macroExpand + `)`
)

var (
	spfModifier = regexp.MustCompile(`^([A-Za-z][A-Za-z0-9._-]*)=(` + macroString + `)$`)
	spfDomain   = regexp.MustCompile(`^` + domainSpec + `$`)
	spfHost     = regexp.MustCompile(`^(?::` + domainSpec + `)?(?:/(0|[1-9][0-9]?))?(?://(0|[1-9][0-9]{0,2}))?$`)
)

// validSPF checks the whole record.
func validSPF(txt string) bool {
	once := map[string]bool{}
	for _, term := range strings.Split(txt, " ")[1:] {
		if term == "" {
			continue
		}
		if m := modifier(term); m != nil {
			name := strings.ToLower(m[1])
			if name != "redirect" && name != "exp" {
				continue
			}
			if once[name] || !spfDomain.MatchString(m[2]) {
				return false
			}
			once[name] = true
			continue
		}
		if name, rest := cutName(term); !validMechanism(strings.ToLower(name), rest) {
			return false
		}
	}
	return true
}

// modifier gives name and value of a modifier, nil for a mechanism.
func modifier(term string) []string {
	if !strings.Contains(term, "=") {
		return nil
	}
	return spfModifier.FindStringSubmatch(term)
}

// cutName cuts a mechanism's name off what follows it, and leaves out the qualifier.
func cutName(term string) (name, rest string) {
	if strings.IndexByte("+?~-", term[0]) >= 0 {
		term = term[1:]
	}
	i := 0
	for i < len(term) && isAlnum(term[i]) {
		i++
	}
	return term[:i], term[i:]
}

func isAlnum(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
}

func validMechanism(name, rest string) bool {
	domain, colon := strings.CutPrefix(rest, ":")
	switch name {
	case "all":
		return rest == ""
	case "include", "exists":
		return colon && spfDomain.MatchString(domain)
	case "ptr":
		return rest == "" || colon && spfDomain.MatchString(domain)
	case "a", "mx":
		m := spfHost.FindStringSubmatch(rest)
		return m != nil && atMost(m[1], 32) && atMost(m[2], 128)
	case "ip4", "ip6":
		return validNet(name, rest)
	}
	return false
}

func validNet(name, rest string) bool {
	address, colon := strings.CutPrefix(rest, ":")
	address, length, cut := strings.Cut(address, "/")
	v6, most := strings.Contains(address, ":"), 32
	if v6 {
		most = 128
	}
	if n, err := strconv.Atoi(length); cut && (err != nil || strconv.Itoa(n) != length || n < 0 || n > most) {
		return false
	}
	return colon && v6 == (name == "ip6") && net.ParseIP(address) != nil
}

func atMost(digits string, most int) bool {
	n, err := strconv.Atoi(digits)
	return digits == "" || err == nil && n <= most
}
