// Package rules holds the desk's decisions: the admin's rules, who is believed,
// which ticket a mail belongs to, who gets it, whether it is acknowledged, and
// the opening hours. Everything here is a pure function of facts and
// configuration: no I/O, no clock, no log, so that a decision can be explained
// and replayed.
package rules

import (
	"regexp"
	"strings"
	"unicode/utf8"
)

// What one rule may look at. Patterns are RE2, linear in the text, and the text
// is bounded too: a mail cannot make the rules slow.
const (
	maxBody   = 64 << 10 // bytes of the text that are searched
	maxValue  = 4 << 10  // bytes of any other value
	maxValues = 200      // addresses, attachments, fields of one name
)

// Facts are what `when` looks at: the mail as it arrived, decoded. The outcome
// of one rule is not a fact for the next.
type Facts struct {
	Team        string // address of the team that the mail came to
	From        string // address of the author
	FromDomain  string
	To, Cc      []string // addresses
	Subject     string
	Header      func(name string) []string // decoded values; name without regard to case
	Body        string                     // decoded text
	Attachments []string                   // file names
	Language    string
	Category    string            // of the ticket, "" for a new one
	Fields      map[string]string // of the ticket
	Contact     map[string]string // columns of the contact's record
	Size        int64             // bytes as received
	Open        bool              // the team's opening hours, at arrival
	Backed      bool              // the author's address is backed
	Known       bool              // the author is a known contact
	Automatic   bool              // an automatic mail
	New         bool              // a new request
}

// Outcome is what the rules that applied ask for. An empty string means that
// no rule said anything.
type Outcome struct {
	Team             string // address
	Assign           string // agent id
	Category         string
	Priority         string
	Subject          string
	Language         string
	Template         string // of the acknowledgement
	Refuse           string // a sentence for the sender
	Tags             []string
	Observe          []string
	Fields           map[string]string
	Acknowledge      *bool
	ReplyToRequester bool     // the requester is the Reply-To (web forms), if From is backed
	Applied          []string // names of the rules that applied, "rule 3" for one without a name
}

// Set is a list of compiled rules. It may be used by many goroutines.
type Set struct {
	rules []rule
}

// rule is one compiled [[rule]].
type rule struct {
	name    string
	when    []condition
	then    []action
	stop    bool
	replies bool // it looks at `new`, and so may apply to mails of a ticket
}

// condition is one key of `when`.
type condition struct {
	negate bool
	holds  func(*Facts) bool
}

// action is one key of `then`.
type action func(*Outcome)

// Apply runs the rules in order. Every rule whose conditions all hold applies:
// the last scalar wins, lists add, `stop` ends. A rule that says nothing of
// `new` is about new requests: it does not undo with each answer of the customer
// what an agent has changed since.
func (s *Set) Apply(f *Facts) Outcome {
	var out Outcome
	if s == nil {
		return out
	}
	for i := range s.rules {
		r := &s.rules[i]
		if !f.New && !r.replies || !r.matches(f) {
			continue
		}
		out.Applied = append(out.Applied, r.name)
		for _, do := range r.then {
			do(&out)
		}
		if r.stop {
			break
		}
	}
	return out
}

// Len is the number of rules.
func (s *Set) Len() int {
	if s == nil {
		return 0
	}
	return len(s.rules)
}

func (r *rule) matches(f *Facts) bool {
	for _, c := range r.when {
		if c.holds(f) == c.negate {
			return false
		}
	}
	return true
}

// anyMatch searches every value for every pattern. A key without a value
// matches no pattern, not even the empty one.
func anyMatch(patterns []*regexp.Regexp, values []string, limit int) bool {
	if len(values) > maxValues {
		values = values[:maxValues]
	}
	for _, v := range values {
		v = clip(v, limit)
		for _, p := range patterns {
			if p.MatchString(v) {
				return true
			}
		}
	}
	return false
}

// clip cuts s to at most n bytes, never within a character.
func clip(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}

// textKey gives the values of a key of `when` that holds text, and how much of
// each is searched. The second result is nil for a key that is none.
func textKey(key string) (limit int, values func(*Facts) []string) {
	if get, ok := plainKeys[key]; ok {
		if key == "body" {
			return maxBody, get
		}
		return maxValue, get
	}
	kind, name, _ := strings.Cut(key, ".")
	if name == "" {
		return 0, nil
	}
	switch kind {
	case "header":
		return maxValue, func(f *Facts) []string { return headerValues(f.Header, name) }
	case "field":
		return maxValue, func(f *Facts) []string { return lookup(f.Fields, name) }
	case "contact":
		return maxValue, func(f *Facts) []string { return lookup(f.Contact, name) }
	}
	return 0, nil
}

// plainKeys are the keys of `when` that hold text and have a fixed name.
var plainKeys = map[string]func(*Facts) []string{
	"team":        func(f *Facts) []string { return []string{f.Team} },
	"from":        func(f *Facts) []string { return []string{f.From} },
	"from_domain": func(f *Facts) []string { return []string{f.FromDomain} },
	"to":          func(f *Facts) []string { return f.To },
	"cc":          func(f *Facts) []string { return f.Cc },
	"subject":     func(f *Facts) []string { return []string{f.Subject} },
	"body":        func(f *Facts) []string { return []string{f.Body} },
	"attachment":  func(f *Facts) []string { return f.Attachments },
	"language":    func(f *Facts) []string { return []string{f.Language} },
	"category":    func(f *Facts) []string { return []string{f.Category} },
}

// boolKeys are the keys of `when` that are true or false.
var boolKeys = map[string]func(*Facts) bool{
	"backed":    func(f *Facts) bool { return f.Backed },
	"known":     func(f *Facts) bool { return f.Known },
	"automatic": func(f *Facts) bool { return f.Automatic },
	"new":       func(f *Facts) bool { return f.New },
}

func headerValues(header func(string) []string, name string) []string {
	if header == nil {
		return nil
	}
	return header(name)
}

// lookup finds a name without regard to case: people type "version" for
// "Version".
func lookup(m map[string]string, name string) []string {
	if v, ok := m[name]; ok {
		return []string{v}
	}
	var values []string
	for k, v := range m {
		if strings.EqualFold(k, name) {
			values = append(values, v)
		}
	}
	return values
}
