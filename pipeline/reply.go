package pipeline

import (
	"cmp"
	"errors"
	"slices"
	"strconv"

	"postdesk/internal/addr"
	"postdesk/internal/compose"
	"postdesk/internal/message"
	"postdesk/internal/ticket"
	"postdesk/rules"
	"postdesk/store"
)

// maxReferences is how many Message-IDs a reply names beside the thread's own.
const maxReferences = 10

// maxLookBack is how many messages of a ticket are looked at for one mail: a
// ticket that a loop has filled must not cost every mail its length.
const maxLookBack = 200

// reply is an agent's answer to the customer: composed anew, searched for
// leaks, and sent or held.
func (out *outbound) reply() (*result, error) {
	to, cc, err := out.recipients()
	if err != nil {
		return nil, err
	}
	if to == nil {
		return out.hold(holdCommand, nil, []string{words(out.lang(), "noCustomer")})
	}
	if out.overfull() {
		return out.hold(holdCommand, nil, []string{words(out.lang(), "tooMany")})
	}
	mark := out.p.minter(out.w, out.t).next(addr.Person{N: to.ID})
	findings, err := out.guarded(mark, to, cc)
	if err != nil {
		return nil, err
	}
	if len(findings) > 0 {
		return out.hold(holdGuard, findings, nil)
	}
	if err := out.keepAs(ticket.KindOut); err != nil {
		return nil, err
	}
	if err := out.send(mark, out.composed, to, append(cc, out.unseen()...)); err != nil {
		return nil, err
	}
	if err := out.organised(); err != nil {
		return nil, err
	}
	if err := out.admit(); err != nil {
		return nil, err
	}
	if err := out.afterReply(to); err != nil {
		return nil, err
	}
	if _, err := out.apply(); err != nil {
		return nil, err
	}
	if err := out.sendPages(false); err != nil {
		return nil, err
	}
	out.facts.Decision = cmp.Or(out.facts.Decision, "an answer of "+out.agent.ID+" in ticket "+strconv.FormatUint(out.t.Number, 10))
	return out.finish()
}

// guarded composes the answer, and says why it may not leave: what is in it, and what
// colleagues did meanwhile.
func (out *outbound) guarded(mark marks, to *ticket.Participant, cc []*ticket.Participant) ([]compose.Finding, error) {
	if err := out.prepareTemplates(); err != nil {
		return nil, err
	}
	composed, err := out.compose(mark, to, cc)
	if err != nil {
		return nil, err
	}
	out.composed = composed.Source
	found, err := out.unlessPublic(composed.Findings)
	if err != nil {
		return nil, err
	}
	if out.crossing, err = out.crossed(); err != nil {
		return nil, err
	}
	switch {
	case out.guardPassed():
		found = nil
	case out.gesture == rules.GestureWrite:
		found = out.counted(found)
	}
	return append(found, out.crossing.findings...), nil
}

// guardPassed: the agent saw what the guard found and said #send.
func (out *outbound) guardPassed() bool { return out.passed(holdGuard) }

// answeredMessage is the message of this ticket that the mail answers, 0 when it
// names none.
func (out *outbound) answeredMessage() (uint64, error) {
	for _, id := range out.answered() {
		number, seq, err := store.ByMessageID(out.tx, clip(id))
		if errors.Is(err, store.ErrNotFound) || err == nil && number != out.t.Number {
			continue
		}
		return seq, err
	}
	return 0, nil
}

func (out *outbound) compose(mark marks, to *ticket.Participant, cc []*ticket.Participant) (compose.ReplyOut, error) {
	head := compose.Head{To: []addr.Mailbox{answerTo(to)}, Subject: out.w.customerSubject(out.t), Date: out.at, MessageID: mark.messageID}
	for _, p := range cc {
		head.Cc = append(head.Cc, answerTo(p))
	}
	var err error
	if head.InReplyTo, head.References, err = out.p.conversation(out.tx, out.t, mark.thread); err != nil {
		return compose.ReplyOut{}, err
	}
	return out.composeWith(head)
}

// composeWith writes the agent's public mail under a header.
func (out *outbound) composeWith(head compose.Head) (compose.ReplyOut, error) {
	secrets, err := out.secretTexts(0)
	if err != nil {
		return compose.ReplyOut{}, err
	}
	return out.w.compose.Reply(compose.ReplyIn{
		Head: head, Team: out.team, Lang: out.w.language(out.t), Agent: out.agent.Name, Mail: out.mail, Commands: out.lines(),
		Insert: out.insert, Attach: out.attach, Rewrite: out.rewrite, Secrets: slices.Concat(out.w.secrets, secrets), Logins: out.w.logins, IsToken: out.isToken,
		DropQuote: out.dropsQuote,
	})
}

