package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"postdesk/internal/addr"
	"postdesk/internal/ticket"
)

// ErasedText stands where a person's data was.
const ErasedText = "(erased)"

// eraseStep is how many records one Update of an erasure writes at most: no
// record is above MaxValue, and all of them together stay below MaxUpdate for
// usual ones.
const eraseStep = 25

// errEnough ends a scan early.
var errEnough = errors.New("store: enough")

// ErasedPerson counts what an erasure did.
type ErasedPerson struct {
	Contact  uint64 `json:"contact"`   // 0: there was no such record
	Tickets  int    `json:"tickets"`   // whose history the person was in
	Mails    int    `json:"mails"`     // made unreadable
	Outbox   int    `json:"outbox"`    // rows blanked; those that were to go out are dropped
	UnderWay int    `json:"under_way"` // mails that are being sent now: erase again later
}

// eraser is one erasure.
type eraser struct {
	ctx       context.Context
	db        Engine
	now       time.Time
	by        ticket.Actor
	contact   *Contact // nil for none
	addresses map[string]bool
	texts     []string
	all       bool // everything that was said in a ticket goes, whoever said it
	leaving   []*Contact
	done      ErasedPerson
}

// ErasePerson takes a person's data out of the store: of the contact that has
// the address (all of its addresses), or of the address alone. Of tickets that
// the person opened everything goes that was said: mails, subject, fields. Of
// tickets where the person took part otherwise, the person's own mails go with
// the copies of them, and the name and address; what others wrote stays theirs.
// Numbers, times and the kinds of events stay. The contact's record goes last,
// so that an erasure that was cut off can be run again; running it twice does
// no harm. It takes many Updates. ErrNotFound: nobody is known by the address.
func ErasePerson(ctx context.Context, db Engine, who addr.Address, by ticket.Actor, now time.Time) (ErasedPerson, error) {
	e := &eraser{ctx: ctx, db: db, now: now, by: by, addresses: map[string]bool{}}
	return e.run(who)
}

func (e *eraser) run(who addr.Address) (ErasedPerson, error) {
	if err := e.identify(who); err != nil {
		return e.done, err
	}
	numbers, err := e.affected()
	if err != nil {
		return e.done, err
	}
	for _, n := range numbers {
		if err := e.ticket(n); err != nil {
			return e.done, fmt.Errorf("erase: ticket %d: %w", n, err)
		}
	}
	for _, step := range []func() error{e.strayMails, e.heldMails, e.traces, e.record} {
		if err := step(); err != nil {
			return e.done, fmt.Errorf("erase: %w", err)
		}
	}
	if e.done == (ErasedPerson{}) {
		return e.done, ErrNotFound
	}
	return e.done, nil
}

// identify gathers the addresses of the person.
func (e *eraser) identify(who addr.Address) error {
	list := []addr.Address{who}
	err := e.db.View(e.ctx, func(tx ReadTx) (err error) {
		e.contact, err = FindContact(tx, who)
		if errors.Is(err, ErrNotFound) {
			e.contact, err = nil, nil
		}
		return err
	})
	if err != nil {
		return err
	}
	if e.contact != nil {
		e.done.Contact = e.contact.ID
		list = append(list, e.contact.Addresses...)
	}
	for _, a := range list {
		if a.Local != "" { // a whole company is no person
			e.addresses[a.Key()] = true
			e.texts = append(e.texts, strings.ToLower(a.String()))
		}
	}
	return nil
}

func (e *eraser) is(a addr.Address) bool { return !a.IsZero() && e.addresses[a.Key()] }

// mentions says whether a text contains one of the addresses.
func (e *eraser) mentions(s string) bool {
	s = strings.ToLower(s)
	return slices.ContainsFunc(e.texts, func(a string) bool { return strings.Contains(s, a) })
}

// affected finds the tickets that the person is in: as participant, as writer
// or in the history. No index knows all of them, so it reads everything.
func (e *eraser) affected() ([]uint64, error) {
	var numbers []uint64
	err := e.db.View(e.ctx, func(tx ReadTx) error {
		return TicketsByNumber(tx, 0, false, func(t *ticket.Ticket) error {
			if err := e.ctx.Err(); err != nil {
				return err
			}
			in, err := e.takesPart(tx, t)
			if in {
				numbers = append(numbers, t.Number)
			}
			return err
		})
	})
	return numbers, err
}

func (e *eraser) takesPart(tx ReadTx, t *ticket.Ticket) (bool, error) {
	if slices.ContainsFunc(t.Participants, e.isParticipant) {
		return true, nil
	}
	found := false
	err := Messages(tx, t.Number, func(m ticket.Message) error {
		if e.wrote(m) || slices.ContainsFunc(m.To, e.is) {
			found = true
			return errEnough
		}
		return nil
	})
	if err == nil {
		err = Events(tx, t.Number, func(ev ticket.Event) error {
			if e.inEvent(&ev) {
				found = true
				return errEnough
			}
			return nil
		})
	}
	if errors.Is(err, errEnough) {
		err = nil
	}
	return found, err
}

