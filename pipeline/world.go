package pipeline

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"postdesk/internal/addr"
	"postdesk/internal/compose"
	"postdesk/internal/config"
	"postdesk/internal/mailauth"
	"postdesk/internal/milter"
	"postdesk/internal/password"
	"postdesk/internal/ticket"
	"postdesk/rules"
	"postdesk/store"
)

// world is all that a configuration means. It is made anew at each reload and
// never changed, so that a mail is judged by one configuration from end to end.
type world struct {
	cfg     *config.Config
	rules   *rules.Set
	compose *compose.Composer
	tags    *rules.Tags
	checker *mailauth.Checker
	filters *milter.Client

	forms     map[*config.Team]*rules.Form
	teams     map[string]*config.Team  // by address and alias
	agents    map[string]*config.Agent // by id
	byAddress map[string]*config.Agent // by address and alias
	decoys    *password.Decoys         // for logins of unknown names
	numbers   map[string]uint64        // agent id → registered number
	ids       map[uint64]string        // and back
	domains   map[string]bool          // whose addresses are ours to refuse
	secrets   []string                 // what no customer may see
	logins    []string                 // nor as the author of a document
}

// newWorld compiles a configuration and registers its agents.
func (p *Pipeline) newWorld(ctx context.Context, cfg *config.Config) (*world, error) {
	w := &world{cfg: cfg, teams: map[string]*config.Team{}, agents: map[string]*config.Agent{}, byAddress: map[string]*config.Agent{},
		domains: map[string]bool{}}
	var err error
	if w.rules, err = rules.Compile(cfg.Rules); err != nil {
		return nil, err
	}
	if w.compose, err = compose.New(compose.Options{Teams: cfg.Teams, MarkKeys: p.markKeys}); err != nil {
		return nil, err
	}
	w.tags = rules.NewTags(w.tagForms()...)
	w.checker = p.newChecker()
	if w.filters, err = milter.New(cfg.Auth.Filters, filterTimeout); err != nil {
		return nil, err
	}
	w.indexTeams()
	w.indexAgents()
	if err := w.indexForms(); err != nil {
		return nil, err
	}
	return w, p.registerAgents(ctx, w)
}

// tagForms are the subjects that show a ticket's number: the tags, and the
// acknowledgements' own.
func (w *world) tagForms() []string {
	forms := []string{w.cfg.Tickets.TagAgents, w.cfg.Tickets.TagCustomers}
	for _, words := range w.compose.AckSubjects() {
		forms = append(forms, words+"{number}")
	}
	return forms
}

func (w *world) indexTeams() {
	for i := range w.cfg.Teams {
		t := &w.cfg.Teams[i]
		for _, a := range append([]addr.Address{t.Address}, t.Aliases...) {
			w.teams[a.Key()] = t
			w.domains[a.Domain] = true
		}
	}
	w.domains[w.cfg.Hostname] = true
	if d := w.cfg.Tickets.TokenDomain; d != "" {
		w.domains[d] = true
	}
}

func (w *world) indexAgents() {
	var hashes []string
	for i := range w.cfg.Agents {
		a := &w.cfg.Agents[i]
		w.agents[a.ID] = a
		hashes = append(hashes, a.PasswordHash)
		if !compose.Mentions(a.Name, a.ID) { // the name is shown
			w.logins = append(w.logins, a.ID)
		}
		for _, x := range append([]addr.Address{a.Address}, a.Aliases...) {
			w.byAddress[x.Key()] = a
			w.secrets = append(w.secrets, x.String())
		}
	}
	w.decoys = password.NewDecoys(hashes)
}

// registerAgents gives every agent of the configuration a number for tokens.
func (p *Pipeline) registerAgents(ctx context.Context, w *world) error {
	numbers, ids := map[string]uint64{}, map[uint64]string{}
	err := p.store.Update(ctx, func(tx store.Tx) error {
		clear(numbers)
		clear(ids)
		for i := range w.cfg.Agents {
			id := w.cfg.Agents[i].ID
			n, err := store.RegisterAgent(tx, id)
			if err != nil {
				return err
			}
			numbers[id], ids[n] = n, id
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("register agents: %w", err)
	}
	w.numbers, w.ids = numbers, ids
	return nil
}

// team finds a team by address or alias, nil for none.
func (w *world) team(a addr.Address) *config.Team { return w.teams[a.Key()] }

// agentOf is the agent a token is bound to, nil when it is bound to none or the
// agent is gone from the configuration.
func (w *world) agentOf(t addr.Token) *config.Agent {
	if !t.Person.Agent {
		return nil
	}
	return w.agents[w.ids[t.Person.N]]
}

// inTeam says whether an agent answers for a team.
func inTeam(t *config.Team, id string) bool {
	for _, a := range t.Agents {
		if a == id {
			return true
		}
	}
	return false
}

// crew is a team's agents who answer: those in the configuration that are no
// observers.
func (w *world) crew(t *config.Team) []string {
	var ids []string
	for _, id := range t.Agents {
		if a := w.agents[id]; a != nil && a.Role != config.RoleObserver {
			ids = append(ids, id)
		}
	}
	return ids
}

// supervisors are a team's, or all when it has none.
func (w *world) supervisors(t *config.Team) []string {
	var own, all []string
	for i := range w.cfg.Agents {
		if a := &w.cfg.Agents[i]; a.Role == config.RoleSupervisor {
			all = append(all, a.ID)
			if inTeam(t, a.ID) {
				own = append(own, a.ID)
			}
		}
	}
	if len(own) > 0 {
		return own
	}
	return all
}

// FindAgent resolves an id, a name or an address as an agent typed it.
// Observers can't be assigned tickets.
func (w *world) FindAgent(typed string) (string, bool) {
	if a, err := addr.Parse(typed); err == nil {
		if found := w.byAddress[a.Key()]; found != nil && found.Role != config.RoleObserver {
			return found.ID, true
		}
		return "", false
	}
	var match string
	for i := range w.cfg.Agents {
		a := &w.cfg.Agents[i]
		if a.Role == config.RoleObserver {
			continue
		}
		first, _, _ := strings.Cut(a.Name, " ")
		switch {
		case strings.EqualFold(a.ID, typed) || strings.EqualFold(a.Name, typed):
			return a.ID, true
		case strings.EqualFold(first, typed) && match != "":
			return "", false // two of that first name: say who
		case strings.EqualFold(first, typed):
			match = a.ID
		}
	}
	return match, match != ""
}

// teamOf is the team of a ticket; a team that is gone from the configuration
// leaves its tickets to the first.
func (w *world) teamOf(t *ticket.Ticket) *config.Team {
	if team := w.team(t.Team); team != nil {
		return team
	}
	return &w.cfg.Teams[0]
}

// language is the ticket's, else its team's.
func (w *world) language(t *ticket.Ticket) string {
	if t.Language != "" {
		return t.Language
	}
	return w.teamOf(t).Language
}

// present leaves out of a list of agent ids those who are gone, and the second
// mention of anyone.
func (w *world) present(ids []string) []string {
	var list []string
	for _, id := range ids {
		if w.agents[id] != nil && !slices.Contains(list, id) {
			list = append(list, id)
		}
	}
	return list
}
