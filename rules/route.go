package rules

import (
	"fmt"
	"strings"

	"postdesk/internal/config"
)

// RouteWhy says by which step an agent was found.
type RouteWhy string

// The steps, in their order.
const (
	RouteRule        RouteWhy = "rule"
	RouteContact     RouteWhy = "contact-agent"
	RouteCompany     RouteWhy = "company-agent"
	RouteLastContact RouteWhy = "last-answered-contact"
	RouteLastCompany RouteWhy = "last-answered-company"
	RouteRoundRobin  RouteWhy = "round-robin"
	RouteLeastOpen   RouteWhy = "least-open"
	RouteNobody      RouteWhy = "nobody"
)

// AgentState is what routing knows of an agent.
type AgentState struct {
	Role config.Role
	Away bool
	Open int // tickets assigned and not solved or closed
}

// RouteIn is what decides who gets a new request. Ids that are unknown to
// Agents belong to people who left.
type RouteIn struct {
	Team         []string // ids of the team's agents, in the order of the configuration
	Agents       map[string]AgentState
	Rule         string   // assigned by a rule
	ContactAgent string   // named in the contact's record
	CompanyAgent string   // named for the contact's company
	LastContact  []string // who answered this contact for this team, the latest first
	LastCompany  []string // who answered someone of the same company; empty for freemail domains
	Method       string   // round-robin, least-open, none
	LastAssigned string   // whom the method chose last for this team
}

// RouteOut is who gets it. An empty Agent means all agents of the team.
type RouteOut struct {
	Agent    string
	Why      RouteWhy
	Sentence string // for explain
}

// Route decides who gets a new request: rule, named agent, usual agent, usual
// agent of the company, the team's method. Absent agents are skipped, observers
// never get one, and only a rule may name someone outside the team.
func Route(in RouteIn) RouteOut {
	r := router{in: &in}
	steps := []struct {
		why   RouteWhy
		names []string
	}{
		{RouteRule, []string{in.Rule}},
		{RouteContact, []string{in.ContactAgent}},
		{RouteCompany, []string{in.CompanyAgent}},
		{RouteLastContact, in.LastContact},
		{RouteLastCompany, in.LastCompany},
	}
	for _, s := range steps {
		for _, id := range s.names {
			if r.takes(id, s.why) {
				return r.found(id, s.why)
			}
		}
	}
	return r.byMethod()
}

// router collects, for the sentence, who was passed over.
type router struct {
	in      *RouteIn
	skipped []string
}

// takes says whether an agent named by a step can get the request.
func (r *router) takes(id string, why RouteWhy) bool {
	if id == "" {
		return false
	}
	state, known := r.in.Agents[id]
	switch {
	case !known:
		r.skip(id, "is not in the configuration")
	case state.Role == config.RoleObserver:
		r.skip(id, "is an observer")
	case state.Away:
		r.skip(id, "is away")
	case why != RouteRule && !r.inTeam(id):
		r.skip(id, "is not in the team")
	default:
		return true
	}
	return false
}

func (r *router) skip(id, because string) {
	s := id + " " + because
	for _, t := range r.skipped {
		if s == t {
			return
		}
	}
	r.skipped = append(r.skipped, s)
}

func (r *router) inTeam(id string) bool {
	for _, t := range r.in.Team {
		if t == id {
			return true
		}
	}
	return false
}

// byMethod is for a request that has no usual agent.
func (r *router) byMethod() RouteOut {
	ready := r.turn()
	switch {
	case len(ready) == 0 && r.in.Method != "none":
		r.skipped = append(r.skipped, "no agent of the team is there")
	case r.in.Method == "round-robin":
		return r.found(ready[0], RouteRoundRobin)
	case r.in.Method == "least-open":
		return r.found(r.leastOpen(ready), RouteLeastOpen)
	}
	return r.found("", RouteNobody)
}

// turn lists the team's agents who can get a request, beginning after the one
// who got the last.
func (r *router) turn() []string {
	start := 0
	for i, id := range r.in.Team {
		if id == r.in.LastAssigned {
			start = i + 1
		}
	}
	var ready []string
	for i := range r.in.Team {
		id := r.in.Team[(start+i)%len(r.in.Team)]
		state, known := r.in.Agents[id]
		if known && !state.Away && state.Role != config.RoleObserver {
			ready = append(ready, id)
		}
	}
	return ready
}

// leastOpen takes the agent with the fewest open tickets, and among equals the
// one whose turn it is.
func (r *router) leastOpen(ready []string) string {
	best := ready[0]
	for _, id := range ready[1:] {
		if r.in.Agents[id].Open < r.in.Agents[best].Open {
			best = id
		}
	}
	return best
}

// routeWords are the sentences of the steps; %s is the agent.
var routeWords = map[RouteWhy]string{
	RouteRule:        "a rule assigns it to %s",
	RouteContact:     "%s is the agent named for this contact",
	RouteCompany:     "%s is the agent named for this company",
	RouteLastContact: "%s answered this contact last",
	RouteLastCompany: "%s answered this company last",
	RouteRoundRobin:  "it is the turn of %s",
	RouteLeastOpen:   "%s has the fewest open tickets",
}

func (r *router) found(id string, why RouteWhy) RouteOut {
	sentence := "it is for all agents of the team"
	if id != "" {
		sentence = fmt.Sprintf(routeWords[why], id)
	}
	if len(r.skipped) > 0 {
		sentence += " (" + strings.Join(r.skipped, "; ") + ")"
	}
	return RouteOut{Agent: id, Why: why, Sentence: sentence}
}
