// Package addr holds strict mail addresses, their quoting and IDNA, and the
// token addresses that postdesk mints.
package addr

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
