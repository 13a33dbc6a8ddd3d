package main

import (
	"context"
	"flag"
	"io"
	"time"

	"postdesk/internal/testkit/load"
)

// sendmail is a sendmail(8) for a desk that hands out its mail by a program: it
// passes standard input on to a sink. Recipients and flags of sendmail are
// ignored; the sink counts mails.
func sendmail(ctx context.Context, args []string, in io.Reader) error {
	f := flag.NewFlagSet("sendmail", flag.ContinueOnError)
	sink := f.String("sink", "", "host:port on loopback")
	from := f.String("from", "support@desk.example", "of the envelope")
	to := f.String("to", "somebody@client.example", "of the envelope")
	if f.Parse(args) != nil {
		return errUsage
	}
	mail, err := io.ReadAll(in)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	return load.Hand(ctx, *sink, *from, *to, mail)
}
