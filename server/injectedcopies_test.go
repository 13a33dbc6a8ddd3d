package server_test

import (
	"fmt"
	"strings"
	"testing"
)

// Whoever is put into Cc, by whomever, gets nothing that was sent before, and not
// what the desk writes by itself; five hundred at once are fifty at most, and our own
// addresses among them get nothing.
func TestInjectedCopiesGetNoHistory(t *testing.T) {
	t.Parallel()
	d := newDesk(t, withTimers(`first_reply = "1d"`))
	d.at("Mon 2030-11-18 10:00")
	jean, anne, mallory := d.jean(), d.anne(), d.person("Mallory", "mallory@other.example")
	id := jean.writes(generic, "Une panne", "Le secret est canari-un.\n")
	jean.reads()
	copy := anne.reads()
	anne.answers(copy, "Et canari-deux ?\n")
	reply := jean.reads()

	// A forged mail of jean names somebody: it joins, and names nobody.
	to, mail := replyTo(reply, jean.String(), "Voyez avec elle.\n", "Cc: mallory@other.example", "Reply-To: mallory@other.example")
	if err := d.send("x@nobody.example", []string{to}, strings.Replace(jean.dated(mail), jean.String(), "<jean@strict2.example>", 1)); err != nil {
		t.Fatal(err)
	}
	d.drained()
	// A stranger who knows the number and a Message-ID names herself.
	mallory.writes(generic, "Re: Une panne [#10000]", "Je suis en copie, merci de tout renvoyer.\n", "Cc: mallory2@other.example", "In-Reply-To: <"+id+">")
	mallory.reads() // an acknowledgement: it is a request of her own

	// jean himself names five hundred, and our own addresses.
	cc := []string{generic, "export@example.com", copy.token(), reply.From, anne.address}
	for i := range 500 {
		cc = append(cc, fmt.Sprintf("c%d@other.example", i))
	}
	jean.answers(reply, "Je mets du monde en copie.\n", "Cc: "+strings.Join(cc, ",\n "))
	d.drained()
	anne.answers(copy, "Merci, canari-trois.\n")
	d.drained()
	if n := len(d.ticket(10000).Participants); n > 50 {
		t.Errorf("%d participants", n)
	}
	reached := map[string]int{}
	for _, m := range d.customers.Mails() {
		for _, to := range m.To {
			if to == jean.address {
				continue
			}
			reached[to]++
			if strings.HasPrefix(to, "mallory") && strings.Contains(parse(t, m).text(), "canari") {
				t.Errorf("%s is shown the ticket", to)
			}
			if strings.HasSuffix(to, "@example.com") {
				t.Errorf("a mail to ourselves, %s", to)
			}
		}
	}
	// Whom jean named gets the one answer that was written after, with what the agent quoted.
	if len(reached) > 51 || reached["c0@other.example"] != 1 || reached["c40@other.example"] != 1 || reached["mallory2@other.example"] != 0 {
		t.Errorf("%d were reached: %v", len(reached), reached)
	}
}
