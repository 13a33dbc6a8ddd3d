package pipeline

import (
	"strings"
	"time"

	"postdesk/internal/compose"
	"postdesk/internal/config"
	"postdesk/internal/message"
	"postdesk/internal/ticket"
	"postdesk/rules"
	"postdesk/store"
)

// unsaidAbsence is how long an agent is taken to be away whose out-of-office
// answer names no end that can be read. If it was too short, the next mail
// brings the next answer, and is handed on.
const unsaidAbsence = 72 * time.Hour

// maxVacationText is how much of an out-of-office answer is read, in bytes.
const maxVacationText = 4 << 10

// learnAbsence takes an automatic mail of an agent for what it says: an agent
// whose address is backed is away from now on. A forged one changes nothing, and what the
// agent announced stays as announced.
func (in *inbound) learnAbsence(agent *config.Agent) error {
	if in.facts.Auth.Backed == "" && !in.env.Peer.Trusted || !in.vacation() {
		return nil
	}
	until, found := rules.AbsenceEnd(in.ownSubject()+".\n"+in.vacationText(), in.at, zoneOf(in.w.homeTeam(agent)))
	if found && !until.After(in.at) {
		return nil // an old text that somebody forgot
	}
	if !found {
		until = in.at.Add(unsaidAbsence)
	}
	a, ok, err := store.GetAbsence(in.tx, agent.ID)
	if err != nil || ok && a.At(in.at) && !a.Learned {
		return err
	}
	if !ok || !a.At(in.at) {
		a.From, a.Learned, a.Reminded = in.at, true, false
	}
	a.Until = until.UTC()
	in.facts.Decision += ": " + agent.ID + " is away until " + a.Until.Format(time.RFC3339)
	return store.SetAbsence(in.tx, agent.ID, a)
}

// vacation says whether the mail is an out-of-office answer.
func (in *inbound) vacation() bool {
	return rules.Vacation(&rules.AckFacts{Header: in.mail.Header.Values, EnvelopeFrom: in.env.From, Subject: in.ownSubject(), Report: in.report() != nil,
		CalendarMethod: in.mail.CalendarMethod(), OwnSubjects: in.w.compose.AckSubjects()}, in.facts.Class.Automatic, in.vacationText())
}

func (in *inbound) vacationText() string {
	text, _ := in.mail.TextBody(maxVacationText)
	text, _ = message.SplitQuote(text)
	return text
}

// subjectStart is how much of a ticket's subject is looked for in the subject
// of an automatic answer, in characters: programs shorten what they repeat.
const subjectStart = 12

// ownSubject is the mail's subject without what it repeats of the ticket's: a
// customer wrote that, and "away until May" must not send an agent on leave.
func (in *inbound) ownSubject() string {
	subject := []rune(strings.TrimSpace(in.t.Subject))
	if len(subject) == 0 {
		return in.facts.Subject
	}
	own, _, _ := strings.Cut(in.facts.Subject, string(subject[:min(len(subject), subjectStart)]))
	return own
}

// handOn gives the ticket that an absent agent's answer is about to the next,
// with the customer's mail that lies unread. A ticket in which it is not our turn waits
// until it is.
func (in *inbound) handOn() error {
	if in.t.Turn() != ticket.TurnDesk {
		return nil
	}
	from, err := in.p.relieve(in.tx, in.w, in.t, in.at)
	if err != nil || from == "" {
		return err
	}
	in.happened = append(in.happened, ticket.Assigned)
	c, err := latestCopy(in.tx, in.t, in.at)
	if err != nil || c == nil {
		return err
	}
	c.cautions = append(c.cautions, compose.Caution{Warning: compose.WarnAbsent, Detail: in.w.agentName(from)})
	if c.readers, c.review, err = in.w.onDuty(in.tx, in.t, in.at); err != nil {
		return err
	}
	return in.p.sendCopies(in.tx, in.w, *c)
}

// answeredCopy is for a mail to the envelope sender of a copy: an agent's
// out-of-office answer comes there, RFC 3834 §4.
func (in *inbound) answeredCopy(row *store.Outgoing) error {
	agent := in.w.agents[row.Agent]
	if agent == nil || in.bounceToken() == nil || in.report() != nil || in.w.byAddress[in.author.Address.Key()] != agent || in.w.byAddress[row.To.Key()] != agent {
		return nil
	}
	if err := in.learnAbsence(agent); err != nil {
		return err
	}
	return in.handOn()
}

// believedAbsence is learnAbsence for an automatic mail with a token of the
// agent. One whose token is missing proves nothing: a domain vouches for all its
// users.
func (out *outbound) believedAbsence() error {
	if out.facts.Class.Class != ClassAgent && out.facts.Class.Class != ClassAnswer {
		return nil
	}
	if err := out.learnAbsence(out.agent); err != nil || out.t.Assignee != out.agent.ID {
		return err
	}
	return out.handOn()
}

// asksDesk: commands that need no ticket, to the agent's own address. What
// stands below them is a signature, and goes nowhere.
func (out *outbound) asksDesk() bool {
	if out.t != nil || len(out.commands) == 0 || out.toTeam() || len(out.mail.Attachments()) > 0 {
		return false
	}
	for _, c := range out.commands {
		if _, ok := effectOfQuestions(c.Name); !ok {
			return false
		}
	}
	return true
}
