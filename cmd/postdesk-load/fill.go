package main

import (
	"context"
	"encoding/binary"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"time"

	"postdesk/internal/addr"
	"postdesk/internal/disk"
	"postdesk/internal/message"
	"postdesk/internal/ticket"
	"postdesk/store"
)

// filling makes a data directory look like that of a desk that has worked for three years: see
// story for what a ticket has. It writes through the store, in few large commits.
type filling struct {
	data                                string
	tickets, most, open, held, contacts int
	from, team, agent                   string

	now  time.Time
	rand *rand.Rand
	text []byte // of all mails
}

func (o *filling) flags() *flag.FlagSet {
	f := flag.NewFlagSet("fill", flag.ContinueOnError)
	f.StringVar(&o.data, "data", "", "the data_dir to fill; what is there already counts, and more is added")
	f.IntVar(&o.tickets, "tickets", 1000, "how many tickets there are in the end")
	f.IntVar(&o.most, "most", 0, "how many tickets are added in this run at most; 0 is all")
	f.IntVar(&o.open, "open", 5000, "how many of them, at most a tenth, are not closed")
	f.IntVar(&o.held, "held", 10000, "how many mails are held, at most a tenth of the tickets")
	f.IntVar(&o.contacts, "contacts", 100000, "how many customers there are, at most")
	f.StringVar(&o.from, "from", "client.example", "the customers' domain")
	f.StringVar(&o.team, "team", "support@desk.example", "the team's address")
	f.StringVar(&o.agent, "agent", "anne", "the agent's id, the local part of an address in the domain corp.example")
	return f
}

// perUpdate is how many tickets one Update writes: below 1 MB of keys and values.
const perUpdate = 40

// fill adds tickets until there are as many as wanted, and then held mails.
func fill(ctx context.Context, args []string, out io.Writer) error {
	var o filling
	if o.flags().Parse(args) != nil || o.data == "" {
		return errUsage
	}
	o.open, o.held = min(o.open, o.tickets/10), min(o.held, o.tickets/10)
	o.now, o.text = time.Now().UTC(), prose(rand.New(rand.NewChaCha8([32]byte{})))
	db, err := store.Open(store.Options{Dir: o.data, FS: unsynced{}})
	if err != nil {
		return err
	}
	start := time.Now()
	n, err := o.all(ctx, db)
	took := time.Since(start)
	if err := errors.Join(err, db.Close()); err != nil {
		return err
	}
	_, err = fmt.Fprintf(out, "filled       %d tickets in %.1f s, closed in %.1f s\n", n, took.Seconds(), (time.Since(start) - took).Seconds())
	return err
}

// unsynced is the disk without waiting for it: what was made here can be made again.
type unsynced struct{ disk.OS }

type unsyncedFile struct{ disk.File }

func (unsyncedFile) Sync() error { return nil }

func (u unsynced) Create(path string) (disk.File, error) {
	f, err := u.OS.Create(path)
	return unsyncedFile{f}, err
}

func (u unsynced) Open(path string) (disk.File, error) {
	f, err := u.OS.Open(path)
	return unsyncedFile{f}, err
}

// all writes what is not there yet.
func (o *filling) all(ctx context.Context, db *store.DB) (tickets int, err error) {
	var have, held int
	err = db.View(ctx, func(tx store.ReadTx) error {
		all, err := store.Tally(tx, "tickets/"+o.team)
		for _, n := range all {
			have += int(n)
		}
		if err == nil {
			all, err = store.Tally(tx, "held")
		}
		for _, n := range all {
			held += int(n)
		}
		return err
	})
	end := o.tickets
	if o.most > 0 {
		end = min(end, have+o.most)
	}
	for n := have; n < end && err == nil; n += perUpdate {
		err = db.Update(ctx, func(tx store.Tx) error {
			return o.some(n, min(n+perUpdate, end), func(n int) error { return o.ticket(tx, n) })
		})
	}
	for n := held; n < o.held && err == nil; n += perUpdate {
		err = db.Update(ctx, func(tx store.Tx) error {
			return o.some(n, min(n+perUpdate, o.held), func(n int) error { return o.hold(tx, n) })
		})
	}
	return max(end-have, 0), err
}

// some calls fn for the numbers from lo up to hi, with randomness that depends on lo alone: an Update may
// run again.
func (o *filling) some(lo, hi int, fn func(n int) error) error {
	var seed [32]byte
	binary.LittleEndian.PutUint64(seed[:], uint64(lo))
	o.rand = rand.New(rand.NewChaCha8(seed))
	for n := lo; n < hi; n++ {
		if err := fn(n); err != nil {
			return err
		}
	}
	return nil
}

// hold writes a held mail.
func (o *filling) hold(tx store.Tx, n int) error {
	mail, err := tx.PutMail(message.BytesSource(o.letter(fmt.Sprintf("held.%d@corp.example", n), "A mail that waits", 500)))
	if err != nil {
		return err
	}
	return store.AddHeld(tx, &store.HeldMail{At: o.now, Agent: o.agent, Why: "not-believed", Reasons: []string{"not-believed"}, Mail: mail,
		Subject: "A mail that waits", From: o.mailbox().Address, To: []addr.Address{o.teamAddress()}})
}

func (o *filling) teamAddress() addr.Address { return mustAddress(o.team) }

func (o *filling) mailbox() addr.Mailbox {
	return addr.Mailbox{Name: "Anne Durand", Address: addr.Address{Local: o.agent, Domain: "corp.example"}}
}

func (o *filling) by() ticket.Actor { return ticket.Actor{Kind: ticket.ByAgent, ID: o.agent} }
