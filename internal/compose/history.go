package compose

import (
	"regexp"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"postdesk/internal/ticket"
)

// Teller tells the history of a ticket in plain sentences.
type Teller struct {
	Lang string
	// Agent is the name of an agent's id; nil: the id itself.
	Agent func(id string) string
}

// Sentence is one event in words: who did what. Every kind of event has one.
func (t Teller) Sentence(e ticket.Event) string {
	form := historyOf(t.Lang)[e.What]
	template := form.done
	self := e.What == ticket.Joined && e.Participant != nil && e.Participant.Address.String() == e.By.ID
	if e.What == ticket.Assigned && e.By.Kind == ticket.ByAgent && e.By.ID == e.Data["agent"] {
		template = say(t.Lang, "took")
	}
	if who := t.who(e.By); who == "" || template == "" || self {
		template = form.happened
	}
	if template == "" {
		template = form.done
	}
	values := t.values(e)
	template = optional.ReplaceAllStringFunc(template, func(part string) string {
		for _, m := range placeholder.FindAllStringSubmatch(part, -1) {
			if values[m[1]] == "" {
				return ""
			}
		}
		return part[1 : len(part)-1]
	})
	s := placeholder.ReplaceAllStringFunc(t.elided(template, values), func(m string) string { return values[m[1:len(m)-1]] })
	return strings.TrimSpace(s)
}

// elided writes French "de" before a vowel as it is said: "un message d’Anne".
func (t Teller) elided(template string, values map[string]string) string {
	if t.Lang != "fr" {
		return template
	}
	return ofSomebody.ReplaceAllStringFunc(template, func(part string) string {
		name := strings.TrimSuffix(strings.TrimPrefix(part, "de {"), "}")
		first, _ := utf8.DecodeRuneInString(values[name])
		if !strings.ContainsRune("aeiouyàâéèêëîïôûü", unicode.ToLower(first)) {
			return part
		}
		return "d’{" + name + "}"
	})
}

var (
	optional    = regexp.MustCompile(`\[[^\]]*\]`) // left out when one of its values is missing
	placeholder = regexp.MustCompile(`\{([a-z]+)\}`)
	ofSomebody  = regexp.MustCompile(`\bde \{(?:agent|who)\}`)
)

// form is how an event is told: with someone who did it, and without.
type form struct{ done, happened string }

// who is the actor's name, "" for postdesk itself.
func (t Teller) who(a ticket.Actor) string {
	switch a.Kind {
	case ticket.BySystem:
		return ""
	case ticket.ByAgent:
		return t.agent(a.ID)
	case ticket.ByContact:
		return cleanLine(a.ID)
	}
	return cleanLine(a.String())
}

func (t Teller) agent(id string) string {
	if t.Agent == nil || id == "" {
		return cleanLine(id)
	}
	return cleanLine(t.Agent(id))
}

// values are what the placeholders of a sentence stand for.
func (t Teller) values(e ticket.Event) map[string]string {
	v := map[string]string{}
	for k, s := range e.Data {
		v[k] = clipped(cleanLine(s), maxValue)
	}
	v["who"] = t.who(e.By)
	if e.Message > 0 {
		v["message"] = strconv.FormatUint(e.Message, 10)
	}
	if e.Participant != nil {
		v["person"] = person(PersonData{Name: cleanLine(e.Participant.Name), Address: address(e.Participant.Address)})
		v["replyto"] = address(e.Participant.ReplyTo)
	}
	if e.Aside != nil {
		v["subject"] = clipped(cleanLine(e.Aside.Subject), maxValue)
	}
	if _, has := e.Data["agent"]; has {
		if v["agent"] = t.agent(e.Data["agent"]); v["agent"] == "" {
			v["agent"] = say(t.Lang, "nobody")
		}
	}
	for _, k := range []string{"status", "priority"} {
		v[k] = say(t.Lang, v[k])
	}
	if e.Data["why"] == "command" && e.What != ticket.Assigned {
		v["why"] = "command-line"
	}
	for _, k := range []string{"why", "reason", "decision", "answer", "kind", "state"} {
		v[k] = reasonWords(t.Lang, v[k])
	}
	return v
}

// maxValue is how much of one value a sentence repeats, in characters.
const maxValue = 200

// clipped cuts a text at a whole character, and shows that it did.
func clipped(s string, n int) string {
	if r := []rune(s); len(r) > n {
		return string(r[:n-1]) + "…"
	}
	return s
}
