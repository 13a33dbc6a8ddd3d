package pipeline

import (
	"fmt"
	"slices"
	"strconv"
	"time"

	"postdesk/internal/compose"
	"postdesk/internal/config"
	"postdesk/internal/ticket"
	"postdesk/rules"
	"postdesk/store"
)

// maxInstances is how many single instances of a series are followed.
const maxInstances = 100

// calendar is the mail's calendar message, nil for none and for one that can't be
// read. It is read once: several stages ask.
func (d *delivery) calendar() *compose.Calendar {
	if !d.dated {
		d.event, d.eventFault = compose.ReadCalendar(d.mail)
		d.dated = true
	}
	if d.event != nil && (d.event.Method == "" || d.event.Method == "PUBLISH") {
		return nil
	}
	return d.event
}

// calendarEvidence points to the tickets that know the event of a calendar message.
// It is no stronger than a Message-ID that everybody knows who got the mail.
func (d *delivery) calendarEvidence(tx store.ReadTx) ([]rules.Evidence, error) {
	cal := d.calendar()
	if cal == nil {
		return nil, nil
	}
	numbers, err := store.ByUID(tx, cal.UID)
	var list []rules.Evidence
	for _, n := range numbers {
		list = append(list, rules.Evidence{Strength: rules.ByHeldID, Ticket: n})
	}
	return list, err
}

// invitation reads what a mail from outside says about a calendar's event, and
// decides whether agents' calendars may follow it: RFC 5546 §2.1.
func (in *inbound) invitation() error {
	cal := in.calendar()
	if cal == nil {
		if in.eventFault != nil {
			in.facts.Calendar = "it can't be read, and is shown as a text"
			in.warn(compose.WarnInvitationBroken, "")
		}
		return nil
	}
	inv, err := store.GetInvitation(in.tx, in.t.Number, cal.UID)
	if err != nil {
		return err
	}
	if inv == nil {
		return in.invited(cal)
	}
	known, seen := inv.Latest[clip(cal.Recurrence)]
	now := store.Revision{Sequence: cal.Sequence, Stamp: cal.Stamp}
	switch {
	case !in.speaksFor(inv, cal):
		in.facts.Calendar = clip(cal.Method) + " about an event that is not the writer's: shown as a text"
		in.warn(compose.WarnInvitationForged, "")
		return nil
	case organises(cal.Method) && seen && now.Before(known):
		in.facts.Calendar = clip(cal.Method) + ", older than what came before: shown as a text"
		in.warn(compose.WarnInvitationOld, "")
		return nil
	}
	in.followEvent(inv, cal)
	return in.putInvitation(inv, cal)
}

// organises: it comes from who organises the event, not from who was invited.
func organises(method string) bool {
	switch method {
	case "REQUEST", "ADD", "CANCEL", "DECLINECOUNTER":
		return true
	}
	return false
}

// invited is the first that is heard of an event in this ticket. Of one that is
// another ticket's, of a visitor's, and of what changes an event that nobody
// knows, no calendar hears.
func (in *inbound) invited(cal *compose.Calendar) error {
	others, err := in.knownElsewhere(cal.UID)
	if err != nil {
		return err
	}
	switch {
	case others:
		in.facts.Calendar = clip(cal.Method) + " about an event of another ticket: shown as a text"
		in.warn(compose.WarnInvitationForged, "")
		return nil
	case cal.Method != "REQUEST" || in.m.Kind == ticket.KindVisitor || in.t.Invitations >= store.MaxInvitations:
		in.facts.Calendar = clip(cal.Method) + " about an event that nobody knows here: shown as a text"
		return nil
	}
	inv := &store.Invitation{UID: cal.UID, Organiser: cal.Organiser, Sender: in.author.Address}
	if inv.Organiser.IsZero() {
		inv.Organiser = in.author.Address
	}
	in.followEvent(inv, cal)
	return in.putInvitation(inv, cal)
}

// knownElsewhere says whether an event that is no invitation of this ticket is known
// all the same: another ticket's, or an activity that an agent has planned. The ticket
// that this one follows is no other.
func (in *inbound) knownElsewhere(uid string) (bool, error) {
	numbers, err := store.ByUID(in.tx, uid)
	if err != nil {
		return false, err
	}
	for _, n := range numbers {
		inv, err := store.GetInvitation(in.tx, n, uid)
		if err != nil {
			return false, err
		}
		if inv == nil || n != in.facts.Thread.LinkedTo {
			return true, nil
		}
	}
	return false, nil
}

