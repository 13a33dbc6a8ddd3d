package testkit

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/smtp"
	"net/textproto"
	"slices"
	"strings"
	"testing"
	"time"
)

// Hop is a mail server between others. It takes mail as a Sink does, changes it
// as gateways, lists and forwarders do, and passes it on when Pass is called: a
// test decides when, and by which clock. What a next server refuses it bounces,
// as RFC 5321 §6.1 wants.
type Hop struct {
	*Sink

	t       testing.TB
	from    string            // IP address that it connects from
	next    map[string]string // domain → host:port
	changes []Change
	random  *rand.Rand
	aliases map[string]string // an address that a Change made up → the one that it stands for
	waiting []Carried
	taken   int // mails of the Sink
	serial  int
	// Passed counts mails that a next server took, Refused those that it did not,
	// Lost those for domains that nobody serves.
	Passed, Refused, Lost int
}

// Carried is a mail in a Hop's hands.
type Carried struct {
	From   string // envelope, "" is <>
	To     []string
	Header []string // fields as they stand, folded lines included, without the last CRLF
	Body   []byte
	Due    time.Time
	Copies int // how many times it is delivered
}

// Change is what a Hop does to each mail. It may use the Hop's randomness.
type Change func(h *Hop, m *Carried)

// NewHop starts a hop that listens at, and connects from, an address of the
// loopback network, 127.0.0.2 say. seed makes its random choices.
func NewHop(t testing.TB, ip string, seed uint64, changes ...Change) *Hop {
	t.Helper()
	return &Hop{Sink: NewSink(t, SinkOptions{Addr: net.JoinHostPort(ip, "0"), Hostname: "hop.test"}), t: t, from: ip,
		next: map[string]string{}, changes: changes, random: rand.New(rand.NewPCG(seed, 3)), aliases: map[string]string{}}
}

// Route says which server mail for a domain is passed to.
func (h *Hop) Route(domain, hostPort string) { h.next[strings.ToLower(domain)] = hostPort }

// Alias makes mail to an address go to another one.
func (h *Hop) Alias(made, real string) { h.aliases[strings.ToLower(made)] = real }

// Pass takes what has come to its sink, and passes on what is due at now; it
// returns how many mails were passed on, refused or lost.
func (h *Hop) Pass(now time.Time) (handled int) {
	h.t.Helper()
	for _, m := range h.Mails()[h.taken:] {
		h.taken++
		h.take(m, now)
	}
	due := slices.DeleteFunc(slices.Clone(h.waiting), func(m Carried) bool { return m.Due.After(now) })
	h.waiting = slices.DeleteFunc(h.waiting, func(m Carried) bool { return !m.Due.After(now) })
	for _, m := range due {
		for range m.Copies {
			h.deliver(m, now)
			handled++
		}
	}
	return handled
}

// NextDue is when the earliest mail that waits is due; ok is false for none.
func (h *Hop) NextDue() (at time.Time, ok bool) {
	for _, m := range h.waiting {
		if !ok || m.Due.Before(at) {
			at, ok = m.Due, true
		}
	}
	return at, ok
}

func (h *Hop) take(r Received, now time.Time) {
	head, body, _ := bytes.Cut(r.Raw, []byte("\r\n\r\n"))
	m := Carried{From: r.From, Header: fieldsOf(string(head)), Body: body, Due: now, Copies: 1}
	for _, to := range r.To {
		for range 5 { // an alias may stand for an alias
			real, ok := h.aliases[strings.ToLower(to)]
			if !ok {
				break
			}
			to = real
		}
		m.To = append(m.To, to)
	}
	for _, change := range h.changes {
		change(h, &m)
	}
	h.waiting = append(h.waiting, m)
}

func fieldsOf(head string) (fields []string) {
	for _, line := range strings.Split(head, "\r\n") {
		if n := len(fields); n > 0 && line != "" && (line[0] == ' ' || line[0] == '\t') {
			fields[n-1] += "\r\n" + line
		} else {
			fields = append(fields, line)
		}
	}
	return fields
}

// deliver hands a mail to the server of each recipient.
func (h *Hop) deliver(m Carried, now time.Time) {
	for _, to := range m.To {
		_, domain, _ := strings.Cut(to[strings.LastIndex(to, "@"):], "@")
		server, ok := h.next[strings.ToLower(domain)]
		if !ok {
			h.Lost++
			continue
		}
		var refusal *textproto.Error
		switch err := h.hand(server, m, to); {
		case err == nil:
			h.Passed++
		case errors.As(err, &refusal) && refusal.Code >= 500:
			h.Refused++
			h.bounce(m, to, refusal, now)
		default:
			h.t.Errorf("hop: %s: %v", server, err)
		}
	}
}

func (h *Hop) hand(server string, m Carried, to string) error {
	d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(h.from)}, Timeout: 30 * time.Second}
	conn, err := d.DialContext(context.Background(), "tcp", server)
	if err != nil {
		return err
	}
	defer conn.Close()
	c, err := smtp.NewClient(conn, "hop.test")
	if err != nil {
		return err
	}
	if err := c.Hello("hop.test"); err != nil {
		return err
	}
	if err := c.Mail(m.From); err != nil {
		return err
	}
	if err := c.Rcpt(to); err != nil {
		return err
	}
	w, err := c.Data()
	if err != nil {
		return err
	}
	if _, err := w.Write(m.raw()); err != nil {
		return err
	}
	if err := w.Close(); err != nil {
		return err
	}
	return c.Quit()
}

func (m *Carried) raw() []byte {
	return append([]byte(strings.Join(m.Header, "\r\n")+"\r\n\r\n"), m.Body...)
}

// bounce is a report in the words of RFC 3464, to the mail's envelope sender and
// from none. It is changed by nobody.
func (h *Hop) bounce(m Carried, to string, refusal *textproto.Error, now time.Time) {
	if m.From == "" {
		return
	}
	h.serial++
	m.set("X-Bounced", "yes")
	words, _, _ := strings.Cut(refusal.Msg, "\n")
	report := fmt.Sprintf("--hop\r\nContent-Type: text/plain\r\n\r\nThis is the mail system at host hop.test.\r\n--hop\r\nContent-Type: message/delivery-status\r\n\r\n"+
		"Reporting-MTA: dns; hop.test\r\n\r\nFinal-Recipient: rfc822; %s\r\nAction: failed\r\nStatus: 5.7.1\r\nDiagnostic-Code: smtp; %d %s\r\n\r\n"+
		"--hop\r\nContent-Type: text/rfc822-headers\r\n\r\n%s\r\n--hop--\r\n", to, refusal.Code, words, strings.Join(m.Header, "\r\n"))
	back := m.From
	if real, ok := h.aliases[strings.ToLower(back)]; ok {
		back = real
	}
	h.waiting = append(h.waiting, Carried{To: []string{back}, Due: now, Copies: 1, Body: []byte(report), Header: []string{
		"From: Mail Delivery System <mailer-daemon@hop.test>", "To: <" + back + ">", "Subject: Undelivered Mail Returned to Sender",
		fmt.Sprintf("Message-ID: <bounce-%d@hop.test>", h.serial), "Date: " + now.Format(time.RFC1123Z), "MIME-Version: 1.0",
		"Auto-Submitted: auto-replied", "Content-Type: multipart/report; report-type=delivery-status; boundary=hop"}})
}
