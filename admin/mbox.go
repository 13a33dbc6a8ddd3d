package admin

import (
	"bufio"
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"postdesk/internal/addr"
	"postdesk/internal/config"
	"postdesk/internal/mailauth"
	"postdesk/internal/message"
	"postdesk/internal/ticket"
	"postdesk/store"
)

// stored is one message with its mails opened; nil for one that was erased.
type stored struct {
	ticket.Message
	mail, sent store.Mail
}

// opened gathers a ticket with its events and mails in one snapshot. The mails
// can be read after it.
func (d *Desk) opened(ctx context.Context, number uint64) (page TicketPage, events []Event, messages []stored, err error) {
	err = d.Store.View(ctx, func(tx store.ReadTx) error {
		events, messages = []Event{}, nil
		if page, err = pageOf(tx, number); err != nil {
			return err
		}
		if err := store.Events(tx, number, func(e ticket.Event) error { events = append(events, eventOf(e)); return nil }); err != nil {
			return err
		}
		return store.Messages(tx, number, func(m ticket.Message) (err error) {
			s := stored{Message: m}
			if s.mail, err = openMail(tx, m.Mail); err == nil {
				s.sent, err = openMail(tx, m.Sent)
			}
			messages = append(messages, s)
			return err
		})
	})
	return page, events, messages, err
}

func openMail(tx store.ReadTx, id uint64) (store.Mail, error) {
	if id == 0 {
		return nil, nil
	}
	m, err := tx.Mail(store.MailID(id))
	if errors.Is(err, store.ErrErased) {
		return nil, nil
	}
	return m, err
}

// exportMbox writes a ticket's mails in the mboxrd form: each as received, less
// the header fields that were forged in our name, below those that postdesk
// added; and each answer as the customer got it after the agent's own mail.
// Lines end in LF. "ticket show --raw" has the bytes as received.
func (d *Desk) exportMbox(ctx context.Context, q TicketNumber, out io.Writer) error {
	_, _, messages, err := d.opened(ctx, q.Number)
	if err != nil {
		return err
	}
	w := bufio.NewWriter(out)
	for _, m := range messages {
		if m.mail != nil {
			mail, err := unforged(m, d.Config())
			if err != nil {
				return err
			}
			if err := writeMbox(w, m.From.Address, m.At, m.Prefix, mail); err != nil {
				return err
			}
		}
		if m.sent != nil {
			if err := writeMbox(w, addr.Address{}, m.At, nil, store.NewReader(m.sent)); err != nil {
				return err
			}
		}
	}
	return w.Flush()
}

// unforged reads a received mail without the header fields that its sender had
// no right to write: in a mailbox they would stand below our own.
func unforged(m stored, cfg *config.Config) (io.Reader, error) {
	var facts struct {
		Frontend bool `json:"frontend"`
	}
	if len(m.Facts) > 0 {
		if err := json.Unmarshal(m.Facts, &facts); err != nil {
			return nil, err
		}
	}
	trusted := cfg.TrustedAuthserv
	if facts.Frontend {
		trusted = nil
	}
	parsed, err := message.Parse(m.mail)
	if err != nil {
		return nil, err
	}
	var header bytes.Buffer
	for _, f := range mailauth.Unforged(parsed.Header.Fields, cfg.Hostname, trusted) {
		header.Write(f.Raw)
	}
	var read int64 // the header as received begins the mail
	for _, f := range parsed.Header.Fields {
		read += int64(len(f.Raw))
	}
	return io.MultiReader(&header, io.NewSectionReader(m.mail, read, m.mail.Size()-read)), nil
}

// writeMbox writes one mail. A line that is "From " behind any number of ">"
// gets one ">" more, so that taking one away gives the mail back.
func writeMbox(w *bufio.Writer, from addr.Address, at time.Time, prefix []byte, mail io.Reader) error {
	sender := from.String()
	if sender == "" || strings.ContainsAny(sender, " \t") {
		sender = "MAILER-DAEMON"
	}
	fmt.Fprintf(w, "From %s %s\n", sender, at.UTC().Format(time.ANSIC))
	r := bufio.NewReader(io.MultiReader(strings.NewReader(string(prefix)), mail))
	for start, ended, carriage := true, true, false; ; {
		part, err := r.ReadSlice('\n')
		if start && quotesFrom(part) {
			w.WriteByte('>')
		}
		if carriage && !strings.HasPrefix(string(part[:min(1, len(part))]), "\n") {
			w.WriteByte('\r')
		}
		if n := len(part); n > 1 && part[n-2] == '\r' && part[n-1] == '\n' {
			part = append(part[:n-2], '\n')
		}
		if n := len(part); n > 0 {
			start = part[n-1] == '\n'
			ended = start
		}
		if carriage = err == bufio.ErrBufferFull && part[len(part)-1] == '\r'; carriage { // its LF may come
			part = part[:len(part)-1]
		}
		w.Write(part)
		switch {
		case err == io.EOF && !ended:
			_, err = w.WriteString("\n\n")
			return err
		case err == io.EOF:
			return w.WriteByte('\n')
		case err != nil && err != bufio.ErrBufferFull:
			return err
		}
	}
}

func quotesFrom(line []byte) bool {
	return strings.HasPrefix(strings.TrimLeft(string(line[:min(len(line), 4096)]), ">"), "From ")
}

// exportJSON writes a whole ticket as one object: as show, with events, and with the
// mails of each message in base64 (raw as received, sent as the customer got
// it). It streams: mails are large.
func (d *Desk) exportJSON(ctx context.Context, q TicketNumber, out io.Writer) error {
	page, events, messages, err := d.opened(ctx, q.Number)
	if err != nil {
		return err
	}
	shown := page.Messages
	page.Messages = nil
	head, err := json.Marshal(struct {
		TicketPage
		Messages *struct{} `json:"messages,omitempty"` // written below
		Events   []Event   `json:"events"`
	}{TicketPage: page, Events: events})
	if err != nil {
		return err
	}
	w := bufio.NewWriter(out)
	w.Write(head[:len(head)-1])
	w.WriteString(`,"messages":[`)
	for i, m := range messages {
		if i > 0 {
			w.WriteByte(',')
		}
		if err := writeMessage(w, shown[i], m); err != nil {
			return err
		}
	}
	w.WriteString("]}\n")
	return w.Flush()
}

func writeMessage(w *bufio.Writer, shown Message, m stored) error {
	head, err := json.Marshal(struct {
		Message
		Prefix string          `json:"prefix"`
		Facts  json.RawMessage `json:"facts,omitempty"`
	}{shown, string(m.Prefix), m.Facts})
	if err != nil {
		return err
	}
	w.Write(head[:len(head)-1])
	for _, x := range []struct {
		name string
		mail store.Mail
	}{{"raw", m.mail}, {"sent", m.sent}} {
		if x.mail == nil {
			continue
		}
		fmt.Fprintf(w, `,"%s":"`, x.name)
		enc := base64.NewEncoder(base64.StdEncoding, w)
		if _, err := io.Copy(enc, store.NewReader(x.mail)); err != nil {
			return err
		}
		if err := enc.Close(); err != nil {
			return err
		}
		w.WriteByte('"')
	}
	return w.WriteByte('}')
}
