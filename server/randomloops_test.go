package server_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"postdesk/internal/testkit"
)

// manyChanges are all that a hop may do to a mail.
func manyChanges() []testkit.Change {
	return []testkit.Change{
		testkit.Strip("Auto-Submitted"), testkit.Strip("X-*"), testkit.Strip("References", "In-Reply-To"), testkit.Strip("Precedence", "List-*"), testkit.Strip("Message-ID"),
		testkit.StripAllBut("From", "To", "Subject", "Date"), marksStripped, testkit.NewMessageID, testkit.NewSubject, testkit.PrefixSubject, testkit.NewFrom(wild(60)...),
		testkit.NewFrom(wild(1)...), testkit.RealSender, testkit.RealSender, testkit.DropExtensions, testkit.Addressed, testkit.Recode, testkit.Footer, testkit.Fresh,
		testkit.Twice, testkit.Late(3 * time.Hour),
	}
}

// randomLoop is two desks, a random proxy that treats mails now so, now so, and
// mailboxes that answer everything.
func randomLoop(t *testing.T, seed uint64, days int) {
	r := rand.New(rand.NewPCG(seed, 17))
	var changes []testkit.Change
	for _, c := range manyChanges() {
		switch r.IntN(3) {
		case 0:
			changes = append(changes, c)
		case 1:
			changes = append(changes, testkit.OneIn(2, c))
		}
	}
	caps := "per_address = \"2/h\"\nper_address_day = \"3/d\"\nbreaker = \"3/h\"\n"
	w := twoDesks(t, seed, caps, changes...)
	w.most = max(w.most, 4000*days) // an agent’s mailbox may say 600 texts a day; each goes out and is answered, and comes twice by some hops
	a := w.desks[0]
	for _, address := range []string{"marie@other.example", "luc@other.example"} {
		p := a.person("Quelqu’un", address)
		if r.IntN(2) == 0 {
			w.robots = append(w.robots, unmarked(p, time.Duration(r.IntN(5))*time.Hour))
		}
	}
	if r.IntN(2) == 0 {
		w.robots = append(w.robots, unmarked(a.anne(), time.Duration(r.IntN(3))*time.Hour))
	}
	a.person("Relation Client", "relationclient@desk-b.example").writes(generic, "Bonjour", "Une vraie question.\n")
	a.person("Marie", "marie@other.example").writes(generic, "Une panne", "Bonjour\n", "Cc: relationclient@desk-b.example")
	w.days(days, func(int) {})
	t.Log(w.tally())
	w.capsHold()
	w.stillUsable(a)
}

// unmarked is a mailbox that answers every mail with a text of its own, and says
// nowhere that it does.
func unmarked(p *person, delay time.Duration) *mailbox {
	return &mailbox{person: p, delay: delay, answer: func(m received, n int) {
		to, mail := replyTo(m, p.String(), fmt.Sprintf("Merci de votre message, que je lirai plus tard (%d).\n", n))
		_ = p.posts([]string{to}, p.dated(mail)) // a refusal in the session ends it, too
	}}
}

// Random robots and random proxies: a few here, dozens by make torture.
func TestFewRandomLoops(t *testing.T) {
	t.Parallel()
	for _, seed := range []uint64{1, 3} {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			t.Parallel()
			randomLoop(t, seed, 1)
		})
	}
}
