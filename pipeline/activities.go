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
	"postdesk/store"
)

// Bounds of what is planned in one ticket: the activities that wait to be done,
// and the bytes of a title.
const (
	maxOpenActivities = 50
	maxTitle          = 200
)

// plan is #task, #call, #event and #remind: an entry in the agent's own calendar,
// and a mail when it is due.
func (out *outbound) plan(c ticket.Command) (string, error) {
	lang := out.lang()
	zone := zoneOf(out.team)
	start, day, title, ok := ticket.ParseWhen(c.Arg, out.at, zone)
	example := fmt.Sprintf(planWords(lang, "example"), c.Name, planWords(lang, "exampleText"))
	open, err := store.OpenActivities(out.tx, out.t)
	switch {
	case err != nil:
		return "", err
	case !ok:
		return "", refuse(c, planWords(lang, "noMoment"), example)
	case !compose.ActivityKind(c.Name).Ends(start, day).After(out.at):
		return "", refuse(c, planWords(lang, "past"), example)
	case out.t.Status == ticket.Closed:
		return "", refuse(c, planWords(lang, "closedActivity"), "#reopen")
	case len(open) >= maxOpenActivities || out.t.Activities >= store.MaxActivities:
		return "", refuse(c, planWords(lang, "manyActivities"), "#done")
	}
	title = cut(strings.TrimSpace(title), maxTitle)
	if said, err := out.putOff(c, title, start, day); err != nil || said != "" {
		return said, err
	}
	if title == "" {
		title = cut(strings.TrimSpace(out.t.Subject), maxTitle)
	}
	a := &store.Activity{Agent: out.agent.ID, Kind: string(c.Name), Title: title, Start: start.UTC(), Day: day,
		Due: reminderAt(out.team, start, day, out.at), Follows: out.t.Assignee == out.agent.ID}
	store.AddActivity(out.t, a)
	a.UID = fmt.Sprintf("activity-%d-%d@%s", out.t.Number, a.N, out.team.Address.Domain)
	data := map[string]string{"activity": strconv.FormatUint(a.N, 10), "kind": a.Kind, "title": a.Title, "at": start.UTC().Format(time.RFC3339)}
	if err := out.event(ticket.Event{By: out.by(), What: ticket.Planned, Data: data}); err != nil {
		return "", err
	}
	if err := store.IndexUID(out.tx, a.UID, out.t.Number); err != nil {
		return "", err
	}
	if err := out.p.sendActivity(out.tx, out.w, out.t, a, false, out.at); err != nil {
		return "", err
	}
	return fmt.Sprintf(planWords(lang, "planned"), c.Line, a.Title, compose.MomentWords(start, day, lang), a.N), nil
}

// putOff is #remind 2d in answer to an activity's mail, without a text, or with
// that of an activity of the agent's: the same thing, later. It gives "" for any other.
func (out *outbound) putOff(c ticket.Command, title string, start time.Time, day bool) (string, error) {
	list, err := store.OpenActivities(out.tx, out.t)
	if err != nil || c.Name != ticket.CmdRemind {
		return "", err
	}
	a := out.answeredActivity(list)
	if a != nil && title != "" && title != a.Title {
		return "", nil
	}
	if i := slices.IndexFunc(list, func(a *store.Activity) bool { return a.Title == title && a.Agent == out.agent.ID }); a == nil && i >= 0 {
		a = list[i]
	}
	if a == nil {
		return "", nil
	}
	a.Start, a.Day, a.Due = start.UTC(), day, reminderAt(out.team, start, day, out.at)
	a.Sequence++
	data := map[string]string{"activity": strconv.FormatUint(a.N, 10), "kind": a.Kind, "title": a.Title, "at": a.Start.Format(time.RFC3339)}
	if err := out.event(ticket.Event{By: out.by(), What: ticket.Planned, Data: data}); err != nil {
		return "", err
	}
	said := fmt.Sprintf(planWords(out.lang(), "putOff"), c.Line, a.Title, compose.MomentWords(start, day, out.lang()))
	return said, out.p.sendActivity(out.tx, out.w, out.t, a, false, out.at)
}

// zoneOf is the time zone of a team's clocks.
func zoneOf(team *config.Team) *time.Location {
	if team.Hours.Zone == nil {
		return time.UTC
	}
	return team.Hours.Zone
}

// reminderAt is when the mail goes: at the moment itself, or in the morning of a day,
// when the team opens. Of a day that has begun it goes in an hour.
func reminderAt(team *config.Team, start time.Time, day bool, now time.Time) time.Time {
	if !day {
		return start.UTC()
	}
	morning := team.Hours.From
	if morning <= 0 {
		morning = 9 * time.Hour
	}
	y, m, d := start.Date()
	at := time.Date(y, m, d, int(morning/time.Hour), int(morning/time.Minute)%60, 0, 0, start.Location())
	if !at.After(now) {
		at = now.Add(time.Hour)
	}
	return at.UTC()
}

