package pipeline

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"postdesk/internal/addr"
	"postdesk/internal/compose"
	"postdesk/internal/config"
	"postdesk/internal/message"
	"postdesk/internal/ticket"
	"postdesk/store"
)

// largeAttachment is the encoded size above which an attachment is left out of
// a copy that the agent's server refused for its size.
const largeAttachment = 1 << 20

// copyOf is a mail of a ticket on its way to agents.
type copyOf struct {
	t        *ticket.Ticket
	m        *ticket.Message
	mail     *message.Message
	kind     compose.CopyKind
	cautions []compose.Caution
	cc       []addr.Mailbox
	commands []string
	kept     string // the words of the note behind its command
	omitOver int64
	history  []string // what was said before, for someone who gets the ticket late
	readers  []string // agent ids
	review   []string // of them, those who only hear of it: supervisors
	why      string   // for X-Postdesk-Why: how it came to be sent
	at       time.Time
}

// sendCopies writes the agents' copies of a mail into the outbox.
func (p *Pipeline) sendCopies(tx store.Tx, w *world, c copyOf) error {
	for _, id := range c.readers {
		agent := w.agents[id]
		if agent == nil {
			continue
		}
		if err := p.sendCopy(tx, w, c, agent); err != nil {
			return err
		}
	}
	return nil
}

func (p *Pipeline) sendCopy(tx store.Tx, w *world, c copyOf, agent *config.Agent) error {
	m := p.minter(w, c.t)
	mark := m.next(m.agent(agent.ID))
	in := p.copyIn(w, c, agent, m, mark)
	if err := p.invite(tx, w, c, agent, &in); err != nil {
		return err
	}
	out, err := w.compose.Copy(in)
	if err != nil {
		return err
	}
	if err := p.enqueueCopy(tx, w, c, agent, mark, out.Source); err != nil {
		return err
	}
	if !out.NeedsNotice {
		return nil
	}
	mark = m.next(m.agent(agent.ID))
	in.Head.MessageID = mark.messageID
	notice, err := w.compose.BlockNotice(in)
	if err != nil {
		return err
	}
	mark.sender = addr.Address{} // like all notices
	return p.enqueueCopy(tx, w, c, agent, mark, notice)
}

// copyIn gathers what compose has to know for one agent.
func (p *Pipeline) copyIn(w *world, c copyOf, agent *config.Agent, m minter, mark marks) compose.CopyIn {
	in := compose.CopyIn{
		Head: compose.Head{
			To:         []addr.Mailbox{{Name: agent.Name, Address: agent.Address}},
			Subject:    w.agentSubject(c.t),
			Date:       c.at,
			MessageID:  mark.messageID,
			References: m.joined(mark.thread, agent.ID),
			InReplyTo:  mark.thread,
			Why:        c.whyFor(w, agent),
		},
		Team: m.team, Lang: m.team.Language, Kind: c.kind,
		Reply:    c.replyTo(w, m, agent.ID),
		With:     w.asideWith(c.t, c.t.Aside(c.m.Aside)),
		Ticket:   w.ticketData(c.t),
		Mail:     c.mail,
		Writer:   c.m.From,
		Backed:   c.m.Backed != "",
		Cc:       c.cc,
		Expect:   w.expectation(c, agent.ID),
		Cautions: c.cautions,
		Commands: c.commands,
		Kept:     c.kept,
		OmitOver: c.omitOver,
		History:  c.history,
	}
	if a := c.t.Aside(c.m.Aside); a != nil && a.Subject != c.t.Subject {
		in.Topic = a.Subject
	}
	if r := c.t.Requester(); r != nil {
		in.Customer = addr.Mailbox{Name: r.Name, Address: r.Address}
	}
	if c.m.Agent != "" {
		in.Writer = addr.Mailbox{Name: w.agentName(c.m.Agent)}
	}
	return in
}

