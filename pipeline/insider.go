package pipeline

import (
	"errors"
	"slices"

	"postdesk/internal/addr"
	"postdesk/internal/ticket"
	"postdesk/rules"
	"postdesk/store"
)

// insider says whether an agent may act on a ticket: one who may see it, or to
// whom a mail of it was written. A number or a Message-ID that somebody has read
// somewhere, and the address of a customer or an expert, are no such thing.
func (out *outbound) insider(id rules.Identity, t *ticket.Ticket) (bool, error) {
	if out.w.sees(out.agent, t) {
		return true, nil
	}
	for _, pr := range id.Tokens {
		if !pr.Token.Person.Agent || pr.Token.Ticket == 0 {
			continue
		}
		if slices.Contains(kin(t), pr.Token.Ticket) {
			return true, nil
		}
		live, err := store.LiveTicket(out.tx, pr.Token.Ticket)
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return false, err
		}
		if err == nil && live.Number == t.Number {
			return true, nil
		}
	}
	return false, nil
}

// keepOut takes a mail out of a ticket in which its agent has no say, as if
// nothing had led there. A ticket that is the agent's own request to another team
// stays theirs: as its customer, which the result says.
func (out *outbound) keepOut(thread *rules.ThreadOut, id rules.Identity) (customer bool, err error) {
	if !thread.Join && !thread.Hold || thread.Ticket == 0 {
		return false, nil
	}
	t, err := store.LiveTicket(out.tx, thread.Ticket)
	if err != nil {
		return false, err
	}
	if ok, err := out.insider(id, t); ok || err != nil {
		return false, err
	}
	if people := out.delivery.addressees(); thread.Join && public(t.Who(out.author.Address)) && len(people.outside())+len(people.colleagues) == 0 {
		return true, nil
	}
	*thread = nameless(*thread)
	return false, nil
}

// nameless is the thread of a mail that belongs to no ticket after all, and only
// names one.
func nameless(was rules.ThreadOut) rules.ThreadOut {
	return rules.ThreadOut{Mentions: append(slices.Clone(was.Mentions), was.Ticket), Why: "a new request: the ticket that it names is another team's"}
}

// ofDesk says whether a command tells nothing of a ticket and changes none.
func ofDesk(n ticket.Name) bool {
	switch n {
	case ticket.CmdHelp, ticket.CmdList, ticket.CmdAway, ticket.CmdBack, ticket.CmdSend, ticket.CmdCancel:
		return true
	}
	return false
}

// onlyAsked: the agent is asked for a decision in the ticket and has nothing else
// to do with it. The address of the question decides it, and opens nothing more.
func (out *outbound) onlyAsked() bool {
	if out.t == nil || out.w.sees(out.agent, out.t) || !slices.ContainsFunc(out.t.Asides, func(a ticket.Aside) bool { return a.Agent == out.agent.ID }) {
		return false
	}
	return !slices.ContainsFunc(out.targets, func(t target) bool {
		return t.token != nil && out.ownsToken(*t.token) && (t.token.Kind == addr.KindTicket || t.token.Kind == addr.KindNote)
	})
}
