package pipeline

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"postdesk/internal/compose"
	"postdesk/internal/config"
	"postdesk/internal/message"
	"postdesk/internal/ticket"
	"postdesk/store"
)

// wrong is what a notice says of commands that were not carried out.
type wrong struct {
	bad        []string // the lines
	reasons    []string // in the agent's language, one for each
	closest    []string // the nearest right forms, with an example
	correction []string // the lines as they were probably meant
}

// wrongCommands is about lines that can't be understood.
func (out *outbound) wrongCommands(bad badCommands) (w wrong) {
	lang := out.lang()
	for _, e := range bad {
		w.bad = append(w.bad, e.Line)
		w.reasons = append(w.reasons, fmt.Sprintf(words(lang, "command-"+string(e.Fault)), e.Line))
		spoke := vocabulary(lang, e.Line)
		if _, known := ticket.NameOf(typedWord(e.Line)); !known && len(e.Closest) > 0 {
			spoke = vocabulary(lang, e.Closest[0])
		}
		w.closest = append(w.closest, without(examplesOf(spoke, e.Closest), w.closest)...)
		if line := e.Corrected(); line != "" {
			w.correction = append(w.correction, spoken(spoke, line))
		}
	}
	if len(w.correction) < len(bad) {
		w.correction = nil // half a correction would lose the other half
	}
	return w
}

// wrongCommand is about a line that was understood and may not be carried out.
func (out *outbound) wrongCommand(r *refusal) wrong {
	lang := vocabulary(out.lang(), r.line)
	w := wrong{bad: []string{r.line}, reasons: []string{r.reason()}, closest: examplesOf(lang, r.closest), correction: []string{r.line}}
	switch {
	case r.final:
		w.correction = nil
	case len(r.closest) > 0 && !isExample(r.closest[0]):
		w.correction = []string{spoken(lang, r.closest[0])}
	case len(r.closest) > 0: // what was typed is corrected by hand: nobody means the example's address
	default:
		w.closest = out.exampleOf(lang, r.line)
	}
	return w
}

// isExample: the form shows what a command looks like, with nobody's address or number.
func isExample(form string) bool {
	return strings.HasSuffix(form, ".example") || strings.HasSuffix(form, "…") || strings.HasSuffix(form, " 12345")
}

// exampleOf is how a refused command may be typed, where an example says more than the line did.
func (out *outbound) exampleOf(lang, line string) []string {
	typed, _ := ticket.ReadCommands(line)
	if len(typed) != 1 || typed[0].Err != nil {
		return nil
	}
	switch n := typed[0].Name; n {
	case ticket.CmdAssign:
		var list []string
		for _, id := range out.w.present(out.team.Agents) {
			if out.w.agents[id].Role != config.RoleObserver {
				list = append(list, spoken(lang, "#assign "+id))
			}
		}
		return list[:min(len(list), 6)]
	case ticket.CmdMerge, ticket.CmdAttach, ticket.CmdDone:
		return nil // a number of ours would be nobody's
	default:
		if form := formOf(lang, n); strings.Contains(form, " ") {
			return []string{form}
		}
	}
	return nil
}

// notice is what the agent reads.
func (w wrong) notice() compose.NoticeData {
	return compose.NoticeData{Held: true, Lines: w.reasons, Closest: w.closest, Correction: strings.Join(w.correction, "\n")}
}

// holdCommands holds a mail with lines that can't be understood.
func (out *outbound) holdCommands(bad badCommands) (*result, error) {
	out.wrong = out.wrongCommands(bad)
	return out.hold(holdCommand, nil, out.wrong.reasons)
}

// holdRefused holds a mail with a command that may not be carried out.
func (out *outbound) holdRefused() (*result, error) {
	out.wrong = out.wrongCommand(out.refused)
	return out.hold(holdCommand, nil, out.wrong.reasons)
}

// verdict is what an answer to the notice about a held mail says.
type verdict struct {
	commands []ticket.Command // without those below
	bad      badCommands
	send     bool
	cancel   bool
	help     bool
	said     string // other text, without signature
}

