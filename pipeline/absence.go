package pipeline

import (
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"postdesk/internal/compose"
	"postdesk/internal/config"
	"postdesk/internal/ticket"
	"postdesk/rules"
	"postdesk/store"
)

// away is #away: from now on, or for the span that is named, what is new goes
// to others. It ends at its date or by #back.
func (out *outbound) away(c ticket.Command) (string, error) {
	lang, zone := out.lang(), zoneOf(out.w.homeTeam(out.agent))
	span, ok := rules.ParseAway(c.Arg, out.at, zone)
	if !ok {
		return "", refuse(c, pageWord(lang, "awayWhen"), awayForms(vocabulary(lang, c.Line))...)
	}
	a, _, err := store.GetAbsence(out.tx, out.agent.ID)
	if err != nil {
		return "", err
	}
	a.From, a.Until, a.Learned, a.Reminded = span.From.UTC(), utc(span.Until), false, false
	if err := store.SetAbsence(out.tx, out.agent.ID, a); err != nil {
		return "", err
	}
	if err := out.waiting(); err != nil {
		return "", err
	}
	return c.Line + " – " + awaySentence(lang, a, out.at, zone), nil
}

// awayForms are dates as they may be typed.
func awayForms(lang string) []string {
	if lang == "fr" {
		return []string{"#absent jusqu’au 3/12", "#absent jusqu’à vendredi", "#absent 2j"}
	}
	return []string{"#away until friday", "#away until 2026-12-03", "#away 2d"}
}

// utc keeps the zero time zero.
func utc(t time.Time) time.Time {
	if t.IsZero() {
		return t
	}
	return t.UTC()
}

// awaySentence says what was understood: from which day on, and when the agent
// is back.
func awaySentence(lang string, a store.Absence, now time.Time, zone *time.Location) string {
	until := compose.When(a.Until.In(zone), lang)
	switch {
	case a.Until.IsZero():
		return pageWord(lang, "awayNow")
	case a.From.After(now):
		return fmt.Sprintf(pageWord(lang, "awaySpan"), compose.When(a.From.In(zone), lang), until)
	}
	return fmt.Sprintf(pageWord(lang, "awayUntil"), until)
}

// back is #back.
func (out *outbound) back(c ticket.Command) (string, error) {
	_, was, err := store.GetAbsence(out.tx, out.agent.ID)
	if err != nil {
		return "", err
	}
	if !was {
		return c.Line + " – " + pageWord(out.lang(), "notAway"), nil
	}
	pg, err := out.returned()
	if err != nil {
		return "", err
	}
	if pg != nil {
		out.answerPage(pg, nil)
	}
	return c.Line + " – " + pageWord(out.lang(), "backNow"), nil
}

// maxLeft is how long after announcing an absence an agent may still write
// without being reminded of it: the last answers before leaving.
const maxLeft = 12 * time.Hour

// comeBack is called when an agent writes, and not a program. An absence that
// was learned is over; of one that the agent announced there is one reminder.
func (out *outbound) comeBack() error {
	if out.released != nil || out.facts.Class.Automatic || out.typed(ticket.CmdAway) || out.typed(ticket.CmdBack) {
		return nil
	}
	a, ok, err := store.GetAbsence(out.tx, out.agent.ID)
	if err != nil || !ok {
		return err
	}
	switch {
	case a.Over(out.at) || a.Learned:
		pg, err := out.returned()
		if err != nil || pg == nil {
			return err
		}
		return out.tellOutside(pg)
	case a.At(out.at) && !a.Reminded && out.at.Sub(a.From) > maxLeft:
		a.Reminded = true
		if err := store.SetAbsence(out.tx, out.agent.ID, a); err != nil {
			return err
		}
		return out.tellOutside(out.stillAway(a))
	}
	return nil
}

// tellOutside mails the agent a page that is about no ticket.
func (out *outbound) tellOutside(pg *compose.Page) error {
	n := notice{kind: compose.NoticePage, agent: out.agent, data: compose.NoticeData{Page: pg}, at: out.at}
	return out.p.notify(out.tx, out.w, n)
}

// stillAway reminds an agent who writes of an absence that goes on.
func (out *outbound) stillAway(a store.Absence) *compose.Page {
	home := out.w.homeTeam(out.agent)
	lang := home.Language
	return &compose.Page{Title: pageWord(lang, "stillAwayTitle"), Sections: []compose.Section{{
		Lines: []string{upperFirst(awaySentence(lang, a, out.at, zoneOf(home))) + ".", pageWord(lang, "stillAway")},
		Links: []compose.Link{{Label: pageWord(lang, "linkBack"), Command: pageWord(lang, "cmdBack"), To: out.p.desk(out.w, out.agent)}},
	}}}
}

