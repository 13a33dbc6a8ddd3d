package admin

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"postdesk/internal/addr"
	"postdesk/pipeline"
	"postdesk/store"
)

// Queued is a mail of the queue. Rows of the outbox have plain numbers as id;
// held mails of agents have "h" and a number.
type Queued struct {
	ID       string    `json:"id"`
	State    string    `json:"state"`
	Purpose  string    `json:"purpose"` // of a row; "agent's mail" for a held mail
	From     string    `json:"from"`    // envelope sender
	To       []string  `json:"to"`
	Ticket   uint64    `json:"ticket"`
	Message  uint64    `json:"message"`
	Agent    string    `json:"agent"`
	Subject  string    `json:"subject"`
	Why      string    `json:"why"` // why held or dropped
	Reasons  []string  `json:"reasons"`
	Created  time.Time `json:"created"`
	Due      time.Time `json:"due,omitzero"`
	Done     time.Time `json:"done,omitzero"`
	Attempts int       `json:"attempts"`
	Host     string    `json:"host"` // the last answer of the remote server
	Code     int       `json:"code"`
	Enhanced string    `json:"enhanced"`
	Text     string    `json:"text"`
	// MessageID is without brackets.
	MessageID string `json:"message_id"`
}

func queuedRow(r store.Outgoing) Queued {
	return Queued{
		ID: strconv.FormatUint(r.ID, 10), State: string(r.State), Purpose: string(r.Purpose), From: r.From.String(), To: []string{r.To.String()},
		Ticket: r.Ticket, Message: r.Message, Agent: r.Agent, Why: r.Reason, Reasons: []string{}, Created: r.Created, Due: r.Due, Done: r.Done,
		Attempts: r.Attempts, Host: r.Host, Code: r.Code, Enhanced: r.Enhanced, Text: r.Text, MessageID: r.MessageID,
	}
}

func queuedHeld(h *store.HeldMail) Queued {
	q := Queued{ID: "h" + strconv.FormatUint(h.ID, 10), State: string(h.State), Purpose: "agent's mail", From: h.From.String(), To: plain(h.To),
		Ticket: h.Ticket, Agent: h.Agent, Subject: h.Subject, Why: h.Why, Reasons: h.Reasons, Created: h.At, Done: h.Decided}
	if q.Reasons == nil {
		q.Reasons = []string{}
	}
	return q
}

func plain(list []addr.Address) []string {
	out := []string{}
	for _, a := range list {
		if a.Local == "" && a.Domain != "" { // a whole company among a contact's addresses
			out = append(out, "@"+a.Domain)
			continue
		}
		out = append(out, a.String())
	}
	return out
}

// ListQueue asks for the queue: ready (what is being sent too), held (rows of
// the outbox and agents' mails), failed; "" is all three.
type ListQueue struct{ State string }

func (d *Desk) listQueue(ctx context.Context, q ListQueue, emit func(Queued) error) error {
	states := map[string][]store.State{"ready": {store.Sending, store.Ready}, "held": {store.Held}, "failed": {store.Failed}}
	states[""] = slices.Concat(states["ready"], states["held"], states["failed"])
	wanted, ok := states[q.State]
	if !ok {
		return fmt.Errorf("unknown state %q; want ready, held or failed", q.State)
	}
	return d.Store.View(ctx, func(tx store.ReadTx) error {
		for _, state := range wanted {
			if err := store.ListOutgoing(tx, state, func(r store.Outgoing) error { return emit(queuedRow(r)) }); err != nil {
				return err
			}
			if state != store.Held {
				continue
			}
			if err := store.ListHeld(tx, func(h *store.HeldMail) error { return emit(queuedHeld(h)) }); err != nil {
				return err
			}
		}
		return nil
	})
}

// QueueID names one mail of the queue. By is the name of the user who asks.
type QueueID struct{ ID, By string }

// number reads the id.
func (q QueueID) number() (n uint64, held bool, err error) {
	digits, held := strings.CutPrefix(q.ID, "h")
	n, err = strconv.ParseUint(digits, 10, 64)
	if err != nil {
		err = fmt.Errorf("%q is no id of the queue: want a number, or h and a number", q.ID)
	}
	return n, held, err
}

func (d *Desk) showQueued(ctx context.Context, q QueueID) (out Queued, err error) {
	n, held, err := q.number()
	if err != nil {
		return out, err
	}
	err = d.Store.View(ctx, func(tx store.ReadTx) error {
		if held {
			h, err := store.GetHeld(tx, n)
			if err == nil {
				out = queuedHeld(h)
			}
			return err
		}
		row, err := store.GetOutgoing(tx, n)
		out = queuedRow(row)
		return err
	})
	return out, missing(err, "mail %s in the queue", q.ID)
}

