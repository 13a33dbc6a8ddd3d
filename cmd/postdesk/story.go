package main

import (
	"flag"
	"fmt"
	"strings"
	"time"

	"postdesk/admin"
	"postdesk/internal/config"
	"postdesk/pipeline"
)

func storyCommands() []command {
	return []command{
		{name: "explain", args: "MESSAGE-ID", about: "Tells why a mail went where it went", json: true, setup: explain},
		{name: "replay", about: "Shows what another configuration would decide on the latest requests; writes nothing", json: true, ownConfig: true, setup: replay},
		{name: "report tickets", about: "Writes the tickets created in some days as CSV", setup: report("report/tickets")},
		{name: "report time", about: "Writes the time spent in some days as CSV", setup: report("report/time")},
	}
}

func explain(*flag.FlagSet) func(*call) error {
	return func(c *call) error {
		if err := c.want(1, 1); err != nil {
			return err
		}
		return c.withDesk(func(r admin.Runner) error {
			var all []admin.Story
			err := admin.List(c.ctx, r, "explain", admin.Explain{MessageID: c.args[0]}, func(s admin.Story) error {
				all = append(all, s)
				return nil
			})
			if err != nil {
				return err
			}
			if c.json { // the latest; a Message-ID that several mails bear is rare
				return c.object(all[len(all)-1])
			}
			for i, s := range all {
				if i > 0 {
					fmt.Fprintln(c.out)
				}
				if err := c.story(s); err != nil {
					return err
				}
			}
			return nil
		})
	}
}

// story writes what happened to one mail: in sentences, and what each stage
// learned.
func (c *call) story(s admin.Story) error {
	for _, sentence := range s.Told {
		fmt.Fprintln(c.out, sentence)
	}
	fmt.Fprintln(c.out)
	t := newTable(c.out)
	t.row("Message-ID", s.MessageID)
	if s.Direction == "out" {
		t.row("Direction", "written by postdesk")
	}
	if s.Ticket > 0 && s.Message > 0 {
		t.row("Where", fmt.Sprintf("mail %d of ticket %d%s", s.Message, s.Ticket, bracketed(string(s.Kind))))
	}
	if s.Facts != nil {
		factRows(t, s.Facts, s.AckLine)
	}
	if h := s.Held; h != nil {
		t.row("Held", fmt.Sprintf("%s: %s%s %s", h.ID, h.State, bracketed(h.Why), strings.Join(h.Reasons, "; ")))
	}
	if err := t.flush(); err != nil {
		return err
	}
	if len(s.Events) > 0 {
		fmt.Fprintln(c.out, "\nEvents")
		t = newTable(c.out)
		for _, e := range s.Events {
			t.row("  "+when(e.At), e.By, e.What, detail(e))
		}
		if err := t.flush(); err != nil {
			return err
		}
	}
	if len(s.Outbox) > 0 {
		fmt.Fprintln(c.out, "\nOutbox")
		t = newTable(c.out)
		for _, m := range s.Outbox {
			t.row("  "+m.ID, m.Purpose, strings.Join(m.To, " "), m.State, answer(m))
		}
		return t.flush()
	}
	return nil
}

func factRows(t *table, f *pipeline.Facts, ackLine string) {
	t.row("Received", fmt.Sprintf("%s by %s from %s (HELO %s) as %s", when(f.At), f.Listener, orNone(f.Peer), orNone(f.Helo), f.ID))
	t.field("TLS", f.TLS)
	t.field("Login", f.Login)
	if f.Frontend {
		t.row("Frontend", "yes: an MTA in front of us")
	}
	if f.Trusted {
		t.row("Trusted network", "yes")
	}
	t.row("Envelope", fmt.Sprintf("<%s> to %s", f.EnvelopeFrom, strings.Join(f.EnvelopeTo, ", ")))
	t.row("From", orNone(f.From))
	t.row("Subject", f.Subject)
	t.field("Defects", strings.Join(f.Defects, "; "))
	authRows(t, &f.Auth)
	if f.Filter.Asked {
		t.row("Filters", fmt.Sprintf("spam=%t malware=%t %s", f.Filter.Spam, f.Filter.Malware, f.Filter.Text))
	}
	t.row("Class", strings.TrimSpace(fmt.Sprintf("%s: %s", f.Class.Class, f.Class.Why)))
	if f.Class.Automatic {
		t.row("Automatic", "yes")
	}
	t.field("Thread", f.Thread.Why)
	t.field("Rules", strings.Join(f.Rules, ", "))
	if f.Route.Why != "" {
		t.row("Route", strings.TrimSpace(fmt.Sprintf("%s (%s) %s", orNone(f.Route.Agent), f.Route.Why, f.Route.Sentence)))
	}
	if f.Ack.Reason != "" {
		why := string(f.Ack.Reason)
		if f.Ack.Line > 0 {
			why = fmt.Sprintf("%s (line %d: %s)", why, f.Ack.Line, ackLine)
		}
		t.row("Acknowledgement", why)
	}
	t.field("Decision", f.Decision)
	t.field("Fault", f.Panic)
}

