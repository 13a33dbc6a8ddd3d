package server_test

import (
	"slices"
	"testing"
)

// Rules about requests leave a ticket alone once agents work on it; those with
// `new = false` follow its mails.
func TestRulesAboutRequestsAndAboutAnswers(t *testing.T) {
	d := newDesk(t, func(c string) string {
		return c + `
[[rule]]
name = "pharmacies"
when = { subject = '\bPH\b' }
then = { assign = "bruno", category = "pharmacie", priority = "high", tags = ["ph"] }

[[rule]]
name = "anger"
when = { new = false, body = 'scandale' }
then = { priority = "urgent", tags = ["fâché"] }
`
	})
	if err := d.send("jean@client.example", []string{"relationclient@example.com"},
		letter("Jean <jean@client.example>", "relationclient@example.com", "q1@client.example", "PH Lyon", "Un scandale !\n")); err != nil {
		t.Fatal(err)
	}
	copy := d.arrives(d.agents, 1)
	tk := d.ticket(10000)
	if tk.Assignee != "bruno" || tk.Category != "pharmacie" || tk.Priority != "high" || !slices.Equal(tk.Tags, []string{"ph"}) {
		t.Errorf("the request: %+v", tk)
	}
	to, order := replyTo(copy, "Bruno Petit <bruno.petit@corp.example>", "#assign anne\n")
	if err := d.send("bruno.petit@corp.example", []string{to}, order); err != nil {
		t.Fatal(err)
	}
	d.drained()
	_, again := replyTo(d.arrives(d.customers, 1), "Jean <jean@client.example>", "C'est un scandale !\n")
	if err := d.send("jean@client.example", []string{"relationclient@example.com"}, again); err != nil {
		t.Fatal(err)
	}
	d.drained()
	if tk := d.ticket(10000); tk.Assignee != "anne" || tk.Priority != "urgent" || !slices.Equal(tk.Tags, []string{"ph", "fâché"}) || tk.Messages != 3 {
		t.Errorf("after the answer: %+v", tk)
	}
}
