package rules

import "testing"

func TestGestures(t *testing.T) {
	for _, c := range []struct {
		what string
		f    GestureFacts
		want Gesture
	}{
		{"reply to the token address", GestureFacts{Submission: true, Address: true, Joined: true, Proven: true}, GestureNone},
		{"an agent's own request", GestureFacts{Team: true}, GestureNone},
		{"reply all with a new person", GestureFacts{Submission: true, Address: true, Joined: true, Proven: true, Outside: 1}, GestureReply},
		{"reply to the team, with a new person", GestureFacts{Submission: true, Team: true, Joined: true, Proven: true, Outside: 1}, GestureReply},
		{"reply to the customer's own address", GestureFacts{Submission: true, Joined: true, Proven: true, Outside: 1, Known: 1}, GestureReply},
		{"customer and expert in one forward", GestureFacts{Submission: true, Joined: true, Proven: true, Forward: true, Outside: 2, Known: 1}, GestureReply},
		{"forward to an expert", GestureFacts{Submission: true, Joined: true, Proven: true, Forward: true, Outside: 1}, GestureAside},
		{"forward to an expert, the desk in Cc", GestureFacts{Submission: true, Team: true, Joined: true, Proven: true, Forward: true, Outside: 1}, GestureAside},
		{"reply, with the recipient changed", GestureFacts{Submission: true, Joined: true, Proven: true, Outside: 1}, GestureAside},
		{"an answer in an aside, with a new person", GestureFacts{Submission: true, Thread: true, Joined: true, Proven: true, Outside: 1}, GestureAside},
		{"forward to a colleague", GestureFacts{Submission: true, Joined: true, Proven: true, Forward: true, Colleagues: 1}, GestureColleague},
		{"reply with a colleague in Cc", GestureFacts{Submission: true, Address: true, Joined: true, Proven: true, Colleagues: 1}, GestureReply},
		{"new mail from the team's address", GestureFacts{Submission: true, FromTeam: true, Outside: 2, Team: true}, GestureWrite},
		{"forward of a strange mail from the team's address", GestureFacts{Submission: true, FromTeam: true, Outside: 1, Forward: true}, GestureWrite},
		{"private mail", GestureFacts{Submission: true, Outside: 1}, GestureRefused},
		{"private mail, the desk in Cc", GestureFacts{Submission: true, Outside: 1, Team: true}, GestureRefused},
		{"private mail to a colleague", GestureFacts{Submission: true, Colleagues: 1, FromTeam: true}, GestureRefused},
		{"outside without a login", GestureFacts{FromTeam: true, Outside: 1, Joined: true, Proven: true}, GestureRefused},
		{"of a closed ticket", GestureFacts{Submission: true, Proven: true, Outside: 1}, GestureNone},
		{"a customer's mail", GestureFacts{Team: true, Forward: true}, GestureCustomer},
		{"a phone call", GestureFacts{Customer: true}, GestureCustomer},
		{"a ticket's mail, to another team", GestureFacts{Team: true, Joined: true, Proven: true, Forward: true}, GestureWhich},
		{"a ticket's mail, forwarded to its own address", GestureFacts{Address: true, Joined: true, Proven: true, Forward: true}, GestureNone},
		{"#customer in a ticket", GestureFacts{Address: true, Joined: true, Proven: true, Customer: true}, GestureNone},
	} {
		if got, why := c.f.Decide(); got != c.want {
			t.Errorf("%s: %q (%s), want %q", c.what, got, why, c.want)
		}
	}
}

// Whatever else is true: without a login nobody outside is written to, and with
// nobody outside nothing is refused.
func TestGesturesRelayNothing(t *testing.T) {
	for bits := range 1 << 9 {
		on := func(i int) bool { return bits&(1<<i) != 0 }
		f := GestureFacts{FromTeam: on(0), Team: on(1), Address: on(2), Joined: on(3), Proven: on(3) || on(4), Forward: on(5), Customer: on(6)}
		if on(7) {
			f.Outside = 2
		}
		if on(8) && f.Outside > 0 {
			f.Known = 1
		}
		got, _ := f.Decide()
		if (f.Outside > 0) != (got == GestureRefused) {
			t.Errorf("%+v: %q", f, got)
		}
		f.Submission = true
		got, _ = f.Decide()
		if f.Outside > 0 && !f.FromTeam && !f.Proven && got != GestureRefused {
			t.Errorf("private mail %+v: %q", f, got)
		}
		if f.Outside == 0 && got == GestureRefused {
			t.Errorf("%+v is refused", f)
		}
	}
}

func TestForwardSubject(t *testing.T) {
	for subject, want := range map[string]bool{
		"Fwd: Panne": true, "TR : Panne": true, "Tr: Panne": true, "FW: Pump": true, "WG: Pumpe": true, "[EXT] TR: Panne": true, "RV: x": true,
		"Re: Fwd: Panne": false, "RE: TR: Panne": false, "Panne": false, "Transfert: où en est-il ?": false, "Trop cher": false, "": false, "Fwd Panne": false,
	} {
		if ForwardSubject(subject) != want {
			t.Errorf("%q: %v", subject, !want)
		}
	}
	for subject, want := range map[string]string{"Fwd: Panne": "Panne", "TR : RE: Panne": "Panne", "Re: Fwd: Re:Panne ": "Panne", "Panne: fuite": "Panne: fuite", "[EXT] TR: Panne": "Panne"} {
		if got := BareSubject(subject); got != want {
			t.Errorf("%q is bare %q", subject, got)
		}
	}
}
