package pipeline

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"postdesk/internal/compose"
	"postdesk/internal/config"
	"postdesk/internal/ticket"
	"postdesk/store"
)

// Bounds of one answer: the rows of a list, the tickets that are looked at for
// it, the messages of a conversation, the characters of one of them, and the
// events of a history.
const (
	maxPageRows     = 50
	maxScan         = 500
	maxPageMessages = 30
	maxPageText     = 3000
	maxPageEvents   = 200
)

// effectOfQuestions are the commands that are answered, and those about the
// agent's own absence.
func effectOfQuestions(n ticket.Name) (effect, bool) {
	switch n {
	case ticket.CmdHelp:
		return effect{desk: true, observer: true, do: (*outbound).help}, true
	case ticket.CmdList:
		return effect{desk: true, observer: true, do: (*outbound).list}, true
	case ticket.CmdShow:
		return effect{desk: true, observer: true, do: (*outbound).show}, true
	case ticket.CmdHistory:
		return effect{desk: true, observer: true, do: (*outbound).history}, true
	case ticket.CmdAway:
		return effect{desk: true, do: (*outbound).away}, true
	case ticket.CmdBack:
		return effect{desk: true, do: (*outbound).back}, true
	}
	return effect{}, false
}

// sees says whether an agent may see a ticket: it is of a team of theirs, or
// was sent to one, they have to do with it, or they are asked to look after that
// team's tickets as a supervisor. A number alone shows nothing to anyone else.
func (w *world) sees(a *config.Agent, t *ticket.Ticket) bool {
	team := w.teamOf(t)
	if inTeam(team, a.ID) || t.Assignee == a.ID || slices.Contains(t.Observers, a.ID) || slices.Contains(t.Writers, a.ID) || slices.Contains(w.supervisors(team), a.ID) {
		return true
	}
	for _, other := range t.Teams {
		if told := w.team(other); told != nil && inTeam(told, a.ID) {
			return true
		}
	}
	return false
}

// visible are the teams whose tickets an agent may list.
func (w *world) visible(a *config.Agent) []*config.Team {
	var teams []*config.Team
	for i := range w.cfg.Teams {
		if t := &w.cfg.Teams[i]; inTeam(t, a.ID) || slices.Contains(w.supervisors(t), a.ID) {
			teams = append(teams, t)
		}
	}
	return teams
}

// help answers with the page of commands, or explains one.
func (out *outbound) help(c ticket.Command) (string, error) {
	if c.Arg == "" {
		out.page(compose.NoticeHelp, compose.NoticeData{})
		return "", nil
	}
	word, _, _ := strings.Cut(c.Arg, " ")
	name, ok := ticket.NameOf(word)
	if !ok {
		return "", refuse(c, pageWord(out.lang(), "noSuchCommand"), ticket.Closest(word)...)
	}
	out.answerPage(compose.HelpOn(out.lang(), name), nil)
	return "", nil
}

// asked is the ticket that a question is about: the one that its number names,
// or the one of this mail. One that the agent may not see is like one that does not exist.
func (out *outbound) asked(c ticket.Command) (*ticket.Ticket, error) {
	if c.Arg == "" {
		if out.outside {
			return nil, refuse(c, pageWord(out.lang(), "whichNumber"), "#"+string(c.Name)+" 12345")
		}
		return out.t, nil
	}
	word, _, _ := strings.Cut(strings.TrimPrefix(c.Arg, "#"), " ")
	n, err := strconv.ParseUint(word, 10, 64)
	if err != nil {
		return nil, refuse(c, pageWord(out.lang(), "whichNumber"), "#"+string(c.Name)+" 12345")
	}
	t, err := store.LiveTicket(out.tx, n)
	if errors.Is(err, store.ErrNotFound) || err == nil && !out.w.sees(out.agent, t) {
		return nil, refuse(c, fmt.Sprintf(pageWord(out.lang(), "noSuchTicket"), word))
	}
	if err == nil && out.t != nil && t.Number == out.t.Number {
		t = out.t // as the commands before this one have made it
	}
	return t, err
}

// history answers with what happened in a ticket, in sentences.
func (out *outbound) history(c ticket.Command) (string, error) {
	t, err := out.asked(c)
	if err != nil {
		return "", err
	}
	lang, zone := out.lang(), zoneOf(out.w.teamOf(t))
	teller := compose.Teller{Lang: lang, Agent: out.w.agentName}
	table := &compose.Table{Columns: []compose.Column{{Name: pageWord(lang, "colWhen")}, {Name: pageWord(lang, "colWhat"), Wide: true}}}
	var latest []ticket.Event
	skipped := 0
	err = store.History(out.tx, t, func(_ uint64, e ticket.Event) error {
		if latest = append(latest, e); len(latest) > maxPageEvents {
			latest, skipped = latest[1:], skipped+1
		}
		return nil
	})
	if err != nil {
		return "", err
	}
	for _, e := range latest {
		table.Rows = append(table.Rows, compose.Row{Cells: []string{e.At.In(zone).Format("02/01/2006 15:04"), teller.Sentence(e)}})
	}
	pg := &compose.Page{Title: fmt.Sprintf(pageWord(lang, "historyTitle"), t.Number), Lines: []string{t.Subject},
		Sections: []compose.Section{{Heading: fmt.Sprintf(pageWord(lang, "historyTitle"), t.Number), Table: table}}}
	if skipped > 0 {
		pg.Lines = append(pg.Lines, fmt.Sprintf(pageWord(lang, "earlier"), skipped))
	}
	pg.Sections = append(pg.Sections, compose.Section{Links: out.nextSteps(t, ticket.CmdShow)})
	out.answerPage(pg, t)
	return "", nil
}

// answerPage answers with a page. One that tells of other tickets is a
// mail of its own, from the agent's own address: what is said of one customer has no
// place in another's thread.
func (out *outbound) answerPage(pg *compose.Page, about *ticket.Ticket) {
	apart := about == nil || out.t == nil || about.Number != out.t.Number
	out.pages = append(out.pages, page{kind: compose.NoticePage, data: compose.NoticeData{Page: pg}, apart: apart})
}

// takePage takes the pages that may go with the transcript out of what is to be
// answered, as one; nil for none.
func (out *outbound) takePage() *compose.Page {
	var all *compose.Page
	var others []page
	for _, pg := range out.pages {
		switch {
		case pg.kind != compose.NoticePage || pg.data.Page == nil || pg.apart && !out.outside:
			others = append(others, pg)
		case all == nil:
			all = pg.data.Page
		default:
			all.Sections = append(all.Sections, compose.Section{Lines: pg.data.Page.Lines})
			all.Sections = append(all.Sections, pg.data.Page.Sections...)
			all.Notes = append(all.Notes, pg.data.Page.Notes...)
		}
	}
	out.pages = others
	return all
}
