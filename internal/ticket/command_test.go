package ticket_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"postdesk/internal/ticket"
)

func TestCommandsAreReadFromTheTop(t *testing.T) {
	for _, c := range []struct {
		name, text string
		want       []ticket.Command
		rest       string
	}{
		{"none", "Bonjour,\n#note est un mot.\n", nil, "Bonjour,\n#note est un mot."},
		{"one", "#note\nVoici.\n", []ticket.Command{{Name: ticket.CmdNote, Line: "#note"}}, "Voici."},
		{"accents are optional", "#résolu réparé\n", []ticket.Command{{Name: ticket.CmdSolved, Arg: "réparé", Line: "#résolu réparé"}}, ""},
		{"any case", "#RESOLU\n", []ticket.Command{{Name: ticket.CmdSolved, Line: "#RESOLU"}}, ""},
		{"decomposed accents", "#re\u0301solu\n", []ticket.Command{{Name: ticket.CmdSolved, Line: "#re\u0301solu"}}, ""},
		{"several, with blank lines", "\n#assigner anne\n\n#clore\n\ntexte", []ticket.Command{
			{Name: ticket.CmdAssign, Arg: "anne", Line: "#assigner anne"}, {Name: ticket.CmdClose, Line: "#clore"}}, "texte"},
		{"no-break and zero-width spaces of clients", "\u00a0\u200b#note\u00a0\r\ntexte", []ticket.Command{{Name: ticket.CmdNote, Line: "#note"}}, "texte"},
		{"a colon that a habit adds", "#assign: anne\n", []ticket.Command{{Name: ticket.CmdAssign, Arg: "anne", Line: "#assign: anne"}}, ""},
		{"a heading and a number are text", "# Titre\n#12345\n", nil, "# Titre\n#12345"},
	} {
		got, rest, err := ticket.ParseCommands(c.text)
		if err != nil || !slices.Equal(got, c.want) || rest != c.rest {
			t.Errorf("%s: got %+v, rest %q, %v; want %+v, rest %q", c.name, got, rest, err, c.want, c.rest)
		}
	}
}

func TestACommandThatCantBeUnderstoodNamesTheClosest(t *testing.T) {
	for _, c := range []struct {
		line      string
		fault     ticket.CommandFault
		closest   string
		corrected string
	}{
		{"#sovled", ticket.UnknownCommand, "#solved", "#solved"},
		{"#assing anne", ticket.UnknownCommand, "#assign", "#assign anne"},
		{"#anuler", ticket.UnknownCommand, "#annuler", "#annuler"},
		{"#assigner", ticket.NoArgument, "#assigner", "#assigner"},
		{"#clore demain", ticket.Needless, "#clore", "#clore"},
		{"# note à relire", ticket.Spaced, "#note", "#note à relire"},
		{"#assign " + strings.Repeat("a", 2000), ticket.TooLong, "#assign", ""},
		{"#frobnicate", ticket.UnknownCommand, "", ""},
	} {
		_, rest, err := ticket.ParseCommands(c.line + "\ntexte")
		var bad *ticket.CommandError
		if !errors.As(err, &bad) || !strings.HasPrefix(c.line, strings.TrimSuffix(bad.Line, "…")) || bad.Fault != c.fault || bad.Corrected() != c.corrected {
			t.Errorf("%.80s: %v, corrected %q", c.line, err, bad.Corrected())
			continue
		}
		if c.closest != "" && !slices.Contains(bad.Closest, c.closest) || c.closest == "" && len(bad.Closest) > 0 {
			t.Errorf("%s: closest %v, want %q", c.line, bad.Closest, c.closest)
		}
		if rest != c.line+"\ntexte" {
			t.Errorf("%s: the text was cut to %q", c.line, rest)
		}
	}
}

