package server_test

import (
	"errors"
	"fmt"
	"net/textproto"
	"slices"
	"strings"
	"time"

	"postdesk/internal/addr"
	"postdesk/internal/message"
	"postdesk/internal/testkit"
	"postdesk/internal/ticket"
	"postdesk/store"
)

// person is somebody with a mail client: the tests are what these people say to
// each other.
type person struct {
	d             *desk
	name, address string
	envelope      string // MAIL FROM: the address when empty, "<>" is the null sender
	password      string // not empty: writes over submission
	read          int    // how many of the mails that came were read
	wrote         int
}

func (d *desk) person(name, address string) *person {
	return &person{d: d, name: name, address: address}
}

// jean is a customer whose address SPF backs; anne and bruno are agents.
func (d *desk) jean() *person  { return d.person("Jean Client", "jean@client.example") }
func (d *desk) anne() *person  { return d.person("Anne Durand", "anne.durand@corp.example") }
func (d *desk) bruno() *person { return d.person("Bruno Petit", "bruno.petit@corp.example") }

const generic = "relationclient@example.com"

// from is the same person with another envelope sender.
func (p person) from(envelope string) *person {
	p.envelope = envelope
	p.wrote += 1000
	return &p
}

func (p *person) String() string {
	if p.name == "" {
		return p.address
	}
	return fmt.Sprintf("%q <%s>", p.name, p.address)
}

// posts hands a finished mail to postdesk.
func (p *person) posts(to []string, mail string) error {
	p.d.Helper()
	from := p.envelope
	switch from {
	case "":
		from = p.address
	case "<>":
		from = ""
	}
	if p.password != "" {
		return p.d.submit(p.address, p.password, from, to, mail)
	}
	return p.d.send(from, to, mail)
}

// mail is one that the person's client writes.
func (p *person) mail(to, subject, body string, headers ...string) string {
	p.wrote++
	id := fmt.Sprintf("%d.%d.%s", p.wrote, time.Now().UnixNano(), p.address)
	if !slices.ContainsFunc(headers, func(h string) bool { return strings.HasPrefix(h, "Content-Type:") }) {
		headers = append(headers, "MIME-Version: 1.0", "Content-Type: text/plain; charset=utf-8", "Content-Transfer-Encoding: 8bit")
	}
	return p.dated(letter(p.String(), to, id, message.EncodeWord(subject), body, headers...))
}

// dated gives a mail the date of postdesk's clock.
func (p *person) dated(mail string) string {
	before, rest, _ := strings.Cut(mail, "\nDate: ")
	_, after, _ := strings.Cut(rest, "\n")
	return before + "\nDate: " + p.d.now().Format(time.RFC1123Z) + "\n" + after
}

// writes sends a new mail, and returns its Message-ID.
func (p *person) writes(to, subject, body string, headers ...string) string {
	p.d.Helper()
	mail := p.mail(to, subject, body, headers...)
	if err := p.posts([]string{to}, mail); err != nil {
		p.d.Fatalf("%s to %s: %v", p, to, err)
	}
	return messageIDOf(mail)
}

func messageIDOf(mail string) string {
	_, rest, _ := strings.Cut(mail, "Message-ID: <")
	id, _, _ := strings.Cut(rest, ">")
	return id
}

// answers presses Reply.
func (p *person) answers(m received, text string, headers ...string) {
	p.d.Helper()
	to, mail := replyTo(m, p.String(), text, headers...)
	if err := p.posts([]string{to}, p.dated(mail)); err != nil {
		p.d.Fatalf("%s to %s: %v", p, to, err)
	}
}

// mailbox is all that came for the person.
func (p *person) mailbox() []testkit.Received {
	var list []testkit.Received
	for _, s := range []*testkit.Sink{p.d.customers, p.d.agents} {
		for _, m := range s.Mails() {
			if slices.ContainsFunc(m.To, func(to string) bool { return strings.EqualFold(to, p.address) }) {
				list = append(list, m)
			}
		}
	}
	return list
}

// reads waits for the next mail.
func (p *person) reads() received {
	p.d.Helper()
	for end := time.Now().Add(wait); time.Now().Before(end); time.Sleep(2 * time.Millisecond) {
		if all := p.mailbox(); len(all) > p.read {
			p.read++
			return parse(p.d.T, all[p.read-1])
		}
	}
	p.d.Fatalf("%s: no mail after the first %d", p.address, p.read)
	return received{}
}

