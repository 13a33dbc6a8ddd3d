package rules

import (
	"strings"
	"testing"

	"postdesk/internal/config"
)

// desk is a team of three agents and an observer; dora is in another team.
func desk() RouteIn {
	return RouteIn{
		Team: []string{"anne", "bruno", "carl", "olga"},
		Agents: map[string]AgentState{
			"anne":  {Role: config.RoleAgent, Open: 3},
			"bruno": {Role: config.RoleAgent, Open: 1},
			"carl":  {Role: config.RoleSupervisor, Open: 1},
			"olga":  {Role: config.RoleObserver},
			"dora":  {Role: config.RoleAgent},
		},
		Method: "none",
	}
}

func away(in *RouteIn, ids ...string) {
	for _, id := range ids {
		s := in.Agents[id]
		s.Away = true
		in.Agents[id] = s
	}
}

// TestRoute is who gets a new request, step by step.
func TestRoute(t *testing.T) {
	cases := []struct {
		name   string
		change func(*RouteIn)
		agent  string
		why    RouteWhy
		says   string
	}{
		{"nobody is usual", func(*RouteIn) {}, "", RouteNobody, "all agents"},
		{"a rule comes first", func(in *RouteIn) {
			in.Rule, in.ContactAgent, in.LastContact = "anne", "bruno", []string{"carl"}
		}, "anne", RouteRule, "a rule"},
		{"a rule may name someone outside the team", func(in *RouteIn) { in.Rule = "dora" }, "dora", RouteRule, "dora"},
		{"a rule's agent is away", func(in *RouteIn) { in.Rule = "anne"; in.ContactAgent = "bruno"; away(in, "anne") }, "bruno", RouteContact, "anne is away"},
		{"a rule names an observer", func(in *RouteIn) { in.Rule = "olga" }, "", RouteNobody, "olga is an observer"},
		{"a rule names someone who left", func(in *RouteIn) { in.Rule = "gone" }, "", RouteNobody, "gone is not in the configuration"},
		{"the contact's agent before the company's", func(in *RouteIn) { in.ContactAgent, in.CompanyAgent = "bruno", "anne" }, "bruno", RouteContact, "contact"},
		{"the company's agent before the usual one", func(in *RouteIn) { in.CompanyAgent, in.LastContact = "anne", []string{"bruno"} }, "anne", RouteCompany, "company"},
		{"a named agent outside the team is passed over", func(in *RouteIn) { in.ContactAgent = "dora" }, "", RouteNobody, "dora is not in the team"},
		{"who answered this contact last", func(in *RouteIn) { in.LastContact, in.LastCompany = []string{"carl", "anne"}, []string{"bruno"} }, "carl", RouteLastContact, "last"},
		{"... is away: the one before", func(in *RouteIn) { in.LastContact = []string{"carl", "anne"}; away(in, "carl") }, "anne", RouteLastContact, "carl is away"},
		{"who answered the company last", func(in *RouteIn) { in.LastCompany = []string{"bruno"} }, "bruno", RouteLastCompany, "company"},
		{"round-robin begins with the first", func(in *RouteIn) { in.Method = "round-robin" }, "anne", RouteRoundRobin, "turn"},
		{"round-robin goes on", func(in *RouteIn) { in.Method, in.LastAssigned = "round-robin", "anne" }, "bruno", RouteRoundRobin, ""},
		{"round-robin leaves the observer out and begins again", func(in *RouteIn) { in.Method, in.LastAssigned = "round-robin", "carl" }, "anne", RouteRoundRobin, ""},
		{"round-robin after someone who left", func(in *RouteIn) { in.Method, in.LastAssigned = "round-robin", "gone" }, "anne", RouteRoundRobin, ""},
		{"round-robin skips the absent", func(in *RouteIn) { in.Method, in.LastAssigned = "round-robin", "anne"; away(in, "bruno") }, "carl", RouteRoundRobin, ""},
		{"least-open", func(in *RouteIn) { in.Method = "least-open" }, "bruno", RouteLeastOpen, "fewest"},
		{"least-open, among equals by turn", func(in *RouteIn) { in.Method, in.LastAssigned = "least-open", "bruno" }, "carl", RouteLeastOpen, ""},
		{"all are away", func(in *RouteIn) { in.Method = "round-robin"; away(in, "anne", "bruno", "carl") }, "", RouteNobody, "no agent of the team"},
		{"a usual agent although the method is none", func(in *RouteIn) { in.LastContact = []string{"bruno"} }, "bruno", RouteLastContact, ""},
		{"a team without agents", func(in *RouteIn) { in.Team = nil; in.Method = "least-open" }, "", RouteNobody, ""},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			in := desk()
			c.change(&in)
			out := Route(in)
			if out.Agent != c.agent || out.Why != c.why || !strings.Contains(out.Sentence, c.says) {
				t.Errorf("%+v, want %q by %s", out, c.agent, c.why)
			}
		})
	}
}

func TestRoundRobinIsFair(t *testing.T) {
	in := desk()
	in.Method = "round-robin"
	got := map[string]int{}
	for range 30 {
		in.LastAssigned = Route(in).Agent
		got[in.LastAssigned]++
	}
	if got["anne"] != 10 || got["bruno"] != 10 || got["carl"] != 10 {
		t.Error(got)
	}
}

func TestCompany(t *testing.T) {
	for domain, want := range map[string]string{
		"client.example": "client.example", "mail.client.example": "client.example", "gmail.com": "", "orange.fr": "", "": "",
	} {
		if got := Company(domain); got != want {
			t.Errorf("%s: %q", domain, got)
		}
	}
	if CapDomain("gmail.com") != CapDomain("orange.fr") || CapDomain("a.client.example") != "client.example" {
		t.Error("freemail domains are one domain, others are not")
	}
}
