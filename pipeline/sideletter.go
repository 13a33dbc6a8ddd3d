package pipeline

import (
	"time"

	"postdesk/internal/addr"
	"postdesk/internal/compose"
	"postdesk/internal/config"
	"postdesk/internal/ticket"
	"postdesk/store"
)

// sideLetter is a mail of the desk itself to somebody outside who is not the
// customer, or to an approver with an account.
type sideLetter struct {
	kind      compose.LetterKind
	t         *ticket.Ticket
	who       *ticket.Participant
	agent     *config.Agent // instead of who
	data      compose.LetterData
	aside     uint64 // 0: an observer
	subject   string
	answering string // Message-ID of the mail that it answers, "" for none
	at        time.Time
}

// sendSideLetter writes a letter from the address to which its reader answers.
// Its envelope sender is null: nothing answers it by itself.
func (p *Pipeline) sendSideLetter(tx store.Tx, w *world, l sideLetter) error {
	m := p.minter(w, l.t)
	var who addr.Person
	var to addr.Mailbox
	switch {
	case l.agent != nil:
		who, to = m.agent(l.agent.ID), addr.Mailbox{Name: l.agent.Name, Address: l.agent.Address}
	case l.who != nil && !l.who.Address.IsZero():
		who, to = addr.Person{N: l.who.ID}, answerTo(l.who)
	default:
		return nil
	}
	mark := m.nextIn(l.aside, who)
	head := compose.Head{From: addr.Mailbox{Name: m.team.Name, Address: m.sideAddress(l.aside, who)}, To: []addr.Mailbox{to}, Subject: l.subject,
		Date: l.at, MessageID: mark.messageID, References: []string{mark.thread}, InReplyTo: l.answering, Loop: m.loop(), AutoSubmitted: "auto-generated"}
	if l.answering != "" {
		head.References = append(head.References, l.answering)
		head.AutoSubmitted = "auto-replied"
	}
	src, err := w.compose.Letter(compose.LetterIn{Head: head, Team: m.team, Kind: l.kind, Ticket: w.ticketData(l.t), Data: l.data})
	if err != nil {
		return err
	}
	return p.enqueue(tx, src, store.Outgoing{To: to.Address, Domain: m.team.Address.Domain, MessageID: mark.messageID, Item: mark.item, Purpose: store.PurposeLetter,
		Ticket: l.t.Number, Message: l.t.Messages, NotifyNone: true, Due: l.at, Created: l.at})
}
