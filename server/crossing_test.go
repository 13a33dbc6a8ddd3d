package server_test

import (
	"strings"
	"testing"
)

// Two agents answer the same mail: the second answer is held, and the customer
// hears one thing.
func TestASecondAnswerToTheSameMailIsHeld(t *testing.T) {
	d := newDesk(t, func(c string) string {
		return strings.Replace(c, `language = "fr"`, "language = \"fr\"\nassign = \"none\"", 1)
	})
	if err := d.send("jean@client.example", []string{"relationclient@example.com"},
		letter("Jean <jean@client.example>", "relationclient@example.com", "q1@client.example", "Question", "Bonjour\n")); err != nil {
		t.Fatal(err)
	}
	copies := map[string]received{}
	for n := 1; n <= 2; n++ {
		m := d.arrives(d.agents, n)
		copies[m.To[0]] = m
	}
	d.arrives(d.customers, 1) // the acknowledgement
	for _, who := range []string{"anne.durand@corp.example", "bruno.petit@corp.example"} {
		to, answer := replyTo(copies[who], who, "Voici ma réponse.\n")
		if err := d.send(who, []string{to}, answer); err != nil {
			t.Fatal(err)
		}
		d.arrives(d.customers, 2)
	}
	d.quiet(d.customers, 2)
	var told bool
	for n := range d.agents.Mails() {
		m := d.arrives(d.agents, n+1)
		told = told || strings.Contains(m.To[0], "bruno") && strings.Contains(m.text(), "Anne Durand") && strings.Contains(m.text(), "#envoyer")
	}
	if !told {
		t.Error("Bruno does not hear that Anne has answered")
	}
}
