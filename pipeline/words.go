package pipeline

// sentences are the few words that the pipeline itself puts into notices; the
// mails around them are templates of package compose.
var sentences = map[string]map[string]string{
	"fr": {
		"noTicket":     "Cette commande concerne un ticket : répondez à un message du ticket.",
		"noCustomer":   "Ce ticket n’a pas d’adresse de client à qui répondre.",
		"observer":     "Les observateurs lisent et commentent, sans rien modifier.",
		"decided":      "Ce message retenu a déjà été traité.",
		"cancelled":    "Le message retenu est annulé : rien n’est parti.",
		"sendOrCancel": "Répondez #envoyer pour l’envoyer tel quel, ou #annuler pour l’abandonner.",
		"manyHeld":     "D’autres messages de ce genre sont retenus ; pendant une heure, ils ne seront plus annoncés un par un.",
		"unreadable":   "Ce message n’a pas pu être lu entièrement ; il est joint tel qu’il a été reçu.",
	},
	"en": {
		"noTicket":     "This command is about a ticket: reply to one of the ticket's mails.",
		"noCustomer":   "This ticket has no customer's address to reply to.",
		"observer":     "Observers read and comment, and change nothing.",
		"decided":      "This held mail was decided on already.",
		"cancelled":    "The held mail is cancelled: nothing was sent.",
		"sendOrCancel": "Reply #send to send it as it is, or #cancel to drop it.",
		"manyHeld":     "More mails like this are being held; for an hour they will not be announced one by one.",
		"unreadable":   "This mail could not be read completely; it is attached as it was received.",
	},
}

// words is a sentence in a language, English where there is none.
func words(lang, name string) string {
	if s, ok := sentences[lang][name]; ok {
		return s
	}
	return sentences["en"][name]
}
