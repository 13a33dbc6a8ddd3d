package pipeline

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"postdesk/internal/addr"
	"postdesk/internal/alike"
	"postdesk/internal/compose"
	"postdesk/internal/config"
	"postdesk/internal/ticket"
	"postdesk/rules"
	"postdesk/store"
)

// changeTeam is #team and #team!: the right team has the ticket at once, with
// the customer's latest mail and what was said; our mails leave from its
// address, and the old addresses still lead here. The customer is told once, but
// for #team! and where the agent's own text names the address.
func (out *outbound) changeTeam(c ticket.Command) (string, error) {
	to, closest := out.w.findTeam(c.Arg)
	switch {
	case to == nil:
		return "", refuse(c, fmt.Sprintf(words(out.lang(), "teamUnknown"), c.Arg), closest...)
	case to == out.team:
		return "", refuse(c, fmt.Sprintf(words(out.lang(), "teamSame"), to.Name))
	case slices.ContainsFunc(out.commands, func(o ticket.Command) bool { return isMove(o) && o != c }):
		return "", refuse(c, words(out.lang(), "teamOnce"))
	}
	old, had := out.team, out.p.attending(out.w, out.t)
	if out.w.agents[out.was] != nil {
		had = []string{out.was}
	}
	if err := out.moveTo(to, out.by(), ""); err != nil {
		return "", err
	}
	out.was = out.t.Assignee
	if err := out.stillOurs(); err != nil {
		return "", err
	}
	if err := out.copyToTeam(had); err != nil {
		return "", err
	}
	if err := out.tellLeft(had, out.agent.ID); err != nil {
		return "", err
	}
	told, err := out.tellCustomer(c, old)
	if err != nil {
		return "", err
	}
	return out.inWords(fmt.Sprintf(words(out.lang(), "doneTeam"), c.Line, to.Name, out.lookedAfter()) + words(out.lang(), told)), nil
}

func isMove(c ticket.Command) bool { return c.Name == ticket.CmdTeam || c.Name == ticket.CmdTeamSilent }

// givesAway: the command moves the ticket to a team that there is.
func (out *outbound) givesAway(c ticket.Command) bool {
	if !isMove(c) {
		return false
	}
	to, _ := out.w.findTeam(c.Arg)
	return to != nil && to != out.team
}

// findTeam finds a team as an agent typed it: by address, by the part before
// the @, or by name. closest are commands that may have been meant.
func (w *world) findTeam(typed string) (team *config.Team, closest []string) {
	typed = strings.Trim(typed, " <>«»“”\"\u00a0\u202f")
	if a, err := addr.Parse(typed); err == nil && w.team(a) != nil {
		return w.team(a), nil
	}
	var names []string
	owner := map[string]*config.Team{}
	for i := range w.cfg.Teams {
		t := &w.cfg.Teams[i]
		forms := []string{t.Name}
		for _, a := range append([]addr.Address{t.Address}, t.Aliases...) {
			forms = append(forms, a.String(), a.Local)
		}
		for _, form := range forms {
			if ticket.Fold(form) == ticket.Fold(typed) {
				return t, nil
			}
			names, owner[form] = append(names, form), t
		}
	}
	for _, name := range alike.Closest(typed, names) {
		if c := "#" + string(ticket.CmdTeam) + " " + owner[name].Address.String(); !slices.Contains(closest, c) {
			closest = append(closest, c)
		}
	}
	if len(closest) == 0 {
		for i := range w.cfg.Teams[:min(5, len(w.cfg.Teams))] {
			closest = append(closest, "#"+string(ticket.CmdTeam)+" "+w.cfg.Teams[i].Address.String())
		}
	}
	return nil, closest
}

