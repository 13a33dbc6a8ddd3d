package pipeline

import (
	"sync"
)

// flights counts, by ticket, the mails that are between their arrival and their
// commit. A timer of such a ticket waits: what it would write may be answered
// already.
type flights struct {
	mu    sync.Mutex
	count map[uint64]int
}

// enter notes a mail about tickets until the function that it returns is called.
func (f *flights) enter(tickets []uint64) (leave func()) {
	f.add(tickets, 1)
	return func() { f.add(tickets, -1) }
}

func (f *flights) add(tickets []uint64, n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.count == nil {
		f.count = map[uint64]int{}
	}
	for _, t := range tickets {
		if f.count[t] += n; f.count[t] == 0 {
			delete(f.count, t)
		}
	}
}

// busy says whether a mail about the ticket is under way.
func (f *flights) busy(number uint64) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.count[number] > 0
}

// about are the tickets that the mail may belong to, by what can be known
// before it is judged: token addresses, Message-IDs of ours, tags.
func (p *Pipeline) about(d *delivery) []uint64 {
	var list []uint64
	for _, t := range d.targets {
		if t.token != nil && t.token.Ticket != 0 {
			list = append(list, t.token.Ticket)
		}
	}
	for _, id := range d.answered() {
		if t, ok := p.minted(id); ok && t.Ticket != 0 {
			list = append(list, t.Ticket)
		}
	}
	return append(list, d.w.tags.Find(d.facts.Subject)...)
}
