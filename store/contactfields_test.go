package store_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"postdesk/internal/addr"
	"postdesk/internal/ticket"
	"postdesk/store"
)

func holder(t *testing.T, db *store.DB, field, value string) (id uint64) {
	t.Helper()
	view(t, db, func(tx store.ReadTx) (err error) {
		id, err = store.HolderOf(tx, field, value)
		return err
	})
	return id
}

func TestAContactIsFoundByTheValueOfAField(t *testing.T) {
	db := openTables(t)
	c := &store.Contact{Known: true, Fields: map[string]string{"Sérial": "SN-1234 567"}, Addresses: []addr.Address{{Local: "jean", Domain: "client.example"}}}
	seen := &store.Contact{Fields: map[string]string{"Sérial": "SN-9"}}
	update(t, db, func(tx store.Tx) error {
		if err := store.SaveContact(tx, seen); err != nil {
			return err
		}
		return store.SaveContact(tx, c)
	})
	if id := holder(t, db, "serial", "sn1234567"); id != c.ID {
		t.Errorf("found %d, want %d", id, c.ID)
	}
	for _, value := range []string{"sn12345678", "sn123456", "sn9", ""} {
		if id := holder(t, db, "serial", value); id != 0 {
			t.Errorf("%q is that of %d", value, id)
		}
	}
	c.Fields = map[string]string{"Sérial": "SN-2"}
	update(t, db, func(tx store.Tx) error { return store.SaveContact(tx, c) })
	if holder(t, db, "serial", "sn1234567") != 0 || holder(t, db, "serial", "sn2") != c.ID {
		t.Error("the index does not follow a change")
	}
	if _, err := store.ErasePerson(context.Background(), db, c.Addresses[0], ticket.System, noon); err != nil {
		t.Fatal(err)
	}
	if holder(t, db, "serial", "sn2") != 0 {
		t.Error("an erased person is found by a number")
	}
}

func TestContactsOfOlderStoresAreIndexed(t *testing.T) {
	db := openTables(t)
	for range 3 {
		update(t, db, func(tx store.Tx) error {
			for range 150 {
				if err := store.SaveContact(tx, &store.Contact{}); err != nil {
					return err
				}
			}
			return store.SaveContact(tx, &store.Contact{Known: true, Fields: map[string]string{"serial": "77"}})
		})
	}
	update(t, db, func(tx store.Tx) error { // as if it had been written without the index
		return tx.Scan([]byte{'f'}, []byte{'g'}, 0, false, func(k, _ []byte) error { return tx.Delete(slices.Clone(k)) })
	})
	if id := holder(t, db, "serial", "77"); id != 0 {
		t.Fatalf("the index is still there: %d", id)
	}
	for range 2 {
		if err := store.IndexContactFields(context.Background(), db); err != nil {
			t.Fatal(err)
		}
	}
	if id := holder(t, db, "serial", "77"); id != 151 {
		t.Errorf("found %d, want 151", id)
	}
}

func TestMergedContactsKeepWhatBothKnew(t *testing.T) {
	db := openTables(t)
	a := &store.Contact{Name: "Jean", Fields: map[string]string{"serial": "1"}, Addresses: []addr.Address{{Local: "jean", Domain: "client.example"}}, Created: noon}
	b := &store.Contact{Name: "J. Client", Company: "Client SA", Known: true, Fields: map[string]string{"serial": "2", "contrat": "3"},
		Addresses: []addr.Address{{Local: "jean", Domain: "other.example"}}, Created: noon.Add(-time.Hour)}
	update(t, db, func(tx store.Tx) error {
		if err := store.SaveContact(tx, a); err != nil {
			return err
		}
		return store.SaveContact(tx, b)
	})
	update(t, db, func(tx store.Tx) error { _, err := store.MergeContacts(tx, a.ID, b.ID); return err })
	view(t, db, func(tx store.ReadTx) error {
		c, err := store.FindContact(tx, b.Addresses[0])
		if err != nil {
			return err
		}
		if c.ID != a.ID || c.Name != "Jean" || c.Company != "Client SA" || !c.Known || len(c.Addresses) != 2 || !c.Created.Equal(b.Created) ||
			!maps.Equal(c.Fields, map[string]string{"serial": "1", "contrat": "3"}) {
			t.Errorf("merged: %+v", c)
		}
		return nil
	})
	if holder(t, db, "contrat", "3") != a.ID || holder(t, db, "serial", "2") != 0 {
		t.Error("the index of values does not follow the merge")
	}
}

// A record that is as full as the bounds allow, all of it quotes, can be written; more is refused.
func TestAContactIsBounded(t *testing.T) {
	db := openTables(t)
	quotes := func(n int) string { return strings.Repeat(`"`, n) }
	domain := strings.Repeat(strings.Repeat("d", 60)+".", 3) + "example"
	c := &store.Contact{Name: quotes(1000), Company: quotes(1000), Created: noon}
	for i := range store.MaxContactAddresses {
		if err := c.AddAddress(addr.Address{Local: fmt.Sprint(i, quotes(25)), Domain: domain}); err != nil {
			t.Fatal(err)
		}
	}
	for i := range store.MaxContactFields {
		if err := c.SetField(fmt.Sprintf("%02d%s", i, quotes(98)), quotes(store.MaxFieldValue)); err != nil {
			t.Fatal(err)
		}
	}
	update(t, db, func(tx store.Tx) error { return store.SaveContact(tx, c) })
	for name, err := range map[string]error{
		"fields":    c.SetField("one more", "x"),
		"addresses": c.AddAddress(addr.Address{Local: "more", Domain: domain}),
		"name":      new(store.Contact).SetField(quotes(101), "x"),
		"value":     new(store.Contact).SetField("n", quotes(501)),
	} {
		if err == nil {
			t.Errorf("%s: no bound", name)
		}
	}
	if err := c.SetField("one more", ""); err != nil {
		t.Error(err)
	}
	other := &store.Contact{Fields: map[string]string{"one more": "x"}, Created: noon}
	update(t, db, func(tx store.Tx) error { return store.SaveContact(tx, other) })
	view(t, db, func(tx store.ReadTx) error {
		if err := store.MayMerge(tx, c.ID, other.ID); !errors.Is(err, store.ErrManyFields) {
			t.Errorf("a merge: %v", err)
		}
		return nil
	})
}
