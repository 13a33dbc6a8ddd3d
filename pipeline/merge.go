package pipeline

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"postdesk/internal/addr"
	"postdesk/internal/compose"
	"postdesk/internal/ticket"
	"postdesk/store"
)

// merge is #merge: this ticket and others become one. The oldest stays, however
// it is typed, since its customer has had its number longest; all numbers,
// addresses and mails lead to it from now on.
func (out *outbound) merge(c ticket.Command) (string, error) {
	numbers, ok := ticket.ParseNumbers(c.Arg)
	if !ok {
		return "", refuse(c, words(out.lang(), "mergeWhat"))
	}
	var all []string
	for _, n := range numbers {
		other, err := out.mergeable(c, n)
		if err != nil {
			return "", err
		}
		all = append(all, strconv.FormatUint(out.t.Number, 10), strconv.FormatUint(other.Number, 10))
		if err := out.unite(other); err != nil {
			return "", err
		}
		if out.t.Full() {
			return "", refuse(c, fmt.Sprintf(words(out.lang(), "mergeFull"), n))
		}
	}
	return out.inWords(out.saidMerge(c, all)), nil
}

// mergeable is the ticket that a number leads to, when it may become one with
// this. One that the agent may not see is as if it were not there.
func (out *outbound) mergeable(c ticket.Command, number uint64) (*ticket.Ticket, error) {
	other, err := store.LiveTicket(out.tx, number)
	if errors.Is(err, store.ErrNotFound) || err == nil && !out.w.sees(out.agent, other) {
		return nil, refuse(c, fmt.Sprintf(words(out.lang(), "mergeUnknown"), number))
	}
	if err != nil {
		return nil, err
	}
	together, err := out.together(other)
	if err != nil {
		return nil, err
	}
	switch {
	case other.Number == out.t.Number:
		return nil, refuse(c, words(out.lang(), "mergeSame"))
	case other.Erased || out.t.Erased:
		return nil, refuse(c, words(out.lang(), "mergeErased"))
	case !together:
		theirs, ours := other.Requester(), out.t.Requester()
		return nil, refuse(c, fmt.Sprintf(words(out.lang(), "mergeOther"), other.Number, whose(theirs), whose(ours), theirs.Address))
	}
	return other, out.movable(c, younger(out.t, other))
}

// movable adds up the messages that this mail moves: one transaction holds only so many.
func (out *outbound) movable(c ticket.Command, gone *ticket.Ticket) error {
	size, err := store.MessagesSize(out.tx, gone.Number)
	if err != nil {
		return err
	}
	if size > store.MaxMoved {
		return refuse(c, fmt.Sprintf(words(out.lang(), "mergeLarge"), gone.Number))
	}
	if out.moving += size; out.moving > store.MaxMoved {
		return refuse(c, words(out.lang(), "mergeSum"))
	}
	return nil
}

// together says whether two tickets may become one: they are of one side, or an
// agent took the customer of one into the other. That a customer did is no word of
// the one who was named.
func (out *outbound) together(other *ticket.Ticket) (bool, error) {
	if ticket.SameSide(out.t, other) {
		return true, nil
	}
	if ok, err := out.takenIn(out.t, other.Requester().Address); ok || err != nil {
		return ok, err
	}
	return out.takenIn(other, out.t.Requester().Address)
}

// takenIn says whether an agent's command put an address on the customer's side of
// a ticket, now or before.
func (out *outbound) takenIn(t *ticket.Ticket, who addr.Address) (taken bool, err error) {
	if !t.Hears(who) {
		return false, nil
	}
	for _, c := range out.commands {
		people, _ := ticket.ParsePeople(c.Arg)
		taken = taken || t == out.t && c.Name == ticket.CmdCc && slices.ContainsFunc(people, func(p ticket.Person) bool { return p.Sign >= 0 && p.Mailbox.Address.Key() == who.Key() })
	}
	if taken {
		return true, nil
	}
	err = store.Events(out.tx, t.Number, func(e ticket.Event) error {
		taken = taken || e.By.Kind == ticket.ByAgent && e.Participant != nil && e.Participant.Address.Key() == who.Key()
		return nil
	})
	return taken, err
}

func younger(a, b *ticket.Ticket) *ticket.Ticket {
	if a.Number > b.Number {
		return a
	}
	return b
}

// whose names a customer to an agent.
func whose(p *ticket.Participant) string {
	if p.Name == "" {
		return p.Address.String()
	}
	return p.Name + " (" + p.Address.String() + ")"
}

// unite makes one of this ticket and another, and this mail's the one that is
// left.
func (out *outbound) unite(other *ticket.Ticket) error {
	gone := younger(out.t, other)
	stay := other
	if gone == other {
		stay = out.t
	}
	status, since := ticket.Together(stay, gone)
	had := out.p.attending(out.w, gone)
	stay.Absorb(gone)
	if err := out.moveMessages(gone, stay); err != nil {
		return err
	}
	if err := out.mergeEvents(gone, stay, status); err != nil {
		return err
	}
	stay.TurnSince = since
	if err := store.MoveHeld(out.tx, gone.Number, stay.Number); err != nil {
		return err
	}
	if err := out.p.save(out.tx, out.w, gone); err != nil {
		return err
	}
	if err := out.p.save(out.tx, out.w, stay); err != nil {
		return err
	}
	out.t, out.team, out.was = stay, out.w.teamOf(stay), stay.Assignee
	return out.tellMerged(gone, had)
}

