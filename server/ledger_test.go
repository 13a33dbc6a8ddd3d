package server_test

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/textproto"
	"regexp"
	"strings"
	"sync"
	"time"

	"postdesk/internal/testkit"
	"postdesk/internal/testkit/load"
	"postdesk/internal/ticket"
	"postdesk/store"
)

// ledger is what the world outside knows of a run: which mails were sent, and what
// was said to them. Its methods may be used by many goroutines.
type ledger struct {
	d *desk

	mu   sync.Mutex
	sent map[string]load.Entry // the last word about each mail
}

func (d *desk) ledger() *ledger { return &ledger{d: d, sent: map[string]load.Entry{}} }

// mark is the beginning of the Message-IDs of a ledger's mails. They stand in the
// text as well, so that copies can be told.
var mark = regexp.MustCompile(`ledger\.[0-9a-z.]+@[0-9a-z.-]+`)

// write makes one mail of a customer of its own.
func (l *ledger) write(name, domain string) (from, mail string) {
	from = name + "@" + domain
	id := "ledger." + name + "@" + domain
	return from, crlf(letter("Client <"+from+">", generic, id, "Question "+name, "Reference: "+id+"\n\nBonjour,\n\nrien n'est venu.\n"))
}

// sends hands one mail over as an MTA would, once, and notes the answer.
func (l *ledger) sends(name, domain string) error {
	l.d.Helper()
	from, mail := l.write(name, domain)
	err := l.d.send(from, []string{generic}, mail)
	l.notes(mail, err)
	return err
}

// notes writes down what was said to a mail.
func (l *ledger) notes(mail string, err error) {
	sum := sha256.Sum256([]byte(mail))
	e := load.Entry{MessageID: mark.FindString(mail), SHA256: hex.EncodeToString(sum[:]), Code: 250, At: time.Now()}
	if err != nil {
		var said *textproto.Error
		e.Code, e.Text = 0, err.Error()
		if errors.As(err, &said) {
			e.Code = said.Code
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if was := l.sent[e.MessageID]; !was.Accepted() { // once promised it stays promised
		l.sent[e.MessageID] = e
	}
}

// accepted is how many mails got a 250.
func (l *ledger) accepted() (n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, e := range l.sent {
		if e.Accepted() {
			n++
		}
	}
	return n
}

// balances checks the promises: what got a 250 is there once as raw mail and once as
// a message, acknowledged at most once, and has gone out, more than once only where a
// line was dropped behind the dot; what was refused is nowhere. again are such lines,
// by Message-ID and recipient, beside those that the sinks know of.
func (l *ledger) balances(again map[string]int) {
	l.d.Helper()
	l.mu.Lock()
	var sent []load.Entry
	for _, e := range l.sent {
		sent = append(sent, e)
	}
	l.mu.Unlock()
	for _, f := range load.Check(sent, l.d.arrivals(again), true, l.d.has()) {
		l.d.Error(f)
	}
}

// arrivals are the mails of both sinks.
func (d *desk) arrivals(again map[string]int) (list []load.Arrival) {
	for _, s := range []*testkit.Sink{d.customers, d.agents} {
		for _, m := range s.Mails() {
			head, _, _ := strings.Cut(string(m.Raw), "\r\n\r\n")
			a := load.Arrival{Origin: mark.FindString(string(m.Raw)), Own: messageIDOf(head), At: m.At,
				Ack: strings.Contains(head, "\r\nAuto-Submitted: auto-replied"), Dropped: m.Unanswered}
			for _, a.To = range m.To {
				list = append(list, a)
			}
		}
	}
	last := map[string]int{}
	for i, a := range list {
		last[a.Own+" "+a.To] = i
	}
	for i := range list {
		key := list[i].Own + " " + list[i].To
		if !list[i].Dropped && again[key] > 0 && last[key] > i {
			again[key]--
			list[i].Dropped = true
		}
	}
	return list
}

// has is what the store has.
func (d *desk) has() *load.State {
	d.Helper()
	s := &load.State{Raw: map[string]int{}, Messages: map[string]int{}, Acks: map[string]int{}}
	d.view(func(tx store.ReadTx) error {
		for id := store.MailID(1); ; id++ {
			m, err := tx.Mail(id)
			if errors.Is(err, store.ErrNotFound) {
				break
			}
			if err != nil {
				return err
			}
			sum := m.SHA256()
			s.Raw[hex.EncodeToString(sum[:])]++
		}
		return store.TicketsByNumber(tx, 0, false, func(t *ticket.Ticket) error {
			return store.Messages(tx, t.Number, func(m ticket.Message) error {
				s.Messages[m.MessageID]++
				return store.SentWith(tx, t.Number, m.Seq, func(row store.Outgoing) error {
					if row.Purpose == store.PurposeAck {
						s.Acks[m.MessageID]++
					}
					return nil
				})
			})
		})
	})
	return s
}

// cut stops the server at once, as a crash does but for the disk, and says for
// which mails the answer to the final dot was lost by that: these go out again.
func (d *desk) cut(again map[string]int) {
	d.Helper()
	if err := d.srv.Close(); err != nil {
		d.Fatal(err)
	}
	db, err := store.Open(store.Options{Dir: d.srv.Config().DataDir})
	if err != nil {
		d.Fatal(err)
	}
	err = db.View(d.Context(), func(tx store.ReadTx) error {
		return store.ListOutgoing(tx, store.Sending, func(row store.Outgoing) error {
			again[fmt.Sprintf("%s %s", row.MessageID, row.To)]++
			return nil
		})
	})
	if err := errors.Join(err, db.Close()); err != nil {
		d.Fatal(err)
	}
}
