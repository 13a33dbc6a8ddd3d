package pipeline

import (
	"time"

	"postdesk/internal/addr"
	"postdesk/internal/config"
	"postdesk/internal/ticket"
	"postdesk/rules"
	"postdesk/store"
)

// route chooses who gets a new request.
func (in *inbound) route() (rules.RouteOut, error) {
	return in.w.route(in.tx, in.team, in.author.Address, in.contact, in.outcome.Assign, in.at)
}

// routeAgain chooses who of a team gets a ticket that is there already, as if its
// requester had just asked. assign is whom a rule names, "" for nobody.
func (w *world) routeAgain(tx store.Tx, t *ticket.Ticket, team *config.Team, assign string, now time.Time) (rules.RouteOut, error) {
	r := t.Requester()
	if r == nil {
		return w.route(tx, team, addr.Address{}, nil, assign, now)
	}
	c, err := contactOf(tx, r.Address)
	if err != nil {
		return rules.RouteOut{}, err
	}
	return w.route(tx, team, r.Address, c, assign, now)
}

// route applies the order of routing, and remembers whose turn it was.
func (w *world) route(tx store.Tx, team *config.Team, who addr.Address, c *store.Contact, assign string, now time.Time) (rules.RouteOut, error) {
	facts, err := w.routeIn(tx, team, who, c, assign, now)
	if err != nil {
		return rules.RouteOut{}, err
	}
	route := rules.Route(facts)
	if route.Why == rules.RouteRoundRobin || route.Why == rules.RouteLeastOpen {
		err = store.SetLastByTurn(tx, team.Address, route.Agent)
	}
	return route, err
}

// routeIn gathers what decides who of a team gets the request of a customer.
func (w *world) routeIn(tx store.ReadTx, team *config.Team, who addr.Address, c *store.Contact, assign string, now time.Time) (rules.RouteIn, error) {
	in := rules.RouteIn{Team: team.Agents, Agents: map[string]rules.AgentState{}, Rule: assign, Method: team.Assign}
	away, err := absentees(tx, now)
	if err != nil {
		return in, err
	}
	for id, a := range w.agents {
		open := 0
		if team.Assign == "least-open" && inTeam(team, id) {
			if open, err = store.CountInHand(tx, id); err != nil {
				return in, err
			}
		}
		_, gone := away[id]
		in.Agents[id] = rules.AgentState{Role: a.Role, Open: open, Away: gone}
	}
	if in.LastAssigned, err = store.LastByTurn(tx, team.Address); err != nil {
		return in, err
	}
	return in, usual(tx, team, who, c, &in)
}

// usual adds who looks after this contact, and after this company.
func usual(tx store.ReadTx, team *config.Team, who addr.Address, c *store.Contact, in *rules.RouteIn) error {
	if c != nil {
		in.ContactAgent = c.Agent
	}
	if who.IsZero() {
		return nil
	}
	var err error
	if in.LastContact, err = store.UsualFor(tx, team.Address, who.Key()); err != nil {
		return err
	}
	company := rules.Company(who.Domain)
	if company == "" {
		return nil
	}
	if in.LastCompany, err = store.UsualFor(tx, team.Address, "@"+company); err != nil {
		return err
	}
	in.CompanyAgent, err = store.CompanyAgent(tx, company)
	return err
}
