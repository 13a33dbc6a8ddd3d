package pipeline

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"postdesk/internal/addr"
	"postdesk/internal/ticket"
	"postdesk/rules"
	"postdesk/store"
)

// Explanation is the story of one mail.
type Explanation struct {
	MessageID string           `json:"message_id"`
	Direction string           `json:"direction"` // in: we received it; out: we wrote it
	Ticket    uint64           `json:"ticket,omitempty"`
	Message   uint64           `json:"message,omitempty"`
	Kind      ticket.Kind      `json:"kind,omitempty"`
	Facts     *Facts           `json:"facts,omitempty"`
	AckLine   string           `json:"acknowledgement_line,omitempty"` // the table's line, in words
	Held      *store.HeldMail  `json:"-"`
	Events    []ticket.Event   `json:"-"`
	Outbox    []store.Outgoing `json:"-"`
}

// Explain tells why mails with a Message-ID (angle brackets allowed) went where
// they went: one for each ticket message, held mail or outgoing mail that bears
// it. store.ErrNotFound when there is none.
func (p *Pipeline) Explain(ctx context.Context, id string) ([]Explanation, error) {
	id = bare(strings.TrimSpace(id))
	if id == "" {
		return nil, store.ErrNotFound
	}
	var list []Explanation
	err := p.store.View(ctx, func(tx store.ReadTx) error {
		list = nil
		for _, find := range []func(store.ReadTx, string) ([]Explanation, error){p.explainHeld, p.explainMessage, p.explainOutgoing} {
			found, err := find(tx, id)
			if err != nil {
				return err
			}
			list = append(list, found...)
		}
		if len(list) == 0 {
			return store.ErrNotFound
		}
		return nil
	})
	return list, err
}

func (p *Pipeline) explainMessage(tx store.ReadTx, id string) ([]Explanation, error) {
	trail, err := store.TrailOf(tx, clip(id))
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	at := trail[len(trail)-1]
	m, err := store.GetMessage(tx, at.Ticket, at.Message)
	if err != nil {
		return nil, fmt.Errorf("message %d of ticket %d: %w", at.Message, at.Ticket, err)
	}
	x := Explanation{MessageID: id, Direction: "in", Ticket: at.Ticket, Message: at.Message, Kind: m.Kind}
	if m.Sent != 0 && m.MessageID == id {
		x.Direction = "out"
	}
	if err := x.facts(m.Facts); err != nil {
		return nil, err
	}
	if err := x.consequences(tx, trail); err != nil {
		return nil, err
	}
	return []Explanation{x}, nil
}

// facts reads what the stages learned.
func (x *Explanation) facts(raw []byte) error {
	if len(raw) == 0 {
		return nil
	}
	x.Facts = new(Facts)
	if err := json.Unmarshal(raw, x.Facts); err != nil {
		return fmt.Errorf("facts of %s: %w", x.MessageID, err)
	}
	x.AckLine = rules.LineWords(x.Facts.Ack.Line)
	return nil
}

// consequences are the events of the moment that the mail came, those that name it, in each
// ticket that it has been in, and what went out because of it.
func (x *Explanation) consequences(tx store.ReadTx, trail []ticket.Place) error {
	for _, at := range trail {
		err := store.Events(tx, at.Ticket, func(e ticket.Event) error {
			if e.Message == at.Message || x.Facts != nil && e.At.Equal(x.Facts.At) {
				x.Events = append(x.Events, e)
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return store.SentWith(tx, x.Ticket, x.Message, func(r store.Outgoing) error {
		x.Outbox = append(x.Outbox, r)
		return nil
	})
}

func (p *Pipeline) explainHeld(tx store.ReadTx, id string) ([]Explanation, error) {
	var list []Explanation
	err := store.AllHeld(tx, func(h *store.HeldMail) error {
		x := Explanation{MessageID: id, Direction: "in", Ticket: h.Ticket, Held: h}
		if err := x.facts(h.Facts); err != nil || x.Facts == nil || x.Facts.MessageID != clip(id) {
			return err
		}
		list = append(list, x)
		return nil
	})
	slices.Reverse(list)
	return list, err
}

// explainOutgoing finds a mail that we minted the Message-ID of by its token,
// else among all: notices belong to no ticket.
func (p *Pipeline) explainOutgoing(tx store.ReadTx, id string) ([]Explanation, error) {
	t, ok := p.minted(id)
	if !ok || t.Kind != addr.KindMessage {
		return nil, nil
	}
	x := Explanation{MessageID: id, Direction: "out", Ticket: t.Ticket}
	keep := func(r store.Outgoing) error {
		if strings.EqualFold(r.MessageID, id) {
			x.Message = r.Message
			x.Outbox = append(x.Outbox, r)
		}
		return nil
	}
	scan := func() error { return store.SentAs(tx, t.Ticket, t.Item, keep) }
	if t.Ticket == 0 {
		scan = func() error { return store.AllOutgoing(tx, keep) }
	}
	if err := scan(); err != nil || len(x.Outbox) == 0 {
		return nil, err
	}
	if x.Outbox[0].Purpose == store.PurposeReply {
		return nil, nil // a message of the ticket, told already
	}
	return []Explanation{x}, nil
}
