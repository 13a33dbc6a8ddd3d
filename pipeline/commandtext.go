package pipeline

import (
	"cmp"
	"slices"
	"strings"

	"postdesk/internal/compose"
	"postdesk/internal/ticket"
)

// badCommands are lines of a mail that can't be understood: it does nothing, and its agent is asked.
type badCommands []*ticket.CommandError

// Error names them.
func (b badCommands) Error() string {
	var list []string
	for _, e := range b {
		list = append(list, e.Error())
	}
	return strings.Join(list, "; ")
}

// draft is what the agent typed, read once: several stages ask.
func (d *delivery) draft() *compose.Draft {
	if d.drafted == nil {
		d.drafted = d.w.compose.Draft(d.mail)
	}
	return d.drafted
}

// fresh is the agent's new text, above the quote.
func (out *outbound) fresh() string { return out.draft().Text() }

// typed says whether the mail bears a command.
func (out *outbound) typed(n ticket.Name) bool {
	lines, _ := ticket.ReadCommands(out.fresh())
	return slices.ContainsFunc(lines, func(l ticket.Typed) bool { return l.Err == nil && l.Name == n })
}

// parse finds the commands at the top of the new text, and what is left of it without them: in its text
// and in its HTML. The error is a badCommands.
func (out *outbound) parse() error {
	typed, _ := ticket.ReadCommands(out.fresh())
	bad := out.sort(typed)
	struck := out.struck
	for _, e := range bad {
		struck = append(struck[:len(struck):len(struck)], e.Line)
	}
	rest, missing := out.draft().Strike(struck)
	if !out.overruled() {
		bad = append(bad, unlike(rest, missing)...)
		bad = append(bad, astray(rest)...)
	}
	out.left, out.rest = rest, strings.TrimSpace(cmp.Or(rest.Plain, rest.HTML))
	if len(bad) > 0 {
		return bad
	}
	return nil
}

// overruled: the agent saw what is wrong with the commands and said #send.
func (out *outbound) overruled() bool {
	return out.passed(holdCommand) && len(out.released.Instead) == 0
}

// sort tells the lines that are carried out from those that are only taken out of the text, and
// returns those that are neither. Of a mail that its agent released, lines that were not understood are text; those
// that could not be carried out are struck; and what the agent typed instead takes the place of both.
func (out *outbound) sort(typed []ticket.Typed) (bad badCommands) {
	out.commands, out.struck = nil, nil
	h := out.released
	for _, l := range typed {
		switch {
		case h != nil && len(h.Instead) > 0 && l.Whole != "" && slices.Contains(h.Bad, l.Whole):
			out.struck = append(out.struck, l.Whole)
		case h != nil && len(h.Instead) > 0 && (l.Err == nil || slices.Contains(h.Bad, l.Err.Line)):
			out.struck = append(out.struck, l.Line)
		case l.Err != nil && out.overruled():
		case l.Err != nil:
			bad = append(bad, l.Err)
		case l.Whole != "" && out.draft().Broken && !out.overruled():
			bad = append(bad, &ticket.CommandError{Line: l.Whole, Fault: ticket.BrokenLine, Name: l.Name, Closest: []string{"#" + string(l.Name)}})
		case h != nil && slices.Contains(h.Bad, l.Line):
			out.struck = append(out.struck, l.Line)
		default:
			out.commands, out.struck = append(out.commands, l.Command), append(out.struck, l.Line)
		}
	}
	if h != nil && len(h.Instead) > 0 {
		out.struck = append(out.struck, without(h.Bad, out.struck)...) // those that stood in the text
	}
	if h != nil {
		for _, line := range h.Instead {
			if commands, _, err := ticket.ParseCommands(line); err == nil {
				out.commands = append(out.commands, commands...)
			}
		}
	}
	return bad
}

// without are the lines of list that are not in known.
func without(list, known []string) []string {
	return slices.DeleteFunc(slices.Clone(list), func(line string) bool { return slices.Contains(known, line) })
}

// unlike finds where the text of a mail and its HTML do not bear the same commands: what is obeyed in one would be read in
// the other.
func unlike(rest *compose.Draft, missing []string) (bad badCommands) {
	for _, line := range missing {
		bad = append(bad, &ticket.CommandError{Line: line, Fault: ticket.TwoForms})
	}
	for _, form := range []string{rest.Plain, rest.HTML} {
		if typed, _ := ticket.ReadCommands(form); len(typed) > 0 && len(bad) == 0 {
			bad = append(bad, &ticket.CommandError{Line: typed[0].Line, Fault: ticket.TwoForms})
		}
	}
	return bad
}

// astray are the commands that stand in the text and not above it.
func astray(rest *compose.Draft) (bad badCommands) {
	for _, form := range []string{rest.Plain, rest.HTML, rest.More} {
		if bad = ticket.Strays(form); len(bad) > 0 {
			break
		}
	}
	return bad
}

// noteText is what a note says, from the command's own line on.
func (out *outbound) noteText() string {
	if words := out.kept(); words != "" {
		return words + "\n" + out.rest
	}
	return out.rest
}

// beginsNote: the note's text begins on the command's own line.
func beginsNote(c ticket.Command) bool { return c.Name == ticket.CmdNote && c.Arg != "" }

// commandsOnly: nothing is left for anyone to read once commands and signature
// are gone.
func (out *outbound) commandsOnly() bool {
	if len(out.commands) == 0 || len(out.mail.Attachments()) > 0 || slices.ContainsFunc(out.commands, beginsNote) || out.usesTemplate() {
		return false
	}
	if ticket.Has(out.commands, ticket.CmdNote) && out.left.Pictured() {
		return false // a screenshot is a note
	}
	return out.left.Says(out.agent.Name) == ""
}

// onlyOrders: once all command lines are gone, those that can't be understood or carried out too, the mail says
// nothing to anybody.
func (out *outbound) onlyOrders() bool {
	if out.agent == nil || len(out.mail.Attachments()) > 0 {
		return false
	}
	typed, _ := ticket.ReadCommands(out.fresh())
	var lines []string
	for _, l := range typed {
		if l.Err == nil && (beginsNote(l.Command) || l.Name == ticket.CmdTemplate || l.Name == ticket.CmdSolvedTell) {
			return false // its words go somewhere
		}
		lines = append(lines, l.Line)
	}
	rest, _ := out.draft().Strike(lines)
	return len(typed) > 0 && !rest.Pictured() && rest.Says(out.agent.Name) == ""
}

// lines are the command lines that leave the text of what is sent on.
func (out *outbound) lines() []string { return out.struck }

// kept are the words of a note behind its command, "" for none: they are read, and the command is not.
func (out *outbound) kept() string {
	if i := slices.IndexFunc(out.commands, beginsNote); i >= 0 {
		return out.commands[i].Arg
	}
	return ""
}
