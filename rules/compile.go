package rules

import (
	"errors"
	"fmt"
	"regexp"
	"regexp/syntax"
	"slices"
	"sort"
	"strings"
	"unicode"

	"postdesk/internal/config"
)

const (
	maxPattern  = 1000 // bytes of one pattern
	maxProgram  = 2000 // instructions that it makes, about
	maxSentence = 400  // bytes of a refusal: it has to fit into one SMTP reply line
)

// priorities are those that `then` may set.
var priorities = []string{"low", "normal", "high", "urgent"}

// Error says what is wrong with one key of one rule. Line is that of the
// [[rule]] in the configuration file, 0 when it is not known.
type Error struct {
	Rule string // name, or "rule 3"
	Line int
	Key  string // "when.subject"
	Err  error
}

// Error names the rule, the key and what would be right.
func (e *Error) Error() string { return fmt.Sprintf("rule %q: %s: %v", e.Rule, e.Key, e.Err) }

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.Err }

// Compile checks and compiles the rules of a configuration. The error joins one
// *Error for each fault, so that an admin sees all of them at once.
func Compile(list []config.Rule) (*Set, error) {
	set := &Set{rules: make([]rule, 0, len(list))}
	var faults []error
	for i := range list {
		c := compiler{src: &list[i], name: ruleName(&list[i], i)}
		set.rules = append(set.rules, c.compile())
		faults = append(faults, c.faults...)
	}
	if err := errors.Join(faults...); err != nil {
		return nil, err
	}
	return set, nil
}

func ruleName(r *config.Rule, i int) string {
	if r.Name != "" {
		return r.Name
	}
	return fmt.Sprintf("rule %d", i+1)
}

// compiler compiles one rule.
type compiler struct {
	src    *config.Rule
	name   string
	faults []error
}

func (c *compiler) compile() rule {
	r := rule{name: c.name}
	for _, key := range sortedKeys(c.src.When) {
		cond, err := compileCondition(key, c.src.When[key])
		if err != nil {
			c.fault("when."+key, err)
			continue
		}
		r.when = append(r.when, cond)
		r.replies = r.replies || strings.TrimPrefix(key, "not_") == "new"
	}
	for _, key := range sortedKeys(c.src.Then) {
		if key == "stop" {
			stop, err := asBool(c.src.Then[key])
			c.fault("then.stop", err)
			r.stop = stop
			continue
		}
		do, err := compileAction(key, c.src.Then[key])
		if err != nil {
			c.fault("then."+key, err)
			continue
		}
		r.then = append(r.then, do)
	}
	return r
}

func (c *compiler) fault(key string, err error) {
	if err != nil {
		c.faults = append(c.faults, &Error{Rule: c.name, Line: c.src.Line, Key: key, Err: err})
	}
}

// sortedKeys makes the order of conditions and of faults that of the alphabet,
// not of the map. Cheap keys need no special place: RE2 is linear.
func sortedKeys(m map[string]any) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	return keys
}

func compileCondition(key string, value any) (condition, error) {
	name, negate := strings.CutPrefix(key, "not_")
	holds, err := compileTest(name, value)
	return condition{negate: negate, holds: holds}, err
}

func compileTest(key string, value any) (func(*Facts) bool, error) {
	if get, ok := boolKeys[key]; ok {
		want, err := asBool(value)
		return func(f *Facts) bool { return get(f) == want }, err
	}
	switch key {
	case "larger":
		n, err := asSize(value)
		return func(f *Facts) bool { return f.Size > n }, err
	case "smaller":
		n, err := asSize(value)
		return func(f *Facts) bool { return f.Size < n }, err
	case "hours":
		open, err := asHours(value)
		return func(f *Facts) bool { return f.Open == open }, err
	}
	limit, get := textKey(key)
	if get == nil {
		return nil, errors.New("unknown key")
	}
	patterns, err := asPatterns(value)
	return func(f *Facts) bool { return anyMatch(patterns, get(f), limit) }, err
}

// scalars are the keys of `then` that set one string.
var scalars = map[string]func(*Outcome) *string{
	"team":     func(o *Outcome) *string { return &o.Team },
	"assign":   func(o *Outcome) *string { return &o.Assign },
	"category": func(o *Outcome) *string { return &o.Category },
	"priority": func(o *Outcome) *string { return &o.Priority },
	"subject":  func(o *Outcome) *string { return &o.Subject },
	"language": func(o *Outcome) *string { return &o.Language },
	"template": func(o *Outcome) *string { return &o.Template },
	"refuse":   func(o *Outcome) *string { return &o.Refuse },
}

