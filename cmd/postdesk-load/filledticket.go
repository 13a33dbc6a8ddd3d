package main

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"postdesk/internal/addr"
	"postdesk/internal/message"
	"postdesk/internal/ticket"
	"postdesk/store"
)

// age is how long ago the first ticket was opened.
const age = 3 * 365 * 24 * time.Hour

// story is one ticket while it is written: a request of 2 to 4 KB, its acknowledgement, the agent's copy, an
// answer and its way to the customer, closed a week later. The mails out are shorter than in life (1 KB).
type story struct {
	*filling
	tx       store.Tx
	t        *ticket.Ticket
	n        int
	at       time.Time
	open     bool
	customer addr.Mailbox
	contact  *store.Contact
}

// ticket writes the n-th ticket with all that belongs to it.
func (o *filling) ticket(tx store.Tx, n int) error {
	s := story{filling: o, tx: tx, n: n, open: n >= o.tickets-o.open}
	s.at = o.now.Add(-age + time.Duration(float64(age)*float64(n)/float64(o.tickets)*0.98)).Truncate(time.Millisecond)
	if s.open {
		s.at = o.now.Add(-time.Minute).Truncate(time.Millisecond)
	}
	who := n % o.contacts
	s.customer = addr.Mailbox{Name: fmt.Sprintf("Customer %d", who), Address: addr.Address{Local: fmt.Sprintf("customer%d", who), Domain: o.from}}
	var err error
	if s.contact, err = store.SeeContact(tx, s.customer, s.at); err != nil {
		return err
	}
	if s.t, err = store.NewTicket(tx, 10000); err != nil {
		return err
	}
	for _, step := range []func() error{s.asks, s.acknowledged, s.copied, s.answered, s.closed} {
		if err := step(); err != nil {
			return err
		}
	}
	return store.SaveTicket(tx, s.t)
}

func (s *story) event(by ticket.Actor, what ticket.What, message uint64, data map[string]string) error {
	return store.AddEvent(s.tx, s.t, ticket.Event{At: s.at, By: by, What: what, Message: message, Data: data})
}

// asks is the request.
func (s *story) asks() error {
	id := fmt.Sprintf("fill.%d@%s", s.n, s.from)
	subject := fmt.Sprintf("Question %d about my order", s.n)
	raw := s.letter(id, subject, 2000+s.rand.IntN(2000))
	mail, err := s.tx.PutMail(message.BytesSource(raw))
	if err != nil {
		return err
	}
	t, customer := s.t, ticket.Actor{Kind: ticket.ByContact, ID: s.customer.Address.String()}
	t.Team, t.Status, t.Priority, t.Language, t.Created = s.teamAddress(), ticket.New, ticket.Low, "en", s.at
	err = store.AddEvent(s.tx, t, ticket.Event{At: s.at, By: customer, What: ticket.Created, Data: map[string]string{"subject": subject}})
	if err == nil {
		err = store.AddEvent(s.tx, t, ticket.Event{At: s.at, By: customer, What: ticket.Joined,
			Participant: &ticket.Participant{ID: 1, Relation: ticket.Requester, Name: s.customer.Name, Address: s.customer.Address, Contact: s.contact.ID}})
	}
	if err == nil {
		err = s.event(ticket.System, ticket.Assigned, 0, map[string]string{"agent": s.agent, "why": "round-robin"})
	}
	if err == nil {
		err = store.AddRequest(s.tx, s.contact.ID, t.Number)
	}
	if err != nil {
		return err
	}
	return store.AddMessage(s.tx, t, &ticket.Message{Kind: ticket.KindIn, At: s.at, Mail: uint64(mail), From: s.customer, To: []addr.Address{t.Team}, Subject: subject,
		MessageID: id, Backed: "dkim " + s.from, Prefix: s.prefix(), Facts: s.facts(id, subject, len(raw))})
}

// out writes a mail and its row of the outbox, delivered long ago.
func (s *story) out(purpose store.Purpose, to addr.Address, of uint64) (string, error) {
	s.t.Outgoing++
	id := fmt.Sprintf("out.%d.%d@desk.example", s.t.Number, s.t.Outgoing)
	mail, err := s.tx.PutMail(message.BytesSource(s.letter(id, s.t.Subject, 1000)))
	if err != nil {
		return "", err
	}
	row := store.Outgoing{Mail: mail, From: s.t.Team.WithExt("tiuazatqcah7zvsqiyytixgnks4"), To: to, Domain: "desk.example", MessageID: id, Purpose: purpose, Ticket: s.t.Number,
		Item: s.t.Outgoing, Message: of, State: store.Delivered, Created: s.at, Due: s.at, Attempts: 1, DataStarted: s.at, Done: s.at.Add(time.Second),
		Host: "mx.client.example", Code: 250, Enhanced: "2.0.0", Text: "ok"}
	if err := store.Enqueue(s.tx, &row); err != nil {
		return "", err
	}
	return id, store.IndexMessageID(s.tx, id, s.t.Number, of)
}

