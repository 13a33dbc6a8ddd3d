package pipeline

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"postdesk/internal/config"
	"postdesk/internal/message"
	"postdesk/internal/ticket"
	"postdesk/store"
)

// Bounds of what somebody who gets a ticket late is shown of the mails before.
const (
	maxPast     = 8       // mails
	maxPastText = 240     // bytes of each
	maxPastMail = 1 << 20 // bytes; of a larger mail only the subject is shown
)

// past is what was said in a ticket before one of its mails, a line for each, the oldest
// first.
func (in *inbound) past(latest uint64) ([]string, error) {
	var lines []string
	err := store.LatestMessages(in.tx, in.t.Number, maxLookBack, func(m ticket.Message) error {
		shown := m.Kind == ticket.KindIn || m.Kind == ticket.KindOut || m.Kind == ticket.KindNote || m.Kind == ticket.KindVisitor
		if !shown || m.Seq == latest || len(lines) == maxPast {
			return nil
		}
		line, err := in.pastLine(&m)
		lines = append(lines, line)
		return err
	})
	slices.Reverse(lines)
	return lines, err
}

func (in *inbound) pastLine(m *ticket.Message) (string, error) {
	who := m.From.Name
	if who == "" {
		who = m.From.Address.String()
	}
	if m.Agent != "" {
		who = in.w.agentName(m.Agent)
	}
	if m.Kind == ticket.KindNote {
		who += " (note)"
	}
	text, err := in.gist(m)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf(words(in.team.Language, "pastLine"), pastTime(m.At, in.team), who, text), nil
}

// gist is the beginning of what a mail says, on one line.
func (in *inbound) gist(m *ticket.Message) (string, error) {
	raw, err := in.tx.Mail(store.MailID(m.Mail))
	if errors.Is(err, store.ErrErased) {
		return store.ErasedText, nil
	}
	if err != nil {
		return "", err
	}
	text := m.Subject
	if raw.Size() <= maxPastMail {
		mail, err := message.Parse(raw)
		if err != nil {
			return "", err
		}
		body, _ := mail.TextBody(16 << 10)
		body, _ = message.SplitQuote(body)
		body, _ = message.SplitSignature(body)
		if m.Agent != "" {
			_, body, _ = ticket.ParseCommands(body)
		}
		if strings.TrimSpace(body) != "" {
			text = body
		}
	}
	return oneLine(text, maxPastText), nil
}

// pastTime is a moment on the clocks of a team.
func pastTime(t time.Time, team *config.Team) string {
	if team.Hours.Zone != nil {
		t = t.In(team.Hours.Zone)
	}
	if team.Language == "fr" {
		return t.Format("02/01 15:04")
	}
	return t.Format("2 Jan 15:04")
}

// factsOf is what the stages learned of a mail when it came; zero when nothing
// was kept.
func factsOf(m *ticket.Message) (f Facts, err error) {
	if len(m.Facts) == 0 {
		return f, nil
	}
	if err := json.Unmarshal(m.Facts, &f); err != nil {
		return f, fmt.Errorf("facts of message %d: %w", m.Seq, err)
	}
	return f, nil
}
