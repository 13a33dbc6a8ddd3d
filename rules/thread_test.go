package rules

import (
	"reflect"
	"testing"
	"time"

	"postdesk/internal/addr"
)

// The tickets of these tests: 100 is the one that is meant, 200 another, 300 is
// what 100 was merged into.
const (
	meant  = uint64(100)
	other  = uint64(200)
	merged = uint64(300)
)

type sender struct {
	name                string
	participant, backed bool
}

// threadCase is one cell of the matrix: who writes, what the mail bears, how
// the ticket stands.
type threadCase struct {
	sender sender
	token  string
	state  string
}

func (c threadCase) in() ThreadIn {
	states := map[uint64]TicketState{
		meant:  {Participant: c.sender.participant},
		other:  {},
		merged: {},
	}
	s := states[meant]
	switch c.state {
	case "solved":
		s.Solved = true
	case "closed":
		s.Closed, s.ClosedAt = true, noon.AddDate(0, 0, -10)
	case "closed long ago":
		s.Closed, s.ClosedAt = true, noon.AddDate(0, 0, -40)
	case "merged":
		s.MergedInto = merged
	}
	states[meant] = s
	in := ThreadIn{
		Backed: c.sender.backed, Now: noon, Reopen: 30 * 24 * time.Hour,
		Ticket: func(n uint64) (TicketState, bool) { t, ok := states[n]; return t, ok },
	}
	switch c.token {
	case "address":
		in.Evidence = []Evidence{{Strength: ByAddress, Ticket: meant, Token: addr.Token{Kind: addr.KindParticipant, Ticket: meant}}}
	case "our Message-ID":
		in.Evidence = []Evidence{{Strength: ByMintedID, Ticket: meant}}
	case "References":
		in.Evidence = []Evidence{{Strength: ByHeldID, Ticket: meant}}
	case "number":
		in.Evidence = []Evidence{{Strength: ByTag, Ticket: meant}}
	case "number of no ticket":
		in.Evidence = []Evidence{{Strength: ByTag, Ticket: 9999}}
	case "token of another ticket, our number":
		in.Evidence = []Evidence{{Strength: ByTag, Ticket: meant}, {Strength: ByMintedID, Ticket: other}}
	case "none", "truncated token": // what does not verify is no evidence
	}
	return in
}

// words says what was decided in the words of the table below.
func (o ThreadOut) words() string {
	s := "new"
	switch {
	case o.Join && o.Ticket == meant:
		s = "joins"
	case o.Join && o.Ticket == other:
		s = "joins the other"
	case o.Join && o.Ticket == merged:
		s = "joins the merged"
	case o.LinkedTo != 0:
		s = "new, follows"
	}
	if o.Reopen {
		s += ", reopens"
	}
	if len(o.Mentions) > 0 {
		s += ", mentions"
	}
	if o.Visitor {
		s += ", visitor"
	}
	if o.Unproven {
		s += ", unproven"
	}
	return s
}

// TestWhichTicket is the whole matrix: sender, token and state.
func TestWhichTicket(t *testing.T) {
	senders := []sender{
		{"participant", true, true},
		{"stranger", false, true},
		{"forged participant", true, false},
	}
	states := []string{"open", "solved", "closed", "closed long ago", "merged"}
	table := map[string][3][5]string{
		//                       open      solved    closed    closed long ago    merged
		"none":                {{"new", "new", "new", "new", "new"}, {"new", "new", "new", "new", "new"}, {"new", "new", "new", "new", "new"}},
		"truncated token":     {{"new", "new", "new", "new", "new"}, {"new", "new", "new", "new", "new"}, {"new", "new", "new", "new", "new"}},
		"number of no ticket": {{"new", "new", "new", "new", "new"}, {"new", "new", "new", "new", "new"}, {"new", "new", "new", "new", "new"}},
		"number": {
			{"joins", "joins, reopens", "joins, reopens", "new, follows", "joins the merged"},
			{"new, mentions", "new, mentions", "new, mentions", "new, mentions", "new, mentions"},
			{"new, mentions", "new, mentions", "new, mentions", "new, mentions", "new, mentions"},
		},
		"References": {
			{"joins", "joins, reopens", "joins, reopens", "new, follows", "joins the merged"},
			{"new, mentions", "new, mentions", "new, mentions", "new, mentions", "new, mentions"},
			{"new, mentions", "new, mentions", "new, mentions", "new, mentions", "new, mentions"},
		},
		"our Message-ID": {
			{"joins", "joins, reopens", "joins, reopens", "new, follows", "joins the merged"},
			{"joins, visitor", "joins, reopens, visitor", "joins, reopens, visitor", "new, follows", "joins the merged, visitor"},
			{"joins, unproven", "joins, reopens, unproven", "joins, reopens, unproven", "new, follows", "joins the merged, unproven"},
		},
		"address": {
			{"joins", "joins, reopens", "joins, reopens", "new, follows", "joins the merged"},
			{"joins, visitor", "joins, reopens, visitor", "joins, reopens, visitor", "new, follows", "joins the merged, visitor"},
			{"joins, unproven", "joins, reopens, unproven", "joins, reopens, unproven", "new, follows", "joins the merged, unproven"},
		},
		"token of another ticket, our number": {
			{"joins the other, mentions, visitor", "joins the other, mentions, visitor", "joins the other, mentions, visitor", "joins the other, mentions, visitor", "joins the other, mentions, visitor"},
			{"joins the other, mentions, visitor", "joins the other, mentions, visitor", "joins the other, mentions, visitor", "joins the other, mentions, visitor", "joins the other, mentions, visitor"},
			{"joins the other, mentions, visitor", "joins the other, mentions, visitor", "joins the other, mentions, visitor", "joins the other, mentions, visitor", "joins the other, mentions, visitor"},
		},
	}
	for token, rows := range table {
		for i, who := range senders {
			for j, state := range states {
				c := threadCase{sender: who, token: token, state: state}
				if got := Thread(c.in()).words(); got != rows[i][j] {
					t.Errorf("%s, %s, %s: %q, want %q", who.name, token, state, got, rows[i][j])
				}
			}
		}
	}
}

