package pipeline

// sentences are the few words that the pipeline itself puts into notices; the
// mails around them are templates of package compose.
var sentences = map[string]map[string]string{
	"fr": {
		"noTicket":   "Cette commande concerne une demande\u00a0: répondez à l’un de ses messages.",
		"noCustomer": "Cette demande n’a pas d’adresse de client à qui répondre.",
		"observer":   "Les observateurs lisent et commentent, sans rien modifier.",
		"decided":    "Ce message retenu a déjà été traité.",
		"doneAssign": "%s : %s suit maintenant la demande",
		"doneNobody": "%s : plus personne ne suit la demande",
		"doneSolved": "%s : la demande est maintenant résolue",
		"doneClose":  "%s : la demande est maintenant close",
		"noAgent":    " : aucun agent ne s’appelle ",
		"stray":      "la ligne « %s » n’est pas en tête du message ; elle partirait au client sans effet",
		"manyHeld":   "D’autres messages de ce genre sont retenus\u00a0; pendant une heure, ils ne seront plus annoncés un par un.",
		"unreadable": "Ce message n’a pas pu être lu entièrement\u00a0; il est joint tel qu’il a été reçu.",
	},
	"en": {
		"noTicket":   "This command is about a ticket: reply to one of the ticket's mails.",
		"noCustomer": "This ticket has no customer's address to reply to.",
		"observer":   "Observers read and comment, and change nothing.",
		"decided":    "This held mail was decided on already.",
		"doneAssign": "%s: %s looks after the ticket now",
		"doneNobody": "%s: nobody looks after the ticket now",
		"doneSolved": "%s: the ticket is solved now",
		"doneClose":  "%s: the ticket is closed now",
		"noAgent":    ": no agent is called ",
		"stray":      "the line “%s” is not at the top; it would go to the customer and do nothing",
		"manyHeld":   "More mails like this are being held; for an hour they will not be announced one by one.",
		"unreadable": "This mail could not be read completely; it is attached as it was received.",
	},
}

// words is a sentence in a language, English where there is none.
func words(lang, name string) string {
	if s, ok := sentences[lang][name]; ok {
		return s
	}
	return sentences["en"][name]
}
