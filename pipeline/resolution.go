package pipeline

import (
	"fmt"
	"slices"
	"strings"

	"postdesk/internal/addr"
	"postdesk/internal/compose"
	"postdesk/internal/message"
	"postdesk/internal/ticket"
)

// tellResolution is #solved!: the customer is told what solved it.
func (out *outbound) tellResolution(c ticket.Command) (string, error) {
	done, err := out.changeState(c)
	if err != nil {
		return "", err
	}
	if len(audience(out.t)) == 0 {
		return "", refuse(c, words(out.lang(), "noCustomer"))
	}
	text, err := out.forCustomer(c, out.t.Resolution)
	if err != nil {
		return "", err
	}
	l := letter{kind: compose.LetterResolution, t: out.t, at: out.at, data: compose.LetterData{Text: text, Agent: out.agent.Name}}
	if err := out.p.sendLetter(out.tx, out.w, l); err != nil {
		return "", err
	}
	return done, out.event(ticket.Event{By: out.by(), What: ticket.ResolutionSent})
}

// forCustomer is the text behind a command as a customer may read it: cleaned as
// an answer is. A text with something in it that must not leave refuses the command.
func (out *outbound) forCustomer(c ticket.Command, text string) (string, error) {
	if text == "" {
		return "", nil
	}
	mail, err := message.Parse(message.BytesSource([]byte("MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n" + text + "\r\n")))
	if err != nil {
		return "", fmt.Errorf("read the text of %s: %w", c.Name, err)
	}
	secrets, err := out.secretTexts(0)
	if err != nil {
		return "", err
	}
	m := out.p.minter(out.w, &ticket.Ticket{Number: out.t.Number, Team: out.t.Team})
	clean, findings, err := out.w.compose.Checked(compose.ReplyIn{
		Head: compose.Head{Date: out.at, MessageID: m.next(addr.Person{}).messageID}, Lang: out.w.language(out.t), Mail: mail,
		Rewrite: out.rewrite, Secrets: slices.Concat(out.w.secrets, secrets), Logins: out.w.logins, IsToken: out.isToken,
	})
	if err != nil {
		return "", err
	}
	if findings, err = out.unlessPublic(findings); err != nil {
		return "", err
	}
	if len(findings) > 0 {
		return "", refuse(c, findings[0].Sentence(out.lang()))
	}
	return strings.TrimSpace(clean), nil
}
