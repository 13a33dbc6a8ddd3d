package compose

import (
	"postdesk/internal/ticket"
)

// helpText is a command in a language: how it is typed, what it does in one
// line, and what #help with its name adds.
type helpText struct{ usage, line, more string }

// helpGroup is a group of the page of commands.
type helpGroup struct {
	fr, en string
	names  []ticket.Name
}

// helpGroups order the page: what an agent needs every day first.
var helpGroups = []helpGroup{
	{"Écrire", "Writing", []ticket.Name{ticket.CmdNote, ticket.CmdPublic, ticket.CmdTemplate, ticket.CmdAsk, ticket.CmdApprove, ticket.CmdCustomer}},
	{"Qui s’en occupe", "Who looks after it", []ticket.Name{ticket.CmdAssign, ticket.CmdTeam, ticket.CmdTeamSilent, ticket.CmdCc, ticket.CmdObserve}},
	{"Où en est la demande", "Where it stands", []ticket.Name{ticket.CmdSolved, ticket.CmdSolvedTell, ticket.CmdClose, ticket.CmdReopen, ticket.CmdPending, ticket.CmdHold}},
	{"Classer", "Sorting", []ticket.Name{ticket.CmdPriority, ticket.CmdCategory, ticket.CmdTag, ticket.CmdField, ticket.CmdSubject, ticket.CmdContact, ticket.CmdMerge, ticket.CmdSplit}},
	{"Agenda et temps passé", "Diary and time spent", []ticket.Name{ticket.CmdTask, ticket.CmdCall, ticket.CmdEvent, ticket.CmdRemind, ticket.CmdDone, ticket.CmdTime}},
	{"Demander à postdesk", "Asking postdesk", []ticket.Name{ticket.CmdList, ticket.CmdShow, ticket.CmdHistory, ticket.CmdAttach, ticket.CmdHelp}},
	{"Absence", "Absence", []ticket.Name{ticket.CmdAway, ticket.CmdBack}},
	{"En réponse à un message retenu", "In answer to a message that was held", []ticket.Name{ticket.CmdSend, ticket.CmdCancel}},
}

// HelpPage is the page of all commands.
func HelpPage(lang string) *Page {
	p := &Page{}
	for _, g := range helpGroups {
		s := Section{Heading: g.en, Table: &Table{Columns: []Column{{}, {Wide: true}}}}
		if lang == "fr" {
			s.Heading = g.fr
		}
		for _, n := range g.names {
			h := helpOf(lang, n)
			s.Table.Rows = append(s.Table.Rows, Row{Cells: []string{h.usage, h.line}})
		}
		p.Sections = append(p.Sections, s)
	}
	return p
}

// HelpOn explains one command.
func HelpOn(lang string, n ticket.Name) *Page {
	h := helpOf(lang, n)
	p := &Page{Title: h.usage, Sections: []Section{{Heading: h.usage, Lines: []string{h.line}}}}
	if h.more != "" {
		p.Sections[0].Lines = append(p.Sections[0].Lines, h.more)
	}
	return p
}

func helpOf(lang string, n ticket.Name) helpText {
	if lang == "fr" {
		return helpFR[n]
	}
	return helpEN[n]
}

