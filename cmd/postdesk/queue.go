package main

import (
	"flag"
	"fmt"
	"strings"

	"postdesk/admin"
)

func queueCommands() []command {
	return []command{
		{name: "queue list", about: "Lists mails that wait, are held, or failed; h12 is an agent's mail that is held", json: true, setup: queueList},
		{name: "queue show", args: "ID", about: "Shows one mail of the queue; --raw writes the mail itself", json: true, setup: queueShow},
		{name: "queue retry", args: "ID", about: "Tries a mail again now", json: true, setup: queueAct("queue/retry")},
		{name: "queue release", args: "ID | --all", about: "Lets a held mail go; --all: all but agents' mails", json: true, setup: queueAll("queue/release", "queue/release-all", "released")},
		{name: "queue drop", args: "ID", about: "Gives a mail up: it never goes out", json: true, setup: queueAct("queue/drop")},
		{name: "queue hold", args: "--all", about: "Holds all that waits to go out", json: true, setup: queueAll("", "queue/hold-all", "held")},
	}
}

func queueList(fs *flag.FlagSet) func(*call) error {
	var q admin.ListQueue
	fs.StringVar(&q.State, "state", "", "only ready, held or failed ones")
	return func(c *call) error {
		if err := c.want(0, 0); err != nil {
			return err
		}
		return c.withDesk(func(r admin.Runner) error {
			head := []any{"ID", "STATE", "WHAT", "TICKET", "TO / AGENT", "CREATED", "ATTEMPTS", "ANSWER"}
			return show(c, r, "queue/list", q, head, func(m admin.Queued) []any {
				number := ""
				if m.Ticket > 0 {
					number = fmt.Sprint(m.Ticket)
				}
				to, why := strings.Join(m.To, " "), answer(m)
				if agentsMail(m) { // its address is a token of ours, and tells nothing
					to = m.Agent
					if len(m.Reasons) > 0 {
						why += ": " + m.Reasons[0]
					}
				}
				return []any{m.ID, m.State, m.Purpose, number, cut(to, 60), when(m.Created), m.Attempts, cut(why, 80)}
			})
		})
	}
}

// agentsMail says that a mail of the queue is a held one that an agent sent.
func agentsMail(m admin.Queued) bool { return strings.HasPrefix(m.ID, "h") }

// answer is why a mail is where it is.
func answer(m admin.Queued) string {
	text := m.Text
	if m.Code != 0 {
		text = strings.TrimSpace(fmt.Sprintf("%d %s %s", m.Code, m.Enhanced, m.Text))
	}
	if m.Host != "" {
		text = m.Host + ": " + text
	}
	if m.Why != "" {
		text = strings.TrimSpace(m.Why + " " + text)
	}
	return text
}

func queueShow(fs *flag.FlagSet) func(*call) error {
	raw := fs.Bool("raw", false, "write the mail itself")
	return func(c *call) error {
		if err := c.want(1, 1); err != nil {
			return err
		}
		return c.withDesk(func(r admin.Runner) error {
			if *raw {
				return r.Run(c.ctx, "queue/raw", admin.QueueID{ID: c.args[0]}, c.out)
			}
			return c.queued(r, "queue/show")
		})
	}
}

// queued runs an operation on one mail and writes how it stands then.
func (c *call) queued(r admin.Runner, operation string) error {
	m, err := admin.One[admin.Queued](c.ctx, r, operation, admin.QueueID{ID: c.args[0], By: c.user()})
	if err != nil {
		return err
	}
	if c.json {
		return c.object(m)
	}
	t := newTable(c.out)
	t.row("Mail", m.ID)
	t.row("State", m.State)
	t.row("What", m.Purpose)
	t.field("Ticket", m.Ticket)
	t.field("Agent", m.Agent)
	t.row("Envelope sender", "<"+m.From+">")
	t.row("To", strings.Join(m.To, ", "))
	t.field("Subject", m.Subject)
	t.field("Message-ID", m.MessageID)
	t.row("Created", when(m.Created))
	t.field("Next attempt", due(m))
	t.field("Done", when(m.Done))
	t.field("Attempts", m.Attempts)
	t.field("Why", m.Why)
	for _, reason := range m.Reasons {
		t.row("", reason)
	}
	m.Why = ""
	t.field("Last answer", answer(m))
	return t.flush()
}

func due(m admin.Queued) string {
	if m.State != "ready" {
		return ""
	}
	return when(m.Due)
}

func queueAct(operation string) func(*flag.FlagSet) func(*call) error {
	return func(*flag.FlagSet) func(*call) error {
		return func(c *call) error {
			if err := c.want(1, 1); err != nil {
				return err
			}
			return c.withDesk(func(r admin.Runner) error { return c.queued(r, operation) })
		}
	}
}

// queueAll is a command with --all; without it, one mail, where that makes sense.
func queueAll(one, all, verb string) func(*flag.FlagSet) func(*call) error {
	return func(fs *flag.FlagSet) func(*call) error {
		every := fs.Bool("all", false, "all of them")
		return func(c *call) error {
			if !*every && one == "" {
				return usagef("%s: want --all", c.topic)
			}
			if !*every {
				return queueAct(one)(fs)(c)
			}
			if err := c.want(0, 0); err != nil {
				return err
			}
			return c.withDesk(func(r admin.Runner) error {
				n, err := admin.One[admin.Count](c.ctx, r, all, admin.None{})
				if err != nil || c.json {
					return firstError(err, func() error { return c.object(n) })
				}
				_, err = fmt.Fprintf(c.out, "%d mails %s\n", n.Count, verb)
				return err
			})
		}
	}
}

// firstError runs the next step unless the one before failed.
func firstError(err error, next func() error) error {
	if err != nil {
		return err
	}
	return next()
}
