package pipeline

import (
	"slices"
	"time"

	"postdesk/internal/addr"
	"postdesk/internal/compose"
	"postdesk/internal/ticket"
	"postdesk/store"
)

// letter is a mail of the desk itself to the customer, under the ticket's own
// subject. Its envelope sender is null: nothing answers it by itself.
type letter struct {
	kind compose.LetterKind
	t    *ticket.Ticket
	data compose.LetterData
	to   []*ticket.Participant // nil is who would get an answer
	// answering is set when it follows a mail of the customer at once:
	// Auto-Submitted is then auto-replied, RFC 3834 §5.
	answering bool
	at        time.Time
}

// sendLetter writes a letter and its rows. A ticket without anyone to write to
// gets none.
func (p *Pipeline) sendLetter(tx store.Tx, w *world, l letter) error {
	if l.to == nil {
		l.to = audience(l.t)
	}
	if len(l.to) == 0 {
		return nil
	}
	m := p.minter(w, l.t)
	mark := m.next(addr.Person{N: l.to[0].ID})
	head := compose.Head{Subject: w.customerSubject(l.t), Date: l.at, MessageID: mark.messageID, Loop: m.loop(), AutoSubmitted: "auto-generated"}
	if l.answering {
		head.AutoSubmitted = "auto-replied"
	}
	for i, who := range l.to {
		if i == 0 {
			head.To = []addr.Mailbox{answerTo(who)}
		} else {
			head.Cc = append(head.Cc, answerTo(who))
		}
	}
	var err error
	if head.InReplyTo, head.References, err = p.conversation(tx, l.t, mark.thread); err != nil {
		return err
	}
	src, err := w.compose.Letter(compose.LetterIn{Head: head, Team: m.team, Lang: w.language(l.t), Kind: l.kind, Ticket: w.ticketData(l.t), Data: l.data})
	if err != nil {
		return err
	}
	row := store.Outgoing{Domain: m.team.Address.Domain, MessageID: mark.messageID, Item: mark.item, Purpose: store.PurposeLetter,
		Ticket: l.t.Number, Message: l.t.Messages, NotifyNone: true, Due: l.at, Created: l.at}
	_, err = p.enqueueAll(tx, m, src, row, l.to)
	return err
}

// audience is who gets what the customer is told: the requester first.
func audience(t *ticket.Ticket) []*ticket.Participant {
	to, cc := t.Audience()
	if to == nil {
		return nil
	}
	return slices.Concat([]*ticket.Participant{to}, cc)
}
