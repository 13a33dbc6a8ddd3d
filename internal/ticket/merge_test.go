package ticket_test

import (
	"slices"
	"testing"
	"time"

	"postdesk/internal/addr"
	"postdesk/internal/ticket"
)

func at(local string) addr.Address { return addr.Address{Local: local, Domain: "client.example"} }

// With a merge everybody keeps a number, and who was sent away stays away.
func TestAbsorbPeople(t *testing.T) {
	a, b := &ticket.Ticket{Number: 1}, &ticket.Ticket{Number: 2}
	happen(a, created(), joined(ticket.Requester, "jean"), joined(ticket.Copied, "gone"), joined(ticket.Expert, "expert"))
	happen(a, ticket.Event{What: ticket.Left, Data: map[string]string{"participant": "2"}})
	happen(b, created(), joined(ticket.Copied, "marie"), joined(ticket.Requester, "jean"), joined(ticket.Copied, "gone"), joined(ticket.Expert, "expert"))
	happen(b, ticket.Event{What: ticket.Asked, By: ticket.Actor{Kind: ticket.ByAgent, ID: "anne"}, Aside: &ticket.Aside{With: []uint64{4}}})
	happen(a, ticket.Event{What: ticket.Asked, Aside: &ticket.Aside{With: []uint64{3}}})
	a.Absorb(b)
	for from, to := range map[uint64]uint64{1: 4, 2: 1, 3: 2, 4: 3} {
		if b.MovedPeople[from] != to {
			t.Errorf("participant %d is %d now, want %d", from, b.MovedPeople[from], to)
		}
	}
	if a.Who(at("gone")) != nil || len(a.Participants) != 4 || a.Requester().Address != at("jean") {
		t.Errorf("participants: %+v", a.Participants)
	}
	if b.MovedAsides[1] != 2 || !slices.Equal(a.Asides[1].With, []uint64{3}) || a.Asides[1].ID != 2 {
		t.Errorf("asides: %+v, %v", a.Asides, b.MovedAsides)
	}
}

// The requester of a ticket that goes is in copy of the one that stays.
func TestAbsorbAnotherRequester(t *testing.T) {
	a, b := &ticket.Ticket{Number: 1}, &ticket.Ticket{Number: 2}
	happen(a, created(), joined(ticket.Requester, "jean"))
	happen(b, created(), joined(ticket.Requester, "marie"))
	if ticket.SameSide(a, b) || ticket.SameSide(b, a) {
		t.Error("strangers may be merged")
	}
	happen(b, joined(ticket.Copied, "jean"))
	if ticket.SameSide(a, b) || ticket.SameSide(b, a) {
		t.Error("who is named in Cc may be merged with who named him")
	}
	happen(a, joined(ticket.Copied, "marie"))
	if !ticket.SameSide(a, b) || !ticket.SameSide(b, a) {
		t.Error("who takes part already may not be merged")
	}
	a.Absorb(b)
	if p := a.Who(at("marie")); p == nil || p.Relation != ticket.Copied || a.Requester().Address != at("jean") {
		t.Errorf("participants: %+v", a.Participants)
	}
}

// An expert hears nothing that is meant for the customer.
func TestAnExpertIsNotOnTheSameSide(t *testing.T) {
	a, b := &ticket.Ticket{Number: 1}, &ticket.Ticket{Number: 2}
	happen(a, created(), joined(ticket.Requester, "jean"), joined(ticket.Expert, "marie"))
	happen(b, created(), joined(ticket.Requester, "marie"))
	if ticket.SameSide(a, b) {
		t.Error("an expert's own request may be merged with the customer's")
	}
}

func TestAbsorbTheRest(t *testing.T) {
	a := &ticket.Ticket{Number: 1, Tags: []string{"x"}, Fields: map[string]string{"v": "1"}, Priority: ticket.Low, Writers: []string{"anne"}, Minutes: 5, Linked: []uint64{2},
		Team: at("team"), HoldingAt: start}
	b := &ticket.Ticket{Number: 2, Tags: []string{"x", "y"}, Fields: map[string]string{"v": "2", "w": "3"}, Priority: ticket.High, Category: "c", Writers: []string{"bruno"},
		Observers: []string{"olga"}, Minutes: 7, Merged: []uint64{3}, Linked: []uint64{1, 9}, Team: at("other"), Acknowledged: true, FirstReply: start, ToldAt: start}
	a.Absorb(b)
	if !slices.Equal(a.Tags, []string{"x", "y"}) || a.Fields["v"] != "1" || a.Fields["w"] != "3" || a.Priority != ticket.High || a.Category != "c" ||
		!slices.Equal(a.Writers, []string{"anne", "bruno"}) || !slices.Equal(a.Observers, []string{"olga"}) || a.Minutes != 12 || b.Minutes != 0 {
		t.Errorf("%+v", a)
	}
	if !slices.Equal(a.Merged, []uint64{2, 3}) || !slices.Equal(a.Linked, []uint64{9}) || !slices.Equal(a.Teams, []addr.Address{at("other")}) {
		t.Errorf("merged %v, linked %v, teams %v", a.Merged, a.Linked, a.Teams)
	}
	if !a.Acknowledged || a.FirstReply != start || a.ToldAt != start || a.HoldingAt != start {
		t.Errorf("times: %+v", a)
	}
}

// What either ticket still waits for is not forgotten.
func TestTogether(t *testing.T) {
	early, late := start, start.Add(time.Hour)
	for _, c := range []struct {
		a, b, want ticket.Status
		since      time.Time
	}{
		{ticket.New, ticket.New, ticket.New, early},
		{ticket.Pending, ticket.New, ticket.Open, late},
		{ticket.Closed, ticket.New, ticket.Open, late},
		{ticket.Open, ticket.Solved, ticket.Open, early},
		{ticket.Solved, ticket.Closed, ticket.Solved, early},
		{ticket.Pending, ticket.Hold, ticket.Hold, late},
		{ticket.Open, ticket.New, ticket.Open, early},
		{ticket.New, ticket.Pending, ticket.Open, early},
	} {
		s, since := ticket.Together(&ticket.Ticket{Status: c.a, TurnSince: early}, &ticket.Ticket{Status: c.b, TurnSince: late})
		if s != c.want || since != c.since {
			t.Errorf("%s and %s: %s since %s", c.a, c.b, s, since)
		}
	}
}
