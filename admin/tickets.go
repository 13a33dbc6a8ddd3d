package admin

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"postdesk/internal/addr"
	"postdesk/internal/compose"
	"postdesk/internal/ticket"
	"postdesk/pipeline"
	"postdesk/store"
)

// Ticket is a ticket in a list.
type Ticket struct {
	Number    uint64            `json:"number"`
	Subject   string            `json:"subject"`
	Team      string            `json:"team"`      // address
	Requester string            `json:"requester"` // address, "" after an erasure
	Assignee  string            `json:"assignee"`  // id, "" is nobody
	Status    string            `json:"status"`
	Priority  string            `json:"priority"`
	Category  string            `json:"category"`
	Tags      []string          `json:"tags"`
	Fields    map[string]string `json:"fields"`
	Turn      string            `json:"turn"`
	Created   time.Time         `json:"created"`
	Updated   time.Time         `json:"updated"`
}

// TicketPage is one ticket with its messages.
type TicketPage struct {
	Ticket
	Language     string        `json:"language"`
	Participants []Participant `json:"participants"`
	Observers    []string      `json:"observers"`
	Linked       []uint64      `json:"linked"`
	MergedInto   uint64        `json:"merged_into,omitempty"` // the ticket that its mails are in now
	Merged       []uint64      `json:"merged,omitempty"`      // the tickets that went into this one
	SplitFrom    uint64        `json:"split_from,omitempty"`
	Suspect      bool          `json:"suspect"`
	Resolution   string        `json:"resolution"`
	Erased       bool          `json:"erased"`
	Messages     []Message     `json:"messages"`
}

// Participant is someone from outside who takes part.
type Participant struct {
	Relation string `json:"relation"`
	Name     string `json:"name"`
	Address  string `json:"address"`
	ReplyTo  string `json:"reply_to"`
	Contact  uint64 `json:"contact"`
}

// Message is one mail of a ticket. Delivery is the state of the outbox rows
// that carry it: one word when all have the same, else "delivered, failed"; ""
// when nothing went out.
type Message struct {
	Seq       uint64    `json:"seq"`
	Kind      string    `json:"kind"`
	From      string    `json:"from"` // address
	Name      string    `json:"name"`
	Agent     string    `json:"agent"`
	At        time.Time `json:"at"`
	Subject   string    `json:"subject"`
	MessageID string    `json:"message_id"`
	Backed    string    `json:"backed"`
	Delivery  string    `json:"delivery"`
	Outbox    []Queued  `json:"outbox"`
}

// Event is one entry of a ticket's history.
type Event struct {
	Ticket  uint64            `json:"ticket,omitempty"` // whose event it is, when that one was merged into this
	Seq     uint64            `json:"seq"`
	At      time.Time         `json:"at"`
	By      string            `json:"by"`
	What    string            `json:"what"`
	Message uint64            `json:"message,omitempty"`
	Who     string            `json:"who,omitempty"` // a participant's address
	Data    map[string]string `json:"data,omitempty"`
	// Sentence is the event in words, in a history.
	Sentence string `json:"sentence,omitempty"`
}

func ticketOf(t *ticket.Ticket) Ticket {
	out := Ticket{
		Number: t.Number, Subject: t.Subject, Team: t.Team.String(), Assignee: t.Assignee, Status: string(t.Status), Priority: string(t.Priority),
		Category: t.Category, Tags: t.Tags, Fields: t.Fields, Turn: string(t.Turn()), Created: t.Created, Updated: t.Updated,
	}
	if r := t.Requester(); r != nil {
		out.Requester = r.Address.String()
	}
	if out.Tags == nil {
		out.Tags = []string{}
	}
	if out.Fields == nil {
		out.Fields = map[string]string{}
	}
	return out
}

// ListTickets asks for tickets; an empty field means any. Assignee "none" is
// nobody.
type ListTickets struct{ Team, Status, Assignee string }

// maxRows is how many tickets are sorted in memory at most.
const maxRows = 200_000

func (d *Desk) listTickets(ctx context.Context, q ListTickets, emit func(Ticket) error) error {
	f := store.Filter{Status: ticket.Status(q.Status), Assignee: q.Assignee}
	if q.Status != "" && !slices.Contains(ticket.Statuses(), f.Status) {
		return fmt.Errorf("unknown status %q; want one of %v", q.Status, ticket.Statuses())
	}
	if q.Team != "" {
		a, err := addr.Parse(q.Team)
		if err != nil {
			return fmt.Errorf("team: %q is no address", q.Team)
		}
		t := d.Config().TeamByAddress(a)
		if t == nil {
			return fmt.Errorf("team: %s is no team's address; want one of %s", a, d.teams())
		}
		f.Team = t.Address.Key()
	}
	if err := d.checkAssignee(q.Assignee); err != nil {
		return err
	}
	var rows []Ticket
	err := d.Store.View(ctx, func(tx store.ReadTx) error {
		return store.ListTickets(tx, f, func(t *ticket.Ticket) error {
			if len(rows) == maxRows {
				return fmt.Errorf("more than %d tickets match: choose by --team, --status or --assignee", maxRows)
			}
			rows = append(rows, ticketOf(t))
			return ctx.Err()
		})
	})
	if err != nil {
		return err
	}
	slices.SortStableFunc(rows, func(a, b Ticket) int { return b.Updated.Compare(a.Updated) })
	for _, t := range rows {
		if err := emit(t); err != nil {
			return err
		}
	}
	return nil
}

