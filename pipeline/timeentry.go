package pipeline

import (
	"fmt"
	"strconv"

	"postdesk/internal/message"
	"postdesk/internal/ticket"
)

// maxSpentText bounds what is written with time spent, in bytes.
const maxSpentText = 500

// spendTime is #time: time that the agent spent on the ticket.
func (out *outbound) spendTime(c ticket.Command) (string, error) {
	minutes, text, ok := ticket.ParseSpent(c.Arg)
	if !ok {
		return "", refuse(c, fmt.Sprintf(words(out.lang(), "badTime"), c.Arg), "#"+string(c.Name))
	}
	e := ticket.Event{By: out.by(), What: ticket.TimeSpent, Data: map[string]string{"minutes": strconv.Itoa(minutes)}}
	if text = message.Clean(text, maxSpentText); text != "" {
		e.Data["text"] = text
	}
	if out.m != nil {
		e.Message = out.m.Seq
	}
	if err := out.event(e); err != nil {
		return "", err
	}
	return fmt.Sprintf(words(out.lang(), "doneTime"), c.Line, spent(minutes), spent(out.t.Minutes)), nil
}

// spent writes minutes as hours and minutes, the same in both languages: 1 h 30,
// 45 min.
func spent(minutes int) string {
	switch h, m := minutes/60, minutes%60; {
	case h == 0:
		return fmt.Sprintf("%d\u00a0min", m)
	case m == 0:
		return fmt.Sprintf("%d\u00a0h", h)
	default:
		return fmt.Sprintf("%d\u00a0h\u00a0%02d", h, m)
	}
}