var helpFR = map[ticket.Name]helpText{
	ticket.CmdNote:     {"#note", "note interne\u00a0: le client ne la voit pas", "Écrivez #note seul sur sa ligne, puis votre texte. Les collègues qui suivent la demande la reçoivent. La réponse à une note reste une note."},
	ticket.CmdPublic:   {"#public", "en réponse à une note\u00a0: ce message part quand même au client", "Sans #public, la réponse à une note reste une note."},
	ticket.CmdTemplate: {"#modèle NOM", "insère une réponse type au-dessus de votre texte", "Exemple\u00a0: #modèle retour. Les variables (nom, numéro…) sont remplies. Un nom inconnu vous renvoie la liste. En anglais\u00a0: #template."},
	ticket.CmdAsk: {"#solliciter ADRESSE [OBJET]", "envoie ce message à quelqu’un d’extérieur, sans que le client le voie", "Exemple\u00a0: #solliciter expert@labo.example Analyse du lot 12. Sa réponse vous revient, et la vôtre lui parvient. " +
		"#solliciter ? propose les adresses déjà sollicitées. En anglais\u00a0: #ask."},
	ticket.CmdApprove: {"#approbation ADRESSE", "demande un accord par oui ou par non", "Votre texte est la question. La décision est notée dans l’historique, et vous en êtes informé. En anglais\u00a0: #approve."},
	ticket.CmdCustomer: {"#client ADRESSE", "ouvre une demande au nom d’un client (appel, message transféré)", "Écrivez à votre adresse postdesk ou transférez le message du client. Le client reçoit une confirmation, et la demande est à vous. " +
		"En anglais\u00a0: #customer."},

	ticket.CmdAssign: {"#assigner QUI", "confie la demande\u00a0: un nom, moi, personne", "Exemples\u00a0: #assigner bruno, #assigner moi, #assigner personne. Le nouvel agent reçoit le dernier message du client. En anglais\u00a0: #assign."},
	ticket.CmdTeam: {"#transfert ADRESSE", "transfère la demande à un autre pôle et l’indique au client", "Exemple\u00a0: #transfert export@example.com. Le client apprend la bonne adresse et le délai, dans les mots du nouveau pôle. " +
		"Un texte en dessous part au client comme réponse\u00a0; s’il donne la bonne adresse, nous n’ajoutons rien. En anglais\u00a0: #team."},
	ticket.CmdTeamSilent: {"#transfert! ADRESSE", "la même chose, sans prévenir le client", ""},
	ticket.CmdCc:         {"#cc +ADRESSE -ADRESSE", "met quelqu’un en copie, ou l’en retire", "Cette personne reçoit ce qui est écrit au client à partir de maintenant, et peut répondre."},
	ticket.CmdObserve: {"#observateur QUI", "fait suivre la demande à quelqu’un", "Un collègue voit aussi les notes\u00a0; quelqu’un d’extérieur ne voit que ce qui est écrit au client. " +
		"#observateur -ADRESSE le retire. En anglais\u00a0: #observe."},

	ticket.CmdSolved:     {"#résolu [TEXTE]", "la demande est résolue\u00a0; le texte reste dans l’historique", "Une réponse du client rouvre la demande. En anglais\u00a0: #solved."},
	ticket.CmdSolvedTell: {"#résolu! [TEXTE]", "la même chose, et le texte est envoyé au client", "En anglais\u00a0: #solved!"},
	ticket.CmdClose:      {"#clore", "ferme la demande", "En anglais\u00a0: #close."},
	ticket.CmdReopen:     {"#rouvrir", "rouvre une demande résolue ou close", "En anglais\u00a0: #reopen."},
	ticket.CmdPending:    {"#attente", "c’est au client d’agir", "En anglais\u00a0: #pending."},
	ticket.CmdHold:       {"#suspendre", "c’est à un tiers d’agir", "En anglais\u00a0: #hold."},

	ticket.CmdPriority: {"#priorité NIVEAU", "basse, normale, haute ou urgente", "En anglais\u00a0: #priority low, normal, high, urgent."},
	ticket.CmdCategory: {"#motif TEXTE", "le motif de la demande", "En anglais\u00a0: #category."},
	ticket.CmdTag:      {"#tag +a -b", "ajoute ou retire des étiquettes", ""},
	ticket.CmdField:    {"#champ NOM=VALEUR", "renseigne un champ", "Exemple\u00a0: #champ Version du produit=2.1. En anglais\u00a0: #field."},
	ticket.CmdSubject:  {"#objet TEXTE", "change l’objet de la demande", "En anglais\u00a0: #subject."},
	ticket.CmdContact:  {"#contact …", "corrige la fiche du client", "#contact name Jean Client, #contact company Pharmacie du Port, #contact link jean@autre.example (une autre adresse de la même personne)."},
	ticket.CmdMerge: {"#fusionner N", "réunit cette demande avec la demande N", "La plus ancienne reste, quel que soit le numéro tapé. Les réponses à l’une ou à l’autre arrivent ensuite au même endroit. " +
		"Deux clients différents ne sont pas réunis\u00a0: chacun lirait les réponses faites à l’autre. En anglais\u00a0: #merge."},
	ticket.CmdSplit: {"#scinder [OBJET]", "fait de ce message une demande à part", "Répondez au message du client qui parle d’autre chose. Le texte et les autres commandes de votre message concernent alors la nouvelle demande\u00a0; " +
		"l’ancienne redevient ce qu’elle était. En anglais\u00a0: #split."},

	ticket.CmdTask: {"#tâche QUAND TEXTE", "une tâche dans votre agenda, et un message le moment venu", "Exemples\u00a0: #tâche 2j relancer le transporteur, #tâche 01/12 9h vérifier le stock. Vous recevez une invitation pour votre agenda. " +
		"En anglais\u00a0: #task."},
	ticket.CmdCall:   {"#appel QUAND TEXTE", "de même, pour un appel", "En anglais\u00a0: #call."},
	ticket.CmdEvent:  {"#évènement QUAND TEXTE", "de même, pour un rendez-vous", "En anglais\u00a0: #event."},
	ticket.CmdRemind: {"#rappel QUAND [TEXTE]", "un simple rappel", "Exemple\u00a0: #rappel vendredi. En anglais\u00a0: #remind."},
	ticket.CmdDone:   {"#fait [N]", "l’activité est terminée", "Répondez au rappel. En anglais\u00a0: #done."},
	ticket.CmdTime:   {"#temps 15m [TEXTE]", "note le temps passé", "Exemples\u00a0: #temps 15m, #temps 1h30 analyse. En anglais\u00a0: #time."},

	ticket.CmdList: {"#liste [QUOI]", "les demandes en cours que vous pouvez voir", "#liste miennes, #liste non attribuées, #liste en retard, #liste équipe NOM. " +
		"Les plus anciennes qui attendent une réponse viennent d’abord. En anglais\u00a0: #list mine, unassigned, late, team."},
	ticket.CmdShow:    {"#montrer [N]", "toute la conversation d’une demande", "Sans numéro, celle à laquelle vous répondez. En anglais\u00a0: #show."},
	ticket.CmdHistory: {"#historique [N]", "tout ce qui s’est passé dans une demande", "En anglais\u00a0: #history."},
	ticket.CmdAttach:  {"#joindre N", "vous envoie une pièce jointe trop volumineuse pour la copie", "Le numéro est celui de la liste au bas du message\u00a0; plusieurs numéros, ou tout, sont possibles. En anglais\u00a0: #attach."},
	ticket.CmdHelp:    {"#aide [COMMANDE]", "cette page, ou l’explication d’une commande", "Exemple\u00a0: #aide note. En anglais\u00a0: #help."},

	ticket.CmdAway: {"#absent [QUAND]", "les nouvelles demandes vont à un collègue", "Exemples\u00a0: #absent jusqu’au 3/12, #absent vendredi, #absent 2 jours, #absent du 24/12 au 2/1, ou #absent seul jusqu’à #retour. " +
		"Le dernier jour nommé est encore un jour d’absence. Votre réponse automatique d’absence suffit aussi. En anglais\u00a0: #away."},
	ticket.CmdBack: {"#retour", "vous êtes de retour", "Vous recevez la liste de ce qui a été confié à d’autres. En anglais\u00a0: #back."},

	ticket.CmdSend:   {"#envoyer", "le message retenu part tel quel", "En anglais\u00a0: #send."},
	ticket.CmdCancel: {"#annuler", "le message retenu est abandonné", "En anglais\u00a0: #cancel."},
}

