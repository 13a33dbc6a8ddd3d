package ticket

import (
	"fmt"
	"time"
)

// Desk tells Act about the people of the configuration.
type Desk interface {
	// FindAgent resolves what was typed, an id, a name or an address, to the id
	// of an agent who may be assigned tickets.
	FindAgent(typed string) (id string, ok bool)
}

// ActError is a command that was understood and may not be carried out. Public
// is for the agent.
type ActError struct {
	Command Command
	Unknown string // the name that nobody bears
}

// Error names the command.
func (e *ActError) Error() string {
	return fmt.Sprintf("%s: no agent is called %q", e.Command.Line, e.Unknown)
}

// Act turns commands into events: all of them, or none and an *ActError. Those
// that concern the mail itself (#note, #send, #cancel, #help) make no event
// here.
func Act(t *Ticket, by string, commands []Command, desk Desk, now time.Time) ([]Event, error) {
	actor := Actor{Kind: ByAgent, ID: by}
	var events []Event
	for _, c := range commands {
		switch c.Name {
		case CmdAssign:
			id, ok := assignee(c.Arg, by, desk)
			if !ok {
				return nil, &ActError{Command: c, Unknown: c.Arg}
			}
			events = append(events, Event{At: now, By: actor, What: Assigned, Data: map[string]string{"agent": id, "why": "command"}})
		case CmdSolved:
			events = append(events, statusEvent(actor, Solved, c.Arg, now))
		case CmdClose:
			events = append(events, statusEvent(actor, Closed, "", now))
		}
	}
	return events, nil
}

func statusEvent(by Actor, s Status, text string, now time.Time) Event {
	data := map[string]string{"status": string(s)}
	if text != "" {
		data["text"] = text
	}
	return Event{At: now, By: by, What: StatusChanged, Data: data}
}

// assignee understands "me" and "none" in both languages.
func assignee(typed, by string, desk Desk) (id string, ok bool) {
	switch fold(typed) {
	case "me", "moi":
		return by, true
	case "none", "personne", "nobody", "aucun":
		return "", true
	}
	return desk.FindAgent(typed)
}
