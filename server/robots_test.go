package server_test

import (
	"fmt"
	"testing"
	"time"
)

// robot answers every mail of its mailbox with a text that differs each time,
// and says nowhere that it is a program; it returns how many.
func (p *person) robot() int {
	p.d.Helper()
	for n := 0; ; n++ {
		all := p.mailbox()
		if len(all) <= p.read {
			return n
		}
		m := parse(p.d.T, all[p.read])
		p.read++
		p.wrote++
		p.answers(m, fmt.Sprintf("Merci de votre message, que je lirai plus tard (%d).\n", p.wrote))
	}
}

// chatter lets robots talk until they fall silent, and counts their answers.
func (d *desk) chatter(robots ...*person) int {
	d.Helper()
	for total := 0; ; {
		d.drained()
		n := 0
		for _, r := range robots {
			n += r.robot()
		}
		if total += n; n == 0 || total > 300 {
			return total
		}
		d.later(5 * time.Second)
	}
}

// Mailboxes that answer everything, and do not say so, do not talk for ever: not
// an agent's with a customer's, with a colleague's, or with our notices.
func TestRobotsFallSilent(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		first func(d *desk, copy received) []*person // what sets them off, and who they are
	}{
		{"an agent's and a customer's", func(d *desk, copy received) []*person {
			d.anne().answers(copy, "Voici la réponse.\n")
			return []*person{d.anne(), d.jean()}
		}},
		{"two agents'", func(d *desk, copy received) []*person {
			d.anne().answers(copy, "#note\n#observe bruno\n\nQu’en penses-tu, Bruno ?\n")
			return []*person{d.anne(), d.bruno()}
		}},
		{"an agent's with notices", func(d *desk, copy received) []*person {
			d.anne().answers(copy, "#tag +a\n")
			return []*person{d.anne()}
		}},
		{"an agent's with refusals", func(d *desk, copy received) []*person {
			d.anne().answers(copy, "#tga +a\n")
			return []*person{d.anne()}
		}},
		{"an agent's and an expert's", func(d *desk, copy received) []*person {
			d.anne().answers(copy, "#ask expert@other.example\n\nQu’en pensez-vous ?\n")
			return []*person{d.anne(), d.person("Une Experte", "expert@other.example")}
		}},
		{"an agent's and an observer's", func(d *desk, copy received) []*person {
			d.anne().answers(copy, "#observe voit@other.example\n")
			return []*person{d.anne(), d.person("Un Observateur", "voit@other.example"), d.jean()}
		}},
		{"an agent's and an approver's", func(d *desk, copy received) []*person {
			d.anne().answers(copy, "#approve chef@other.example\n\nD’accord ?\n")
			return []*person{d.anne(), d.person("Le Chef", "chef@other.example")}
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			d := newDesk(t, nil)
			jean, anne := d.jean(), d.anne()
			_, copy := d.ask(jean, anne, "Une panne", "Bonjour\n")
			robots := c.first(d, copy)
			total := d.chatter(robots...)
			t.Logf("%d mails", total)
			if total > 150 {
				t.Errorf("%d mails and no end", total)
			}
		})
	}
}

// Who writes much is asked, and goes on with one word.
func TestAnAgentWhoWritesMuchIsAsked(t *testing.T) {
	t.Parallel()
	d := newDesk(t, nil)
	jean, anne := d.jean(), d.anne()
	_, copy := d.ask(jean, anne, "Une panne", "Bonjour\n")
	for i := range 20 {
		anne.answers(copy, fmt.Sprintf("Réponse %d.\n", i))
		d.says(jean.reads(), fmt.Sprintf("Réponse %d.", i))
	}
	anne.answers(copy, "La dernière.\n")
	notice := anne.reads()
	d.says(notice, "plus de 20 messages", "La dernière.")
	jean.hearsNothing()
	anne.answers(copy, "#tag +urgent\n") // commands are no texts
	d.says(anne.reads(), "urgent")
	anne.answers(notice, "#envoyer\n")
	d.says(jean.reads(), "La dernière.")
	d.later(time.Hour)
	anne.answers(copy, "Une heure après.\n")
	d.says(jean.reads(), "Une heure après.")
}

// A mailbox that answers slowly is no person either: so many in a day are asked about.
// Both sides answer everything, and the other side's answers come from somebody
// else each time: every mail is a new request, and no cap of one ticket or address holds.
func TestAnAgentWhoAnswersEverybodyIsAsked(t *testing.T) {
	t.Parallel()
	d := newDesk(t, nil)
	anne := d.anne()
	for i := range 121 {
		p := d.person("Quelqu’un", fmt.Sprintf("p%d@client.example", i))
		p.writes(generic, "Une question", "Bonjour\n")
		anne.answers(anne.reads(), "Merci de votre message, que je lirai plus tard.\n")
	}
	d.says(anne.reads(), "plus de 120", "que je lirai plus tard")
	d.later(time.Hour)
	d.person("Jean", "jean.autre@client.example").writes(generic, "Autre chose", "Bonjour\n")
	anne.answers(anne.reads(), "Voici.\n")
	anne.hearsNothing()
}

func TestAnAgentWhoWritesAllDayIsAsked(t *testing.T) {
	t.Parallel()
	d := newDesk(t, nil)
	jean, anne := d.jean(), d.anne()
	_, copy := d.ask(jean, anne, "Une panne", "Bonjour\n")
	for i := range 50 {
		anne.answers(copy, fmt.Sprintf("Réponse %d.\n", i))
		d.later(25 * time.Minute)
	}
	anne.answers(copy, "La dernière.\n")
	d.says(anne.reads(), "plus de 50 en un jour", "La dernière.")
	d.later(24 * time.Hour)
	anne.answers(copy, "Un jour après.\n")
	d.drained()
	if n := len(jean.mailbox()); n != 52 {
		t.Errorf("%d mails to jean, want the acknowledgement and 51 answers", n)
	}
}
