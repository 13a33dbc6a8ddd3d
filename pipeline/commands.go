package pipeline

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"postdesk/internal/config"
	"postdesk/internal/ticket"
	"postdesk/rules"
)

// effect is what a command does once it is known where the mail's text goes.
type effect struct {
	desk     bool // it needs no ticket
	observer bool // observers may use it too
	// do carries it out in the mail's transaction and says in words what was
	// done. nil: the command is about the mail itself, and was heeded before.
	do func(out *outbound, c ticket.Command) (done string, err error)
}

// effectOf is the table of the commands. One that is not in it may be used by
// nobody.
func effectOf(n ticket.Name) (effect, bool) {
	switch n {
	case ticket.CmdNote:
		return effect{observer: true}, true
	case ticket.CmdPublic:
		return effect{}, true
	case ticket.CmdSend, ticket.CmdCancel:
		return effect{observer: true, desk: true, do: (*outbound).nothingHeld}, true // in answer to a notice they are heeded before
	case ticket.CmdAssign, ticket.CmdSolved, ticket.CmdClose, ticket.CmdReopen, ticket.CmdPending, ticket.CmdHold,
		ticket.CmdPriority, ticket.CmdCategory, ticket.CmdTag, ticket.CmdSubject:
		return effect{do: (*outbound).changeState}, true
	case ticket.CmdCc:
		return effect{do: (*outbound).copyTo}, true
	case ticket.CmdObserve:
		return effect{do: (*outbound).observe}, true
	case ticket.CmdAsk, ticket.CmdApprove:
		return effect{desk: true, do: (*outbound).ask}, true
	case ticket.CmdSolvedTell:
		return effect{do: (*outbound).tellResolution}, true
	case ticket.CmdTask, ticket.CmdCall, ticket.CmdEvent, ticket.CmdRemind:
		return effect{do: (*outbound).plan}, true
	case ticket.CmdDone:
		return effect{do: (*outbound).done}, true
	case ticket.CmdTime:
		return effect{do: (*outbound).spendTime}, true
	case ticket.CmdField:
		return effect{do: (*outbound).setField}, true
	case ticket.CmdContact:
		return effect{do: (*outbound).changeContact}, true
	case ticket.CmdTemplate:
		return effect{do: (*outbound).template}, true
	case ticket.CmdCustomer:
		return effect{do: (*outbound).changeRequester}, true
	}
	return effectOnTickets(n)
}

// effectOnTickets are the commands that change which ticket a mail is of, and
// whose it is.
func effectOnTickets(n ticket.Name) (effect, bool) {
	switch n {
	case ticket.CmdMerge:
		return effect{do: (*outbound).merge}, true
	case ticket.CmdSplit:
		return effect{do: (*outbound).saySplit}, true
	case ticket.CmdTeam, ticket.CmdTeamSilent:
		return effect{do: (*outbound).changeTeam}, true
	case ticket.CmdAttach:
		return effect{do: (*outbound).attachment}, true
	}
	return effectOfQuestions(n)
}

// refusal is a command that was understood and may not be carried out. It ends
// the transaction: of several commands all are carried out or none. The mail is
// then held and its agent told.
type refusal struct {
	line    string // the command as it was typed
	why     string // in the agent's language
	closest []string
	final   bool // no other form of the command would do: of role or state
}

// Error is for the log.
func (r *refusal) Error() string { return "command refused: " + r.line + ": " + r.why }

// reason is for the agent.
func (r *refusal) reason() string { return r.line + " – " + r.why }

// refuse says why a command can't be carried out, and what may have been meant.
func refuse(c ticket.Command, why string, closest ...string) error {
	return &refusal{line: c.Line, why: why, closest: closest}
}

// nothingHeld is #send or #cancel in a mail that answers no notice of a held one: the agent hears where to type it.
func (out *outbound) nothingHeld(c ticket.Command) (string, error) {
	if !out.commandsOnly() || out.released != nil {
		return "", nil
	}
	return fmt.Sprintf(words(out.lang(), "nothingHeld"), c.Line), nil
}

