package config

import (
	"fmt"
	"strings"

	"postdesk/internal/addr"
)

// AgentByID returns the agent with this id, or nil.
func (c *Config) AgentByID(id string) *Agent {
	for i := range c.Agents {
		if c.Agents[i].ID == id && id != "" {
			return &c.Agents[i]
		}
	}
	return nil
}

// AgentByAddress returns the agent with this address or alias, or nil. Case
// does not count.
func (c *Config) AgentByAddress(a addr.Address) *Agent {
	for i := range c.Agents {
		if isOneOf(a, c.Agents[i].Address, c.Agents[i].Aliases) {
			return &c.Agents[i]
		}
	}
	return nil
}

// TeamByAddress returns the team with this address or alias, or nil. Case does
// not count.
func (c *Config) TeamByAddress(a addr.Address) *Team {
	for i := range c.Teams {
		if isOneOf(a, c.Teams[i].Address, c.Teams[i].Aliases) {
			return &c.Teams[i]
		}
	}
	return nil
}

func isOneOf(a, main addr.Address, aliases []addr.Address) bool {
	if a.IsZero() {
		return false
	}
	if a.Equal(main) {
		return true
	}
	for _, alias := range aliases {
		if a.Equal(alias) {
			return true
		}
	}
	return false
}

// Domains are those that postdesk takes mail for: of the teams' addresses and
// aliases and the token domain, in the order of the file, each once.
func (c *Config) Domains() []string {
	var domains []string
	seen := map[string]bool{"": true}
	add := func(domain string) {
		if !seen[domain] {
			seen[domain] = true
			domains = append(domains, domain)
		}
	}
	for _, team := range c.Teams {
		add(team.Address.Domain)
		for _, alias := range team.Aliases {
			add(alias.Domain)
		}
	}
	add(c.Tickets.TokenDomain)
	return domains
}

// HasTLS reports whether the listeners can offer TLS, and so AUTH.
func (c *Config) HasTLS() bool { return c.TLS.Cert != "" || c.TLS.ACME }

func (c *Config) agentIDs() []string {
	var ids []string
	for _, a := range c.Agents {
		if a.ID != "" {
			ids = append(ids, a.ID)
		}
	}
	return ids
}

// String is a summary for the log, without secrets.
func (c *Config) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s, data in %s", c.File, c.Hostname, c.DataDir)
	for _, t := range c.Teams {
		fmt.Fprintf(&b, "; team %s (%s)", t.Address, strings.Join(t.Agents, ", "))
	}
	fmt.Fprintf(&b, "; %d agents, %d rules, %d DKIM keys", len(c.Agents), len(c.Rules), len(c.DKIM))
	switch {
	case c.Relay.Smarthost != "":
		fmt.Fprintf(&b, "; out by %s", c.Relay.Smarthost)
	default:
		b.WriteString("; out by MX")
	}
	return b.String()
}

// GoString is String: %#v must not print secrets either.
func (c *Config) GoString() string { return c.String() }

// String leaves out the password.
func (r Relay) String() string {
	return fmt.Sprintf("smarthost=%q username=%q routes=%v", r.Smarthost, r.Username, r.Routes)
}

// GoString is String.
func (r Relay) GoString() string { return r.String() }

// String leaves out the password's hash.
func (a Agent) String() string { return fmt.Sprintf("%s (%s, %s)", a.ID, a.Role, a.Address) }

// GoString is String.
func (a Agent) GoString() string { return a.String() }

// String leaves out the key.
func (d DKIM) String() string { return d.Selector + "._domainkey." + d.Domain }

// GoString is String.
func (d DKIM) GoString() string { return d.String() }
