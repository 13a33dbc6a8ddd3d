package main

import (
	"context"
	"encoding/hex"
	"errors"

	"postdesk/internal/testkit/load"
	"postdesk/internal/ticket"
	"postdesk/store"
)

// fromStore reads the data directory of a server that has stopped.
func fromStore(ctx context.Context, dir string) (*load.State, error) {
	db, err := store.Open(store.Options{Dir: dir})
	if err != nil {
		return nil, err
	}
	s := state{Raw: map[string]int{}, Messages: map[string]int{}, Acks: map[string]int{}}
	err = db.View(ctx, func(tx store.ReadTx) error {
		if err := s.mails(tx); err != nil {
			return err
		}
		return store.ListTickets(tx, store.Filter{}, func(t *ticket.Ticket) error {
			return store.Messages(tx, t.Number, func(m ticket.Message) error { return s.message(tx, t.Number, &m) })
		})
	})
	return (*load.State)(&s), errors.Join(err, db.Close())
}

// state is filled from one snapshot of a store.
type state load.State

// mails counts every raw mail; their numbers have no gaps.
func (s *state) mails(tx store.ReadTx) error {
	for id := store.MailID(1); ; id++ {
		m, err := tx.Mail(id)
		switch {
		case errors.Is(err, store.ErrErased):
			continue
		case errors.Is(err, store.ErrNotFound):
			return nil
		case err != nil:
			return err
		}
		sum := m.SHA256()
		s.Raw[hex.EncodeToString(sum[:])]++
	}
}

// message counts a message and the acknowledgements that were written for it.
func (s *state) message(tx store.ReadTx, number uint64, m *ticket.Message) error {
	if m.MessageID == "" {
		return nil
	}
	s.Messages[m.MessageID]++
	return store.SentWith(tx, number, m.Seq, func(row store.Outgoing) error {
		if row.Purpose == store.PurposeAck {
			s.Acks[m.MessageID]++
		}
		return nil
	})
}
