package server_test

import (
	"testing"

	"postdesk/internal/ticket"
)

// Somebody in Cc has seen the envelope sender of the own copy. A report sent there is
// about that copy, whomever it names: nobody makes another's mail fail, or silences
// the letters to another.
func TestACopysBounceAddressIsItsReadersOwn(t *testing.T) {
	t.Parallel()
	d := newDesk(t, nil)
	jean, anne, mallory := d.jean(), d.anne(), d.person("Mallory", "mallory@client.example")
	jean.writes(generic, "Une panne", "Bonjour\n", "Cc: "+mallory.address)
	jean.reads()
	anne.answers(anne.reads(), "Laquelle ?\n")
	sent, seen := jean.reads(), mallory.reads()
	if sent.From == seen.From || sent.id() != seen.id() {
		t.Errorf("one mail <%s> to two has the senders %s and %s", sent.id(), sent.From, seen.From)
	}
	d.bounce(seen, jean.address, "failed", "5.1.1", "550 5.1.1 no such user here")
	for _, what := range []ticket.What{ticket.AddressDead, ticket.DeliveryFailed} {
		if e := d.happened(10000, what); len(e) != 1 || e[0].Data["to"] != mallory.address {
			t.Errorf("%s: %+v", what, e)
		}
	}
	// jean's own is about jean, even when it names nobody that is known.
	d.bounce(sent, "inner@elsewhere.example", "failed", "5.1.1", "550 5.1.1 no such user here")
	if e := d.happened(10000, ticket.AddressDead); len(e) != 2 || e[1].Data["to"] != jean.address {
		t.Errorf("dead-address: %+v", e)
	}
}
