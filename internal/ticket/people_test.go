package ticket_test

import (
	"fmt"
	"strings"
	"testing"

	"postdesk/internal/ticket"
)

// shown is a list of people as the tests write it.
func shown(people []ticket.Person) string {
	var list []string
	for _, p := range people {
		s := [...]string{"-", "", "+"}[p.Sign+1]
		if p.Mailbox.Name != "" {
			s += "[" + p.Mailbox.Name + "]"
		}
		if !p.Mailbox.Address.IsZero() {
			s += p.Mailbox.Address.String()
		}
		list = append(list, s)
	}
	return strings.Join(list, " ")
}

func TestPeopleAsTheyAreTyped(t *testing.T) {
	for typed, want := range map[string]string{
		"a@x.example":                                  "a@x.example",
		"+a@x.example -b@y.example":                    "+a@x.example -b@y.example",
		"+a@x.example, −b@y.example; c@z.example":      "+a@x.example -b@y.example c@z.example",
		`"Jean Dupont" <jean@x.example>`:               "[Jean Dupont]jean@x.example",
		"+“Jean Dupont” <jean@x.example> +b@y.example": "+[Jean Dupont]jean@x.example +b@y.example",
		"« Jean Dupont » <jean@x.example>":             "[Jean Dupont]jean@x.example",
		"Jean Dupont <jean@x.example>":                 "[Jean Dupont]jean@x.example",
		"<jean@x.example>":                             "jean@x.example",
		"a@x.example<mailto:a@x.example> b@y.example":  "a@x.example b@y.example",
		"<mailto:a@x.example>":                         "a@x.example",
		"a@x.example.":                                 "a@x.example",
		"bruno":                                        "[bruno]",
		"-bruno +olga":                                 "-[bruno] +[olga]",
		"+Jean Dupont <jean@x.example> -Marie Martin <m@y.example>": "+[Jean Dupont]jean@x.example -[Marie Martin]m@y.example",
	} {
		people, ok := ticket.ParsePeople(typed)
		if got := shown(people); !ok || got != want {
			t.Errorf("%s: %q, %v; want %q", typed, got, ok, want)
		}
	}
	for _, typed := range []string{"", " ,; ", "a@", "@x.example", "a@x.example b@@y", "a b<c", `"Jean" jean@`, strings.Repeat("a@x.example ", 51)} {
		if people, ok := ticket.ParsePeople(typed); ok {
			t.Errorf("%q names %s", typed, shown(people))
		}
	}
}

func TestWhoIsAskedAndWhat(t *testing.T) {
	for typed, want := range map[string]string{
		"expert@lab.example":                                     "expert@lab.example: ",
		"expert@lab.example Avis sur le boîtier":                 "expert@lab.example: Avis sur le boîtier",
		"expert@lab.example: Avis":                               "expert@lab.example: Avis",
		"expert@lab.example, b@y.example « Avis »":               "expert@lab.example b@y.example: Avis",
		`Dr Expert <expert@lab.example> Avis <urgent>`:           "[Dr Expert]expert@lab.example: Avis <urgent>",
		`"Dr Expert" <expert@lab.example>; b@y.example Question`: "[Dr Expert]expert@lab.example b@y.example: Question",
		"expert@lab.example<mailto:expert@lab.example> Avis":     "expert@lab.example: Avis",
		"expert@lab.example Avis de Jean <jean@x.example>":       "expert@lab.example: Avis de Jean <jean@x.example>",
	} {
		people, subject, ok := ticket.ParseAsk(typed)
		if got := shown(people) + ": " + subject; !ok || got != want {
			t.Errorf("%s: %q, %v; want %q", typed, got, ok, want)
		}
	}
	for _, typed := range []string{"", "?", "Avis", "expert@", "le dr expert"} {
		if people, _, ok := ticket.ParseAsk(typed); ok {
			t.Errorf("%q asks %s", typed, shown(people))
		}
	}
}

func FuzzParsePeople(f *testing.F) {
	for _, s := range []string{"+a@x.example -b@y.example", `"J D" <j@x>`, "« a » <b@c.example> sujet", "a@x<mailto:a@x> ?", "-", "+<", "\u2212a@b.example"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, arg string) {
		people, _ := ticket.ParsePeople(arg)
		asked, subject, ok := ticket.ParseAsk(arg)
		if ok == (len(asked) == 0) && len(asked) < 50 || len(people) > 50 || len(asked) > 50 || len(subject) > 300 {
			t.Fatalf("%d and %d people, %v, subject %q", len(people), len(asked), ok, subject)
		}
		for _, p := range asked {
			if p.Mailbox.Address.IsZero() || strings.ContainsAny(fmt.Sprint(p.Mailbox.Address), "\r\n ") && !strings.HasPrefix(p.Mailbox.Address.String(), `"`) {
				t.Fatalf("asked %+v", p)
			}
		}
	})
}
