package pipeline

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"postdesk/internal/addr"
	"postdesk/internal/compose"
	"postdesk/internal/config"
	"postdesk/internal/ticket"
	"postdesk/rules"
	"postdesk/store"
)

// listQuery is what #list asks for.
type listQuery struct {
	title         string
	teams         []*config.Team
	mine, nobody  bool
	late          bool
	found         []*ticket.Ticket
	absent        []string // who of the teams is away, in sentences
	total, pruned int      // how many there are, and how many of them are not what was asked for
}

// listWords are what may follow #list, folded.
var listWords = map[string]string{
	"": "open", "open": "open", "ouvertes": "open", "ouverts": "open", "ouverte": "open", "en cours": "open", "all": "open", "toutes": "open", "tout": "open",
	"mine": "mine", "my": "mine", "mes": "mine", "me": "mine", "miennes": "mine", "les miennes": "mine", "mes demandes": "mine", "moi": "mine", "a moi": "mine",
	"unassigned": "unassigned", "nobody": "unassigned", "none": "unassigned", "non attribuees": "unassigned", "non attribuee": "unassigned", "non assignees": "unassigned", "personne": "unassigned", "a personne": "unassigned",
	"late": "late", "overdue": "late", "en retard": "late", "retard": "late",
}

// list answers with the tickets that are not solved.
func (out *outbound) list(c ticket.Command) (string, error) {
	q, err := out.listQuery(c)
	if err != nil {
		return "", err
	}
	if out.t != nil { // what the commands before this one did counts
		if err := out.p.save(out.tx, out.w, out.t); err != nil {
			return "", err
		}
	}
	if err := out.find(q); err != nil {
		return "", err
	}
	if q.absent, err = out.absentLines(q.teams); err != nil {
		return "", err
	}
	out.answerPage(out.listPage(q), nil)
	return "", nil
}

// listQuery reads what the command asks for.
func (out *outbound) listQuery(c ticket.Command) (*listQuery, error) {
	q := &listQuery{teams: out.w.visible(out.agent)}
	arg := ticket.Fold(c.Arg)
	what, known := listWords[arg]
	if !known {
		what = "team"
		for _, lead := range []string{"team ", "equipe ", "pole ", "l'equipe "} {
			arg = strings.TrimPrefix(arg, lead)
		}
		team := out.w.teamCalled(arg)
		if team == nil || !slices.Contains(q.teams, team) {
			return nil, refuse(c, pageWord(out.lang(), "noSuchList"), listForms(vocabulary(out.lang(), c.Line), q.teams)...)
		}
		q.teams = []*config.Team{team}
		q.title = team.Name
	}
	q.mine, q.nobody, q.late = what == "mine", what == "unassigned", what == "late"
	if q.title == "" {
		q.title = pageWord(out.lang(), "list-"+what)
	}
	return q, nil
}

// listForms are the lists that an agent may ask for.
func listForms(lang string, teams []*config.Team) []string {
	forms := []string{"#list mine", "#list unassigned", "#list late"}
	if lang == "fr" {
		forms = []string{"#liste miennes", "#liste personne", "#liste retard"}
	}
	for _, t := range teams[:min(len(teams), 3)] {
		forms = append(forms, forms[0][:strings.Index(forms[0], " ")+1]+t.Name)
	}
	return forms
}

// teamCalled finds a team by its name or its address, folded.
func (w *world) teamCalled(typed string) *config.Team {
	for i := range w.cfg.Teams {
		if t := &w.cfg.Teams[i]; ticket.Fold(t.Name) == typed || ticket.Fold(t.Address.Local) == typed {
			return t
		}
	}
	if a, err := addr.Parse(typed); err == nil {
		return w.team(a)
	}
	return nil
}

// find gathers the tickets: those that wait longest, as many as are looked at.
func (out *outbound) find(q *listQuery) error {
	take := func(t *ticket.Ticket) error {
		if q.late && !isLate(out.w, t, out.at) {
			q.pruned++
			return nil
		}
		q.found = append(q.found, t)
		return nil
	}
	if q.mine {
		total, err := store.InHand(out.tx, out.agent.ID, maxScan, take)
		q.total = total
		return err
	}
	for _, team := range q.teams {
		for _, status := range []ticket.Status{ticket.New, ticket.Open, ticket.Hold, ticket.Pending} {
			if q.late && status != ticket.New && status != ticket.Open {
				continue
			}
			n, err := store.Oldest(out.tx, team.Address, status, q.nobody, maxScan, take)
			if err != nil {
				return err
			}
			q.total += n
		}
	}
	q.total -= q.pruned
	return nil
}

// isLate: the first answer, or the next word to a customer who waits, is
// overdue.
func isLate(w *world, t *ticket.Ticket, now time.Time) bool {
	team := w.teamOf(t)
	since, delay := t.TurnSince, team.UpdateEvery
	if t.FirstReply.IsZero() {
		since, delay = t.Created, team.FirstReply
	}
	return t.Turn() == ticket.TurnDesk && delay != (config.Delay{}) && !since.IsZero() && rules.Add(team.Hours, since, delay).Before(now)
}

