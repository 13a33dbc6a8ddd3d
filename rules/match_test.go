package rules

import (
	"errors"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"postdesk/internal/config"
	"postdesk/internal/testkit"
)

// pharmacy is the mail that the rules below look at.
func pharmacy() *Facts {
	return &Facts{
		Team: "reclamation@example.com",
		From: "jean@pharma.example", FromDomain: "pharma.example",
		To: []string{"reclamation@example.com"}, Cc: []string{"chef@pharma.example", "x@other.example"},
		Subject: "Commande PH 42 : été",
		Header: headerOf(map[string]string{
			"X-Source": "shop",
		}),
		Body:        "Bonjour,\nles flacons sont cassés.\n",
		Attachments: []string{"photo.JPG", "bon.pdf"},
		Language:    "fr",
		Fields:      map[string]string{"Version du produit": "2.1"},
		Contact:     map[string]string{"company": "Pharma SA", "agent": "bruno"},
		Size:        2 << 20,
		Open:        true, Backed: true, Known: true, New: true,
	}
}

// TestWhen is what a rule may look at. All conditions of a case must hold.
func TestWhen(t *testing.T) {
	type when = map[string]any
	cases := []struct {
		name  string
		when  when
		match bool
	}{
		{"no condition", when{}, true},
		{"subject", when{"subject": `\bPH\b`}, true},
		{"subject, without case", when{"subject": `commande ph`}, true},
		{"subject, accents in upper case", when{"subject": `ÉTÉ`}, true},
		{"subject, another code", when{"subject": `\bVM\b`}, false},
		{"a list means any", when{"subject": []string{`\bVM\b`, `\bPH\b`}}, true},
		{"not_ negates the list", when{"not_subject": []string{`\bVM\b`, `\bPH\b`}}, false},
		{"not_ negates one", when{"not_subject": `\bVM\b`}, true},
		{"all must hold", when{"subject": `PH`, "from_domain": `^other\.example$`}, false},
		{"team", when{"team": "reclamation@example.com"}, true},
		{"from", when{"from": "^jean@"}, true},
		{"from_domain", when{"from_domain": `^pharma\.example$`}, true},
		{"to", when{"to": "reclamation@"}, true},
		{"any of the cc", when{"cc": "^x@"}, true},
		{"none of the cc", when{"not_cc": "^y@"}, true},
		{"header", when{"header.X-Source": "^shop$"}, true},
		{"header, name in lower case", when{"header.x-source": "shop"}, true},
		{"header that is not there", when{"header.X-Other": ".*"}, false},
		{"header is missing", when{"not_header.X-Other": ".*"}, true},
		{"body", when{"body": "flacons? .* cass"}, true},
		{"body, a line", when{"body": "(?m)^les flacons"}, true},
		{"attachment", when{"attachment": `\.(jpe?g|png)$`}, true},
		{"language", when{"language": "^en$"}, false},
		{"category of a new ticket", when{"category": "."}, false},
		{"field", when{"field.version du produit": `^2\.`}, true},
		{"field that is not there", when{"field.serial": `.*`}, false},
		{"contact", when{"contact.company": "pharma"}, true},
		{"larger", when{"larger": int64(1 << 20)}, true},
		{"smaller", when{"smaller": int64(1 << 20)}, false},
		{"between two sizes", when{"larger": int64(1 << 20), "smaller": int64(3 << 20)}, true},
		{"hours open", when{"hours": "open"}, true},
		{"hours closed", when{"hours": "closed"}, false},
		{"not hours closed", when{"not_hours": "closed"}, true},
		{"backed", when{"backed": true}, true},
		{"known is false", when{"known": false}, false},
		{"automatic is false", when{"automatic": false}, true},
		{"not automatic", when{"not_automatic": true}, true},
		{"new", when{"new": true}, true},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			set, err := Compile([]config.Rule{{When: c.when, Then: map[string]any{"tags": "hit"}}})
			if err != nil {
				t.Fatal(err)
			}
			if got := len(set.Apply(pharmacy()).Applied) == 1; got != c.match {
				t.Errorf("matches: %v", got)
			}
		})
	}
}