// moveTo makes the ticket another team's. Who looks after it and is of that
// team too keeps it; else it goes to whom the team's own order chooses.
func (in *inbound) moveTo(to *config.Team, by ticket.Actor, assign string) error {
	moved := ticket.Event{By: by, What: ticket.TeamMoved, Data: map[string]string{"team": to.Address.String(), "from": in.t.Team.String()}}
	if err := in.event(moved); err != nil {
		return err
	}
	in.team = to
	if assign == "" && slices.Contains(in.w.crew(to), in.t.Assignee) {
		return nil
	}
	route, err := in.w.routeAgain(in.tx, in.t, to, assign, in.at)
	if err != nil || route.Agent == in.t.Assignee {
		return err
	}
	return in.event(ticket.Event{By: ticket.System, What: ticket.Assigned, Data: map[string]string{"agent": route.Agent, "why": string(route.Why)}})
}

// stillOurs: whoever tells the customer that the ticket goes to colleagues has
// not answered it.
func (out *outbound) stillOurs() error {
	if out.m.Kind != ticket.KindOut || out.t.Turn() != ticket.TurnCustomer || slices.ContainsFunc(out.commands, setsStatus) {
		return nil
	}
	return out.event(ticket.Event{By: out.by(), What: ticket.StatusChanged, Data: map[string]string{"status": string(ticket.Open), "why": "team"}})
}

func setsStatus(c ticket.Command) bool {
	switch c.Name {
	case ticket.CmdSolved, ticket.CmdSolvedTell, ticket.CmdClose, ticket.CmdPending, ticket.CmdHold, ticket.CmdReopen:
		return true
	}
	return false
}

// copyToTeam sends the customer's latest mail, with what was said before, to
// those who look after the ticket now and had not before.
func (out *outbound) copyToTeam(had []string) error {
	c, err := latestCopy(out.tx, out.t, out.at)
	if err != nil || c == nil {
		return err
	}
	if c.readers, c.review, err = out.w.onDuty(out.tx, out.t, out.at); err != nil {
		return err
	}
	c.readers = slices.DeleteFunc(slices.Clone(c.readers), func(id string) bool { return slices.Contains(had, id) })
	if len(c.readers) == 0 {
		return nil
	}
	if c.history, err = out.past(c.m.Seq); err != nil {
		return err
	}
	c.why = handed(out.by())
	return out.p.sendCopies(out.tx, out.w, *c)
}

// tellLeft tells those who had the ticket, but for by, that they need not
// look after it any more.
func (in *inbound) tellLeft(had []string, by string) error {
	now := in.p.attending(in.w, in.t)
	who := in.team.Name
	if name := in.w.assigneeName(in.t); name != "" {
		who = name + " (" + in.team.Name + ")"
	}
	for _, id := range had {
		if id == by || slices.Contains(now, id) {
			continue
		}
		n := notice{kind: compose.NoticeTaken, agent: in.w.agents[id], t: in.t, at: in.at, data: compose.NoticeData{Who: who}}
		if err := in.p.notify(in.tx, in.w, n); err != nil {
			return err
		}
	}
	return nil
}

// tellCustomer writes the right address to the customer, where that is wanted,
// allowed and new. The result names the sentence for the agent.
func (out *outbound) tellCustomer(c ticket.Command, old *config.Team) (string, error) {
	allowed, err := out.mayRedirect()
	if err != nil {
		return "", err
	}
	known, err := out.knowsTeam()
	switch {
	case err != nil:
		return "", err
	case c.Name == ticket.CmdTeamSilent:
		return "teamSilent", nil
	case out.t.Turn() == ticket.TurnNobody:
		return "teamOver", nil
	case !allowed:
		return "teamMayNot", nil
	case known:
		return "teamKnown", nil
	case out.m.Kind == ticket.KindOut && strings.Contains(strings.ToLower(out.rest), strings.ToLower(out.team.Address.String())):
		return "teamOwnWords", out.redirected()
	}
	return "teamTold", out.redirect(old, *out.t.Requester(), false)
}

