package pipeline

import (
	"errors"
	"slices"
	"strconv"
	"strings"

	"postdesk/internal/addr"
	"postdesk/internal/compose"
	"postdesk/internal/config"
	"postdesk/internal/message"
	"postdesk/internal/reply"
	"postdesk/internal/ticket"
	"postdesk/rules"
	"postdesk/store"
)

// addressees are the envelope's recipients who are not the desk, each once. Only
// a logged-in agent's mail has any.
type addressees struct {
	shown      []addr.Mailbox // outside, and named in To or Cc: in that order
	hidden     []addr.Mailbox // outside, and in the envelope only: Bcc
	colleagues []string       // other agents, by their own addresses
	self       bool           // the agent's own address: many clients send a copy there
	desk       bool           // an address of ours is among the recipients too
}

func (a addressees) outside() []addr.Mailbox { return slices.Concat(a.shown, a.hidden) }

// addressees sorts the recipients.
func (d *delivery) addressees() addressees {
	var list addressees
	wanted := map[string]addr.Mailbox{}
	var order []string
	for _, t := range d.targets {
		if t.team != nil || t.token != nil || t.postmaster {
			list.desk = true
			continue
		}
		if a := d.w.byAddress[t.address.Key()]; a != nil {
			if a.ID == d.facts.Class.Agent {
				list.self = true
			} else if !slices.Contains(list.colleagues, a.ID) {
				list.colleagues = append(list.colleagues, a.ID)
			}
			continue
		}
		if !d.w.mayBeOutside(t.address) {
			continue // an address of ours that is gone from the configuration
		}
		if _, twice := wanted[t.address.Key()]; !twice {
			wanted[t.address.Key()] = addr.Mailbox{Address: t.address}
			order = append(order, t.address.Key())
		}
	}
	if len(wanted) == 0 {
		return list
	}
	for _, m := range slices.Concat(d.mailboxes("To"), d.mailboxes("Cc")) {
		k := m.Address.Key()
		if _, ok := wanted[k]; ok {
			list.shown = append(list.shown, addr.Mailbox{Name: shortName(m.Name), Address: wanted[k].Address})
			delete(wanted, k)
		}
	}
	for _, k := range order {
		if m, ok := wanted[k]; ok {
			list.hidden = append(list.hidden, m)
		}
	}
	return list
}

// gestureFacts are what the recipients and the form of the mail tell.
func (out *outbound) gestureFacts(thread rules.ThreadOut) rules.GestureFacts {
	f := rules.GestureFacts{
		Held:       thread.Join && thread.By.Strength == rules.ByHeldID,
		Submission: out.env.Peer.Login != "", FromTeam: out.w.team(out.author.Address) != nil,
		Outside: len(out.people.outside()), Colleagues: len(out.people.colleagues), Joined: out.t != nil,
		Proven: (thread.Join || thread.Hold) && thread.By.Strength < rules.ByTag, Team: out.delivery.toTeam(),
	}
	for _, t := range out.targets {
		if t.token != nil && joins[t.token.Kind] {
			f.Thread = f.Thread || t.token.Kind == addr.KindParticipant
			f.Address = f.Address || t.token.Kind != addr.KindParticipant
		}
	}
	if out.people.self && !out.people.desk && f.Outside+f.Colleagues == 0 {
		f.Colleagues = 1
	}
	for _, m := range out.people.outside() {
		if out.t != nil && public(out.t.Who(m.Address)) {
			f.Known++
		}
	}
	f.Customer = out.namesCustomer()
	f.Forward = out.delivery.report() == nil && rules.ForwardSubject(out.facts.Subject) || out.t == nil && out.carriesMail()
	return f
}

// namesCustomer says whether #customer was typed, in the mail or in the answer that
// released it.
func (out *outbound) namesCustomer() bool {
	if out.typed(ticket.CmdCustomer) {
		return true
	}
	if out.released == nil {
		return false
	}
	typed, _ := ticket.ReadCommands(strings.Join(out.released.Instead, "\n"))
	return slices.ContainsFunc(typed, func(l ticket.Typed) bool { return l.Name == ticket.CmdCustomer })
}

// observes: the agent may change nothing.
func (out *outbound) observes() bool { return out.agent.Role == config.RoleObserver }

// public says whether somebody gets the ticket's answers.
func public(p *ticket.Participant) bool {
	return p != nil && (p.Relation == ticket.Requester || p.Relation == ticket.Copied)
}