// hearsNothing checks that nothing more has come once all is sent.
func (p *person) hearsNothing() {
	p.d.Helper()
	p.d.drained()
	all := p.mailbox()
	for _, m := range all[p.read:] {
		p.d.Errorf("%s got a mail too many from <%s>:\n%s", p.address, m.From, m.Raw)
	}
	p.read = len(all)
}

// ask is the beginning of most conversations: jean writes, gets the
// acknowledgement, and anne gets the copy.
func (d *desk) ask(jean, anne *person, subject, body string) (ack, copy received) {
	d.Helper()
	jean.writes(generic, subject, body)
	return jean.reads(), anne.reads()
}

// token is the address that answering a mail goes to.
func (r received) token() string { return r.Header.Mailboxes("From")[0].Address.String() }

func (r received) id() string { return r.Header.MessageIDs("Message-ID")[0] }

func (r received) subject() string { return r.Header.Text("Subject") }

// says checks that a mail's text holds words.
func (d *desk) says(m received, words ...string) {
	d.Helper()
	text := m.text()
	for _, w := range words {
		if !strings.Contains(text, w) {
			d.Errorf("the mail to %v does not say %q:\n%s", m.To, w, text)
		}
	}
}

func (d *desk) ticket(n uint64) *ticket.Ticket {
	d.Helper()
	var t *ticket.Ticket
	d.view(func(tx store.ReadTx) (err error) {
		t, err = store.GetTicket(tx, n)
		return err
	})
	return t
}

// tickets is how many there are.
func (d *desk) tickets() int {
	d.Helper()
	n := 0
	d.view(func(tx store.ReadTx) error {
		return store.TicketsByNumber(tx, 0, false, func(*ticket.Ticket) error { n++; return nil })
	})
	return n
}

// happened are the events of one kind.
func (d *desk) happened(n uint64, what ticket.What) []ticket.Event {
	d.Helper()
	var list []ticket.Event
	d.view(func(tx store.ReadTx) error {
		return store.Events(tx, n, func(e ticket.Event) error {
			if e.What == what {
				list = append(list, e)
			}
			return nil
		})
	})
	return list
}

// messages are the kinds of a ticket's messages, in order.
func (d *desk) messages(n uint64) string {
	d.Helper()
	var kinds []string
	d.view(func(tx store.ReadTx) error {
		return store.Messages(tx, n, func(m ticket.Message) error { kinds = append(kinds, string(m.Kind)); return nil })
	})
	return strings.Join(kinds, " ")
}

// held are the mails that wait for a word.
func (d *desk) held() []store.HeldMail {
	d.Helper()
	var list []store.HeldMail
	d.view(func(tx store.ReadTx) error {
		return store.ListHeld(tx, func(h *store.HeldMail) error { list = append(list, *h); return nil })
	})
	return list
}

// outbox are all rows, in order.
func (d *desk) outbox() []store.Outgoing {
	d.Helper()
	var list []store.Outgoing
	d.view(func(tx store.ReadTx) error {
		return store.AllOutgoing(tx, func(row store.Outgoing) error { list = append(list, row); return nil })
	})
	return list
}

// expect checks a ticket's status and assignee.
func (d *desk) expect(n uint64, status ticket.Status, assignee string) {
	d.Helper()
	if t := d.ticket(n); t.Status != status || t.Assignee != assignee {
		d.Errorf("ticket %d is %s of %q, want %s of %q", n, t.Status, t.Assignee, status, assignee)
	}
}

// again starts a server on the same data directory, after Close.
func (d *desk) again() {
	d.Helper()
	d.pause()
	if err := d.srv.Close(); err != nil {
		d.Fatal(err)
	}
	d.start(d.text)
}

// pause waits a moment for the mails that are being sent. One that arrived and is
// not written down yet would be sent again after a stop, as after a crash.
func (d *desk) pause() {
	d.Helper()
	for end := time.Now().Add(3 * time.Second); time.Now().Before(end); time.Sleep(2 * time.Millisecond) {
		var sending int64
		err := d.srv.Store.View(d.Context(), func(tx store.ReadTx) error {
			all, err := store.Tally(tx, "outbox")
			sending = all["sending"]
			return err
		})
		if err != nil || sending == 0 { // an error: the server is closed already
			return
		}
	}
}

// mustParse is an address of a test.
func (d *desk) mustParse(s string) addr.Address {
	d.Helper()
	a, err := addr.Parse(s)
	if err != nil {
		d.Fatal(err)
	}
	return a
}

// refused says whether the session ended with this reply.
func refused(err error, code int, enhanced string) bool {
	var e *textproto.Error
	return errors.As(err, &e) && e.Code == code && strings.HasPrefix(e.Msg, enhanced+" ") && len(e.Msg) > len(enhanced)+10
}
