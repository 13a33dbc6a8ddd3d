package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/user"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"postdesk/admin"
	"postdesk/internal/config"
	"postdesk/pipeline"
	"postdesk/server"
	"postdesk/store"
)

// call is one run of a command.
type call struct {
	ctx        context.Context
	in         io.Reader
	out, err   io.Writer
	configFile string
	topic      string   // what help is about
	args       []string // without flags
	json       bool
}

// want checks the number of arguments.
func (c *call) want(low, high int) error {
	switch {
	case len(c.args) < low:
		return usagef("%s: an argument is missing", c.topic)
	case high >= 0 && len(c.args) > high:
		return usagef("%s: too many arguments: %s", c.topic, strings.Join(c.args[high:], " "))
	}
	return nil
}

// config finds and reads the configuration.
func (c *call) config() (*config.Config, error) {
	path, err := config.Find(c.configFile)
	if err != nil {
		return nil, err
	}
	return config.Load(path)
}

// withDesk runs fn with the server that runs, else with the data directory
// opened here.
func (c *call) withDesk(fn func(admin.Runner) error) (err error) {
	cfg, err := c.config()
	if err != nil {
		return c.withServer(err, fn)
	}
	client, err := admin.Dial(c.ctx, cfg.Listen.Admin)
	if err == nil {
		defer client.Close()
		return fn(client)
	}
	if !errors.Is(err, admin.ErrNoServer) {
		return fmt.Errorf("%w (run as root, or as the user of the server)", err)
	}
	desk, err := c.open(cfg)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, desk.Store.Close()) }()
	return fn(desk)
}

// withServer runs fn with the server that runs although the configuration file
// is broken: the server has the one from before. Without a server wrong, which
// says what is broken, is the error.
func (c *call) withServer(wrong error, fn func(admin.Runner) error) error {
	path, err := config.Find(c.configFile)
	if err != nil {
		return wrong
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return wrong
	}
	client, err := admin.Dial(c.ctx, config.AdminSocket(data))
	if err != nil {
		return wrong
	}
	defer client.Close()
	fmt.Fprintf(c.err, "warning: %s is refused (see postdesk check); the server goes on with the configuration from before\n", printable(path))
	return fn(client)
}

// open opens the data directory in this process.
func (c *call) open(cfg *config.Config) (_ *admin.Desk, err error) {
	if err := becomeOwner(cfg.DataDir); err != nil {
		return nil, err
	}
	db, err := store.Open(c.storeOptions(cfg))
	if err != nil {
		return nil, c.locked(cfg, err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, db.Close())
		}
	}()
	keys, err := server.TokenKeys(c.ctx, db, cfg.DataDir)
	if err != nil {
		return nil, err
	}
	p, err := pipeline.New(c.ctx, pipeline.Options{Store: db, Keys: keys, Config: cfg, Now: time.Now})
	if err != nil {
		return nil, err
	}
	return &admin.Desk{Store: db, Pipeline: p, Config: func() *config.Config { return cfg }, Wake: func() {}, Now: time.Now}, nil
}

func (c *call) storeOptions(cfg *config.Config) store.Options {
	return server.StoreOptions(cfg, slog.New(slog.DiscardHandler), time.Now, nil)
}

// locked says in words what a lock on the data directory means.
func (c *call) locked(cfg *config.Config, err error) error {
	if !errors.Is(err, store.ErrLocked) {
		return err
	}
	if cfg.Listen.Admin == "" {
		return fmt.Errorf("a server is running and has no admin socket (listen.admin is empty): stop it first: %w", err)
	}
	return fmt.Errorf("a server is running but its admin socket %s does not answer: %w", cfg.Listen.Admin, err)
}

// becomeOwner makes root the owner of the data directory, so that the server
// can still open what this command writes there.
func becomeOwner(dir string) error {
	if os.Geteuid() != 0 {
		return nil
	}
	fi, err := os.Stat(dir)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	st, ok := fi.Sys().(*syscall.Stat_t)
	if !ok || st.Uid == 0 {
		return nil
	}
	err = errors.Join(syscall.Setgroups([]int{int(st.Gid)}), syscall.Setgid(int(st.Gid)), syscall.Setuid(int(st.Uid)))
	if err != nil {
		return fmt.Errorf("become the owner of %s: %w", dir, err)
	}
	return nil
}

// user is who runs the command, for the tickets' history.
func (c *call) user() string {
	if name := os.Getenv("SUDO_USER"); name != "" && os.Geteuid() == 0 {
		return printable(name)
	}
	if u, err := user.Current(); err == nil {
		return u.Username
	}
	return fmt.Sprintf("uid %d", os.Getuid())
}

// absolute makes a path of the command line one that the server understands.
func absolute(path string) (string, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return "", fmt.Errorf("%s: %w", path, err)
	}
	return abs, nil
}
