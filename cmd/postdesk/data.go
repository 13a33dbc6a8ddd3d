package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"path/filepath"

	"postdesk/admin"
	"postdesk/internal/addr"
	"postdesk/internal/config"
	"postdesk/server"
	"postdesk/store"
)

func dataCommands() []command {
	return []command{
		{name: "verify", about: "Checks every checksum of the data; --rebuild makes the index anew (the server must be stopped)", setup: verify},
		{name: "backup", args: "DIR", about: "Writes a consistent copy of the data to an empty folder, also while the server runs", setup: backup},
		{name: "restore", args: "DIR", about: "Fills an empty data directory from a backup; the outbox comes back held", setup: restore},
	}
}

func verify(fs *flag.FlagSet) func(*call) error {
	rebuild := fs.Bool("rebuild", false, "make the index anew from the last snapshot and the journal")
	return func(c *call) error {
		if err := c.want(0, 0); err != nil {
			return err
		}
		cfg, err := c.config()
		if err != nil {
			return err
		}
		tell := func(text string) { fmt.Fprintln(c.out, printable(text)) }
		client, err := admin.Dial(c.ctx, cfg.Listen.Admin)
		switch {
		case err == nil:
			defer client.Close()
			if *rebuild {
				return errors.New("a server is running: stop it before --rebuild")
			}
			err = admin.List(c.ctx, client, "verify", admin.None{}, func(f admin.Fault) error { tell(f.Text); return nil })
		case !errors.Is(err, admin.ErrNoServer):
			return err
		default:
			if err := becomeOwner(cfg.DataDir); err != nil {
				return err
			}
			if *rebuild {
				return c.rebuild(cfg, tell)
			}
			err = errors.Join(c.locked(cfg, store.Verify(c.ctx, cfg.DataDir, tell)), c.checkKey(cfg, tell))
		}
		if err == nil {
			tell("ok")
		}
		return err
	}
}

// rebuild makes what can be made anew: the index, and a token key if there is none.
func (c *call) rebuild(cfg *config.Config, tell func(string)) error {
	if err := store.Rebuild(c.ctx, cfg.DataDir, tell); err != nil {
		return c.locked(cfg, err)
	}
	err := c.tokenKey(cfg)
	if !errors.Is(err, server.ErrNoKey) {
		return err
	}
	if _, err := addr.LoadOrCreateKeyRing(filepath.Join(cfg.DataDir, server.KeyFile)); err != nil {
		return err
	}
	tell("a new token key was made. Lost: the tokens in all mails from before. Answers to them join their tickets by Message-ID, from people who take " +
		"part in them; agents' answers are held until they are confirmed. Agents have new desk addresses: `postdesk welcome` mails them")
	return nil
}

// checkKey reports a token key that is missing or damaged.
func (c *call) checkKey(cfg *config.Config, tell func(string)) error {
	err := c.tokenKey(cfg)
	if err != nil && !errors.Is(err, store.ErrDamaged) { // of the store, which was reported
		tell(err.Error())
	}
	return err
}

// tokenKey reads the token key.
func (c *call) tokenKey(cfg *config.Config) error {
	db, err := store.Open(c.storeOptions(cfg))
	if err != nil {
		return err
	}
	_, err = server.TokenKeys(c.ctx, db, cfg.DataDir)
	return errors.Join(err, db.Close())
}

func backup(*flag.FlagSet) func(*call) error {
	return func(c *call) error {
		if err := c.want(1, 1); err != nil {
			return err
		}
		dir, err := absolute(c.args[0])
		if err != nil {
			return err
		}
		return c.withDesk(func(r admin.Runner) error {
			if _, err := admin.One[admin.None](c.ctx, r, "backup", admin.Backup{Dir: dir}); err != nil {
				return err
			}
			_, err = fmt.Fprintf(c.out, "backup is in %s\n", dir)
			return err
		})
	}
}

func restore(*flag.FlagSet) func(*call) error {
	return func(c *call) error {
		if err := c.want(1, 1); err != nil {
			return err
		}
		cfg, err := c.config()
		if err != nil {
			return err
		}
		if client, err := admin.Dial(c.ctx, cfg.Listen.Admin); err == nil {
			client.Close()
			return errors.New("a server is running: stop it, and empty the data directory")
		}
		if err := becomeOwner(cfg.DataDir); err != nil {
			return err
		}
		held := 0
		err = store.Restore(c.ctx, c.args[0], c.storeOptions(cfg), func(ctx context.Context, db *store.DB) (err error) {
			held, err = store.HoldOutbox(ctx, db, "restored")
			return err
		})
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(c.out, "restored to %s; %d mails of the outbox are held: look at them with `postdesk queue list --state held`, "+
			"then `postdesk queue release --all`\n", cfg.DataDir, held)
		return err
	}
}
