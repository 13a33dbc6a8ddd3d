package pipeline

import (
	"slices"

	"postdesk/internal/addr"
	"postdesk/internal/compose"
	"postdesk/internal/ticket"
	"postdesk/store"
)

// Bounds of who takes part in a ticket: on the customer's side, and with those
// whom agents ask and who observe.
const (
	maxParticipants = 50
	maxInTicket     = 2 * maxParticipants
)

// asker is the author; a web form's mail names another in Reply-To, which counts
// only when the form's own address is backed.
func (in *inbound) asker() addr.Mailbox {
	list := in.mailboxes("Reply-To")
	if in.outcome.ReplyToRequester && in.facts.Auth.Backed != "" && len(list) == 1 && !in.ours(list[0].Address) {
		return list[0]
	}
	return in.author
}

// requester makes the asker a participant and a contact.
func (in *inbound) requester() error {
	who := in.asker()
	if who.Address.IsZero() {
		return nil // nobody who could be answered
	}
	c, err := store.SeeContact(in.tx, who, in.at)
	if err != nil {
		return err
	}
	in.contact = c
	p := &ticket.Participant{Relation: ticket.Requester, Name: shortName(who.Name), Address: who.Address, Contact: c.ID}
	if err := in.event(ticket.Event{By: in.sender(), What: ticket.Joined, Participant: p}); err != nil {
		return err
	}
	if err := store.AddRequest(in.tx, c.ID, in.t.Number); err != nil {
		return err
	}
	return in.participants()
}

// participants are those whom the requester's backed mails name. History is
// sent to nobody because of a Cc; they get what is said from now on.
func (in *inbound) participants() error {
	r := in.t.Requester()
	if r == nil || in.facts.Auth.Backed == "" || in.t.Who(in.author.Address) == nil {
		return nil
	}
	if err := in.replyTo(r); err != nil {
		return err
	}
	if r.Address.Key() != in.author.Address.Key() {
		return nil
	}
	for _, m := range slices.Concat(in.mailboxes("To"), in.mailboxes("Cc")) {
		if in.ours(m.Address) || public(in.t.Who(m.Address)) || in.t.Dismissed(m.Address) || len(in.t.Participants) >= maxParticipants || in.t.Full() {
			continue
		}
		c, err := store.SeeContact(in.tx, m, in.at)
		if err != nil {
			return err
		}
		p := &ticket.Participant{Relation: ticket.Copied, Name: shortName(m.Name), Address: m.Address, Contact: c.ID}
		if err := in.event(ticket.Event{By: in.sender(), What: ticket.Joined, Participant: p}); err != nil {
			return err
		}
	}
	return nil
}

// ours says whether an address is a team's, an agent's or a token's: nobody to
// be copied on a ticket.
func (in *inbound) ours(a addr.Address) bool {
	if in.w.byAddress[a.Key()] != nil || in.w.isPostmaster(a) {
		return true
	}
	_, ours := in.p.target(in.w, a)
	return ours
}

// replyTo follows the single Reply-To of the requester's latest backed mail. A
// change is shown to the agent. In a mail that an agent passed on anybody may have
// set it.
func (in *inbound) replyTo(r *ticket.Participant) error {
	if r.Address.Key() != in.author.Address.Key() || in.passedOn {
		return nil
	}
	var to addr.Address
	if list := in.mailboxes("Reply-To"); len(list) == 1 && list[0].Address.Key() != r.Address.Key() && !in.ours(list[0].Address) {
		to = list[0].Address
	}
	if to.Key() == r.ReplyTo.Key() {
		return nil
	}
	if !to.IsZero() {
		in.warn(compose.WarnReplyTo, to.String())
	}
	changed := *r
	changed.ReplyTo = to
	return in.event(ticket.Event{By: in.sender(), What: ticket.ReplyToChanged, Participant: &changed})
}