// turns are the groups of a list, in their order.
var turns = []ticket.Turn{ticket.TurnDesk, ticket.TurnThird, ticket.TurnCustomer}

// listPage writes the list: by whose turn it is, the oldest first.
func (out *outbound) listPage(q *listQuery) *compose.Page {
	lang := out.lang()
	slices.SortStableFunc(q.found, func(a, b *ticket.Ticket) int {
		if x := slices.Index(turns, a.Turn()) - slices.Index(turns, b.Turn()); x != 0 {
			return x
		}
		return waitsSince(a).Compare(waitsSince(b))
	})
	pg := &compose.Page{Title: fmt.Sprintf("%s (%d)", q.title, q.total), Lines: q.absent}
	if q.total == 0 {
		pg.Lines = append(pg.Lines, pageWord(lang, "emptyList"))
		return pg
	}
	shown := q.found[:min(len(q.found), maxPageRows)]
	for _, turn := range turns {
		var group []*ticket.Ticket
		for _, t := range shown {
			if t.Turn() == turn {
				group = append(group, t)
			}
		}
		if len(group) > 0 {
			pg.Sections = append(pg.Sections, out.ticketTable(pageWord(lang, "turn-"+string(turn)), group))
		}
	}
	if more := q.total - len(shown); more > 0 {
		pg.Notes = append(pg.Notes, fmt.Sprintf(pageWord(lang, "andMore"), more))
	}
	pg.Notes = append(pg.Notes, pageWord(lang, "listHint"))
	return pg
}

// waitsSince is since when whose turn it is has let the others wait.
func waitsSince(t *ticket.Ticket) time.Time {
	if t.TurnSince.IsZero() {
		return t.Updated
	}
	return t.TurnSince
}

// ticketTable is a table of tickets with links for the next step.
func (out *outbound) ticketTable(heading string, list []*ticket.Ticket) compose.Section {
	lang := out.lang()
	table := &compose.Table{Columns: []compose.Column{{Name: pageWord(lang, "colNumber")}, {Name: pageWord(lang, "colState")}, {Name: pageWord(lang, "colAssignee")},
		{Name: pageWord(lang, "colSince")}, {Name: pageWord(lang, "colSubject"), Below: true}}}
	for _, t := range list {
		state := compose.Word(lang, string(t.Status))
		if t.Priority == ticket.High || t.Priority == ticket.Urgent {
			state += " (" + compose.Word(lang, string(t.Priority)) + ")"
		}
		if isLate(out.w, t, out.at) {
			state += " – " + pageWord(lang, "late")
		}
		who := out.w.assigneeName(t)
		if who == "" {
			who = pageWord(lang, "ofNobody")
		}
		table.Rows = append(table.Rows, compose.Row{
			Cells: []string{fmt.Sprint(t.Number), state, who, compose.Ago(out.at.Sub(waitsSince(t)), lang), titleOf(t, lang)},
			Links: out.nextSteps(t, ticket.CmdShow, ticket.CmdAssign, ticket.CmdClose),
		})
	}
	return compose.Section{Heading: heading, Table: table}
}

// titleOf is who asked, and what.
func titleOf(t *ticket.Ticket, lang string) string {
	subject := strings.TrimSpace(t.Subject)
	if subject == "" {
		subject = pageWord(lang, "noSubject")
	}
	r := t.Requester()
	switch {
	case r == nil:
		return subject
	case r.Name != "":
		return r.Name + " – " + subject
	}
	return r.Address.String() + " – " + subject
}

// nextSteps are links that write the commands an agent is likely to want now,
// to the ticket's own address.
func (out *outbound) nextSteps(t *ticket.Ticket, first ...ticket.Name) []compose.Link {
	lang, m := out.lang(), out.p.minter(out.w, t)
	to, thread, subject := m.replyTo(out.agent.ID, false), m.thread(m.agent(out.agent.ID)), out.w.agentSubject(t)
	var links []compose.Link
	add := func(label, command string) {
		links = append(links, compose.Link{Label: pageWord(lang, label), Command: command, To: to, Subject: subject, InReplyTo: thread})
	}
	for _, n := range append(first, ticket.CmdPublic, ticket.CmdNote) {
		switch {
		case n == ticket.CmdShow:
			add("linkShow", pageWord(lang, "cmdShow"))
		case n == ticket.CmdHistory:
			add("linkHistory", pageWord(lang, "cmdHistory"))
		case out.agent.Role == config.RoleObserver && n != ticket.CmdNote:
		case n == ticket.CmdAssign && t.Assignee != out.agent.ID:
			add("linkTake", pageWord(lang, "cmdTake"))
		case n == ticket.CmdClose && t.Turn() != ticket.TurnNobody:
			add("linkClose", pageWord(lang, "cmdClose"))
		case n == ticket.CmdPublic && t.Requester() != nil && t.Status != ticket.Closed:
			add("linkAnswer", "")
		case n == ticket.CmdNote:
			add("linkNote", "#note")
		}
	}
	return links
}
