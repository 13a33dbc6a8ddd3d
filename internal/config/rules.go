package config

import (
	"fmt"
	"slices"
	"strings"

	"github.com/pelletier/go-toml/v2/unstable"

	"postdesk/internal/addr"
)

// What may stand behind a key of when and then.
type ruleValue int

const (
	patterns ruleValue = iota // RE2, one or a list
	size
	word  // one of a choice
	flag  // true or false
	line  // text
	words // text, one or a list
)

// ruleKey is one key of a rule. A name that ends in a dot is a prefix, as
// header.<Name>.
type ruleKey struct {
	name   string
	value  ruleValue
	choice []string
}

// whenKeys are the facts that a rule may look at; "not_" may stand before each.
func whenKeys() []ruleKey {
	var keys []ruleKey
	for _, name := range []string{"team", "from", "from_domain", "to", "cc", "subject", "header.", "body", "attachment",
		"language", "category", "field.", "contact."} {
		keys = append(keys, ruleKey{name: name, value: patterns})
	}
	return append(keys,
		ruleKey{name: "larger", value: size},
		ruleKey{name: "smaller", value: size},
		ruleKey{name: "hours", value: word, choice: []string{"open", "closed"}},
		ruleKey{name: "backed", value: flag},
		ruleKey{name: "known", value: flag},
		ruleKey{name: "automatic", value: flag},
		ruleKey{name: "new", value: flag})
}

// thenKeys are what a rule may decide.
func thenKeys() []ruleKey {
	return []ruleKey{
		{name: "team", value: line},
		{name: "assign", value: line},
		{name: "category", value: line},
		{name: "priority", value: word, choice: []string{"low", "normal", "high", "urgent"}},
		{name: "tags", value: words},
		{name: "field.", value: line},
		{name: "observe", value: words},
		{name: "subject", value: line},
		{name: "language", value: line},
		{name: "acknowledge", value: flag},
		{name: "requester", value: word, choice: []string{"reply-to"}},
		{name: "template", value: line},
		{name: "refuse", value: line},
		{name: "stop", value: flag},
	}
}

func (r *reader) readRules(root *table) []Rule {
	var rules []Rule
	r.rules = root.subs("rule")
	for i, t := range r.rules {
		rule := Rule{
			Name: t.text("name", ""),
			Line: t.line,
			When: t.sub("when").values(whenKeys(), true),
			Then: t.sub("then").values(thenKeys(), false),
		}
		if rule.Name == "" {
			rule.Name = fmt.Sprintf("rule %d", i+1)
		}
		if v := t.entries["then"]; v == nil || v.table != nil && len(v.table.entries) == 0 {
			t.fail("then", `decides nothing; want at least one decision, as { priority = "high" }`)
		}
		t.done()
		rules = append(rules, rule)
	}
	return rules
}

// values reads a table of facts or decisions into the flat form of Rule:
// header.X-Spam is one key, whether it stood there in quotes or as tables.
func (t *table) values(known []ruleKey, mayNegate bool) map[string]any {
	values := map[string]any{}
	for _, k := range known {
		t.keys[t.join(strings.TrimSuffix(k.name, "."))] = true
	}
	for key, v := range t.flat() {
		k, ok := findKey(known, key, mayNegate)
		if !ok {
			t.failAt(v.line, key, "%s", unknownRuleKey(known, key))
			continue
		}
		if value := t.ruleValue(k, key, v); value != nil {
			values[key] = value
		}
	}
	return values
}

// flat is the entries of t, with those of tables under dotted names.
func (t *table) flat() map[string]*value {
	flat := map[string]*value{}
	for key, v := range t.entries {
		if v.table == nil {
			flat[key] = v
			continue
		}
		for name, inner := range v.table.flat() {
			flat[key+"."+name] = inner
		}
	}
	return flat
}

func findKey(known []ruleKey, key string, mayNegate bool) (ruleKey, bool) {
	if mayNegate {
		key = strings.TrimPrefix(key, "not_")
	}
	for _, k := range known {
		rest, ok := strings.CutPrefix(key, k.name)
		if ok && (rest == "" && !strings.HasSuffix(k.name, ".") || rest != "" && strings.HasSuffix(k.name, ".")) {
			return k, true
		}
	}
	return ruleKey{}, false
}

func unknownRuleKey(known []ruleKey, key string) string {
	var names []string
	for _, k := range known {
		if prefix, ok := strings.CutSuffix(k.name, "."); ok {
			names = append(names, prefix+".<name>")
		} else {
			names = append(names, k.name)
		}
	}
	return unknownKey(strings.TrimPrefix(key, "not_"), names)
}

