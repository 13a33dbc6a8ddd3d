package server_test

import (
	"fmt"
	"testing"
	"time"

	"postdesk/internal/ticket"
)

// A Reply-To is anybody's word: what the desk writes by itself goes where the
// request came from, until an agent has answered.
func TestAReplyToBringsNobodyALetter(t *testing.T) {
	t.Parallel()
	d := newDesk(t, withTimers(`first_reply = "1d"`, `update_every = "1d"`))
	d.at("Mon 2030-11-18 10:00")
	jean, anne, victim := d.jean(), d.anne(), d.person("Une Victime", "victime@other.example")
	jean.writes(generic, "Une panne", "Bonjour\n", "Reply-To: victime@other.example")
	jean.reads()
	copy := anne.reads()
	d.later(2 * 24 * time.Hour)
	d.timers()
	d.letter(jean.reads(), "Une panne", "nous est bien parvenue")
	d.later(2 * 24 * time.Hour)
	d.timers()
	d.letter(jean.reads(), "Une panne", "nous travaillons toujours")
	victim.hearsNothing()

	anne.answers(copy, "Voici la pièce.\n") // an agent has read where it goes
	d.says(victim.reads(), "Voici la pièce.")
	jean.hearsNothing()
}

// However many requests came in somebody's name, the desk writes to one address
// by itself no more often than it acknowledges.
func TestLettersToOneAddressAreFew(t *testing.T) {
	t.Parallel()
	d := newDesk(t, withTimers(`first_reply = "1d"`))
	d.at("Mon 2030-11-18 10:00")
	jean := d.jean()
	for i := range 8 {
		jean.writes(generic, fmt.Sprintf("Demande %d", i), fmt.Sprintf("Bonjour, demande %d\n", i))
		jean.reads() // the acknowledgement
		d.later(15 * time.Minute)
	}
	d.later(2 * 24 * time.Hour)
	d.timers()
	d.drained()
	if n := len(jean.mailbox()) - jean.read; n != 5 {
		t.Errorf("%d letters in an hour, want 5", n)
	}
	jean.read = len(jean.mailbox())
	late := 0
	for n := uint64(10000); n < 10008; n++ {
		late += len(d.happened(n, ticket.Overdue))
	}
	if late != 8 {
		t.Errorf("%d tickets are late for the supervisors, want all 8", late)
	}
}

// A form to fill in is a letter too: one that was asked for again counts twice.
func TestFormsToOneAddressAreFew(t *testing.T) {
	t.Parallel()
	d := newDesk(t, func(text string) string { return asking(text) + "\n[acknowledge]\nper_address = \"2/h\"\n" })
	jean := d.jean()
	jean.writes(generic, "Une panne", "Bonjour\n")
	jean.reads() // the acknowledgement
	jean.answers(jean.reads(), "Version du produit : aucune idée\n")
	d.says(jean.reads(), "Version du produit")
	jean.writes(generic, "Une autre panne", "Bonsoir\n")
	d.says(jean.reads(), "10001") // the acknowledgement, and no form
	jean.hearsNothing()
}
