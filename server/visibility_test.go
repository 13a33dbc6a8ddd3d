package server_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
)

// theatre is a ticket with everyone who may have to do with it, and what they
// said: each word has its own canary.
type theatre struct {
	*desk
	r                         *rand.Rand
	jean, marie, mallory      *person
	agents                    []*person
	inside, visitors, private []string // canaries that no customer may see, of whom no participant may hear, that nobody but the writer may see
	n                         int
}

// canary is a word that is found wherever it goes, and that no quoting folds.
func (s *theatre) canary(kind string) string {
	s.n++
	return fmt.Sprintf("canari%s%04dx", kind, s.n)
}

// pick is one of the mails that a person has, none if there is no fitting one.
func (s *theatre) pick(p *person, fits func(received) bool) (received, bool) {
	var list []received
	for _, m := range p.mailbox() {
		if r := parse(s.T, m); fits(r) {
			list = append(list, r)
		}
	}
	if len(list) == 0 {
		return received{}, false
	}
	if s.r.IntN(3) > 0 {
		return list[len(list)-1], true // as most people do
	}
	return list[s.r.IntN(len(list))], true
}

func anything(received) bool { return true }

// isGuards is the notice about an answer that a colleague's has crossed.
func isGuards(r received) bool {
	return r.From == "" && strings.Contains(r.text(), "pas encore partie")
}

// note and customer tell an agent's mails apart as the agent does, by the sender's
// name.
func isNote(r received) bool { return strings.Contains(r.Header.Mailboxes("From")[0].Name, "NOTE") }

func isCustomers(r received) bool {
	name := r.Header.Mailboxes("From")[0].Name
	return strings.Contains(name, "(via ") && !strings.Contains(name, "Mallory")
}

// step is one random act of one of them.
func (s *theatre) step() {
	agent := s.agents[s.r.IntN(len(s.agents))]
	say := func(p *person, fits func(received) bool, text string, headers ...string) {
		if m, ok := s.pick(p, fits); ok {
			p.answers(m, text, headers...)
			s.drained()
		}
	}
	switch s.r.IntN(12) {
	case 0, 1:
		say(s.jean, anything, s.canary("public")+"\n")
	case 2:
		say(s.jean, anything, s.canary("public")+"\n", "Cc: Marie <marie@other.example>")
	case 3:
		say(s.marie, anything, s.canary("public")+"\n")
	case 4: // a stranger who got hold of a mail of jean's
		if m, ok := s.pick(s.jean, anything); ok {
			word := s.canary("visitor")
			s.visitors = append(s.visitors, word)
			s.mallory.answers(m, word+"\n#close\n")
		}
	case 5, 6:
		say(agent, isCustomers, s.canary("public")+"\n")
	case 7:
		word := s.canary("note")
		s.inside = append(s.inside, word)
		say(agent, func(r received) bool { return isCustomers(r) || isNote(r) }, "#note\n"+word+"\n")
	case 8: // a reply to a note is a note
		word := s.canary("note")
		s.inside = append(s.inside, word)
		say(agent, isNote, word+"\n")
	case 9:
		say(agent, isGuards, "#send\n")
	case 10, 11:
		if s.r.IntN(2) == 0 {
			say(agent, isCustomers, "#assign "+[]string{"anne", "bruno", "me"}[s.r.IntN(3)]+"\n")
			return
		}
		word := s.canary("forged") // not believed: nobody but the agent is shown it
		s.private = append(s.private, word)
		say(agent.from("x@nobody.example"), isCustomers, word+"\n")
	}
}

// Whatever people do, in whatever order: no customer is shown a note, a
// visitor's word, a held mail, a token, our block or an agent's address; and a
// visitor is sent nothing at all.
func TestWhoSeesWhat(t *testing.T) {
	t.Parallel()
	for seed := range uint64(3) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			t.Parallel()
			d := newDesk(t, observed)
			s := &theatre{desk: d, r: rand.New(rand.NewPCG(seed, 7)), jean: d.jean(), marie: d.person("Marie", "marie@other.example"),
				mallory: d.person("Mallory", "mallory@other.example"), agents: []*person{d.anne(), d.bruno(), d.person("Claire Martin", "claire.martin@corp.example")}}
			s.jean.writes(generic, "Une question", "Bonjour\n")
			d.drained()
			for range 60 {
				s.step()
			}
			d.drained()
			forbidden := append([]string{"corp.example", "postdesk 100", "+t", "claire", "olga"}, s.inside...)
			forbidden = append(append(forbidden, s.visitors...), s.private...)
			for _, p := range []*person{s.jean, s.marie} {
				for _, m := range p.mailbox() {
					d.without(parse(t, m), forbidden...)
				}
			}
			s.mallory.hearsNothing()
			for _, a := range append(s.agents, d.person("Olga Visite", "olga.visite@corp.example")) {
				for _, m := range a.mailbox() {
					if m.From != "" { // the notices show held mails to their agent
						d.without(parse(t, m), s.private...)
					}
				}
			}
			t.Logf("%d mails to customers, %d to agents, %d tickets, messages: %s", d.customers.Count(), d.agents.Count(), d.tickets(), d.messages(10000))
		})
	}
}
