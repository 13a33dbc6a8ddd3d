package server_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"postdesk/internal/testkit"
)

// mailbox is one that answers by itself, after a while.
type mailbox struct {
	*person
	delay    time.Duration
	answer   func(m received, n int) // n counts the answers
	answered int
	waiting  []testkit.Received
	due      []time.Time
}

// look takes what has come, and answers what is due.
func (b *mailbox) look(now time.Time) (n int) {
	all := b.person.mailbox()
	for _, m := range all[b.read:] {
		b.waiting, b.due = append(b.waiting, m), append(b.due, now.Add(b.delay))
	}
	b.read = len(all)
	for len(b.due) > 0 && !b.due[0].After(now) {
		m := b.waiting[0]
		b.waiting, b.due = b.waiting[1:], b.due[1:]
		b.answered++
		n++
		b.answer(parse(b.d.T, m), b.answered)
	}
	return n
}

func (b *mailbox) next() (at time.Time, ok bool) {
	if len(b.due) == 0 {
		return at, false
	}
	return b.due[0], true
}

// anew is a mail of its own in answer to another: no reference, another subject and
// text each time.
func (p *person) anew(to, envelope string, n int, headers ...string) {
	mail := p.mail(to, fmt.Sprintf("[Ticket#%d] Votre message", 4000+n), fmt.Sprintf("Votre message porte le numéro %d.\n", 4000+n), headers...)
	who := *p
	who.envelope = envelope
	_ = who.posts([]string{to}, mail)
}

// passesOn sends a mail as it came to us again, with some changes of the header.
func (p *person) passesOn(m received, to, envelope string, changes ...string) {
	raw := strings.ReplaceAll(string(m.Raw), "\r\n", "\n")
	for i := 0; i+1 < len(changes); i += 2 {
		raw = dropField(raw, changes[i])
		if changes[i+1] != "" {
			raw = changes[i] + ": " + changes[i+1] + "\n" + raw
		}
	}
	who := *p
	who.envelope = envelope
	_ = who.posts([]string{to}, raw)
}

func dropField(raw, name string) string {
	head, body, _ := strings.Cut(raw, "\n\n")
	var kept []string
	skip := false
	for _, line := range strings.Split(head, "\n") {
		if line[0] != ' ' && line[0] != '\t' {
			n, _, _ := strings.Cut(line, ":")
			skip = strings.EqualFold(n, name) || strings.HasSuffix(name, "*") && strings.HasPrefix(strings.ToLower(n), strings.ToLower(strings.TrimSuffix(name, "*")))
		}
		if !skip {
			kept = append(kept, line)
		}
	}
	return strings.Join(kept, "\n") + "\n\n" + body
}

// automaton is a kind of mailbox that answers by itself. who is the customer's
// when it is nil.
type automaton struct {
	name   string
	who    func(*desk) *person
	delay  time.Duration
	answer func(d *desk, p *person, m received, n int)
	most   int // answers a day
	long   bool
}

func theAgent(d *desk) *person { return d.anne() }

// sixADay is what the caps of the test allow: three acknowledgements and three
// letters to one address.
const sixADay = 6

