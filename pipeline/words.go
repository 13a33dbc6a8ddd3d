package pipeline

// sentences are the few words that the pipeline itself puts into notices; the
// mails around them are templates of package compose.
var sentences = map[string]map[string]string{
	"fr": {
		"noTicket":       "Cette commande concerne une demande\u00a0: répondez à l’un de ses messages.",
		"noCustomer":     "Cette demande n’a pas d’adresse de client à qui répondre.",
		"observer":       "Les observateurs lisent et commentent, sans rien modifier.",
		"decided":        "Ce message retenu a déjà été traité.",
		"doneAssign":     "%s : %s suit maintenant la demande",
		"doneNobody":     "%s : plus personne ne suit la demande",
		"notHere":        "cette commande ne peut pas être utilisée ici",
		"noteAndPublic":  "un même message ne peut pas être à la fois une note et une réponse publique",
		"donePriority":   "%s\u00a0: la priorité est maintenant %s",
		"doneCategory":   "%s\u00a0: le motif est maintenant «\u00a0%s\u00a0»",
		"doneSubject":    "%s\u00a0: l’objet est maintenant «\u00a0%s\u00a0»",
		"doneTag":        "%s\u00a0: étiquettes\u00a0: %s",
		"noTags":         "aucune",
		"done-open":      "%s\u00a0: la demande est de nouveau ouverte, à nous de jouer",
		"done-pending":   "%s\u00a0: la demande attend le client",
		"done-hold":      "%s\u00a0: la demande attend un tiers",
		"done-solved":    "%s\u00a0: la demande est maintenant résolue",
		"done-closed":    "%s\u00a0: la demande est maintenant close",
		"low":            "basse",
		"normal":         "normale",
		"high":           "haute",
		"urgent":         "urgente",
		"fault-agent":    "aucun agent ne s’appelle «\u00a0%s\u00a0»",
		"fault-priority": "«\u00a0%s\u00a0» n’est pas une priorité\u00a0; choisissez basse, normale, haute ou urgente",
		"fault-tag":      "«\u00a0%s\u00a0» n’est pas une étiquette\u00a0; écrivez par exemple #tag +urgent -facture",
		"fault-open":     "la demande n’est ni résolue ni close%s",
		"stray":          "la ligne « %s » n’est pas en tête du message ; elle partirait au client sans effet",
		"manyHeld":       "D’autres messages de ce genre sont retenus\u00a0; pendant une heure, ils ne seront plus annoncés un par un.",
		"unreadable":     "Ce message n’a pas pu être lu entièrement\u00a0; il est joint tel qu’il a été reçu.",
	},
	"en": {
		"noTicket":       "This command is about a ticket: reply to one of the ticket's mails.",
		"noCustomer":     "This ticket has no customer's address to reply to.",
		"observer":       "Observers read and comment, and change nothing.",
		"decided":        "This held mail was decided on already.",
		"doneAssign":     "%s: %s looks after the ticket now",
		"doneNobody":     "%s: nobody looks after the ticket now",
		"notHere":        "this command can't be used here",
		"noteAndPublic":  "one mail can't be both a note and a public answer",
		"donePriority":   "%s: the priority is %s now",
		"doneCategory":   "%s: the category is “%s” now",
		"doneSubject":    "%s: the subject is “%s” now",
		"doneTag":        "%s: tags: %s",
		"noTags":         "none",
		"done-open":      "%s: the ticket is open again, it is our turn",
		"done-pending":   "%s: the ticket waits for the customer",
		"done-hold":      "%s: the ticket waits for a third party",
		"done-solved":    "%s: the ticket is solved now",
		"done-closed":    "%s: the ticket is closed now",
		"low":            "low",
		"normal":         "normal",
		"high":           "high",
		"urgent":         "urgent",
		"fault-agent":    "no agent is called “%s”",
		"fault-priority": "“%s” is no priority; choose low, normal, high or urgent",
		"fault-tag":      "“%s” is no tag; write for instance #tag +urgent -invoice",
		"fault-open":     "the ticket is neither solved nor closed%s",
		"stray":          "the line “%s” is not at the top; it would go to the customer and do nothing",
		"manyHeld":       "More mails like this are being held; for an hour they will not be announced one by one.",
		"unreadable":     "This mail could not be read completely; it is attached as it was received.",
	},
}

// words is a sentence in a language, English where there is none.
func words(lang, name string) string {
	if s, ok := sentences[lang][name]; ok {
		return s
	}
	return sentences["en"][name]
}
