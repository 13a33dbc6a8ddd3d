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
	prose    bool // the argument is what somebody says, and stays as it was typed
}

// specs are all commands, in the order of the help.
var specs = []spec{
	{name: CmdNote, forms: []string{"note"}, prose: true}, // the note itself may begin on the line
	{name: CmdPublic, forms: []string{"public"}, none: true},
	{name: CmdAssign, forms: []string{"assign", "assigner"}, required: true},
	{name: CmdTeam, forms: []string{"team", "transfert", "transferer", "equipe"}, required: true},
	{name: CmdTeamSilent, forms: []string{"team!", "transfert!", "transferer!", "equipe!"}, required: true},
	{name: CmdSolved, forms: []string{"solved", "resolu"}, prose: true},
	{name: CmdSolvedTell, forms: []string{"solved!", "resolu!"}, prose: true},
	{name: CmdClose, forms: []string{"close", "clore"}, none: true},
	{name: CmdReopen, forms: []string{"reopen", "rouvrir"}, none: true},
	{name: CmdPending, forms: []string{"pending", "attente"}, none: true},
	{name: CmdHold, forms: []string{"hold", "suspendre"}, none: true},
	{name: CmdPriority, forms: []string{"priority", "priorite"}, required: true},
	{name: CmdCategory, forms: []string{"category", "motif", "categorie"}, prose: true, required: true},
	{name: CmdTag, forms: []string{"tag", "etiquette"}, required: true},
	{name: CmdField, forms: []string{"field", "champ"}, prose: true, required: true},
	{name: CmdSubject, forms: []string{"subject", "objet"}, prose: true, required: true},
	{name: CmdCc, forms: []string{"cc"}, required: true},
	{name: CmdObserve, forms: []string{"observe", "observateur"}, required: true},
	{name: CmdAsk, forms: []string{"ask", "solliciter"}, prose: true, required: true},
	{name: CmdApprove, forms: []string{"approve", "approbation"}, prose: true, required: true},
	{name: CmdCustomer, forms: []string{"customer", "client"}, required: true},
	{name: CmdContact, forms: []string{"contact"}, prose: true, required: true},
	{name: CmdMerge, forms: []string{"merge", "fusionner"}, required: true},
	{name: CmdSplit, forms: []string{"split", "scinder"}, prose: true},
	{name: CmdTemplate, forms: []string{"template", "modele"}, required: true},
	{name: CmdTask, forms: []string{"task", "tache"}, prose: true, required: true},
	{name: CmdCall, forms: []string{"call", "appel"}, prose: true, required: true},
	{name: CmdEvent, forms: []string{"event", "evenement"}, prose: true, required: true},
	{name: CmdRemind, forms: []string{"remind", "rappel"}, prose: true, required: true},
	{name: CmdDone, forms: []string{"done", "fait"}, prose: true},
	{name: CmdTime, forms: []string{"time", "temps"}, prose: true, required: true},
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

// Has says whether a command of that name is among commands.
func Has(commands []Command, n Name) bool {
	return slices.ContainsFunc(commands, func(c Command) bool { return c.Name == n })
}
