package server_test

import (
	"fmt"
	"net/textproto"
	"strings"
	"testing"
)

// The disk becomes low while a mail arrives: it is not taken for the reason that
// there was room when it was announced, and what arrived of it is freed.
func TestDiskBecomesLowWhileAMailArrives(t *testing.T) {
	t.Parallel()
	d := newDesk(t, nil)
	c, err := textproto.Dial("tcp", d.srv.Addr("mx"))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	answer := func(want int) string {
		t.Helper()
		_, text, err := c.ReadResponse(want)
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	say := func(line string, want int) {
		t.Helper()
		if err := c.PrintfLine("%s", line); err != nil {
			t.Fatal(err)
		}
		answer(want)
	}
	answer(220)
	say("EHLO mail.client.example", 250)
	body := crlf("From: jean@client.example\nTo: " + generic + "\nSubject: Question\nMessage-ID: <large@client.example>\n\n" +
		strings.Repeat(strings.Repeat("y", 70)+"\n", 10000))
	send := func(before func()) {
		t.Helper()
		say("MAIL FROM:<jean@client.example>", 250)
		say("RCPT TO:<"+generic+">", 250)
		say("DATA", 354)
		before()
		w := c.DotWriter()
		if _, err := fmt.Fprint(w, body); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
	}
	free, _, err := d.srv.Store.Free()
	if err != nil {
		t.Fatal(err)
	}
	send(func() {
		more := fmt.Sprintf(`min_free_disk = "%dMB"`, free*3/2>>20) // the floors of the store itself are not reached
		d.reload(strings.Replace(d.text, `min_free_disk = "1MB"`, more, 1))
	})
	if text := answer(452); !strings.HasPrefix(text, "4.3.1") {
		t.Errorf("452 %q", text)
	}
	d.reload(d.text)
	send(func() {})
	answer(250)
	if n := d.tickets(); n != 1 {
		t.Errorf("%d tickets", n)
	}
}