// ruleValue reads one value, or reports it and returns nil.
func (t *table) ruleValue(k ruleKey, key string, v *value) any {
	switch k.value {
	case flag:
		if t.isKind(key, v, unstable.Bool) {
			return v.text == "true"
		}
	case size:
		return t.ruleSize(key, v)
	case word:
		if !t.isKind(key, v, unstable.String) {
			return nil
		}
		if slices.Contains(k.choice, v.text) {
			return v.text
		}
		t.failAt(v.line, key, "unknown value %q; want %s", v.text, choice(k.choice))
	case line:
		return t.ruleText(key, v)
	default:
		return t.ruleList(k, key, v)
	}
	return nil
}

func (t *table) ruleText(key string, v *value) any {
	if !t.isKind(key, v, unstable.String) {
		return nil
	}
	if v.text == "" {
		t.failAt(v.line, key, "is empty; want a text, or take the key out")
		return nil
	}
	if s := t.clean(key, v); s != "" {
		return s
	}
	return nil
}

func (t *table) ruleSize(key string, v *value) any {
	if !t.isKind(key, v, unstable.String) {
		return nil
	}
	n, err := parseSize(v.text)
	if err != nil {
		t.failAt(v.line, key, "%v", err)
		return nil
	}
	return n
}

// ruleList reads a text or a list of texts, patterns or words.
func (t *table) ruleList(k ruleKey, key string, v *value) any {
	if v.kind != unstable.Array {
		if s := t.ruleText(key, v); s != nil && t.goodPattern(k, key, item{s.(string), v.line}) {
			return s
		}
		return nil
	}
	if len(v.list) == 0 {
		t.failAt(v.line, key, "is empty; want at least one text, or take the key out")
		return nil
	}
	var list []string
	for _, it := range t.items(key, v) {
		if t.goodPattern(k, key, it) {
			list = append(list, it.text)
		}
	}
	return list
}

func (t *table) goodPattern(k ruleKey, key string, it item) bool {
	if k.value != patterns {
		return true
	}
	_, err := parsePattern(it.text)
	if err != nil {
		t.failAt(it.line, key, "%v", err)
	}
	return err == nil
}

// checkRules looks at the names in rules: teams, agents and addresses.
func (r *reader) checkRules(c *Config) {
	for i, rule := range c.Rules {
		v := r.rules[i].entries["then"]
		if v == nil || v.table == nil {
			continue
		}
		t := v.table
		if s, ok := rule.Then["team"].(string); ok {
			r.checkThenTeam(c, t, s, rule.Then)
		}
		if s, ok := rule.Then["assign"].(string); ok {
			t.checkAssign(c, s)
		}
		t.checkObserve(c)
		if s, ok := rule.Then["language"].(string); ok && !languageTag.MatchString(s) {
			t.fail("language", "unknown value %q; want fr or en, or a language that a folder of team.templates adds", s)
		}
	}
}

// checkThenTeam resolves a team's alias to its address, so that a rule compares
// one form only.
func (r *reader) checkThenTeam(c *Config, t *table, s string, then map[string]any) {
	a, err := addr.Parse(s)
	if team := c.TeamByAddress(a); err == nil && team != nil {
		then["team"] = team.Address.String()
		return
	}
	var teams []string
	for _, team := range c.Teams {
		teams = append(teams, team.Address.String())
	}
	t.fail("team", "no team has the address %q; want %s", s, choice(teams))
}

func (t *table) checkAssign(c *Config, id string) {
	agent := c.AgentByID(id)
	switch {
	case agent == nil:
		t.fail("assign", "no agent has the id %q; want %s", id, orNone(c.agentIDs()))
	case agent.Role == RoleObserver:
		t.fail("assign", "%s is an observer; want an agent or a supervisor", id)
	}
}

// checkObserve wants agents' ids or addresses.
func (t *table) checkObserve(c *Config) {
	v := t.entries["observe"]
	if v == nil {
		return
	}
	for _, e := range append([]*value{v}, v.list...) {
		if e.kind != unstable.String || e.text == "" || c.AgentByID(e.text) != nil {
			continue
		}
		if _, err := parseAddress(e.text); err != nil {
			t.failAt(e.line, "observe", `%q is neither an agent's id nor an address; want one of them`, e.text)
		}
	}
}
