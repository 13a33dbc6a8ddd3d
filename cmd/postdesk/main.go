// Command postdesk is a mail server that is also a help desk: the server, and
// what an admin does with it.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// Exit codes.
const (
	exitOK     = 0
	exitFailed = 1
	exitUsage  = 2
)

// command is one subcommand. setup declares its flags and returns what runs
// after they were read.
type command struct {
	name  string // as typed, with a space between noun and verb
	args  string // what follows, for the usage text
	about string
	json  bool // has --json
	// ownConfig: --config after the command means something of its own.
	ownConfig bool
	setup     func(*flag.FlagSet) func(*call) error
}

// commands lists them in the order of the help.
func commands() []command {
	return slices.Concat(serverCommands(), keyCommands(), ticketCommands(), queueCommands(), contactCommands(), storyCommands(), dataCommands())
}

// usageError is a command line that can't be understood.
type usageError struct{ text string }

func (e *usageError) Error() string { return e.text }

func usagef(format string, args ...any) error { return &usageError{fmt.Sprintf(format, args...)} }

// errTold ends a command that has said on its output what is wrong.
var errTold = errors.New("told")

// run is the whole program, for tests too.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	c := &call{ctx: ctx, in: stdin, out: stdout, err: stderr}
	args, err := c.global(args)
	if err == nil {
		err = c.dispatch(args)
	}
	var bad *usageError
	switch {
	case err == nil:
		return exitOK
	case errors.Is(err, flag.ErrHelp):
		c.help(stdout)
		return exitOK
	case errors.As(err, &bad):
		fmt.Fprintf(stderr, "postdesk: %s\n\n", bad.text)
		c.help(stderr)
		return exitUsage
	case !errors.Is(err, errTold):
		fmt.Fprintf(stderr, "postdesk: %s\n", printable(err.Error()))
	}
	return exitFailed
}

// global reads what stands before the subcommand.
func (c *call) global(args []string) ([]string, error) {
	for len(args) > 0 && strings.HasPrefix(args[0], "-") {
		name, value, has := strings.Cut(strings.TrimLeft(args[0], "-"), "=")
		switch {
		case name == "h" || name == "help":
			return nil, flag.ErrHelp
		case name == "version":
			return []string{"version"}, nil
		case name != "config":
			return nil, usagef("unknown flag %s", args[0])
		case !has && len(args) < 2:
			return nil, usagef("--config needs a file")
		case !has:
			value, args = args[1], args[1:]
		}
		c.configFile, args = value, args[1:]
	}
	return args, nil
}

// dispatch finds the subcommand, reads its flags and runs it.
func (c *call) dispatch(args []string) error {
	if len(args) == 0 {
		return usagef("no command given")
	}
	if args[0] == "help" {
		c.topic = strings.Join(args[1:], " ")
		return flag.ErrHelp
	}
	cmd, rest := find(args)
	if cmd == nil {
		c.topic = args[0]
		if group(args[0]) && (len(args) == 1 || slices.Contains([]string{"-h", "--help", "-help", "help"}, args[1])) && len(args) > 1 {
			return flag.ErrHelp
		}
		if group(args[0]) {
			return usagef("%s: want one of these", args[0])
		}
		c.topic = ""
		return usagef("unknown command %q", args[0])
	}
	c.topic = cmd.name
	fs := flag.NewFlagSet(cmd.name, flag.ContinueOnError)
	fs.SetOutput(io.Discard)
	c.common(fs, cmd)
	do := cmd.setup(fs)
	if err := c.parse(fs, rest); err != nil {
		return err
	}
	return do(c)
}

// common declares the flags of every command.
func (c *call) common(fs *flag.FlagSet, cmd *command) {
	if !cmd.ownConfig {
		fs.StringVar(&c.configFile, "config", c.configFile, "the configuration `file`; /etc/postdesk/config.toml, then ./config.toml")
	}
	if cmd.json {
		fs.BoolVar(&c.json, "json", false, "write JSON")
	}
}

// parse reads flags and arguments in any order.
func (c *call) parse(fs *flag.FlagSet, args []string) error {
	for {
		before := len(args)
		if err := fs.Parse(args); err != nil {
			if errors.Is(err, flag.ErrHelp) {
				return err
			}
			return usagef("%v", err)
		}
		ended := len(args)-fs.NArg() > 0 && args[len(args)-fs.NArg()-1] == "--"
		args = fs.Args()
		if ended || len(args) == 0 {
			c.args = append(c.args, args...)
			return nil
		}
		c.args, args = append(c.args, args[0]), args[1:]
		if len(args) >= before {
			return nil
		}
	}
}

// find matches the longest name.
func find(args []string) (*command, []string) {
	list := commands()
	for n := min(2, len(args)); n > 0; n-- {
		for i := range list {
			if list[i].name == strings.Join(args[:n], " ") {
				return &list[i], args[n:]
			}
		}
	}
	return nil, nil
}

// group says whether there are commands that begin with a noun.
func group(noun string) bool {
	return slices.ContainsFunc(commands(), func(c command) bool { return strings.HasPrefix(c.name, noun+" ") })
}

// help writes the page of a command, of a group, or of all.
func (c *call) help(w io.Writer) {
	if cmd, rest := find(strings.Fields(c.topic)); cmd != nil && len(rest) == 0 {
		fmt.Fprintf(w, "usage: postdesk %s %s\n\n%s.\n\n", cmd.name, strings.TrimSpace(cmd.args+" [flags]"), cmd.about)
		fs := flag.NewFlagSet(cmd.name, flag.ContinueOnError)
		fs.SetOutput(w)
		c.common(fs, cmd)
		cmd.setup(fs)
		fs.PrintDefaults()
		return
	}
	fmt.Fprintf(w, "usage: postdesk [--config FILE] COMMAND [arguments and flags]\n\n")
	t := newTable(w)
	for _, cmd := range commands() {
		if c.topic == "" || !group(c.topic) || strings.HasPrefix(cmd.name, c.topic+" ") {
			t.row("  "+strings.TrimSpace(cmd.name+" "+cmd.args), cmd.about)
		}
	}
	t.flush()
	fmt.Fprintf(w, "\nMore: postdesk help COMMAND\n")
}
