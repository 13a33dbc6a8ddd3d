package compose

// calendarWords are those of invitations and activities.
var calendarWords = map[string]map[string]string{
	"fr": {
		"guests":           "Aussi invités\u00a0: ",
		"subject-ACCEPTED": "Accepté\u00a0: ", "subject-DECLINED": "Refusé\u00a0: ", "subject-TENTATIVE": "Provisoire\u00a0: ", "subject-COUNTER": "Autre horaire proposé\u00a0: ",
		"says-ACCEPTED": "%s accepte l’invitation.", "says-DECLINED": "%s décline l’invitation.", "says-TENTATIVE": "%s accepte l’invitation sous réserve.",
		"says-COUNTER": "%s propose un autre horaire.", "withdrawn": "Ce rendez-vous ne vous concerne plus.", "withdrawnTo": "%s suit maintenant cette demande\u00a0: ce rendez-vous ne vous concerne plus.",
		"task": "À faire\u00a0: ", "call": "Appel\u00a0: ", "event": "Rendez-vous\u00a0: ", "remind": "Rappel\u00a0: ", "unplanned": "Ceci n’est plus à votre agenda\u00a0:",
	},
	"en": {
		"guests":           "Also invited: ",
		"subject-ACCEPTED": "Accepted: ", "subject-DECLINED": "Declined: ", "subject-TENTATIVE": "Tentative: ", "subject-COUNTER": "Another time proposed: ",
		"says-ACCEPTED": "%s accepts the invitation.", "says-DECLINED": "%s declines the invitation.", "says-TENTATIVE": "%s tentatively accepts the invitation.",
		"says-COUNTER": "%s proposes another time.", "withdrawn": "This appointment does not concern you any more.", "withdrawnTo": "%s looks after this ticket now: this appointment does not concern you any more.",
		"task": "To do: ", "call": "Call: ", "event": "Appointment: ", "remind": "Reminder: ", "unplanned": "This is in your calendar no more:",
	},
}

// sayEvent is a word about a calendar's entry, in English for a language that we
// don't speak.
func sayEvent(lang, key string) string {
	if s, ok := calendarWords[lang][key]; ok {
		return s
	}
	return calendarWords["en"][key]
}