// teams are the addresses of the teams, for a sentence.
func (d *Desk) teams() string {
	var list []string
	for _, t := range d.Config().Teams {
		list = append(list, t.Address.String())
	}
	return strings.Join(list, ", ")
}

// checkAssignee refuses an id that nobody has. "" is anybody, "none" nobody.
func (d *Desk) checkAssignee(id string) error {
	if id == "" || id == "none" || d.Config().AgentByID(id) != nil {
		return nil
	}
	return fmt.Errorf("assignee: no agent has the id %q; none is nobody", id)
}

// TicketNumber asks for one ticket.
type TicketNumber struct{ Number uint64 }

func (d *Desk) showTicket(ctx context.Context, q TicketNumber) (page TicketPage, err error) {
	err = d.Store.View(ctx, func(tx store.ReadTx) error {
		page, err = pageOf(tx, q.Number)
		return err
	})
	return page, err
}

func pageOf(tx store.ReadTx, number uint64) (TicketPage, error) {
	t, err := store.GetTicket(tx, number)
	if err != nil {
		return TicketPage{}, missing(err, "ticket %d", number)
	}
	page := TicketPage{Ticket: ticketOf(t), Language: t.Language, Observers: t.Observers, Linked: t.Linked, MergedInto: t.MergedInto, Merged: t.Merged, SplitFrom: t.SplitFrom, Suspect: t.Suspect,
		Resolution: t.Resolution, Erased: t.Erased, Messages: []Message{}, Participants: []Participant{}}
	if page.Observers == nil {
		page.Observers = []string{}
	}
	if page.Linked == nil {
		page.Linked = []uint64{}
	}
	for _, p := range t.Participants {
		page.Participants = append(page.Participants, Participant{Relation: string(p.Relation), Name: p.Name, Address: p.Address.String(),
			ReplyTo: p.ReplyTo.String(), Contact: p.Contact})
	}
	err = store.Messages(tx, number, func(m ticket.Message) error {
		out, err := messageOf(tx, number, m)
		page.Messages = append(page.Messages, out)
		return err
	})
	return page, err
}

func messageOf(tx store.ReadTx, number uint64, m ticket.Message) (Message, error) {
	out := Message{Seq: m.Seq, Kind: string(m.Kind), From: m.From.Address.String(), Name: m.From.Name, Agent: m.Agent, At: m.At,
		Subject: m.Subject, MessageID: m.MessageID, Backed: m.Backed, Outbox: []Queued{}}
	var states []string
	err := store.SentWith(tx, number, m.Seq, func(r store.Outgoing) error {
		out.Outbox = append(out.Outbox, queuedRow(r))
		if !slices.Contains(states, string(r.State)) {
			states = append(states, string(r.State))
		}
		return nil
	})
	slices.Sort(states)
	out.Delivery = strings.Join(states, ", ")
	return out, err
}

// RawMail asks for the K-th mail of a ticket.
type RawMail struct{ Number, Seq uint64 }

// rawMail writes the bytes as received.
func (d *Desk) rawMail(ctx context.Context, q RawMail, out io.Writer) error {
	var mail store.Mail
	err := d.Store.View(ctx, func(tx store.ReadTx) error {
		_, m, err := store.FindMessage(tx, q.Number, q.Seq)
		if err != nil {
			return missing(err, "mail %d in ticket %d", q.Seq, q.Number)
		}
		mail, err = tx.Mail(store.MailID(m.Mail))
		return err
	})
	if err != nil {
		return err
	}
	_, err = io.Copy(out, store.NewReader(mail))
	return err
}

func (d *Desk) history(ctx context.Context, q TicketNumber, emit func(Event) error) error {
	return d.Store.View(ctx, func(tx store.ReadTx) error {
		t, err := store.GetTicket(tx, q.Number)
		if err != nil {
			return missing(err, "ticket %d", q.Number)
		}
		return store.History(tx, t, func(number uint64, e ticket.Event) error {
			out := eventOf(e)
			if number != t.Number {
				out.Ticket = number
			}
			out.Sentence = d.teller().Sentence(e)
			return emit(out)
		})
	})
}

// teller says events in words, as #history does.
func (d *Desk) teller() compose.Teller {
	return compose.Teller{Lang: "en", Agent: func(id string) string {
		if a := d.Config().AgentByID(id); a != nil {
			return a.Name
		}
		return id
	}}
}

func eventOf(e ticket.Event) Event {
	out := Event{Seq: e.Seq, At: e.At, By: e.By.String(), What: string(e.What), Message: e.Message, Data: maps.Clone(e.Data)}
	if e.Participant != nil {
		out.Who = e.Participant.Address.String()
	}
	return out
}

// SetTicket asks for changes to a ticket; see pipeline.SetTicket. By is the
// name of the user who does it.
type SetTicket struct {
	Number  uint64
	Changes []pipeline.Change
	By      string
}

func (d *Desk) setTicket(ctx context.Context, q SetTicket) (page TicketPage, err error) {
	err = d.Pipeline.SetTicket(ctx, q.Number, q.Changes, pipeline.Admin(q.By))
	if errors.Is(err, store.ErrNotFound) {
		return page, missing(err, "ticket %d", q.Number)
	}
	if err != nil {
		return page, err
	}
	return d.showTicket(ctx, TicketNumber{q.Number})
}
