package pipeline

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"postdesk/internal/addr"
	"postdesk/internal/compose"
	"postdesk/internal/config"
	"postdesk/internal/ticket"
	"postdesk/rules"
	"postdesk/store"
)

// maxObservers is how many people outside observe a ticket.
const maxObservers = 10

// observe carries out #observe: colleagues see everything from now on, people
// outside what the customer sees.
func (out *outbound) observe(c ticket.Command) (string, error) {
	people, err := out.peopleOf(c)
	if err != nil {
		return "", err
	}
	for _, p := range people {
		if a := out.w.colleague(p, out.agent); a != nil {
			err = out.observeInside(c, p, a)
		} else {
			err = out.observeOutside(c, p)
		}
		if err != nil {
			return "", err
		}
	}
	if all := out.observing(); all != "" {
		return fmt.Sprintf(words(out.lang(), "doneObserve"), c.Line, all), nil
	}
	return fmt.Sprintf(words(out.lang(), "doneObserveNobody"), c.Line), nil
}

// colleague finds an agent of the configuration, observers too, by address, id
// or name; "me" is who writes.
func (w *world) colleague(p ticket.Person, me *config.Agent) *config.Agent {
	if !p.Mailbox.Address.IsZero() {
		return w.byAddress[p.Mailbox.Address.Key()]
	}
	typed := p.Mailbox.Name
	if strings.EqualFold(typed, "me") || strings.EqualFold(typed, "moi") {
		return me
	}
	for i := range w.cfg.Agents {
		if a := &w.cfg.Agents[i]; strings.EqualFold(a.ID, typed) || strings.EqualFold(a.Name, typed) {
			return a
		}
	}
	id, _ := w.FindAgent(typed)
	return w.agents[id]
}

// observing names who observes the ticket.
func (out *outbound) observing() string {
	var list []string
	for _, id := range out.w.present(out.t.Observers) {
		list = append(list, out.w.agentName(id))
	}
	if outside := observersOutside(out.t); len(outside) > 0 {
		list = append(list, names(outside))
	}
	return strings.Join(list, ", ")
}

// observersOutside are the observers who have only an address.
func observersOutside(t *ticket.Ticket) []*ticket.Participant {
	var list []*ticket.Participant
	for i := range t.Participants {
		if p := &t.Participants[i]; p.Relation == ticket.Observer && !p.Removed && !p.Address.IsZero() {
			list = append(list, p)
		}
	}
	return list
}

// observeInside adds a colleague or takes one away; who is added is told, with
// the customer's latest words.
func (out *outbound) observeInside(c ticket.Command, p ticket.Person, a *config.Agent) error {
	there := slices.Contains(out.t.Observers, a.ID)
	data := map[string]string{"agent": a.ID}
	switch {
	case p.Sign < 0 && !there:
		return refuse(c, fmt.Sprintf(words(out.lang(), "notObserving"), a.Name))
	case p.Sign < 0:
		return out.event(ticket.Event{By: out.by(), What: ticket.Unobserving, Data: data})
	case there:
		return nil
	}
	if err := out.event(ticket.Event{By: out.by(), What: ticket.Observing, Data: data}); err != nil || a.ID == out.agent.ID {
		return err
	}
	text, err := out.latestText()
	if err != nil {
		return err
	}
	return out.p.notify(out.tx, out.w, notice{kind: compose.NoticeObserver, agent: a, t: out.t, at: out.at, data: compose.NoticeData{Who: out.agent.Name, Text: text, Yes: a.Role == config.RoleObserver}})
}

// observeOutside adds somebody who has only an address, or takes one away.
func (out *outbound) observeOutside(c ticket.Command, p ticket.Person) error {
	if p.Mailbox.Address.IsZero() {
		return refuse(c, fmt.Sprintf(words(out.lang(), "noColleague"), p.Typed), "#observe jean@client.example")
	}
	who := out.t.Who(p.Mailbox.Address)
	switch {
	case p.Sign < 0 && (who == nil || who.Relation != ticket.Observer):
		return refuse(c, fmt.Sprintf(words(out.lang(), "notObserving"), p.Typed), leaving(c, observersOutside(out.t))...)
	case p.Sign < 0:
		return out.leave(who)
	case public(who):
		return refuse(c, fmt.Sprintf(words(out.lang(), "seesAll"), p.Typed))
	}
	if err := out.someoneOutside(c, p); err != nil {
		return err
	}
	if len(observersOutside(out.t)) >= maxObservers || len(out.t.Participants) >= maxInTicket || out.t.Full() {
		return refuse(c, words(out.lang(), "tooMany"))
	}
	who, err := out.admitObserver(p.Mailbox, out.by())
	if err != nil || who == nil {
		return err
	}
	return out.greetObserver(who, out.agent.Name)
}