func (s *story) acknowledged() error {
	s.t.Acknowledged = true
	if err := s.event(ticket.System, ticket.Acknowledged, 0, nil); err != nil {
		return err
	}
	_, err := s.out(store.PurposeAck, s.customer.Address, 1)
	return err
}

func (s *story) copied() error {
	_, err := s.out(store.PurposeCopy, s.mailbox().Address, 1)
	return err
}

// answered is the agent's answer. Half of the open tickets have one.
func (s *story) answered() error {
	if s.open && s.n%2 == 0 {
		return nil
	}
	if !s.open {
		s.at = s.at.Add(2 * time.Hour)
	}
	mail, err := s.tx.PutMail(message.BytesSource(s.letter(fmt.Sprintf("answer.%d@corp.example", s.n), "Re: "+s.t.Subject, 1000)))
	if err != nil {
		return err
	}
	seq := s.t.Messages + 1
	id, err := s.out(store.PurposeReply, s.customer.Address, seq)
	if err != nil {
		return err
	}
	err = store.AddMessage(s.tx, s.t, &ticket.Message{Kind: ticket.KindOut, At: s.at, Mail: uint64(mail), From: s.mailbox(), Agent: s.agent,
		To: []addr.Address{s.customer.Address}, Subject: "Re: " + s.t.Subject, MessageID: id, Prefix: s.prefix(), Facts: s.facts(id, s.t.Subject, 1000)})
	if err != nil {
		return err
	}
	if err := s.event(s.by(), ticket.Replied, seq, nil); err != nil {
		return err
	}
	return s.event(s.by(), ticket.StatusChanged, 0, map[string]string{"status": string(ticket.Pending)})
}

func (s *story) closed() error {
	if s.open {
		return nil
	}
	if err := s.event(s.by(), ticket.StatusChanged, 0, map[string]string{"status": string(ticket.Solved)}); err != nil {
		return err
	}
	s.at = s.at.Add(7 * 24 * time.Hour)
	return s.event(ticket.System, ticket.StatusChanged, 0, map[string]string{"status": string(ticket.Closed)})
}

// letter is a mail with so many bytes of text.
func (o *filling) letter(id, subject string, size int) []byte {
	b := make([]byte, 0, size+512)
	b = fmt.Appendf(b, "From: <anybody@%s>\r\nTo: <%s>\r\nSubject: %s\r\nMessage-ID: <%s>\r\nDate: %s\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n",
		o.from, o.team, subject, id, o.now.Format(time.RFC1123Z))
	at := o.rand.IntN(len(o.text) - size)
	return append(append(b, o.text[at:at+size]...), "\r\n"...)
}

// prose is text of which letters are cut: lines of words, each with something that is in no other.
func prose(rand *rand.Rand) []byte {
	words := strings.Fields("the order that we placed last week has not come and nobody answers on the telephone please tell us when it will be sent thank you")
	var b []byte
	for len(b) < 1<<20 {
		for range 12 {
			b = append(append(b, words[rand.IntN(len(words))]...), ' ')
		}
		b = fmt.Appendf(b, "%x\r\n", rand.Uint64())
	}
	return b
}

// prefix is of the length of the header fields that a mail gets.
func (s *story) prefix() []byte {
	return fmt.Appendf(nil, "Return-Path: <%s>\r\nAuthentication-Results: mx.desk.example;\r\n\tspf=pass smtp.mailfrom=%s;\r\n\tdkim=pass header.d=%s header.s=load;\r\n\tdmarc=pass header.from=%s\r\n"+
		"Received: from %s (192.0.2.%d)\r\n\tby mx.desk.example with ESMTPS id %x;\r\n\t%s\r\n", s.customer.Address, s.from, s.from, s.from, s.from, s.n%250, s.rand.Uint64(), s.at.Format(time.RFC1123Z))
}

// facts has what the facts of such a mail have, and about their length.
func (s *story) facts(id, subject string, size int) []byte {
	b, err := json.Marshal(map[string]any{"id": fmt.Sprintf("%x", s.rand.Uint64()), "at": s.at, "listener": "mx", "peer": "192.0.2.1", "helo": s.from, "envelope_from": s.customer.Address.String(),
		"envelope_to": []string{s.team}, "message_id": id, "from": s.customer.Address.String(), "authors": 1, "subject": subject, "size": size,
		"sha256": fmt.Sprintf("%064x", s.rand.Uint64()), "body_sha256": fmt.Sprintf("%064x", s.rand.Uint64()), "class": map[string]string{"class": "customer", "why": "no agent's address"},
		"decision": fmt.Sprintf("new ticket %d%s", s.t.Number, strings.Repeat(" ", 800))})
	if err != nil {
		return nil // there is nothing in it that can fail
	}
	return b
}

func mustAddress(s string) addr.Address {
	local, domain, _ := strings.Cut(s, "@")
	return addr.Address{Local: local, Domain: domain}
}