var helpEN = map[ticket.Name]helpText{
	ticket.CmdNote:     {"#note", "an internal note: the customer does not see it", "Write #note alone on its line, then your text. The colleagues who follow the ticket get it. An answer to a note stays a note."},
	ticket.CmdPublic:   {"#public", "in answer to a note: this message goes to the customer after all", "Without #public, the answer to a note stays a note."},
	ticket.CmdTemplate: {"#template NAME", "sets a canned reply above your own text", "Example: #template return. Its variables (name, number…) are filled in. An unknown name brings you the list."},
	ticket.CmdAsk: {"#ask ADDRESS [SUBJECT]", "sends this message to someone outside; the customer does not see it", "Example: #ask expert@lab.example Analysis of batch 12. The answer comes back to you, and yours goes to them. " +
		"#ask ? offers the addresses that were asked before."},
	ticket.CmdApprove:  {"#approve ADDRESS", "asks for a yes or a no", "Your text is the question. The decision is kept in the history, and you hear of it."},
	ticket.CmdCustomer: {"#customer ADDRESS", "opens a ticket in a customer’s name (phone call, forwarded mail)", "Write to your postdesk address, or forward the customer’s mail. The customer gets a confirmation, and the ticket is yours."},

	ticket.CmdAssign:     {"#assign WHO", "hands the ticket over: a name, me, none", "Examples: #assign bruno, #assign me, #assign none. The new agent gets the customer’s latest message."},
	ticket.CmdTeam:       {"#team ADDRESS", "moves the ticket to another team and tells the customer", "Example: #team export@example.com. The customer is told the right address and the delay, in the new team’s words. A text below goes to the customer as an answer; if it gives the right address, we add nothing."},
	ticket.CmdTeamSilent: {"#team! ADDRESS", "the same, without telling the customer", ""},
	ticket.CmdCc:         {"#cc +ADDRESS -ADDRESS", "puts someone in copy, or takes them out", "They get what is written to the customer from now on, and may answer."},
	ticket.CmdObserve:    {"#observe WHO", "lets someone follow the ticket", "A colleague sees notes too; someone outside sees only what is written to the customer. #observe -ADDRESS ends it."},

	ticket.CmdSolved:     {"#solved [TEXT]", "the ticket is solved; the text stays in the history", "An answer of the customer opens it again."},
	ticket.CmdSolvedTell: {"#solved! [TEXT]", "the same, and the text is sent to the customer", ""},
	ticket.CmdClose:      {"#close", "closes the ticket", ""},
	ticket.CmdReopen:     {"#reopen", "opens a solved or closed ticket again", ""},
	ticket.CmdPending:    {"#pending", "it is the customer’s turn", ""},
	ticket.CmdHold:       {"#hold", "it is a third party’s turn", ""},

	ticket.CmdPriority: {"#priority LEVEL", "low, normal, high or urgent", ""},
	ticket.CmdCategory: {"#category TEXT", "what the ticket is about", ""},
	ticket.CmdTag:      {"#tag +a -b", "adds tags or takes them away", ""},
	ticket.CmdField:    {"#field NAME=VALUE", "fills in a field", "Example: #field Product version=2.1"},
	ticket.CmdSubject:  {"#subject TEXT", "changes the ticket’s subject", ""},
	ticket.CmdContact:  {"#contact …", "corrects the customer’s record", "#contact name Jean Client, #contact company Harbour Pharmacy, #contact link jean@other.example (another address of the same person)."},
	ticket.CmdMerge:    {"#merge N", "makes this ticket and ticket N one", "The older stays, whichever number is typed. Answers to either then arrive in the same place. Two customers’ tickets are not merged: each would read the answers to the other."},
	ticket.CmdSplit:    {"#split [SUBJECT]", "makes this message a ticket of its own", "Answer the customer’s message that is about something else. The text and the other commands of your message are then about the new ticket; the old one is as it was before."},

	ticket.CmdTask:   {"#task WHEN TEXT", "a task in your calendar, and a mail when it is due", "Examples: #task 2d ask the carrier, #task 2026-12-01 09:00 check the stock. You get an invitation for your calendar."},
	ticket.CmdCall:   {"#call WHEN TEXT", "the same, for a call", ""},
	ticket.CmdEvent:  {"#event WHEN TEXT", "the same, for an appointment", ""},
	ticket.CmdRemind: {"#remind WHEN [TEXT]", "a simple reminder", "Example: #remind friday"},
	ticket.CmdDone:   {"#done [N]", "the activity is done", "Answer the reminder."},
	ticket.CmdTime:   {"#time 15m [TEXT]", "writes down the time spent", "Examples: #time 15m, #time 1h30 analysis"},

	ticket.CmdList: {"#list [WHAT]", "the open tickets that you may see", "#list mine, #list unassigned, #list late, #list team NAME. " +
		"Those that have waited longest for our answer come first."},
	ticket.CmdShow:    {"#show [N]", "the whole conversation of a ticket", "Without a number, the one that you answer."},
	ticket.CmdHistory: {"#history [N]", "all that happened in a ticket", ""},
	ticket.CmdAttach:  {"#attach N", "sends you an attachment that was too large for the copy", "The number is that of the list at the end of the message; several numbers, or all, will do."},
	ticket.CmdHelp:    {"#help [COMMAND]", "this page, or one command explained", "Example: #help note"},

	ticket.CmdAway: {"#away [WHEN]", "new requests go to a colleague", "Examples: #away until 3 December, #away friday, #away 2d, #away from 24/12 to 2/1, or #away alone, until #back. " +
		"The last day that you name is still a day away. Your automatic out-of-office answer does the same."},
	ticket.CmdBack: {"#back", "you are back", "You get the list of what was handed to others."},

	ticket.CmdSend:   {"#send", "the message that was held goes out as it is", ""},
	ticket.CmdCancel: {"#cancel", "the message that was held is dropped", ""},
}
