package pipeline

import (
	"errors"
	"maps"
	"slices"
	"strconv"

	"postdesk/internal/addr"
	"postdesk/internal/compose"
	"postdesk/internal/config"
	"postdesk/internal/reply"
	"postdesk/internal/ticket"
	"postdesk/rules"
	"postdesk/store"
)

// fromCustomer is the road of a customer's mail: a message of a ticket, or a new
// request.
func (in *inbound) fromCustomer(id rules.Identity) (*result, error) {
	if err := in.teamOfToken(); err != nil {
		return nil, err
	}
	thread, err := in.p.threading(in.tx, in.delivery, id, false)
	if err != nil {
		return nil, err
	}
	in.facts.Thread = thread
	if in.contact, err = contactOf(in.tx, in.author.Address); err != nil {
		return nil, err
	}
	if err := in.rises(); err != nil {
		return nil, err
	}
	if in.asksForRequests(thread) {
		if r, done, err := in.requests(); done || err != nil {
			return r, err
		}
	}
	if thread.Join {
		err = in.join(thread)
	} else {
		err = in.open(thread)
	}
	if err != nil {
		return nil, err
	}
	return in.finish()
}

// teamOfToken: an address of the token domain names no team, and its token may
// be inert for this sender. Such a mail is judged as if it had come to the team
// that the token is of.
func (in *inbound) teamOfToken() error {
	if slices.ContainsFunc(in.targets, func(t target) bool { return t.team != nil }) {
		return nil
	}
	for _, target := range in.targets {
		if target.token == nil {
			continue
		}
		if a := in.w.agentOf(*target.token); a != nil && target.token.Ticket == 0 {
			in.team = in.w.homeTeam(a)
			return nil
		}
		t, err := store.LiveTicket(in.tx, target.token.Ticket)
		if errors.Is(err, store.ErrNotFound) {
			return nil
		}
		if err == nil {
			in.team = in.w.teamOf(t)
		}
		return err
	}
	return nil
}

// join adds the mail to the ticket that it belongs to.
func (in *inbound) join(thread rules.ThreadOut) error {
	t, err := store.GetTicket(in.tx, thread.Ticket)
	if err != nil {
		return err
	}
	in.t, in.team = t, in.w.teamOf(t)
	if done, err := in.beside(); done || err != nil {
		return err
	}
	if in.turnedAway() {
		return in.keepShut()
	}
	kind, what := ticket.KindIn, ticket.Received
	switch {
	case in.facts.Class.Automatic:
		kind, what = ticket.KindAuto, ticket.Automatic
		in.warn(compose.WarnAutomatic, "")
	case thread.Visitor:
		kind, what = ticket.KindVisitor, ticket.Visited
		in.warn(compose.WarnVisitor, in.author.Address.String())
	}
	if err := in.keep(kind); err != nil {
		return err
	}
	if err := in.event(ticket.Event{By: in.sender(), What: what, Message: in.m.Seq}); err != nil {
		return err
	}
	if kind == ticket.KindIn {
		if err := in.participants(); err != nil {
			return err
		}
		if err := in.fillForm(); err != nil {
			return err
		}
		if err := in.askFieldsAgain(); err != nil {
			return err
		}
	}
	if err := in.followRules(kind); err != nil {
		return err
	}
	// An older address of a ticket that moved is only its way here.
	if kind != ticket.KindAuto && in.sentTo(in.team) {
		if err := in.tellTeams(); err != nil {
			return err
		}
	}
	in.facts.Ack = rules.Ack{Reason: rules.ReasonNotNew, Line: 1, Ticket: rules.DispositionNormal}
	in.facts.Decision = "message " + strconv.FormatUint(in.m.Seq, 10) + " of ticket " + strconv.FormatUint(t.Number, 10)
	return in.forward()
}

// followRules applies the rules that are about mails of a ticket (`new = false`).
// They change what the ticket is; nothing is refused or acknowledged any more.
func (in *inbound) followRules(kind ticket.Kind) error {
	if kind != ticket.KindIn || in.w.rules.Len() == 0 {
		return nil
	}
	in.outcome = in.w.rules.Apply(in.ruleFacts(in.team, in.contact, in.t))
	in.facts.Rules = in.outcome.Applied
	var moves []ticket.Event
	if team := in.ruledTeam(); team != nil && team.Address != in.t.Team {
		if err := in.ruledMove(team); err != nil {
			return err
		}
	}
	if s := in.outcome.Subject; s != "" && s != in.t.Subject {
		moves = append(moves, ticket.Event{By: ticket.System, What: ticket.SubjectSet, Data: map[string]string{"subject": s}})
	}
	if err := in.events(moves); err != nil {
		return err
	}
	return in.settle(rules.RouteOut{Agent: in.assignable(in.outcome.Assign), Why: rules.RouteRule})
}

// assignable is an agent's id if a ticket may be given to that agent.
func (in *inbound) assignable(id string) string {
	if a := in.w.agents[id]; a == nil || a.Role == config.RoleObserver || id == in.t.Assignee {
		return ""
	}
	return id
}