// speaksFor says whether the writer may change an event: the organiser, or who sent
// the invitation in the organiser's place, from an address that is backed. To one that
// an agent has called, whoever takes part in the ticket may answer.
func (in *inbound) speaksFor(inv *store.Invitation, cal *compose.Calendar) bool {
	if in.facts.Auth.Backed == "" || in.m.Kind == ticket.KindVisitor {
		return false
	}
	if inv.Agent != "" {
		return !organises(cal.Method) && in.t.Who(in.author.Address) != nil
	}
	who := in.author.Address.Key()
	return organises(cal.Method) && (who == inv.Organiser.Key() || who == inv.Sender.Key())
}

// followEvent makes the message what the event is now.
func (in *inbound) followEvent(inv *store.Invitation, cal *compose.Calendar) {
	if inv.Agent != "" || cal.Method == "DECLINECOUNTER" {
		inv.Passing = in.m.Seq
		return
	}
	if cal.Recurrence == "" && cal.Method == "REQUEST" {
		inv.Message, inv.Since, inv.Latest, inv.Cancelled, inv.Over = in.m.Seq, nil, nil, false, cal.Over
	} else if len(inv.Since) < maxInstances {
		inv.Since = append(inv.Since, in.m.Seq)
		if inv.Message == 0 {
			inv.Message = in.m.Seq
		}
	}
	if cal.Method == "CANCEL" && cal.Recurrence == "" {
		inv.Cancelled = true
	}
	if inv.Latest == nil {
		inv.Latest = map[string]store.Revision{}
	}
	if len(inv.Latest) <= maxInstances {
		inv.Latest[clip(cal.Recurrence)] = store.Revision{Sequence: cal.Sequence, Stamp: cal.Stamp}
	}
	if cal.Method != "CANCEL" {
		inv.Declined, inv.Answered = nil, nil
	}
}

func (in *inbound) putInvitation(inv *store.Invitation, cal *compose.Calendar) error {
	in.facts.Calendar = fmt.Sprintf("%s, sequence %d, of who may speak for the event", clip(cal.Method), cal.Sequence)
	data := map[string]string{"uid": clip(cal.UID), "sequence": strconv.Itoa(cal.Sequence), "method": clip(cal.Method)}
	if err := in.event(ticket.Event{By: in.sender(), What: ticket.Invited, Message: in.m.Seq, Data: data}); err != nil {
		return err
	}
	return store.PutInvitation(in.tx, in.t, inv)
}

// invite says what becomes of the calendar in an agent's copy. It is live for who
// looks after the ticket, and as long as nobody does for the whole team: who
// accepts takes it. All others are shown it.
func (p *Pipeline) invite(tx store.Tx, w *world, c copyOf, agent *config.Agent, in *compose.CopyIn) error {
	if c.kind != compose.CopyCustomer || c.mail.CalendarPart() == nil {
		return nil
	}
	cal, err := compose.ReadCalendar(c.mail)
	if err != nil || cal == nil || cal.UID == "" {
		return nil // the copy shows what can't be read
	}
	inv, err := store.GetInvitation(tx, c.t.Number, cal.UID)
	if err != nil || inv == nil || !inv.Live(c.m.Seq) || !w.attends(inv, c, agent) {
		return err
	}
	if c.m.Seq != inv.Message && inv.Agent == "" && !inv.Holds(agent.ID) {
		return nil // a change of what is not in this calendar yet
	}
	in.Invite = compose.InviteLive
	w.expectAttendance(c, cal, agent, in)
	switch {
	case cal.Method == "REQUEST" || cal.Method == "ADD":
		if !c.at.Equal(c.m.At) {
			in.Stamp = c.at // newer than what may have taken it out of this calendar
		}
		inv.Hold(agent.ID)
	case cal.Method == "CANCEL" && cal.Recurrence == "":
		inv.Drop(agent.ID)
	}
	return store.PutInvitation(tx, c.t, inv)
}

// expectAttendance says what the desk expects of who gets a live invitation. Some
// calendar programs mark their mails as automatic; that changes nothing here.
func (w *world) expectAttendance(c copyOf, cal *compose.Calendar, agent *config.Agent, in *compose.CopyIn) {
	in.Cautions = slices.DeleteFunc(slices.Clone(in.Cautions), func(x compose.Caution) bool { return x.Warning == compose.WarnAutomatic })
	switch {
	case cal.Method != "REQUEST":
	case c.t.Assignee == agent.ID:
		in.Expect = compose.ExpectAttend
	case w.agents[c.t.Assignee] == nil:
		in.Expect = compose.ExpectAttendTake
	}
}