func FuzzParseCommands(f *testing.F) {
	for _, s := range []string{"#note\ntexte", "\n\n#assign anne\r\n#solved ok\n\n> #close", "#\n", "#é", "# x", "\u200b#aide", strings.Repeat("#note\n", 100)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		commands, rest, err := ticket.ParseCommands(text)
		if err != nil {
			if rest != text || commands != nil {
				t.Fatalf("an error, and yet %v and %q", commands, rest)
			}
			return
		}
		if len(commands) > 50 || len(rest) > len(text) || !strings.Contains(text, rest) {
			t.Fatalf("%d commands, rest %q of %q", len(commands), rest, text)
		}
		for _, c := range commands {
			if c.Name == "" || !strings.HasPrefix(c.Line, "#") || strings.Contains(c.Line, "\n") {
				t.Fatalf("command %+v", c)
			}
		}
	})
}

type desk map[string]string

func (d desk) FindAgent(typed string) (string, bool) {
	id, ok := d[strings.ToLower(typed)]
	return id, ok
}

func TestActAssigns(t *testing.T) {
	now := time.Date(2026, 11, 21, 10, 0, 0, 0, time.UTC)
	people := desk{"bruno": "bruno"}
	tk := &ticket.Ticket{Number: 1, Status: ticket.Open}
	for _, c := range []struct{ typed, want string }{{"bruno", "bruno"}, {"me", "anne"}, {"moi", "anne"}, {"none", ""}, {"personne", ""}} {
		events, err := ticket.Act(tk, "anne", ticket.Command{Name: ticket.CmdAssign, Arg: c.typed}, people, now)
		if err != nil || len(events) != 1 || events[0].Data["agent"] != c.want {
			t.Errorf("#assign %s: %+v, %v", c.typed, events, err)
		}
	}
	events, err := ticket.Act(tk, "anne", ticket.Command{Name: ticket.CmdAssign, Arg: "zoe", Line: "#assign zoe"}, people, now)
	var bad *ticket.ActError
	if !errors.As(err, &bad) || bad.Typed != "zoe" || bad.Fault != ticket.NoSuchAgent || events != nil {
		t.Errorf("an unknown colleague: %+v, %v", events, err)
	}
}

func TestActChangesTheState(t *testing.T) {
	now := time.Date(2026, 11, 21, 10, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		line  string
		check func(*ticket.Ticket) bool
	}{
		{"#résolu réparé", func(t *ticket.Ticket) bool { return t.Status == ticket.Solved && t.Resolution == "réparé" }},
		{"#clore", func(t *ticket.Ticket) bool { return t.Status == ticket.Closed }},
		{"#attente", func(t *ticket.Ticket) bool { return t.Status == ticket.Pending && t.Turn() == ticket.TurnCustomer }},
		{"#hold", func(t *ticket.Ticket) bool { return t.Status == ticket.Hold }},
		{"#priorité haute", func(t *ticket.Ticket) bool { return t.Priority == ticket.High }},
		{"#motif facture", func(t *ticket.Ticket) bool { return t.Category == "facture" }},
		{"#objet Retard de livraison", func(t *ticket.Ticket) bool { return t.Subject == "Retard de livraison" }},
		{"#tag +a \u2013old, B", func(t *ticket.Ticket) bool { return slices.Equal(t.Tags, []string{"a", "b"}) }},
	} {
		tk := &ticket.Ticket{Number: 1, Status: ticket.Open, Tags: []string{"old"}}
		commands, _, err := ticket.ParseCommands(c.line)
		if err != nil || len(commands) != 1 {
			t.Fatalf("%s: %v, %v", c.line, commands, err)
		}
		events, err := ticket.Act(tk, "anne", commands[0], desk{}, now)
		for i := range events {
			tk.Apply(&events[i])
		}
		slices.Sort(tk.Tags)
		if err != nil || !c.check(tk) {
			t.Errorf("%s: %+v, %v", c.line, tk, err)
		}
	}
	for line, fault := range map[string]ticket.Fault{"#reopen": ticket.StillOpen, "#priority soon": ticket.NoSuchPriority, "#tag +": ticket.NoTag} {
		commands, _, _ := ticket.ParseCommands(line)
		_, err := ticket.Act(&ticket.Ticket{Status: ticket.Open}, "anne", commands[0], desk{}, now)
		var bad *ticket.ActError
		if !errors.As(err, &bad) || bad.Fault != fault {
			t.Errorf("%s: %v, want fault %s", line, err, fault)
		}
	}
}

