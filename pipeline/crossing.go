package pipeline

import (
	"slices"
	"time"

	"postdesk/internal/compose"
	"postdesk/internal/config"
	"postdesk/internal/ticket"
	"postdesk/store"
)

// crossing is what colleagues did since the mail that an agent answers: two answers of one desk
// must not cross.
type crossing struct {
	findings []compose.Finding
	who      string // the colleague whose answer it is
	text     string // what that one wrote to the customer
}

// crossed looks for a colleague's answer, gone out or held, and for a colleague who has settled the
// ticket. An agent who was shown that and said #send is told only of what came after.
func (out *outbound) crossed() (c crossing, err error) {
	seen, err := out.lastSeen()
	if err != nil {
		return c, err
	}
	if err := out.answeredSince(seen, &c); err != nil {
		return c, err
	}
	if err := out.waitingSince(seen.At, &c); err != nil {
		return c, err
	}
	return c, out.settledSince(seen.At, &c)
}

// lastSeen is the latest message that the agent knows: the one that the mail answers, or the customer's
// latest when it names none, or the agent's own answer, which was shown to cross with nothing.
func (out *outbound) lastSeen() (seen ticket.Message, err error) {
	answered, err := out.answeredMessage()
	if err != nil {
		return seen, err
	}
	if answered != 0 {
		if seen, err = store.GetMessage(out.tx, out.t.Number, answered); err != nil {
			return seen, err
		}
	}
	err = store.LatestMessages(out.tx, out.t.Number, maxLookBack, func(m ticket.Message) error {
		latest := answered == 0 && m.Kind == ticket.KindIn || m.Kind == ticket.KindOut && m.Agent == out.agent.ID
		if latest && (seen.Seq == 0 || m.After(&seen)) {
			seen = m
		}
		return nil
	})
	if h := out.released; err == nil && h != nil && h.Why == holdGuard && h.At.After(seen.At) {
		seen = ticket.Message{At: h.At}
	}
	return seen, err
}

// answeredSince finds the first answer of a colleague behind the message that was seen.
func (out *outbound) answeredSince(seen ticket.Message, c *crossing) error {
	var found *ticket.Message
	err := store.LatestMessages(out.tx, out.t.Number, maxLookBack, func(m ticket.Message) error {
		later := seen.Seq != 0 && m.After(&seen) || seen.Seq == 0 && m.At.After(seen.At)
		if m.Kind == ticket.KindOut && later && m.Agent != out.agent.ID {
			found = &m
		}
		return nil
	})
	if err != nil || found == nil {
		return err
	}
	c.who = out.w.agentName(found.Agent)
	c.findings = append(c.findings, compose.Finding{Kind: compose.FindCrossed, What: c.who})
	c.text, err = sentText(out.tx, store.MailID(found.Sent))
	return err
}

// waitingSince finds a colleague's answer that the guard holds: it may go out any moment. A mail of which
// nobody knows who wrote it counts for nothing.
func (out *outbound) waitingSince(at time.Time, c *crossing) error {
	var list []string
	err := store.ListHeld(out.tx, func(h *store.HeldMail) error {
		if h.Ticket == out.t.Number && h.Agent != out.agent.ID && h.At.After(at) && out.w.mayAnswer(h) {
			if name := out.w.agentName(h.Agent); !slices.Contains(list, name) {
				list = append(list, name)
			}
		}
		return nil
	})
	for _, name := range list {
		c.findings = append(c.findings, compose.Finding{Kind: compose.FindWaiting, What: name})
	}
	return err
}

// mayAnswer: the held mail may become an answer to the customer. One of commands alone does not, nor an observer's.
func (w *world) mayAnswer(h *store.HeldMail) bool {
	if a := w.agents[h.Agent]; a != nil && a.Role == config.RoleObserver {
		return false
	}
	return h.Why == holdGuard || h.Why == holdCommand && !h.Orders
}

// settledSince finds the colleague who has solved or closed the ticket. One who types #reopen knows.
func (out *outbound) settledSince(at time.Time, c *crossing) error {
	if out.t.Status != ticket.Solved && out.t.Status != ticket.Closed || ticket.Has(out.commands, ticket.CmdReopen) {
		return nil
	}
	var by string
	err := store.Events(out.tx, out.t.Number, func(e ticket.Event) error {
		if e.What == ticket.StatusChanged && e.At.After(at) && e.By.Kind == ticket.ByAgent {
			by = e.By.ID
		}
		return nil
	})
	if by != "" && by != out.agent.ID {
		c.findings = append(c.findings, compose.Finding{Kind: compose.FindSettled, What: out.w.agentName(by), Where: string(out.t.Status)})
	}
	return err
}
