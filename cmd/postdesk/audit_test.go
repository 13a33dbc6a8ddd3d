package main

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

// The log tells which user of the machine did what to which ticket, and
// repeats no address that was erased.
func TestTheLogTellsWhoDidWhat(t *testing.T) {
	s := newShell(t)
	log := s.serve()
	s.customer("jean@client.example", "relationclient@example.com", "a@client.example", "Question", "Bonjour\r\n")
	s.settle()
	s.postdesk("ticket", "set", "10000", "status=solved", "priority=high")
	s.fails(1, "there is no mail 99", "queue", "drop", "99")
	s.postdesk("contact", "erase", "jean@client.example")
	s.stop()
	text := log.String()
	uid := fmt.Sprintf(`"uid":%d`, os.Getuid())
	for _, want := range []string{
		`"operation":"ticket/set",` + uid, `"changes":"status priority","ticket":10000`, `"operation":"queue/drop",` + uid, `"id":"99","error":`,
		`"operation":"contact/erase",` + uid, `"msg":"received"`, `"took_ms":`, `"msg":"mail"`,
	} {
		if !strings.Contains(text, want) {
			t.Errorf("no %s in\n%s", want, text)
		}
	}
	for line := range strings.Lines(text) {
		if strings.Contains(line, "contact/erase") && strings.Contains(line, "jean@") {
			t.Error(line)
		}
	}
}
