package server_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"postdesk/internal/bounce"
	"postdesk/internal/message"
	"postdesk/internal/testkit"
	"postdesk/internal/ticket"
)

// labelled is a bounce of the world, and what those who collected it say of it.
type labelled struct {
	name    string
	raw     []byte
	reasons []string
}

// failures says whether all recipients failed, by the label.
func (l *labelled) failed() bool {
	return !slices.ContainsFunc(l.reasons, func(r string) bool { return r == "feedback" || r == "vacation" || r == "delivered" || r == "expired" })
}

// known says whether it is told to be a bounce by what it is; a few are not, see internal/bounce.
func (l *labelled) known() bool {
	m, err := message.Parse(message.BytesSource(l.raw))
	return err == nil && (m.Report() != nil || bounce.Prose(m)) && !slices.Contains(l.reasons, "vacation")
}

// labelledBounces reads every n-th of them, or skips the test.
func labelledBounces(t *testing.T, n int) (list []*labelled) {
	t.Helper()
	dir := os.Getenv("POSTDESK_CORPORA")
	if dir == "" {
		dir = "../../shared/corpora"
	}
	dir = filepath.Join(dir, "sisimai-bounces")
	raw, err := os.ReadFile(filepath.Join(dir, "expected.dev.json"))
	if err != nil {
		t.Skipf("no labelled bounces: set POSTDESK_CORPORA (%v)", err)
	}
	var labels map[string][]struct{ Reason string }
	if err := json.Unmarshal(raw, &labels); err != nil {
		t.Fatal(err)
	}
	for i, name := range slices.Sorted(maps.Keys(labels)) {
		for _, folder := range []string{"bsd", "dos", "mac"} {
			raw, err := os.ReadFile(filepath.Join(dir, folder, name))
			if err != nil || i%n != 0 {
				continue
			}
			l := &labelled{name: name, raw: asSent(raw)}
			for _, w := range labels[name] {
				l.reasons = append(l.reasons, w.Reason)
			}
			list = append(list, l)
			break
		}
	}
	return list
}

var (
	returnedID = regexp.MustCompile(`(?im)^([>| \t]*message-id:[ \t]*)\r?\n?[ \t]*<[^>\r\n]*>`)
	ownID      = regexp.MustCompile(`(?im)^message-id:[^\r\n]*\r\n`)
)

// about is the bounce as it would have been of a mail of ours: to its recipient, its Message-ID in what came
// back. named: something in it says the Message-ID.
func (l *labelled) about(sent received, to string, n int) (mail string, named bool) {
	raw := string(l.raw)
	if m, err := message.Parse(message.BytesSource(l.raw)); err == nil {
		for _, v := range bounce.Read(m) {
			if strings.Contains(v.Recipient, "@") {
				raw = strings.ReplaceAll(raw, v.Recipient, to)
			}
		}
	}
	head, body, _ := strings.Cut(raw, "\r\n\r\n")
	body = returnedID.ReplaceAllStringFunc(body, func(string) string { named = true; return "Message-ID: <" + sent.id() + ">" })
	mail = fmt.Sprintf("Message-ID: <bounce%d@elsewhere.example>\r\n", n) + ownID.ReplaceAllString(head+"\r\n", "") + "\r\n" + body
	m, err := message.Parse(message.BytesSource([]byte(mail))) // a few hide it behind broken boundaries
	return mail, named && err == nil && slices.Contains(bounce.Returned(m), sent.id())
}

// Bounces of eighty kinds of servers, each about an answer that was sent: one that comes to the mail's own envelope
// sender is an event of that mail and is told once; one that only names the Message-ID is kept with the ticket and changes
// nothing; one of nothing is a closed ticket. None is acknowledged.
func TestLabelledBounces(t *testing.T) {
	t.Parallel()
	bouncesOfTheWorld(t, 24)
}

