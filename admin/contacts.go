package admin

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"postdesk/internal/addr"
	"postdesk/internal/message"
	"postdesk/pipeline"
	"postdesk/store"
)

// Contact is a customer. An address without a local part stands for a whole
// company.
type Contact struct {
	ID        uint64            `json:"id"`
	Name      string            `json:"name"`
	Addresses []string          `json:"addresses"`
	Company   string            `json:"company"`
	Agent     string            `json:"agent"`
	Language  string            `json:"language"`
	Fields    map[string]string `json:"fields"`
	Known     bool              `json:"known"`
	TwoWay    bool              `json:"two_way"`
	Created   time.Time         `json:"created"`
	Erased    bool              `json:"erased"`
	Tickets   []uint64          `json:"tickets,omitempty"` // show only
}

func contactOf(c *store.Contact) Contact {
	out := Contact{ID: c.ID, Name: c.Name, Addresses: plain(c.Addresses), Company: c.Company, Agent: c.Agent, Language: c.Language, Fields: c.Fields,
		Known: c.Known, TwoWay: c.TwoWay, Created: c.Created, Erased: c.Erased}
	if out.Fields == nil {
		out.Fields = map[string]string{}
	}
	return out
}

// parseWho reads an address, or "@example.com" for a whole company.
func parseWho(s string) (addr.Address, error) {
	if domain, ok := strings.CutPrefix(s, "@"); ok {
		d, err := addr.ParseDomain(domain)
		return addr.Address{Domain: d}, err
	}
	return addr.Parse(s)
}

// findContact finds a contact by number or address.
func findContact(tx store.ReadTx, who string) (*store.Contact, error) {
	if id, err := strconv.ParseUint(who, 10, 64); err == nil {
		c, err := store.GetContact(tx, id)
		return c, missing(err, "contact %d", id)
	}
	a, err := parseWho(who)
	if err != nil {
		return nil, fmt.Errorf("%q: want an address, @company.example or a contact's number: %w", who, err)
	}
	c, err := store.FindContact(tx, a)
	return c, missing(err, "contact with the address %s", who)
}

// ListContacts asks for the contacts, by number; erased ones are left out.
type ListContacts struct {
	Known bool // only those that were entered, not only seen
}

func (d *Desk) listContacts(ctx context.Context, q ListContacts, emit func(Contact) error) error {
	return d.Store.View(ctx, func(tx store.ReadTx) error {
		return store.ListContacts(tx, func(c *store.Contact) error {
			if c.Erased || q.Known && !c.Known {
				return ctx.Err()
			}
			return emit(contactOf(c))
		})
	})
}

// ContactID names a contact by address or number. By is the name of the user
// who asks.
type ContactID struct{ Who, By string }

func (d *Desk) showContact(ctx context.Context, q ContactID) (out Contact, err error) {
	err = d.Store.View(ctx, func(tx store.ReadTx) error {
		c, err := findContact(tx, q.Who)
		if err != nil {
			return err
		}
		out = contactOf(c)
		out.Tickets = []uint64{}
		return store.Requests(tx, c.ID, func(n uint64) error { out.Tickets = append(out.Tickets, n); return nil })
	})
	return out, err
}

// SetContact asks for changes to a contact; one who is not there is made, when
// Who is an address. Keys are name, company, agent, language, known, address
// (+a@x, -a@x) and field.<name>; an empty value clears.
type SetContact struct {
	Who     string
	Changes []pipeline.Change
}

func (d *Desk) setContact(ctx context.Context, q SetContact) (out Contact, err error) {
	err = d.Store.Update(ctx, func(tx store.Tx) error {
		c, err := findContact(tx, q.Who)
		if err != nil {
			a, bad := parseWho(q.Who)
			if bad != nil {
				return err
			}
			if _, err := store.FindContact(tx, a); !errors.Is(err, store.ErrNotFound) {
				return err
			}
			c = &store.Contact{Addresses: []addr.Address{a}, Created: d.Now().UTC()}
		}
		if c.Erased {
			return fmt.Errorf("contact %d was erased", c.ID)
		}
		c.Known = true
		for _, change := range q.Changes {
			if err := d.changeContact(tx, c, change); err != nil {
				return err
			}
		}
		if err := store.SaveContact(tx, c); err != nil {
			return err
		}
		out = contactOf(c)
		return nil
	})
	return out, err
}

func (d *Desk) changeContact(tx store.ReadTx, c *store.Contact, change pipeline.Change) error {
	key, value := change.Key, change.Value
	if message.Clean(value, 1000) != value {
		return fmt.Errorf("%s: the value is too long or has control characters", key)
	}
	if field, ok := strings.CutPrefix(key, "field."); ok && field != "" {
		if err := c.SetField(field, value); err != nil {
			return fmt.Errorf("%s: %w", key, err)
		}
		return nil
	}
	switch key {
	case "name":
		c.Name = value
	case "company":
		c.Company = value
	case "agent":
		c.Agent = value
		return d.checkAgent(value)
	case "language":
		c.Language = value
		return checkLanguage(value)
	case "known":
		known, err := strconv.ParseBool(value)
		c.Known = known
		return err
	case "address":
		return changeAddress(tx, c, value)
	default:
		return fmt.Errorf("unknown key %q; want name, company, agent, language, known, address or field.<name>", key)
	}
	return nil
}

