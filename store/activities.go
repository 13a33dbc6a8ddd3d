package store

import (
	"slices"
	"time"

	"postdesk/internal/ticket"
)

// Activity is what an agent has planned in a ticket.
type Activity struct {
	N        uint64 // its number in the ticket, for ever; it begins at 1
	Agent    string // in whose calendar it is
	Kind     string // task, call, event, remind
	Title    string
	Start    time.Time
	Day      bool      `json:",omitempty"` // the whole day of Start
	Due      time.Time `json:",omitzero"`  // when the agent is reminded by mail; zero is not any more
	Sequence int       `json:",omitempty"` // of the invitation, RFC 5545 §3.8.7.4
	UID      string
	Follows  bool          `json:",omitempty"` // it was planned by who looked after the ticket, and goes where the ticket goes
	State    ActivityState `json:",omitempty"`
	Items    []SentItem    `json:",omitempty"` // the mails about it, the latest last
}

// SentItem is an outgoing mail of a ticket.
type SentItem struct{ Ticket, Item uint64 }

// ActivityState is where an activity stands; "" is open.
type ActivityState string

// The states of an activity that is open no more.
const (
	ActivityDone      ActivityState = "done"
	ActivityDeclined  ActivityState = "declined"
	ActivityCancelled ActivityState = "cancelled"
)

// MaxActivities is how many activities a ticket may have, those that are done
// included.
const MaxActivities = 500

// maxActivityItems is how many mails about an activity are remembered.
const maxActivityItems = 20

// Open says whether it is still to be done.
func (a *Activity) Open() bool { return a.State == "" }

// Sent remembers a mail about the activity.
func (a *Activity) Sent(number, item uint64) {
	a.Items = append(a.Items, SentItem{number, item})
	a.Items = a.Items[max(0, len(a.Items)-maxActivityItems):]
}

// AddActivity numbers an activity. The caller writes it with PutActivity, and
// saves the ticket.
func AddActivity(t *ticket.Ticket, a *Activity) {
	t.Activities++
	a.N = t.Activities
}

// PutActivity writes an activity.
func PutActivity(tx Tx, number uint64, a *Activity) error {
	return put(tx, key(tableActivity, number, a.N), a)
}

// Activities are those of a ticket, in the order in which they were planned.
func Activities(tx ReadTx, t *ticket.Ticket) ([]*Activity, error) {
	if t.Activities == 0 {
		return nil, nil
	}
	var list []*Activity
	lo, hi := within(key(tableActivity, t.Number))
	err := tx.Scan(lo, hi, 0, false, func(_, v []byte) error {
		a := new(Activity)
		list = append(list, a)
		return decode(v, a)
	})
	return list, err
}

// OpenActivities are those of a ticket that are still to be done.
func OpenActivities(tx ReadTx, t *ticket.Ticket) ([]*Activity, error) {
	list, err := Activities(tx, t)
	return slices.DeleteFunc(list, func(a *Activity) bool { return !a.Open() }), err
}

// NextActivity is when the first reminder of a ticket is due, zero for none.
func NextActivity(tx ReadTx, t *ticket.Ticket) (at time.Time, err error) {
	list, err := OpenActivities(tx, t)
	for _, a := range list {
		if !a.Due.IsZero() && (at.IsZero() || a.Due.Before(at)) {
			at = a.Due
		}
	}
	return at, err
}