func (e *eraser) isParticipant(p ticket.Participant) bool {
	return e.is(p.Address) || e.is(p.ReplyTo) || e.contact != nil && p.Contact == e.contact.ID
}

func (e *eraser) wrote(m ticket.Message) bool { return m.Agent == "" && e.is(m.From.Address) }

func (e *eraser) inEvent(ev *ticket.Event) bool {
	if ev.By.Kind == ticket.ByContact && e.mentions(ev.By.ID) || ev.Participant != nil && e.isParticipant(*ev.Participant) {
		return true
	}
	for _, v := range ev.Data {
		if e.mentions(v) {
			return true
		}
	}
	return false
}

// ticket erases the person from one ticket: messages and their outbox rows,
// then the history, and at last the ticket, so that it is found again when this
// is cut off.
func (e *eraser) ticket(number uint64) error {
	e.done.Tickets++
	var t *ticket.Ticket
	var messages, events []uint64
	var rows []uint64
	err := e.db.View(e.ctx, func(tx ReadTx) (err error) {
		if t, err = GetTicket(tx, number); err != nil {
			return err
		}
		for n := uint64(1); n <= t.Messages; n++ {
			messages = append(messages, n)
		}
		for n := uint64(1); n <= t.Events; n++ {
			events = append(events, n)
		}
		return SentOf(tx, number, func(r Outgoing) error { rows = append(rows, r.ID); return nil })
	})
	if err != nil {
		return err
	}
	whole := e.all || t.Erased || slices.ContainsFunc(t.Participants, func(p ticket.Participant) bool {
		return p.Relation == ticket.Requester && e.isParticipant(p)
	})
	own := map[uint64]bool{}
	if err := e.messages(number, messages, whole, own); err != nil {
		return err
	}
	if err := e.rows(rows, whole, own); err != nil {
		return err
	}
	if err := e.plans(number, whole); err != nil {
		return err
	}
	if err := e.events(number, events, whole); err != nil {
		return err
	}
	return e.head(number, whole)
}

// each runs fn for every number, eraseStep of them in one Update. What fn
// counts must be counted from its result, since an Update may run again.
func (e *eraser) each(list []uint64, fn func(Tx, uint64) (mails, rows, underWay int, err error)) error {
	for part := range slices.Chunk(list, eraseStep) {
		var mails, rows, underWay int
		err := e.db.Update(e.ctx, func(tx Tx) error {
			mails, rows, underWay = 0, 0, 0
			for _, n := range part {
				m, r, u, err := fn(tx, n)
				if err != nil {
					return err
				}
				mails, rows, underWay = mails+m, rows+r, underWay+u
			}
			return nil
		})
		if err != nil {
			return err
		}
		e.done.Mails += mails
		e.done.Outbox += rows
		e.done.UnderWay += underWay
	}
	return nil
}

// messages blanks those of the person, or all. own gets their numbers.
func (e *eraser) messages(number uint64, list []uint64, whole bool, own map[uint64]bool) error {
	return e.each(list, func(tx Tx, seq uint64) (mails, rows, underWay int, err error) {
		m, err := GetMessage(tx, number, seq)
		if errors.Is(err, ErrNotFound) {
			return 0, 0, 0, nil
		}
		if err != nil {
			return 0, 0, 0, err
		}
		mine := e.wrote(m) || whole && m.From.Address.IsZero()
		came, err := e.opened(tx, m.Was)
		if err != nil {
			return 0, 0, 0, err
		}
		m.To = slices.DeleteFunc(m.To, e.is)
		if whole || mine || came {
			own[seq] = true
			if mails, err = eraseMails(tx, MailID(m.Mail), MailID(m.Sent)); err != nil {
				return 0, 0, 0, err
			}
			if m.Agent == "" {
				if err := dropMessageID(tx, m.MessageID, number, seq); err != nil {
					return 0, 0, 0, err
				}
				m.From, m.MessageID, m.Backed = addr.Mailbox{}, "", ""
			}
			m.Subject, m.Excerpt, m.Prefix, m.Facts = "", "", nil, nil
		}
		return mails, 0, 0, PutMessage(tx, number, m)
	})
}

// opened says whether a message came with a ticket of the person's that was
// merged into this one.
func (e *eraser) opened(tx ReadTx, was uint64) (bool, error) {
	if was == 0 {
		return false, nil
	}
	t, err := GetTicket(tx, was)
	if err != nil {
		return false, err
	}
	return t.MergedInto != 0 && (t.Erased || slices.ContainsFunc(t.Participants, func(p ticket.Participant) bool {
		return p.Relation == ticket.Requester && e.isParticipant(p)
	})), nil
}

// eraseMails erases mails that are there, and counts those that were readable.
func eraseMails(tx Tx, ids ...MailID) (n int, err error) {
	for _, id := range ids {
		if id == 0 {
			continue
		}
		if _, err := tx.Mail(id); err != nil {
			continue // erased before
		}
		if err := tx.EraseMail(id); err != nil {
			return n, err
		}
		n++
	}
	return n, nil
}