// admitObserver makes somebody outside an observer; nil for who was nearer to the ticket already.
func (in *inbound) admitObserver(m addr.Mailbox, by ticket.Actor) (*ticket.Participant, error) {
	if was := in.t.Who(m.Address); was != nil && !ticket.Observer.Nearer(was.Relation) {
		return nil, nil
	}
	p := &ticket.Participant{Relation: ticket.Observer, Name: shortName(m.Name), Address: m.Address}
	return p, in.event(ticket.Event{By: by, What: ticket.Joined, Participant: p})
}

// greetObserver is the letter that says so; name is who has added the reader, "" for a rule.
func (in *inbound) greetObserver(p *ticket.Participant, name string) error {
	l := sideLetter{kind: compose.LetterObserver, t: in.t, who: p, data: compose.LetterData{Agent: name}, subject: in.w.customerSubject(in.t), at: in.at}
	return in.p.sendSideLetter(in.tx, in.w, l)
}

// ruledObservers adds the people outside whom a rule names: a supplier who is
// to follow all requests of a kind. They hear so above the mail that they are shown first.
func (in *inbound) ruledObservers() error {
	for _, typed := range in.outcome.Observe {
		a, err := addr.Parse(typed)
		if err != nil || in.ours(a) || public(in.t.Who(a)) || in.distrusted() {
			continue
		}
		if len(observersOutside(in.t)) >= maxObservers || len(in.t.Participants) >= maxInTicket || in.t.Full() {
			return nil
		}
		who, err := in.admitObserver(addr.Mailbox{Address: a}, ticket.System)
		if err != nil {
			return err
		}
		switch {
		case who == nil:
		case in.mail.IsSealed(): // nothing can stand above it
			err = in.greetObserver(who, "")
		default:
			in.admitted = append(in.admitted, who.ID)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// distrusted: a mail that nobody outside is to be sent by us on a stranger's word.
func (in *inbound) distrusted() bool {
	return in.t.Suspect || in.facts.Filter.Spam || in.facts.Filter.Malware || in.facts.Class.Automatic
}

// showOutside sends the customer's mail to the observers outside, as their own
// mail of the desk: no mark and no address of others is in it.
func (in *inbound) showOutside() error {
	if in.m == nil || in.m.Kind != ticket.KindIn || in.distrusted() {
		return nil
	}
	if in.m.Seq == 1 && len(observersOutside(in.t)) > 0 {
		if err := in.countShown(); err != nil {
			return err
		}
	}
	return in.showObservers(func(head compose.Head, admits *config.Team) (compose.ReplyOut, error) {
		out := in.outbound()
		head.From.Name = compose.ViaName(in.m.From, in.team)
		return in.w.compose.Reply(compose.ReplyIn{Head: head, Mail: in.mail, Rewrite: out.rewrite, Secrets: in.w.secrets, Logins: in.w.logins, IsToken: out.isToken,
			Admits: admits, Ticket: in.w.ticketData(in.t)})
	})
}

// showReply sends an agent's answer to the observers outside.
func (out *outbound) showReply() error {
	return out.showObservers(func(head compose.Head, _ *config.Team) (compose.ReplyOut, error) { return out.composeWith(head) })
}

// showObservers writes one mail for each observer outside, in a thread of its
// own. write is told which team admits the reader by it, nil for who was there before.
func (in *inbound) showObservers(write func(head compose.Head, admits *config.Team) (compose.ReplyOut, error)) error {
	for _, who := range observersOutside(in.t) {
		if who.Address.Key() == in.author.Address.Key() {
			continue
		}
		m := in.p.minter(in.w, in.t)
		mark := m.nextIn(0, addr.Person{N: who.ID})
		var admits *config.Team
		if slices.Contains(in.admitted, who.ID) {
			admits = in.team
		}
		composed, err := write(compose.Head{From: addr.Mailbox{Address: m.sideAddress(0, addr.Person{N: who.ID})}, To: []addr.Mailbox{answerTo(who)},
			Subject: in.w.customerSubject(in.t), Date: in.at, MessageID: mark.messageID, InReplyTo: mark.thread, References: []string{mark.thread}}, admits)
		if err != nil {
			return err
		}
		if leaks(composed.Findings) {
			if err := in.notShown(who, admits != nil); err != nil {
				return err
			}
			continue
		}
		row := store.Outgoing{From: mark.sender, To: answerTo(who).Address, Domain: in.team.Address.Domain, MessageID: mark.messageID, Item: mark.item,
			Purpose: store.PurposeAside, Ticket: in.t.Number, Message: in.m.Seq, Due: in.at, Created: in.at}
		if in.waits {
			row.State, row.Reason = store.Held, BreakerReason
		}
		if err := in.p.enqueue(in.tx, composed.Source, row); err != nil {
			return err
		}
	}
	return nil
}

// leaks says whether something was found that must not leave; that a text is
// empty or can't be read is the business of who wrote it.
func leaks(found []compose.Finding) bool {
	return slices.ContainsFunc(found, func(f compose.Finding) bool {
		return f.Kind == compose.FindSecret || f.Kind == compose.FindToken || f.Kind == compose.FindBlock
	})
}

// notShown writes down that an observer was not sent a mail; who was to be admitted by it gets a letter.
func (in *inbound) notShown(who *ticket.Participant, admits bool) error {
	if admits {
		if err := in.greetObserver(who, ""); err != nil {
			return err
		}
	}
	return in.event(ticket.Event{By: ticket.System, What: ticket.DeliveryFailed, Message: in.m.Seq, Data: map[string]string{
		"to": who.Address.String(), "purpose": string(store.PurposeAside), "text": "not shown to an observer: it bears what must not leave"}})
}

// observed is a mail of an observer outside, or of a stranger in an observer's
// thread: a note. An automatic one is kept, and disturbs nobody.
func (in *inbound) observed(who *ticket.Participant) error {
	in.facts.Ack = rules.Ack{Reason: rules.ReasonNotNew, Line: 1, Ticket: rules.DispositionNormal}
	in.facts.Decision = "an observer's note in ticket " + strconv.FormatUint(in.t.Number, 10)
	if in.facts.Class.Automatic {
		if err := in.keep(ticket.KindAuto); err != nil {
			return err
		}
		return in.event(ticket.Event{By: in.sender(), What: ticket.Automatic, Message: in.m.Seq})
	}
	if err := in.keep(ticket.KindNote); err != nil {
		return err
	}
	in.m.Excerpt = excerpt(in.newText())
	if err := in.event(ticket.Event{By: in.sender(), What: ticket.Noted, Message: in.m.Seq}); err != nil {
		return err
	}
	if who == nil || who.Relation != ticket.Observer {
		in.warn(compose.WarnVisitor, in.author.Address.String())
	}
	in.doubts()
	c := copyOf{t: in.t, m: in.m, mail: in.mail, kind: compose.CopyObserver, cautions: in.caution, at: in.at, why: in.facts.why()}
	var err error
	if c.readers, c.review, err = in.readers(); err != nil {
		return err
	}
	c.cautions = in.caution
	if len(c.readers) == 0 {
		return in.noReader()
	}
	return in.p.sendCopies(in.tx, in.w, c)
}

// undeliveredOutside tells the agent in words that somebody outside who is not
// the customer did not get a mail: what waited for that person is ours again, and
// an observer is sent nothing more.
func (p *Pipeline) undeliveredOutside(tx store.Tx, w *world, t *ticket.Ticket, row store.Outgoing, now time.Time) error {
	if err := store.AddEvent(tx, t, deliveryEvent(ticket.DeliveryFailed, row, now)); err != nil {
		return err
	}
	m, err := store.GetMessage(tx, t.Number, row.Message)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return err
	}
	if t.Status == ticket.Hold && m.Aside != 0 {
		open := ticket.Event{At: now, By: ticket.System, What: ticket.StatusChanged, Data: map[string]string{"status": string(ticket.Open)}}
		if err := store.AddEvent(tx, t, open); err != nil {
			return err
		}
	}
	if who := t.Who(row.To); row.Agent == "" && who != nil && who.Relation == ticket.Observer {
		left := ticket.Event{At: now, By: ticket.System, What: ticket.Left, Data: numbered("participant", who.ID)}
		if err := store.AddEvent(tx, t, left); err != nil {
			return err
		}
	}
	return p.tellWriter(tx, w, t, row, compose.NoticeFailed, now)
}
