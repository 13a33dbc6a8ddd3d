package server_test

import (
	"strings"
	"testing"
)

// An agent who wonders why a mail came finds the answer in its header; the
// customer finds no trace of it.
func TestWhyAMailCame(t *testing.T) {
	d := newDesk(t, nil)
	jean, anne, bruno := d.jean(), d.anne(), d.bruno()
	_, copy := d.ask(jean, anne, "Question", "Bonjour\n")
	why := func(m received, words ...string) {
		t.Helper()
		for _, w := range words {
			if got := m.Header.Text("X-Postdesk-Why"); !strings.Contains(got, w) {
				t.Errorf("to %v: %q does not say %q", m.To, got, w)
			}
		}
	}
	why(copy, "you look after this ticket", "new ticket 10000", "it is the turn of anne")
	anne.answers(copy, "Bonjour Jean, voici.\n")
	answer := jean.reads()
	d.without(answer, "X-Postdesk-Why")
	jean.answers(answer, "Merci\n")
	again := anne.reads()
	why(again, "you look after this ticket", "message 3 of ticket 10000", "the answer to a mail that we wrote")
	anne.answers(again, "#assign bruno\n")
	why(bruno.reads(), "you look after this ticket", "handed over by anne")
}
