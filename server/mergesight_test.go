package server_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
)

// Merging, splitting and moving at random, two customers and three agents: no
// customer reads a word of the other's tickets, nor a note, nor who the agents are.
func TestWhoSeesWhatInMerges(t *testing.T) {
	t.Parallel()
	for seed := range uint64(2) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			t.Parallel()
			d := newDesk(t, observed)
			s := &theatre{desk: d, r: rand.New(rand.NewPCG(seed, 11)), agents: []*person{d.anne(), d.bruno(), d.person("Claire Martin", "claire.martin@corp.example")}}
			customers := []*person{d.jean(), d.person("Paul Autre", "paul@other.example")}
			said := [][]string{nil, nil} // what each wrote, or was written
			for i, c := range customers {
				for range 3 {
					word := s.canary("public")
					said[i] = append(said[i], word)
					c.writes(generic, "Question "+word, word+"\n")
				}
			}
			d.drained()
			for range 45 {
				s.shuffle(customers, said)
			}
			d.drained()
			for i, c := range customers {
				forbidden := append([]string{"corp.example", "postdesk 100", "+t"}, s.inside...)
				for _, m := range c.mailbox() {
					d.without(parse(t, m), append(forbidden, said[1-i]...)...)
				}
			}
			merged := 0
			for n := range uint64(d.tickets()) {
				if d.ticket(10000+n).MergedInto != 0 {
					merged++
				}
			}
			t.Logf("%d tickets, %d merged, %d mails to agents", d.tickets(), merged, d.agents.Count())
			if merged == 0 {
				t.Error("nothing was merged")
			}
		})
	}
}

// shuffle is one random act: a customer or an agent writes, or an agent merges,
// splits or moves.
func (s *theatre) shuffle(customers []*person, said [][]string) {
	i := s.r.IntN(2)
	agent := s.agents[s.r.IntN(len(s.agents))]
	copies := func(r received) bool {
		return isCustomers(r) && r.Header.Mailboxes("From")[0].Name[:4] == customers[i].name[:4]
	}
	answer := func(p *person, fits func(received) bool, text string) {
		if m, ok := s.pick(p, fits); ok {
			p.answers(m, text)
			s.drained()
		}
	}
	word := s.canary("public")
	switch s.r.IntN(9) {
	case 0, 1:
		said[i] = append(said[i], word)
		answer(customers[i], anything, word+"\n")
	case 2, 3:
		said[i] = append(said[i], word)
		answer(agent, copies, word+"\n")
	case 4:
		s.inside = append(s.inside, word)
		answer(agent, copies, "#note\n"+word+"\n")
	case 5, 6:
		answer(agent, copies, fmt.Sprintf("#merge %d\n", 10000+s.r.IntN(s.tickets())))
	case 7:
		answer(agent, copies, "#split\n")
	case 8:
		answer(agent, copies, "#team! "+[]string{"export", generic}[s.r.IntN(2)]+"\n")
	}
}
