package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"
	"time"

	"postdesk/demo"
	"postdesk/internal/config"
	"postdesk/server"
)

func serverCommands() []command {
	return []command{
		{name: "serve", about: "Runs the server until SIGTERM; SIGHUP reads the configuration again", setup: serve},
		{name: "check", about: "Checks the configuration file; --online: DNS, certificate, relay and \"+\" addresses too", setup: check},
		{name: "version", about: "Prints the version", setup: version},
		{name: "demo", about: "Plays a conversation on loopback and prints it; --keep: stays afterwards", setup: runDemo},
	}
}

// shutdownTime is how long what is being received and sent may take to finish.
const shutdownTime = 30 * time.Second

func serve(*flag.FlagSet) func(*call) error {
	return func(c *call) error {
		if err := c.want(0, 0); err != nil {
			return err
		}
		cfg, err := c.config()
		if err != nil {
			return err
		}
		log := newLog(c.err)
		limitMemory(log)
		for _, w := range cfg.Warnings {
			log.Warn("configuration", "warning", w)
		}
		hup := make(chan os.Signal, 1)
		signal.Notify(hup, syscall.SIGHUP)
		defer signal.Stop(hup)
		s, err := server.Start(context.WithoutCancel(c.ctx), server.Options{Config: cfg, Log: log})
		if err != nil {
			return c.locked(cfg, err)
		}
		log.Info("postdesk runs", "version", versionText(), "configuration", cfg.String())
		notify := newNotifier(os.Getenv("NOTIFY_SOCKET"), log)
		notify.send("READY=1")
		return watch(c.ctx, s, hup, notify, log)
	}
}

// watch waits for what ends the server, and reloads in between.
func watch(ctx context.Context, s *server.Server, hup <-chan os.Signal, notify *notifier, log *slog.Logger) error {
	for {
		select {
		case <-hup:
			notify.reloading()
			reload(ctx, s, log)
			notify.send("READY=1")
		case err := <-s.Fatal():
			notify.send("STOPPING=1")
			return errors.Join(err, s.Close())
		case <-ctx.Done():
			notify.send("STOPPING=1")
			log.Info("postdesk stops", "seconds_at_most", shutdownTime.Seconds())
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownTime)
			defer cancel()
			err := s.Shutdown(last)
			if errors.Is(err, context.DeadlineExceeded) {
				log.Warn("some conversations were cut off: they will be tried again", "error", err)
				return nil
			}
			return err
		}
	}
}

// reload takes the configuration file again; with a fault in it the one in
// force stays.
func reload(ctx context.Context, s *server.Server, log *slog.Logger) {
	cfg, err := config.Load(s.Config().File)
	if err != nil {
		s.Metrics.Reload(false)
	} else {
		err = s.Reload(ctx, cfg)
	}
	if err != nil {
		log.Error("reload failed, the configuration in force stays", "error", err)
		return
	}
	log.Info("reloaded", "configuration", cfg.String())
}

func version(*flag.FlagSet) func(*call) error {
	return func(c *call) error {
		_, err := fmt.Fprintln(c.out, "postdesk", versionText())
		return err
	}
}

// versionText is what the Go toolchain wrote into the program.
func versionText() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	text := info.Main.Version
	if text == "" {
		text = "(devel)"
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" && text == "(devel)" {
			text += " " + s.Value[:min(12, len(s.Value))]
		}
	}
	return text + " " + info.GoVersion
}

func runDemo(fs *flag.FlagSet) func(*call) error {
	keep := fs.Bool("keep", false, "stay after the conversation, until interrupted")
	return func(c *call) error {
		if err := c.want(0, 0); err != nil {
			return err
		}
		return demo.Run(c.ctx, c.out, *keep)
	}
}