func compileAction(key string, value any) (action, error) {
	if field, ok := scalars[key]; ok {
		s, err := asScalar(key, value)
		return func(o *Outcome) { *field(o) = s }, err
	}
	if name, ok := strings.CutPrefix(key, "field."); ok && name != "" {
		s, err := asText(value)
		return func(o *Outcome) { o.setField(name, s) }, err
	}
	switch key {
	case "tags":
		list, err := asList(value)
		return func(o *Outcome) { o.Tags = addNew(o.Tags, list) }, err
	case "observe":
		list, err := asList(value)
		return func(o *Outcome) { o.Observe = addNew(o.Observe, list) }, err
	case "acknowledge":
		b, err := asBool(value)
		return func(o *Outcome) { o.Acknowledge = new(b) }, err
	case "requester":
		if value != "reply-to" {
			return nil, errors.New(`want "reply-to"`)
		}
		return func(o *Outcome) { o.ReplyToRequester = true }, nil
	}
	return nil, errors.New("unknown key")
}

func (o *Outcome) setField(name, value string) {
	if o.Fields == nil {
		o.Fields = make(map[string]string)
	}
	o.Fields[name] = value
}

// addNew appends what is not there yet, without regard to case.
func addNew(list, more []string) []string {
	for _, s := range more {
		if !slices.ContainsFunc(list, func(t string) bool { return strings.EqualFold(s, t) }) {
			list = append(list, s)
		}
	}
	return list
}

func asScalar(key string, value any) (string, error) {
	s, err := asText(value)
	if err != nil {
		return "", err
	}
	switch {
	case key == "priority" && !slices.Contains(priorities, s):
		return "", fmt.Errorf("unknown value %q; want %s", s, strings.Join(priorities, ", "))
	case key == "refuse" && strings.TrimSpace(s) == "":
		return "", errors.New("want a sentence for the sender")
	case key == "refuse" && len(s) > maxSentence:
		return "", fmt.Errorf("longer than %d bytes", maxSentence)
	}
	return s, nil
}

// asText wants a string without control characters: it may end up in a header
// or in an SMTP reply.
func asText(value any) (string, error) {
	s, ok := value.(string)
	if !ok {
		return "", errors.New("want a string")
	}
	if strings.ContainsFunc(s, unicode.IsControl) {
		return "", errors.New("control characters are not allowed")
	}
	return s, nil
}

func asBool(value any) (bool, error) {
	b, ok := value.(bool)
	if !ok {
		return false, errors.New("want true or false")
	}
	return b, nil
}

func asSize(value any) (int64, error) {
	n, ok := value.(int64)
	if !ok || n < 0 {
		return 0, errors.New(`want a size such as "10MB"`)
	}
	return n, nil
}

func asHours(value any) (bool, error) {
	if value != "open" && value != "closed" {
		return false, errors.New(`want "open" or "closed"`)
	}
	return value == "open", nil
}

func asList(value any) ([]string, error) {
	list, ok := value.([]string)
	if s, isString := value.(string); isString {
		list, ok = []string{s}, true
	}
	if !ok || len(list) == 0 {
		return nil, errors.New("want a string or a list of strings")
	}
	for _, s := range list {
		if _, err := asText(s); err != nil {
			return nil, err
		}
	}
	return list, nil
}

// asPatterns compiles one pattern or a list; a list means any of them.
func asPatterns(value any) ([]*regexp.Regexp, error) {
	list, err := asList(value)
	if err != nil {
		return nil, err
	}
	patterns := make([]*regexp.Regexp, 0, len(list))
	for _, s := range list {
		if len(s) > maxPattern {
			return nil, fmt.Errorf("pattern longer than %d bytes", maxPattern)
		}
		p, err := compilePattern(s)
		if err != nil {
			return nil, fmt.Errorf("bad regular expression %q: %w", s, err)
		}
		patterns = append(patterns, p)
	}
	return patterns, nil
}

// compilePattern compiles one pattern, without regard to case. RE2 is linear in
// the text, but also in the program, and a counted repetition unrolls: the size
// of the program is bounded too.
func compilePattern(s string) (*regexp.Regexp, error) {
	tree, err := syntax.Parse("(?i)"+s, syntax.Perl)
	if err != nil {
		return nil, err
	}
	if steps(tree, maxProgram) > maxProgram {
		return nil, errors.New("repeats too much")
	}
	return regexp.Compile("(?i)" + s)
}

// steps estimates how many instructions a pattern makes, without making them;
// it stops to count a little above limit.
func steps(re *syntax.Regexp, limit int) int {
	sum := max(1, len(re.Rune))
	for _, sub := range re.Sub {
		sum = min(sum+steps(sub, limit), limit+1)
	}
	if re.Op == syntax.OpRepeat {
		sum = min(sum*max(1, re.Min, re.Max), limit+1)
	}
	return sum
}
