package pipeline

import (
	"encoding/json"
	"errors"
	"slices"
	"strconv"

	"postdesk/internal/addr"
	"postdesk/internal/compose"
	"postdesk/internal/config"
	"postdesk/internal/message"
	"postdesk/internal/ticket"
	"postdesk/rules"
	"postdesk/store"
)

// maxAgentText is how much of an agent's text is searched for commands and kept
// in notices, in bytes.
const maxAgentText = 1 << 20

// fromAgent is the road of a believed agent's mail: commands, a note, an answer
// to the customer, or a request of the agent's own.
func (out *outbound) fromAgent(id rules.Identity) (*result, error) {
	out.facts.Ack = rules.Ack{Reason: rules.ReasonAgentSubmission, Line: 1, Ticket: rules.DispositionNormal}
	thread, err := out.p.threading(out.tx, out.delivery, id, out.passed(holdWhich) || out.typed(ticket.CmdReopen))
	if err != nil {
		return nil, err
	}
	if out.released != nil && thread.Hold && out.released.Ticket != 0 {
		thread.Join, thread.Hold, thread.Ticket = true, false, out.released.Ticket
	}
	if customer, err := out.keepOut(&thread, id); customer || err != nil {
		if err != nil {
			return nil, err
		}
		return out.fromCustomer(id)
	}
	out.facts.Thread = thread
	if thread.Join {
		if err := out.openTicket(thread.Ticket); err != nil {
			return nil, err
		}
	}
	if out.answersEvent() {
		return out.answerEvent(thread, id)
	}
	if err := out.meaning(&thread); err != nil {
		return nil, err
	}
	if out.facts.Class.Automatic && out.env.Peer.Login == "" {
		return out.absent()
	}
	if err := out.comeBack(); err != nil {
		return nil, err
	}
	return out.act(thread, id)
}

// absent is an agent's out-of-office answer or receipt: it is kept, reaches no
// customer, and changes nothing in its ticket. What it says of the agent is learned
// where it is believed.
func (out *outbound) absent() (*result, error) {
	if out.t == nil {
		if err := out.shelve("automatic", "an automatic mail of an agent"); err != nil {
			return nil, err
		}
		if err := out.believedAbsence(); err != nil {
			return nil, err
		}
		return out.finish()
	}
	if err := out.keepAs(ticket.KindAuto); err != nil {
		return nil, err
	}
	out.facts.Decision = "an automatic mail of " + out.agent.ID
	if err := out.event(ticket.Event{By: out.by(), What: ticket.Automatic, Message: out.m.Seq}); err != nil {
		return nil, err
	}
	if err := out.believedAbsence(); err != nil {
		return nil, err
	}
	return out.finish()
}

// act reads the commands and chooses among note, commands alone, and answer.
func (out *outbound) act(thread rules.ThreadOut, id rules.Identity) (*result, error) {
	if out.refused != nil {
		return out.holdRefused()
	}
	var bad badCommands
	if errors.As(out.parse(), &bad) {
		return out.holdCommands(bad)
	}
	if r, done, err := out.decideInside(thread.Ticket); done || err != nil {
		return r, err
	}
	internal, err := out.answersInternal()
	if err != nil {
		return nil, err
	}
	public := ticket.Has(out.commands, ticket.CmdPublic)
	out.note = out.agent.Role == config.RoleObserver || !public && (ticket.Has(out.commands, ticket.CmdNote) || answersNote(id) || internal)
	if err := out.remembered(&thread); err != nil {
		return nil, err
	}
	ours, err := out.answersNotice()
	if err != nil {
		return nil, err
	}
	if thread.Hold {
		return out.holdWhichTicket(thread)
	}
	if err := out.permitted(); err != nil {
		return nil, err
	}
	if err := out.namesFew(); err != nil {
		return nil, err
	}
	if err := out.split(); err != nil {
		return nil, err
	}
	if fast, err := out.tooFast(); err != nil || fast {
		return out.askPerson(err)
	}
	if r, done, err := out.gestured(); done || err != nil {
		return r, err
	}
	third, err := out.thirds()
	if err != nil {
		return nil, err
	}
	switch {
	case len(third) > 0:
		return out.askAll(third)
	case out.commandsOnly() || out.asksDesk():
		return out.obey()
	case ours && !ticket.Has(out.commands, ticket.CmdNote) && !public && !out.observes():
		return out.notPublic()
	case out.t == nil:
		return out.ownRequest()
	case out.note:
		return out.writeNote()
	}
	return out.reply()
}

