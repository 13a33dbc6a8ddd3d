package ticket

import (
	"slices"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// Command is one line that an agent wrote to postdesk.
type Command struct {
	Name Name
	Arg  string // what follows on the line, trimmed
	Line string // the line as it stood
}

// Name is a command's canonical name.
type Name string

// The commands.
const (
	CmdNote       Name = "note"
	CmdPublic     Name = "public"
	CmdAssign     Name = "assign"
	CmdTeam       Name = "team"
	CmdTeamSilent Name = "team!"
	CmdSolved     Name = "solved"
	CmdSolvedTell Name = "solved!"
	CmdClose      Name = "close"
	CmdReopen     Name = "reopen"
	CmdPending    Name = "pending"
	CmdHold       Name = "hold"
	CmdPriority   Name = "priority"
	CmdCategory   Name = "category"
	CmdTag        Name = "tag"
	CmdField      Name = "field"
	CmdSubject    Name = "subject"
	CmdCc         Name = "cc"
	CmdObserve    Name = "observe"
	CmdAsk        Name = "ask"
	CmdApprove    Name = "approve"
	CmdCustomer   Name = "customer"
	CmdContact    Name = "contact"
	CmdMerge      Name = "merge"
	CmdSplit      Name = "split"
	CmdTemplate   Name = "template"
	CmdTask       Name = "task"
	CmdCall       Name = "call"
	CmdEvent      Name = "event"
	CmdRemind     Name = "remind"
	CmdDone       Name = "done"
	CmdTime       Name = "time"
	CmdAway       Name = "away"
	CmdBack       Name = "back"
	CmdAttach     Name = "attach"
	CmdList       Name = "list"
	CmdShow       Name = "show"
	CmdHistory    Name = "history"
	CmdHelp       Name = "help"
	CmdSend       Name = "send"
	CmdCancel     Name = "cancel"
)

// spec says how a command is typed. Forms are folded; the first is the
// canonical one, in English, and the next its French form, where there is one.
type spec struct {
	name     Name
	forms    []string
	required bool // an argument is
	none     bool // an argument is too much
}

// specs are all commands, in the order of the help.
var specs = []spec{
	{name: CmdNote, forms: []string{"note"}}, // the note itself may begin on the line
	{name: CmdPublic, forms: []string{"public"}, none: true},
	{name: CmdAssign, forms: []string{"assign", "assigner"}, required: true},
	{name: CmdTeam, forms: []string{"team", "transfert", "transferer", "equipe"}, required: true},
	{name: CmdTeamSilent, forms: []string{"team!", "transfert!", "transferer!", "equipe!"}, required: true},
	{name: CmdSolved, forms: []string{"solved", "resolu"}},
	{name: CmdSolvedTell, forms: []string{"solved!", "resolu!"}},
	{name: CmdClose, forms: []string{"close", "clore"}, none: true},
	{name: CmdReopen, forms: []string{"reopen", "rouvrir"}, none: true},
	{name: CmdPending, forms: []string{"pending", "attente"}, none: true},
	{name: CmdHold, forms: []string{"hold", "suspendre"}, none: true},
	{name: CmdPriority, forms: []string{"priority", "priorite"}, required: true},
	{name: CmdCategory, forms: []string{"category", "motif", "categorie"}, required: true},
	{name: CmdTag, forms: []string{"tag", "etiquette"}, required: true},
	{name: CmdField, forms: []string{"field", "champ"}, required: true},
	{name: CmdSubject, forms: []string{"subject", "objet"}, required: true},
	{name: CmdCc, forms: []string{"cc"}, required: true},
	{name: CmdObserve, forms: []string{"observe", "observateur"}, required: true},
	{name: CmdAsk, forms: []string{"ask", "solliciter"}, required: true},
	{name: CmdApprove, forms: []string{"approve", "approbation"}, required: true},
	{name: CmdCustomer, forms: []string{"customer", "client"}, required: true},
	{name: CmdContact, forms: []string{"contact"}, required: true},
	{name: CmdMerge, forms: []string{"merge", "fusionner"}, required: true},
	{name: CmdSplit, forms: []string{"split", "scinder"}},
	{name: CmdTemplate, forms: []string{"template", "modele"}, required: true},
	{name: CmdTask, forms: []string{"task", "tache"}, required: true},
	{name: CmdCall, forms: []string{"call", "appel"}, required: true},
	{name: CmdEvent, forms: []string{"event", "evenement"}, required: true},
	{name: CmdRemind, forms: []string{"remind", "rappel"}, required: true},
	{name: CmdDone, forms: []string{"done", "fait"}},
	{name: CmdTime, forms: []string{"time", "temps"}, required: true},
	{name: CmdAway, forms: []string{"away", "absent", "absente"}},
	{name: CmdBack, forms: []string{"back", "retour"}, none: true},
	{name: CmdAttach, forms: []string{"attach", "joindre"}, required: true},
	{name: CmdList, forms: []string{"list", "liste"}},
	{name: CmdShow, forms: []string{"show", "montrer"}},
	{name: CmdHistory, forms: []string{"history", "historique"}},
	{name: CmdHelp, forms: []string{"help", "aide"}},
	{name: CmdSend, forms: []string{"send", "envoyer"}, none: true},
	{name: CmdCancel, forms: []string{"cancel", "annuler"}, none: true},
}

// specOf finds what was typed, folded; nil for no command.
func specOf(word string) *spec {
	for i := range specs {
		if slices.Contains(specs[i].forms, word) {
			return &specs[i]
		}
	}
	return nil
}

// CommandError is a command line that can't be understood.
type CommandError struct {
	Line    string
	Missing bool     // the command is known, and its argument is missing or too much
	Closest []string // commands that look like it, with their "#"
}

// Error names the line.
func (e *CommandError) Error() string {
	if e.Missing {
		return "malformed command: " + e.Line
	}
	return "unknown command: " + e.Line
}

// ParseCommands reads the lines that start with "#" at the top of an agent's
// new text, blank lines between them allowed. rest is what follows. At most 50
// lines of at most 1000 characters are commands. The error is a
// *CommandError.
func ParseCommands(text string) (commands []Command, rest string, err error) {
	for rest = text; len(commands) < 50; {
		line, after, _ := strings.Cut(rest, "\n")
		clean := cleanLine(line)
		if clean == "" && after != "" {
			rest = after
			continue
		}
		if !looksLikeCommand(clean) {
			break
		}
		c, err := parseCommand(clean)
		if err != nil {
			return nil, text, err
		}
		commands, rest = append(commands, c), after
	}
	return commands, strings.TrimSpace(rest), nil
}

// ParseKnown is ParseCommands for a mail that its agent releases although
// something in it could not be understood: the lines that are known commands
// still are, the others are text.
func ParseKnown(text string) (commands []Command, rest string) {
	var kept []string
	for rest = text; len(commands)+len(kept) < 50; {
		line, after, _ := strings.Cut(rest, "\n")
		clean := cleanLine(line)
		if clean == "" && after != "" {
			rest = after
			continue
		}
		if !looksLikeCommand(clean) {
			break
		}
		if c, err := parseCommand(clean); err == nil {
			commands = append(commands, c)
		} else {
			kept = append(kept, line)
		}
		rest = after
	}
	return commands, strings.TrimSpace(strings.Join(append(kept, rest), "\n"))
}

// Stray finds a line of a text that is a command and does not stand above it,
// "" when there is none: it would leave with the text, and do nothing.
func Stray(text string) string {
	for _, line := range strings.Split(text, "\n") {
		if clean := cleanLine(line); looksLikeCommand(clean) {
			if c, err := parseCommand(clean); err == nil && len(c.Arg) < 60 {
				return clean
			}
		}
	}
	return ""
}

// cleanLine undoes what clients do to a typed line: non-breaking and invisible
// spaces, a carriage return.
func cleanLine(line string) string {
	line = strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case unicode.Is(unicode.Cf, r) || unicode.IsControl(r):
			return -1
		}
		return r
	}, line)
	return strings.TrimSpace(line)
}

