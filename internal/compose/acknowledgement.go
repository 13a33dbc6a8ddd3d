package compose

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"postdesk/internal/addr"
	"postdesk/internal/config"
	"postdesk/internal/message"
)

// AckIn is what an acknowledgement is made of.
type AckIn struct {
	// Head: To, Date, MessageID, InReplyTo, References and Loop are the
	// caller's; From, Subject and AutoSubmitted are made here.
	Head   Head
	Team   *config.Team
	Lang   string // "" is the team's
	Ticket uint64
	// Template is a rule's own template name, without ".txt"; "" is
	// "acknowledgement".
	Template string
	// Delay is when the customer may expect an answer, in words of the language
	// ("2 jours ouvrés"), see DelayWords; "" leaves the sentence out.
	Delay string
}

// MaxAcknowledgement is the most that an acknowledgement weighs, in bytes.
const MaxAcknowledgement = 4096

// Acknowledgement writes the one mail that says: your request has a number. It
// carries nothing that the sender chose: constant words and the number only,
// no quote, no attachment, nothing remote (RFC 3834 §3). It is an error when the
// team's template does not exist or makes more than MaxAcknowledgement.
func (c *Composer) Acknowledgement(in AckIn) (message.Source, error) {
	name := in.Template
	if name == "" {
		name = ackTemplate
	}
	view := ackView{Team: teamData(in.Team), Delay: cleanLine(in.Delay)}
	view.Ticket.Number = in.Ticket
	subject, body, err := c.set(in.Team, in.Lang).render(name, view)
	if err != nil {
		return nil, err
	}
	head := in.Head
	head.From = addr.Mailbox{Name: cleanLine(in.Team.Name), Address: in.Team.Address}
	head.Subject, head.Cc, head.ReplyTo = subject, nil, addr.Mailbox{}
	head.AutoSubmitted = "auto-replied"
	b := newBuilder(head.MessageID)
	head.write(b)
	rope, err := b.Build(message.TextContent("text/plain", body.text()))
	if err != nil {
		return nil, fmt.Errorf("compose the acknowledgement: %w", err)
	}
	if rope.Size() > MaxAcknowledgement {
		return nil, fmt.Errorf("compose: acknowledgement of %d bytes, more than %d", rope.Size(), MaxAcknowledgement)
	}
	return rope, nil
}

const ackTemplate = "acknowledgement"

// sampleNumber stands for the number while a subject is cut in two.
const sampleNumber = 918273645

// collectAckForms reads the subjects of all acknowledgements that can be written.
func (c *Composer) collectAckForms() error {
	for key, set := range c.sets {
		folder, _, _ := strings.Cut(key, "\x00")
		for name, m := range set.mails {
			if !isAck(name) {
				continue
			}
			if err := c.addAckForm(m, TeamData{}); err != nil {
				return fmt.Errorf("template %s (%s): %w", name, set.lang, err)
			}
			for _, t := range c.teams {
				if t.Templates == folder || folder == "" {
					_ = c.addAckForm(m, teamData(t)) // the empty team has shown that it executes
				}
			}
		}
	}
	slices.SortFunc(c.acks, func(a, b string) int { return cmp.Or(len(b)-len(a), strings.Compare(a, b)) })
	return nil
}

// isAck says whether a template is for acknowledgements: those of no other use are.
func isAck(name string) bool {
	return name != "block" && !isNotice(NoticeKind(name)) && !isLetter(LetterKind(name))
}

func (c *Composer) addAckForm(m *mailTemplate, team TeamData) error {
	if m.subject == nil {
		return errors.New("an acknowledgement needs a first line \"Subject: …\"")
	}
	view := ackView{Team: team, Delay: "x"}
	view.Ticket.Number = sampleNumber
	var buf bytes.Buffer
	if err := m.subject.Execute(&buf, view); err != nil {
		return err
	}
	before, _, ok := strings.Cut(cleanLine(buf.String()), strconv.Itoa(sampleNumber))
	if !ok || squeeze(before) == "" {
		return errors.New("the subject of an acknowledgement needs words and then {{.Ticket.Number}}")
	}
	if words := strings.ToLower(strings.TrimSpace(before)); !slices.Contains(c.acks, words) {
		c.acks = append(c.acks, words)
	}
	return nil
}

// AckSubjects returns the constant words before the number in the subjects of
// all acknowledgements that any team's template or language can write, in lower
// case, so that our own acknowledgement is known when it comes back.
func (c *Composer) AckSubjects() []string { return slices.Clone(c.acks) }
