package server_test

import (
	"strings"
	"testing"
	"time"

	"postdesk/internal/testkit"
	"postdesk/internal/ticket"
)

// After a hard bounce the desk writes to that address by itself no more, in any
// ticket; the agent hears of it once. A word from there makes it an address again.
func TestADeadAddressGetsNoLetters(t *testing.T) {
	t.Parallel()
	d := newDesk(t, withTimers(`first_reply = "1d"`, `update_every = "1d"`, `remind_customer = "1d"`))
	d.at("Mon 2030-11-18 10:00")
	jean, anne := d.jean(), d.anne()
	_, copy := d.ask(jean, anne, "Une panne", "Bonjour\n")
	anne.answers(copy, "Laquelle ?\n")
	reply := jean.reads()
	jean.writes(generic, "Une autre panne", "Bonjour encore\n")
	jean.reads()
	anne.reads()
	d.bounce(reply, jean.address, "failed", "5.1.1", "550 5.1.1 no such user here")
	d.says(anne.reads(), "no such user here")
	if e := d.happened(10000, ticket.AddressDead); len(e) != 1 || e[0].Data["to"] != jean.address {
		t.Errorf("dead-address: %+v", e)
	}
	for range 5 { // updates of the first, a holding mail and updates of the second
		d.later(24 * time.Hour)
		d.timers()
	}
	jean.hearsNothing()
	for _, m := range anne.mailbox()[anne.read:] {
		if r := parse(t, m); r.From == "" {
			t.Errorf("a notice too many:\n%s", m.Raw)
		}
	}

	jean.answers(reply, "Je suis de retour, la rouge.\n")
	d.drained()
	d.later(2 * 24 * time.Hour)
	d.timers()
	letter := jean.reads()
	if strings.Contains(letter.subject(), "Une autre panne") { // both are due at once
		letter = jean.reads()
	}
	d.letter(letter, "Une panne", "nous travaillons toujours")
}

// An acknowledgement that is refused for good tells the agent, once, that letters
// will not arrive; one that is refused for now does not.
func TestARefusedAcknowledgementIsTold(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		reply string
		told  bool
	}{{"550 5.1.1 no such user", true}, {"552 5.2.2 mailbox full", false}} {
		t.Run(c.reply, func(t *testing.T) {
			t.Parallel()
			d := newDesk(t, withTimers(`first_reply = "1d"`, `update_every = "1d"`))
			d.at("Mon 2030-11-18 10:00")
			d.customers.SetScript(testkit.Script{testkit.AtRCPT: {Reply: c.reply, Times: 1}})
			jean, anne := d.jean(), d.anne()
			jean.writes(generic, "Une panne", "Bonjour\n")
			d.drained()
			told := 0
			for _, m := range anne.mailbox() {
				if r := parse(t, m); r.From == "" {
					d.says(r, "Un message automatique du pôle", jean.address, c.reply[10:])
					told++
				}
			}
			if (told == 1) != c.told || told > 1 || len(d.happened(10000, ticket.AddressDead)) != told {
				t.Errorf("the agent was told %d times, want %v", told, c.told)
			}
			d.later(3 * 24 * time.Hour)
			d.timers()
			jean.hearsNothing() // what was lost once is not tried by a letter
		})
	}
}
