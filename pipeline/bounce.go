package pipeline

import (
	"errors"
	"slices"
	"strconv"
	"strings"

	"postdesk/internal/addr"
	"postdesk/internal/bounce"
	"postdesk/internal/message"
	"postdesk/internal/ticket"
	"postdesk/rules"
	"postdesk/store"
)

// fromRobot is the road of a delivery report: an event on the mail that it is
// about, found by the token of our envelope sender or by the Message-ID that
// came back. One that matches nothing is kept, closed and tagged, and disturbs
// nobody.
func (in *inbound) fromRobot(id rules.Identity) (*result, error) {
	in.facts.Ack = rules.Ack{Reason: rules.ReasonReport, Line: 3, Ticket: rules.DispositionEvent}
	row, err := in.bounced()
	if err != nil {
		return nil, err
	}
	if row == nil {
		return in.unmatched(id)
	}
	now, err := store.Settle(in.tx, *row)
	if err != nil {
		return nil, err
	}
	if in.t, err = store.GetTicket(in.tx, now.Ticket); err != nil {
		return nil, err
	}
	if err := in.keep(ticket.KindBounce); err != nil {
		return nil, err
	}
	if err := in.event(ticket.Event{By: ticket.System, What: ticket.Automatic, Message: in.m.Seq, Data: map[string]string{"about": row.MessageID}}); err != nil {
		return nil, err
	}
	if err := in.judge(row); err != nil {
		return nil, err
	}
	in.facts.Decision = "a delivery report about ticket " + strconv.FormatUint(in.t.Number, 10)
	if err := in.answeredCopy(row); err != nil {
		return nil, err
	}
	return in.finish()
}

// errUnderWay: the report is faster than the answer to the final dot, or than the commit that writes the answer down.
var errUnderWay = errors.New("the mail that this report is about is still being sent")

// judge applies what the report says: a failure is a failure as if the server
// had said it in the session; a delay or a success is only written down.
func (in *inbound) judge(row *store.Outgoing) error {
	said, ok := verdictOf(in.mail, row)
	if !ok || !in.returned() {
		return nil
	}
	if row.State == store.Sending && !row.DataStarted.IsZero() {
		return errUnderWay
	}
	if row.State != store.Delivered {
		return nil
	}
	row.Enhanced, row.Host, row.Code = said.Status, said.Server, 0
	if said.Words != "" {
		row.Text = said.Words
	}
	row.State, row.Done = store.Failed, in.at
	if err := store.PutOutgoing(in.tx, *row); err != nil {
		return err
	}
	now, err := store.Settle(in.tx, *row)
	if err != nil {
		return err
	}
	return in.p.undelivered(in.tx, in.w, in.t, now, in.at, said.Outcome == bounce.Hard)
}

// returned: the report came the way that reports come, from nobody to the
// address that only the mail's envelope bore. What merely names a Message-ID of
// ours, anyone can write who has seen the mail: it is kept, and changes nothing.
func (in *inbound) returned() bool {
	return in.env.From.IsZero() && in.bounceToken() != nil
}

// verdictOf reads whether a report says that this mail failed for good. What is
// neither RFC 3464 nor the prose of a mail server, as a vacation answer, fails
// nothing.
func verdictOf(m *message.Message, row *store.Outgoing) (bounce.Verdict, bool) {
	list := bounce.Read(m)
	for _, v := range list {
		if v.Outcome.Failed() && sameRecipient(row.To, len(list), v.Recipient) {
			return v, true
		}
	}
	return bounce.Verdict{}, false
}

// sameRecipient: one of the names that a report gives is the mail's recipient;
// of is how many recipients it is about.
func sameRecipient(to addr.Address, of int, names ...string) bool {
	for _, name := range names {
		if _, rest, ok := strings.Cut(name, ";"); ok {
			name = rest
		}
		if a, err := addr.Parse(strings.TrimSpace(name)); err == nil && a.Key() == to.Key() {
			return true
		}
	}
	return of == 1 // forwarded on: the address is another, the report is about this mail
}

// bounced finds the outbox row that the report is about, nil for none.
func (in *inbound) bounced() (*store.Outgoing, error) {
	if t := in.bounceToken(); t != nil {
		return in.sentAs(*t)
	}
	for _, id := range bounce.Returned(in.mail) {
		if t, ok := in.p.minted(id); ok && t.Kind == addr.KindMessage {
			return in.sentAs(t)
		}
	}
	return nil, nil
}

