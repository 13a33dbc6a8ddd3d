package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"

	"postdesk/admin"
	"postdesk/internal/testkit/load"
	"postdesk/internal/ticket"
	"postdesk/store"
)

// fromRunning asks a running server over its admin socket for every ticket. What belongs to no
// ticket is not seen; only fromStore sees all raw mails.
func fromRunning(ctx context.Context, socket string) (*load.State, error) {
	c, err := admin.Dial(ctx, socket)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	var numbers []uint64
	err = admin.List(ctx, c, "ticket/list", admin.ListTickets{}, func(t admin.Ticket) error {
		numbers = append(numbers, t.Number)
		return nil
	})
	if err != nil {
		return nil, err
	}
	s := state{Raw: map[string]int{}, Messages: map[string]int{}, Acks: map[string]int{}}
	for _, n := range numbers {
		page, err := admin.One[exported](ctx, c, "ticket/export", admin.TicketNumber{Number: n})
		if err != nil {
			return nil, err
		}
		s.ticket(page)
	}
	return (*load.State)(&s), nil
}

// exported is what is read of a ticket's export.
type exported struct {
	Messages []struct {
		admin.Message
		Raw []byte `json:"raw"`
	} `json:"messages"`
}

func (s *state) ticket(page exported) {
	for _, m := range page.Messages {
		if m.Kind != string(ticket.KindIn) || m.MessageID == "" {
			continue
		}
		sum := sha256.Sum256(m.Raw)
		s.Raw[hex.EncodeToString(sum[:])]++
		s.Messages[m.MessageID]++
		for _, row := range m.Outbox {
			if row.Purpose == string(store.PurposeAck) {
				s.Acks[m.MessageID]++
			}
		}
	}
}
