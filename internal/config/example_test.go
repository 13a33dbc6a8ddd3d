package config

import (
	"os"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"testing/fstest"
)

func readExample(t *testing.T) string {
	t.Helper()
	data, err := os.ReadFile("../../config.toml.example")
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// uncommented takes the "#" off the settings that the example has as comments.
func uncommented(example string) string {
	return regexp.MustCompile(`(?m)^#(\[\[|[a-z_]+ = )|^# ("corp)`).ReplaceAllString(example, "$1$2")
}

func TestExampleIsAccepted(t *testing.T) {
	c, err := Parse("config.toml.example", []byte(readExample(t)), WithFS(fstest.MapFS{}))
	if err != nil {
		t.Fatal(err)
	}
	if got := c.Teams[0].Address.String(); got != "relationclient@example.com" {
		t.Errorf("team is %s", got)
	}
}

func TestExampleIsAcceptedWithAllItsComments(t *testing.T) {
	root := fstest.MapFS{"etc/postdesk/dkim/desk1.pem": {Data: newKey(t)}}
	c, err := Parse("config.toml.example", []byte(uncommented(readExample(t))), WithFS(root))
	if err != nil {
		t.Fatal(err)
	}
	if len(c.DKIM) != 1 || len(c.Rules) != 1 || len(c.Teams[0].Fields) != 1 || len(c.Relay.Routes) != 1 {
		t.Errorf("something of the comments is missing: %+v", c)
	}
}

// Every key that the loader asks for stands in the example.
func TestExampleHasEveryKey(t *testing.T) {
	example := uncommented(readExample(t))
	r := newReader("x", []Option{WithFS(fstest.MapFS{})})
	root, ok := parseDocument(r, []byte(example))
	if !ok {
		t.Fatal(r.problems)
	}
	r.config(root)
	there := map[string]bool{}
	collect(root, there)
	for key := range r.keys {
		if strings.HasPrefix(key, "rule.when.") || strings.HasPrefix(key, "rule.then.") {
			if name := key[len("rule.when."):]; !strings.Contains(example, name) {
				t.Errorf("rule key %s is not mentioned", key)
			}
			continue
		}
		if !there[strings.Replace(key, ".*", ".corp.example", 1)] {
			t.Errorf("key %s is not in the example", key)
		}
	}
	if len(r.keys) < 90 {
		t.Errorf("only %d keys were asked for", len(r.keys))
	}
}

func collect(t *table, there map[string]bool) {
	for key, v := range t.entries {
		there[t.join(key)] = true
		if v.table != nil {
			collect(v.table, there)
		}
		for _, e := range v.list {
			if e.table != nil {
				collect(e.table, there)
			}
		}
	}
}

// The values of the example are the defaults: without the lines that are not
// marked "example" the configuration is the same.
func TestExampleStatesTheDefaults(t *testing.T) {
	full, err := Parse("x", []byte(readExample(t)), WithFS(fstest.MapFS{}))
	if err != nil {
		t.Fatal(err)
	}
	var kept []string
	for line := range strings.Lines(readExample(t)) {
		if strings.HasPrefix(line, "[") || strings.Contains(line, "# example") {
			kept = append(kept, line)
		}
	}
	short, err := Parse("x", []byte(strings.Join(kept, "")), WithFS(fstest.MapFS{}))
	if err != nil {
		t.Fatal(err)
	}
	full.Warnings, short.Warnings = nil, nil // they have line numbers
	a, b := reflect.ValueOf(*full), reflect.ValueOf(*short)
	for i := range a.NumField() {
		if name := a.Type().Field(i).Name; !reflect.DeepEqual(a.Field(i).Interface(), b.Field(i).Interface()) {
			t.Errorf("%s: example says %+v, default is %+v", name, a.Field(i), b.Field(i))
		}
	}
}