func TestAutomaticMailChangesNoStatus(t *testing.T) {
	for _, state := range []string{"solved", "closed", "closed long ago"} {
		in := threadCase{sender{"", true, true}, "our Message-ID", state}.in()
		in.Automatic = true
		if out := Thread(in); !out.Join || out.Reopen || out.LinkedTo != 0 {
			t.Errorf("%s: %+v", state, out)
		}
	}
}

// TestAgentsRememberedAddress: a mail client offers our token addresses months
// later ("Jean Client").
func TestAgentsRememberedAddress(t *testing.T) {
	reply := Evidence{Strength: ByAddress, Ticket: meant, Token: addr.Token{Kind: addr.KindTicket, Ticket: meant}}
	cases := []struct {
		name     string
		evidence []Evidence
		state    string
		change   func(*ThreadIn)
		join     bool
		hold     bool
	}{
		{"presses Reply", []Evidence{reply, {Strength: ByMintedID, Ticket: meant}}, "open", nil, true, false},
		{"presses Reply, only the customer's id is left", []Evidence{reply, {Strength: ByHeldID, Ticket: meant}}, "open", nil, true, false},
		{"picks the address for a new mail", []Evidence{reply}, "open", nil, false, true},
		{"picks it, and answers another ticket", []Evidence{reply, {Strength: ByMintedID, Ticket: other}}, "open", nil, false, true},
		{"picks it, and types the number", []Evidence{reply, {Strength: ByTag, Ticket: meant}}, "open", nil, false, true},
		{"answers in a closed ticket", []Evidence{reply, {Strength: ByMintedID, Ticket: meant}}, "closed", nil, false, true},
		{"answers to the generic address in a closed ticket", []Evidence{{Strength: ByMintedID, Ticket: meant}}, "closed", nil, false, true},
		{"#reopen in a closed ticket", []Evidence{reply, {Strength: ByMintedID, Ticket: meant}}, "closed", func(in *ThreadIn) { in.Explicit = true }, true, false},
		{"answers in a solved ticket", []Evidence{reply, {Strength: ByMintedID, Ticket: meant}}, "solved", nil, true, false},
		{"answers in a merged ticket", []Evidence{reply, {Strength: ByMintedID, Ticket: merged}}, "merged", nil, true, false},
		{"is out of office", []Evidence{reply}, "open", func(in *ThreadIn) { in.Automatic = true }, true, false},
		{"writes to the desk address", []Evidence{{Strength: ByAddress, Ticket: meant, Token: addr.Token{Kind: addr.KindDesk}}}, "open", nil, false, false},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			in := threadCase{sender{"", true, true}, "none", c.state}.in()
			in.Agent, in.Evidence = true, c.evidence
			if c.change != nil {
				c.change(&in)
			}
			out := Thread(in)
			if out.Join != c.join || out.Hold != c.hold || out.Visitor || out.Reopen || out.Why == "" {
				t.Errorf("%+v", out)
			}
			if out.Hold && out.Ticket == 0 {
				t.Error("the notice can't say which ticket the address stands for")
			}
		})
	}
}

func TestStrongestEvidenceFirst(t *testing.T) {
	in := threadCase{sender{"", true, true}, "none", "open"}.in()
	in.Evidence = []Evidence{
		{Strength: ByTag, Ticket: merged}, {Strength: ByHeldID, Ticket: meant}, {Strength: ByAddress, Ticket: other}, {Strength: ByAddress, Ticket: meant},
	}
	out := Thread(in)
	if out.Ticket != other || !reflect.DeepEqual(out.Mentions, []uint64{meant, merged}) {
		t.Errorf("%+v", out)
	}
	if in.Evidence[0].Strength != ByTag {
		t.Error("the caller's evidence was sorted")
	}
}

func TestMergedInACircle(t *testing.T) {
	in := ThreadIn{
		Evidence: []Evidence{{Strength: ByMintedID, Ticket: 1}},
		Ticket:   func(n uint64) (TicketState, bool) { return TicketState{MergedInto: 3 - n}, true },
	}
	if out := Thread(in); out.Join || out.Ticket != 0 {
		t.Errorf("%+v", out)
	}
}

func TestTicketThatIsGone(t *testing.T) {
	in := ThreadIn{
		Evidence: []Evidence{{Strength: ByAddress, Ticket: 1}, {Strength: ByTag, Ticket: 1}},
		Ticket:   func(uint64) (TicketState, bool) { return TicketState{}, false },
	}
	if out := Thread(in); out.Join || out.Mentions != nil || out.Why != "a new request" {
		t.Errorf("%+v", out)
	}
}
