package server_test

import (
	"fmt"
	"testing"
)

// Many invitations, and many instances of a series, follow the ticket to another
// agent in parts: nobody makes one command write thousands of mails.
func TestManyInvitationsFollowInParts(t *testing.T) {
	t.Parallel()
	d, jean, anne, bruno, invitation := invited(t)
	thread := "In-Reply-To: <" + parse(t, jean.mailbox()[0]).id() + ">" // the acknowledgement's
	for i := range 30 {
		id := uid
		if i%2 == 0 {
			id = fmt.Sprintf("%d-%s", i, uid)
		}
		jean.invites(generic, fmt.Sprintf("Point %d", i), "REQUEST", meeting("REQUEST", id, 1, jean.address, fmt.Sprintf("RECURRENCE-ID:203012%02dT130000Z", i+1),
			fmt.Sprintf("DTSTART:203012%02dT140000Z", i+1), fmt.Sprintf("DTEND:203012%02dT150000Z", i+1)), thread)
	}
	d.drained()
	if d.tickets() != 1 {
		t.Fatalf("%d tickets", d.tickets())
	}
	requests := func() (n int) {
		d.drained()
		for _, raw := range bruno.mailbox() {
			if parse(t, raw).method() == "REQUEST" {
				n++
			}
		}
		return n
	}
	anne.answers(invitation, "#assign bruno\n")
	first := requests()
	if first < 10 || first > 45 {
		t.Errorf("%d invitations at once", first)
	}
	for range 4 {
		anne.answers(invitation, "#tag +suite\n")
	}
	if n := requests(); n != 31 {
		t.Errorf("%d invitations in the end, want all 31", n)
	}
}