// sendActivity writes the invitation, or what takes it back, to the agent in
// whose calendar it is, and the activity.
func (p *Pipeline) sendActivity(tx store.Tx, w *world, t *ticket.Ticket, a *store.Activity, cancel bool, now time.Time) error {
	agent := w.agents[a.Agent]
	if agent == nil {
		return store.PutActivity(tx, t.Number, a)
	}
	m := p.minter(w, t)
	mark := m.next(m.agent(agent.ID))
	src, err := w.compose.Activity(compose.ActivityIn{
		Head: p.agentHead(w, t, agent, mark, now),
		Team: m.team, From: m.replyTo(agent.ID, false), Kind: compose.ActivityKind(a.Kind), UID: a.UID, Sequence: a.Sequence,
		Summary: tagged(a.Title, w.cfg.Tickets.TagAgents, t.Number), Text: w.activityText(t) + "\n\n" + planWords(m.team.Language, "doneHint"),
		Start: a.Start.In(zoneOf(m.team)), Day: a.Day, Cancel: cancel, Agent: agent.Name,
	})
	if err != nil {
		return err
	}
	a.Sent(t.Number, mark.item)
	row := store.Outgoing{To: agent.Address, Domain: w.signer(m.team), MessageID: mark.messageID, Item: mark.item, Purpose: store.PurposeNotice,
		Ticket: t.Number, Agent: agent.ID, Due: now, Created: now}
	if err := p.enqueue(tx, src, row); err != nil {
		return err
	}
	return store.PutActivity(tx, t.Number, a)
}

// agentHead is the header of a mail of ours to an agent, in the thread of its ticket.
func (p *Pipeline) agentHead(w *world, t *ticket.Ticket, agent *config.Agent, mark marks, now time.Time) compose.Head {
	return compose.Head{To: []addr.Mailbox{{Name: agent.Name, Address: agent.Address}}, Subject: w.agentSubject(t), Date: now,
		MessageID: mark.messageID, InReplyTo: mark.thread, References: []string{mark.thread}, Loop: p.minter(w, t).loop()}
}

// activityText says in the calendar what it is about.
func (w *world) activityText(t *ticket.Ticket) string {
	lang := w.teamOf(t).Language
	lines := []string{fmt.Sprintf(planWords(lang, "ticketLine"), t.Number, t.Subject)}
	if r := t.Requester(); r != nil {
		lines = append(lines, fmt.Sprintf(planWords(lang, "customerLine"), strings.TrimSpace(r.Name+" <"+r.Address.String()+">")))
	}
	return strings.Join(lines, "\n")
}

// done is #done: by number, of the mail that is answered, or of the only one.
func (out *outbound) done(c ticket.Command) (string, error) {
	a, err := out.whichActivity(c)
	if err != nil {
		return "", err
	}
	if !a.Open() {
		return fmt.Sprintf(planWords(out.lang(), "doneAlready"), c.Line, a.Title), nil
	}
	if err := out.endActivity(a, store.ActivityDone); err != nil {
		return "", err
	}
	return fmt.Sprintf(planWords(out.lang(), "done"), c.Line, a.Title), nil
}

func (out *outbound) whichActivity(c ticket.Command) (*store.Activity, error) {
	all, err := store.Activities(out.tx, out.t)
	if err != nil {
		return nil, err
	}
	open := slices.DeleteFunc(slices.Clone(all), func(a *store.Activity) bool { return !a.Open() })
	if c.Arg != "" {
		n, _ := strconv.ParseUint(strings.TrimLeft(strings.ToLower(c.Arg), "#n°o. "), 10, 64)
		if i := slices.IndexFunc(open, func(a *store.Activity) bool { return a.N == n }); i >= 0 {
			return open[i], nil
		}
		return nil, refuse(c, planWords(out.lang(), "noSuchActivity"), doneForms(open)...)
	}
	if a := out.answeredActivity(all); a != nil {
		return a, nil
	}
	own := slices.DeleteFunc(slices.Clone(open), func(a *store.Activity) bool { return a.Agent != out.agent.ID })
	switch {
	case len(own) == 1:
		return own[0], nil
	case len(open) == 1:
		return open[0], nil
	case len(open) == 0:
		return nil, refuse(c, planWords(out.lang(), "noActivity"))
	}
	var list []string
	for _, a := range open[:min(len(open), 5)] {
		list = append(list, fmt.Sprintf("%d – %s", a.N, a.Title))
	}
	return nil, refuse(c, fmt.Sprintf(planWords(out.lang(), "whichActivity"), strings.Join(list, "\u202f; ")), doneForms(open)...)
}

