package config

import (
	"fmt"
	"io/fs"
	"regexp"
	"strings"
	"text/template"
	"time"

	"github.com/pelletier/go-toml/v2/unstable"

	"postdesk/internal/password"
)

var agentID = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{0,62}$`)

// parseAgentID keeps out what an agent could not type after #assign or as a
// login.
func parseAgentID(s string) (string, error) {
	if !agentID.MatchString(s) || s == "me" || s == "none" {
		return "", fmt.Errorf(`%q cannot be an id; want lower-case letters, digits, dot, hyphen and underscore, as "anne" (me and none are words of commands)`, s)
	}
	return s, nil
}

func (r *reader) readAgents(root *table) []Agent {
	var agents []Agent
	r.agents = root.subs("agent")
	for _, t := range r.agents {
		a := Agent{
			ID:           needed(t, "id", `a short name, as "anne"`, parseAgentID),
			Name:         t.needed("name", `the name that customers see, as "Anne Durand"`),
			Address:      needed(t, "address", `where mail reaches the agent, as "anne@corp.example"`, parseAddress),
			Aliases:      parsedList(t, "aliases", nil, parseAddress),
			PasswordHash: parsed(t, "password_hash", "", parseHash),
			Role:         Role(t.oneOf("role", "agent", "agent", "supervisor", "observer")),
		}
		t.done()
		agents = append(agents, a)
	}
	return agents
}

// parseHash accepts what postdesk passwd prints. The error does not repeat the
// value: it may be a password.
func parseHash(s string) (string, error) {
	if s == "" {
		return "", nil
	}
	if err := password.Check(s); err != nil {
		return "", fmt.Errorf(`%w; want the output of "postdesk passwd"`, err)
	}
	return s, nil
}

func (r *reader) readTeams(root *table) []Team {
	var teams []Team
	r.teams = root.subs("team")
	if v := root.entries["team"]; v == nil || v.table == nil && len(v.list) == 0 {
		root.fail("team", "missing; want at least one [[team]]")
	}
	for _, t := range r.teams {
		teams = append(teams, r.team(t))
	}
	return teams
}

const defaultSignature = "{{.Agent.Name}}\n{{.Team.Name}}\n{{.Team.Address}}"

func (r *reader) team(t *table) Team {
	defer t.done()
	team := Team{
		Name:           t.needed("name", `the name that customers see, as "Relation Client"`),
		Address:        needed(t, "address", `the generic address, as "relationclient@example.com"`, parseAddress),
		Aliases:        parsedList(t, "aliases", nil, parseAddress),
		Agents:         texts(t.list("agents")),
		Templates:      r.path(t.text("templates", "")),
		Assign:         t.oneOf("assign", "round-robin", "round-robin", "least-open", "none"),
		AcceptKnown:    t.oneOf("accept", "anyone", "anyone", "known") == "known",
		KnownBy:        texts(t.list("known_by", "address")),
		Acknowledge:    t.boolean("acknowledge", true),
		Signature:      parsed(t, "signature", defaultSignature, parseSignature),
		Hours:          t.hours(),
		FirstReply:     parsed(t, "first_reply", "2d", parseDelay),
		UpdateEvery:    parsed(t, "update_every", "2d", parseDelay),
		RemindCustomer: parsed(t, "remind_customer", "", parseDelay),
		CloseAfter:     parsed(t, "close_after", "7d", parseDelay),
		Fields:         readFields(t),
	}
	t.folder("templates", team.Templates)
	team.Language = t.language("language", "fr", team.Templates != "")
	if len(team.KnownBy) == 0 {
		t.fail("known_by", `is empty; want "address" or names of contact fields`)
	}
	return team
}

func texts(items []item) []string {
	var list []string
	for _, it := range items {
		list = append(list, it.text)
	}
	return list
}

// folder reports a path that is no folder.
func (t *table) folder(key, path string) {
	if path == "" {
		return
	}
	info, err := fs.Stat(t.root, inRoot(path))
	switch {
	case err != nil:
		t.fail(key, "cannot read %s: %v; want a folder that we may read", path, cause(err))
	case !info.IsDir():
		t.fail(key, "%s is a file; want a folder", path)
	}
}

var languageTag = regexp.MustCompile(`^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$`)

// language reads fr or en, or any other when the team has templates of its own.
func (t *table) language(key, otherwise string, more bool) string {
	s := t.text(key, otherwise)
	if s == "fr" || s == "en" || more && languageTag.MatchString(s) || !t.has(key) || t.entries[key].text != s {
		return s
	}
	t.fail(key, "unknown value %q; want fr or en, or a language that a folder of team.templates adds", s)
	return otherwise
}

// parseSignature tries the template. Several lines are allowed.
func parseSignature(s string) (string, error) {
	if _, err := template.New("signature").Parse(s); err != nil {
		return "", fmt.Errorf(`not a template (%s); want text with {{.Agent.Name}}, {{.Team.Name}} and {{.Team.Address}}`,
			strings.TrimPrefix(err.Error(), "template: "))
	}
	if strings.ContainsFunc(strings.NewReplacer("\n", "", "\r\n", "", "\t", "").Replace(s), isControl) {
		return "", fmt.Errorf("a control character; want plain text")
	}
	return s, nil
}

// hours reads the opening hours. Without any, they are those of the office days
// that the defaults state.
func (t *table) hours() Hours {
	h := t.sub("hours")
	defer h.done()
	hours := Hours{
		Days: parsed(h, "days", "mon-sat", parseDays),
		From: parsed(h, "from", "09:00", parseClock),
		To:   parsed(h, "to", "18:00", parseClock),
		Zone: parsed(h, "zone", "Europe/Paris", parseZone),
	}
	if hours.From >= hours.To && !h.wrong("from", "to") {
		h.fail("to", "is not after hours.from; want a later time of the same day, up to 24:00")
	}
	hours.Holidays = h.holidays(hours.Zone)
	return hours
}

// wrong reports whether a problem of one of the keys was found in this table.
func (t *table) wrong(keys ...string) bool {
	for _, p := range t.problems {
		for _, key := range keys {
			if p.Key == t.join(key) && t.has(key) && p.Line == t.entries[key].line {
				return true
			}
		}
	}
	return false
}

// holidays reads dates, in quotes or as TOML's own.
func (t *table) holidays(zone *time.Location) []time.Time {
	const key = "holidays"
	v := t.get(key, unstable.Array)
	if v == nil {
		return nil
	}
	var dates []time.Time
	for _, e := range v.list {
		date, err := time.ParseInLocation(time.DateOnly, e.text, zone)
		if err != nil || e.kind != unstable.String && e.kind != unstable.LocalDate {
			t.failAt(e.line, key, `%q is not a date; want year, month and day, as "2026-12-25"`, e.text)
			continue
		}
		dates = append(dates, date)
	}
	return dates
}

func readFields(team *table) []Field {
	var fields []Field
	seen := map[string]bool{}
	for _, t := range team.subs("field") {
		f := Field{
			Name:     t.needed("name", `what the customer is asked for, as "Version"`),
			Hint:     t.text("hint", ""),
			Required: t.boolean("required", false),
			Pattern:  parsed(t, "pattern", "", parsePattern),
		}
		if strings.ContainsAny(f.Name, ":=") {
			t.fail("name", `%q contains ":" or "="; want a name without, customers write "name : value"`, f.Name)
		}
		if lower := strings.ToLower(f.Name); f.Name != "" {
			if seen[lower] {
				t.fail("name", "the team has a field %q already; want another name", f.Name)
			}
			seen[lower] = true
		}
		t.done()
		fields = append(fields, f)
	}
	return fields
}

// parsePattern tries a regular expression of RE2.
func parsePattern(s string) (string, error) {
	if _, err := regexp.Compile(s); err != nil {
		return "", fmt.Errorf("%q is not a regular expression of RE2 (%s); want one as '\\d+'", s,
			strings.TrimPrefix(err.Error(), "error parsing regexp: "))
	}
	return s, nil
}
