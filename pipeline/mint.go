package pipeline

import (
	"strconv"

	"postdesk/internal/addr"
	"postdesk/internal/config"
	"postdesk/internal/ticket"
)

// minter makes the marks of one ticket: addresses, Message-IDs, envelope
// senders. The same ticket in the same state makes the same marks, so that a
// transaction that runs again writes the same mail.
type minter struct {
	keys  *addr.KeyRing
	world *world
	team  *config.Team
	t     *ticket.Ticket
}

func (p *Pipeline) minter(w *world, t *ticket.Ticket) minter {
	return minter{keys: p.keys, world: w, team: w.teamOf(t), t: t}
}

func (m minter) agent(id string) addr.Person {
	return addr.Person{Agent: true, N: m.world.numbers[id]}
}

// address is a token address of the ticket's team.
func (m minter) address(t addr.Token) addr.Address {
	return addr.TokenAddress(m.team.Address, m.world.cfg.Tickets.TokenDomain, m.keys.Mint(t))
}

// replyTo is where an agent's answer to a copy goes; note says that an answer
// is a note by default.
func (m minter) replyTo(agent string, note bool) addr.Address {
	kind := addr.KindTicket
	if note {
		kind = addr.KindNote
	}
	return m.address(addr.Token{Kind: kind, Ticket: m.t.Number, Person: m.agent(agent)})
}

// marks are what one outgoing mail bears.
type marks struct {
	messageID string       // without brackets
	thread    string       // the first of References
	sender    addr.Address // envelope sender, for bounces
	item      uint64       // which of the ticket's outgoing mails it is
}

// next numbers one more outgoing mail of the ticket to a person.
func (m minter) next(who addr.Person) marks {
	m.t.Outgoing++
	return m.marks(m.t.Outgoing, who)
}

func (m minter) marks(n uint64, who addr.Person) marks {
	tok := addr.Token{Kind: addr.KindMessage, Ticket: m.t.Number, Item: n, Person: who}
	return marks{
		messageID: bare(addr.MessageID(m.keys.Mint(tok), strconv.FormatUint(n, 36), m.team.Address.Domain)),
		thread:    m.thread(who),
		sender:    m.sender(n, who),
		item:      n,
	}
}

// sender is where a report that a mail did not reach a person comes back to.
func (m minter) sender(item uint64, who addr.Person) addr.Address {
	return m.address(addr.Token{Kind: addr.KindBounce, Ticket: m.t.Number, Item: item, Person: who})
}

// thread is the id that every mail of this ticket to a person has first in its
// References.
func (m minter) thread(who addr.Person) string {
	tok := addr.Token{Kind: addr.KindThread, Ticket: m.t.Number, Person: who}
	return bare(addr.MessageID(m.keys.Mint(tok), "", m.team.Address.Domain))
}

// maxJoined is how many merged tickets' threads a copy names.
const maxJoined = 10

// joined are the ids of the threads that a mail to an agent goes on with: the
// ticket's, and those of the tickets that were merged into it, so that the
// agent's client shows them as one.
func (m minter) joined(thread, agent string) []string {
	list := []string{thread}
	for _, n := range m.t.Merged[:min(len(m.t.Merged), maxJoined)] {
		tok := addr.Token{Kind: addr.KindThread, Ticket: n, Person: m.agent(agent)}
		list = append(list, bare(addr.MessageID(m.keys.Mint(tok), "", m.team.Address.Domain)))
	}
	return list
}

// minted reads the token of a Message-ID of ours; false for any other.
func (p *Pipeline) minted(id string) (addr.Token, bool) {
	tok, ok := addr.TokenOfMessageID(id)
	if !ok {
		return addr.Token{}, false
	}
	return p.keys.Verify(tok)
}

// loop is the mark of X-Postdesk-Loop.
func (m minter) loop() string {
	return m.keys.Mint(addr.Token{Kind: addr.KindLoop, Ticket: m.t.Number})
}

// desk is an agent's permanent address.
func (p *Pipeline) desk(w *world, a *config.Agent) addr.Address {
	tok := p.keys.Mint(addr.Token{Kind: addr.KindDesk, Person: addr.Person{Agent: true, N: w.numbers[a.ID]}})
	return addr.TokenAddress(w.homeTeam(a).Address, w.cfg.Tickets.TokenDomain, tok)
}

// homeTeam is the first team that an agent answers for, else the first of all.
func (w *world) homeTeam(a *config.Agent) *config.Team {
	for i := range w.cfg.Teams {
		if inTeam(&w.cfg.Teams[i], a.ID) {
			return &w.cfg.Teams[i]
		}
	}
	return &w.cfg.Teams[0]
}

// bare is a Message-ID without its brackets.
func bare(id string) string {
	if len(id) > 1 && id[0] == '<' && id[len(id)-1] == '>' {
		return id[1 : len(id)-1]
	}
	return id
}