// TestThen: the last scalar wins, lists add, stop ends.
func TestThen(t *testing.T) {
	type m = map[string]any
	set, err := Compile([]config.Rule{
		{Name: "all", Then: m{"assign": "anne", "tags": []string{"desk", "fr"}, "field.source": "mail", "acknowledge": false, "priority": "normal"}},
		{When: m{"subject": "no such"}, Then: m{"assign": "carl", "stop": true}},
		{Name: "pharmacies", When: m{"subject": `\bPH\b`}, Then: m{
			"team": "export@example.com", "assign": "bruno", "category": "pharmacie", "priority": "high",
			"tags": []string{"ph", "FR"}, "field.branch": "ph", "observe": "chef@example.com", "subject": "Pharmacie",
			"language": "en", "acknowledge": true, "requester": "reply-to", "template": "ph", "refuse": "Nous sommes fermés.",
		}},
		{When: m{"category": "pharmacie"}, Then: m{"assign": "nobody"}}, // facts are those at arrival
		{When: m{"new": true}, Then: m{"observe": []string{"dir@example.com"}, "stop": true}},
		{Then: m{"assign": "zoe"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	yes := true
	want := Outcome{
		Team: "export@example.com", Assign: "bruno", Category: "pharmacie", Priority: "high", Subject: "Pharmacie",
		Language: "en", Template: "ph", Refuse: "Nous sommes fermés.",
		Tags: []string{"desk", "fr", "ph"}, Observe: []string{"chef@example.com", "dir@example.com"},
		Fields:      map[string]string{"source": "mail", "branch": "ph"},
		Acknowledge: &yes, ReplyToRequester: true,
		Applied: []string{"all", "pharmacies", "rule 5"},
	}
	got := set.Apply(pharmacy())
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	// The set is not changed by what was done with its outcome.
	got.Tags[0], *got.Acknowledge = "x", false
	if again := set.Apply(pharmacy()); !reflect.DeepEqual(again, want) {
		t.Errorf("the second time %+v", again)
	}
}

func TestNoRules(t *testing.T) {
	var set *Set
	if out := set.Apply(pharmacy()); out.Applied != nil || set.Len() != 0 {
		t.Errorf("%+v", out)
	}
}

// TestCompileSaysWhatIsWrong: each fault has the rule, the key and what would
// be right, and all of them are reported at once.
func TestCompileSaysWhatIsWrong(t *testing.T) {
	type m = map[string]any
	cases := []struct {
		when, then m
		key, says  string
	}{
		{m{"sujet": "x"}, nil, "when.sujet", "unknown key"},
		{m{"header.": "x"}, nil, "when.header.", "unknown key"},
		{m{"header": "x"}, nil, "when.header", "unknown key"},
		{m{"subject": "("}, nil, "when.subject", "bad regular expression"},
		{m{"subject": `(a)\1`}, nil, "when.subject", "bad regular expression"},
		{m{"subject": strings.Repeat("x", 1001)}, nil, "when.subject", "longer than 1000"},
		{m{"subject": `((a{1000}){1000}){1000}`}, nil, "when.subject", "bad regular expression"},
		{m{"subject": strings.Repeat(`\pL{999}`, 3)}, nil, "when.subject", "repeats too much"},
		{m{"subject": true}, nil, "when.subject", "want a string or a list"},
		{m{"subject": []string{}}, nil, "when.subject", "want a string or a list"},
		{m{"larger": "10MB"}, nil, "when.larger", "want a size"},
		{m{"hours": "lunch"}, nil, "when.hours", `want "open" or "closed"`},
		{m{"not_known": "yes"}, nil, "when.not_known", "want true or false"},
		{nil, m{"color": "red"}, "then.color", "unknown key"},
		{nil, m{"field.": "red"}, "then.field.", "unknown key"},
		{nil, m{"priority": "urgentest"}, "then.priority", "want low, normal, high, urgent"},
		{nil, m{"acknowledge": "no"}, "then.acknowledge", "want true or false"},
		{nil, m{"requester": "from"}, "then.requester", `want "reply-to"`},
		{nil, m{"stop": "yes"}, "then.stop", "want true or false"},
		{nil, m{"tags": int64(3)}, "then.tags", "want a string or a list"},
		{nil, m{"refuse": " "}, "then.refuse", "want a sentence"},
		{nil, m{"refuse": "no\r\n250 ok"}, "then.refuse", "control characters"},
		{nil, m{"refuse": strings.Repeat("x", 401)}, "then.refuse", "longer than 400"},
		{nil, m{"subject": "a\nBcc: x@y.test"}, "then.subject", "control characters"},
	}
	var all []config.Rule
	for _, c := range cases {
		t.Run(c.key, func(t *testing.T) {
			r := config.Rule{Name: "r", Line: 12, When: c.when, Then: c.then}
			all = append(all, r)
			_, err := Compile([]config.Rule{r})
			var fault *Error
			if !errors.As(err, &fault) {
				t.Fatalf("error %v", err)
			}
			if fault.Key != c.key || fault.Line != 12 || fault.Rule != "r" || !strings.Contains(fault.Error(), c.says) {
				t.Errorf("%+v: %v", fault, fault)
			}
		})
	}
	_, err := Compile(all)
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok || len(joined.Unwrap()) != len(cases) {
		t.Errorf("not all of %d faults: %v", len(cases), err)
	}
}

// TestRulesAreLinear: a pattern that takes other engines for ever, on a mail of
// 30 MB with 10000 addresses, is searched in bounded text and linear time.
func TestRulesAreLinear(t *testing.T) {
	set, err := Compile([]config.Rule{
		{When: map[string]any{"body": `(a+)+$`}, Then: map[string]any{"tags": "x"}},
		{When: map[string]any{"to": `(x+x+)+y`}, Then: map[string]any{"tags": "x"}},
		{When: map[string]any{"body": `(a?){50}a{50}b`}, Then: map[string]any{"tags": "x"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	f := pharmacy()
	f.Body = strings.Repeat("a", 30<<20) + "!"
	f.To = make([]string, 10000)
	for i := range f.To {
		f.To[i] = strings.Repeat("x", 10000)
	}
	start := testkit.CPU()
	set.Apply(f)
	if took := testkit.CPU() - start; took > 5*time.Second*testkit.RaceFactor {
		t.Errorf("took %v", took)
	}
}

func TestClipKeepsCharacters(t *testing.T) {
	for n := range 8 {
		if s := clip("aéé漢", n); len(s) > n || strings.ToValidUTF8(s, "?") != s {
			t.Errorf("%d: %q", n, s)
		}
	}
}

func FuzzCompile(f *testing.F) {
	f.Add("subject", `\bPH\b`, "assign", "bruno")
	f.Add("not_header.X", "(?i)(a|b)*$", "field.x", "")
	f.Add("hours", "open", "refuse", "no\x00")
	f.Fuzz(func(t *testing.T, when, pattern, then, value string) {
		set, err := Compile([]config.Rule{{When: map[string]any{when: pattern}, Then: map[string]any{then: value}}})
		if err == nil {
			set.Apply(pharmacy())
		}
	})
}

func FuzzApply(f *testing.F) {
	f.Add(`\bPH\b`, "PH 12", "body")
	f.Add(`^é+$`, "É\xff", "")
	f.Fuzz(func(t *testing.T, pattern, subject, body string) {
		set, err := Compile([]config.Rule{
			{When: map[string]any{"subject": pattern}, Then: map[string]any{"tags": "yes"}},
			{When: map[string]any{"not_subject": pattern}, Then: map[string]any{"tags": "no"}},
			{When: map[string]any{"body": pattern}, Then: map[string]any{"field.x": "b"}},
		})
		if err != nil {
			return
		}
		facts := pharmacy()
		facts.Subject, facts.Body = subject, body
		out := set.Apply(facts)
		if len(out.Tags) != 1 {
			t.Errorf("a pattern and its negation: %v", out.Tags)
		}
		if len(subject) < maxValue && (out.Tags[0] == "yes") != regexp.MustCompile("(?i)"+pattern).MatchString(subject) {
			t.Errorf("%v on %q", out.Tags, subject)
		}
	})
}