// dropMessageID forgets a Message-ID that leads to this message.
func dropMessageID(tx Tx, id string, number, seq uint64) error {
	if id == "" {
		return nil
	}
	n, s, err := ByMessageID(tx, id)
	if errors.Is(err, ErrNotFound) || err == nil && (n != number || s != seq) {
		return nil
	}
	if err != nil {
		return err
	}
	return tx.Delete(key(indexMessageID, id))
}

// rows blanks the outbox rows that carry the person's words, or go to the
// person.
func (e *eraser) rows(list []uint64, whole bool, own map[uint64]bool) error {
	return e.each(list, func(tx Tx, id uint64) (mails, rows, underWay int, err error) {
		row, err := GetOutgoing(tx, id)
		if err != nil {
			return 0, 0, 0, err
		}
		now, err := Settle(tx, row)
		if err != nil {
			return 0, 0, 0, err
		}
		// A reply in somebody else's ticket is a mail to several: it stays theirs.
		carries := whole || own[now.Message] || e.is(row.To) && row.Purpose != PurposeReply
		if !carries && !e.is(row.To) && !e.mentions(row.Text) {
			return 0, 0, 0, nil
		}
		if row.State == Sending { // the relay would write it back as it was
			return 0, 0, 1, nil
		}
		if carries {
			if mails, err = eraseMails(tx, row.Mail); err != nil {
				return 0, 0, 0, err
			}
		}
		if row.State == Ready || row.State == Held {
			row.State, row.Reason, row.Done = Dropped, "erased", e.now
		}
		if row.Agent == "" || e.is(row.To) || row.Purpose == PurposeReply {
			row.To = addr.Address{}
		}
		row.Text = ""
		return mails, 1, 0, PutOutgoing(tx, row)
	})
}

// quoted are the kinds of event whose data is what somebody said.
var quoted = map[ticket.What]string{
	ticket.Created: "subject", ticket.SubjectSet: "subject", ticket.FieldSet: "value", ticket.StatusChanged: "text",
	ticket.Decided: "text", ticket.TimeSpent: "text", ticket.Planned: "title", ticket.Categorised: "category",
	ticket.ContactChanged: "is", ticket.AttachmentSent: "name",
}

// events blanks the person in the history.
func (e *eraser) events(number uint64, list []uint64, whole bool) error {
	return e.each(list, func(tx Tx, seq uint64) (mails, rows, underWay int, err error) {
		var ev ticket.Event
		ok, err := find(tx, key(tableEvent, number, seq), &ev)
		if err != nil || !ok {
			return 0, 0, 0, err
		}
		if ev.By.Kind == ticket.ByContact && (whole || e.mentions(ev.By.ID)) {
			ev.By.ID = ""
		}
		if p := ev.Participant; p != nil && (whole || e.isParticipant(*p)) {
			blank(p)
		}
		if ev.Aside != nil && whole {
			ev.Aside.Subject = ErasedText
		}
		for k, v := range ev.Data {
			if v != "" && (e.mentions(v) || whole && quoted[ev.What] == k) {
				ev.Data[k] = ErasedText
			}
		}
		return 0, 0, 0, put(tx, key(tableEvent, number, seq), ev)
	})
}

// blank leaves a participant's number and relation.
func blank(p *ticket.Participant) {
	p.Name, p.Address, p.ReplyTo, p.Contact, p.Removed = "", addr.Address{}, addr.Address{}, 0, true
}

// head blanks the ticket itself, and writes that it happened.
func (e *eraser) head(number uint64, whole bool) error {
	return e.db.Update(e.ctx, func(tx Tx) error {
		t, err := GetTicket(tx, number)
		if err != nil {
			return err
		}
		for i := range t.Participants {
			if p := &t.Participants[i]; whole || e.isParticipant(*p) {
				blank(p)
			}
		}
		if whole {
			t.Subject, t.Resolution, t.Fields = ErasedText, "", nil
			for i := range t.Asides {
				t.Asides[i].Subject = ErasedText
			}
		} else if e.mentions(t.Subject) {
			t.Subject = ErasedText
		}
		if whole && t.Erased {
			return SaveTicket(tx, t) // an erasure that was cut off said so already
		}
		t.Erased = t.Erased || whole
		if err := AddEvent(tx, t, ticket.Event{At: e.now, By: e.by, What: ticket.Erased}); err != nil {
			return err
		}
		return SaveTicket(tx, t)
	})
}

// strayMails are rows of the outbox that belong to no ticket.
func (e *eraser) strayMails() error {
	var ids []uint64
	err := e.db.View(e.ctx, func(tx ReadTx) error {
		return AllOutgoing(tx, func(r Outgoing) error {
			if e.is(r.To) {
				ids = append(ids, r.ID)
			}
			return e.ctx.Err()
		})
	})
	if err != nil {
		return err
	}
	return e.rows(ids, false, nil)
}
