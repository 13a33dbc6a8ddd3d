// Command postdesk-load puts a running postdesk under load, over SMTP and on
// loopback only, and proves afterwards that no mail was lost or doubled.
//
//	postdesk-load send  -addr 127.0.0.1:2525 -to support@desk.example -sink 127.0.0.1:2626 -ledger run.jsonl
//	postdesk-load check -ledger run.jsonl -socket unix:/run/postdesk/admin.sock
//	postdesk-load check -ledger run.jsonl -data /var/lib/postdesk
//
// With -data the server must have stopped, and mails that belong to no ticket are
// seen too.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
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
		fmt.Fprintln(os.Stderr, "usage: postdesk-load send|check [flags]; -h after either lists its flags")
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
	}
	return errUsage
}

// send drives the server, prints what was measured, writes the ledger, and
// checks what came to the sinks.
func send(ctx context.Context, args []string, out io.Writer) error {
	f := flag.NewFlagSet("send", flag.ContinueOnError)
	var o load.Options
	f.StringVar(&o.Addr, "addr", "127.0.0.1:25", "the server's mx listener")
	f.IntVar(&o.Mails, "mails", 1000, "how many mails")
	f.IntVar(&o.Connections, "connections", 10, "at the same time")
	f.IntVar(&o.Size, "size", 4096, "bytes of a mail's text")
	f.BoolVar(&o.Single, "single", false, "a connection for each mail")
	f.StringVar(&o.From, "from", "customer@client.example", "the customers: a number is put before the @")
	f.StringVar(&o.To, "to", "", "a team's address")
	f.IntVar(&o.PerMail, "per-mail", 2, "mails out that one mail in causes; 0: wait until it is quiet")
	f.DurationVar(&o.Quiet, "quiet", 10*time.Second, "the end, when nothing more goes out for so long")
	f.DurationVar(&o.Limit, "limit", 5*time.Minute, "the end in any case")
	f.IntVar(&o.PID, "pid", 0, "the server's process, to measure CPU and memory")
	ledger := f.String("ledger", "", "file that the ledger is written to")
	sinks := f.String("sink", "", "where to listen for what the server sends out, by commas: customers first, then agents")
	drop := f.Int("drop-every", 0, "the sinks drop the line after the final dot of every so many mails")
	key := f.String("sign", "", "DKIM key file: RSA or Ed25519, PEM")
	selector := f.String("selector", "load", "of the DKIM key; the domain is that of -from")
	if err := f.Parse(args); err != nil {
		return errUsage
	}
	if *key != "" {
		_, domain, _ := strings.Cut(o.From, "@")
		k, err := load.ReadKey(*key, domain, *selector)
		if err != nil {
			return err
		}
		o.Key = k
	}
	for i, at := range strings.FieldsFunc(*sinks, func(r rune) bool { return r == ',' }) {
		s, err := load.NewSink(at, load.SinkOptions{Name: fmt.Sprintf("sink%d", i+1), DropEvery: *drop})
		if err != nil {
			return err
		}
		defer s.Close()
		o.Sinks = append(o.Sinks, s)
	}
	report, err := load.Run(ctx, o)
	if err != nil {
		return err
	}
	if err := report.Print(out); err != nil {
		return err
	}
	if err := writeLedger(*ledger, report); err != nil {
		return err
	}
	return tell(out, load.Check(report.Sent, report.Arrived, len(o.Sinks) > 0, nil))
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
