package rules

import (
	"testing"

	"postdesk/internal/addr"
)

func agentToken(kind addr.Kind, agent string, place Place) Presented {
	return Presented{
		Token: addr.Token{Kind: kind, Ticket: 7, Item: 3, Person: addr.Person{Agent: true, N: 1}},
		Place: place, Agent: agent,
	}
}

func customerToken(kind addr.Kind, place Place) Presented {
	return Presented{Token: addr.Token{Kind: kind, Ticket: 7, Person: addr.Person{N: 1}}, Place: place}
}

// TestIdentify is who is believed, by how the mail came.
func TestIdentify(t *testing.T) {
	annes := agentToken(addr.KindTicket, "anne", PlaceRecipient)
	tokens := func(list ...Presented) []Presented { return list }
	cases := []struct {
		name  string
		facts IdentityFacts
		kind  IdentityKind
		agent string
	}{
		{"a customer", IdentityFacts{Authors: 1, Backed: true}, IdentityCustomer, ""},

		{"anne submits as herself", IdentityFacts{Login: "anne", Authors: 1, FromAgent: "anne"}, IdentityAgent, "anne"},
		{"anne submits as her team", IdentityFacts{Login: "anne", Authors: 1, FromTeam: true, TeamAgent: true}, IdentityAgent, "anne"},
		{"anne submits as another team", IdentityFacts{Login: "anne", Authors: 1, FromTeam: true}, IdentityRefused, "anne"},
		{"anne submits as bruno", IdentityFacts{Login: "anne", Authors: 1, FromAgent: "bruno"}, IdentityRefused, "anne"},
		{"anne submits as bruno, with his token", IdentityFacts{Login: "anne", Authors: 1, FromAgent: "bruno", Backed: true,
			Tokens: tokens(agentToken(addr.KindTicket, "bruno", PlaceRecipient))}, IdentityRefused, "anne"},
		{"anne submits as her private self", IdentityFacts{Login: "anne", Authors: 1}, IdentityRefused, "anne"},
		{"anne submits as a token address", IdentityFacts{Login: "anne", Authors: 1, FromOwn: true}, IdentityRefused, "anne"},
		{"anne submits with two authors", IdentityFacts{Login: "anne", Authors: 2, FromAgent: "anne"}, IdentityRefused, "anne"},
		{"anne submits without author", IdentityFacts{Login: "anne"}, IdentityRefused, "anne"},

		{"from a trusted network", IdentityFacts{Trusted: true, Authors: 1, FromAgent: "anne"}, IdentityAgent, "anne"},
		{"a customer from a trusted network", IdentityFacts{Trusted: true, Authors: 1}, IdentityCustomer, ""},
		{"two authors from a trusted network", IdentityFacts{Trusted: true, Authors: 2, FromAgent: "anne"}, IdentityHeld, "anne"},

		{"her token and DKIM", IdentityFacts{Authors: 1, FromAgent: "anne", Backed: true, Tokens: tokens(annes)}, IdentityAgent, "anne"},
		{"her token in References", IdentityFacts{Authors: 1, FromAgent: "anne", Backed: true,
			Tokens: tokens(agentToken(addr.KindMessage, "anne", PlaceReferences))}, IdentityAgent, "anne"},
		{"her desk address", IdentityFacts{Authors: 1, FromAgent: "anne", Backed: true,
			Tokens: tokens(agentToken(addr.KindDesk, "anne", PlaceRecipient))}, IdentityAgent, "anne"},
		{"her token, nothing passes", IdentityFacts{Authors: 1, FromAgent: "anne", Tokens: tokens(annes)}, IdentityHeld, "anne"},
		{"DKIM, no token", IdentityFacts{Authors: 1, FromAgent: "anne", Backed: true}, IdentityHeld, "anne"},
		{"bruno's token in anne's name", IdentityFacts{Authors: 1, FromAgent: "anne", Backed: true,
			Tokens: tokens(agentToken(addr.KindTicket, "bruno", PlaceRecipient))}, IdentityHeld, "anne"},
		{"a customer's token in anne's name", IdentityFacts{Authors: 1, FromAgent: "anne", Backed: true,
			Tokens: tokens(customerToken(addr.KindMessage, PlaceReferences))}, IdentityHeld, "anne"},
		{"a bounce address proves nothing", IdentityFacts{Authors: 1, FromAgent: "anne", Backed: true,
			Tokens: tokens(agentToken(addr.KindBounce, "anne", PlaceRecipient))}, IdentityHeld, "anne"},
		{"a loop header's token proves nothing", IdentityFacts{Authors: 1, FromAgent: "anne", Backed: true,
			Tokens: tokens(agentToken(addr.KindLoop, "anne", PlaceReferences))}, IdentityHeld, "anne"},
		{"a reply address pasted into References", IdentityFacts{Authors: 1, FromAgent: "anne", Backed: true,
			Tokens: tokens(agentToken(addr.KindTicket, "anne", PlaceReferences))}, IdentityHeld, "anne"},
		{"anne and a stranger as authors", IdentityFacts{Authors: 2, FromAgent: "anne", Backed: true, Tokens: tokens(annes)}, IdentityHeld, "anne"},
		{"anne's token, forwarded to a customer", IdentityFacts{Authors: 1, Backed: true, Tokens: tokens(annes)}, IdentityCustomer, ""},
		{"the token of an agent who left", IdentityFacts{Authors: 1, Backed: true,
			Tokens: tokens(agentToken(addr.KindTicket, "", PlaceRecipient))}, IdentityCustomer, ""},

		{"our generic address from outside", IdentityFacts{Authors: 1, FromTeam: true, Backed: true}, IdentityOurs, ""},
		{"a token address from outside", IdentityFacts{Authors: 1, FromOwn: true}, IdentityOurs, ""},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			id := Identify(&c.facts)
			if id.Kind != c.kind || id.Agent != c.agent || id.Why == "" {
				t.Errorf("%+v, want %s %s", id, c.kind, c.agent)
			}
		})
	}
}

