package main

import (
	"flag"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"postdesk/admin"
	"postdesk/internal/ticket"
	"postdesk/pipeline"
)

func ticketCommands() []command {
	return []command{
		{name: "ticket list", about: "Lists tickets, the latest change first", json: true, setup: ticketList},
		{name: "ticket show", args: "N", about: "Shows a ticket and its mails; --raw K writes the K-th mail as received", json: true, setup: ticketShow},
		{name: "ticket history", args: "N", about: "Shows everything that happened in a ticket", json: true, setup: ticketHistory},
		{name: "ticket export", args: "N", about: "Writes a ticket's mails as mbox (mboxrd), or the whole ticket as JSON", json: true, setup: ticketExport},
		{name: "ticket set", args: "N KEY=VALUE…", about: "Changes status, assignee, team, priority, category, tag, subject, language, field.NAME", json: true, setup: ticketSet},
	}
}

// number reads a ticket's number, with or without "#".
func (c *call) number() (uint64, error) {
	n, err := strconv.ParseUint(strings.TrimPrefix(c.args[0], "#"), 10, 64)
	if err != nil {
		return 0, usagef("%s: %q is no ticket number", c.topic, c.args[0])
	}
	return n, nil
}

func ticketList(fs *flag.FlagSet) func(*call) error {
	var q admin.ListTickets
	fs.StringVar(&q.Team, "team", "", "only of the team with this `address`")
	fs.StringVar(&q.Status, "status", "", "only new, open, pending, hold, solved or closed ones")
	fs.StringVar(&q.Assignee, "assignee", "", "only of the agent with this `id`; none: of nobody")
	return func(c *call) error {
		if err := c.want(0, 0); err != nil {
			return err
		}
		if q.Status != "" && !slices.Contains(ticket.Statuses(), ticket.Status(q.Status)) {
			return usagef("ticket list: unknown status %q; want one of %v", q.Status, ticket.Statuses())
		}
		return c.withDesk(func(r admin.Runner) error {
			head := []any{"NUMBER", "STATUS", "PRIORITY", "ASSIGNEE", "TEAM", "REQUESTER", "UPDATED", "SUBJECT"}
			return show(c, r, "ticket/list", q, head, func(t admin.Ticket) []any {
				return []any{t.Number, t.Status, t.Priority, t.Assignee, t.Team, t.Requester, when(t.Updated), subject(t.Subject)}
			})
		})
	}
}

// subject is a subject in a list.
func subject(s string) string {
	if strings.TrimSpace(s) == "" {
		return "(no subject)"
	}
	return cut(s, 60)
}

func ticketShow(fs *flag.FlagSet) func(*call) error {
	raw := fs.Uint64("raw", 0, "write mail number `K`, the bytes as received")
	return func(c *call) error {
		if err := c.want(1, 1); err != nil {
			return err
		}
		n, err := c.number()
		if err != nil {
			return err
		}
		return c.withDesk(func(r admin.Runner) error {
			if *raw > 0 {
				return r.Run(c.ctx, "ticket/raw", admin.RawMail{Number: n, Seq: *raw}, c.out)
			}
			page, err := admin.One[admin.TicketPage](c.ctx, r, "ticket/show", admin.TicketNumber{Number: n})
			if err != nil {
				return err
			}
			return c.ticketPage(page)
		})
	}
}

