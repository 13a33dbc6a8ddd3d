package pipeline

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"postdesk/internal/compose"
	"postdesk/internal/message"
	"postdesk/internal/ticket"
	"postdesk/store"
)

// maxAttached is how many attachments one command sends, each in a mail of its
// own.
const maxAttached = 20

// attachment is #attach: the agent gets attachments of the mail that is
// answered, else of the customer's latest, by the numbers of the copy's block.
func (out *outbound) attachment(c ticket.Command) (string, error) {
	m, mail, err := out.attachedTo()
	if err != nil {
		return "", err
	}
	if mail == nil {
		return "", refuse(c, words(out.lang(), "attachGone"))
	}
	list := compose.Attachments(mail)
	if len(list) == 0 {
		return "", refuse(c, words(out.lang(), "attachNone"))
	}
	wanted, ok := wantedOf(c.Arg, list)
	if !ok {
		return "", refuse(c, fmt.Sprintf(words(out.lang(), "attachWhich"), listed(list, out.lang())))
	}
	var names []string
	for _, a := range wanted {
		if err := out.sendAttachment(m, mail, a); err != nil {
			return "", err
		}
		names = append(names, named(a))
	}
	return fmt.Sprintf(words(out.lang(), "doneAttach"), c.Line, strings.Join(names, ", ")), nil
}

// attachedTo is the mail whose attachments are meant; nil when it is erased, or
// when there is none. A link in a text answers nothing: then it is the latest
// mail of which the agent has a copy without its attachments, else the customer's
// latest.
func (out *outbound) attachedTo() (*ticket.Message, *message.Message, error) {
	seq, err := out.answeredMessage()
	if err == nil && seq == 0 {
		seq, err = out.latestReduced()
	}
	if err != nil {
		return nil, nil, err
	}
	if seq == 0 {
		c, err := latestCopy(out.tx, out.t, out.at)
		if err != nil || c == nil {
			return nil, nil, err
		}
		return c.m, c.mail, nil
	}
	m, err := store.GetMessage(out.tx, out.t.Number, seq)
	if err != nil {
		return nil, nil, err
	}
	mail, err := keptMail(out.tx, store.MailID(m.Mail))
	return &m, mail, err
}

// latestReduced is the latest message of which this agent's copy went without its
// large attachments, 0 for none.
func (out *outbound) latestReduced() (seq uint64, err error) {
	err = store.LatestMessages(out.tx, out.t.Number, maxLookBack, func(m ticket.Message) error {
		if seq != 0 {
			return nil
		}
		return store.SentWith(out.tx, out.t.Number, m.Seq, func(row store.Outgoing) error {
			if row.Reduced && row.Purpose != store.PurposeNotice && row.Agent == out.agent.ID {
				seq = m.Seq
			}
			return nil
		})
	})
	return seq, err
}

// everything are the folded words for all attachments.
var everything = map[string]bool{"all": true, "tout": true, "tous": true, "toutes": true, "*": true}

// wantedOf reads which attachments are meant.
func wantedOf(typed string, list []compose.Attachment) ([]compose.Attachment, bool) {
	if everything[ticket.Fold(strings.TrimSpace(typed))] {
		return list[:min(len(list), maxAttached)], true
	}
	numbers, ok := ticket.ParseNumbers(typed)
	var wanted []compose.Attachment
	for _, n := range numbers {
		if n > uint64(len(list)) {
			return nil, false
		}
		wanted = append(wanted, list[n-1])
	}
	return wanted, ok && len(wanted) <= maxAttached
}

// named is an attachment's name, or its type where it has none.
func named(a compose.Attachment) string {
	if a.Name != "" {
		return a.Name
	}
	return a.Type
}

func listed(list []compose.Attachment, lang string) string {
	var words []string
	for _, a := range list[:min(len(list), maxAttached)] {
		words = append(words, strconv.Itoa(a.N)+" "+named(a)+" ("+a.SizeWords(lang)+")")
	}
	return strings.Join(words, ", ")
}

// sendAttachment is one mail with one attachment, as it was received.
func (out *outbound) sendAttachment(m *ticket.Message, mail *message.Message, a compose.Attachment) error {
	n := notice{kind: compose.NoticeAttachment, agent: out.agent, t: out.t, answering: out.facts.MessageID, at: out.at,
		data: compose.NoticeData{Title: named(a)}, attach: mail, attachN: a.N, about: m.Seq}
	if err := out.p.notify(out.tx, out.w, n); err != nil {
		return err
	}
	return out.event(ticket.Event{By: out.by(), What: ticket.AttachmentSent, Message: m.Seq,
		Data: map[string]string{"number": strconv.Itoa(a.N), "name": named(a)}})
}

// failedAttachment tells the agent that an attachment was refused once more,
// most often for its size. There is no third try.
func (p *Pipeline) failedAttachment(tx store.Tx, w *world, t *ticket.Ticket, row store.Outgoing, now time.Time) error {
	agent := w.agents[row.Agent]
	if agent == nil {
		return nil
	}
	lang := w.languageOf(agent, w.teamOf(t))
	line := fmt.Sprintf(words(lang, "attachFailed"), remoteAnswer(row), t.Number, row.Message)
	return p.notify(tx, w, notice{kind: compose.NoticeNews, agent: agent, t: t, at: now, data: compose.NoticeData{Lines: []string{line}}})
}
