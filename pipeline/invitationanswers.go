package pipeline

import (
	"errors"
	"fmt"
	"slices"
	"strconv"

	"postdesk/internal/addr"
	"postdesk/internal/compose"
	"postdesk/internal/message"
	"postdesk/internal/ticket"
	"postdesk/rules"
	"postdesk/store"
)

// maxEventAnswers is how many answers to one invitation leave: calendar programs that
// answer each other must end.
const maxEventAnswers = 50

// answersEvent says whether the mail is what an agent's calendar program wrote
// when the agent pressed Accept, Decline or proposed another time.
func (out *outbound) answersEvent() bool {
	cal := out.calendar()
	return cal != nil && (cal.Method == "REPLY" || cal.Method == "COUNTER" || cal.Method == "REFRESH")
}

// answerEvent is the road of such an answer. That of an activity stays here; that
// of an invitation goes to the organiser, in the team's name.
func (out *outbound) answerEvent(thread rules.ThreadOut, id rules.Identity) (*result, error) {
	cal := out.calendar()
	t, err := ticketByUID(out.tx, cal.UID)
	if err != nil {
		return nil, err
	}
	if t != nil {
		if ok, err := out.insider(id, t); err != nil {
			return nil, err
		} else if !ok {
			t = nil
		}
	}
	switch {
	case t != nil:
		out.t, out.team = t, out.w.teamOf(t)
	case out.t == nil && thread.Ticket != 0:
		if err := out.openTicket(thread.Ticket); err != nil {
			return nil, err
		}
	}
	out.facts.Decision = "the answer of " + out.agent.ID + " to an invitation"
	if out.t == nil {
		return out.answerOutside(compose.NoticeTranscript, compose.NoticeData{Lines: []string{planWords(out.lang(), "answerUnknown")}})
	}
	if err := out.keepAs(ticket.KindInternal); err != nil {
		return nil, err
	}
	a, err := activityOf(out.tx, out.t, cal.UID)
	if err == nil && a != nil {
		err = out.answerActivity(a, out.decision(cal))
	} else if err == nil {
		err = out.answerInvitation(cal)
	}
	if err != nil {
		return nil, err
	}
	return out.finish()
}

// decision is what the agent's answer says.
func (out *outbound) decision(cal *compose.Calendar) string {
	for _, a := range cal.Answers {
		if who := out.w.byAddress[a.Who.Key()]; who != nil && who.ID == out.agent.ID {
			return a.Says
		}
	}
	if len(cal.Answers) > 0 {
		return cal.Answers[0].Says
	}
	return ""
}

// answerInvitation sends the organiser what the agent decided, or says why not.
func (out *outbound) answerInvitation(cal *compose.Calendar) error {
	inv, err := store.GetInvitation(out.tx, out.t.Number, cal.UID)
	if err != nil {
		return err
	}
	if why := out.unanswerable(inv, cal); why != "" {
		out.facts.Decision += ", which was not sent"
		return out.answer(compose.NoticeTranscript, compose.NoticeData{Lines: []string{why}})
	}
	says := out.decision(cal)
	if cal.Method != "COUNTER" && says == inv.Answered[clip(cal.Recurrence)] || cal.Method == "REFRESH" {
		return nil // programs send an answer more than once
	}
	if says == "DECLINED" && out.w.agents[out.t.Assignee] == nil {
		if waits, err := out.declineAlone(inv); err != nil || waits {
			return err
		}
	}
	return out.sendAnswer(inv, cal)
}

// unanswerable says why an answer can't go to the organiser, "" when it can.
func (out *outbound) unanswerable(inv *store.Invitation, cal *compose.Calendar) string {
	lang := out.lang()
	switch {
	case out.observes():
		return upperFirst(words(lang, "observer"))
	case inv == nil || inv.Agent != "":
		return planWords(lang, "answerUnknown")
	case inv.Cancelled:
		return planWords(lang, "answerCancelled")
	case out.w.agents[out.t.Assignee] != nil && out.t.Assignee != out.agent.ID:
		return fmt.Sprintf(planWords(lang, "answerNotYours"), out.w.assigneeName(out.t))
	case inv.Answers >= maxEventAnswers:
		return planWords(lang, "answerOften")
	case !out.mayAnswer(inv):
		return fmt.Sprintf(planWords(lang, "answerStranger"), inv.Organiser)
	case out.decision(cal) == "DELEGATED":
		return planWords(lang, "answerDelegated")
	}
	return ""
}

