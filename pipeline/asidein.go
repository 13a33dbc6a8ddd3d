package pipeline

import (
	"slices"
	"strconv"

	"postdesk/internal/compose"
	"postdesk/internal/message"
	"postdesk/internal/ticket"
	"postdesk/rules"
)

// beside sorts a mail of a ticket that is not of the conversation with the
// customer: of an aside, or of an observer outside. done is false for any other.
func (in *inbound) beside() (done bool, err error) {
	s, err := in.sideOf(in.p, in.tx, in.t.Number)
	if err != nil {
		return false, err
	}
	who, marked := in.t.Who(in.author.Address), s.aside != 0
	if s.aside == 0 && aloof(who) {
		if s.observer == 0 && who.Relation == ticket.Observer {
			s.observer = who.ID
		}
		s.aside = latestAside(in.t, who)
	}
	switch a := in.t.Aside(s.aside); {
	case a != nil && (s.observer == 0 || who == nil || who.Relation != ticket.Observer):
		return true, in.answersAside(a, marked)
	case s.none() && !aloof(who):
		return false, nil
	}
	return true, in.observed(who)
}

// newText is the new text of a mail from outside, without quote and signature.
func (in *inbound) newText() string {
	text, _ := in.mail.TextBody(maxAnswer)
	fresh, _ := message.SplitQuote(text)
	fresh, _ = message.SplitSignature(fresh)
	return fresh
}

// maxAnswer is how much of an expert's text is looked at, in bytes.
const maxAnswer = 64 << 10

// answersAside is an expert's mail: it joins the aside, and agents get it. It is
// never acknowledged, the customer never hears of it, and it changes no turn, but
// for what waited for a third person. Only what bears a mark of the aside decides: an
// approver who answers the customer, with the desk in copy, says yes to something else.
func (in *inbound) answersAside(a *ticket.Aside, marked bool) error {
	member := inAside(in.t, a, in.author.Address)
	kind, what := ticket.KindAsideIn, ticket.AsideReceived
	if in.facts.Class.Automatic {
		kind, what = ticket.KindAuto, ticket.Automatic
		in.warn(compose.WarnAutomatic, "")
	} else if !member {
		in.warn(compose.WarnVisitor, in.author.Address.String())
	}
	if err := in.keep(kind); err != nil {
		return err
	}
	in.m.Aside, in.m.Excerpt = a.ID, excerpt(in.newText())
	if err := in.event(ticket.Event{By: in.sender(), What: what, Message: in.m.Seq, Data: numbered("aside", a.ID)}); err != nil {
		return err
	}
	in.facts.Ack = rules.Ack{Reason: rules.ReasonNotNew, Line: 1, Ticket: rules.DispositionNormal}
	in.facts.Decision = "message " + strconv.FormatUint(in.m.Seq, 10) + " of an aside of ticket " + strconv.FormatUint(in.t.Number, 10)
	if kind == ticket.KindAsideIn && member {
		if err := in.thirdAnswered(); err != nil {
			return err
		}
		if a.Approval && a.Decision == "" && !marked {
			in.warn(compose.WarnOtherAnswer, "")
		} else if a.Approval && a.Decision == "" {
			shown, err := in.decideOutside(a)
			if err != nil || shown {
				return err
			}
		}
	}
	if in.t.Status == ticket.Closed {
		in.warn(compose.WarnClosed, "")
	}
	return in.forwardAside(a)
}

// thirdAnswered: what waited for a third person is ours again.
func (in *inbound) thirdAnswered() error {
	if in.t.Status != ticket.Hold {
		return nil
	}
	return in.event(ticket.Event{By: ticket.System, What: ticket.StatusChanged, Data: map[string]string{"status": string(ticket.Open)}})
}

// forwardAside sends a mail of an aside to those who look after the ticket, who
// opened the aside, or observe.
func (in *inbound) forwardAside(a *ticket.Aside) error {
	in.doubts()
	c := copyOf{t: in.t, m: in.m, mail: in.mail, kind: compose.CopyAside, cautions: in.caution, at: in.at, why: in.facts.why()}
	var err error
	if c.readers, c.review, err = in.readers(); err != nil {
		return err
	}
	c.cautions = in.caution
	c.readers = in.w.present(append(c.readers, a.By))
	c.readers = slices.DeleteFunc(c.readers, func(id string) bool { return id == a.Agent })
	if len(c.readers) == 0 {
		return in.noReader()
	}
	return in.p.sendCopies(in.tx, in.w, c)
}