// ticketPage writes one ticket.
func (c *call) ticketPage(p admin.TicketPage) error {
	if c.json {
		return c.object(p)
	}
	t := newTable(c.out)
	t.row("Ticket", p.Number)
	t.row("Subject", p.Subject)
	t.row("Team", p.Team)
	for _, who := range p.Participants {
		name := strings.TrimSpace(who.Name + " <" + who.Address + ">")
		if who.ReplyTo != "" {
			name += ", answers to " + who.ReplyTo
		}
		t.row(strings.ToUpper(who.Relation[:1])+who.Relation[1:], name)
	}
	t.field("Assignee", p.Assignee)
	t.row("Status", fmt.Sprintf("%s (turn: %s)", p.Status, p.Turn))
	t.row("Priority", p.Priority)
	t.field("Category", p.Category)
	t.field("Tags", strings.Join(p.Tags, ", "))
	for _, name := range slices.Sorted(maps.Keys(p.Fields)) {
		t.row("  "+name, p.Fields[name])
	}
	t.field("Resolution", p.Resolution)
	t.field("Linked to", numbers(p.Linked))
	t.field("Merged into", numbers([]uint64{p.MergedInto}))
	t.field("Merged from", numbers(p.Merged))
	t.field("Split from", numbers([]uint64{p.SplitFrom}))
	if p.Suspect {
		t.row("Suspect", "yes")
	}
	t.row("Created", when(p.Created))
	t.row("Updated", when(p.Updated))
	if err := t.flush(); err != nil || len(p.Messages) == 0 {
		return err
	}
	fmt.Fprintln(c.out)
	t = newTable(c.out)
	t.row("MAIL", "KIND", "AT", "FROM", "DELIVERY", "MESSAGE-ID")
	for _, m := range p.Messages {
		t.row(m.Seq, m.Kind, when(m.At), m.From, m.Delivery, m.MessageID)
	}
	return t.flush()
}

func ticketHistory(*flag.FlagSet) func(*call) error {
	return func(c *call) error {
		if err := c.want(1, 1); err != nil {
			return err
		}
		n, err := c.number()
		if err != nil {
			return err
		}
		return c.withDesk(func(r admin.Runner) error {
			head := []any{"SEQ", "AT", "WHAT", "HISTORY"}
			return show(c, r, "ticket/history", admin.TicketNumber{Number: n}, head, func(e admin.Event) []any {
				seq := fmt.Sprint(e.Seq)
				if e.Ticket != 0 {
					seq = fmt.Sprintf("%d/%d", e.Ticket, e.Seq)
				}
				return []any{seq, when(e.At), e.What, e.Sentence}
			})
		})
	}
}

// numbers are those of tickets, without those that are none.
func numbers(list []uint64) string {
	var words []string
	for _, n := range list {
		if n != 0 {
			words = append(words, strconv.FormatUint(n, 10))
		}
	}
	return strings.Join(words, ", ")
}

// detail is an event's data on one line.
func detail(e admin.Event) string {
	var parts []string
	if e.Message > 0 {
		parts = append(parts, fmt.Sprintf("mail %d", e.Message))
	}
	if e.Who != "" {
		parts = append(parts, e.Who)
	}
	for _, k := range slices.Sorted(maps.Keys(e.Data)) {
		if e.Data[k] != "" {
			parts = append(parts, k+"="+e.Data[k])
		}
	}
	return cut(strings.Join(parts, " "), 120)
}

func ticketExport(*flag.FlagSet) func(*call) error {
	return func(c *call) error {
		if err := c.want(1, 1); err != nil {
			return err
		}
		n, err := c.number()
		if err != nil {
			return err
		}
		operation := "ticket/mbox"
		if c.json {
			operation = "ticket/export"
		}
		return c.withDesk(func(r admin.Runner) error {
			return r.Run(c.ctx, operation, admin.TicketNumber{Number: n}, c.out)
		})
	}
}

func ticketSet(*flag.FlagSet) func(*call) error {
	return func(c *call) error {
		if err := c.want(2, -1); err != nil {
			return err
		}
		n, err := c.number()
		if err != nil {
			return err
		}
		changes, err := c.changes()
		if err != nil {
			return err
		}
		return c.withDesk(func(r admin.Runner) error {
			page, err := admin.One[admin.TicketPage](c.ctx, r, "ticket/set", admin.SetTicket{Number: n, Changes: changes, By: c.user()})
			if err != nil {
				return err
			}
			return c.ticketPage(page)
		})
	}
}

// changes reads KEY=VALUE arguments after the first.
func (c *call) changes() ([]pipeline.Change, error) {
	var list []pipeline.Change
	for _, arg := range c.args[1:] {
		key, value, ok := strings.Cut(arg, "=")
		if !ok || key == "" {
			return nil, usagef("%s: %q is not KEY=VALUE", c.topic, arg)
		}
		list = append(list, pipeline.Change{Key: key, Value: value})
	}
	return list, nil
}
