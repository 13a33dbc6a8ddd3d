// Command postdesk-load puts a running postdesk under load, over SMTP and on
// loopback only, and proves afterwards that no mail was lost or doubled.
//
//	postdesk-load send  -addr 127.0.0.1:2525 -to support@desk.example -sink 127.0.0.1:2626 -ledger run.jsonl
//	postdesk-load check -ledger run.jsonl -socket unix:/run/postdesk/admin.sock
//	postdesk-load check -ledger run.jsonl -data /var/lib/postdesk
//	postdesk-load slow  -addr 127.0.0.1:2525 -to support@desk.example -connections 5000
//	postdesk-load fill  -data /var/lib/postdesk -tickets 1000000
//	postdesk-load sendmail -sink 127.0.0.1:2626 <mail
//
// send drives, check compares, slow lets thousands drip beside a healthy client, fill makes a data
// directory of any size, sendmail stands in for sendmail(8) beside servers that hand out mail by a program.
// With -data the server must have stopped, and mails that belong to no ticket are
// seen too. bench/README.md says how other servers are measured with it.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"time"

	"postdesk/internal/testkit/load"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	err := run(ctx, os.Args[1:], os.Stdout)
	if errors.Is(err, errUsage) {
		fmt.Fprintln(os.Stderr, "usage: postdesk-load send|check|slow|fill|sendmail [flags]; -h after each lists its flags")
		os.Exit(2)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "postdesk-load:", err)
		os.Exit(1)
	}
}

var errUsage = errors.New("usage")

func run(ctx context.Context, args []string, out io.Writer) error {
	if len(args) == 0 {
		return errUsage
	}
	switch args[0] {
	case "send":
		return send(ctx, args[1:], out)
	case "check":
		return check(ctx, args[1:], out)
	case "fill":
		return fill(ctx, args[1:], out)
	case "slow":
		return slow(ctx, args[1:], out)
	case "sendmail":
		return sendmail(ctx, args[1:], os.Stdin)
	}
	return errUsage
}

// sending is what the flags of send say.
type sending struct {
	load.Options
	ledger, sinks, key, selector, dns string
	result, label, command            string
	drop                              int
}

func (s *sending) flags() *flag.FlagSet {
	f := flag.NewFlagSet("send", flag.ContinueOnError)
	f.StringVar(&s.Addr, "addr", "127.0.0.1:25", "the server's mx listener")
	f.IntVar(&s.Mails, "mails", 1000, "how many mails")
	f.IntVar(&s.Connections, "connections", 10, "at the same time")
	f.IntVar(&s.Size, "size", 4096, "bytes of a mail's text")
	f.BoolVar(&s.Single, "single", false, "a connection for each mail")
	f.StringVar(&s.From, "from", "customer@client.example", "the customers: a number is put before the @")
	f.StringVar(&s.To, "to", "", "a team's address")
	f.IntVar(&s.PerMail, "per-mail", 2, "mails out that one mail in causes; 0: wait until it is quiet")
	f.DurationVar(&s.Quiet, "quiet", 10*time.Second, "the end, when nothing more goes out for so long")
	f.DurationVar(&s.Limit, "limit", 5*time.Minute, "the end in any case")
	f.StringVar(&s.command, "command", "", "instead of SMTP: a program and its arguments, run for each mail with the mail as its input")
	f.StringVar(&s.Watch.Group, "cgroup", "", "folder of the server's control group, to measure CPU and memory")
	f.Func("pid", "the server's processes by commas, measured with their descendants when there is no -cgroup", s.watch)
	f.StringVar(&s.result, "result", "", "file to which one line of tab-separated values is added")
	f.StringVar(&s.label, "label", "", "the first fields of that line: name=value by commas")
	f.StringVar(&s.ledger, "ledger", "", "file that the ledger is written to")
	f.StringVar(&s.sinks, "sink", "", "where to listen for what the server sends out; several by commas")
	f.IntVar(&s.drop, "drop-every", 0, "the sinks drop the line after the final dot of every so many mails")
	f.StringVar(&s.key, "sign", "", "DKIM key file: RSA or Ed25519, PEM")
	f.StringVar(&s.selector, "selector", "load", "of the DKIM key; the domain is that of -from")
	f.StringVar(&s.dns, "dns", "", "where to serve DNS for the customers' domain during the run, for the server's dns.resolver")
	return f
}