func authRows(t *table, a *pipeline.AuthFacts) {
	if a.Results.SPF.Result != "" {
		t.row("SPF", strings.TrimSpace(fmt.Sprintf("%s %s aligned=%t %s", a.Results.SPF.Result, a.Results.SPF.Domain, a.Results.SPF.Aligned, a.Results.SPF.Reason)))
	}
	for _, d := range a.Results.DKIM {
		t.row("DKIM", strings.TrimSpace(fmt.Sprintf("%s %s%s aligned=%t %s", d.Result, d.Domain, bracketed(d.Selector), d.Aligned, d.Reason)))
	}
	if d := a.Results.DMARC; d.Result != "" {
		t.row("DMARC", strings.TrimSpace(fmt.Sprintf("%s %s %s %s", d.Result, d.Domain, d.Policy, d.Reason)))
	}
	t.row("Address backed", orNone(a.Backed))
}

// bracketed is " (s)", and nothing for nothing.
func bracketed(s string) string {
	if s == "" {
		return ""
	}
	return " (" + s + ")"
}

func orNone(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

func replay(fs *flag.FlagSet) func(*call) error {
	file := fs.String("config", "", "the new configuration `file`; the one in force is named before the command")
	since := fs.String("since", "7d", "how far back, as a duration: 12h, 7d")
	return func(c *call) error {
		if err := c.want(0, 0); err != nil {
			return err
		}
		if *file == "" {
			return usagef("replay: --config is missing")
		}
		d, err := duration(*since)
		if err != nil {
			return usagef("replay: --since %q: %v", *since, err)
		}
		text, err := c.read(*file)
		if err != nil {
			return fmt.Errorf("configuration file: %w", err)
		}
		q := admin.Replay{Text: text, Since: d}
		if q.File, err = absolute(*file); err != nil {
			return err
		}
		if _, err := config.Find(c.configFile); err != nil && c.configFile == "" {
			c.configFile = q.File // the one that names the data directory
		}
		return c.withDesk(func(r admin.Runner) error { return c.replayed(r, q) })
	}
}

// replayed writes the requests that would go another way; as JSON all of them.
func (c *call) replayed(r admin.Runner, q admin.Replay) error {
	if c.json {
		return show(c, r, "replay", q, nil, func(pipeline.Replayed) []any { return nil })
	}
	all, other := 0, 0
	t := newTable(c.out)
	err := admin.List(c.ctx, r, "replay", q, func(one pipeline.Replayed) error {
		all++
		if len(one.Differences) == 0 {
			return nil
		}
		other++
		t.row(fmt.Sprintf("ticket %d", one.Ticket), when(one.At), one.From, subject(one.Subject))
		for _, d := range one.Differences {
			t.row("", d.What, orNone(d.Was)+" → "+orNone(d.New), "")
		}
		return nil
	})
	if err != nil {
		return err
	}
	if err := t.flush(); err != nil {
		return err
	}
	_, err = fmt.Fprintf(c.out, "%d of %d requests would be decided otherwise\n", other, all)
	return err
}

// duration is Go's, and d for 24 hours.
func duration(s string) (time.Duration, error) {
	if days, ok := strings.CutSuffix(s, "d"); ok {
		d, err := time.ParseDuration(days + "h")
		return 24 * d, err
	}
	return time.ParseDuration(s)
}

func report(operation string) func(*flag.FlagSet) func(*call) error {
	return func(fs *flag.FlagSet) func(*call) error {
		var q admin.Report
		day := func(into *time.Time) func(string) error {
			return func(s string) (err error) {
				if *into, err = time.ParseInLocation(time.DateOnly, s, time.Local); err != nil {
					err = fmt.Errorf("want a day as 2026-11-30")
				}
				return err
			}
		}
		fs.Func("from", "the first `day`", day(&q.From))
		fs.Func("to", "the last `day`", day(&q.To))
		return func(c *call) error {
			if err := c.want(0, 0); err != nil {
				return err
			}
			return c.withDesk(func(r admin.Runner) error { return r.Run(c.ctx, operation, q, c.out) })
		}
	}
}
