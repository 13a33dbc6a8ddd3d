package pipeline

import (
	"fmt"
	"slices"

	"postdesk/internal/addr"
	"postdesk/internal/compose"
	"postdesk/internal/ticket"
	"postdesk/store"
)

// changeRequester is #customer in a ticket: from now on it is that customer's. Of
// a ticket that an agent opened by an own request the customer hears; a customer
// who asked before stays in copy.
func (out *outbound) changeRequester(c ticket.Command) (string, error) {
	who, err := out.namedCustomer(c)
	if err != nil {
		return "", err
	}
	done := fmt.Sprintf(words(out.lang(), "doneCustomer"), c.Line, who.Address)
	was := out.t.Requester()
	if was != nil && was.Address.Equal(who.Address) {
		return done, nil
	}
	if out.t.Who(who.Address) == nil && (len(out.t.Participants) >= maxParticipants || out.t.Full()) {
		return "", refuse(c, words(out.lang(), "tooMany"))
	}
	contact, err := store.SeeContact(out.tx, who, out.at)
	if err != nil {
		return "", err
	}
	data := map[string]string{"customer": who.Address.String()}
	internal := was == nil || out.ours(was.Address)
	if internal {
		data["was"] = "gone"
	}
	p := &ticket.Participant{Relation: ticket.Requester, Name: shortName(who.Name), Address: who.Address, Contact: contact.ID}
	if err := out.event(ticket.Event{By: out.by(), What: ticket.OpenedFor, Participant: p, Data: data}); err != nil {
		return "", err
	}
	if err := store.AddRequest(out.tx, contact.ID, out.t.Number); err != nil {
		return "", err
	}
	return done, out.tellRequester(internal)
}

// tellRequester confirms a ticket that was an agent's own to the customer whose it
// is now, unless this very mail is an answer.
func (out *outbound) tellRequester(internal bool) error {
	if r := out.t.Requester(); !internal || out.m.Kind == ticket.KindOut || out.robot(r.Address) {
		return nil
	}
	return out.p.sendLetter(out.tx, out.w, letter{kind: compose.LetterConfirmation, t: out.t, at: out.at,
		to: audience(out.t)[:1], data: compose.LetterData{Agent: out.agent.Name}})
}

// recipients are who gets an answer of this mail: the customer as #customer names
// one, and whoever the agent wrote to besides.
func (out *outbound) recipients() (to *ticket.Participant, cc []*ticket.Participant, err error) {
	to, cc = out.t.Audience()
	cc = out.heedCc(cc)
	i := slices.IndexFunc(out.commands, isCustomer)
	if i >= 0 {
		who, err := out.namedCustomer(out.commands[i])
		if err != nil {
			return nil, nil, err
		}
		if to == nil || !to.Address.Equal(who.Address) {
			to, cc = out.replaced(to, cc, who)
		}
	}
	for _, p := range out.newcomers() {
		if to == nil || !to.Address.Equal(p.Address) {
			cc = append(cc, p)
		}
	}
	return to, cc, nil
}

// replaced is the audience with another customer, as changeRequester will make it.
func (out *outbound) replaced(was *ticket.Participant, cc []*ticket.Participant, who addr.Mailbox) (*ticket.Participant, []*ticket.Participant) {
	to := out.t.Who(who.Address)
	if to == nil {
		to = &ticket.Participant{ID: uint64(len(out.t.Participants)) + 1, Relation: ticket.Requester, Name: who.Name, Address: who.Address}
	}
	cc = slices.DeleteFunc(cc, func(p *ticket.Participant) bool { return p.ID == to.ID })
	if was != nil && !out.ours(was.Address) {
		cc = append(cc, was)
	}
	return to, cc
}