// meaning finds out what the recipients mean, before the text is looked at. A
// number in the subject joins a mail to a ticket only with the ticket's own
// people: whoever else is written to is told nothing of it. Private mail is
// refused, which the session can still say.
func (out *outbound) meaning(thread *rules.ThreadOut) error {
	out.people = out.delivery.addressees()
	if err := out.quoted(thread); err != nil {
		return err
	}
	f := out.gestureFacts(*thread)
	if f.Joined && !f.Proven && f.Known < f.Outside {
		out.t, out.team = nil, out.delivery.team()
		thread.Join, thread.Mentions = false, append(thread.Mentions, thread.Ticket)
		f = out.gestureFacts(*thread)
	}
	out.facts.Thread = *thread
	out.gesture, out.facts.Gesture = f.Decide()
	switch {
	case out.gesture == rules.GestureRefused:
		return out.privateMail()
	case out.gesture == rules.GestureWrite && len(out.people.shown) == 0 && f.Outside > 1:
		return reply.New(550, [3]int{5, 5, 3}, "A mail to several people in Bcc needs a recipient in To: the ticket is that person's")
	case f.Outside > maxParticipants:
		return reply.New(550, [3]int{5, 5, 3}, "The desk writes to at most "+strconv.Itoa(maxParticipants)+" people outside in one mail")
	case f.Outside > 0 && out.released == nil:
		return out.tooMany(f.Outside)
	}
	return nil
}

// quoted finds the ticket of a mail that an agent forwards with a client that
// leaves References away.
func (out *outbound) quoted(thread *rules.ThreadOut) error {
	byID := (thread.Join || thread.Hold) && thread.By.Strength < rules.ByTag
	if byID || out.env.Peer.Login == "" || len(out.people.outside())+len(out.people.colleagues) == 0 {
		return nil
	}
	number := out.passedCopy()
	if number == 0 {
		return nil
	}
	err := out.openTicket(number)
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	thread.Join, thread.Ticket, thread.Why = true, out.t.Number, "it quotes the copy of a mail of this ticket"
	thread.By = rules.Evidence{Strength: rules.ByMintedID, Ticket: out.t.Number}
	thread.Mentions = slices.DeleteFunc(thread.Mentions, func(n uint64) bool { return n == out.t.Number })
	if out.t.Status == ticket.Closed && out.released == nil {
		thread.Join, thread.Hold, out.t = false, true, nil // as any mail to a closed ticket
	}
	return nil
}

// passedCopy is the ticket of a copy that stands in the mail: its block does in
// the text, or the whole copy is attached and bears our Message-ID for this agent.
func (out *outbound) passedCopy() uint64 {
	text, _ := out.mail.TextBody(maxAgentText)
	if number := out.w.compose.QuotedTicket(text); number != 0 {
		return number
	}
	for _, m := range attachedMails(out.mail) {
		if number := out.attachedCopy(m); number != 0 {
			return number
		}
	}
	return 0
}

// attachedCopy is the ticket of a copy that is attached whole, 0 for another mail.
func (out *outbound) attachedCopy(m *message.Message) uint64 {
	text, _ := m.TextBody(maxAgentText)
	if number := out.w.compose.QuotedTicket(text); number != 0 {
		return number
	}
	for _, id := range append(m.Header.MessageIDs("Message-ID"), m.Header.MessageIDs("References")...) {
		if tok, ok := out.p.minted(clip(id)); ok && tok.Ticket != 0 && out.ownsToken(tok) {
			return tok.Ticket
		}
	}
	return 0
}

// privateMail is the sentence for who uses the desk's server for mail that is
// none of its business.
func (out *outbound) privateMail() error {
	team := out.w.homeTeam(out.agent).Address
	why := "This mail answers no request of the desk; private mail goes through your own mail server. To write to a customer, send it from " + team.String()
	if len(out.people.outside()) == 0 {
		why = "Mail to a colleague that is about no request of the desk goes through your own mail server"
	}
	return reply.New(550, [3]int{5, 7, 1}, why)
}

// maxOutside is how many people outside an agent writes to in an hour, or names by
// commands, replies to token addresses not counted: who has stolen a password must not have
// found a way to mail the world.
const maxOutside = 300

// tooMany counts whom an agent has written to.
func (out *outbound) tooMany(n int) error {
	before, err := out.hourly("submitted", out.agent.ID, n)
	if err == nil && before+n > maxOutside {
		return reply.New(452, [3]int{4, 5, 3}, "You have written to very many people within an hour; please try again later")
	}
	return err
}