func doneForms(open []*store.Activity) []string {
	var list []string
	for _, a := range open[:min(len(open), 3)] {
		list = append(list, "#done "+strconv.FormatUint(a.N, 10))
	}
	return list
}

// answeredActivity is the one whose invitation or reminder is answered, nil for
// none.
func (out *outbound) answeredActivity(list []*store.Activity) *store.Activity {
	for _, id := range out.answered() {
		tok, ok := out.p.minted(id)
		if !ok || tok.Kind != addr.KindMessage {
			continue
		}
		for _, a := range list {
			if slices.Contains(a.Items, store.SentItem{Ticket: tok.Ticket, Item: tok.Item}) {
				return a
			}
		}
	}
	return nil
}

// endActivity ends one. What still lies ahead goes out of the calendar; what is
// past stays there, since a mail about it would only be a mail more.
func (out *outbound) endActivity(a *store.Activity, state store.ActivityState) error {
	a.State, a.Due = state, time.Time{}
	data := map[string]string{"activity": strconv.FormatUint(a.N, 10), "state": string(state)}
	if err := out.event(ticket.Event{By: out.by(), What: ticket.Done, Data: data}); err != nil {
		return err
	}
	if state != store.ActivityDeclined && compose.ActivityKind(a.Kind).Ends(a.Start, a.Day).After(out.at) {
		a.Sequence++
		return out.p.sendActivity(out.tx, out.w, out.t, a, true, out.at)
	}
	return store.PutActivity(out.tx, out.t.Number, a)
}

// cancelActivities is for the agent who closes a ticket: there is nothing left to
// do. A ticket that closes by itself keeps the reminders that somebody set.
func (out *outbound) cancelActivities() (string, error) {
	if !ticket.Has(out.commands, ticket.CmdClose) || out.t.Status != ticket.Closed {
		return "", nil
	}
	open, err := store.OpenActivities(out.tx, out.t)
	if err != nil || len(open) == 0 {
		return "", err
	}
	for _, a := range open {
		if err := out.endActivity(a, store.ActivityCancelled); err != nil {
			return "", err
		}
	}
	return fmt.Sprintf(planWords(out.lang(), "cancelledAll"), len(open)), nil
}

// answerActivity: the agent's calendar program has answered our own invitation. What the
// agent does not want is planned no more; nobody is told.
func (out *outbound) answerActivity(a *store.Activity, says string) error {
	data := map[string]string{"uid": a.UID, "answer": says}
	if err := out.event(ticket.Event{By: out.by(), What: ticket.InvitationAnswered, Message: out.m.Seq, Data: data}); err != nil {
		return err
	}
	if says != "DECLINED" || !a.Open() || a.Agent != out.agent.ID {
		return nil
	}
	return out.endActivity(a, store.ActivityDeclined)
}

// followActivities moves what who looked after the ticket had planned to whoever
// looks after it now.
func (p *Pipeline) followActivities(tx store.Tx, w *world, t *ticket.Ticket, now time.Time) error {
	if w.agents[t.Assignee] == nil {
		return nil
	}
	list, err := store.OpenActivities(tx, t)
	if err != nil {
		return err
	}
	for _, a := range list {
		if !a.Follows || a.Agent == t.Assignee {
			continue
		}
		ahead := compose.ActivityKind(a.Kind).Ends(a.Start, a.Day).After(now)
		if a.Sequence++; ahead {
			if err := p.sendActivity(tx, w, t, a, true, now); err != nil {
				return err
			}
		}
		a.Agent = t.Assignee
		if a.Sequence++; ahead {
			err = p.sendActivity(tx, w, t, a, false, now)
		} else {
			err = store.PutActivity(tx, t.Number, a)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// activityOf finds the activity with a UID in a ticket; nil for none.
func activityOf(tx store.ReadTx, t *ticket.Ticket, uid string) (*store.Activity, error) {
	list, err := store.Activities(tx, t)
	if err != nil {
		return nil, err
	}
	for _, a := range list {
		if a.UID == uid {
			return a, nil
		}
	}
	return nil, nil
}

// ticketByUID finds the ticket in which an event is known, through merges; nil
// for none.
func ticketByUID(tx store.ReadTx, uid string) (*ticket.Ticket, error) {
	numbers, err := store.ByUID(tx, uid)
	if err != nil {
		return nil, err
	}
	for _, n := range numbers {
		t, err := store.LiveTicket(tx, n)
		if errors.Is(err, store.ErrNotFound) {
			continue
		}
		return t, err
	}
	return nil, nil
}
