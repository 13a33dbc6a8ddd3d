package ticket

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Desk tells Act about the people of the configuration.
type Desk interface {
	// FindAgent resolves what was typed, an id, a name or an address, to the id
	// of an agent who may be assigned tickets.
	FindAgent(typed string) (id string, ok bool)
}

// Fault says why a command that was understood may not be carried out.
type Fault string

// The faults.
const (
	NoSuchAgent    Fault = "agent"
	NoSuchPriority Fault = "priority"
	NoTag          Fault = "tag"
	StillOpen      Fault = "open" // #reopen of a ticket that is neither solved nor closed
	LongText       Fault = "long" // what was typed behind #solved is a letter
	RecordFull     Fault = "full" // nothing more may be added, see Full
)

// ActError is a command that was understood and may not be carried out.
type ActError struct {
	Command Command
	Fault   Fault
	Typed   string // the word that is meant
}

// Error names the command.
func (e *ActError) Error() string {
	return fmt.Sprintf("%s: no %s %q", e.Command.Line, e.Fault, e.Typed)
}

// Act turns a command about the state of a ticket into events, or gives an
// *ActError. Commands that concern more than the state make no event here.
func Act(t *Ticket, by string, c Command, desk Desk, now time.Time) ([]Event, error) {
	actor := Actor{Kind: ByAgent, ID: by}
	one := func(what What, data map[string]string) []Event {
		return []Event{{At: now, By: actor, What: what, Data: data}}
	}
	if s, ok := statusOf[c.Name]; ok {
		if c.Name == CmdReopen && t.Status != Solved && t.Status != Closed {
			return nil, &ActError{Command: c, Fault: StillOpen}
		}
		if len(c.Arg) > maxResolution {
			return nil, &ActError{Command: c, Fault: LongText}
		}
		return []Event{statusEvent(actor, s, c.Arg, now)}, nil
	}
	switch c.Name {
	case CmdAssign:
		id, ok := Assignee(c.Arg, by, desk)
		if !ok {
			return nil, &ActError{Command: c, Fault: NoSuchAgent, Typed: c.Arg}
		}
		return one(Assigned, map[string]string{"agent": id, "why": "command"}), nil
	case CmdPriority:
		p, ok := priorityWords[fold(c.Arg)]
		if !ok {
			return nil, &ActError{Command: c, Fault: NoSuchPriority, Typed: c.Arg}
		}
		return one(Prioritised, map[string]string{"priority": string(p)}), nil
	case CmdCategory:
		return one(Categorised, map[string]string{"category": clip(c.Arg)}), nil
	case CmdSubject:
		return one(SubjectSet, map[string]string{"subject": clip(c.Arg)}), nil
	case CmdTag:
		return tagEvents(t, c, actor, now)
	}
	return nil, nil
}

// statusOf is the status that a command sets.
var statusOf = map[Name]Status{
	CmdSolved: Solved, CmdSolvedTell: Solved, CmdClose: Closed, CmdReopen: Open, CmdPending: Pending, CmdHold: Hold,
}

// priorityWords are what may be typed, folded.
var priorityWords = map[string]Priority{
	"low": Low, "basse": Low, "bas": Low, "faible": Low,
	"normal": Normal, "normale": Normal, "moyenne": Normal,
	"high": High, "haute": High, "haut": High, "elevee": High,
	"urgent": Urgent, "urgente": Urgent,
}

// Bounds of what an agent may add to a ticket's record.
const (
	maxTags  = 50
	maxShort = 300 // bytes of a subject, a category, a tag
)

func clip(s string) string {
	if len(s) > maxShort {
		s = strings.ToValidUTF8(s[:maxShort], "")
	}
	return strings.TrimSpace(s)
}

// tagEvents reads "+a -b c": a word without a sign is added. What the ticket has already, or lacks already, is
// no event.
func tagEvents(t *Ticket, c Command, by Actor, now time.Time) ([]Event, error) {
	var events []Event
	tags := slices.Clone(t.Tags)
	for _, word := range strings.FieldsFunc(c.Arg, func(r rune) bool { return r == ' ' || r == ',' }) {
		sign, tag := Sign(word)
		tag = clip(strings.ToLower(tag))
		if tag == "" {
			return nil, &ActError{Command: c, Fault: NoTag, Typed: word}
		}
		if there := slices.Contains(tags, tag); there == (sign >= 0) {
			continue
		}
		e := Event{At: now, By: by, What: Tagged, Data: map[string]string{"tag": tag}}
		if sign < 0 {
			e.What, tags = Untagged, without(tags, tag)
		} else {
			tags = add(tags, tag)
		}
		events = append(events, e)
	}
	switch more := len(tags) > len(t.Tags); {
	case len(tags) > maxTags:
		return nil, &ActError{Command: c, Fault: NoTag, Typed: c.Arg}
	case more && t.Full():
		return nil, &ActError{Command: c, Fault: RecordFull}
	}
	return events, nil
}

// Sign cuts the sign of "+a" and "-b": 1 or -1, and 0 for none. Mail clients
// make dashes of hyphens.
func Sign(word string) (sign int, rest string) {
	for _, minus := range []string{"-", "–", "—", "−", "‐", "‑"} {
		if rest, ok := strings.CutPrefix(word, minus); ok {
			return -1, rest
		}
	}
	if rest, ok := strings.CutPrefix(word, "+"); ok {
		return 1, rest
	}
	return 0, word
}

func statusEvent(by Actor, s Status, text string, now time.Time) Event {
	data := map[string]string{"status": string(s)}
	if text != "" {
		data["text"] = text
	}
	return Event{At: now, By: by, What: StatusChanged, Data: data}
}

// Assignee is the agent whom somebody typed: by for "me", "" for "none", in both
// languages; false for nobody whom the desk knows.
func Assignee(typed, by string, desk Desk) (id string, ok bool) {
	switch fold(typed) {
	case "me", "moi":
		return by, true
	case "none", "personne", "nobody", "aucun":
		return "", true
	}
	return desk.FindAgent(typed)
}
