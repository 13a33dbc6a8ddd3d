package compose

import (
	"strings"
	"testing"

	"postdesk/internal/addr"
	"postdesk/internal/ticket"
)

// Every kind of event has a sentence in both languages, by someone and by
// postdesk itself, with and without its data.
func TestEveryEventHasASentence(t *testing.T) {
	for _, lang := range []string{"fr", "en"} {
		teller := Teller{Lang: lang, Agent: func(id string) string { return "Anne Durand" }}
		for _, what := range ticket.Whats() {
			if _, ok := historyOf(lang)[what]; !ok {
				t.Errorf("%s: %s has no sentence", lang, what)
			}
			for _, by := range []ticket.Actor{ticket.System, {Kind: ticket.ByAgent, ID: "anne"}, {Kind: ticket.ByContact, ID: "jean@client.example"}} {
				s := teller.Sentence(ticket.Event{What: what, By: by})
				if s == "" || strings.ContainsAny(s, "{}[]") {
					t.Errorf("%s: %s by %s: %q", lang, what, by, s)
				}
			}
		}
	}
}

func TestSentences(t *testing.T) {
	anne := ticket.Actor{Kind: ticket.ByAgent, ID: "anne"}
	teller := Teller{Lang: "fr", Agent: func(id string) string { return map[string]string{"anne": "Anne Durand", "bruno": "Bruno Petit"}[id] }}
	for want, e := range map[string]ticket.Event{
		"Anne Durand a confié la demande à Bruno Petit.":                              {What: ticket.Assigned, By: anne, Data: map[string]string{"agent": "bruno", "why": "command"}},
		"La demande a été confiée à Bruno Petit\u00a0: l’agent précédent est absent.": {What: ticket.Assigned, By: ticket.System, Data: map[string]string{"agent": "bruno", "why": "absent"}},
		"Anne Durand a confié la demande à personne.":                                 {What: ticket.Assigned, By: anne, Data: map[string]string{"agent": ""}},
		"L’état a changé\u00a0: close.":                                               {What: ticket.StatusChanged, By: ticket.System, Data: map[string]string{"status": "closed"}},
		"Anne Durand a répondu au client (message 2).":                                {What: ticket.Replied, By: anne, Message: 2},
		"Jean Client <jean@client.example> participe maintenant à la demande.": {What: ticket.Joined, By: ticket.System,
			Participant: &ticket.Participant{Name: "Jean Client", Address: addr.Address{Local: "jean", Domain: "client.example"}}},
		"jean@client.example a ouvert la demande\u00a0: «\u00a0x {who} [y] z\u00a0».": {What: ticket.Created, By: ticket.Actor{Kind: ticket.ByContact, ID: "jean@client.example"},
			Data: map[string]string{"subject": "x {who} [y]\r\n z"}},
	} {
		if got := teller.Sentence(e); got != want {
			t.Errorf("%s: %q, want %q", e.What, got, want)
		}
	}
}
