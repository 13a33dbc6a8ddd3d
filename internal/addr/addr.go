// Package addr holds strict mail addresses, their quoting and IDNA, and the
// token addresses that postdesk mints.
package addr

import (
	"strings"

	"golang.org/x/text/unicode/norm"
)

// Limits of an address in octets, RFC 5321 §4.5.3.1.
const (
	maxLocal   = 64
	maxDomain  = 255
	maxMailbox = 254 // a path of 256 without its brackets
)

// Address is a mailbox address, RFC 5321 §4.1.2. The zero value is the null
// sender. Local is unquoted; Domain is in lower case and in A-label form, or an
// address literal with its brackets.
type Address struct {
	Local, Domain string
}

// Mailbox is an address with the name that its owner gave to it, decoded.
type Mailbox struct {
	Name    string
	Address Address
}

// IsZero says whether a is the null sender.
func (a Address) IsZero() bool { return a == Address{} }

// IsASCII says whether a can be sent without SMTPUTF8 (RFC 6531). The domain
// always can, being in A-label form.
func (a Address) IsASCII() bool { return isASCII(a.Local) }

// String writes the address as it stands on the wire, without angle brackets:
// the local part is quoted when it must be, RFC 5321 §4.1.2. The null sender is
// the empty string.
func (a Address) String() string {
	if a.IsZero() {
		return ""
	}
	return quoteLocal(a.Local) + "@" + a.Domain
}

// Key is the form in which addresses are compared and indexed: without case
// and in normalisation form C. RFC 5321 §2.4 leaves the case of a local part to
// its host, but no host of today tells two people apart by it.
func (a Address) Key() string {
	if a.IsZero() {
		return ""
	}
	return quoteLocal(lower(a.Local)) + "@" + lowerASCII(a.Domain)
}

// Equal compares by Key.
func (a Address) Equal(b Address) bool { return a == b || a.Key() == b.Key() }

// WithExt appends "+ext" to the local part. The caller minds the length, see
// MaxTokenLen.
func (a Address) WithExt(ext string) Address {
	return Address{Local: a.Local + "+" + ext, Domain: a.Domain}
}

// SplitExt takes "+ext" off the local part, at the first plus sign. ext is
// empty when there is none, or when nothing stands before it.
func (a Address) SplitExt() (base Address, ext string) {
	i := strings.IndexByte(a.Local, '+')
	if i <= 0 {
		return a, ""
	}
	return Address{Local: a.Local[:i], Domain: a.Domain}, a.Local[i+1:]
}

// lower folds case for comparison. It normalises first: the Kelvin sign, for
// one, is the letter K only in form C.
func lower(s string) string {
	if isASCII(s) {
		return lowerASCII(s)
	}
	return norm.NFC.String(strings.ToLower(norm.NFC.String(s)))
}

func lowerASCII(s string) string {
	for i := 0; i < len(s); i++ {
		if 'A' <= s[i] && s[i] <= 'Z' {
			return lowerBytes(s)
		}
	}
	return s
}

// lowerBytes leaves what is not ASCII alone, unlike strings.ToLower.
func lowerBytes(s string) string {
	b := []byte(s)
	for i, c := range b {
		if 'A' <= c && c <= 'Z' {
			b[i] = c + 'a' - 'A'
		}
	}
	return string(b)
}

func isASCII(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] >= 0x80 {
			return false
		}
	}
	return true
}
