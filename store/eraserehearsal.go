package store

import (
	"context"
	"maps"
	"slices"
	"time"

	"postdesk/internal/addr"
	"postdesk/internal/message"
	"postdesk/internal/ticket"
)

// RehearseErasure counts what ErasePerson would do, and lists the addresses
// that it would look for. It writes nothing. ErrNotFound as there.
func RehearseErasure(ctx context.Context, db Engine, who addr.Address, now time.Time) (ErasedPerson, []string, error) {
	r := &rehearsal{Engine: db, written: map[string][]byte{}, erased: map[MailID]bool{}}
	e := &eraser{ctx: ctx, db: r, now: now, by: ticket.System, addresses: map[string]bool{}}
	done, err := e.run(who)
	return done, slices.Sorted(maps.Keys(e.addresses)), err
}

// rehearsal is an engine that keeps what is written in memory. Scans see what
// is stored.
type rehearsal struct {
	Engine
	written map[string][]byte // nil: deleted
	erased  map[MailID]bool
}

func (r *rehearsal) Update(ctx context.Context, fn func(Tx) error) error {
	return r.Engine.View(ctx, func(tx ReadTx) error { return fn(rehearsalTx{tx, r}) })
}

func (r *rehearsal) View(ctx context.Context, fn func(ReadTx) error) error {
	return r.Engine.View(ctx, func(tx ReadTx) error { return fn(rehearsalTx{tx, r}) })
}

type rehearsalTx struct {
	ReadTx
	r *rehearsal
}

func (t rehearsalTx) Get(key []byte) ([]byte, error) {
	value, ok := t.r.written[string(key)]
	switch {
	case !ok:
		return t.ReadTx.Get(key)
	case value == nil:
		return nil, ErrNotFound
	}
	return value, nil
}

func (t rehearsalTx) Mail(id MailID) (Mail, error) {
	if t.r.erased[id] {
		return nil, ErrErased
	}
	return t.ReadTx.Mail(id)
}

func (t rehearsalTx) Insert(key, value []byte) error {
	if _, err := t.Get(key); err == nil {
		return ErrExists
	}
	return t.Set(key, value)
}

func (t rehearsalTx) Set(key, value []byte) error {
	t.r.written[string(key)] = append([]byte{}, value...)
	return nil
}

func (t rehearsalTx) Delete(key []byte) error {
	t.r.written[string(key)] = nil
	return nil
}

func (t rehearsalTx) PutMail(message.Source) (MailID, error) { return 0, ErrClosed }

func (t rehearsalTx) EraseMail(id MailID) error {
	t.r.erased[id] = true
	return nil
}
