// Package config reads the configuration file into a checked struct. It knows
// the file's words and nothing of what they make the program do: regular
// expressions and rules are compiled by package rules.
package config

import (
	"crypto"
	"net/netip"
	"time"

	"postdesk/internal/addr"
)

// Config is one checked configuration. It is never changed after Load: a
// reload makes a new one.
type Config struct {
	File            string // where it was read from
	Hostname        string
	DataDir         string
	Postmaster      addr.Address
	TrustedNetworks []netip.Prefix
	Frontends       Frontends
	TrustedAuthserv []string
	Listen          Listen
	TLS             TLS
	Resolver        string // host:port, "" is the system's
	Limits          Limits
	Auth            Auth
	Acknowledge     Acknowledge
	Relay           Relay
	DKIM            []DKIM
	Agents          []Agent
	Teams           []Team
	Rules           []Rule
	Tickets         Tickets

	// Warnings are what is allowed and still probably not meant, each
	// "file:line: key: text".
	Warnings []string
}

// Frontends are the MTAs in front of us.
type Frontends struct {
	Networks []netip.Prefix
	Unix     bool // peers on a unix socket
}

// Listen holds addresses: "host:port", or "unix:/path" for LMTP and admin.
type Listen struct {
	MX, Submission, Submissions, LMTP, HTTP, ACME []string
	Admin                                         string
}

// TLS says where the certificate comes from.
type TLS struct {
	Cert, Key string
	ACME      bool
	ACMEEmail string
}

// Limits bound what a peer may use.
type Limits struct {
	MessageSize      int64 // bytes
	Recipients       int
	Connections      int
	ConnectionsPerIP int
	MessagesPerIP    Rate
	MinFreeDisk      int64 // bytes
}

// Rate is N per period; the zero Rate is no limit.
type Rate struct {
	N   int
	Per time.Duration
}

// Auth says what to do with mail that fails authentication.
type Auth struct {
	EnforceDMARC bool     // false: mark
	Filters      []string // milters: "unix:/path", "inet:host:port"
}

// Acknowledge holds the caps of acknowledgements.
type Acknowledge struct {
	PerAddress, PerAddressDay, PerDomain, Breaker Rate
}

// Relay says how mail goes out.
type Relay struct {
	Smarthost          string // host:port, "" is by MX
	Username           string
	Password           string // read from password_file
	TLSRequired        bool
	Retry              []time.Duration
	Expire             time.Duration
	ConnectionsPerHost int
	Routes             map[string]string // domain to host:port
}

// DKIM is one signing key.
type DKIM struct {
	Domain, Selector, KeyFile string
	Key                       crypto.Signer // read from KeyFile: *rsa.PrivateKey or ed25519.PrivateKey
}

// Role says what an agent may do.
type Role string

// The roles.
const (
	RoleAgent      Role = "agent"
	RoleSupervisor Role = "supervisor"
	RoleObserver   Role = "observer"
)

// Agent is a person who answers.
type Agent struct {
	ID           string
	Name         string
	Address      addr.Address
	Aliases      []addr.Address
	PasswordHash string
	Role         Role
}

// Team is a generic address and what belongs to it.
type Team struct {
	Name           string
	Address        addr.Address
	Aliases        []addr.Address
	Agents         []string // ids
	Language       string
	Assign         string // round-robin, least-open, none
	AcceptKnown    bool
	KnownBy        []string
	Acknowledge    bool
	Signature      string // a text/template
	Hours          Hours
	FirstReply     Delay
	UpdateEvery    Delay
	RemindCustomer Delay
	CloseAfter     Delay
	Templates      string // folder, "" is the built-in ones
	Fields         []Field
}

// Hours are a team's opening hours. The zero Hours is always open.
type Hours struct {
	Days     [7]bool // by time.Weekday
	From, To time.Duration
	Zone     *time.Location
	Holidays []time.Time // midnight in Zone
}

// Delay is time in a team's own measure: working days, or opening hours. The
// zero Delay is off.
type Delay struct {
	Days int
	Time time.Duration // of opening hours
}

// Field is one that a team asks for.
type Field struct {
	Name, Hint, Pattern string
	Required            bool
}

// Rule is one [[rule]], not compiled. Values are string, bool, int64 or
// []string: patterns and words are a string or a []string, sizes are int64 bytes,
// hours, priority and texts are strings, the rest are bools. Keys are flat, as
// "header.X-Spam" and "not_subject".
type Rule struct {
	Name string
	Line int
	When map[string]any
	Then map[string]any
}

// Tickets holds the settings of tickets.
type Tickets struct {
	FirstNumber  uint64
	TagAgents    string
	TagCustomers string
	Reopen       time.Duration
	KeepClosed   time.Duration // 0 is for ever
	TokenDomain  string
}
