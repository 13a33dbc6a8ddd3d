package rules

import (
	"fmt"
	"slices"
	"time"

	"postdesk/internal/addr"
)

// Strength is how a mail points to a ticket, the strongest first.
type Strength int

// The strengths.
const (
	ByAddress  Strength = 1 // a token address among the envelope recipients
	ByMintedID Strength = 2 // a Message-ID that we minted, in In-Reply-To or References
	ByHeldID   Strength = 3 // a Message-ID of a mail that the ticket holds
	ByTag      Strength = 4 // a tag in the subject
)

// Evidence points to one ticket. Only evidence that verified is passed in: a
// token that is broken, of another key or inert is none.
type Evidence struct {
	Strength Strength
	Ticket   uint64
	Token    addr.Token // of strengths 1 and 2
	Aside    bool       // of an aside, or from someone who is in one: such a mail opens nothing again
}

// TicketState is what threading knows of a ticket.
type TicketState struct {
	Solved, Closed bool
	ClosedAt       time.Time // when Closed
	MergedInto     uint64    // 0: not merged
	Participant    bool      // the sender's address is that of a participant, or of an agent who may see the ticket
	Dismissed      bool      // the sender was a participant and was sent away
}

// ThreadIn is what decides which ticket a mail belongs to.
type ThreadIn struct {
	Evidence  []Evidence // in the order of the mail: recipients, In-Reply-To, References from the last
	Ticket    func(uint64) (TicketState, bool)
	Backed    bool          // the sender's address is backed, or the sender is a believed agent
	Agent     bool          // a believed agent, or one whose mail is held
	Explicit  bool          // the agent's commands say what is meant with a closed ticket (#reopen)
	Automatic bool          // automatic mail changes no status
	Now       time.Time     //
	Reopen    time.Duration // how long a closed ticket can be opened again
}

// ThreadOut is where a mail belongs. Without Join it is a new request.
type ThreadOut struct {
	Join     bool
	Ticket   uint64   // the ticket that it joins
	By       Evidence // what decided
	Reopen   bool     // the ticket was solved or closed and is opened again
	LinkedTo uint64   // the new ticket follows this one, closed for too long
	Mentions []uint64 // tickets that exist and are named without proof
	Visitor  bool     // the sender is no participant
	Unproven bool     // the sender's address is a participant's, but not backed
	Hold     bool     // an agent's mail: ask which ticket is meant
	Why      string   // for explain
}

// maxMerges bounds a chain of merged tickets.
const maxMerges = 32

// Thread chooses among the evidence, the strongest first, and among equals the
// first. Tokens join the mail; a known Message-ID or a number joins it only when the
// sender is a participant whose address is backed. A number alone joins nothing
// and does not show that the ticket exists.
func Thread(in ThreadIn) ThreadOut {
	list := slices.Clone(in.Evidence)
	list = slices.DeleteFunc(list, noTicketAddress)
	slices.SortStableFunc(list, func(a, b Evidence) int { return int(a.Strength) - int(b.Strength) })
	var out ThreadOut
	for _, e := range list {
		number, state, ok := in.resolve(e.Ticket)
		switch {
		case !ok:
			continue
		case out.By.Ticket != 0:
			out.mention(number)
		case in.proves(e, state):
			out.take(e, number, state, &in)
		default:
			out.mention(number)
		}
	}
	out.finish(&in)
	return out
}

// noTicketAddress is a token address that stands for no ticket: a desk address,
// or that of a notice about a held mail, which is answered in its own way.
func noTicketAddress(e Evidence) bool {
	return e.Strength == ByAddress && (e.Token.Kind == addr.KindDesk || e.Token.Kind == addr.KindHold)
}

// resolve follows merges to the ticket that is left.
func (in *ThreadIn) resolve(number uint64) (uint64, TicketState, bool) {
	takesPart := false
	for range maxMerges {
		state, ok := in.Ticket(number)
		if !ok {
			return 0, state, false
		}
		// Who took part in a merged ticket takes part in the one that is left.
		takesPart = takesPart || state.Participant
		if state.MergedInto == 0 {
			state.Participant = takesPart && !state.Dismissed
			return number, state, true
		}
		number = state.MergedInto
	}
	return 0, TicketState{}, false
}

// proves says whether the evidence is enough to join.
func (in *ThreadIn) proves(e Evidence, s TicketState) bool {
	switch e.Strength {
	case ByAddress, ByMintedID:
		return true
	case ByHeldID, ByTag:
		return s.Participant && in.Backed
	}
	return false
}

func (out *ThreadOut) mention(number uint64) {
	if !slices.Contains(out.Mentions, number) {
		out.Mentions = append(out.Mentions, number)
	}
}

// take makes the evidence the one that decides.
func (out *ThreadOut) take(e Evidence, number uint64, s TicketState, in *ThreadIn) {
	out.By = e
	out.Ticket, out.Join = number, true
	out.Visitor = !s.Participant && !in.Agent
	out.Unproven = s.Participant && !in.Backed
	out.Why = fmt.Sprintf("ticket %d: %s", number, strengthWords[e.Strength])
	switch {
	case in.Automatic: // nor does anyone have to answer a question about it
		out.Why += "; automatic mail changes no status"
	case in.Agent:
		out.askAgent(e, number, s, in)
	case e.Aside: // an expert's late answer is no word of the customer
	case s.Solved && !s.Closed:
		out.Reopen = true
	case s.Closed && in.Now.Sub(s.ClosedAt) < in.Reopen:
		out.Reopen = true
	case s.Closed:
		out.Join, out.Ticket, out.LinkedTo = false, 0, number
		out.Visitor, out.Unproven = false, false
		out.Why += ", closed for too long: a new one follows it"
	}
}

// askAgent holds what an agent's mail client may have done by itself: it
// remembers our token addresses and offers them months later for a new mail.
func (out *ThreadOut) askAgent(e Evidence, number uint64, s TicketState, in *ThreadIn) {
	switch {
	case s.Closed && !in.Explicit && !e.Aside:
		out.hold("the ticket is closed")
	case e.Strength == ByAddress && !in.answers(number):
		out.hold("a ticket's address, but no answer to one of its mails")
	}
}

func (out *ThreadOut) hold(why string) {
	out.Hold, out.Join = true, false
	out.Why += "; held: " + why
}

// answers says whether In-Reply-To or References name a mail of the ticket.
func (in *ThreadIn) answers(number uint64) bool {
	for _, e := range in.Evidence {
		if e.Strength != ByMintedID && e.Strength != ByHeldID {
			continue
		}
		if n, _, ok := in.resolve(e.Ticket); ok && n == number {
			return true
		}
	}
	return false
}

// finish leaves the ticket itself out of what is mentioned.
func (out *ThreadOut) finish(in *ThreadIn) {
	out.Mentions = slices.DeleteFunc(out.Mentions, func(n uint64) bool { return n == out.Ticket || n == out.LinkedTo })
	if len(out.Mentions) == 0 {
		out.Mentions = nil
	}
	switch {
	case out.Why != "":
	case len(out.Mentions) > 0:
		out.Why = "a new request that names a ticket without proof"
	default:
		out.Why = "a new request"
	}
}

var strengthWords = map[Strength]string{
	ByAddress:  "a token address among the recipients",
	ByMintedID: "the answer to a mail that we wrote",
	ByHeldID:   "the answer to a mail of the ticket, by a participant",
	ByTag:      "its number in the subject, by a participant",
}