// Every bad line is told, not the first alone.
func TestAllBadLinesAreFound(t *testing.T) {
	lines, rest := ticket.ReadCommands("#note\n#frobnicate high\n# assign bruno\nCe client ment.\n#close\n")
	if len(lines) != 3 || lines[0].Err != nil || lines[1].Err == nil || lines[2].Err == nil || rest != "Ce client ment.\n#close" {
		t.Errorf("%+v, rest %q", lines, rest)
	}
}

// A note of any length stays a note, and more commands than a mail may have are no text.
func TestLongCommands(t *testing.T) {
	commands, _, err := ticket.ParseCommands("#note " + strings.Repeat("long ", 2000))
	if err != nil || len(commands) != 1 {
		t.Errorf("a long note: %v", err)
	}
	if _, _, err := ticket.ParseCommands(strings.Repeat("#tag +x\n", 51)); err == nil {
		t.Error("the 51st command is text")
	}
}

// What autocorrection makes of arguments.
func TestArgumentsAsClientsWriteThem(t *testing.T) {
	for line, want := range map[string]string{
		"#tag +a –b":                   "+a -b",
		"#tag –b":                      "-b",
		"#assign “bruno”":              "bruno",
		"#assign «\u00a0bruno\u00a0».": "bruno",
		"#modèle « devis »":            "devis",
		"#assign bruno.":               "bruno",
		"#merge  12 344":               "12 344",
		"#note : “voir” – merci…":      "“voir” – merci…",
		"#résolu\u00a0: réparé":        "réparé",
	} {
		commands, _, err := ticket.ParseCommands(line)
		if err != nil || len(commands) != 1 || commands[0].Arg != want {
			t.Errorf("%s: %+v %v, want %q", line, commands, err, want)
		}
	}
}

func TestAStrayCommandIsFound(t *testing.T) {
	for text, want := range map[string]string{
		"Bonjour,\nmerci.\n\n#solved\n":              "#solved",
		"Bonjour,\n#résolu tout va bien\nmerci.\n":   "#résolu tout va bien",
		"Bonjour,\nle ticket #12345 et #merci.\n":    "",
		"Bonjour,\n# titre\n#hashtag\n":              "",
		"Bonjour,\n#asign bruno\n":                   "#asign bruno",
		"Bonjour,\n#assign\n":                        "#assign",
		"Bonjour,\n#note " + strings.Repeat("x", 90): "#note " + strings.Repeat("x", 90),
		"Bonjour,\nécrivez #note dans le sujet.\n":   "",
	} {
		got := ""
		if list := ticket.Strays(text); len(list) > 0 {
			got = list[0].Line
		}
		if got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

// A tag that is there already, or is not there, is no event: the history tells changes only.
func TestATagThatChangesNothing(t *testing.T) {
	tk := &ticket.Ticket{Tags: []string{"old"}}
	for arg, want := range map[string]int{"-x": 0, "+old": 0, "-x -y": 0, "+a +a": 1, "+a -a": 2, "-old -old": 1, "-old old": 2, "-x +a": 1} {
		events, err := ticket.Act(tk, "anne", ticket.Command{Name: ticket.CmdTag, Arg: arg}, nil, time.Time{})
		if err != nil || len(events) != want {
			t.Errorf("#tag %s: %v, %v", arg, events, err)
		}
	}
}

// A ticket with all the tags that it may have can still lose some, and change one for another.
func TestAFullTicketLosesTags(t *testing.T) {
	full := &ticket.Ticket{}
	for i := range 50 {
		full.Tags = append(full.Tags, fmt.Sprint("t", i))
	}
	for arg, want := range map[string]int{"-t1 -t2": 2, "-t1 +new": 2, "-t1 +new +newer": -1, "+new": -1, "+t3": 0} {
		events, err := ticket.Act(full, "anne", ticket.Command{Name: ticket.CmdTag, Arg: arg}, nil, time.Time{})
		if want < 0 && err == nil || want >= 0 && (err != nil || len(events) != want) {
			t.Errorf("#tag %s: %v, %v", arg, events, err)
		}
	}
}