// mayRedirect: the customer was written to before, or would have been if the
// team wanted it. Robots, lists and forged senders are told nothing.
func (in *inbound) mayRedirect() (bool, error) {
	if in.t.Suspect || in.t.Erased || in.t.Requester() == nil {
		return false, nil
	}
	if in.t.Acknowledged || !in.t.FirstReply.IsZero() || !in.t.ToldAt.IsZero() {
		return true, nil
	}
	_, m, err := store.FindMessage(in.tx, in.t.Number, 1)
	if errors.Is(err, store.ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	f, err := factsOf(&m)
	return f.Ack.Reason == rules.ReasonOff, err
}

// knowsTeam: the customer has written to the team's address, or was told it.
func (in *inbound) knowsTeam() (known bool, err error) {
	err = store.LatestMessages(in.tx, in.t.Number, maxLookBack, func(m ticket.Message) error {
		known = known || m.Kind == ticket.KindIn && slices.ContainsFunc(m.To, func(a addr.Address) bool { return in.w.team(a) == in.team })
		return nil
	})
	if err != nil || known {
		return known, err
	}
	err = store.History(in.tx, in.t, func(_ uint64, e ticket.Event) error {
		known = known || e.What == ticket.Redirected && e.Data["team"] == in.team.Address.String()
		return nil
	})
	return known, err
}

// redirect is the letter with the right address and the delay, in the words of
// the team that has the ticket now, to the requester alone: nobody else wrote to
// the wrong one.
func (in *inbound) redirect(old *config.Team, to ticket.Participant, answering bool) error {
	l := letter{kind: compose.LetterRedirect, t: in.t, to: []*ticket.Participant{&to}, answering: answering, at: in.at,
		data: compose.LetterData{Old: old, Delay: compose.DelayWords(in.team.FirstReply, in.w.language(in.t))}}
	if err := in.p.sendLetter(in.tx, in.w, l); err != nil {
		return err
	}
	return in.redirected()
}

func (in *inbound) redirected() error {
	return in.event(ticket.Event{By: ticket.System, What: ticket.Redirected, Data: map[string]string{"team": in.team.Address.String()}})
}

// misaddressed tells the author of a new request that a rule gave it to another
// team than it was written to. It goes where an acknowledgement went and
// nowhere else: a Reply-To is anybody's word. A web form was no wrong address.
func (in *inbound) misaddressed() error {
	r := in.t.Requester()
	old := in.delivery.team()
	if old == in.team || r == nil || !in.facts.Ack.Send || in.outcome.ReplyToRequester || in.outcome.Refuse != "" {
		return nil
	}
	if known, err := in.knowsTeam(); err != nil || known {
		return err
	}
	return in.redirectByRule(old)
}

// movedFrom: a rule says that the new request came to the wrong team, which need
// not hear of it.
func (in *inbound) movedFrom(team *config.Team) bool {
	return in.m == nil && in.outcome.Team != "" && team == in.delivery.team()
}

// ruledMove moves a ticket because of a rule about one of its mails, which goes
// to the new team by itself.
func (in *inbound) ruledMove(to *config.Team) error {
	old, had := in.team, in.p.attending(in.w, in.t)
	if err := in.moveTo(to, ticket.System, in.outcome.Assign); err != nil {
		return err
	}
	if err := in.tellLeft(had, ""); err != nil {
		return err
	}
	allowed, err := in.mayRedirect()
	if err != nil || !allowed {
		return err
	}
	if known, err := in.knowsTeam(); err != nil || known {
		return err
	}
	return in.redirectByRule(old)
}

// redirectByRule writes the letter that no agent asked for, where the caps allow
// one more.
func (in *inbound) redirectByRule(old *config.Team) error {
	to, err := in.p.underCap(in.tx, in.w, []*ticket.Participant{whence(in.t.Requester())})
	if err != nil || len(to) == 0 {
		return err
	}
	return in.redirect(old, *to[0], true)
}