// verdict reads an agent's answer.
func (out *outbound) verdict() (v verdict) {
	typed, _ := ticket.ReadCommands(out.fresh())
	var lines []string
	for _, l := range typed {
		switch lines = append(lines, l.Line); {
		case l.Err != nil:
			v.bad = append(v.bad, l.Err)
		case l.Name == ticket.CmdSend:
			v.send = true
		case l.Name == ticket.CmdCancel:
			v.cancel = true
		case l.Name == ticket.CmdHelp:
			v.help = true
		default:
			v.commands = append(v.commands, l.Command)
		}
	}
	rest, _ := out.draft().Strike(lines)
	v.said = rest.Says(out.agent.Name)
	return v
}

// corrects says whether the answer is the commands that the held mail should have had.
func (v verdict) corrects(h *store.HeldMail) bool {
	if len(v.commands) == 0 || len(v.bad) > 0 || v.cancel || v.said != "" || len(h.Passed) > maxCorrections {
		return false
	}
	switch h.Why {
	case holdCommand, holdWhich, holdCustomer:
		return true
	case holdGuard, holdPace: // that nothing goes to the customer needs no second word
		return v.send || !slices.ContainsFunc(v.commands, func(c ticket.Command) bool { return c.Name != ticket.CmdNote })
	}
	return v.send
}

// maxCorrections is how often one mail may be held again after its agent corrected it.
const maxCorrections = 20

// Bounds of what a held mail's record keeps of corrections: the lines that one mail may have, and their bytes
// with those that they replace. One of them may be found wrong in turn, and stands there twice then.
const (
	maxInstead     = 50
	maxInsteadText = 16 << 10
)

// correct sends the held mail on its way with the commands of the answer: those that were wrong go, those
// of the same name too, and the others stay.
func (out *outbound) correct(h *store.HeldMail, typed []ticket.Command) (*result, error) {
	was, err := out.commandsOf(h)
	if err != nil {
		return nil, err
	}
	kept := slices.DeleteFunc(was, func(c ticket.Command) bool { return slices.Contains(h.Bad, c.Line) || ticket.Has(typed, c.Name) })
	lines := make([]string, 0, len(kept)+len(typed))
	for _, c := range append(kept, typed...) {
		lines = append(lines, c.Line)
	}
	if len(lines) > maxInstead || len(strings.Join(append(lines, h.Bad...), "\n")) > maxInsteadText {
		return out.told(h, compose.NoticeUnknown, compose.NoticeData{Held: true, Lines: []string{words(out.lang(), "correctionLong")}})
	}
	h.Instead = lines
	out.facts.Decision = "corrected a held mail"
	return out.release(h)
}

// commandsOf are the commands that a held mail has, those that were understood.
func (out *outbound) commandsOf(h *store.HeldMail) ([]ticket.Command, error) {
	text := strings.Join(h.Instead, "\n")
	if text == "" {
		raw, err := out.tx.Mail(h.Mail)
		if err != nil {
			return nil, err
		}
		mail, err := message.Parse(raw)
		if err != nil {
			return nil, err
		}
		text = out.w.compose.Draft(mail).Text()
	}
	typed, _ := ticket.ReadCommands(text)
	var list []ticket.Command
	for _, l := range typed {
		if l.Err == nil {
			list = append(list, l.Command)
		}
	}
	return list, nil
}

// decide does what the answer says.
func (out *outbound) decide(h *store.HeldMail) (*result, error) {
	v := out.verdict()
	switch {
	case out.refused != nil:
		return out.told(h, compose.NoticeUnknown, out.wrongCommand(out.refused).notice())
	case h.State != store.Waiting:
		return out.told(h, compose.NoticeDecided, compose.NoticeData{Yes: h.State == store.Released, Until: h.Decided})
	case v.help:
		return out.told(h, compose.NoticeHelp, compose.NoticeData{})
	case v.cancel && !v.send && len(v.commands)+len(v.bad) == 0:
		return out.cancel(h)
	case v.corrects(h):
		return out.correct(h, v.commands)
	case len(v.commands)+len(v.bad) == 0 && (v.send && !v.cancel || h.Why == holdIdentity && agrees(out.fresh())):
		return out.release(h)
	case len(v.bad) > 0 && h.Why == holdCommand:
		return out.told(h, compose.NoticeUnknown, out.wrongCommands(v.bad).notice())
	}
	text := cmp.Or(v.said, strings.TrimSpace(out.fresh()))
	return out.told(h, compose.NoticeStill, compose.NoticeData{Text: text})
}