var automata = []automaton{
	{name: "a vacation answer that says so", most: 2, answer: func(_ *desk, p *person, m received, n int) {
		if m.From != "" {
			p.anew(m.From, "<>", n, "Auto-Submitted: auto-replied")
		}
	}},
	{name: "an answer that does not say so", most: sixADay, answer: func(_ *desk, p *person, m received, n int) {
		to, mail := replyTo(m, p.String(), fmt.Sprintf("Je suis absent (%d).\n", n))
		_ = p.posts([]string{to}, p.dated(mail))
	}},
	{name: "another subject each time", most: sixADay, answer: func(_ *desk, p *person, m received, n int) { p.anew(m.token(), "", n) }},
	{name: "from another address", most: 60, answer: func(d *desk, _ *person, m received, n int) {
		d.person("Jean", fmt.Sprintf("jean.%d@client.example", n)).anew(m.token(), "", n)
	}},
	{name: "the whole mail in it", most: sixADay, answer: func(_ *desk, p *person, m received, n int) {
		mail := p.mail(m.token(), "Re: "+m.subject(), fmt.Sprintf("Absent %d.\n%s\n", n, m.text()))
		_ = p.posts([]string{m.token()}, mail)
	}},
	{name: "a list that has us as subscriber", most: sixADay, answer: func(d *desk, p *person, m received, n int) {
		p.passesOn(m, generic, "liste-bounces@client.example", "From", "Relation Client via liste <liste@client.example>", "Reply-To", "liste@client.example", "To", "liste@client.example",
			"X-*", "", "Message-ID", fmt.Sprintf("<l%d@liste>", n), "List-Id", "<liste.client.example>", "Auto-Submitted", "")
	}},
	{name: "a list that hides that it is one", most: sixADay, answer: func(d *desk, p *person, m received, n int) {
		p.passesOn(m, generic, "liste@client.example", "From", "Liste <liste@client.example>", "X-*", "", "To", generic, "Message-ID", fmt.Sprintf("<l%d@liste>", n), "Auto-Submitted", "",
			"Subject", fmt.Sprintf("[liste] %d", n), "References", "", "In-Reply-To", "")
	}},
	{name: "all is sent back to us", most: sixADay, answer: func(_ *desk, p *person, m received, n int) { p.passesOn(m, generic, "") }},
	{name: "all is sent back to us, without marks", most: sixADay, answer: func(_ *desk, p *person, m received, n int) {
		p.passesOn(m, generic, "", "X-*", "", "Auto-Submitted", "", "References", "", "In-Reply-To", "", "Message-ID", fmt.Sprintf("<f%d@client>", n))
	}},
	{name: "a report to the author", most: sixADay, answer: func(d *desk, p *person, m received, n int) {
		r := m
		r.Received.From = m.token()
		_ = d.send("", []string{r.Received.From}, report(r, p.address, "failed", "5.1.1", fmt.Sprintf("550 no such user %d", n)))
	}},
	{name: "a report from a person's address", most: sixADay, answer: func(_ *desk, p *person, m received, n int) {
		p.anew(m.token(), "", n, "X-Mailer: a gateway")
	}},
	{name: "a delay told again and again", most: sixADay, answer: func(d *desk, p *person, m received, n int) {
		r := m
		r.Received.From = m.token()
		_ = d.send("", []string{r.Received.From}, report(r, p.address, "delayed", "4.4.1", fmt.Sprintf("451 later %d", n)))
	}},
	{name: "an agent's mailbox that sends all to the desk", who: theAgent, most: 70, answer: func(_ *desk, p *person, m received, n int) {
		mail := p.mail(generic, "TR: "+m.subject(), fmt.Sprintf("%d\n---- Message transféré ----\n%s\n", n, m.text()))
		_ = p.posts([]string{generic}, mail)
	}},
	{name: "an agent's mailbox that answers slowly, and a customer's", who: theAgent, delay: 20 * time.Minute, most: 2 * 55, long: true, answer: func(d *desk, p *person, m received, n int) {
		to, mail := replyTo(m, p.String(), fmt.Sprintf("Je lirai votre message (%d).\n", n))
		_ = p.posts([]string{to}, p.dated(mail))
	}},
}

// lonely is one desk with all letters on, and caps that are reached soon.
func lonely(t *testing.T) *loopWorld {
	d := newDesk(t, func(text string) string {
		return withTimers(`first_reply = "1d"`, `update_every = "1d"`, `remind_customer = "1d"`)(asking(text)) + "\n[acknowledge]\nper_address = \"2/h\"\nper_address_day = \"3/d\"\nper_domain = \"20/d\"\n"
	})
	d.at("Mon 2030-11-18 10:00")
	return &loopWorld{T: t, desks: []*desk{d}, most: 3000}
}

func (c automaton) run(t *testing.T, days int) {
	w := lonely(t)
	d := w.desks[0]
	who := d.jean()
	if c.who != nil {
		who = c.who(d)
		w.robots = append(w.robots, unmarked(d.jean(), c.delay))
	}
	w.robots = append(w.robots, &mailbox{person: who, delay: c.delay, answer: func(m received, n int) { c.answer(d, who, m, n) }})
	d.jean().writes(generic, "Une panne", "Bonjour\n")
	if c.delay > 0 {
		d.anne().answers(d.anne().reads(), "Nous regardons cela.\n")
	}
	w.days(days, nil)
	t.Log(w.tally())
	w.capsHold()
	if n, most := w.carried(), c.most*(days+1)+10; n > most {
		t.Errorf("%d answers in %d days, want at most %d", n, days, most)
	}
	w.stillUsable(d)
}

// Mailboxes that answer by themselves, in the ways that there are, do not make the
// desk write more than its caps allow, day after day.
func TestMailboxesThatAnswerEverything(t *testing.T) {
	t.Parallel()
	for _, c := range automata {
		if c.long {
			continue // make torture
		}
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			c.run(t, 2)
		})
	}
}