// moveMessages takes all of one ticket to the other; this mail may be one of
// them.
func (out *outbound) moveMessages(gone, stay *ticket.Ticket) error {
	places := map[uint64]uint64{}
	for seq := uint64(1); seq <= gone.Messages; seq++ {
		to, err := store.MoveMessage(out.tx, gone, seq, stay)
		if err != nil {
			return err
		}
		places[seq] = to
	}
	if err := store.MoveCalendar(out.tx, gone, stay, places, true); err != nil {
		return err
	}
	if out.t == gone && out.m != nil {
		out.m.Seq, out.m.Was = places[out.m.Seq], gone.Number
	}
	return nil
}

// mergeEvents says in both histories what happened. Nobody's ticket that becomes
// one with somebody's is that one's.
func (out *outbound) mergeEvents(gone, stay *ticket.Ticket, status ticket.Status) error {
	events := []ticket.Event{{What: ticket.Merged, Data: numbered("number", gone.Number)}}
	if out.w.agents[stay.Assignee] == nil && out.w.agents[gone.Assignee] != nil {
		events = append(events, ticket.Event{What: ticket.Assigned, Data: map[string]string{"agent": gone.Assignee, "why": "merge"}})
	}
	if status != stay.Status {
		events = append(events, ticket.Event{What: ticket.StatusChanged, Data: map[string]string{"status": string(status), "why": "merge"}})
	}
	if err := out.eventsOf(stay, events...); err != nil {
		return err
	}
	if p := gone.Requester(); p != nil && p.Contact != 0 {
		if err := store.AddRequest(out.tx, p.Contact, stay.Number); err != nil {
			return err
		}
	}
	return out.eventsOf(gone, ticket.Event{What: ticket.MergedAway, Data: numbered("number", stay.Number)})
}

// eventsOf writes what this agent did to a ticket that need not be the mail's.
func (out *outbound) eventsOf(t *ticket.Ticket, events ...ticket.Event) error {
	for _, e := range events {
		e.At, e.By = out.at, out.by()
		out.happened = append(out.happened, e.What)
		if err := store.AddEvent(out.tx, t, e); err != nil {
			return err
		}
	}
	return nil
}

// tellMerged sends who looks after the ticket now the customer's latest mail of
// the one that came in, if it was not theirs, and tells who had it where it is.
func (out *outbound) tellMerged(gone *ticket.Ticket, had []string) error {
	fresh := slices.DeleteFunc(slices.Clone(out.p.attending(out.w, out.t)), func(id string) bool { return slices.Contains(had, id) })
	if err := out.copyCame(gone.Number, fresh); err != nil {
		return err
	}
	if id := gone.Assignee; id != "" && id != out.agent.ID && id != out.t.Assignee {
		line := fmt.Sprintf(words(out.lang(), "mergeTold"), out.agent.Name, gone.Number, out.t.Number, out.lookedAfter())
		return out.tell(id, line)
	}
	return nil
}

// copyCame sends agents the latest mail of a customer that came with a merged
// ticket.
func (out *outbound) copyCame(number uint64, readers []string) error {
	if len(readers) == 0 {
		return nil
	}
	var last uint64
	err := store.LatestMessages(out.tx, out.t.Number, maxLookBack, func(m ticket.Message) error {
		if last == 0 && m.Was == number && m.Kind == ticket.KindIn {
			last = m.Seq
		}
		return nil
	})
	if err != nil || last == 0 {
		return err
	}
	c, err := copyAgain(out.tx, out.t, last, out.at)
	if err != nil || c == nil {
		return err
	}
	c.readers, c.why = readers, "ticket "+strconv.FormatUint(number, 10)+" was merged into this one by "+out.agent.ID
	return out.p.sendCopies(out.tx, out.w, *c)
}

// tell sends a colleague one sentence about this ticket.
func (out *outbound) tell(id, line string) error {
	return out.p.notify(out.tx, out.w, notice{kind: compose.NoticeNews, agent: out.w.agents[id], t: out.t, at: out.at,
		data: compose.NoticeData{Lines: []string{line + "."}}})
}

// lookedAfter says by whom the ticket is looked after, in the middle of a
// sentence.
func (out *outbound) lookedAfter() string {
	if name := out.w.assigneeName(out.t); name != "" {
		return fmt.Sprintf(words(out.lang(), "lookedAfter"), name)
	}
	return ""
}

// saidMerge is the transcript's sentence: which number stays, and who hears of
// it from now on.
func (out *outbound) saidMerge(c ticket.Command, numbers []string) string {
	var others []string
	for _, n := range numbers {
		if n != strconv.FormatUint(out.t.Number, 10) && !slices.Contains(others, n) {
			others = append(others, n)
		}
	}
	said := fmt.Sprintf(words(out.lang(), "doneMerge"), c.Line, strings.Join(others, ", "), out.t.Number, out.lookedAfter())
	to, cc := out.t.Audience()
	if to == nil || len(cc) == 0 {
		return said
	}
	var list []string
	for _, p := range cc {
		list = append(list, whose(p))
	}
	return said + fmt.Sprintf(words(out.lang(), "mergeCc"), whose(to), strings.Join(list, ", "))
}

// inWords gives the sentence to the transcript; where the mail had a text too,
// there is none, and it goes in a notice of its own.
func (out *outbound) inWords(said string) string {
	if !out.commandsOnly() {
		out.page(compose.NoticeTranscript, compose.NoticeData{Lines: []string{said}, Yes: out.m.Kind == ticket.KindOut})
	}
	return said
}
