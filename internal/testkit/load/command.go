package load

import (
	"bytes"
	"context"
	"fmt"
	"os/exec"
	"sync/atomic"
)

// hand gives a mail to a program, as a mail server gives one to a program
// that an alias names, and judges by the exit status. The reply is 250 or
// notSent: a program that fails has not taken the mail.
func hand(ctx context.Context, command []string, l letter) (code int, text string) {
	cmd := exec.CommandContext(ctx, command[0], command[1:]...)
	cmd.Stdin = bytes.NewReader(bytes.ReplaceAll(l.wire, []byte("\r\n"), []byte("\n")))
	out, err := cmd.CombinedOutput()
	if err != nil {
		return notSent, fmt.Sprintf("%v: %.300s", err, out)
	}
	return 250, "handed over"
}

// Hand sends one mail to a sink by SMTP, for programs that mail by calling a
// sendmail(8).
func Hand(ctx context.Context, addr, from, to string, mail []byte) error {
	if err := Loopback(addr); err != nil {
		return err
	}
	c := client{ctx: ctx, o: &Options{Addr: addr, To: to}, sessions: new(atomic.Int64)}
	defer c.quit()
	if code, text := c.transact(letter{from: from, wire: wire(mail)}); code/100 != 2 {
		return fmt.Errorf("%s: %d %s", addr, code, text)
	}
	return nil
}

// wire is a mail with CRLF as line end and its dots stuffed, RFC 5321 §4.5.2.
func wire(mail []byte) []byte {
	mail = bytes.ReplaceAll(mail, []byte("\r\n"), []byte("\n"))
	if len(mail) == 0 || mail[len(mail)-1] != '\n' {
		mail = append(mail, '\n')
	}
	var b bytes.Buffer
	for l := range bytes.Lines(mail) {
		if l[0] == '.' {
			b.WriteByte('.')
		}
		b.Write(l[:len(l)-1])
		b.WriteString("\r\n")
	}
	return b.Bytes()
}
