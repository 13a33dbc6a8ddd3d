package pipeline

import (
	"strconv"
	"strings"

	"postdesk/internal/compose"
	"postdesk/internal/message"
	"postdesk/internal/ticket"
	"postdesk/rules"
	"postdesk/store"
)

// maxAskedAgain is how many unclear answers are answered with the question: an
// approver who does not say yes or no is then left to the agent.
const maxAskedAgain = 2

// decideOutside reads the answer of an approver outside. Only a backed address decides, and
// once. shown: the agents have heard all that the answer says.
func (in *inbound) decideOutside(a *ticket.Aside) (shown bool, err error) {
	who := in.t.Who(in.author.Address)
	if in.facts.Auth.Backed == "" {
		in.warn(compose.WarnNoDecision, "")
		return false, nil
	}
	name := in.author.Name
	if who != nil && who.Name != "" {
		name = who.Name
	}
	if name == "" {
		name = in.author.Address.String()
	}
	text := in.newText()
	if d := rules.Decide(text); d != rules.Unclear {
		return in.decided(a, d, name, text)
	}
	return false, in.askAgain(a, text)
}

// decided writes the decision, and tells who asked. An answer that says more
// than the one word goes to the agents as it is, too.
func (in *inbound) decided(a *ticket.Aside, d rules.Decision, name, text string) (shown bool, err error) {
	text = strings.TrimSpace(text)
	e := ticket.Event{By: in.sender(), What: ticket.Decided, Message: in.m.Seq, Data: map[string]string{
		"aside": strconv.FormatUint(a.ID, 10), "decision": string(d), "text": clip(text)}}
	if a.Agent != "" {
		e.By = ticket.Actor{Kind: ticket.ByAgent, ID: a.Agent}
	}
	if err := in.event(e); err != nil {
		return false, err
	}
	in.facts.Decision = "a decision in ticket " + strconv.FormatUint(in.t.Number, 10) + ": " + string(d)
	asked, err := in.wasAsked(a)
	if err != nil {
		return false, err
	}
	for _, id := range in.w.present(append(in.p.attending(in.w, in.t), a.By)) {
		if id == a.Agent {
			continue
		}
		n := notice{kind: compose.NoticeDecision, agent: in.w.agents[id], t: in.t, at: in.at, data: compose.NoticeData{Who: name, Yes: d == rules.Approved, Title: a.Subject, Asked: asked, Text: text}}
		if err := in.p.notify(in.tx, in.w, n); err != nil {
			return false, err
		}
	}
	return !strings.Contains(text, "\n") && len(in.mail.Attachments()) == 0, nil
}

// Bounds of what a decision's notice repeats of the question.
const (
	maxAskedLines = 5
	maxAskedBytes = 500
)

// wasAsked is how the question of an approval begins, as the agent put it last.
func (in *inbound) wasAsked(a *ticket.Aside) (string, error) {
	asked := ""
	err := store.LatestMessages(in.tx, in.t.Number, maxLookBack, func(m ticket.Message) error {
		if asked == "" && m.Aside == a.ID && m.Kind == ticket.KindAsideOut {
			asked = m.Excerpt
		}
		return nil
	})
	lines := strings.SplitAfterN(strings.TrimSpace(asked), "\n", maxAskedLines+1)
	first := strings.TrimSpace(strings.Join(lines[:min(len(lines), maxAskedLines)], ""))
	if len(lines) > maxAskedLines {
		first += "\n…"
	}
	return abridge(first, maxAskedBytes), err
}

// askAgain puts the question once more to an approver whose answer is neither yes
// nor no, a few times.
func (in *inbound) askAgain(a *ticket.Aside, text string) error {
	before := 0
	err := store.LatestMessages(in.tx, in.t.Number, maxLookBack, func(m ticket.Message) error {
		if m.Aside == a.ID && m.Kind == ticket.KindAsideIn && m.Seq != in.m.Seq {
			before++
		}
		return nil
	})
	if err != nil {
		return err
	}
	if before >= maxAskedAgain {
		in.warn(compose.WarnUndecided, "")
		return nil
	}
	in.warn(compose.WarnUnclear, "")
	data := compose.LetterData{Agent: in.w.agentName(a.By), Text: clip(strings.TrimSpace(text))}
	l := sideLetter{kind: compose.LetterUnclear, t: in.t, data: data, aside: a.ID, subject: a.Subject, answering: in.facts.MessageID, at: in.at}
	if a.Agent != "" {
		l.agent = in.w.agents[a.Agent]
	} else {
		l.who = in.t.Who(in.author.Address)
	}
	return in.p.sendSideLetter(in.tx, in.w, l)
}

// toDecide is the aside in which this agent is asked for a decision that is still
// to be taken, nil for none.
func (out *outbound) toDecide(number uint64) (*ticket.Aside, error) {
	if number == 0 {
		return nil, nil
	}
	t, err := store.LiveTicket(out.tx, number)
	if err != nil {
		return nil, err
	}
	s, err := out.sideOf(out.p, out.tx, t.Number)
	if err != nil {
		return nil, err
	}
	if a := t.Aside(s.aside); a != nil && a.Approval && a.Decision == "" && a.Agent == out.agent.ID {
		return a, nil
	}
	return nil, nil
}

// decideInside is the answer of an approver with an account: the login, or the token
// and the address, prove who it is. false leaves the mail to its commands.
func (out *outbound) decideInside(number uint64) (*result, bool, error) {
	a, err := out.toDecide(number)
	if err != nil || a == nil || out.commandsOnly() || ticket.Has(out.commands, ticket.CmdNote) || ticket.Has(out.commands, ticket.CmdPublic) {
		return nil, false, err
	}
	if err := out.openTicket(number); err != nil {
		return nil, false, err
	}
	a = out.t.Aside(a.ID)
	if err := out.keepAs(ticket.KindAsideIn); err != nil {
		return nil, false, err
	}
	text, _ := message.SplitSignature(out.rest)
	out.m.Aside, out.m.Excerpt = a.ID, excerpt(text)
	if err := out.event(ticket.Event{By: out.by(), What: ticket.AsideReceived, Message: out.m.Seq, Data: numbered("aside", a.ID)}); err != nil {
		return nil, false, err
	}
	if err := out.thirdAnswered(); err != nil {
		return nil, false, err
	}
	if err := out.settleInside(a, text); err != nil {
		return nil, false, err
	}
	if _, err := out.apply(); err != nil {
		return nil, false, err
	}
	if err := out.sendPages(false); err != nil {
		return nil, false, err
	}
	r, err := out.finish()
	return r, true, err
}

// settleInside decides, or asks again, and passes on what was said.
func (out *outbound) settleInside(a *ticket.Aside, text string) error {
	shown, err := false, error(nil)
	if d := rules.Decide(text); d != rules.Unclear {
		shown, err = out.decided(a, d, out.agent.Name, text)
	} else {
		err = out.askAgain(a, text)
	}
	if err != nil || shown {
		return err
	}
	return out.forwardAside(a)
}
