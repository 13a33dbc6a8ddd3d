package pipeline

import (
	"slices"
	"strings"

	"postdesk/internal/compose"
	"postdesk/internal/ticket"
	"postdesk/store"
)

// Bounds of what is read to know whether a customer knows a passage.
const (
	maxPublic     = 20       // messages
	maxPublicText = 64 << 10 // bytes of each
)

// unlessPublic drops the findings of passages that the customer wrote or was sent: a note that repeats the
// customer's words makes no secret of them.
func (out *outbound) unlessPublic(findings []compose.Finding) ([]compose.Finding, error) {
	if !slices.ContainsFunc(findings, isPassage) {
		return findings, nil
	}
	texts, err := out.publicTexts()
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(findings, func(f compose.Finding) bool {
		return isPassage(f) && slices.ContainsFunc(texts, func(text string) bool { return compose.Mentions(text, f.What) })
	}), nil
}

// isPassage says whether a finding is a passage of a note or an aside, in full.
func isPassage(f compose.Finding) bool {
	return f.Kind == compose.FindSecret && strings.Contains(f.What, " ") && !strings.HasSuffix(f.What, "…")
}

// publicTexts are the latest texts of the ticket that the customer knows.
func (out *outbound) publicTexts() (list []string, err error) {
	err = store.LatestMessages(out.tx, out.t.Number, maxLookBack, func(m ticket.Message) error {
		if len(list) == maxPublic || m.Kind != ticket.KindIn && m.Kind != ticket.KindOut {
			return nil
		}
		id := m.Mail
		if m.Kind == ticket.KindOut {
			id = m.Sent
		}
		mail, err := keptMail(out.tx, store.MailID(id))
		if err != nil || mail == nil {
			return err
		}
		text, _ := mail.TextBody(maxPublicText)
		list = append(list, text)
		return nil
	})
	return list, err
}