func (d *Desk) checkAgent(id string) error {
	if id != "" && d.Config().AgentByID(id) == nil {
		return fmt.Errorf("agent: no agent has the id %q", id)
	}
	return nil
}

func checkLanguage(tag string) error {
	for _, r := range tag {
		if len(tag) < 2 || len(tag) > 12 || (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && r != '-' {
			return fmt.Errorf("language: %q is no language; want one as fr or en", tag)
		}
	}
	return nil
}

// changeAddress adds +a@x or takes -a@x away; the address of another contact is
// not taken.
func changeAddress(tx store.ReadTx, c *store.Contact, value string) error {
	remove := strings.HasPrefix(value, "-")
	a, err := parseWho(strings.TrimLeft(value, "+-"))
	if err != nil {
		return fmt.Errorf("address: %q: %w", value, err)
	}
	same := func(b addr.Address) bool { return b.Key() == a.Key() }
	if remove {
		if c.Addresses = slices.DeleteFunc(c.Addresses, same); len(c.Addresses) == 0 {
			return fmt.Errorf("address: %s is the only one", a)
		}
		return nil
	}
	if other, err := store.FindContact(tx, a); err == nil && other.ID != c.ID {
		return fmt.Errorf("address: %s is that of contact %d: merge them", a, other.ID)
	}
	if err := c.AddAddress(a); err != nil {
		return fmt.Errorf("address: %w", err)
	}
	return nil
}

// MergeContacts makes From a part of Into: addresses, tickets, and what Into
// lacks. From is gone afterwards.
type MergeContacts struct{ Into, From string }

// requestsPerUpdate keeps an Update below the store's limit.
const requestsPerUpdate = 20

func (d *Desk) mergeContacts(ctx context.Context, q MergeContacts) (out Contact, err error) {
	var into, from uint64
	var numbers []uint64
	err = d.Store.View(ctx, func(tx store.ReadTx) error {
		a, err := findContact(tx, q.Into)
		if err != nil {
			return err
		}
		b, err := findContact(tx, q.From)
		if err != nil {
			return err
		}
		if into, from = a.ID, b.ID; into == from {
			return fmt.Errorf("%s and %s are the same contact", q.Into, q.From)
		}
		if err := store.MayMerge(tx, into, from); err != nil {
			return err // before a ticket is moved
		}
		return store.Requests(tx, from, func(n uint64) error { numbers = append(numbers, n); return nil })
	})
	if err != nil {
		return out, err
	}
	for part := range slices.Chunk(numbers, requestsPerUpdate) {
		err := d.Store.Update(ctx, func(tx store.Tx) error {
			for _, n := range part {
				if err := store.MoveRequest(tx, n, from, into); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return out, err
		}
	}
	err = d.Store.Update(ctx, func(tx store.Tx) error {
		c, err := store.MergeContacts(tx, into, from)
		if err == nil {
			out = contactOf(c)
		}
		return err
	})
	return out, err
}

// Erase asks to erase the person with an address. By is the name of the user
// who asks; with DryRun nothing is written.
type Erase struct {
	Who, By string
	DryRun  bool
}

// Erased is what an erasure did, or would do.
type Erased struct {
	store.ErasedPerson
	Addresses []string `json:"addresses"` // of a dry run
	DryRun    bool     `json:"dry_run"`
}

// eraseContact takes a person's data out of everything; see
// store.ErasePerson. The journal's old records go with a snapshot.
func (d *Desk) eraseContact(ctx context.Context, q Erase) (done Erased, err error) {
	done = Erased{Addresses: []string{}, DryRun: q.DryRun}
	a, err := addr.Parse(q.Who)
	if err != nil {
		return done, fmt.Errorf("%q is no address: %w", q.Who, err)
	}
	cfg := d.Config()
	if cfg.AgentByAddress(a) != nil || cfg.TeamByAddress(a) != nil {
		return done, fmt.Errorf("%s is the address of an agent or a team, not of a contact", a)
	}
	if q.DryRun {
		done.ErasedPerson, done.Addresses, err = store.RehearseErasure(ctx, d.Store, a, d.Now().UTC())
		return done, missing(err, "trace of %s", a)
	}
	done.ErasedPerson, err = store.ErasePerson(ctx, d.Store, a, pipeline.Admin(q.By), d.Now().UTC())
	if err != nil {
		return done, missing(err, "trace of %s", a)
	}
	return done, d.Store.Snapshot(ctx, true)
}
