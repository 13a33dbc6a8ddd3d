package pipeline

import (
	"cmp"
	"strconv"
	"time"

	"postdesk/internal/addr"
	"postdesk/internal/compose"
	"postdesk/internal/config"
	"postdesk/internal/message"
	"postdesk/internal/ticket"
	"postdesk/store"
)

// notice is a mail from postdesk to an agent. Its envelope sender is null.
type notice struct {
	kind      compose.NoticeKind
	agent     *config.Agent
	t         *ticket.Ticket // nil for none
	from      addr.Address   // zero is the ticket's address for this agent, or the desk address
	data      compose.NoticeData
	original  message.Source
	team      *config.Team     // nil is the ticket's, else the agent's first
	lang      string           // "" is that of the team for this agent: see languageOf
	answering string           // Message-ID of the agent's mail that it answers, "" for none
	carries   bool             // it brings a customer's mail, which can be answered
	attach    *message.Message // whose attachment attachN it brings, nil for none
	attachN   int
	about     uint64 // the message of which that is
	at        time.Time
}

func (p *Pipeline) notify(tx store.Tx, w *world, n notice) error {
	if n.agent == nil {
		return nil
	}
	in := compose.NoticeIn{
		Head: compose.Head{To: []addr.Mailbox{{Name: n.agent.Name, Address: n.agent.Address}}, Date: n.at},
		Team: w.homeTeam(n.agent), Kind: n.kind, Agent: n.agent.Name, From: n.from,
		Answering: n.answering != "", Data: n.data, Original: n.original, Attach: n.attach, AttachN: n.attachN,
	}
	in.Data.Desk = p.desk(w, n.agent)
	if n.team != nil {
		in.Team = n.team
	}
	row := store.Outgoing{To: n.agent.Address, Purpose: store.PurposeNotice, Agent: n.agent.ID, Due: n.at, Created: n.at}
	item, err := p.noticeHead(tx, w, n, &in)
	if err != nil {
		return err
	}
	if n.carries {
		row.Purpose = store.PurposeCopy
	}
	if n.t != nil {
		row.Ticket, row.Item = n.t.Number, item
	}
	if n.attach != nil {
		row.Message, row.Reduced = n.about, true
	}
	in.Lang = cmp.Or(n.lang, w.languageOf(n.agent, in.Team))
	if (n.kind == compose.NoticeHelp || n.kind == compose.NoticeWelcome) && in.Data.Page == nil {
		in.Data.Page = compose.HelpPage(in.Lang)
	}
	src, err := w.compose.Notice(in)
	if err != nil {
		return err
	}
	row.MessageID, row.Domain = in.Head.MessageID, w.signer(in.Team)
	return p.enqueue(tx, src, row)
}

// noticeHead threads a notice under its ticket, or under the agent's own mail.
// item is its number among the ticket's outgoing mails.
func (p *Pipeline) noticeHead(tx store.Tx, w *world, n notice, in *compose.NoticeIn) (item uint64, err error) {
	if n.t == nil {
		id, err := p.deskMark(tx, w, n.agent)
		in.Head.MessageID = id
		in.Head.Loop = p.keys.Mint(addr.Token{Kind: addr.KindLoop})
		if in.From.IsZero() {
			in.From = p.desk(w, n.agent)
		}
		if n.answering != "" {
			in.Head.InReplyTo, in.Head.References = n.answering, []string{n.answering}
		}
		return 0, err
	}
	m := p.minter(w, n.t)
	mark := m.next(m.agent(n.agent.ID))
	in.Team = m.team
	in.Ticket = w.ticketData(n.t)
	in.Head.Subject = w.agentSubject(n.t)
	in.Head.MessageID, in.Head.References, in.Head.InReplyTo = mark.messageID, []string{mark.thread}, mark.thread
	in.Head.Loop = m.loop()
	if n.answering != "" {
		in.Head.InReplyTo = n.answering
		in.Head.References = append(in.Head.References, n.answering)
	}
	if in.From.IsZero() {
		in.From = m.replyTo(n.agent.ID, false)
	}
	return mark.item, nil
}

// deskMark is a fresh Message-ID for a mail to an agent outside any ticket.
func (p *Pipeline) deskMark(tx store.Tx, w *world, a *config.Agent) (string, error) {
	n, err := store.NextDeskMail(tx)
	if err != nil {
		return "", err
	}
	tok := p.keys.Mint(addr.Token{Kind: addr.KindMessage, Item: n, Person: addr.Person{Agent: true, N: w.numbers[a.ID]}})
	return bare(addr.MessageID(tok, strconv.FormatUint(n, 36), w.homeTeam(a).Address.Domain)), nil
}

// notifyPostmaster tells the admin what only an admin can mend.
func (p *Pipeline) notifyPostmaster(tx store.Tx, w *world, title, text string, original message.Source, at time.Time) error {
	n, err := store.NextDeskMail(tx)
	if err != nil {
		return err
	}
	team := &w.cfg.Teams[0]
	tok := p.keys.Mint(addr.Token{Kind: addr.KindMessage, Item: n})
	id := bare(addr.MessageID(tok, strconv.FormatUint(n, 36), team.Address.Domain))
	src, err := w.compose.Notice(compose.NoticeIn{
		Head: compose.Head{To: []addr.Mailbox{{Address: w.cfg.Postmaster}}, Date: at, MessageID: id,
			Loop: p.keys.Mint(addr.Token{Kind: addr.KindLoop})},
		Lang: team.Language, Kind: compose.NoticePostmaster, From: team.Address,
		Data: compose.NoticeData{Title: title, Text: text}, Original: original,
	})
	if err != nil {
		return err
	}
	return p.enqueue(tx, src, store.Outgoing{To: w.cfg.Postmaster, Purpose: store.PurposeNotice, MessageID: id,
		Domain: team.Address.Domain, Due: at, Created: at})
}