// remembered lets through what the links of our own block write: a mail to a
// ticket's address that answers nothing, and that no customer will read. A text
// for the customer is asked about, since mail clients remember our addresses.
func (out *outbound) remembered(thread *rules.ThreadOut) error {
	if !thread.Hold || out.t != nil || thread.Ticket == 0 || !out.commandsOnly() && !out.saysWhom() {
		return nil
	}
	if err := out.openTicket(thread.Ticket); err != nil {
		return err
	}
	if out.t.Status == ticket.Closed && !out.commandsOnly() {
		return nil
	}
	thread.Hold, thread.Join = false, true
	return nil
}

// saysWhom: the mail says by a command that its text is not for the customer.
func (out *outbound) saysWhom() bool {
	return ticket.Has(out.commands, ticket.CmdNote) || ticket.Has(out.commands, ticket.CmdAsk) || ticket.Has(out.commands, ticket.CmdApprove)
}

// answersNotice: the mail answers one of postdesk's own to this agent, and no
// customer's. Whoever wrote "thanks" to it did not mean the customer.
func (out *outbound) answersNotice() (ours bool, err error) {
	ids := out.answered()
	if len(ids) == 0 || out.t == nil || out.released != nil {
		return false, nil
	}
	t, ok := out.p.minted(ids[0])
	if !ok || t.Kind != addr.KindMessage {
		return false, nil
	}
	err = store.SentAs(out.tx, t.Ticket, t.Item, func(row store.Outgoing) error {
		ours = ours || row.Purpose == store.PurposeNotice
		return nil
	})
	return ours, err
}

// notPublic keeps a text that answered a notice, and says that nobody got it.
func (out *outbound) notPublic() (*result, error) {
	if err := out.keepAs(ticket.KindInternal); err != nil {
		return nil, err
	}
	text, _ := message.SplitSignature(out.rest)
	if err := out.answer(compose.NoticeNotPublic, compose.NoticeData{Text: text}); err != nil {
		return nil, err
	}
	out.facts.Decision = "an answer to a notice: for nobody"
	return out.finish()
}

// answersNote: the copy of a note was answered, and a reply to a note is a note.
func answersNote(id rules.Identity) bool {
	return slices.ContainsFunc(id.Tokens, func(p rules.Presented) bool {
		return p.Token.Kind == addr.KindNote && p.Place == rules.PlaceRecipient
	})
}

// answersInternal: what the mail answers, by its Message-IDs, is a note: also
// when the client wrote to the generic address.
func (out *outbound) answersInternal() (bool, error) {
	if out.t == nil {
		return false, nil
	}
	seq, err := out.answeredMessage()
	if err != nil || seq == 0 {
		return false, err
	}
	m, err := store.GetMessage(out.tx, out.t.Number, seq)
	return m.Kind == ticket.KindNote || m.Kind == ticket.KindInternal, err
}

// obey carries out commands that came without a text, and answers with what
// was done and what was asked for.
func (out *outbound) obey() (*result, error) {
	outside := out.t == nil
	out.outside = outside
	if outside {
		if err := out.shelve("desk", "commands of "+out.agent.ID+" without a ticket"); err != nil {
			return nil, err
		}
		out.m.Agent, out.m.Kind = out.agent.ID, ticket.KindInternal
	} else if err := out.keepAs(ticket.KindInternal); err != nil {
		return nil, err
	}
	done, err := out.apply()
	if err != nil {
		return nil, err
	}
	if !outside {
		if err := out.supersede(func(h *store.HeldMail) bool { return h.Orders }); err != nil {
			return nil, err
		}
		out.facts.Decision = "commands of " + out.agent.ID + " on ticket " + strconv.FormatUint(out.t.Number, 10)
	}
	if len(done) > 0 && !out.commandsOnly() {
		done = append(done, pageWord(out.lang(), "goneNowhere"))
	}
	if len(done) > 0 {
		out.page(compose.NoticeTranscript, compose.NoticeData{Lines: done, Page: out.takePage()})
	}
	if err := out.sendPages(outside); err != nil {
		return nil, err
	}
	return out.finish()
}

// page is a mail that a command asks for.
type page struct {
	kind  compose.NoticeKind
	data  compose.NoticeData
	apart bool // it is not about this mail's ticket
}

// page answers the agent with one more mail, once everything is done.
func (out *outbound) page(kind compose.NoticeKind, data compose.NoticeData) {
	out.pages = append(out.pages, page{kind: kind, data: data})
}

