package relay

import (
	"bufio"
	"context"
	"net"
	"strings"
	"testing"
	"time"

	"postdesk/internal/addr"
)

// An envelope that is larger than the buffer is sent within its own time, and not within
// what is left of the time of the mail before.
func TestLargeEnvelopeHasItsOwnTime(t *testing.T) {
	ours, theirs := net.Pipe()
	defer theirs.Close()
	go func() {
		r := bufio.NewReader(theirs)
		for line, err := r.ReadString('\n'); err == nil && line != "DATA\r\n"; line, err = r.ReadString('\n') {
		}
		theirs.Write([]byte(strings.Repeat("250 ok\r\n", 1+maxRecipients)))
	}()
	times := generous()
	c := newConn(context.Background(), ours, "mx.example.net", &times, time.Time{})
	defer c.close()
	c.ext = map[string]string{"PIPELINING": ""}
	env := &envelope{}
	for range maxRecipients {
		env.to = append(env.to, addr.Address{Local: strings.Repeat("a", 60), Domain: strings.Repeat("d", 60) + "." + strings.Repeat("d", 60) + ".example"})
	}
	ours.SetWriteDeadline(time.Now()) // as after the dot of a mail that took long
	accepted, f := c.envelope(env, &outgoingBody{}, make([]verdict, maxRecipients))
	if f != nil || len(accepted) != maxRecipients {
		t.Errorf("%d accepted, %v", len(accepted), f)
	}
}