// looksLikeCommand: "#" and a letter at once. "# heading" and "#12345" are
// text.
func looksLikeCommand(line string) bool {
	if len(line) > 1000 || !strings.HasPrefix(line, "#") {
		return false
	}
	for _, r := range line[1:] {
		return unicode.IsLetter(r)
	}
	return false
}

func parseCommand(line string) (Command, error) {
	word, arg, _ := strings.Cut(line[1:], " ")
	word = strings.TrimRight(word, ":.,;")
	c := Command{Arg: strings.TrimSpace(arg), Line: line}
	if mark, more, ok := strings.Cut(c.Arg, " "); c.Arg == "!" || ok && mark == "!" {
		word, c.Arg = word+"!", strings.TrimSpace(more) // as French is typed
	}
	want := specOf(fold(word))
	if want == nil {
		return c, &CommandError{Line: line, Closest: closest(fold(word))}
	}
	c.Name = want.name
	if want.required && c.Arg == "" || want.none && c.Arg != "" {
		return c, &CommandError{Line: line, Missing: true, Closest: []string{"#" + string(c.Name)}}
	}
	return c, nil
}

// fold makes a word comparable: lower case, no accents.
func fold(s string) string {
	var b strings.Builder
	for _, r := range norm.NFD.String(strings.ToLower(s)) {
		if !unicode.Is(unicode.Mn, r) {
			b.WriteRune(r)
		}
	}
	return b.String()
}

// closest are the typed forms within two edits of word, the nearest first, or
// those that begin with it.
func closest(word string) []string {
	type near struct {
		form string
		d    int
	}
	var found []near
	for i := range specs {
		for _, form := range specs[i].forms {
			d := edits(word, form)
			if len(word) > 2 && strings.HasPrefix(form, word) {
				d = min(d, 1)
			}
			if d <= 2 && d < len(form) {
				found = append(found, near{form, d})
			}
		}
	}
	slices.SortFunc(found, func(a, b near) int {
		if a.d != b.d {
			return a.d - b.d
		}
		return strings.Compare(a.form, b.form)
	})
	var forms []string
	for _, n := range found[:min(3, len(found))] {
		forms = append(forms, "#"+n.form)
	}
	return forms
}

// edits is the Levenshtein distance, of words cut at 40 bytes.
func edits(a, b string) int {
	a, b = a[:min(len(a), 40)], b[:min(len(b), 40)]
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			diagonal, row[j+1] = row[j+1], min(row[j+1]+1, row[j]+1, diagonal+cost)
		}
	}
	return row[len(b)]
}

// Has says whether a command of that name is among commands.
func Has(commands []Command, n Name) bool {
	return slices.ContainsFunc(commands, func(c Command) bool { return c.Name == n })
}