// rawQueued writes the mail itself.
func (d *Desk) rawQueued(ctx context.Context, q QueueID, out io.Writer) error {
	n, held, err := q.number()
	if err != nil {
		return err
	}
	var mail store.Mail
	err = d.Store.View(ctx, func(tx store.ReadTx) error {
		var id store.MailID
		if held {
			h, err := store.GetHeld(tx, n)
			if err != nil {
				return err
			}
			id = h.Mail
		} else {
			row, err := store.GetOutgoing(tx, n)
			if err != nil {
				return err
			}
			id = row.Mail
		}
		mail, err = tx.Mail(id)
		return err
	})
	if err != nil {
		return missing(err, "mail %s in the queue", q.ID)
	}
	_, err = io.Copy(out, store.NewReader(mail))
	return err
}

// retryQueued makes a row that waits or failed due now.
func (d *Desk) retryQueued(ctx context.Context, q QueueID) (Queued, error) {
	return d.move(ctx, q, "retried", store.Ready, store.Failed)
}

// releaseQueued lets a held mail go: a row of the outbox, or an agent's.
func (d *Desk) releaseQueued(ctx context.Context, q QueueID) (out Queued, err error) {
	n, held, err := q.number()
	if err != nil {
		return out, err
	}
	if !held {
		if out, err = d.move(ctx, q, "released", store.Held); err != nil {
			return out, err
		}
		return out, d.closeBreaker(ctx, true)
	}
	decision, err := d.Pipeline.ReleaseHeld(ctx, n, pipeline.Admin(q.By))
	if err != nil {
		return out, missing(err, "mail %s in the queue", q.ID)
	}
	out, err = d.showQueued(ctx, q)
	out.Reasons = append(out.Reasons, decision)
	return out, err
}

// move makes a row of one of the states ready and due.
func (d *Desk) move(ctx context.Context, q QueueID, verb string, from ...store.State) (out Queued, err error) {
	n, held, err := q.number()
	if err != nil {
		return out, err
	}
	if held {
		return out, fmt.Errorf("%s is an agent's mail: release or drop it", q.ID)
	}
	err = d.Store.Update(ctx, func(tx store.Tx) error {
		row, err := store.GetOutgoing(tx, n)
		if err != nil {
			return err
		}
		if !slices.Contains(from, row.State) {
			return fmt.Errorf("mail %s is %s and can't be %s", q.ID, row.State, verb)
		}
		d.ready(&row)
		out = queuedRow(row)
		return store.PutOutgoing(tx, row)
	})
	if err != nil {
		return out, missing(err, "mail %s in the queue", q.ID)
	}
	d.Wake()
	return out, nil
}

// ready makes a row due now.
func (d *Desk) ready(row *store.Outgoing) {
	row.State, row.Due, row.Reason, row.Done = store.Ready, d.Now().UTC(), "", time.Time{}
}

// dropQueued gives a mail up. With the last acknowledgement that the breaker
// held, the breaker closes.
func (d *Desk) dropQueued(ctx context.Context, q QueueID) (out Queued, err error) {
	n, held, err := q.number()
	if err != nil {
		return out, err
	}
	if held {
		err = d.Pipeline.DropHeld(ctx, n, pipeline.Admin(q.By))
	} else {
		err = d.Pipeline.DropOutgoing(ctx, n, pipeline.Admin(q.By))
	}
	if err != nil {
		return out, missing(err, "mail %s in the queue", q.ID)
	}
	if out, err = d.showQueued(ctx, q); err != nil || held {
		return out, err
	}
	return out, d.closeBreaker(ctx, false)
}

// Count is how many were changed.
type Count struct {
	Count int `json:"count"`
}

// heldByAdmin is the reason of the rows of hold --all.
const heldByAdmin = "held by an admin"

// holdAll holds what waits to go out. What is being sent now is finished.
func (d *Desk) holdAll(ctx context.Context, _ None) (Count, error) {
	n, err := store.MoveOutbox(ctx, d.Store, store.Ready, func(row *store.Outgoing) { row.State, row.Reason = store.Held, heldByAdmin })
	return Count{n}, err
}

// releaseAll lets every held row of the outbox go. Agents' mails are looked at
// and released one by one: forged ones are among them.
func (d *Desk) releaseAll(ctx context.Context, _ None) (Count, error) {
	n, err := store.MoveOutbox(ctx, d.Store, store.Held, d.ready)
	if err != nil {
		return Count{n}, err
	}
	d.Wake()
	return Count{n}, d.closeBreaker(ctx, true)
}

// closeBreaker lets acknowledgements go out again once none is held by the
// breaker; released says that the last went out, and was not dropped.
func (d *Desk) closeBreaker(ctx context.Context, released bool) error {
	errStill := errors.New("still held")
	err := d.Store.View(ctx, func(tx store.ReadTx) error {
		return store.ListOutgoing(tx, store.Held, func(r store.Outgoing) error {
			if r.Reason == pipeline.BreakerReason {
				return errStill
			}
			return nil
		})
	})
	if errors.Is(err, errStill) {
		return nil
	}
	if err != nil {
		return err
	}
	return d.Pipeline.CloseBreaker(ctx, released)
}