func (w *world) expectation(c copyOf, agent string) compose.Expectation {
	switch {
	case slices.Contains(c.review, agent):
		return compose.ExpectReview
	case w.agents[agent] != nil && w.agents[agent].Role == config.RoleObserver:
		return compose.ExpectComment
	case w.readsAlong(c.t, agent):
		return compose.ExpectNote
	case c.kind != compose.CopyCustomer || c.m.Kind == ticket.KindAuto || c.m.Kind == ticket.KindBounce:
		return compose.ExpectNothing
	case w.agents[c.t.Assignee] == nil && inTeam(w.teamOf(c.t), agent):
		return compose.ExpectTake
	case c.t.Assignee == agent:
		return compose.ExpectAnswer
	}
	return compose.ExpectNothing
}

func (p *Pipeline) enqueueCopy(tx store.Tx, w *world, c copyOf, agent *config.Agent, mark marks, src message.Source) error {
	purpose := store.PurposeCopy
	if c.kind != compose.CopyCustomer && c.kind != compose.CopyAside {
		purpose = store.PurposeNote
	}
	if err := store.IndexMessageID(tx, mark.messageID, c.t.Number, c.m.Seq); err != nil {
		return err
	}
	return p.enqueue(tx, src, store.Outgoing{
		From: mark.sender, To: agent.Address, Domain: w.signer(w.teamOf(c.t)), MessageID: mark.messageID, Item: mark.item,
		Purpose: purpose, Ticket: c.t.Number, Message: c.m.Seq, Agent: agent.ID, Reduced: c.omitOver > 0, Due: c.at, Created: c.at,
	})
}

// replyTo is where an agent's answer to a copy goes: in an aside, to whom it is with; a
// note, and what an observer of the ticket writes, to colleagues; else to the customer.
func (c copyOf) replyTo(w *world, m minter, agent string) addr.Address {
	if c.kind == compose.CopyAside || c.kind == compose.CopyAsked {
		return m.sideAddress(c.m.Aside, m.agent(agent))
	}
	return m.replyTo(agent, c.kind == compose.CopyNote || c.kind == compose.CopyObserver || w.readsAlong(c.t, agent))
}

// readsAlong says whether an agent only follows a ticket: as an observer of the desk, or of
// this ticket and neither the one who looks after it nor one of those who could take it.
func (w *world) readsAlong(t *ticket.Ticket, agent string) bool {
	switch a := w.agents[agent]; {
	case a == nil:
		return false
	case a.Role == config.RoleObserver:
		return true
	case !slices.Contains(t.Observers, agent) || t.Assignee == agent:
		return false
	}
	return w.agents[t.Assignee] != nil || !inTeam(w.teamOf(t), agent)
}

// kindOfCopy is how a message is passed on when it is passed on once more.
func kindOfCopy(m *ticket.Message) compose.CopyKind {
	switch {
	case m.Aside != 0:
		return compose.CopyAside
	case m.Kind == ticket.KindNote:
		return compose.CopyObserver
	}
	return compose.CopyCustomer
}

// enqueue stores a mail and its row in the outbox.
func (p *Pipeline) enqueue(tx store.Tx, src message.Source, row store.Outgoing) error {
	id, err := tx.PutMail(src)
	if err != nil {
		return err
	}
	row.Mail = id
	row.SMTPUTF8 = !row.From.IsASCII() || !row.To.IsASCII()
	return store.Enqueue(tx, &row)
}

// enqueueAll stores a mail once, and a row for each participant. An envelope sender is
// each reader's own: who has seen one could else report that another's mail failed.
func (p *Pipeline) enqueueAll(tx store.Tx, m minter, src message.Source, row store.Outgoing, to []*ticket.Participant) (store.MailID, error) {
	id, err := tx.PutMail(src)
	if err != nil {
		return 0, err
	}
	for _, who := range to {
		each := row
		each.Mail, each.To = id, answerTo(who).Address
		if !each.From.IsZero() {
			each.From = m.sender(row.Item, addr.Person{N: who.ID})
		}
		each.SMTPUTF8 = !each.From.IsASCII() || !each.To.IsASCII()
		if err := store.Enqueue(tx, &each); err != nil {
			return 0, err
		}
	}
	return id, nil
}