// returned ends the absence. The page is what was handed to others meanwhile; nil for
// nothing.
func (out *outbound) returned() (*compose.Page, error) {
	handed, err := store.Handed(out.tx, out.agent.ID)
	if err != nil {
		return nil, err
	}
	if err := store.EndAbsence(out.tx, out.agent.ID); err != nil {
		return nil, err
	}
	var list []*ticket.Ticket
	for _, n := range handed {
		t, err := store.LiveTicket(out.tx, n)
		if err != nil {
			return nil, err
		}
		if t.Assignee != out.agent.ID && !slices.ContainsFunc(list, func(x *ticket.Ticket) bool { return x.Number == t.Number }) {
			list = append(list, t)
		}
	}
	if len(list) == 0 {
		return nil, nil
	}
	lang := out.w.homeTeam(out.agent).Language
	return &compose.Page{Title: pageWord(lang, "backTitle"), Lines: []string{pageWord(lang, "backMoved")},
		Sections: []compose.Section{out.ticketTable("", list)}}, nil
}

// waiting answers #away with what still waits for this agent's own answer.
func (out *outbound) waiting() error {
	var list []*ticket.Ticket
	_, err := store.InHand(out.tx, out.agent.ID, maxScan, func(t *ticket.Ticket) error {
		if t.Turn() == ticket.TurnDesk {
			list = append(list, t)
		}
		return nil
	})
	if err != nil || len(list) == 0 {
		return err
	}
	lang := out.w.homeTeam(out.agent).Language
	pg := &compose.Page{Title: pageWord(lang, "waitingTitle"), Lines: []string{pageWord(lang, "waiting")},
		Sections: []compose.Section{out.ticketTable("", list[:min(len(list), maxPageRows)])}}
	if more := len(list) - maxPageRows; more > 0 {
		pg.Notes = []string{fmt.Sprintf(pageWord(lang, "andMore"), more)}
	}
	out.answerPage(pg, nil)
	return nil
}

// absentLines says who of some teams is away.
func (out *outbound) absentLines(teams []*config.Team) ([]string, error) {
	var lines, seen []string
	for _, team := range teams {
		for _, id := range out.w.crew(team) {
			note, err := out.w.absentNote(out.tx, id, out.lang(), out.at)
			if err != nil {
				return nil, err
			}
			if note != "" && !slices.Contains(seen, id) {
				lines, seen = append(lines, upperFirst(note)+"."), append(seen, id)
			}
		}
	}
	return lines, nil
}

// upperFirst begins a sentence.
func upperFirst(s string) string {
	r, n := utf8.DecodeRuneInString(s)
	return string(unicode.ToUpper(r)) + s[n:]
}

// relieve hands a ticket whose agent is away to the next whom routing finds, for
// good: the customer's conversation goes on with whoever answers. The agent hears
// of it at the return. from is the one who had it, "" when nothing changed; so it
// stays when nobody else is there.
func (p *Pipeline) relieve(tx store.Tx, w *world, t *ticket.Ticket, now time.Time) (from string, err error) {
	if w.agents[t.Assignee] == nil {
		return "", nil
	}
	a, ok, err := store.GetAbsence(tx, t.Assignee)
	if err != nil || !ok || !a.At(now) {
		return "", err
	}
	next, err := w.routeAgain(tx, t, w.teamOf(t), "", now)
	if err != nil {
		return "", err
	}
	if next.Agent == "" {
		there, err := available(tx, w.crew(w.teamOf(t)), now)
		if err != nil || len(there) == 0 {
			return "", err
		}
	}
	from = t.Assignee
	e := ticket.Event{At: now, By: ticket.System, What: ticket.Assigned, Data: map[string]string{"agent": next.Agent, "why": "absent", "from": from}}
	if err := store.AddEvent(tx, t, e); err != nil {
		return "", err
	}
	return from, store.HandOver(tx, from, t.Number)
}

// relieved hands the ticket on before a customer's mail goes to its agent, and
// says so in the copy.
func (in *inbound) relieved() error {
	from, err := in.p.relieve(in.tx, in.w, in.t, in.at)
	if err != nil || from == "" {
		return err
	}
	in.happened = append(in.happened, ticket.Assigned)
	in.warn(compose.WarnAbsent, in.w.agentName(from))
	return nil
}

// absentNote is a caution for whoever hands something to an agent who is away;
// "" when the agent is there.
func (w *world) absentNote(tx store.ReadTx, agent, lang string, now time.Time) (string, error) {
	a, ok, err := store.GetAbsence(tx, agent)
	if err != nil || !ok || !a.At(now) {
		return "", err
	}
	name := w.agentName(agent)
	if a.Until.IsZero() {
		return fmt.Sprintf(pageWord(lang, "isAway"), name), nil
	}
	home := w.homeTeam(w.agents[agent])
	return strings.TrimSpace(fmt.Sprintf(pageWord(lang, "isAwayUntil"), name, compose.When(a.Until.In(zoneOf(home)), lang))), nil
}