// mayAnswer: the organiser is whoever the invitation names. The answer goes to
// those who take part in the ticket, and to colleagues of a sender whose address was
// backed: nobody makes us write to a third person.
func (out *outbound) mayAnswer(inv *store.Invitation) bool {
	if out.w.byAddress[inv.Organiser.Key()] != nil || out.ours(inv.Organiser) {
		return false
	}
	if out.t.Who(inv.Organiser) != nil {
		return true
	}
	m, err := store.GetMessage(out.tx, out.t.Number, inv.Message)
	if err != nil || m.Backed == "" || m.Kind == ticket.KindVisitor {
		return false
	}
	company := rules.Company(m.From.Address.Domain)
	return company != "" && company == rules.Company(inv.Organiser.Domain)
}

// declineAlone: as long as a ticket is nobody's, one agent who can't come does not
// speak for the others who were asked. waits: somebody may still accept.
func (out *outbound) declineAlone(inv *store.Invitation) (waits bool, err error) {
	if !slices.Contains(inv.Declined, out.agent.ID) {
		inv.Declined = append(inv.Declined, out.agent.ID)
	}
	left := slices.DeleteFunc(slices.Clone(inv.Holders), func(id string) bool { return slices.Contains(inv.Declined, id) || out.w.agents[id] == nil })
	if err := store.PutInvitation(out.tx, out.t, inv); err != nil || len(left) == 0 {
		return false, err
	}
	return true, out.answer(compose.NoticeTranscript, compose.NoticeData{Lines: []string{planWords(out.lang(), "answerDeclined")}})
}

// sendAnswer writes the answer into the outbox.
func (out *outbound) sendAnswer(inv *store.Invitation, cal *compose.Calendar) error {
	asked, err := invitationMail(out.tx, out.t, inv, cal.Recurrence)
	if err != nil || asked == nil {
		return err
	}
	m := out.p.minter(out.w, out.t)
	to := out.organiser(inv)
	mark := m.next(addr.Person{N: to.ID})
	made, told, err := out.composeAnswer(inv, asked, mark, to)
	if err != nil || made.Says == "" {
		return err
	}
	if told != "" {
		if err := out.answer(compose.NoticeTranscript, compose.NoticeData{Lines: []string{told}}); err != nil {
			return err
		}
	}
	if err := store.IndexMessageID(out.tx, mark.messageID, out.t.Number, out.m.Seq); err != nil {
		return err
	}
	row := store.Outgoing{From: mark.sender, To: to.Address, Domain: out.team.Address.Domain, MessageID: mark.messageID, Item: mark.item, Purpose: store.PurposeReply,
		Ticket: out.t.Number, Message: out.m.Seq, Agent: out.agent.ID, Due: out.at, Created: out.at}
	if err := out.p.enqueue(out.tx, made.Source, row); err != nil {
		return err
	}
	return out.answeredEvent(inv, cal, made.Says)
}

// organiser is who gets the answer: the participant, or the address alone.
func (out *outbound) organiser(inv *store.Invitation) *ticket.Participant {
	if p := out.t.Who(inv.Organiser); p != nil {
		known := *p
		known.Address = inv.Organiser
		return &known
	}
	return &ticket.Participant{Address: inv.Organiser}
}

// composeAnswer writes the answer; told is what the agent has to know. A comment
// that holds something internal, or is a command, does not leave.
func (out *outbound) composeAnswer(inv *store.Invitation, asked *message.Message, mark marks, to *ticket.Participant) (made compose.AnswerOut, told string, err error) {
	notes, err := out.secretTexts(0)
	if err != nil {
		return made, "", err
	}
	in := compose.AnswerIn{
		Head: compose.Head{To: []addr.Mailbox{{Name: to.Name, Address: to.Address}}, Subject: out.w.customerSubject(out.t), Date: out.at,
			MessageID: mark.messageID, References: []string{mark.thread}},
		Team: out.team, Lang: out.w.language(out.t), Agent: out.agent.Name, Self: append([]addr.Address{out.agent.Address}, out.agent.Aliases...),
		Invitation: asked, Mail: out.mail, Rewrite: out.rewrite, Secrets: slices.Concat(out.w.secrets, notes), IsToken: out.isToken,
	}
	if ids := asked.Header.MessageIDs("Message-ID"); len(ids) > 0 {
		in.Head.InReplyTo, in.Head.References = clip(ids[0]), append(in.Head.References, clip(ids[0]))
	}
	if made, err = out.w.compose.InvitationAnswer(in); err != nil {
		out.p.log.Warn("an answer to an invitation could not be written", "id", out.id, "error", err)
		return compose.AnswerOut{}, "", nil
	}
	lang := out.lang()
	switch commands, _, fault := ticket.ParseCommands(made.Comment); {
	case len(commands) > 0 || fault != nil:
		told = planWords(lang, "commentCommand")
	case len(made.Findings) > 0:
		told = planWords(lang, "answerBare")
	default:
		return made, "", nil
	}
	in.NoComment = true
	if made, err = out.w.compose.InvitationAnswer(in); err != nil || len(made.Findings) > 0 {
		return compose.AnswerOut{}, "", err // nothing leaves that the guard would hold
	}
	return made, told, nil
}

