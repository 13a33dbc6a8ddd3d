package server_test

import (
	"fmt"
	"net"
	"net/textproto"
	"testing"

	"postdesk/internal/ticket"
)

// leaves hands a mail over, hears so many of the replies to the final dot and goes. A
// client that resets takes its last bytes out of the network with it, if they are there
// still.
func (d *desk) leaves(listener string, to []string, mail string, hear int, reset bool) (replies []int) {
	d.Helper()
	nc, err := net.Dial("tcp", d.srv.Addr(listener))
	if err != nil {
		d.Fatal(err)
	}
	c := textproto.NewConn(nc)
	defer c.Close()
	hello := map[string]string{"mx": "EHLO mx.client.example", "lmtp": "LHLO front.example.com"}[listener]
	if _, _, err := c.ReadResponse(220); err != nil {
		d.Fatal(err)
	}
	say := func(line string) (code int) {
		if err := c.PrintfLine("%s", line); err != nil {
			d.Fatal(err)
		}
		code, _, err := c.ReadResponse(0)
		if err != nil {
			d.Fatal(err)
		}
		return code
	}
	say(hello)
	say("MAIL FROM:<jean@client.example>")
	for _, r := range to {
		replies = append(replies, say("RCPT TO:<"+r+">"))
	}
	say("DATA")
	w := c.DotWriter()
	fmt.Fprint(w, crlf(mail))
	if err := w.Close(); err != nil {
		d.Fatal(err)
	}
	for range hear {
		code, _, err := c.ReadResponse(0)
		if err != nil {
			d.Fatal(err)
		}
		replies = append(replies, code)
	}
	if tcp, ok := nc.(*net.TCPConn); ok && reset {
		if err := tcp.SetLinger(0); err != nil {
			d.Fatal(err)
		}
	}
	return replies
}

// A sender whose line breaks n times between the final dot and our 250 sends n+1
// times: one ticket, one acknowledgement, one copy.
func (d *desk) losesReplies(n int) {
	d.Helper()
	jean, anne := d.jean(), d.anne()
	mail := jean.mail(generic, "Une question", fmt.Sprintf("Perdue %d fois.\n", n))
	before := d.tickets()
	for i := range n {
		d.leaves("mx", []string{generic}, mail, 0, i%2 == 1)
	}
	if err := jean.posts([]string{generic}, mail); err != nil {
		d.Fatal(err)
	}
	jean.reads()
	jean.hearsNothing()
	if before == 0 {
		anne.reads()
		anne.hearsNothing()
	}
	if got := d.tickets() - before; got != 1 {
		d.Errorf("%d tickets after %d lost replies", got, n)
	}
}

func TestOurReplyIsLost(t *testing.T) {
	t.Parallel()
	for _, n := range []int{1, 2, 20} { // make torture goes to 200
		newDesk(t, nil).losesReplies(n)
	}
}

// LMTP has a reply for each recipient. The MTA in front hears the first, a line
// breaks, and it sends again for those it did not hear of; the one that was refused
// stays so.
func TestSomeRepliesOfLMTPAreLost(t *testing.T) {
	t.Parallel()
	for heard := range 3 {
		t.Run(fmt.Sprint(heard, " replies heard"), func(t *testing.T) {
			t.Parallel()
			d := newDesk(t, oneDomain)
			jean := d.jean()
			mail := jean.mail(generic, "Deux services", "Bonjour\n", "Cc: export@example.com, nobody@example.com",
				"Authentication-Results: front.example.com; spf=pass smtp.mailfrom=jean@client.example")
			to := []string{generic, "nobody@example.com", "export@example.com"}
			codes := d.leaves("lmtp", to, mail, heard, heard == 1)
			if want := []int{250, 550, 250, 250, 250}[:3+heard]; fmt.Sprint(codes) != fmt.Sprint(want) {
				t.Errorf("replies %v, want %v", codes, want)
			}
			again := []string{generic, "export@example.com"}[min(heard, 1):]
			for _, r := range d.lmtp(jean.address, again, mail) {
				if r[:3] != "250" {
					t.Error(r)
				}
			}
			jean.reads()
			jean.hearsNothing()
			if d.tickets() != 1 || d.messages(10000) != "in" || len(d.happened(10000, ticket.TeamAdded)) != 1 {
				t.Errorf("%d tickets, messages: %s, teams: %+v", d.tickets(), d.messages(10000), d.happened(10000, ticket.TeamAdded))
			}
		})
	}
}