// forbid says why a command can't be carried out, however it is typed.
func forbid(c ticket.Command, why string) error { return &refusal{line: c.Line, why: why, final: true} }

// permitted looks at role and place before anything is written.
func (out *outbound) permitted() error {
	for _, c := range out.commands {
		e, ok := effectOf(c.Name)
		switch {
		case !ok:
			return forbid(c, words(out.lang(), "notHere"))
		case out.agent.Role == config.RoleObserver && !e.observer:
			return forbid(c, words(out.lang(), "observer"))
		case !ofDesk(c.Name) && out.onlyAsked():
			return forbid(c, words(out.lang(), "onlyAsked"))
		case out.t == nil && !e.desk && !out.opensTicket():
			return forbid(c, words(out.lang(), "noTicket"))
		}
	}
	if ticket.Has(out.commands, ticket.CmdNote) && ticket.Has(out.commands, ticket.CmdPublic) {
		return refuse(out.commands[0], words(out.lang(), "noteAndPublic"))
	}
	return nil
}

// opensTicket: the mail will have a ticket once its text is read.
func (out *outbound) opensTicket() bool {
	return out.gesture == rules.GestureCustomer || out.gesture == rules.GestureWrite
}

// apply carries out the commands, and repeats what was done.
func (out *outbound) apply() ([]string, error) {
	out.was, out.moves = out.t.Assignee, slices.ContainsFunc(out.commands, out.givesAway)
	var done []string
	for _, c := range out.commands {
		e, _ := effectOf(c.Name)
		if e.do == nil {
			continue
		}
		said, err := e.do(out, c)
		if err != nil {
			return nil, err
		}
		if said != "" {
			done = append(done, said)
		}
	}
	if said, err := out.cancelActivities(); err != nil {
		return nil, err
	} else if said != "" {
		done = append(done, said)
	}
	return done, out.handOver(out.was)
}

// changeState is for the commands that package ticket knows by itself.
func (out *outbound) changeState(c ticket.Command) (string, error) {
	if c.Name == ticket.CmdReopen && out.m != nil && out.m.Kind == ticket.KindOut {
		return "", nil // the answer itself has opened the ticket again
	}
	if c.Name == ticket.CmdSubject { // the customer reads it
		clean, err := out.forCustomer(c, c.Arg)
		if err != nil {
			return "", err
		}
		c.Arg = clean
	}
	events, err := ticket.Act(out.t, out.agent.ID, c, out.w, out.at)
	var bad *ticket.ActError
	if errors.As(err, &bad) {
		return "", refuse(c, fmt.Sprintf(words(out.lang(), "fault-"+string(bad.Fault)), bad.Typed))
	}
	if err != nil {
		return "", err
	}
	if err := out.events(events); err != nil {
		return "", err
	}
	done := out.didWhat(c)
	if c.Name == ticket.CmdAssign {
		note, err := out.w.absentNote(out.tx, out.t.Assignee, out.lang(), out.at)
		if err != nil || note == "" {
			return done, err
		}
		done += " – " + note
	}
	return done, nil
}

// didWhat says what became of the ticket by a command about its state.
func (out *outbound) didWhat(c ticket.Command) string {
	lang := out.lang()
	switch c.Name {
	case ticket.CmdAssign:
		if name := out.w.assigneeName(out.t); name != "" {
			return fmt.Sprintf(words(lang, "doneAssign"), c.Line, name)
		}
		return fmt.Sprintf(words(lang, "doneNobody"), c.Line)
	case ticket.CmdPriority:
		return fmt.Sprintf(words(lang, "donePriority"), c.Line, words(lang, string(out.t.Priority)))
	case ticket.CmdCategory:
		return fmt.Sprintf(words(lang, "doneCategory"), c.Line, out.t.Category)
	case ticket.CmdSubject:
		return fmt.Sprintf(words(lang, "doneSubject"), c.Line, out.t.Subject)
	case ticket.CmdTag:
		return fmt.Sprintf(words(lang, "doneTag"), c.Line, cmp.Or(strings.Join(out.t.Tags, ", "), words(lang, "noTags")))
	}
	return fmt.Sprintf(words(lang, "done-"+string(out.t.Status)), c.Line)
}
