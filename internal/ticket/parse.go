package ticket

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"postdesk/internal/alike"
)

// CommandFault says why a line can't be understood.
type CommandFault string

// The faults of a line.
const (
	UnknownCommand CommandFault = "unknown"
	NoArgument     CommandFault = "no-argument" // one is needed
	Needless       CommandFault = "needless"    // it takes none
	Spaced         CommandFault = "spaced"      // "# note": a command, or a heading
	TooLong        CommandFault = "too-long"    // more than a command may say
	TooMany        CommandFault = "too-many"    // more lines than a mail may have
	TwoForms       CommandFault = "two-forms"   // the text of the mail and its HTML do not say the same
	BrokenLine     CommandFault = "broken"      // a mail program may have broken it in two
	StrayCommand   CommandFault = "stray"       // it does not stand at the top
)

// Bounds of commands.
const (
	maxLines = 50       // command lines in a mail
	maxLine  = 1000     // bytes of one
	maxProse = 32 << 10 // bytes of one whose argument is what somebody says
)

// CommandError is a command line that can't be understood.
type CommandError struct {
	Line    string
	Fault   CommandFault
	Name    Name     // the command that is meant, where that is known
	Closest []string // forms that look like what was typed, with their "#"
}

// Error names the line.
func (e *CommandError) Error() string { return string(e.Fault) + " command: " + e.Line }

// Corrected is the line as it was probably meant, "" when nothing looks like it. An argument that is
// missing is missing still.
func (e *CommandError) Corrected() string {
	switch {
	case len(e.Closest) == 0 || e.Fault == TooLong || e.Fault == TooMany || e.Fault == TwoForms:
		return ""
	case e.Fault == Needless:
		return e.Closest[0]
	case e.Fault == BrokenLine:
		return e.Line
	case e.Fault == StrayCommand:
		if _, err := parseCommand(e.Line); err == nil {
			return e.Line
		}
	}
	_, arg, _ := strings.Cut(strings.TrimSpace(e.Line[1:]), " ")
	return strings.TrimSpace(e.Closest[0] + " " + strings.TrimSpace(arg))
}

// Typed is a line at the top of a text that is meant as a command.
type Typed struct {
	Command
	Err *CommandError // nil for one that is understood
	// Whole is the line with what follows it, where a mail program may have broken it in two; else "".
	Whole string
}

// ReadCommands reads the lines that start with "#" at the top of an agent's new text, blank lines between
// them allowed. rest is what follows. At most 50 lines are commands; each has at most 1000 bytes, or 32 KB where
// somebody's words follow the command. What looks like a command and is none has an Err.
func ReadCommands(text string) (lines []Typed, rest string) {
	for rest = text; ; {
		line, after, _ := strings.Cut(rest, "\n")
		clean := cleanLine(line)
		if clean == "" && after != "" {
			rest = after
			continue
		}
		c, ok := readLine(clean)
		if !ok {
			return lines, strings.TrimSpace(rest)
		}
		if len(lines) == maxLines {
			c.Err = &CommandError{Line: clean, Fault: TooMany, Name: c.Name}
			return append(lines, c), strings.TrimSpace(after)
		}
		c.Whole = wholeLine(c, after)
		lines, rest = append(lines, c), after
	}
}

// Where mail programs break lines, in characters.
const (
	shortLine = 55
	longLine  = 80
	breakAt   = 71
)

// wholeLine joins a line with those that follow it up to a blank one, when it ends where a program breaks lines
// and the next word would not have fitted.
func wholeLine(c Typed, after string) string {
	n := utf8.RuneCountInString(c.Line)
	next, _, _ := strings.Cut(after, "\n")
	next = cleanLine(next)
	word, _, _ := strings.Cut(next, " ")
	s := specOf(string(c.Name))
	if c.Err != nil || s == nil || !s.prose || c.Name == CmdNote || next == "" || looksLikeCommand(next) || n < shortLine || n > longLine || n+1+utf8.RuneCountInString(word) <= breakAt {
		return ""
	}
	whole := c.Line
	for line := range strings.Lines(after) {
		if line = cleanLine(line); line == "" || looksLikeCommand(line) || len(whole) > maxLine {
			break
		}
		whole += " " + line
	}
	return whole
}

// readLine reads one clean line; ok is false for text.
func readLine(line string) (c Typed, ok bool) {
	switch {
	case isSpaced(line):
		word, _, _ := strings.Cut(strings.TrimSpace(line[1:]), " ")
		form := specOf(bareWord(word))
		c.Line, c.Err = line, &CommandError{Line: line, Fault: Spaced, Name: form.name, Closest: []string{"#" + string(form.name)}}
	case looksLikeCommand(line):
		c.Command, c.Err = parseCommand(line)
	default:
		return Typed{}, false
	}
	return c, true
}

// ParseCommands is ReadCommands for those who can do nothing with half of the
// commands. The error is the *CommandError of the first line that has one.
func ParseCommands(text string) (commands []Command, rest string, err error) {
	lines, rest := ReadCommands(text)
	for _, l := range lines {
		if l.Err != nil {
			return nil, text, l.Err
		}
		commands = append(commands, l.Command)
	}
	return commands, rest, nil
}