// open makes a new ticket of the mail.
func (in *inbound) open(thread rules.ThreadOut) error {
	if in.w.rules.Len() > 0 { // else nobody looks at the facts
		in.outcome = in.w.rules.Apply(in.ruleFacts(in.team, in.contact, nil))
	}
	in.facts.Rules = in.outcome.Applied
	if in.outcome.Refuse != "" && in.mayRefuse() {
		return reply.New(550, [3]int{5, 7, 1}, in.outcome.Refuse)
	}
	if t := in.ruledTeam(); t != nil {
		in.team = t
	}
	if err := in.welcome(); err != nil {
		return err
	}
	route, err := in.route()
	if err != nil {
		return err
	}
	in.facts.Route = route
	if in.t, err = store.NewTicket(in.tx, in.w.cfg.Tickets.FirstNumber); err != nil {
		return err
	}
	in.t.Team, in.t.Language = in.team.Address, in.language()
	steps := []func() error{
		func() error { return in.begin(thread) },
		func() error { return in.keep(ticket.KindIn) },
		in.noteKnown,
		in.fillForm,
		func() error { return in.settle(route) },
		in.knownFields,
		in.acknowledge,
		in.askFields,
		in.misaddressed,
	}
	for _, step := range steps {
		if err := step(); err != nil {
			return err
		}
	}
	in.facts.Decision = "new ticket " + strconv.FormatUint(in.t.Number, 10)
	return in.dispose()
}

// dispose does what the acknowledgement table says of the mail itself: RFC 5321
// §6.3 refuses what went round too often.
func (in *inbound) dispose() error {
	switch {
	case in.facts.Ack.Ticket == rules.DispositionRefuse && in.mayRefuse():
		return reply.New(554, [3]int{5, 4, 6}, "This mail has gone round in a loop: too many Received fields")
	case in.outcome.Refuse != "":
		return in.event(ticket.Event{By: ticket.System, What: ticket.StatusChanged, Data: map[string]string{"status": string(ticket.Closed)}})
	case in.facts.Ack.Reason == rules.ReasonHopCount:
		return in.events([]ticket.Event{
			{By: ticket.System, What: ticket.LoopSeen, Data: map[string]string{"why": string(rules.ReasonHopCount)}},
			{By: ticket.System, What: ticket.StatusChanged, Data: map[string]string{"status": string(ticket.Closed)}},
		})
	}
	return in.forward()
}

// ruledTeam is the team that a rule chose, nil for none.
func (in *inbound) ruledTeam() *config.Team {
	a, err := addr.Parse(in.outcome.Team)
	if err != nil {
		return nil
	}
	return in.w.team(a)
}

func (in *inbound) language() string {
	switch {
	case in.outcome.Language != "":
		return in.outcome.Language
	case in.contact != nil && in.contact.Language != "":
		return in.contact.Language
	}
	if lang := in.guessLanguage(); lang != "" && in.w.compose.Speaks(in.team, lang) {
		return lang
	}
	return in.team.Language
}

// begin writes the first events: the request, who asks, what it points to.
func (in *inbound) begin(thread rules.ThreadOut) error {
	subject := in.facts.Subject
	if in.outcome.Subject != "" {
		subject = in.outcome.Subject
	}
	events := []ticket.Event{{By: in.sender(), What: ticket.Created, Data: map[string]string{"subject": subject}}}
	for _, n := range thread.Mentions {
		events = append(events, ticket.Event{By: ticket.System, What: ticket.Mentions, Data: numbered("number", n)})
		in.warn(compose.WarnMentions, strconv.FormatUint(n, 10))
	}
	if thread.LinkedTo != 0 {
		events = append(events, ticket.Event{By: ticket.System, What: ticket.Linked, Data: numbered("number", thread.LinkedTo)})
	}
	if why := in.doubt(); why != "" {
		events = append(events, ticket.Event{By: ticket.System, What: ticket.MarkedSuspect, Data: map[string]string{"why": why}})
		in.warn(compose.WarnSuspect, why)
	}
	if err := in.events(events); err != nil {
		return err
	}
	if err := in.tellTeams(); err != nil {
		return err
	}
	return in.requester()
}

// doubt says why the mail is suspect: what was found out, or a rule that could
// not refuse it in the session.
func (in *inbound) doubt() string {
	switch {
	case in.stranger:
		return "no known contact"
	case in.outcome.Refuse != "":
		return "refused by a rule"
	}
	return in.suspect()
}

// settle applies what rules and routing decided.
func (in *inbound) settle(route rules.RouteOut) error {
	var events []ticket.Event
	add := func(what ticket.What, data map[string]string) {
		events = append(events, ticket.Event{By: ticket.System, What: what, Data: data})
	}
	for _, name := range in.outcome.Applied {
		add(ticket.RuleApplied, map[string]string{"name": name})
	}
	if in.outcome.Category != "" {
		add(ticket.Categorised, map[string]string{"category": in.outcome.Category})
	}
	if in.outcome.Priority != "" {
		add(ticket.Prioritised, map[string]string{"priority": in.outcome.Priority})
	}
	for _, tag := range in.outcome.Tags {
		add(ticket.Tagged, map[string]string{"tag": tag})
	}
	for _, name := range slices.Sorted(maps.Keys(in.outcome.Fields)) {
		add(ticket.FieldSet, map[string]string{"name": name, "value": in.outcome.Fields[name]})
	}
	for _, who := range in.outcome.Observe {
		if a, err := addr.Parse(who); err == nil && in.w.byAddress[a.Key()] != nil {
			who = in.w.byAddress[a.Key()].ID
		}
		if in.w.agents[who] != nil {
			add(ticket.Observing, map[string]string{"agent": who})
		}
	}
	if route.Agent != "" {
		add(ticket.Assigned, map[string]string{"agent": route.Agent, "why": string(route.Why)})
	}
	if err := in.events(events); err != nil {
		return err
	}
	return in.ruledObservers()
}
