package smtpd

import (
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// model is SMTP on the MX as a few variables; the server must agree with it
// whatever the order of commands.
type model struct {
	greeted, open bool
	from          string
	to            []string
	bad           int
	over          bool
	mails         []string // "from>to,to"
}

// step returns what the client sends for a command, and the codes of the
// replies.
func (m *model) step(cmd string) (send string, codes []string) {
	send = cmd + "\r\n"
	code := m.code(cmd)
	codes = []string{code}
	if code == "354" {
		send += "x\r\n.\r\n"
		codes = append(codes, "250")
		m.mails = append(m.mails, m.from+">"+strings.Join(m.to, ","))
		m.open, m.to, m.bad = false, nil, 0
	}
	if slices.Contains([]string{"500", "501", "502", "503", "504", "555"}, code) && !(cmd == "DATA" && m.open) {
		m.bad++
	}
	if m.bad >= maxBad {
		m.over = true
		codes = append(codes, "421")
	}
	return send, codes
}

// code is the first reply to a command. It changes the state.
func (m *model) code(cmd string) string {
	switch cmd {
	case "HELO a", "EHLO a":
		m.greeted, m.open, m.to = true, false, nil
		return "250"
	case "RSET":
		m.open, m.to = false, nil
		return "250"
	case "NOOP":
		return "250"
	case "VRFY x":
		return "252"
	case "MAIL FROM:<>", "MAIL FROM:<a@b.test>", "MAIL FROM:<banned@b.test>", "MAIL FROM:<bad>":
		return m.mail(strings.TrimSuffix(cmd[len("MAIL FROM:<"):], ">"))
	case "RCPT TO:<one@ours.test>", "RCPT TO:<two@ours.test>", "RCPT TO:<nobody@ours.test>", "RCPT TO:<bad>":
		return m.rcpt(strings.TrimSuffix(cmd[len("RCPT TO:<"):], ">"))
	case "DATA":
		if !m.open || len(m.to) == 0 {
			return "503"
		}
		return "354"
	case "DATA x", "EHLO", "STARTTLS x":
		return "501"
	case "AUTH PLAIN", "BDAT 0", "EXPN x":
		return "502"
	}
	return "500"
}

func (m *model) mail(from string) string {
	switch {
	case !m.greeted || m.open:
		return "503"
	case from == "bad":
		return "501"
	case strings.HasPrefix(from, "banned"):
		return "550"
	}
	m.open, m.from, m.to = true, from, nil
	return "250"
}

func (m *model) rcpt(to string) string {
	switch {
	case !m.open:
		return "503"
	case to == "bad":
		return "501"
	case strings.HasPrefix(to, "nobody"):
		return "550"
	case !slices.Contains(m.to, to):
		m.to = append(m.to, to)
	}
	return "250"
}

var modelCommands = []string{
	"HELO a", "EHLO a", "EHLO a", "RSET", "NOOP", "VRFY x", "MAIL FROM:<>", "MAIL FROM:<a@b.test>", "MAIL FROM:<a@b.test>", "MAIL FROM:<a@b.test>",
	"MAIL FROM:<banned@b.test>", "MAIL FROM:<bad>", "RCPT TO:<one@ours.test>", "RCPT TO:<one@ours.test>", "RCPT TO:<two@ours.test>",
	"RCPT TO:<nobody@ours.test>", "RCPT TO:<bad>", "DATA", "DATA", "DATA", "DATA x", "EHLO", "STARTTLS x", "AUTH PLAIN", "BDAT 0", "EXPN x", "LHLO a", "JUNK",
}

// Random sequences of commands, in random pieces, against the model: codes,
// and who the envelopes name. -rapid.checks makes it longer.
func TestStateMachine(t *testing.T) {
	w := newWorld(t, func(o *Options) { o.Policy.MessageSize, o.Policy.Recipients = 1000, 1000 })
	rapid.Check(t, func(rt *rapid.T) {
		m, c, before := &model{}, w.dial(MX, 0), len(w.desk.all())
		defer c.conn.Close()
		var all strings.Builder
		want := []string{"220"}
		for _, cmd := range rapid.SliceOfN(rapid.SampledFrom(modelCommands), 1, 60).Draw(rt, "commands") {
			if m.over {
				break
			}
			send, codes := m.step(cmd)
			all.WriteString(send)
			want = append(want, codes...)
		}
		for rest := all.String(); rest != ""; {
			n := min(len(rest), rapid.IntRange(1, 400).Draw(rt, "piece"))
			c.raw(rest[:n])
			rest = rest[n:]
		}
		for i, code := range want {
			if got := c.reply(); !strings.HasPrefix(got, code) {
				rt.Fatalf("reply %d is %q, want %s", i, got, code)
			}
		}
		var mails []string
		for _, d := range w.desk.all()[before:] {
			var to []string
			for _, a := range d.env.To {
				to = append(to, a.String())
			}
			mails = append(mails, d.env.From.String()+">"+strings.Join(to, ","))
		}
		if !slices.Equal(mails, m.mails) {
			rt.Fatalf("mails %q, want %q", mails, m.mails)
		}
	})
}
