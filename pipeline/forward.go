package pipeline

import (
	"bytes"
	"cmp"
	"io"
	"slices"
	"strings"

	"postdesk/internal/addr"
	"postdesk/internal/message"
	"postdesk/internal/ticket"
	"postdesk/rules"
)

// Bounds of what is looked for in a forwarded mail.
const (
	maxForwardDepth = 4        // forwards of forwards
	maxCarried      = 20       // mails attached to one
	maxEncodedMail  = 16 << 20 // bytes of an attached mail that is decoded in memory
)

// carried is a customer's mail that an agent passed on.
type carried struct {
	exact    []*message.Message // mails that were attached whole, the oldest first
	customer addr.Mailbox       // who wrote it, or the best guess
	why      string             // why that is not sure: a word of sentences; "" when it is
	id       string             // Message-ID of a mail within the text
	subject  string
	text     string
	above    string // the agent's own words
}

// carriesMail says whether a mail passes on another: attached, or in the text
// and called so.
func (d *delivery) carriesMail() bool {
	if d.report() != nil {
		return false
	}
	if len(attachedMails(d.mail)) > 0 {
		return true
	}
	text, _ := d.mail.TextBody(maxAgentText)
	f, ok := message.FindForward(text)
	return ok && f.Named
}

// attachedMails are the mails that are attached to one, as they are.
func attachedMails(m *message.Message) []*message.Message {
	var list []*message.Message
	for _, p := range m.Attachments() {
		if len(list) == maxCarried {
			break
		}
		if src := mailWithin(p); src != nil {
			if inner, err := message.Parse(src); err == nil && inner.Header.Has("From") {
				list = append(list, inner)
			}
		}
	}
	return list
}

// mailWithin is the mail that an attachment is, nil when it is none. RFC 2046
// §5.2.1 forbids to encode one; some clients do, and name the file .eml.
func mailWithin(p *message.Part) message.Source {
	if p.IsMessage() {
		return p.BodyRaw()
	}
	if p.MediaType != "message/rfc822" && !strings.HasSuffix(strings.ToLower(p.FileName()), ".eml") || p.End-p.Body > maxEncodedMail {
		return nil
	}
	raw, err := io.ReadAll(p.Decode())
	if err != nil || len(raw) == 0 {
		return nil
	}
	return message.BytesSource(bytes.Clone(raw))
}

// carries reads the customer's mail out of an agent's.
func (out *outbound) carries() carried {
	text, _ := out.mail.TextBody(maxAgentText)
	c := out.attached(out.mail, 0)
	if c.exact == nil {
		c = out.inline(out.mail, text, rules.ForwardSubject(out.facts.Subject), 0)
	}
	above := text
	if f, ok := message.FindForward(text); ok {
		above = f.Above
	}
	_, above = ticket.ReadCommands(above)
	above, _ = message.SplitSignature(above)
	c.above = strings.TrimSpace(above)
	c.subject = cmp.Or(c.subject, rules.BareSubject(out.facts.Subject))
	return c
}

// attached reads mails that were attached whole. Those of a colleague are looked
// into: what they carry is the customer's.
func (out *outbound) attached(m *message.Message, depth int) carried {
	var c carried
	for _, inner := range attachedMails(m) {
		from := out.authorOf(inner)
		if out.ours(from.Address) && depth < maxForwardDepth {
			if deeper := out.within(inner, depth+1); deeper.exact != nil || deeper.text != "" {
				return deeper
			}
		}
		switch {
		case c.exact == nil:
			c.customer, c.subject, c.why = from, inner.Header.Text("Subject"), out.doubtful(from.Address)
		case !from.Address.Equal(c.customer.Address):
			c.why = "who-several"
		}
		c.exact = append(c.exact, inner)
	}
	slices.SortStableFunc(c.exact, func(a, b *message.Message) int {
		at, _ := a.Header.Date()
		bt, _ := b.Header.Date()
		return at.Compare(bt)
	})
	return c
}

// within looks for the customer's mail in a mail of a colleague.
func (out *outbound) within(m *message.Message, depth int) carried {
	if c := out.attached(m, depth); c.exact != nil || c.text != "" {
		return c
	}
	text, _ := m.TextBody(maxAgentText)
	return out.inline(m, text, rules.ForwardSubject(m.Header.Text("Subject")), depth)
}

// inline reads a mail that stands in the text of another. A block of a colleague or of
// ourselves is passed over; below it only what is called a forward is
// sure to be what the agent meant.
func (out *outbound) inline(m *message.Message, text string, forward bool, depth int) carried {
	c := carried{why: "who-nobody", id: forwardedID(m)}
	for ; depth < maxForwardDepth+1; depth++ {
		f, ok := message.FindForward(text)
		if !ok {
			return c
		}
		forward = forward || f.Named
		c.customer, c.subject, c.text = f.From, f.Subject, f.Text
		c.why = out.doubtful(f.From.Address)
		if !out.ours(f.From.Address) {
			if c.why == "" && !forward {
				c.why = "who-answer"
			}
			return c
		}
		text, c.id = f.Text, ""
		forward = rules.ForwardSubject(f.Subject)
	}
	return c
}

// doubtful says why somebody can't be taken for the customer without asking, ""
// for no reason.
func (out *outbound) doubtful(a addr.Address) string {
	switch {
	case a.IsZero():
		return "who-nobody"
	case out.ours(a):
		return "who-ours"
	case rules.SystemSender(a.Local):
		return "who-robot"
	}
	return ""
}

// authorOf is a mail's only author, zero when it has not exactly one.
func (out *outbound) authorOf(m *message.Message) addr.Mailbox {
	if list, fields := m.Authors(); len(list) == 1 && fields == 1 {
		return list[0]
	}
	return addr.Mailbox{}
}

// forwardedID is the Message-ID of the mail that a client forwards in its text:
// Thunderbird has a field for it, others name it as if it were answered.
func forwardedID(m *message.Message) string {
	for _, field := range []string{"X-Forwarded-Message-Id", "In-Reply-To"} {
		if ids := m.Header.MessageIDs(field); len(ids) == 1 {
			return clip(ids[0])
		}
	}
	return ""
}