// answeredEvent writes what the answer means. Who answers the latest mail of the
// customer has answered the customer; who accepts for nobody takes the ticket.
func (out *outbound) answeredEvent(inv *store.Invitation, cal *compose.Calendar, says string) error {
	if inv.Answered == nil {
		inv.Answered = map[string]string{}
	}
	if len(inv.Answered) < maxInstances {
		inv.Answered[clip(cal.Recurrence)] = says
	}
	inv.Answers++
	inv.Hold(out.agent.ID)
	if err := store.PutInvitation(out.tx, out.t, inv); err != nil {
		return err
	}
	out.facts.Decision += fmt.Sprintf(", sent to %s: %s", inv.Organiser, says)
	data := map[string]string{"uid": clip(cal.UID), "answer": says, "to": inv.Organiser.String()}
	if err := out.event(ticket.Event{By: out.by(), What: ticket.InvitationAnswered, Message: out.m.Seq, Data: data}); err != nil {
		return err
	}
	latest, err := out.latestIsInvitation(inv)
	if err != nil {
		return err
	}
	if latest && out.t.Turn() == ticket.TurnDesk {
		if err := out.event(ticket.Event{By: out.by(), What: ticket.Replied, Message: out.m.Seq}); err != nil {
			return err
		}
	}
	return out.take()
}

// latestIsInvitation says whether the customer has written nothing since.
func (out *outbound) latestIsInvitation(inv *store.Invitation) (is bool, err error) {
	err = store.LatestMessages(out.tx, out.t.Number, maxLookBack, func(m ticket.Message) error {
		if is = inv.Live(m.Seq); is || m.Kind == ticket.KindIn {
			return errFound
		}
		return nil
	})
	if errors.Is(err, errFound) {
		err = nil
	}
	return is, err
}

// errFound ends a look through a list.
var errFound = errors.New("found")

// invitationMail is the mail that invited: to one instance of a series, the
// latest about it.
func invitationMail(tx store.ReadTx, t *ticket.Ticket, inv *store.Invitation, recurrence string) (*message.Message, error) {
	if recurrence != "" {
		for _, seq := range slices.Backward(inv.Since) {
			mail, err := mailOf(tx, t, seq)
			if err != nil {
				return nil, err
			}
			if mail == nil {
				continue
			}
			if cal, err := compose.ReadCalendar(mail); err == nil && cal != nil && cal.Recurrence == recurrence && cal.Method == "REQUEST" {
				return mail, nil
			}
		}
	}
	return mailOf(tx, t, inv.Message)
}

// mailOf reads a message's mail; nil when it was erased.
func mailOf(tx store.ReadTx, t *ticket.Ticket, seq uint64) (*message.Message, error) {
	m, err := store.GetMessage(tx, t.Number, seq)
	if err != nil {
		return nil, fmt.Errorf("message %s: %w", strconv.FormatUint(seq, 10), err)
	}
	return keptMail(tx, store.MailID(m.Mail))
}

// organised remembers an event to which the agent invites the customer: answers to it
// come back to this ticket, and into the agent's calendar.
func (out *outbound) organised() error {
	cal := out.calendar()
	if cal == nil || cal.Method != "REQUEST" || out.t.Invitations >= store.MaxInvitations {
		return nil
	}
	inv, err := store.GetInvitation(out.tx, out.t.Number, cal.UID)
	if err != nil || inv != nil && inv.Agent == "" {
		return err
	}
	if inv == nil {
		inv = &store.Invitation{UID: cal.UID, Agent: out.agent.ID, Organiser: out.agent.Address}
	}
	inv.Message, inv.Agent = out.m.Seq, out.agent.ID
	return store.PutInvitation(out.tx, out.t, inv)
}
