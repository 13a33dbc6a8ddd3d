package config

import (
	"fmt"
	"strings"

	"postdesk/internal/addr"
)

// check reports what is right in itself and does not fit together.
func (r *reader) check(root *table, c *Config) {
	r.checkListen(root, c)
	r.checkTrust(root, c)
	r.checkAddresses(root, c)
	r.checkAgents(c)
	for i := range c.Teams {
		r.checkTeam(r.teams[i], c, &c.Teams[i])
	}
	r.checkRules(c)
	if c.Limits.ConnectionsPerIP > c.Limits.Connections && !root.sub("limits").wrong("connections", "connections_per_ip") {
		root.sub("limits").fail("connections_per_ip", "is above limits.connections (%d); want at most that", c.Limits.Connections)
	}
}

func (r *reader) checkListen(root *table, c *Config) {
	t := root.sub("listen")
	for _, where := range c.Listen.LMTP {
		unix := strings.HasPrefix(where, "unix:")
		if unix && !c.Frontends.Unix {
			t.fail("lmtp", `nobody may connect to %s; want "unix" in frontends`, where)
		} else if !unix && len(c.Frontends.Networks) == 0 {
			t.fail("lmtp", `nobody may connect to %s; want the MTA's address in frontends, as "127.0.0.1"`, where)
		}
	}
	if c.TLS.ACME && len(c.Listen.ACME) == 0 {
		t.fail("acme", `is empty and tls.acme is on; want [":80"], where the certificate authority asks`)
	}
}

// checkTrust keeps the MTA in front of us out of trusted_networks: whatever it
// passes on would be believed.
func (r *reader) checkTrust(root *table, c *Config) {
	for _, trusted := range c.TrustedNetworks {
		for _, frontend := range c.Frontends.Networks {
			if trusted.Overlaps(frontend) {
				root.fail("trusted_networks", "%s contains the frontend %s; want networks without it, all its mail would be taken for agents'", trusted, frontend)
			}
		}
	}
}

// owner is who has an address, and where that is written.
type owner struct {
	name string
	line int
}

// addresses notes who has which address, and reports what two have.
type addresses map[string]owner

func (a addresses) add(t *table, key string, address addr.Address, line int, name string) {
	if address.IsZero() {
		return
	}
	if other, taken := a[address.Key()]; taken {
		t.failAt(line, key, "%s belongs to %s already (line %d); want an address of its own", address, other.name, other.line)
		return
	}
	a[address.Key()] = owner{name, line}
}

// addAll adds the address and the aliases of one table.
func (a addresses) addAll(t *table, main addr.Address, aliases []addr.Address, name string) {
	line := t.line
	if v := t.entries["address"]; v != nil {
		line = v.line
	}
	a.add(t, "address", main, line, name)
	for _, alias := range aliases {
		a.add(t, "aliases", alias, t.lineOf("aliases", alias), name)
	}
}

// lineOf is the line of an address in a list.
func (t *table) lineOf(key string, address addr.Address) int {
	for _, e := range t.entries[key].list {
		if a, err := addr.Parse(e.text); err == nil && a.Equal(address) {
			return e.line
		}
	}
	return t.entries[key].line
}

func (r *reader) checkAddresses(root *table, c *Config) {
	all := addresses{}
	for i, team := range c.Teams {
		all.addAll(r.teams[i], team.Address, team.Aliases, "team "+team.Name)
	}
	if other, taken := all[c.Postmaster.Key()]; taken {
		root.fail("postmaster", "%s is the address of %s; want a mailbox outside postdesk", c.Postmaster, other.name)
	}
	for i, agent := range c.Agents {
		all.addAll(r.agents[i], agent.Address, agent.Aliases, "agent "+agent.ID)
		r.checkTokenDomain(r.agents[i], "address", agent.Address, c)
	}
	for i, team := range c.Teams {
		r.checkTokenDomain(r.teams[i], "address", team.Address, c)
	}
}

// checkTokenDomain keeps people out of the domain where every address is a
// token.
func (r *reader) checkTokenDomain(t *table, key string, a addr.Address, c *Config) {
	if c.Tickets.TokenDomain != "" && a.Domain == c.Tickets.TokenDomain {
		t.fail(key, "%s is in tickets.token_domain; want a token domain of its own, as desk.%s", a, a.Domain)
	}
}

func (r *reader) checkAgents(c *Config) {
	seen := map[string]int{}
	for i, agent := range c.Agents {
		t := r.agents[i]
		if agent.ID == "" {
			continue
		}
		if first, ok := seen[agent.ID]; ok {
			t.fail("id", "%q is an agent already (line %d); want another id", agent.ID, first)
			continue
		}
		seen[agent.ID] = t.entries["id"].line
	}
}

