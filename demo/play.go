package demo

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"time"

	"postdesk/internal/ticket"
	"postdesk/store"
)

const (
	desk   = "relationclient@example.com"
	export = "export@example.com"
)

// photo stands for a file that must arrive byte for byte.
var photo = bytes.Repeat([]byte{0x89, 'P', 'N', 'G', 0, 0xff, 0x7f, '\r', '\n', '.'}, 400)

// play is the demo: each act is a matter of its own.
func (s *stage) play(ctx context.Context) error {
	for _, act := range []struct {
		title string
		play  func() error
	}{
		{"A conversation", s.conversation},
		{"An unknown pharmacist, and a wrong address", s.pharmacist},
		{"A note, an expert and an approval", s.advice},
		{"Two agents answer at once", s.collision},
		{"An invitation", s.invitation},
		{"An absence", s.absence},
		{"Nobody answers in time", s.late},
	} {
		s.act(act.title)
		if err := act.play(); err != nil {
			return fmt.Errorf("%s: %w", strings.ToLower(act.title), err)
		}
		if err := s.settle(ctx); err != nil {
			return err
		}
		s.later(time.Hour)
	}
	return s.history(ctx)
}

// history prints what the first ticket remembers.
func (s *stage) history(ctx context.Context) error {
	s.act("What the first ticket remembers (postdesk ticket history 10000)")
	return s.desk.Store.View(ctx, func(tx store.ReadTx) error {
		t, err := store.GetTicket(tx, 10000)
		if err != nil {
			return err
		}
		fmt.Fprintf(s.out, "   ticket %d  %s  %s  assignee %s  turn: %s\n", t.Number, t.Subject, t.Status, t.Assignee, t.Turn())
		return store.Events(tx, t.Number, func(e ticket.Event) error {
			fmt.Fprintf(s.out, "   %3d  %-28s %-14s %s\n", e.Seq, e.By, e.What, details(e))
			return nil
		})
	})
}

// details are the words of an event.
func details(e ticket.Event) string {
	var words []string
	for _, name := range []string{"subject", "agent", "why", "status", "text", "to", "reason"} {
		if v := e.Data[name]; v != "" {
			words = append(words, name+"="+v)
		}
	}
	if e.Participant != nil {
		words = append(words, string(e.Participant.Relation)+"="+e.Participant.Address.String())
	}
	return strings.Join(words, " ")
}
