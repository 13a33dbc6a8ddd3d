package compose

import (
	"fmt"
	"time"

	"postdesk/internal/addr"
	"postdesk/internal/message"
)

// NotedIn is a customer's request as an agent passed it on: the text of a mail that
// was forwarded inline, or what was said on the phone.
type NotedIn struct {
	From      addr.Mailbox // the customer
	To        addr.Mailbox // the team
	Subject   string
	Date      time.Time
	MessageID string // of the customer's own mail, "" when it is not known
	// Seed makes the MIME boundaries, which nobody must foresee: a token.
	Seed string
	Text string
	// Mail is the agent's mail: its attachments and inline images go with the
	// text, byte for byte.
	Mail *message.Message
}

// Noted writes the request as the customer's mail. It goes to nobody as it is:
// the ticket keeps it, and agents get copies of it.
func Noted(in NotedIn) (message.Source, error) {
	parts := []message.Content{message.TextContent("text/plain", cleanText(in.Text))}
	in.Mail.Walk(func(p *message.Part) bool {
		if p.Inline() {
			parts = append(parts, message.CopyContent(p))
		}
		return p.IsMultipart()
	})
	for _, p := range in.Mail.Attachments() {
		parts = append(parts, message.CopyContent(p))
	}
	content := parts[0]
	if len(parts) > 1 {
		content = message.MultipartContent("mixed", nil, parts...)
	}
	b := newBuilder(in.Seed)
	b.Mailboxes("From", cleanBoxes([]addr.Mailbox{in.From}))
	b.Mailboxes("To", cleanBoxes([]addr.Mailbox{in.To}))
	b.Text("Subject", cleanLine(in.Subject))
	b.Date(in.Date.UTC())
	if in.MessageID != "" {
		b.MessageIDs("Message-ID", bareIDs([]string{in.MessageID}))
	}
	rope, err := b.Build(content)
	if err != nil {
		return nil, fmt.Errorf("write down the request: %w", err)
	}
	return rope, nil
}

// Checked is a text that is about to go to a customer: what stands in it, cleaned
// as an agent's answer is, and what could not be.
func (c *Composer) Checked(in ReplyIn) (text string, findings []Finding, err error) {
	out, err := c.Reply(in)
	if err != nil {
		return "", nil, err
	}
	for _, f := range out.Findings {
		if f.Kind == FindSecret || f.Kind == FindToken || f.Kind == FindBlock {
			findings = append(findings, f)
		}
	}
	m, err := message.Parse(out.Source)
	if err != nil {
		return "", nil, fmt.Errorf("read the text again: %w", err)
	}
	text, _ = m.TextBody(maxBody)
	return text, findings, nil
}
