package pipeline

import (
	"errors"
	"strings"

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
		To: addresses(d.mailboxes("To")), Cc: addresses(d.mailboxes("Cc")),
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
