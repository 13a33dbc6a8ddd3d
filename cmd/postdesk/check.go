package main

import (
	"flag"
	"fmt"
	"time"

	"postdesk/admin"
	"postdesk/internal/compose"
	"postdesk/internal/milter"
	"postdesk/rules"
)

func check(fs *flag.FlagSet) func(*call) error {
	online := fs.Bool("online", false, "look at DNS, certificate and relay, and try a \"+\" address")
	return func(c *call) error {
		if err := c.want(0, 0); err != nil {
			return err
		}
		cfg, err := c.config()
		if err != nil {
			return err
		}
		if _, err := rules.Compile(cfg.Rules); err != nil {
			return fmt.Errorf("%s: %w", cfg.File, err)
		}
		if _, err := compose.New(compose.Options{Teams: cfg.Teams, MarkKeys: [][]byte{make([]byte, 32)}}); err != nil {
			return fmt.Errorf("%s: %w", cfg.File, err)
		}
		if _, err := milter.New(cfg.Auth.Filters, time.Second); err != nil {
			return fmt.Errorf("%s: auth.filters: %w", cfg.File, err)
		}
		for _, w := range cfg.Warnings {
			fmt.Fprintf(c.err, "warning: %s\n", printable(w))
		}
		if !*online {
			_, err = fmt.Fprintln(c.out, "ok")
			return err
		}
		bad := false
		for _, f := range admin.CheckOnline(c.ctx, cfg, admin.Online{Now: time.Now}) {
			bad = bad || !f.Good
			fmt.Fprintln(c.out, printable(f.Text))
		}
		if bad {
			return errTold
		}
		_, err = fmt.Fprintln(c.out, "ok")
		return err
	}
}
