package ticket

import (
	"testing"

	"postdesk/internal/addr"
)

func TestTheRequesterChanges(t *testing.T) {
	a := func(local string) addr.Address { return addr.Address{Local: local, Domain: "client.example"} }
	tk := &Ticket{}
	for i, who := range []string{"anne", "paul"} {
		tk.Apply(&Event{What: Joined, Participant: &Participant{Relation: []Relation{Requester, Copied}[i], Address: a(who)}})
	}
	tk.Apply(&Event{What: OpenedFor}) // of a new ticket: only the history
	if tk.Requester().Address != a("anne") {
		t.Fatal("an event without a participant changed the requester")
	}
	tk.Apply(&Event{What: OpenedFor, Participant: &Participant{Address: a("jean")}, Data: map[string]string{"was": "gone"}})
	if r := tk.Requester(); r.ID != 3 || r.Address != a("jean") || tk.Who(a("anne")) != nil {
		t.Errorf("%+v", tk.Participants)
	}
	tk.Apply(&Event{What: OpenedFor, Participant: &Participant{Address: a("paul")}})
	to, cc := tk.Audience()
	if to.ID != 2 || len(cc) != 1 || cc[0].Address != a("jean") || len(tk.Participants) != 3 {
		t.Errorf("%+v", tk.Participants)
	}
}