// attends says whether an event belongs in an agent's calendar.
func (w *world) attends(inv *store.Invitation, c copyOf, agent *config.Agent) bool {
	switch {
	case inv.Agent != "":
		return inv.Agent == agent.ID
	case w.agents[c.t.Assignee] != nil:
		return c.t.Assignee == agent.ID
	}
	return agent.Role != config.RoleObserver && inTeam(w.teamOf(c.t), agent.ID)
}

// followCalendar brings invitations and activities to who looks after the ticket
// now. It is asked whenever a ticket is saved, whatever gave it another agent.
func (p *Pipeline) followCalendar(tx store.Tx, w *world, t *ticket.Ticket, now time.Time) error {
	if t.MergedInto != 0 || t.Erased || w.agents[t.Assignee] == nil {
		return nil
	}
	if err := p.followActivities(tx, w, t, now); err != nil {
		return err
	}
	list, err := store.Invitations(tx, t)
	if err != nil {
		return err
	}
	for sent := 0; len(list) > 0 && sent < maxFollowed; list = list[1:] {
		inv := list[0]
		if inv.Agent != "" || inv.Cancelled || !inv.Over.IsZero() && inv.Over.Before(now) {
			continue
		}
		before := t.Outgoing
		if err := p.followInvitation(tx, w, t, inv, now); err != nil {
			return err
		}
		sent += int(t.Outgoing - before)
	}
	return nil
}

// maxFollowed is about how many mails go at once when invitations follow a
// ticket: each is a mail of the customer once more, and all others wait meanwhile.
// Further invitations follow when the ticket is saved next; of the single
// instances of one series, the newest.
const maxFollowed = 20

// followInvitation takes one out of the calendars of all but the assignee, who
// gets the newest.
func (p *Pipeline) followInvitation(tx store.Tx, w *world, t *ticket.Ticket, inv *store.Invitation, now time.Time) error {
	others := slices.DeleteFunc(slices.Clone(inv.Holders), func(id string) bool { return id == t.Assignee })
	fresh := !inv.Holds(t.Assignee)
	if len(others) == 0 && !fresh {
		return nil
	}
	c, err := copyHere(tx, t, inv.Message, now)
	if err != nil {
		return err
	}
	for _, id := range others {
		if c != nil {
			if err := p.withdraw(tx, w, *c, id, now); err != nil {
				return err
			}
		}
		inv.Drop(id)
	}
	inv.Hold(t.Assignee) // also when there is nothing left to send: once is enough
	if err := store.PutInvitation(tx, t, inv); err != nil || !fresh {
		return err
	}
	all := []uint64{inv.Message}
	for _, seq := range inv.Since[max(0, len(inv.Since)-maxFollowed):] {
		if seq != inv.Message { // of a series of which only single instances came
			all = append(all, seq)
		}
	}
	for _, seq := range all {
		if err := p.sendAgain(tx, w, t, seq, now); err != nil {
			return err
		}
	}
	return nil
}

// copyHere is copyAgain; nil too for a message that is another ticket's now.
func copyHere(tx store.ReadTx, t *ticket.Ticket, seq uint64, now time.Time) (*copyOf, error) {
	m, err := store.GetMessage(tx, t.Number, seq)
	if err != nil || m.Kind == ticket.KindMoved {
		return nil, err
	}
	return copyAgain(tx, t, seq, now)
}

// sendAgain sends the assignee a mail of the ticket.
func (p *Pipeline) sendAgain(tx store.Tx, w *world, t *ticket.Ticket, seq uint64, now time.Time) error {
	c, err := copyHere(tx, t, seq, now)
	if err != nil || c == nil {
		return err
	}
	c.readers, c.why = []string{t.Assignee}, "an invitation that goes with the ticket"
	return p.sendCopies(tx, w, *c)
}

// withdraw takes an invitation out of an agent's calendar.
func (p *Pipeline) withdraw(tx store.Tx, w *world, c copyOf, id string, now time.Time) error {
	agent := w.agents[id]
	if agent == nil {
		return nil
	}
	m := p.minter(w, c.t)
	mark := m.next(m.agent(id))
	src, err := w.compose.Withdraw(compose.WithdrawIn{
		Head: p.agentHead(w, c.t, agent, mark, now), Team: m.team, From: m.replyTo(id, false), Invitation: c.mail, Assignee: w.assigneeName(c.t), Stamp: now,
	})
	if err != nil {
		return nil // what can't be read now was never in a calendar
	}
	return p.enqueue(tx, src, store.Outgoing{To: agent.Address, Domain: w.signer(m.team), MessageID: mark.messageID, Item: mark.item,
		Purpose: store.PurposeNotice, Ticket: c.t.Number, Agent: id, Due: now, Created: now})
}
