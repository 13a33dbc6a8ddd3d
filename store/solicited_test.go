package store_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"postdesk/internal/addr"
	"postdesk/internal/ticket"
	"postdesk/store"
)

// solicited is a team's list as the tests write it.
func solicited(t *testing.T, db *store.DB, team addr.Address, limit int) (got string) {
	t.Helper()
	view(t, db, func(tx store.ReadTx) error {
		list, err := store.ListSolicited(tx, team, limit)
		for _, s := range list {
			got += fmt.Sprintf("%s %s %d; ", s.Name, s.Address, s.Times)
		}
		return err
	})
	return got
}

func TestTheMostSolicitedComeFirst(t *testing.T) {
	db := openTables(t)
	at := func(local string) addr.Mailbox {
		return addr.Mailbox{Name: local, Address: addr.Address{Local: local, Domain: "lab.example"}}
	}
	sav, export := addr.Address{Local: "sav", Domain: "example.com"}, addr.Address{Local: "export", Domain: "example.com"}
	update(t, db, func(tx store.Tx) (err error) {
		for i, who := range []string{"once", "often", "late", "often"} {
			err = errors.Join(err, store.Solicit(tx, sav, at(who), noon.Add(time.Duration(i)*time.Hour)))
		}
		nameless := addr.Mailbox{Address: addr.Address{Local: "OFTEN", Domain: "lab.example"}}
		return errors.Join(err, store.Solicit(tx, sav, nameless, noon), store.Solicit(tx, export, at("other"), noon))
	})
	if got := solicited(t, db, sav, 10); got != "often OFTEN@lab.example 3; late late@lab.example 1; once once@lab.example 1; " {
		t.Errorf("the list: %s", got)
	}
	if got := solicited(t, db, sav, 1); got != "often OFTEN@lab.example 3; " {
		t.Errorf("the first: %s", got)
	}
	if _, err := store.ErasePerson(context.Background(), db, at("often").Address, ticket.System, noon); err != nil && !errors.Is(err, store.ErrNotFound) {
		t.Fatal(err)
	}
	if got := solicited(t, db, sav, 10); got != "late late@lab.example 1; once once@lab.example 1; " {
		t.Errorf("after an erasure: %s", got)
	}
}