// sentAs finds the row of a ticket's outgoing mail by its token. A bounce address is
// that of one row, whatever the report says; of several recipients that bear the same
// token, it is the one that the report names.
func (in *inbound) sentAs(tok addr.Token) (found *store.Outgoing, err error) {
	report := in.report()
	err = store.SentAs(in.tx, tok.Ticket, tok.Item, func(row store.Outgoing) error {
		if tok.Kind == addr.KindBounce && !in.p.returnsTo(row, tok) {
			return nil
		}
		if found == nil || report != nil && slices.ContainsFunc(report.Recipients, func(s message.RecipientStatus) bool {
			return sameRecipient(row.To, 2, s.OriginalRecipient, s.FinalRecipient)
		}) {
			found = &row
		}
		return nil
	})
	return found, err
}

// returnsTo says whether this is the token of a row's envelope sender.
func (p *Pipeline) returnsTo(row store.Outgoing, tok addr.Token) bool {
	text, ok := addr.FindToken(row.From, row.From.Domain)
	if !ok {
		text, ok = addr.FindToken(row.From, "")
	}
	own, valid := p.keys.Verify(text)
	return ok && valid && own == tok
}

// unmatched keeps a report that is about nothing of ours as a closed ticket.
func (in *inbound) unmatched(id rules.Identity) (*result, error) {
	thread, err := in.p.threading(in.tx, in.delivery, id, false)
	if err != nil {
		return nil, err
	}
	if thread.Join {
		err = in.join(thread)
	} else {
		err = in.shelve("bounce", "a delivery report that matches no mail of ours")
	}
	if err != nil {
		return nil, err
	}
	return in.finish()
}

// shelve makes a ticket that is closed from the start.
func (in *inbound) shelve(tag, why string) error {
	var err error
	if in.t, err = store.NewTicket(in.tx, in.w.cfg.Tickets.FirstNumber); err != nil {
		return err
	}
	in.t.Team, in.t.Language = in.team.Address, in.team.Language
	kind := ticket.KindAuto
	if tag == "bounce" {
		kind = ticket.KindBounce
	}
	if err := in.event(ticket.Event{By: in.sender(), What: ticket.Created, Data: map[string]string{"subject": in.facts.Subject}}); err != nil {
		return err
	}
	if err := in.keep(kind); err != nil {
		return err
	}
	in.facts.Decision = why
	return in.events([]ticket.Event{
		{By: ticket.System, What: ticket.Silent, Data: map[string]string{"reason": string(in.facts.Ack.Reason)}},
		{By: ticket.System, What: ticket.Tagged, Data: map[string]string{"tag": tag}},
		{By: ticket.System, What: ticket.StatusChanged, Data: map[string]string{"status": string(ticket.Closed), "text": ""}},
	})
}

// fromLoop is the road of a mail of ours that came back: an event, nothing more.
func (in *inbound) fromLoop() (*result, error) {
	in.facts.Ack = rules.Ack{Reason: rules.ReasonOwnToken, Line: 4, Ticket: rules.DispositionEvent}
	t, err := in.loopTicket()
	if err != nil {
		return nil, err
	}
	if t == nil {
		if err := in.shelve("loop", "our own automatic mail came back"); err != nil {
			return nil, err
		}
		return in.finish()
	}
	in.t = t
	if err := in.keep(ticket.KindAuto); err != nil {
		return nil, err
	}
	in.facts.Decision = "a loop: an event of ticket " + strconv.FormatUint(t.Number, 10)
	if err := in.event(ticket.Event{By: ticket.System, What: ticket.LoopSeen, Message: in.m.Seq, Data: map[string]string{"from": in.facts.From}}); err != nil {
		return nil, err
	}
	return in.finish()
}

// loopTicket is the ticket whose own mark came back, nil when it is of none.
func (in *inbound) loopTicket() (*ticket.Ticket, error) {
	marks := in.mail.Header.Values("X-Postdesk-Loop")
	if tok, ok := addr.TokenOfMessageID(in.facts.MessageID); ok {
		marks = append(marks, tok)
	}
	for _, v := range marks {
		if tok, ok := in.p.keys.Verify(strings.TrimSpace(v)); ok && tok.Ticket != 0 {
			t, err := store.LiveTicket(in.tx, tok.Ticket)
			if errors.Is(err, store.ErrNotFound) {
				continue
			}
			return t, err
		}
	}
	return nil, nil
}
