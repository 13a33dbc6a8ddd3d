package pipeline

import (
	"slices"
	"strconv"

	"postdesk/internal/addr"
	"postdesk/internal/compose"
	"postdesk/internal/ticket"
	"postdesk/store"
)

// writeOutside is a new mail of an agent to people outside: a ticket of that
// agent, in which whoever is written to first is the customer. It leaves as an
// answer would.
func (out *outbound) writeOutside() (*result, error) {
	if team := out.w.team(out.author.Address); team != nil {
		out.team = team
	}
	people := out.people.outside()
	if held, err := out.rehearse(people[0]); held != nil || err != nil {
		return held, err
	}
	if err := out.openOwn(people[0]); err != nil {
		return nil, err
	}
	out.people.drop(people[0].Address)
	out.facts.Decision = "new ticket " + strconv.FormatUint(out.t.Number, 10) + ", opened by " + out.agent.ID + " writing to " + people[0].Address.String()
	return out.reply()
}

// drop leaves someone out.
func (a *addressees) drop(who addr.Address) {
	is := func(m addr.Mailbox) bool { return m.Address.Equal(who) }
	a.shown, a.hidden = slices.DeleteFunc(slices.Clone(a.shown), is), slices.DeleteFunc(slices.Clone(a.hidden), is)
}

// rehearse composes the mail before there is a ticket: one that the guard holds
// must not open any.
func (out *outbound) rehearse(to addr.Mailbox) (*result, error) {
	who := ticket.Participant{ID: 1, Relation: ticket.Requester, Name: to.Name, Address: to.Address}
	out.t = &ticket.Ticket{Team: out.team.Address, Subject: out.facts.Subject, Participants: []ticket.Participant{who}}
	defer func() { out.t = nil }()
	if err := out.prepareTemplates(); err != nil {
		return nil, err
	}
	composed, err := out.compose(out.p.minter(out.w, out.t).next(addr.Person{N: 1}), &who, out.newcomers())
	if err != nil {
		return nil, err
	}
	findings := out.counted(composed.Findings)
	if len(findings) == 0 || out.guardPassed() {
		return nil, nil
	}
	out.t = nil
	return out.hold(holdGuard, findings, nil)
}

// openOwn makes the ticket of a mail to someone outside.
func (out *outbound) openOwn(to addr.Mailbox) error {
	var err error
	if out.contact, err = store.EnterContact(out.tx, to, out.at); err != nil {
		return err
	}
	if out.t, err = store.NewTicket(out.tx, out.w.cfg.Tickets.FirstNumber); err != nil {
		return err
	}
	out.t.Team, out.t.Language = out.team.Address, out.language()
	events := []ticket.Event{
		{By: out.by(), What: ticket.Created, Data: map[string]string{"subject": out.facts.Subject}},
		{By: out.by(), What: ticket.Joined, Participant: &ticket.Participant{Relation: ticket.Requester, Name: shortName(to.Name), Address: to.Address, Contact: out.contact.ID}},
		{By: ticket.System, What: ticket.Assigned, Data: map[string]string{"agent": out.agent.ID, "why": "wrote-first"}},
	}
	for _, n := range out.facts.Thread.Mentions {
		events = append(events, ticket.Event{By: ticket.System, What: ticket.Mentions, Data: numbered("number", n)})
	}
	if err := out.events(events); err != nil {
		return err
	}
	return store.AddRequest(out.tx, out.contact.ID, out.t.Number)
}

// newcomers are those whom the agent named in To or Cc and who do not get the
// ticket's answers yet: they get this one, and those that follow.
func (out *outbound) newcomers() []*ticket.Participant {
	var list []*ticket.Participant
	for _, m := range out.people.shown {
		switch was := out.t.Who(m.Address); {
		case public(was):
		case was != nil:
			p := *was
			p.Relation = ticket.Copied
			list = append(list, &p)
		default:
			list = append(list, &ticket.Participant{Relation: ticket.Copied, Name: shortName(m.Name), Address: m.Address})
		}
	}
	return list
}

// unseen are those in Bcc: they get the mail, and the ticket does not know them. So
// does the agent, where the client asks for a copy.
func (out *outbound) unseen() []*ticket.Participant {
	var list []*ticket.Participant
	for _, m := range out.people.hidden {
		if !public(out.t.Who(m.Address)) {
			list = append(list, &ticket.Participant{Address: m.Address})
		}
	}
	if out.people.self {
		list = append(list, &ticket.Participant{Address: out.agent.Address})
	}
	return list
}

// admit makes the newcomers part of the ticket, from now on: an agent's act
// named them. Colleagues read along, and other teams.
func (out *outbound) admit() error {
	for _, p := range out.newcomers() {
		c, err := store.SeeContact(out.tx, addr.Mailbox{Name: p.Name, Address: p.Address}, out.at)
		if err != nil {
			return err
		}
		p.Contact = c.ID
		if err := out.event(ticket.Event{By: out.by(), What: ticket.Joined, Message: out.m.Seq, Participant: p}); err != nil {
			return err
		}
	}
	if err := out.tellOtherTeams(); err != nil {
		return err
	}
	return out.readAlong()
}

// tellOtherTeams lets a team read the mail in which the agent named it beside the
// customer.
func (out *outbound) tellOtherTeams() error {
	for _, team := range out.otherTeams(out.team) {
		if team.Address.Equal(out.t.Team) || slices.Contains(out.t.Teams, team.Address) {
			continue
		}
		e := ticket.Event{By: out.by(), What: ticket.TeamAdded, Message: out.m.Seq, Data: map[string]string{"team": team.Address.String()}}
		if err := out.event(e); err != nil {
			return err
		}
		crew, err := reachable(out.tx, out.w.crew(team), out.at)
		if err != nil {
			return err
		}
		readers := slices.DeleteFunc(slices.Clone(crew), func(id string) bool { return id == out.agent.ID || slices.Contains(out.t.Observers, id) })
		c := copyOf{t: out.t, m: out.m, mail: out.mail, kind: compose.CopyColleague, at: out.at, readers: readers, commands: out.lines()}
		if err := out.p.sendCopies(out.tx, out.w, c); err != nil {
			return err
		}
	}
	return nil
}

// overfull says that the mail would put more people into the ticket than it may
// have.
func (out *outbound) overfull() bool {
	n := len(out.t.Participants)
	for _, p := range out.newcomers() {
		if p.ID == 0 {
			n++
		}
	}
	return n > len(out.t.Participants) && (n > maxParticipants || out.t.Full())
}
