package main

import (
	"bufio"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/sys/unix"

	"postdesk/admin"
	"postdesk/internal/addr"
	"postdesk/internal/dnsrecords"
	"postdesk/internal/password"
)

func keyCommands() []command {
	return []command{
		{name: "passwd", about: "Reads a password on standard input and prints its hash for password_hash", setup: passwd},
		{name: "dkim new", about: "Makes a signing key and prints the DNS record to publish", setup: dkimNew},
		{name: "dns", about: "Prints every DNS record to publish; --check compares them with the DNS", json: true, setup: dnsCommand},
		{name: "welcome", args: "AGENT", about: "Mails an agent (id or address) the desk address and the page of commands", setup: welcome},
	}
}

func passwd(*flag.FlagSet) func(*call) error {
	return func(c *call) error {
		if err := c.want(0, 0); err != nil {
			return err
		}
		line, err := c.password()
		if err != nil {
			return err
		}
		hash, err := password.Hash(line)
		if err != nil {
			return err
		}
		_, err = fmt.Fprintln(c.out, hash)
		return err
	}
}

// password reads one line, without its line end; at a terminal it is not shown.
func (c *call) password() (string, error) {
	if f, ok := c.in.(*os.File); ok {
		if was, err := unix.IoctlGetTermios(int(f.Fd()), unix.TCGETS); err == nil {
			fmt.Fprint(c.err, "Password: ")
			silent := *was
			silent.Lflag &^= unix.ECHO
			if err := unix.IoctlSetTermios(int(f.Fd()), unix.TCSETS, &silent); err != nil {
				return "", fmt.Errorf("terminal: %w", err)
			}
			defer func() {
				_ = unix.IoctlSetTermios(int(f.Fd()), unix.TCSETS, was) // nothing is left to do about it
				fmt.Fprintln(c.err)
			}()
		}
	}
	line, err := bufio.NewReader(io.LimitReader(c.in, 2*password.MaxPassword)).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return "", err
	}
	return strings.TrimRight(line, "\r\n"), nil
}

func dkimNew(fs *flag.FlagSet) func(*call) error {
	domain := fs.String("domain", "", "the `domain` that is signed for")
	selector := fs.String("selector", "", "the key's `name` in the DNS")
	algorithm := fs.String("algorithm", dnsrecords.RSA, "rsa or ed25519")
	out := fs.String("out", "", "the `file` that the key is written to; it must not exist")
	return func(c *call) error {
		if err := c.want(0, 0); err != nil {
			return err
		}
		d, err := addr.ParseDomain(*domain)
		if err != nil {
			return usagef("dkim new: --domain %q: %v", *domain, err)
		}
		if _, err := addr.ParseDomain(*selector + "." + d); err != nil || *selector == "" {
			return usagef("dkim new: --selector %q is no name", *selector)
		}
		if *out == "" {
			return usagef("dkim new: --out is missing")
		}
		if *algorithm != dnsrecords.RSA && *algorithm != dnsrecords.Ed25519 {
			return usagef("dkim new: --algorithm %q; want rsa or ed25519", *algorithm)
		}
		key, record, err := dnsrecords.NewDKIMKey(*algorithm)
		if err != nil {
			return err
		}
		if err := writeKey(*out, key); err != nil {
			return err
		}
		r := dnsrecords.Record{Kind: dnsrecords.DKIM, Name: *selector + "._domainkey." + d, Type: "TXT", Value: record}
		_, err = fmt.Fprintln(c.out, r.Zone())
		return err
	}
}

// writeKey makes a new file that only its owner reads.
func writeKey(path string, key []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return fmt.Errorf("key: %w", err)
	}
	_, err = f.Write(key)
	return errors.Join(err, f.Sync(), f.Close())
}

func dnsCommand(fs *flag.FlagSet) func(*call) error {
	compare := fs.Bool("check", false, "compare with what the DNS says; exit 1 when something is to be done")
	return func(c *call) error {
		if err := c.want(0, 0); err != nil {
			return err
		}
		cfg, err := c.config()
		if err != nil {
			return err
		}
		records, err := dnsrecords.Records(cfg)
		if err != nil {
			return err
		}
		if *compare {
			return c.dnsFindings(dnsrecords.Check(c.ctx, admin.Resolver(cfg), records))
		}
		if c.json {
			return c.object(records)
		}
		for _, r := range records {
			if _, err := fmt.Fprintf(c.out, "%s\n\n", r); err != nil {
				return err
			}
		}
		return nil
	}
}

func (c *call) dnsFindings(findings []dnsrecords.Finding) error {
	bad := false
	for _, f := range findings {
		bad = bad || !f.Good()
		if !c.json {
			fmt.Fprintln(c.out, printable(f.String()))
		}
	}
	if c.json {
		if err := c.object(findings); err != nil {
			return err
		}
	}
	if bad {
		return errTold
	}
	return nil
}

func welcome(*flag.FlagSet) func(*call) error {
	return func(c *call) error {
		if err := c.want(1, 1); err != nil {
			return err
		}
		return c.withDesk(func(r admin.Runner) error {
			to, err := admin.One[admin.Welcomed](c.ctx, r, "welcome", admin.Welcome{Agent: c.args[0]})
			if err != nil {
				return err
			}
			_, err = fmt.Fprintf(c.out, "a mail to %s is in the outbox\n", to.Address)
			return err
		})
	}
}