// answerTo is where a participant wants answers.
func answerTo(p *ticket.Participant) addr.Mailbox {
	if !p.ReplyTo.IsZero() {
		return addr.Mailbox{Name: p.Name, Address: p.ReplyTo}
	}
	return addr.Mailbox{Name: p.Name, Address: p.Address}
}

// conversation is what the customer's client threads by.
func (p *Pipeline) conversation(tx store.ReadTx, t *ticket.Ticket, thread string) (inReplyTo string, references []string, err error) {
	return p.threadedBy(tx, t, thread, func(m *ticket.Message) bool { return m.Kind == ticket.KindIn || m.Kind == ticket.KindOut })
}

// threadedBy is what a client threads by: the thread's own id, the latest mail from
// outside, which is answered, and those before it, of what belongs to the thread.
func (p *Pipeline) threadedBy(tx store.ReadTx, t *ticket.Ticket, thread string, belongs func(*ticket.Message) bool) (inReplyTo string, references []string, err error) {
	var ids []string
	err = store.LatestMessages(tx, t.Number, maxLookBack, func(m ticket.Message) error {
		if m.MessageID == "" || len(ids) == maxReferences || !belongs(&m) || !p.shown(&m) {
			return nil
		}
		if inReplyTo == "" && (m.Kind == ticket.KindIn || m.Kind == ticket.KindAsideIn) {
			inReplyTo = m.MessageID
		}
		ids = append(ids, m.MessageID)
		return nil
	})
	slices.Reverse(ids)
	return inReplyTo, append([]string{thread}, ids...), err
}

// shown: the Message-ID is known outside. What an agent wrote in this very mail bears that of the agent's
// program still, which names the agent's machine.
func (p *Pipeline) shown(m *ticket.Message) bool {
	if m.Kind == ticket.KindIn || m.Kind == ticket.KindAsideIn {
		return true
	}
	_, ours := p.minted(m.MessageID)
	return ours
}

// kin are the tickets whose mails may be quoted in one of this: itself, those
// that were merged into it, and the one that it was split from.
func kin(t *ticket.Ticket) []uint64 {
	list := append([]uint64{t.Number}, t.Merged...)
	if t.SplitFrom != 0 {
		list = append(list, t.SplitFrom)
	}
	return list
}

// minSecret is the length of a note's line, in bytes, that is worth guarding:
// "Bonjour," is in every mail.
const minSecret = 20

// maxExcerpt is how much of a note is guarded, in bytes.
const maxExcerpt = 2000

// excerpt is the part of a note that is kept for the guard.
func excerpt(text string) string {
	text, _ = message.SplitSignature(text)
	return cut(text, maxExcerpt)
}

// rewrite says what an address in the agent's mail becomes for the customer: an
// agent's becomes the team's, a token address the one that it stood for.
func (out *outbound) rewrite(a addr.Address) (addr.Address, bool) {
	if out.w.byAddress[a.Key()] != nil {
		return out.team.Address, true
	}
	base, tok, ok := addr.SplitToken(a, out.w.cfg.Tickets.TokenDomain)
	if !ok {
		return addr.Address{}, false
	}
	t, ok := out.p.keys.Verify(tok)
	switch {
	case !ok && !base.IsZero():
		return base, out.w.team(base) != nil
	case !ok:
		return addr.Address{}, false
	case t.Kind == addr.KindTicket && slices.Contains(kin(out.t), t.Ticket):
		if r := out.t.Requester(); r != nil {
			return r.Address, true
		}
	}
	return out.team.Address, true
}

// isToken finds tokens in words: alone, in an address, in a Message-ID.
func (out *outbound) isToken(word string) bool {
	if _, ok := out.p.minted(word); ok {
		return true
	}
	if a, err := addr.Parse(word); err == nil {
		if tok, ok := addr.FindToken(a, out.w.cfg.Tickets.TokenDomain); ok {
			_, ok = out.p.keys.Verify(tok)
			return ok
		}
	}
	_, ok := out.p.keys.Verify(word)
	return ok
}

