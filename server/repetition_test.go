package server_test

import (
	"strings"
	"testing"
)

// An agent's server that lost our 250 sends again: the customer hears one
// answer, a command is obeyed once, and a notice comes once.
func TestAnAgentsMailTwiceIsOneAct(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, text string
		customer   int // mails to the customer
		agent      int // mails to the agent
	}{
		{"an answer", "Voici la réponse.\n", 1, 0},
		{"a command", "#solved fini\n", 0, 1},
		{"a note", "#note\nvoir.\n", 0, 1},
		{"held by the guard", "Ci-joint le devis.\n", 0, 1},
		{"an unknown command", "#sovled\n", 0, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			d := newDesk(t, nil)
			jean, anne := d.jean(), d.anne()
			_, copy := d.ask(jean, anne, "Une question", "Bonjour\n")
			to, mail := replyTo(copy, anne.String(), c.text)
			for range 3 {
				if err := anne.posts([]string{to}, mail); err != nil {
					t.Fatal(err)
				}
			}
			d.drained()
			if got := len(jean.mailbox()) - jean.read; got != c.customer {
				t.Errorf("the customer got %d mails, want %d", got, c.customer)
			}
			if got := len(anne.mailbox()) - anne.read; got != c.agent {
				t.Errorf("the agent got %d mails, want %d", got, c.agent)
			}
			if d.tickets() != 1 {
				t.Errorf("%d tickets", d.tickets())
			}
		})
	}
}

// The same for a mail that is not believed, and for the word about it.
func TestAHeldMailTwiceIsAskedOnce(t *testing.T) {
	t.Parallel()
	d := newDesk(t, nil)
	jean, anne := d.jean(), d.anne()
	_, copy := d.ask(jean, anne, "Une question", "Bonjour\n")
	to, mail := replyTo(copy, anne.String(), "Du téléphone.\n")
	for range 3 {
		if err := anne.from("x@nobody.example").posts([]string{to}, mail); err != nil {
			t.Fatal(err)
		}
	}
	notice := anne.reads()
	anne.hearsNothing()
	to, mail = replyTo(notice, anne.String(), "#send\n")
	for range 3 {
		if err := anne.posts([]string{to}, mail); err != nil {
			t.Fatal(err)
		}
	}
	d.says(jean.reads(), "Du téléphone.")
	jean.hearsNothing()
	anne.hearsNothing()
}

// A reply to all: the token address and the generic one are one act, in one
// transaction and in two, with tokens in the team's address and with a domain
// of their own.
func TestATokenAndAGenericAddressAreOneAct(t *testing.T) {
	t.Parallel()
	for _, domain := range []string{"", "desk.example.com"} {
		for _, split := range []bool{false, true} {
			t.Run(domain+map[bool]string{true: " split", false: " together"}[split], func(t *testing.T) {
				t.Parallel()
				d := newDesk(t, func(config string) string { return config + "\n[tickets]\ntoken_domain = \"" + domain + "\"\n" })
				jean, anne, bruno := d.jean(), d.anne(), d.bruno()
				_, copy := d.ask(jean, anne, "Une question", "Bonjour\n")
				to, mail := replyTo(copy, anne.String(), "Voici la réponse.\n", "Cc: Relation Client <"+generic+">")
				rounds := [][]string{{to, generic}}
				if split {
					rounds = [][]string{{to}, {generic}}
				}
				for _, rcpts := range rounds {
					if err := anne.posts(rcpts, mail); err != nil {
						t.Fatal(err)
					}
				}
				reply := jean.reads()
				d.without(reply, "desk.example.com", "+t")
				jean.hearsNothing()
				anne.hearsNothing()
				bruno.hearsNothing()
				if kinds := d.messages(10000); kinds != "in out" || d.tickets() != 1 || len(d.held()) != 0 {
					t.Errorf("messages: %s, %d tickets, %d held", kinds, d.tickets(), len(d.held()))
				}
			})
		}
	}
}

// The generic address first, then the token's: it is the agent's answer all the
// same.
func TestTheGenericAddressComesFirst(t *testing.T) {
	t.Parallel()
	d := newDesk(t, nil)
	jean, anne := d.jean(), d.anne()
	_, copy := d.ask(jean, anne, "Une question", "Bonjour\n")
	to, mail := replyTo(copy, anne.String(), "Voici la réponse.\n", "Cc: Relation Client <"+generic+">")
	for _, rcpt := range []string{generic, to} {
		if err := anne.posts([]string{rcpt}, mail); err != nil {
			t.Fatal(err)
		}
	}
	d.says(jean.reads(), "Voici la réponse.")
	jean.hearsNothing()
	if d.tickets() != 1 {
		t.Errorf("%d tickets", d.tickets())
	}
}

// Our own acknowledgement that comes back is an event, nothing more.
func TestOurOwnMailComesBack(t *testing.T) {
	t.Parallel()
	d := newDesk(t, nil)
	jean, anne := d.jean(), d.anne()
	ack, copy := d.ask(jean, anne, "Une question", "Bonjour\n")
	anne.answers(copy, "Voici.\n")
	reply := jean.reads()
	for _, m := range []received{ack, reply, copy} {
		for _, from := range []string{"", "jean@client.example"} {
			if err := d.send(from, []string{generic}, "Received: by somewhere\n"+strings.ReplaceAll(string(m.Raw), "\r\n", "\n")); err != nil {
				t.Fatal(err)
			}
		}
	}
	jean.hearsNothing()
	anne.hearsNothing()
	if d.tickets() != 1 || d.ticket(10000).Status != "pending" {
		t.Errorf("%d tickets, %s: %s", d.tickets(), d.ticket(10000).Status, d.messages(10000))
	}
}
