package pipeline

import (
	"cmp"
	"slices"
	"strings"

	"postdesk/internal/ticket"
)

// commandForms are the commands as they are typed, with an example of what follows, and in brackets what else
// may be said.
var commandForms = map[string]map[ticket.Name]string{
	"fr": {
		ticket.CmdNote: "#note", ticket.CmdPublic: "#public", ticket.CmdAssign: "#assigner anne (moi, personne)",
		ticket.CmdTeam: "#transfert export@example.com", ticket.CmdTeamSilent: "#transfert! export@example.com",
		ticket.CmdSolved: "#résolu remplacé sous garantie", ticket.CmdSolvedTell: "#résolu! votre appareil est réparé", ticket.CmdClose: "#clore", ticket.CmdReopen: "#rouvrir",
		ticket.CmdPending: "#attente", ticket.CmdHold: "#suspendre", ticket.CmdPriority: "#priorité haute (basse, normale, urgente)",
		ticket.CmdCategory: "#motif facturation", ticket.CmdTag: "#étiquette +garantie -urgent", ticket.CmdField: "#champ version=2.1", ticket.CmdSubject: "#objet Panne du modèle X",
		ticket.CmdCc: "#cc +jean@client.example -luc@client.example", ticket.CmdObserve: "#observateur bruno", ticket.CmdAsk: "#solliciter expert@labo.example",
		ticket.CmdApprove: "#approbation direction@societe.example", ticket.CmdCustomer: "#client jean@client.example", ticket.CmdContact: "#contact société Pharmacie Martin",
		ticket.CmdMerge: "#fusionner 12344", ticket.CmdSplit: "#scinder", ticket.CmdTemplate: "#modèle devis", ticket.CmdTask: "#tâche 2j rappeler le client", ticket.CmdCall: "#appel 1h appeler le client",
		ticket.CmdEvent: "#évènement 01/12/2026 09:00 visite", ticket.CmdRemind: "#rappel 2j relancer", ticket.CmdDone: "#fait", ticket.CmdTime: "#temps 15m diagnostic", ticket.CmdAway: "#absent jusqu’à vendredi",
		ticket.CmdBack: "#retour", ticket.CmdAttach: "#joindre 2", ticket.CmdList: "#liste", ticket.CmdShow: "#montrer", ticket.CmdHistory: "#historique", ticket.CmdHelp: "#aide",
		ticket.CmdSend: "#envoyer", ticket.CmdCancel: "#annuler",
	},
	"en": {
		ticket.CmdNote: "#note", ticket.CmdPublic: "#public", ticket.CmdAssign: "#assign anne (me, none)",
		ticket.CmdTeam: "#team export@example.com", ticket.CmdTeamSilent: "#team! export@example.com",
		ticket.CmdSolved: "#solved replaced under warranty", ticket.CmdSolvedTell: "#solved! your device is repaired", ticket.CmdClose: "#close", ticket.CmdReopen: "#reopen",
		ticket.CmdPending: "#pending", ticket.CmdHold: "#hold", ticket.CmdPriority: "#priority high (low, normal, urgent)",
		ticket.CmdCategory: "#category invoicing", ticket.CmdTag: "#tag +warranty -urgent", ticket.CmdField: "#field version=2.1", ticket.CmdSubject: "#subject Model X is broken",
		ticket.CmdCc: "#cc +jean@client.example -luc@client.example", ticket.CmdObserve: "#observe bruno", ticket.CmdAsk: "#ask expert@lab.example",
		ticket.CmdApprove: "#approve boss@company.example", ticket.CmdCustomer: "#customer jean@client.example", ticket.CmdContact: "#contact company Martin Ltd",
		ticket.CmdMerge: "#merge 12344", ticket.CmdSplit: "#split", ticket.CmdTemplate: "#template quote", ticket.CmdTask: "#task 2d ring the customer back", ticket.CmdCall: "#call 1h ring the customer",
		ticket.CmdEvent: "#event 2026-12-01 09:00 visit", ticket.CmdRemind: "#remind 2d ask again", ticket.CmdDone: "#done", ticket.CmdTime: "#time 15m diagnosis", ticket.CmdAway: "#away until friday",
		ticket.CmdBack: "#back", ticket.CmdAttach: "#attach 2", ticket.CmdList: "#list", ticket.CmdShow: "#show", ticket.CmdHistory: "#history", ticket.CmdHelp: "#help",
		ticket.CmdSend: "#send", ticket.CmdCancel: "#cancel",
	},
}

// formOf is a command as it is typed, with an example, "" for one without a form.
func formOf(lang string, n ticket.Name) string {
	if f, ok := commandForms[lang]; ok {
		return f[n]
	}
	return commandForms["en"][n]
}

// spoken is a command line in the words of a language: "#template devis" is "#modèle devis" in French.
func spoken(lang, line string) string {
	word, arg, more := strings.Cut(line, " ")
	n, ok := ticket.NameOf(word)
	if !ok {
		return line
	}
	form, _, _ := strings.Cut(formOf(lang, n), " ")
	if !more || form == "" {
		return cmp.Or(form, line)
	}
	return form + " " + arg
}

func typedWord(line string) string {
	word, _, _ := strings.Cut(strings.TrimSpace(line), " ")
	return word
}

// vocabulary is the language whose words answer a command: that in which it was typed, where the word tells
// them apart, else lang.
func vocabulary(lang, line string) string {
	word := typedWord(line)
	n, ok := ticket.NameOf(word)
	if !ok {
		return lang
	}
	english, _, _ := strings.Cut(formOf("en", n), " ")
	french, _, _ := strings.Cut(formOf("fr", n), " ")
	switch {
	case lang == "fr" && ticket.Fold(word) == ticket.Fold(english) && english != french:
		return "en"
	case lang != "fr" && ticket.Fold(word) == ticket.Fold(french) && english != french:
		return "fr"
	}
	return lang
}

// examplesOf are forms in full, each once: what a command error or a refusal names, with an example of what
// follows.
func examplesOf(lang string, closest []string) []string {
	var list []string
	for _, form := range closest {
		if base, loud := strings.CutSuffix(form, "!"); loud && slices.Contains(closest, base) {
			continue
		}
		if form = inFull(lang, spoken(lang, form)); !slices.Contains(list, form) {
			list = append(list, form)
		}
	}
	return list
}

// inFull is a form as it is best written, with its example.
func inFull(lang, form string) string {
	n, ok := ticket.NameOf(form)
	if !ok || strings.Contains(form, " ") {
		return form
	}
	full := formOf(lang, n)
	word, example, _ := strings.Cut(full, " ")
	if ticket.Fold(word) == ticket.Fold(form) {
		return full
	}
	return strings.TrimSpace(form + " " + example)
}