func (r *reader) checkTeam(t *table, c *Config, team *Team) {
	seen := map[string]bool{}
	for _, it := range t.list("agents") {
		switch {
		case c.AgentByID(it.text) == nil:
			t.failAt(it.line, "agents", "no agent has the id %q; want %s", it.text, orNone(c.agentIDs()))
		case seen[it.text]:
			t.failAt(it.line, "agents", "%q stands there twice; want it once", it.text)
		}
		seen[it.text] = true
	}
	if len(seen) == 0 && !t.wrong("agents") {
		t.fail("agents", `nobody would get its mail; want at least one id of an [[agent]]`)
	}
	if c.Tickets.TokenDomain == "" {
		t.checkRoomForToken(team.Address)
	}
}

// orNone is choice, when there may be nothing to choose.
func orNone(ids []string) string {
	if len(ids) == 0 {
		return "an [[agent]] with it"
	}
	return choice(ids)
}

// checkRoomForToken wants a local part to which "+t" and a token can be added:
// RFC 5321 §4.5.3.1.1 ends it at 64 octets.
func (t *table) checkRoomForToken(a addr.Address) {
	const instead = "or tickets.token_domain"
	switch {
	case strings.Contains(a.Local, "+"):
		t.fail("address", `%s contains a "+", which token addresses need; want an address without, %s`, a, instead)
	case len(a.Local) > addr.MaxTeamLocal:
		t.fail("address", "%d octets before the @ leave no room for a token; want at most %d, %s", len(a.Local), addr.MaxTeamLocal, instead)
	}
}

// warn notes what is allowed and still probably not meant.
func (r *reader) warn(root *table, c *Config) {
	r.warnTLS(root, c)
	r.warnFrontends(root, c)
	r.warnSigning(root, c)
	r.warnPeople(c)
	if !strings.Contains(c.Hostname, ".") {
		root.warn("hostname", "%q has no domain; many servers refuse such a HELO", c.Hostname)
	}
	for _, domain := range c.Domains() {
		if local := strings.ToLower(c.Postmaster.Local); c.Postmaster.Domain == domain && (local == "postmaster" || local == "abuse") {
			root.warn("postmaster", "mail to %s may come back to postdesk; a mailbox of another name is safer", c.Postmaster)
		}
	}
}

func (r *reader) warnTLS(root *table, c *Config) {
	t := root.sub("tls")
	if !c.HasTLS() {
		t.warn("cert", "no certificate and no acme: no TLS, and so no AUTH: agents cannot submit mail with a password")
		return
	}
	if r.leaf != nil && r.leaf.VerifyHostname(c.Hostname) != nil {
		t.warn("cert", "is not for %s (it is for %s)", c.Hostname, strings.Join(r.leaf.DNSNames, ", "))
	}
}

func (r *reader) warnFrontends(root *table, c *Config) {
	behind := c.Frontends.Unix || len(c.Frontends.Networks) > 0
	switch {
	case behind && len(c.TrustedAuthserv) == 0:
		root.warn("trusted_authserv", "is empty: what the frontend found out about senders is not read, only DKIM counts")
	case !behind && len(c.TrustedAuthserv) > 0:
		root.warn("trusted_authserv", "has no effect without frontends")
	}
	if behind && c.Tickets.TokenDomain == "" {
		root.sub("tickets").warn("token_domain", `is recommended behind another MTA: many drop the "+..." of addresses ("postdesk check --online" tries it)`)
	}
}

// warnSigning wants a DKIM key for each domain that stands in a From of ours.
func (r *reader) warnSigning(root *table, c *Config) {
	kinds := map[string]string{}
	for _, k := range c.DKIM {
		kinds[k.Domain] += fmt.Sprintf("%T ", k.Key)
	}
	line := map[string]int{}
	for i, team := range c.Teams {
		if domain := team.Address.Domain; line[domain] == 0 {
			line[domain] = r.teams[i].entries["address"].line
		}
	}
	for _, domain := range c.Domains() {
		kind, ok := kinds[domain]
		switch {
		case !ok && (line[domain] > 0 || domain == c.Tickets.TokenDomain):
			root.warnAt(max(line[domain], 1), "dkim", "no key for %s: its mail goes out unsigned", domain)
		case ok && !strings.Contains(kind, "rsa"):
			root.warn("dkim", "%s has only an Ed25519 key: many receivers verify RSA alone", domain)
		}
	}
}

func (t *table) warnAt(at int, key, format string, args ...any) {
	t.warnings = append(t.warnings, Problem{File: t.name, Line: at, Key: key, Text: fmt.Sprintf(format, args...)})
}

func (r *reader) warnPeople(c *Config) {
	for i, team := range c.Teams {
		able := 0
		for _, id := range team.Agents {
			if a := c.AgentByID(id); a != nil && a.Role != RoleObserver {
				able++
			}
		}
		if able == 0 {
			r.teams[i].warn("agents", "all of them are observers: nobody may answer")
		}
	}
	for i, a := range c.Agents {
		if !c.inATeam(a.ID) && a.Role == RoleAgent {
			r.agents[i].warn("id", "%s is in no team", a.ID)
		}
	}
}

func (c *Config) inATeam(id string) bool {
	for _, team := range c.Teams {
		for _, other := range team.Agents {
			if other == id {
				return true
			}
		}
	}
	return false
}