// Strays finds the lines of a text that are commands, or nearly, and do not stand above it: they would
// leave with the text, and do nothing. At most 50.
func Strays(text string) (list []*CommandError) {
	for line := range strings.Lines(text) {
		clean := cleanLine(line)
		if !looksLikeCommand(clean) || len(list) == maxLines {
			continue
		}
		c, err := parseCommand(clean)
		switch {
		case err == nil:
			list = append(list, &CommandError{Line: clean, Fault: StrayCommand, Name: c.Name, Closest: []string{"#" + string(c.Name)}})
		case err.Fault != UnknownCommand || isSlip(clean):
			list = append(list, &CommandError{Line: err.Line, Fault: StrayCommand, Name: err.Name, Closest: err.Closest})
		}
	}
	return list
}

// isSlip says whether the first word of a line is one letter away from a command.
func isSlip(line string) bool {
	word, _, _ := strings.Cut(line[1:], " ")
	word = bareWord(word)
	return len(word) > 3 && slices.ContainsFunc(specs, func(s spec) bool {
		return slices.ContainsFunc(s.forms, func(form string) bool {
			_, near := alike.Within(word, form, 1)
			return near && len(form) > 3
		})
	})
}

// cleanLine undoes what clients do to a typed line: non-breaking and invisible
// spaces, a carriage return.
func cleanLine(line string) string {
	line = strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case unicode.Is(unicode.Cf, r) || unicode.IsControl(r):
			return -1
		}
		return r
	}, line)
	return strings.TrimSpace(line)
}

// looksLikeCommand: "#" and a letter at once. "# heading" and "#12345" are
// text.
func looksLikeCommand(line string) bool {
	if !strings.HasPrefix(line, "#") {
		return false
	}
	for _, r := range line[1:] {
		return unicode.IsLetter(r)
	}
	return false
}

// isSpaced: "# note" is a heading of somebody who writes Markdown, or a command of somebody
// whose note would go to the customer. Only the words of commands count.
func isSpaced(line string) bool {
	rest, ok := strings.CutPrefix(line, "# ")
	word, _, _ := strings.Cut(strings.TrimSpace(rest), " ")
	return ok && specOf(bareWord(word)) != nil
}

// bareWord is the word of a command, folded, without the punctuation behind it.
func bareWord(word string) string { return fold(strings.TrimRight(word, ":.,;")) }

func parseCommand(line string) (Command, *CommandError) {
	word, arg, _ := strings.Cut(line[1:], " ")
	c := Command{Arg: strings.TrimSpace(arg), Line: line}
	word = strings.TrimRight(word, ":.,;")
	if mark, more, ok := strings.Cut(c.Arg, " "); c.Arg == "!" || ok && mark == "!" {
		word, c.Arg = word+"!", strings.TrimSpace(more) // as French is typed
	}
	c.Arg = strings.TrimSpace(strings.TrimPrefix(c.Arg, ":")) // "#note : …"
	want := specOf(fold(word))
	if want == nil {
		return c, &CommandError{Line: clipLine(line), Fault: UnknownCommand, Closest: closest(fold(word))}
	}
	c.Name = want.name
	if !want.prose {
		c.Arg = plainArgument(c.Arg)
	}
	bad := &CommandError{Line: clipLine(line), Name: want.name, Closest: []string{"#" + want.form(fold(word))}}
	switch {
	case len(line) > maxProse || len(line) > maxLine && !want.prose:
		bad.Fault = TooLong
	case want.required && c.Arg == "":
		bad.Fault = NoArgument
	case want.none && c.Arg != "":
		bad.Fault = Needless
	default:
		return c, nil
	}
	return c, bad
}

// form is what was typed as it is best typed.
func (s *spec) form(word string) string {
	if slices.Contains(s.forms, word) {
		return word
	}
	return string(s.name)
}

func clipLine(line string) string {
	if len(line) > maxLine {
		return strings.ToValidUTF8(line[:maxLine], "") + "…"
	}
	return line
}

// typography is what clients make of quotes, dashes and dots as people type.
var typography = strings.NewReplacer("“", `"`, "”", `"`, "„", `"`, "«", `"`, "»", `"`, "’", "'", "‘", "'", "…", "...", "＋", "+", "＝", "=", "－", "-",
	" –", " -", " —", " -", " −", " -", " ‐", " -", " ‑", " -")

// plainArgument undoes autocorrection in an argument that is no prose: "–b" is "-b", “anne” is
// anne, and a full stop ends no name.
func plainArgument(arg string) string {
	arg = strings.TrimSpace(typography.Replace(" " + arg))
	arg = strings.TrimRight(strings.Join(strings.Fields(arg), " "), ".;, ")
	if inner := strings.Trim(arg, `"`); strings.Count(arg, `"`) == 2 && len(inner) == len(arg)-2 {
		arg = strings.TrimSpace(inner)
	}
	return arg
}

// closest are the typed forms within two edits of word, the nearest first, or
// those that begin with it.
func closest(word string) []string {
	type near struct {
		form string
		d    int
	}
	var found []near
	for i := range specs {
		for _, form := range specs[i].forms {
			d, ok := alike.Within(word, form, 2)
			if len(word) > 2 && strings.HasPrefix(form, word) && (!ok || d > 1) {
				d, ok = 1, true
			}
			if ok && d < len(form) {
				found = append(found, near{form, d})
			}
		}
	}
	slices.SortFunc(found, func(a, b near) int {
		if a.d != b.d {
			return a.d - b.d
		}
		return strings.Compare(a.form, b.form)
	})
	var forms []string
	for _, n := range found[:min(3, len(found))] {
		forms = append(forms, "#"+n.form)
	}
	return forms
}
