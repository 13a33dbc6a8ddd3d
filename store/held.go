package store

import (
	"errors"
	"time"

	"postdesk/internal/addr"
)

// HeldMail is a mail of an agent that waits for a word: the agent was not
// believed, or the outgoing guard found something.
type HeldMail struct {
	ID      uint64         `json:"id"`
	At      time.Time      `json:"at"`
	Agent   string         `json:"agent"`
	Why     string         `json:"why"` // a fixed word, the metric's label
	Reasons []string       `json:"reasons,omitempty"`
	Passed  []string       `json:"passed,omitempty"` // for which other reasons the agent has released it before
	Mail    MailID         `json:"mail"`
	Ticket  uint64         `json:"ticket,omitempty"`
	Subject string         `json:"subject,omitempty"`
	From    addr.Address   `json:"envelope_from,omitzero"`
	To      []addr.Address `json:"to,omitempty"`
	Facts   []byte         `json:"facts,omitempty"`
	State   HeldState      `json:"state"`
	Decided time.Time      `json:"decided,omitzero"`
	Answers []MailID       `json:"answers,omitempty"`
	Orders  bool           `json:"orders,omitempty"`  // nothing but command lines: no answer to anybody
	Bad     []string       `json:"bad,omitempty"`     // command lines that were not understood or could not be carried out
	Instead []string       `json:"instead,omitempty"` // the command lines that its agent typed in place of those in the mail
}

// HeldState is where a held mail stands.
type HeldState string

// The states of a held mail.
const (
	Waiting   HeldState = "held"
	Released  HeldState = "released"
	Cancelled HeldState = "cancelled"
)

// AddHeld numbers a held mail and writes it.
func AddHeld(tx Tx, h *HeldMail) error {
	id, err := next(tx, "held", 1)
	if err != nil {
		return err
	}
	h.ID, h.State = id, Waiting
	if err := tally(tx, 1, "held", h.Why); err != nil {
		return err
	}
	if err := tx.Set(key(indexHeldFor, string(Waiting), h.ID), []byte{}); err != nil {
		return err
	}
	return put(tx, key(tableHeld, id), h)
}

// GetHeld reads a held mail, or ErrNotFound.
func GetHeld(tx ReadTx, id uint64) (*HeldMail, error) {
	h := new(HeldMail)
	if err := get(tx, key(tableHeld, id), h); err != nil {
		return nil, err
	}
	return h, nil
}

// ErrDecided says that a held mail was released or dropped before.
var ErrDecided = errors.New("store: this held mail was decided on already")

// DecideHeld ends the waiting of a held mail, once.
func DecideHeld(tx Tx, id uint64, s HeldState, now time.Time) (*HeldMail, error) {
	h, err := GetHeld(tx, id)
	if err != nil {
		return nil, err
	}
	if h.State != Waiting {
		return nil, ErrDecided
	}
	h.State, h.Decided = s, now
	if err := tally(tx, -1, "held", h.Why); err != nil {
		return nil, err
	}
	if err := tx.Delete(key(indexHeldFor, string(Waiting), h.ID)); err != nil {
		return nil, err
	}
	return h, put(tx, key(tableHeld, id), h)
}

// ListHeld calls fn for the mails that are held, by number.
func ListHeld(tx ReadTx, fn func(*HeldMail) error) error {
	lo, hi := within(key(indexHeldFor, string(Waiting)))
	return tx.Scan(lo, hi, 0, false, func(k, _ []byte) error {
		h, err := GetHeld(tx, lastUint(k))
		if err != nil {
			return err
		}
		return fn(h)
	})
}

// AddAnswer keeps the mail that answered the notice about a held one.
func AddAnswer(tx Tx, id uint64, mail MailID) error {
	h, err := GetHeld(tx, id)
	if err != nil {
		return err
	}
	h.Answers = append(h.Answers, mail)
	return put(tx, key(tableHeld, id), h)
}
