package main

import (
	"flag"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"

	"postdesk/admin"
)

func contactCommands() []command {
	return []command{
		{name: "contact list", about: "Lists contacts", json: true, setup: contactList},
		{name: "contact show", args: "WHO", about: "Shows a contact, named by address, @company.example or number", json: true, setup: contactShow},
		{name: "contact set", args: "WHO KEY=VALUE…", about: "Changes or makes a contact: name, company, agent, language, known, address (+a@x, -a@x), field.NAME", json: true, setup: contactSet},
		{name: "contact merge", args: "INTO FROM", about: "Makes the second contact a part of the first", json: true, setup: contactMerge},
		{name: "contact erase", args: "ADDRESS", about: "Takes a person's data out of everything; numbers and the skeleton of the history stay; --dry-run only says what would go", json: true, setup: contactErase},
		{name: "contact import", args: "CSV", about: "Takes contacts from a file (- is standard input): address,name,company,agent,language,field:NAME…", json: true, setup: contactImport},
		{name: "contact export", about: "Writes all contacts as CSV, as import reads it", setup: contactExport},
	}
}

func contactList(fs *flag.FlagSet) func(*call) error {
	var q admin.ListContacts
	fs.BoolVar(&q.Known, "known", false, "only those that were entered, not only seen")
	return func(c *call) error {
		if err := c.want(0, 0); err != nil {
			return err
		}
		return c.withDesk(func(r admin.Runner) error {
			head := []any{"ID", "NAME", "ADDRESSES", "COMPANY", "AGENT", "KNOWN"}
			return show(c, r, "contact/list", q, head, func(x admin.Contact) []any {
				return []any{x.ID, cut(x.Name, 40), cut(strings.Join(x.Addresses, " "), 60), cut(x.Company, 40), x.Agent, x.Known}
			})
		})
	}
}

// contact runs an operation and writes the contact that comes back.
func (c *call) contact(operation string, request any) error {
	return c.withDesk(func(r admin.Runner) error {
		x, err := admin.One[admin.Contact](c.ctx, r, operation, request)
		if err != nil || c.json {
			return firstError(err, func() error { return c.object(x) })
		}
		t := newTable(c.out)
		t.row("Contact", x.ID)
		t.field("Name", x.Name)
		for _, a := range x.Addresses {
			t.row("Address", a)
		}
		t.field("Company", x.Company)
		t.field("Agent", x.Agent)
		t.field("Language", x.Language)
		for _, name := range slices.Sorted(maps.Keys(x.Fields)) {
			t.row("  "+name, x.Fields[name])
		}
		t.row("Known", x.Known)
		t.row("Created", when(x.Created))
		t.field("Tickets", strings.Trim(fmt.Sprint(x.Tickets), "[]"))
		return t.flush()
	})
}

func contactShow(*flag.FlagSet) func(*call) error {
	return func(c *call) error {
		if err := c.want(1, 1); err != nil {
			return err
		}
		return c.contact("contact/show", admin.ContactID{Who: c.args[0]})
	}
}

func contactSet(*flag.FlagSet) func(*call) error {
	return func(c *call) error {
		if err := c.want(2, -1); err != nil {
			return err
		}
		changes, err := c.changes()
		if err != nil {
			return err
		}
		return c.contact("contact/set", admin.SetContact{Who: c.args[0], Changes: changes})
	}
}

func contactMerge(*flag.FlagSet) func(*call) error {
	return func(c *call) error {
		if err := c.want(2, 2); err != nil {
			return err
		}
		return c.contact("contact/merge", admin.MergeContacts{Into: c.args[0], From: c.args[1]})
	}
}

func contactErase(fs *flag.FlagSet) func(*call) error {
	var q admin.Erase
	fs.BoolVar(&q.DryRun, "dry-run", false, "only say what would go")
	return func(c *call) error {
		if err := c.want(1, 1); err != nil {
			return err
		}
		return c.withDesk(func(r admin.Runner) error {
			q.Who, q.By = c.args[0], c.user()
			done, err := admin.One[admin.Erased](c.ctx, r, "contact/erase", q)
			if err != nil || c.json {
				return firstError(err, func() error { return c.object(done) })
			}
			if done.DryRun {
				_, err = fmt.Fprintf(c.out, "%s would be erased from %d tickets: %d mails, %d rows of the outbox (nothing was written)\n",
					printable(strings.Join(done.Addresses, ", ")), done.Tickets, done.Mails, done.Outbox)
				return err
			}
			fmt.Fprintf(c.out, "erased from %d tickets: %d mails, %d rows of the outbox\n", done.Tickets, done.Mails, done.Outbox)
			if done.UnderWay > 0 {
				fmt.Fprintf(c.out, "%d mails are being sent just now: run this again in a few minutes\n", done.UnderWay)
			}
			_, err = fmt.Fprintln(c.out, "backups that were made before still have the data; the journal gives back its newest changes with the first nightly snapshot after a restart")
			return err
		})
	}
}

func contactImport(fs *flag.FlagSet) func(*call) error {
	var q admin.ImportContacts
	fs.BoolVar(&q.DryRun, "dry-run", false, "only say what would change")
	return func(c *call) error {
		if err := c.want(1, 1); err != nil {
			return err
		}
		text, err := c.read(c.args[0])
		if err != nil {
			return err
		}
		q.CSV = []byte(text)
		return c.withDesk(func(r admin.Runner) error {
			n, err := admin.One[admin.Imported](c.ctx, r, "contact/import", q)
			if err != nil || c.json {
				return firstError(err, func() error { return c.object(n) })
			}
			for _, x := range n.Changes {
				what := "new"
				if x.Contact != 0 {
					what = fmt.Sprintf("contact %d", x.Contact)
				}
				fmt.Fprintf(c.out, "line %d: %s (%s): %s\n", x.Line, x.Address, what, printable(strings.Join(x.What, ", ")))
			}
			if len(n.Changes) < n.New+n.Changed && n.DryRun {
				fmt.Fprintf(c.out, "… and %d more\n", n.New+n.Changed-len(n.Changes))
			}
			word := ""
			if n.DryRun {
				word = " (nothing was written)"
			}
			_, err = fmt.Fprintf(c.out, "%d new, %d changed, %d unchanged%s\n", n.New, n.Changed, n.Unchanged, word)
			return err
		})
	}
}

// read reads a file of the command line; "-" is standard input.
func (c *call) read(path string) (string, error) {
	if path == "-" {
		raw, err := io.ReadAll(c.in)
		return string(raw), err
	}
	raw, err := os.ReadFile(path)
	return string(raw), err
}

func contactExport(*flag.FlagSet) func(*call) error {
	return func(c *call) error {
		if err := c.want(0, 0); err != nil {
			return err
		}
		return c.withDesk(func(r admin.Runner) error { return r.Run(c.ctx, "contact/export", admin.None{}, c.out) })
	}
}