func bouncesOfTheWorld(t *testing.T, every int) {
	d := newDesk(t, nil)
	list := labelledBounces(t, every)
	failed, told := 0, 0
	for i, l := range list {
		if i%25 == 24 {
			d.later(20 * time.Minute) // neither a domain nor an agent has more in so short a time
		}
		w := d.answered(i)
		before, tickets := d.customers.Count(), d.tickets()

		mail, named := l.about(w.sent, w.jean.address, i)
		if l.known() {
			d.bounces(l, generic, mail, named, w, tickets)
		}
		d.drained()
		if err := d.send("", []string{w.sent.From}, strings.Replace(mail, "<bounce", "<again", 1)); err != nil {
			t.Fatalf("%s: %v", l.name, err)
		}
		d.drained()
		events := d.happened(w.number, ticket.DeliveryFailed)
		if l.failed() {
			failed++
			told += min(1, len(events))
			if len(events) == 0 {
				t.Logf("%s %v: not told", l.name, l.reasons)
			}
		}
		if notices := d.noticesOf(w); len(events) > 1 || len(events) != notices {
			t.Errorf("%s: %d events, told %d times", l.name, len(events), notices)
		}
		for _, e := range events {
			if e.Data["to"] != w.jean.address || e.Message == 0 {
				t.Errorf("%s: %+v", l.name, e)
			}
		}
		if d.customers.Count() != before {
			t.Errorf("%s: somebody outside got a mail", l.name)
		}
	}
	t.Logf("%d bounces, %d of them failures by their labels, %d told", len(list), failed, told)
	if told*100 < failed*90 { // hard or soft is asked of internal/bounce; here, whether it is a failure at all
		t.Errorf("%d of %d failures were understood, want 90 of 100", told, failed)
	}
}

// answeredTicket is a ticket whose customer was answered.
type answeredTicket struct {
	jean, anne *person
	number     uint64
	sent       received
	before     []testkit.Received
}

// answered opens a ticket and answers it.
func (d *desk) answered(n int) *answeredTicket {
	d.Helper()
	w := &answeredTicket{jean: d.person("Jean", fmt.Sprintf("jean%d@client.example", n)), number: 10000}
	w.jean.writes(generic, fmt.Sprintf("Question %d", n), fmt.Sprintf("Bonjour, question %dx.\n", n))
	w.jean.reads()
	d.drained()
	w.number = d.ticketAbout(fmt.Sprintf("Question %d", n))
	for _, who := range []*person{d.anne(), d.bruno()} {
		for _, m := range who.mailbox() {
			if copy := parse(d.T, m); strings.Contains(copy.text(), fmt.Sprintf("question %dx", n)) {
				w.anne = who
				who.answers(copy, "Voici la réponse.\n")
				w.sent = w.jean.reads()
				d.drained()
				w.before = who.mailbox()
				return w
			}
		}
	}
	d.Fatalf("nobody got question %d", n)
	return nil
}

// ticketAbout is the latest ticket with a subject.
func (d *desk) ticketAbout(subject string) (number uint64) {
	d.Helper()
	for n := uint64(10000 + d.tickets() - 1); n >= 10000; n-- {
		if d.ticket(n).Subject == subject {
			return n
		}
	}
	d.Fatalf("no ticket about %s", subject)
	return 0
}

// noticesOf is how many mails the agent has got since.
func (d *desk) noticesOf(w *answeredTicket) int { return len(w.anne.mailbox()) - len(w.before) }

// bounces sends a bounce to the generic address. named: it is about the answer.
func (d *desk) bounces(l *labelled, to, mail string, named bool, w *answeredTicket, tickets int) {
	d.Helper()
	status := d.ticket(w.number).Status
	if err := d.send("", []string{to}, mail); err != nil {
		d.Fatalf("%s: %v", l.name, err)
	}
	d.drained()
	if named {
		if n := d.tickets(); n != tickets {
			d.Errorf("%s names our mail, and is ticket %d: %s", l.name, 10000+n-1, d.ticket(uint64(10000+n-1)).Status)
		}
	} else if n := d.tickets(); n == tickets+1 {
		if tk := d.ticket(uint64(10000 + tickets)); tk.Status != ticket.Closed {
			d.Errorf("%s: ticket %d is %s %v", l.name, tk.Number, tk.Status, tk.Tags)
		}
	}
	if now := d.ticket(w.number); now.Status != status || len(d.happened(w.number, ticket.DeliveryFailed)) > 0 || d.noticesOf(w) > 0 {
		d.Errorf("%s: only names our mail, and the ticket is %s, %d notices", l.name, now.Status, d.noticesOf(w))
	}
}