// signer is the domain whose keys sign a mail to an agent: that of its author's
// address where there are keys for it, else the team's. DMARC wants the two
// aligned (RFC 9989 §4.4), and the token domain may be another.
func (w *world) signer(team *config.Team) string {
	for _, k := range w.cfg.DKIM {
		if k.Domain == w.cfg.Tickets.TokenDomain {
			return k.Domain
		}
	}
	return team.Address.Domain
}

// agentSubject is the subject of all copies of a ticket: always the same, so
// that the agent's client keeps the thread together.
func (w *world) agentSubject(t *ticket.Ticket) string {
	return tagged(t.Subject, w.cfg.Tickets.TagAgents, t.Number)
}

// customerSubject is the subject as the customer knows it.
func (w *world) customerSubject(t *ticket.Ticket) string {
	return tagged(t.Subject, w.cfg.Tickets.TagCustomers, t.Number)
}

func tagged(subject, tag string, number uint64) string {
	tag = strings.ReplaceAll(tag, "{number}", strconv.FormatUint(number, 10))
	if tag == "" || strings.Contains(subject, tag) {
		return subject
	}
	return strings.TrimSpace(subject + " " + tag)
}

func (w *world) ticketData(t *ticket.Ticket) compose.Ticket {
	fields, missing := w.shownFields(t)
	return compose.Ticket{Fields: fields, Missing: missing, Number: t.Number, Subject: t.Subject, Status: string(t.Status), Turn: string(t.Turn()), Priority: string(t.Priority),
		Category: t.Category, Tags: t.Tags, Assignee: w.assigneeName(t), Linked: t.Linked}
}

// assigneeName is who looks after a ticket; someone who is gone does not.
func (w *world) assigneeName(t *ticket.Ticket) string {
	if a := w.agents[t.Assignee]; a != nil {
		return a.Name
	}
	return ""
}

// agentName is an agent's name; of one who is gone, the id stays.
func (w *world) agentName(id string) string {
	if a := w.agents[id]; a != nil {
		return a.Name
	}
	return id
}

// copyAgain opens a mail of a ticket to send it to one more agent, with what was
// to be careful about; nil when the mail was erased.
func copyAgain(tx store.ReadTx, t *ticket.Ticket, seq uint64, now time.Time) (*copyOf, error) {
	m, err := store.GetMessage(tx, t.Number, seq)
	if err != nil {
		return nil, err
	}
	mail, err := keptMail(tx, store.MailID(m.Mail))
	if err != nil || mail == nil {
		return nil, err
	}
	return &copyOf{t: t, m: &m, mail: mail, kind: kindOfCopy(&m), cautions: cautionsOf(t, &m), at: now, cc: mailboxes(t)}, nil
}

// latestCopy is the customer's latest mail, a visitor's only when there is no
// other; nil when there is none.
func latestCopy(tx store.ReadTx, t *ticket.Ticket, now time.Time) (*copyOf, error) {
	var last, visitor uint64
	err := store.LatestMessages(tx, t.Number, maxLookBack, func(m ticket.Message) error {
		if last == 0 && m.Kind == ticket.KindIn {
			last = m.Seq
		}
		if visitor == 0 && m.Kind == ticket.KindVisitor {
			visitor = m.Seq
		}
		return nil
	})
	if last == 0 {
		last = visitor
	}
	if err != nil || last == 0 {
		return nil, err
	}
	return copyAgain(tx, t, last, now)
}

// cautionsOf is what an agent who gets a mail later has to know of it.
func cautionsOf(t *ticket.Ticket, m *ticket.Message) []compose.Caution {
	var list []compose.Caution
	if m.Backed == "" {
		list = append(list, compose.Caution{Warning: compose.WarnNotBacked})
	}
	if t.Suspect {
		list = append(list, compose.Caution{Warning: compose.WarnSuspect})
	}
	switch m.Kind {
	case ticket.KindVisitor:
		list = append(list, compose.Caution{Warning: compose.WarnVisitor, Detail: m.From.Address.String()})
	case ticket.KindAuto:
		list = append(list, compose.Caution{Warning: compose.WarnAutomatic})
	}
	if r := t.Requester(); r != nil && !r.ReplyTo.IsZero() {
		list = append(list, compose.Caution{Warning: compose.WarnReplyTo, Detail: r.ReplyTo.String()})
	}
	return list
}