// watch reads the numbers of processes.
func (s *sending) watch(list string) error {
	for _, f := range strings.FieldsFunc(list, func(r rune) bool { return r == ',' }) {
		pid, err := strconv.Atoi(f)
		if err != nil {
			return err
		}
		s.Watch.PIDs = append(s.Watch.PIDs, pid)
	}
	return nil
}

// open reads the key and begins to listen; done ends that.
func (s *sending) open() (done func(), err error) {
	var opened []func()
	done = func() {
		for _, fn := range opened {
			fn()
		}
	}
	_, domain, _ := strings.Cut(s.From, "@")
	if s.key != "" {
		if s.Key, err = load.ReadKey(s.key, domain, s.selector); err != nil {
			return done, err
		}
	}
	if s.dns != "" {
		names, err := load.NewNames(s.dns, domain, s.Key)
		if err != nil {
			return done, err
		}
		opened = append(opened, func() { names.Close() })
	}
	for i, at := range strings.FieldsFunc(s.sinks, func(r rune) bool { return r == ',' }) {
		sink, err := load.NewSink(at, load.SinkOptions{Name: fmt.Sprintf("sink%d", i+1), DropEvery: s.drop})
		if err != nil {
			return done, err
		}
		opened = append(opened, sink.Close)
		s.Sinks = append(s.Sinks, sink)
	}
	return done, nil
}

// send drives the server, prints what was measured, writes the ledger, and
// checks what came to the sinks.
func send(ctx context.Context, args []string, out io.Writer) error {
	var s sending
	if err := s.flags().Parse(args); err != nil {
		return errUsage
	}
	s.Command = strings.Fields(s.command)
	done, err := s.open()
	defer done()
	if err != nil {
		return err
	}
	report, err := load.Run(ctx, s.Options)
	if err != nil {
		return err
	}
	if err := report.Print(out); err != nil {
		return err
	}
	if err := errors.Join(writeLedger(s.ledger, report), addResult(s.result, s.label, report)); err != nil {
		return err
	}
	return tell(out, load.Check(report.Sent, report.Arrived, len(s.Sinks) > 0, nil))
}

func writeLedger(name string, r *load.Report) error {
	if name == "" {
		return nil
	}
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	return errors.Join(load.WriteLedger(f, r.Sent, r.Arrived), f.Close())
}

// check compares a ledger with what the server has.
func check(ctx context.Context, args []string, out io.Writer) error {
	f := flag.NewFlagSet("check", flag.ContinueOnError)
	ledger := f.String("ledger", "", "file that send wrote")
	data := f.String("data", "", "the server's data_dir; the server must have stopped")
	socket := f.String("socket", "", "the admin socket of the running server, unix:/path")
	if f.Parse(args) != nil || *ledger == "" || (*data == "") == (*socket == "") {
		return errUsage
	}
	file, err := os.Open(*ledger)
	if err != nil {
		return err
	}
	defer file.Close()
	sent, arrived, err := load.ReadLedger(file)
	if err != nil {
		return err
	}
	look, at := fromStore, *data
	if *socket != "" {
		look, at = fromRunning, *socket
	}
	state, err := look(ctx, at)
	if err != nil {
		return err
	}
	return tell(out, load.Check(sent, arrived, len(arrived) > 0, state))
}

// tell prints the faults; any is an error.
func tell(out io.Writer, faults []load.Fault) error {
	for _, f := range faults {
		fmt.Fprintln(out, "FAULT", f)
	}
	if len(faults) > 0 {
		return fmt.Errorf("%d faults", len(faults))
	}
	_, err := fmt.Fprintln(out, "ledger       every mail that was accepted is where it belongs, once")
	return err
}