// sendPages writes the answers to the agent; outside is a mail about no ticket.
func (out *outbound) sendPages(outside bool) error {
	for _, pg := range out.pages {
		n := notice{kind: pg.kind, agent: out.agent, data: pg.data, answering: out.facts.MessageID, at: out.at}
		if !outside && !pg.apart {
			n.t = out.t
		}
		if out.moves {
			n.lang = out.lang()
		}
		if err := out.p.notify(out.tx, out.w, n); err != nil {
			return err
		}
	}
	return nil
}

// answerOutside keeps a mail that belongs to no ticket as a closed one, and
// answers it.
func (out *outbound) answerOutside(kind compose.NoticeKind, data compose.NoticeData) (*result, error) {
	if err := out.shelve("desk", out.facts.Decision); err != nil {
		return nil, err
	}
	out.m.Agent, out.m.Kind = out.agent.ID, ticket.KindInternal
	n := notice{kind: kind, agent: out.agent, data: data, answering: out.facts.MessageID, at: out.at}
	if err := out.p.notify(out.tx, out.w, n); err != nil {
		return nil, err
	}
	return out.finish()
}

// handOver sends the new assignee the customer's latest mail.
func (out *outbound) handOver(was string) error {
	if out.t.Assignee == was || out.w.agents[out.t.Assignee] == nil || out.t.Assignee == out.agent.ID {
		return nil
	}
	c, err := latestCopy(out.tx, out.t, out.at)
	if err != nil || c == nil {
		return err
	}
	c.readers, c.why = []string{out.t.Assignee}, handed(out.by())
	return out.p.sendCopies(out.tx, out.w, *c)
}

// answer sends the agent a notice about this ticket, in answer to this mail.
func (out *outbound) answer(kind compose.NoticeKind, data compose.NoticeData) error {
	return out.p.notify(out.tx, out.w, notice{kind: kind, agent: out.agent, t: out.t, data: data, answering: out.facts.MessageID, at: out.at})
}

// writeNote keeps the mail from the customer and sends it to the colleagues.
func (out *outbound) writeNote() (*result, error) {
	if err := out.keepAs(ticket.KindNote); err != nil {
		return nil, err
	}
	out.m.Excerpt = excerpt(compose.Said(out.noteText(), out.agent.Name))
	if err := out.event(ticket.Event{By: out.by(), What: ticket.Noted, Message: out.m.Seq}); err != nil {
		return nil, err
	}
	if _, err := out.apply(); err != nil {
		return nil, err
	}
	if err := out.sendPages(false); err != nil {
		return nil, err
	}
	readers, err := out.noteReaders()
	if err != nil {
		return nil, err
	}
	c := copyOf{t: out.t, m: out.m, mail: out.mail, kind: compose.CopyNote, at: out.at, readers: readers, commands: out.lines(), kept: out.kept()}
	if err := out.p.sendCopies(out.tx, out.w, c); err != nil {
		return nil, err
	}
	if err := out.confirmNote(len(readers) == 0); err != nil {
		return nil, err
	}
	out.facts.Decision = "a note of " + out.agent.ID + " in ticket " + strconv.FormatUint(out.t.Number, 10)
	return out.finish()
}

// confirmNote says in a line what its author may not know: that a text became a note, or that nobody else gets
// it (alone). Any other note is confirmed by no mail.
func (out *outbound) confirmNote(alone bool) error {
	meant := ticket.Has(out.commands, ticket.CmdNote) || out.observes()
	if meant && !alone {
		return nil
	}
	return out.answer(compose.NoticeNoteDefault, compose.NoticeData{Yes: meant, Alone: alone})
}

// ownRequest is a mail of an agent to a team that answers no ticket: a request
// like any other, without acknowledgement.
func (out *outbound) ownRequest() (*result, error) {
	if !out.delivery.toTeam() {
		if out.released == nil {
			return out.holdWhichTicket(rules.ThreadOut{Why: "a desk address, and no ticket"})
		}
		out.team = out.w.homeTeam(out.agent)
	}
	var err error
	if out.contact, err = contactOf(out.tx, out.author.Address); err != nil {
		return nil, err
	}
	if err := out.open(rules.ThreadOut{Why: "a request of an agent"}); err != nil {
		return nil, err
	}
	out.m.Agent = out.agent.ID
	return out.finish()
}

// toTeam says whether a recipient is a team's own address.
func (d *delivery) toTeam() bool {
	return slices.ContainsFunc(d.targets, func(t target) bool { return t.team != nil && t.token == nil })
}

// encodeFacts is for the records that are no message.
func encodeFacts(f Facts) []byte {
	b, err := json.Marshal(f)
	if err != nil {
		return nil // explain has less to tell; the mail matters more
	}
	return b
}
