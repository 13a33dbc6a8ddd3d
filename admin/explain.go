package admin

import (
	"context"
	"fmt"
	"time"

	"postdesk/internal/config"
	"postdesk/pipeline"
)

// Explain asks for the story of the mails with a Message-ID.
type Explain struct{ MessageID string }

// Story is the story of one mail.
type Story struct {
	pipeline.Explanation
	Held   *Queued  `json:"held,omitempty"`
	Told   []string `json:"story"` // in plain sentences, in the order in which it happened
	Events []Event  `json:"events"`
	Outbox []Queued `json:"outbox"`
}

func (d *Desk) explain(ctx context.Context, q Explain, emit func(Story) error) error {
	found, err := d.Pipeline.Explain(ctx, q.MessageID)
	if err != nil {
		return missing(err, "mail with the Message-ID %q", q.MessageID)
	}
	for _, x := range found {
		s := Story{Explanation: x, Told: x.Sentences(), Events: []Event{}, Outbox: []Queued{}}
		if x.Held != nil {
			held := queuedHeld(x.Held)
			s.Held = &held
		}
		for _, e := range x.Events {
			s.Events = append(s.Events, eventOf(e))
		}
		for _, r := range x.Outbox {
			s.Outbox = append(s.Outbox, queuedRow(r))
		}
		if err := emit(s); err != nil {
			return err
		}
	}
	return nil
}

// Replay asks what another configuration would decide on the requests of the
// latest time. File is the absolute name of the configuration file and Text
// what it holds.
type Replay struct {
	File, Text string
	Since      time.Duration
}

func (d *Desk) replay(ctx context.Context, q Replay, emit func(pipeline.Replayed) error) error {
	cfg, err := config.Parse(q.File, []byte(q.Text), config.At(d.Now()))
	if err != nil {
		return err
	}
	if q.Since <= 0 {
		return fmt.Errorf("since: %v; want a time before now", q.Since)
	}
	return d.Pipeline.Replay(ctx, cfg, d.Now().Add(-q.Since), emit)
}

// Welcome asks to mail an agent, by id or address, the desk address.
type Welcome struct{ Agent string }

// Welcomed is where the mail goes.
type Welcomed struct {
	Address string `json:"address"`
}

func (d *Desk) welcome(ctx context.Context, q Welcome) (Welcomed, error) {
	a, err := d.Pipeline.Welcome(ctx, q.Agent)
	return Welcomed{a.String()}, err
}

// Backup asks for a copy in a folder, by its absolute path; whoever has the
// data directory open writes it.
type Backup struct{ Dir string }

func (d *Desk) backup(ctx context.Context, q Backup) (None, error) {
	return None{}, d.Store.Backup(ctx, q.Dir)
}

// Fault is something that verify found.
type Fault struct {
	Text string `json:"text"`
}

// verify checks the open store; see store.DB.Verify. Each fault is told as it
// is found.
func (d *Desk) verify(ctx context.Context, _ None, emit func(Fault) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	return d.Store.Verify(ctx, func(text string) {
		if emit(Fault{text}) != nil {
			cancel() // nobody listens any more
		}
	})
}
