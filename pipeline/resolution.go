package pipeline

import (
	"postdesk/internal/compose"
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
	l := letter{kind: compose.LetterResolution, t: out.t, at: out.at, data: compose.LetterData{Text: out.t.Resolution, Agent: out.agent.Name}}
	if err := out.p.sendLetter(out.tx, out.w, l); err != nil {
		return "", err
	}
	return done, out.event(ticket.Event{By: out.by(), What: ticket.ResolutionSent})
}
