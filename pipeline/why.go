package pipeline

import (
	"slices"
	"strings"

	"postdesk/internal/config"
	"postdesk/internal/ticket"
)

// whyFor says in one line, for X-Postdesk-Why, how a mail came to an agent: what
// the mail was decided to be, and what the agent is to it.
func (c copyOf) whyFor(w *world, agent *config.Agent) string {
	parts := []string{c.standing(w, agent)}
	if c.why != "" {
		parts = append(parts, c.why)
	}
	return strings.Join(parts, "; ")
}

// standing is what an agent is to a ticket.
func (c copyOf) standing(w *world, agent *config.Agent) string {
	team := w.teamOf(c.t)
	switch {
	case slices.Contains(c.review, agent.ID):
		return "the team has nobody who could take it, and you are a supervisor"
	case c.t.Assignee == agent.ID:
		return "you look after this ticket"
	case slices.Contains(c.t.Observers, agent.ID):
		return "you observe this ticket"
	case w.agents[c.t.Assignee] == nil && inTeam(team, agent.ID):
		return "nobody looks after this ticket yet, and you are of the team"
	case slices.Contains(c.t.Writers, agent.ID):
		return "you wrote in this ticket"
	case inTeam(team, agent.ID):
		return "you are of the team"
	}
	return "your team was written to as well"
}

// why is the decision on a mail in one line.
func (f *Facts) why() string {
	parts := []string{f.Decision}
	if f.Thread.Join {
		parts = append(parts, f.Thread.Why)
	}
	if f.Route.Sentence != "" {
		parts = append(parts, f.Route.Sentence)
	}
	if len(f.Rules) > 0 {
		parts = append(parts, "rules: "+strings.Join(f.Rules, ", "))
	}
	parts = slices.DeleteFunc(parts, func(s string) bool { return s == "" })
	return strings.Join(parts, "; ")
}

// handed says who gave a ticket to its new agent.
func handed(by ticket.Actor) string {
	if by.ID == "" {
		return "handed over by " + string(by.Kind)
	}
	return "handed over by " + by.ID
}