// namesFew counts whom commands name as recipients are counted: they are written
// to as well.
func (out *outbound) namesFew() error {
	named := map[string]bool{}
	for _, c := range out.commands {
		var people []ticket.Person
		switch c.Name {
		case ticket.CmdCc, ticket.CmdObserve:
			people, _ = ticket.ParsePeople(c.Arg)
		case ticket.CmdAsk, ticket.CmdApprove, ticket.CmdCustomer:
			people, _, _ = ticket.ParseAsk(c.Arg)
		}
		for _, p := range people {
			if a := p.Mailbox.Address; p.Sign >= 0 && !a.IsZero() && out.w.byAddress[a.Key()] == nil {
				named[a.Key()] = true
			}
		}
	}
	if len(named) == 0 {
		return nil
	}
	return out.tooMany(len(named))
}

// gestured does what the recipients mean; false leaves the mail to its text.
func (out *outbound) gestured() (*result, bool, error) {
	var r *result
	var err error
	if len(out.people.outside()) > 0 {
		if why := out.keptInside(); why != "" {
			r, err = out.hold(holdCommand, nil, []string{why})
			return r, true, err
		}
	}
	switch out.gesture {
	case rules.GestureReply:
		if !out.note {
			return nil, false, nil
		}
		r, err = out.passOn()
	case rules.GestureWrite:
		r, err = out.writeOutside()
	case rules.GestureAside:
		r, err = out.forwardOutside()
	case rules.GestureColleague:
		r, err = out.passOn()
	case rules.GestureCustomer:
		r, err = out.inCustomersName()
	case rules.GestureWhich:
		r, err = out.toTeamOrCustomer()
		if r == nil && err == nil {
			return nil, false, nil
		}
	default:
		return nil, false, nil
	}
	return r, true, err
}

// toTeamOrCustomer asks what a ticket's mail that was forwarded to a team is: the
// agent's #send makes it an answer (no result); whatever else is typed in
// answer is for colleagues, and so is the mail.
func (out *outbound) toTeamOrCustomer() (*result, error) {
	switch {
	case out.released == nil:
		out.guess = addr.Mailbox{Address: out.delivery.team().Address}
		return out.hold(holdWhich, nil, []string{"a mail of a ticket, forwarded to a team"})
	case len(out.released.Instead) > 0 && !ticket.Has(out.commands, ticket.CmdPublic):
		out.note = true
		return out.writeNote()
	}
	return nil, nil
}

// keptInside says why a mail may not go to the people outside to whom it is
// written: it is a note, or of an observer.
func (out *outbound) keptInside() string {
	switch {
	case ticket.Has(out.commands, ticket.CmdNote) || out.note && out.gesture == rules.GestureReply:
		return words(out.lang(), "noteOutside")
	case ticket.Has(out.commands, ticket.CmdAsk) || ticket.Has(out.commands, ticket.CmdApprove):
		return words(out.lang(), "askOutside")
	case out.commandsOnly() && !out.usesTemplate() && out.gesture == rules.GestureReply:
		return words(out.lang(), "nothingOutside")
	case out.observes():
		return words(out.lang(), "observer")
	}
	return ""
}

// forwardOutside is a mail of the ticket that goes to someone who is not the
// customer.
func (out *outbound) forwardOutside() (*result, error) {
	if err := out.readAlong(); err != nil {
		return nil, err
	}
	subject := strings.TrimSpace(strings.ReplaceAll(out.facts.Subject, out.w.tagOf(out.t), ""))
	return out.askOutside(out.people.outside(), subject)
}

// passOn is a mail of the ticket that goes to a colleague: a note, whose readers
// the colleague joins. Of an observer it is this note only, who changes nothing.
func (out *outbound) passOn() (*result, error) {
	if err := out.readAlong(); err != nil {
		return nil, err
	}
	out.note = true
	return out.writeNote()
}

// counted leaves out of what the guard found that a mail says nothing new, when
// what it passes on is what it says.
func (out *outbound) counted(findings []compose.Finding) []compose.Finding {
	if !rules.ForwardSubject(out.facts.Subject) && !out.carriesMail() {
		return findings
	}
	return slices.DeleteFunc(slices.Clone(findings), func(f compose.Finding) bool { return f.Kind == compose.FindEmpty })
}

// readAlong makes the colleagues who were written to observers of the ticket.
func (out *outbound) readAlong() error {
	if out.observes() {
		return nil
	}
	for _, id := range out.people.colleagues {
		if out.t.Assignee == id || slices.Contains(out.t.Observers, id) {
			continue
		}
		e := ticket.Event{By: out.by(), What: ticket.Observing, Data: map[string]string{"agent": id}}
		if err := out.event(e); err != nil {
			return err
		}
	}
	return nil
}

// tagOf is the tag of a ticket in the subjects of agents' copies.
func (w *world) tagOf(t *ticket.Ticket) string {
	return strings.ReplaceAll(w.cfg.Tickets.TagAgents, "{number}", strconv.FormatUint(t.Number, 10))
}
