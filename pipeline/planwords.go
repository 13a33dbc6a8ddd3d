package pipeline

// planSentences are what the pipeline itself says about activities and
// invitations.
var planSentences = map[string]map[string]string{
	"fr": {
		"noMoment":       "il faut dire quand, puis quoi",
		"example":        "#%s demain 9h %s",
		"exampleText":    "rappeler le client",
		"past":           "ce moment est passé",
		"manyActivities": "cette demande a déjà trop d’activités",
		"closedActivity": "la demande est close\u00a0: rouvrez-la d’abord avec #reopen",
		"planned":        "%s\u00a0: «\u00a0%s\u00a0», le %s. L’invitation part vers votre agenda, et un rappel viendra ce jour-là (activité %d).",
		"putOff":         "%s\u00a0: «\u00a0%s\u00a0» est remis au %s",
		"noActivity":     "cette demande n’a aucune activité à faire",
		"noSuchActivity": "cette demande n’a pas d’activité à faire de ce numéro",
		"whichActivity":  "laquelle\u202f? %s",
		"done":           "%s\u00a0: «\u00a0%s\u00a0» est fait",
		"doneAlready":    "%s\u00a0: «\u00a0%s\u00a0» n’était plus à faire",
		"cancelledAll":   "les activités de la demande sont annulées (%d)",
		"ticketLine":     "Demande n°%d\u00a0: %s",
		"customerLine":   "Client\u00a0: %s",
		"formDone":       "#fait",
		"formLater":      "#rappel 1j",
		"doneHint":       "C’est fait\u202f? Répondez #fait à ce message.",

		"answerUnknown":   "Votre réponse à cette invitation n’est partie nulle part\u00a0: nous ne connaissons pas l’invitation.",
		"answerStranger":  "Votre réponse à l’invitation n’est pas partie\u00a0: son organisateur, %[1]s, n’est pas la personne qui vous écrit. Pour lui répondre quand même, écrivez #cc +%[1]s, puis répondez de nouveau à l’invitation.",
		"answerDelegated": "Votre réponse à l’invitation n’est pas partie\u00a0: pour confier le rendez-vous à un collègue, donnez-lui la demande avec #assign.",
		"answerNotYours":  "Votre réponse à l’invitation n’est pas partie\u00a0: c’est maintenant %s qui suit la demande.",
		"answerDeclined":  "Vous déclinez cette invitation pour vous seul\u00a0: vos collègues l’ont aussi, et l’organisateur n’apprend rien tant que l’un d’eux peut accepter. Pour décliner au nom de l’équipe, prenez d’abord la demande avec #assign.",
		"answerCancelled": "Votre réponse à l’invitation n’est pas partie\u00a0: l’organisateur a annulé le rendez-vous.",
		"answerOften":     "Votre réponse à l’invitation n’est pas partie\u00a0: il y en a déjà eu trop.",
		"answerBare":      "Votre réponse à l’invitation est partie sans votre commentaire, qui contenait quelque chose d’interne.",
		"commentCommand":  "Votre réponse à l’invitation est partie sans votre commentaire, qui est une commande. Écrivez les commandes en réponse au message du client.",
	},
	"en": {
		"noMoment":       "say when, and then what",
		"example":        "#%s tomorrow 9:00 %s",
		"exampleText":    "call the customer back",
		"past":           "that moment has passed",
		"manyActivities": "this ticket has too many activities already",
		"closedActivity": "the ticket is closed: open it again first, with #reopen",
		"planned":        "%s: “%s”, on %s. The invitation goes to your calendar, and a reminder will come that day (activity %d).",
		"putOff":         "%s: “%s” is put off to %s",
		"noActivity":     "this ticket has no activity to be done",
		"noSuchActivity": "this ticket has no activity of that number to be done",
		"whichActivity":  "which one? %s",
		"done":           "%s: “%s” is done",
		"doneAlready":    "%s: “%s” was not to be done any more",
		"cancelledAll":   "the ticket’s activities are cancelled (%d)",
		"ticketLine":     "Ticket %d: %s",
		"customerLine":   "Customer: %s",
		"formDone":       "#done",
		"formLater":      "#remind 1d",
		"doneHint":       "Done? Reply #done to this mail.",

		"answerUnknown":   "Your answer to this invitation went nowhere: we do not know the invitation.",
		"answerStranger":  "Your answer to the invitation did not leave: its organiser, %[1]s, is not who writes to you. To answer all the same, write #cc +%[1]s, then answer the invitation again.",
		"answerDelegated": "Your answer to the invitation did not leave: to give the appointment to a colleague, give the ticket with #assign.",
		"answerNotYours":  "Your answer to the invitation did not leave: %s looks after the ticket now.",
		"answerDeclined":  "You decline this invitation for yourself alone: your colleagues have it too, and the organiser hears nothing as long as one of them may accept. To decline for the team, take the ticket first, with #assign.",
		"answerCancelled": "Your answer to the invitation did not leave: the organiser has cancelled the appointment.",
		"answerOften":     "Your answer to the invitation did not leave: there have been too many already.",
		"answerBare":      "Your answer to the invitation left without your comment, which held something internal.",
		"commentCommand":  "Your answer to the invitation left without your comment, which is a command. Write commands in reply to the customer’s mail.",
	},
}

// planWords is one of them, in English for a language that we don't speak.
func planWords(lang, name string) string {
	if s, ok := planSentences[lang][name]; ok {
		return s
	}
	return planSentences["en"][name]
}
