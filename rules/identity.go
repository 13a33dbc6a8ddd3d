package rules

import (
	"postdesk/internal/addr"
)

// IdentityKind says who is believed to write.
type IdentityKind string

// The kinds of identity.
const (
	IdentityAgent    IdentityKind = "agent"    // believed: replies and commands count
	IdentityCustomer IdentityKind = "customer" // anyone who is neither an agent nor we
	IdentityHeld     IdentityKind = "held"     // an agent's address that is not believed: nothing goes out
	IdentityOurs     IdentityKind = "ours"     // one of our own addresses as author, from outside
	IdentityRefused  IdentityKind = "refused"  // 550: over submission, an author that is not the login's
)

// Place is where a token was found.
type Place string

// The places.
const (
	PlaceRecipient  Place = "recipient"  // an envelope recipient
	PlaceReferences Place = "references" // In-Reply-To or References
)

// Presented is a token that verified.
type Presented struct {
	Token addr.Token
	Place Place
	Agent string // id of the agent to whom it is bound; "" for a participant, and for an agent who is gone
}

// IdentityFacts are what decides who is believed.
type IdentityFacts struct {
	Login     string // agent id after AUTH
	Trusted   bool   // the peer is in trusted_networks
	Authors   int    // addresses in From; anything but one is believed by nobody
	FromAgent string // id of the agent whose address or alias the author is
	FromTeam  bool   // the author is one of our generic addresses or aliases
	TeamAgent bool   // ... of a team that Login belongs to
	FromOwn   bool   // the author is a token or bounce address of ours
	Backed    bool   // DKIM or SPF passed, aligned with From, or a trusted frontend says so
	Tokens    []Presented
}

// Identity is who is believed.
type Identity struct {
	Kind  IdentityKind
	Agent string // id: who writes (agent), or who is said to (held)
	Why   string // for explain
	// Tokens are those that still count. An agent's token in anyone else's hands
	// is inert: the mail is judged as if it had come to the team's address.
	Tokens []Presented
	Inert  int // how many did not count
	// Release is the held mail that this one answers with its one-time token.
	// The token went to the agent's registered address and to nowhere else, so it
	// releases that mail even where the answer itself is not backed.
	Release uint64
}

// Identify decides who is writing. A From header carries no authority: over
// submission the login writes; elsewhere an agent needs a token of his own and a
// backed address, or a trusted network.
func Identify(f *IdentityFacts) Identity {
	id := f.who()
	id.keepTokens(f.Tokens)
	return id
}

func (f *IdentityFacts) who() Identity {
	switch {
	case f.Login != "":
		return f.submitted()
	case f.Trusted && f.FromAgent != "" && f.Authors == 1:
		return Identity{Kind: IdentityAgent, Agent: f.FromAgent, Why: "from a trusted network"}
	case f.FromAgent != "":
		return f.claimed()
	case f.FromTeam || f.FromOwn:
		return Identity{Kind: IdentityOurs, Why: "an address of ours as author, from outside"}
	}
	return Identity{Kind: IdentityCustomer, Why: "no agent's address"}
}

// submitted is mail over AUTH: the login is who writes, RFC 6409 §6.1.
func (f *IdentityFacts) submitted() Identity {
	refuse := func(why string) Identity { return Identity{Kind: IdentityRefused, Agent: f.Login, Why: why} }
	switch {
	case f.Authors != 1:
		return refuse("From must have exactly one address")
	case f.FromAgent == f.Login:
		return Identity{Kind: IdentityAgent, Agent: f.Login, Why: "authenticated submission"}
	case f.FromAgent != "":
		return refuse("From is another agent's address")
	case f.FromTeam && f.TeamAgent:
		return Identity{Kind: IdentityAgent, Agent: f.Login, Why: "authenticated submission, in the team's name"}
	case f.FromTeam:
		return refuse("From is the address of a team that you do not belong to")
	}
	return refuse("From must be your own address or one of your team's")
}

// claimed is an agent's address in From, from anywhere: it needs a token of
// this agent and a backed address.
func (f *IdentityFacts) claimed() Identity {
	id := Identity{Kind: IdentityHeld, Agent: f.FromAgent}
	switch {
	case f.Authors != 1:
		id.Why = "an agent's address among several authors"
	case !f.hasTokenOf(f.FromAgent):
		id.Why = "no token of this agent"
	case !f.Backed:
		id.Why = "a token of this agent, but the address is not backed by DKIM or SPF"
	default:
		id.Kind, id.Why = IdentityAgent, "a token of this agent and a backed address"
	}
	return id
}

func (f *IdentityFacts) hasTokenOf(agent string) bool {
	for _, p := range f.Tokens {
		if p.Agent == agent && p.proves() {
			return true
		}
	}
	return false
}

// proves says whether a token may tell who is writing: a reply address among
// the recipients, or an id of ours that is answered. A bounce address or a loop
// header comes back by itself.
func (p Presented) proves() bool {
	switch p.Token.Kind {
	case addr.KindDesk, addr.KindTicket, addr.KindNote, addr.KindHold, addr.KindParticipant:
		return p.Place == PlaceRecipient && p.Token.Person.Agent
	case addr.KindMessage, addr.KindThread:
		return p.Place == PlaceReferences && p.Token.Person.Agent
	}
	return false
}

// keepTokens sorts out agents' tokens in other hands, and finds the held mail
// that is answered.
func (id *Identity) keepTokens(tokens []Presented) {
	for _, p := range tokens {
		if p.Token.Person.Agent && !id.owns(p) {
			id.Inert++
			continue
		}
		id.Tokens = append(id.Tokens, p)
		if p.Token.Kind == addr.KindHold && p.Place == PlaceRecipient && id.Release == 0 {
			id.Release = p.Token.Item
		}
	}
}

func (id *Identity) owns(p Presented) bool {
	return p.Agent != "" && p.Agent == id.Agent && (id.Kind == IdentityAgent || id.Kind == IdentityHeld)
}
