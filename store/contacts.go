package store

import (
	"errors"
	"time"

	"postdesk/internal/addr"
)

// Contact is a customer.
type Contact struct {
	ID        uint64            `json:"id"`
	Name      string            `json:"name,omitempty"`
	Addresses []addr.Address    `json:"addresses,omitempty"`
	Company   string            `json:"company,omitempty"`
	Agent     string            `json:"agent,omitempty"` // the agent named for this contact, id
	Language  string            `json:"language,omitempty"`
	Fields    map[string]string `json:"fields,omitempty"`
	Known     bool              `json:"known,omitempty"`   // entered by an admin or an agent, not only seen
	TwoWay    bool              `json:"two_way,omitempty"` // an agent has written to this contact
	Created   time.Time         `json:"created"`
	Erased    bool              `json:"erased,omitempty"`
}

// FindContact finds the contact with an address, or ErrNotFound.
func FindContact(tx ReadTx, a addr.Address) (*Contact, error) {
	var id uint64
	if err := get(tx, key(indexAddress, a.Key()), &id); err != nil {
		return nil, err
	}
	return GetContact(tx, id)
}

// GetContact reads a contact by number, or ErrNotFound.
func GetContact(tx ReadTx, id uint64) (*Contact, error) {
	c := new(Contact)
	if err := get(tx, key(tableContact, id), c); err != nil {
		return nil, err
	}
	return c, nil
}

// SeeContact finds the contact with an address, or makes one.
func SeeContact(tx Tx, m addr.Mailbox, now time.Time) (*Contact, error) {
	c, err := FindContact(tx, m.Address)
	if !errors.Is(err, ErrNotFound) {
		return c, err
	}
	c = &Contact{Name: m.Name, Addresses: []addr.Address{m.Address}, Created: now}
	return c, SaveContact(tx, c)
}

// EnterContact is SeeContact for an address that an agent or an admin names: the
// contact is known from now on.
func EnterContact(tx Tx, m addr.Mailbox, now time.Time) (*Contact, error) {
	c, err := SeeContact(tx, m, now)
	if err != nil || c.Known {
		return c, err
	}
	c.Known = true
	return c, SaveContact(tx, c)
}

// SaveContact writes a contact; one without a number gets the next. An address
// that was another contact's becomes this one's.
func SaveContact(tx Tx, c *Contact) error {
	if c.ID == 0 {
		id, err := next(tx, "contact", 1)
		if err != nil {
			return err
		}
		c.ID = id
	} else if err := dropIndexes(tx, c.ID); err != nil {
		return err
	}
	for _, a := range c.Addresses {
		if err := put(tx, key(indexAddress, a.Key()), c.ID); err != nil {
			return err
		}
	}
	if err := indexFields(tx, c); err != nil {
		return err
	}
	return put(tx, key(tableContact, c.ID), c)
}

// dropIndexes forgets the index entries of a contact as it is stored.
func dropIndexes(tx Tx, id uint64) error {
	old, err := GetContact(tx, id)
	if errors.Is(err, ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	if err := dropFields(tx, old); err != nil {
		return err
	}
	for _, a := range old.Addresses {
		var owner uint64
		ok, err := find(tx, key(indexAddress, a.Key()), &owner)
		if err != nil {
			return err
		}
		if ok && owner == id {
			if err := tx.Delete(key(indexAddress, a.Key())); err != nil {
				return err
			}
		}
	}
	return nil
}

// ListContacts calls fn for every contact, by number.
func ListContacts(tx ReadTx, fn func(*Contact) error) error {
	lo, hi := within([]byte{tableContact})
	return tx.Scan(lo, hi, 0, false, func(_, v []byte) error {
		c := new(Contact)
		if err := decode(v, c); err != nil {
			return err
		}
		return fn(c)
	})
}

// AddRequest records that a contact asked in a ticket.
func AddRequest(tx Tx, contact, number uint64) error {
	return tx.Set(key(indexRequester, contact, number), []byte{})
}

// DropRequest takes a ticket off a contact's list.
func DropRequest(tx Tx, contact, number uint64) error {
	return tx.Delete(key(indexRequester, contact, number))
}

// Requests calls fn for the numbers of the tickets that a contact takes part in.
func Requests(tx ReadTx, contact uint64, fn func(number uint64) error) error {
	lo, hi := within(key(indexRequester, contact))
	return tx.Scan(lo, hi, 0, false, func(k, _ []byte) error { return fn(lastUint(k)) })
}

// CompanyAgent is the agent named for a company: the one whom a contact record
// that stands for the whole domain names ("@example.com" among its addresses is
// written as an address with an empty local part by the CSV import).
func CompanyAgent(tx ReadTx, domain string) (string, error) {
	c, err := FindContact(tx, addr.Address{Domain: domain})
	if errors.Is(err, ErrNotFound) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	return c.Agent, nil
}
