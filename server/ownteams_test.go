package server_test

import "testing"

// mxOf is our own MX: what the desk writes to one of its own addresses comes back by it, as it is.
func mxOf(d *desk, name, address string) *mailbox {
	p := d.person(name, address)
	return &mailbox{person: p, answer: func(m received, _ int) { p.passesOn(m, address, m.From) }}
}

// Two teams of one desk, each the other's customer: somebody writes to one in the name of the other, and whatever the
// desk writes to its own addresses comes back by the MX. It writes to none, day after day: no acknowledgement, no letter, no
// answer to all. People are served.
func TestTwoTeamsOfOneDeskDoNotLoop(t *testing.T) {
	t.Parallel()
	w := lonely(t)
	d := w.desks[0]
	exports := mxOf(d, "Export", export)
	w.robots = append(w.robots, exports, mxOf(d, "Relation Client", generic))
	exports.writes(generic, "Une question", "Bonjour\n")
	d.jean().writes(generic, "Une panne", "Bonjour\n", "Cc: "+export, "Reply-To: "+export)
	w.settle()
	d.anne().answers(d.lastCopy(d.anne()), "Nous regardons cela.\n")
	w.days(3, nil)
	t.Log(w.tally())
	w.capsHold()
	if n := w.carried(); n > 0 {
		t.Errorf("the desk wrote to its own addresses %d times in 3 days", n)
	}
	w.stillUsable(d)
}
