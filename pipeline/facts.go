package pipeline

import (
	"errors"
	"strings"
	"time"

	"postdesk/internal/addr"
	"postdesk/internal/config"
	"postdesk/internal/message"
	"postdesk/internal/ticket"
	"postdesk/rules"
	"postdesk/store"
)

// maxRuleText is how much of the decoded text the rules see, in bytes.
const maxRuleText = 64 << 10

// ruleFacts is the mail as the admin's rules see it.
func (d *delivery) ruleFacts(team *config.Team, c *store.Contact, t *ticket.Ticket) *rules.Facts {
	var text string
	if d.w.rules.Len() > 0 { // else nobody looks at it
		text, _ = d.mail.TextBody(maxRuleText)
	}
	f := &rules.Facts{
		Team: team.Address.String(), From: d.author.Address.String(), FromDomain: d.author.Address.Domain,
		To: addresses(d.mail.Header.Mailboxes("To")), Cc: addresses(d.mail.Header.Mailboxes("Cc")),
		Subject: d.facts.Subject, Header: d.decodedHeader, Body: text, Attachments: fileNames(d.mail),
		Language: team.Language, Size: d.facts.Size, Open: rules.Open(team.Hours, d.at),
		Backed: d.facts.Auth.Backed != "", Automatic: d.facts.Class.Automatic, New: t == nil,
	}
	if c != nil {
		f.Known, f.Contact = c.Known, contactColumns(c)
		if c.Language != "" {
			f.Language = c.Language
		}
	}
	if t != nil {
		f.Category, f.Fields = t.Category, t.Fields
	} else if d.w.rules.Len() > 0 {
		f.Fields = d.arrivedFields(team)
	}
	return f
}

// decodedHeader gives the values of a field as people read them.
func (d *delivery) decodedHeader(name string) []string {
	n := d.mail.Header.Count(name)
	if n == 0 {
		return nil
	}
	if n == 1 {
		return []string{d.mail.Header.Text(name)}
	}
	return d.mail.Header.Values(name)
}

func addresses(list []addr.Mailbox) []string {
	var out []string
	for _, m := range list {
		out = append(out, m.Address.String())
	}
	return out
}

func fileNames(m *message.Message) []string {
	var names []string
	for _, a := range m.Attachments() {
		names = append(names, a.FileName())
	}
	return names
}

// contactColumns are what a rule may ask of contact.<column>.
func contactColumns(c *store.Contact) map[string]string {
	columns := map[string]string{"name": c.Name, "company": c.Company, "agent": c.Agent, "language": c.Language}
	for name, value := range c.Fields {
		columns[strings.ToLower(name)] = value
	}
	return columns
}

// contactOf is the contact with an address, nil for none.
func contactOf(tx store.ReadTx, a addr.Address) (*store.Contact, error) {
	if a.IsZero() {
		return nil, nil
	}
	c, err := store.FindContact(tx, a)
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	}
	return c, err
}

// routeIn gathers what decides who of a team gets the request of a customer.
func (d *delivery) routeIn(tx store.ReadTx, team *config.Team, who addr.Address, c *store.Contact, assign string) (rules.RouteIn, error) {
	return d.w.routeIn(tx, team, who, c, assign, d.at)
}

// routeIn is the same at any moment.
func (w *world) routeIn(tx store.ReadTx, team *config.Team, who addr.Address, c *store.Contact, assign string, now time.Time) (rules.RouteIn, error) {
	in := rules.RouteIn{Team: team.Agents, Agents: map[string]rules.AgentState{}, Rule: assign, Method: team.Assign}
	away, err := absentees(tx, now)
	if err != nil {
		return in, err
	}
	for id, a := range w.agents {
		open := 0
		if team.Assign == "least-open" && inTeam(team, id) {
			if open, err = store.CountInHand(tx, id); err != nil {
				return in, err
			}
		}
		_, gone := away[id]
		in.Agents[id] = rules.AgentState{Role: a.Role, Open: open, Away: gone}
	}
	if in.LastAssigned, err = store.LastByTurn(tx, team.Address); err != nil {
		return in, err
	}
	return in, usual(tx, team, who, c, &in)
}

// usual adds who looks after this contact, and after this company.
func usual(tx store.ReadTx, team *config.Team, who addr.Address, c *store.Contact, in *rules.RouteIn) error {
	if c != nil {
		in.ContactAgent = c.Agent
	}
	if who.IsZero() {
		return nil
	}
	var err error
	if in.LastContact, err = store.UsualFor(tx, team.Address, who.Key()); err != nil {
		return err
	}
	company := rules.Company(who.Domain)
	if company == "" {
		return nil
	}
	if in.LastCompany, err = store.UsualFor(tx, team.Address, "@"+company); err != nil {
		return err
	}
	in.CompanyAgent, err = store.CompanyAgent(tx, company)
	return err
}
