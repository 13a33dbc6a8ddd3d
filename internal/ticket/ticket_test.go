package ticket_test

import (
	"slices"
	"testing"
	"time"

	"postdesk/internal/addr"
	"postdesk/internal/ticket"
)

var start = time.Date(2026, 11, 21, 10, 0, 0, 0, time.UTC)

// happen applies events one minute apart.
func happen(t *ticket.Ticket, events ...ticket.Event) {
	for _, e := range events {
		e.At = start.Add(time.Duration(t.Events) * time.Minute)
		t.Apply(&e)
	}
}

func status(s ticket.Status) ticket.Event {
	return ticket.Event{What: ticket.StatusChanged, Data: map[string]string{"status": string(s)}}
}

func created() ticket.Event {
	return ticket.Event{What: ticket.Created, Data: map[string]string{"subject": "Question"}}
}

func joined(r ticket.Relation, local string) ticket.Event {
	return ticket.Event{What: ticket.Joined, Participant: &ticket.Participant{Relation: r, Address: addr.Address{Local: local, Domain: "client.example"}}}
}

func by(agent string, what ticket.What) ticket.Event {
	return ticket.Event{What: what, By: ticket.Actor{Kind: ticket.ByAgent, ID: agent}}
}

func TestWhoseTurnItIs(t *testing.T) {
	tk := &ticket.Ticket{}
	for _, step := range []struct {
		e      ticket.Event
		status ticket.Status
		turn   ticket.Turn
	}{
		{created(), ticket.New, ticket.TurnDesk},
		{ticket.Event{What: ticket.Received}, ticket.New, ticket.TurnDesk},
		{by("anne", ticket.Noted), ticket.New, ticket.TurnDesk},
		{by("anne", ticket.Replied), ticket.Pending, ticket.TurnCustomer},
		{ticket.Event{What: ticket.Automatic}, ticket.Pending, ticket.TurnCustomer},
		{ticket.Event{What: ticket.Received}, ticket.Open, ticket.TurnDesk},
		{status(ticket.Hold), ticket.Hold, ticket.TurnThird},
		{status(ticket.Solved), ticket.Solved, ticket.TurnNobody},
		{ticket.Event{What: ticket.Automatic}, ticket.Solved, ticket.TurnNobody},
		{ticket.Event{What: ticket.Received}, ticket.Open, ticket.TurnDesk},
		{status(ticket.Closed), ticket.Closed, ticket.TurnNobody},
	} {
		happen(tk, step.e)
		if tk.Status != step.status || tk.Turn() != step.turn {
			t.Errorf("after %s: %s, turn of %s; want %s, %s", step.e.What, tk.Status, tk.Turn(), step.status, step.turn)
		}
	}
	if !tk.FirstReply.Equal(start.Add(3 * time.Minute)) {
		t.Errorf("first reply at %v", tk.FirstReply)
	}
}

func TestReopeningForgetsWhenItWasSolved(t *testing.T) {
	tk := &ticket.Ticket{}
	happen(tk, created(), status(ticket.Closed))
	if tk.SolvedAt.IsZero() || tk.ClosedAt.IsZero() {
		t.Fatalf("closed: %+v", tk)
	}
	happen(tk, ticket.Event{What: ticket.Received})
	if !tk.SolvedAt.IsZero() || !tk.ClosedAt.IsZero() {
		t.Errorf("open again, and yet solved at %v, closed at %v", tk.SolvedAt, tk.ClosedAt)
	}
}

func TestAParticipantJoinsOnce(t *testing.T) {
	tk := &ticket.Ticket{}
	happen(tk, created(), joined(ticket.Requester, "jean"), joined(ticket.Copied, "paul"), joined(ticket.Copied, "JEAN"))
	if len(tk.Participants) != 2 || tk.Requester().Address.Local != "jean" || tk.Participants[1].ID != 2 {
		t.Fatalf("participants: %+v", tk.Participants)
	}
	to, cc := tk.Audience()
	if to.ID != 1 || len(cc) != 1 || cc[0].Address.Local != "paul" {
		t.Errorf("audience: %v and %v", to, cc)
	}
}

func TestWhoReadsANote(t *testing.T) {
	tk := &ticket.Ticket{}
	happen(tk, created())
	if got := tk.NoteReaders("anne", []string{"anne", "bruno", "chloe"}); !slices.Equal(got, []string{"bruno", "chloe"}) {
		t.Errorf("nobody is assigned: %v, want the team", got)
	}
	happen(tk, ticket.Event{What: ticket.Assigned, Data: map[string]string{"agent": "bruno"}},
		by("dora", ticket.Replied), ticket.Event{What: ticket.Observing, Data: map[string]string{"agent": "eric"}})
	if got := tk.NoteReaders("anne", []string{"anne", "bruno", "chloe"}); !slices.Equal(got, []string{"bruno", "dora", "eric"}) {
		t.Errorf("readers %v, want assignee, writer and observer", got)
	}
	if got := tk.NoteReaders("bruno", nil); slices.Contains(got, "bruno") {
		t.Errorf("the author reads his own note: %v", got)
	}
}