// TestAgentsTokenIsInertInOtherHands: it is no evidence either.
func TestAgentsTokenIsInertInOtherHands(t *testing.T) {
	annes := agentToken(addr.KindTicket, "anne", PlaceRecipient)
	own := customerToken(addr.KindMessage, PlaceReferences)
	gone := agentToken(addr.KindTicket, "", PlaceRecipient)
	for _, c := range []struct {
		name  string
		facts IdentityFacts
		left  int
	}{
		{"a customer", IdentityFacts{Authors: 1, Backed: true}, 1},
		{"another agent", IdentityFacts{Authors: 1, Login: "bruno", FromAgent: "bruno"}, 1},
		{"anne", IdentityFacts{Authors: 1, Backed: true, FromAgent: "anne"}, 2},
		{"anne, not backed: held, and the ticket is known", IdentityFacts{Authors: 1, FromAgent: "anne"}, 2},
	} {
		c.facts.Tokens = []Presented{annes, own, gone}
		if id := Identify(&c.facts); len(id.Tokens) != c.left || id.Inert != 3-c.left {
			t.Errorf("%s: %+v", c.name, id)
		}
	}
}

// TestAnswerToANoticeReleases: the one-time token went to the agent's registered
// address only. It releases the held mail, and makes nobody believed.
func TestAnswerToANoticeReleases(t *testing.T) {
	notice := agentToken(addr.KindHold, "anne", PlaceRecipient)
	id := Identify(&IdentityFacts{Authors: 1, FromAgent: "anne", Tokens: []Presented{notice}})
	if id.Release != 3 || id.Kind != IdentityHeld {
		t.Errorf("anne, not backed: %+v", id)
	}
	id = Identify(&IdentityFacts{Authors: 1, FromAgent: "anne", Backed: true, Tokens: []Presented{notice}})
	if id.Release != 3 || id.Kind != IdentityAgent {
		t.Errorf("anne, backed: %+v", id)
	}
	for _, from := range []string{"", "bruno"} {
		if id = Identify(&IdentityFacts{Authors: 1, FromAgent: from, Backed: true, Tokens: []Presented{notice}}); id.Release != 0 {
			t.Errorf("%q released it: %+v", from, id)
		}
	}
}

// TestOnlyTokenAndBackingMakeAnAgent: outside submission and trusted networks no
// combination acts for an agent without both.
func TestOnlyTokenAndBackingMakeAnAgent(t *testing.T) {
	kinds := []addr.Kind{0, addr.KindDesk, addr.KindTicket, addr.KindNote, addr.KindHold, addr.KindBounce,
		addr.KindMessage, addr.KindThread, addr.KindLoop, addr.KindParticipant}
	for _, kind := range kinds {
		for _, owner := range []string{"", "anne", "bruno"} {
			for _, place := range []Place{PlaceRecipient, PlaceReferences} {
				for _, backed := range []bool{false, true} {
					f := IdentityFacts{Authors: 1, FromAgent: "anne", Backed: backed, Tokens: []Presented{agentToken(kind, owner, place)}}
					if id := Identify(&f); id.Kind == IdentityAgent && !(owner == "anne" && backed) {
						t.Errorf("kind %d of %q, %s, backed %v: %+v", kind, owner, place, backed, id)
					}
				}
			}
		}
	}
}
