package store

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"postdesk/internal/addr"
	"postdesk/internal/alike"
)

// maxIndexedValue is the longest value of a contact's field that is found by
// itself, in bytes of its folded form: numbers, not texts.
const maxIndexedValue = 64

// indexStep is how many contacts one Update indexes.
const indexStep = 200

// fieldKeys are the entries of the index of values: of entered contacts only.
func fieldKeys(c *Contact) [][]byte {
	if !c.Known {
		return nil
	}
	var keys [][]byte
	for name, value := range c.Fields {
		name, value := alike.Name(name), alike.Value(value)
		if name != "" && value != "" && len(value) <= maxIndexedValue {
			keys = append(keys, key(indexField, name, value, c.ID))
		}
	}
	return keys
}

func indexFields(tx Tx, c *Contact) error {
	for _, k := range fieldKeys(c) {
		if err := tx.Set(k, []byte{}); err != nil {
			return err
		}
	}
	return nil
}

func dropFields(tx Tx, c *Contact) error {
	for _, k := range fieldKeys(c) {
		if err := tx.Delete(k); err != nil {
			return err
		}
	}
	return nil
}

// HolderOf is the entered contact that has a value in a field, the one with
// the lowest number; 0 for none. Names and values are compared as package alike
// does. Values above 64 bytes are not found.
func HolderOf(tx ReadTx, field, value string) (id uint64, err error) {
	lo, hi := within(key(indexField, alike.Name(field), alike.Value(value)))
	err = tx.Scan(lo, hi, 1, false, func(k, _ []byte) error { id = lastUint(k); return nil })
	return id, err
}

// IndexContactFields makes the index of values for a store that was written
// before there was one. It does nothing the second time.
func IndexContactFields(ctx context.Context, db Engine) error {
	var done uint64
	marker := key(tableCounter, "contact-fields")
	for after := uint64(0); ; {
		var list []*Contact
		err := db.View(ctx, func(tx ReadTx) error {
			list = nil
			if ok, err := find(tx, marker, &done); err != nil || ok {
				return err
			}
			_, hi := within([]byte{tableContact})
			return tx.Scan(key(tableContact, after+1), hi, indexStep, false, func(_, v []byte) error {
				c := new(Contact)
				list = append(list, c)
				return decode(v, c)
			})
		})
		if err != nil || done != 0 {
			return err
		}
		if err := db.Update(ctx, func(tx Tx) error { return indexPart(tx, marker, list) }); err != nil || len(list) < indexStep {
			return err
		}
		after = list[len(list)-1].ID
	}
}

// indexPart indexes contacts as they are now. A part that is not full is the last.
func indexPart(tx Tx, marker []byte, list []*Contact) error {
	for _, c := range list {
		now, err := GetContact(tx, c.ID)
		if errors.Is(err, ErrNotFound) {
			continue
		}
		if err != nil {
			return err
		}
		if err := indexFields(tx, now); err != nil {
			return err
		}
	}
	if len(list) < indexStep {
		return put(tx, marker, uint64(1))
	}
	return nil
}

// MergeContacts makes the contact from a part of into: addresses, and what into
// lacks. The tickets of from must have been moved before, see MoveRequest. The
// record of from is gone afterwards.
func MergeContacts(tx Tx, into, from uint64) (*Contact, error) {
	a, err := mergedContact(tx, into, from)
	if err != nil {
		return nil, err
	}
	if err := DeleteContact(tx, from); err != nil {
		return nil, err
	}
	return a, SaveContact(tx, a)
}

// MayMerge says why two contacts can't be one, ErrManyFields or ErrManyAddresses.
func MayMerge(tx ReadTx, into, from uint64) error {
	_, err := mergedContact(tx, into, from)
	return err
}

// mergedContact is what two contacts would be as one.
func mergedContact(tx ReadTx, into, from uint64) (*Contact, error) {
	a, err := GetContact(tx, into)
	if err != nil {
		return nil, err
	}
	b, err := GetContact(tx, from)
	if err != nil {
		return nil, err
	}
	if err := a.adopt(b); err != nil {
		return nil, fmt.Errorf("contacts %d and %d: %w", into, from, err)
	}
	return a, nil
}

// adopt takes over what another contact knows and this one does not.
func (c *Contact) adopt(b *Contact) error {
	for _, x := range []struct{ to, from *string }{{&c.Name, &b.Name}, {&c.Company, &b.Company}, {&c.Agent, &b.Agent}, {&c.Language, &b.Language}} {
		if *x.to == "" {
			*x.to = *x.from
		}
	}
	for name, value := range b.Fields {
		if c.Fields[name] == "" {
			if err := c.SetField(name, value); err != nil {
				return err
			}
		}
	}
	for _, x := range b.Addresses {
		if err := c.AddAddress(x); err != nil {
			return err
		}
	}
	c.Known, c.TwoWay = c.Known || b.Known, c.TwoWay || b.TwoWay
	if b.Created.Before(c.Created) {
		c.Created = b.Created
	}
	return nil
}

// Bounds of a contact's record; the last two are bytes. When all of it is quotes, fields have 50 KB, addresses 8 KB
// and the rest 5 KB, which is less than a value may have.
const (
	MaxContactFields    = 40
	MaxContactAddresses = 20
	MaxFieldName        = 100
	MaxFieldValue       = 500
)

// Why nothing more goes into a contact's record.
var (
	ErrManyFields    = fmt.Errorf("a contact has at most %d fields", MaxContactFields)
	ErrLongField     = fmt.Errorf("the name of a field has at most %d bytes, its value %d", MaxFieldName, MaxFieldValue)
	ErrManyAddresses = fmt.Errorf("a contact has at most %d addresses", MaxContactAddresses)
)

// AddAddress adds an address that is not there yet, or gives ErrManyAddresses.
func (c *Contact) AddAddress(a addr.Address) error {
	if slices.ContainsFunc(c.Addresses, func(b addr.Address) bool { return b.Key() == a.Key() }) {
		return nil
	}
	if len(c.Addresses) >= MaxContactAddresses {
		return ErrManyAddresses
	}
	c.Addresses = append(c.Addresses, a)
	return nil
}

// SetField writes a field; an empty value takes it away. What the bounds do not allow is ErrLongField or
// ErrManyFields.
func (c *Contact) SetField(name, value string) error {
	if value == "" {
		delete(c.Fields, name)
		return nil
	}
	if _, there := c.Fields[name]; !there && len(c.Fields) >= MaxContactFields {
		return ErrManyFields
	}
	if len(name) > MaxFieldName || len(value) > MaxFieldValue {
		return ErrLongField
	}
	if c.Fields == nil {
		c.Fields = map[string]string{}
	}
	c.Fields[name] = value
	return nil
}