// send puts the composed mail into the outbox, one row for each who gets it.
func (out *outbound) send(mark marks, src message.Source, to *ticket.Participant, cc []*ticket.Participant) error {
	out.m.MessageID = mark.messageID
	if err := store.IndexMessageID(out.tx, mark.messageID, out.t.Number, out.m.Seq); err != nil {
		return err
	}
	row := store.Outgoing{From: mark.sender, Domain: out.team.Address.Domain, MessageID: mark.messageID, Item: mark.item, Purpose: store.PurposeReply,
		Ticket: out.t.Number, Message: out.m.Seq, Agent: out.agent.ID, Due: out.at, Created: out.at}
	id, err := out.p.enqueueAll(out.tx, out.p.minter(out.w, out.t), src, row, append([]*ticket.Participant{to}, cc...))
	out.m.Sent = uint64(id)
	return err
}

// afterReply writes what an answer means: whose turn it is, who looks after this
// customer from now on, and who took the ticket.
func (out *outbound) afterReply(to *ticket.Participant) error {
	if err := out.event(ticket.Event{By: out.by(), What: ticket.Replied, Message: out.m.Seq}); err != nil {
		return err
	}
	if err := out.observers(); err != nil {
		return err
	}
	if err := out.showReply(); err != nil {
		return err
	}
	if err := out.take(); err != nil {
		return err
	}
	if err := store.SetUsual(out.tx, out.team.Address, to.Address.Key(), out.agent.ID); err != nil {
		return err
	}
	if company := rules.Company(to.Address.Domain); company != "" {
		if err := store.SetUsual(out.tx, out.team.Address, "@"+company, out.agent.ID); err != nil {
			return err
		}
	}
	if err := out.supersede(func(*store.HeldMail) bool { return true }); err != nil {
		return err
	}
	return out.twoWay(to)
}

// supersede ends the waiting of what was held of this agent in this ticket, and
// is in which: the agent has written anew, as the notice proposes.
func (out *outbound) supersede(which func(*store.HeldMail) bool) error {
	var older []uint64
	err := store.ListHeld(out.tx, func(h *store.HeldMail) error {
		if h.Ticket == out.t.Number && h.Agent == out.agent.ID && (h.Why == holdGuard || h.Why == holdCommand) && which(h) {
			older = append(older, h.ID)
		}
		return nil
	})
	if err != nil || out.released != nil {
		return err
	}
	for _, id := range older {
		if _, err := store.DecideHeld(out.tx, id, store.Cancelled, out.at); err != nil {
			return err
		}
		e := ticket.Event{By: out.by(), What: ticket.DroppedMail, Data: map[string]string{"id": strconv.FormatUint(id, 10), "why": "answered anew"}}
		if err := out.event(e); err != nil {
			return err
		}
	}
	return nil
}

// observers are told at each message that they may see.
func (out *outbound) observers() error {
	readers := slices.DeleteFunc(out.w.present(out.t.Observers), func(id string) bool { return id == out.agent.ID })
	mail, err := out.asSent()
	if err != nil {
		return err
	}
	c := copyOf{t: out.t, m: out.m, mail: mail, kind: compose.CopyColleague, at: out.at, readers: readers, commands: out.lines()}
	return out.p.sendCopies(out.tx, out.w, c)
}

// take: the first who answers a ticket of nobody takes it; the others hear who
// did.
func (out *outbound) take() error {
	if out.w.agents[out.t.Assignee] != nil {
		return nil
	}
	e := ticket.Event{By: out.by(), What: ticket.Assigned, Data: map[string]string{"agent": out.agent.ID, "why": "answered-first"}}
	if err := out.event(e); err != nil {
		return err
	}
	crew, err := available(out.tx, out.w.crew(out.team), out.at)
	if err != nil {
		return err
	}
	for _, id := range crew {
		if id == out.agent.ID {
			continue
		}
		n := notice{kind: compose.NoticeTaken, agent: out.w.agents[id], t: out.t, at: out.at, data: compose.NoticeData{Who: out.agent.Name}}
		if err := out.p.notify(out.tx, out.w, n); err != nil {
			return err
		}
	}
	return nil
}

// twoWay remembers that this contact was written to.
func (out *outbound) twoWay(to *ticket.Participant) error {
	c, err := store.GetContact(out.tx, to.Contact)
	if errors.Is(err, store.ErrNotFound) || err == nil && c.TwoWay {
		return nil
	}
	if err != nil {
		return err
	}
	c.TwoWay = true
	return store.SaveContact(out.tx, c)
}
