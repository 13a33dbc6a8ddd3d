// Package milter asks mail filters (rspamd, ClamAV, …) about a mail before it
// is accepted, over Sendmail's milter protocol. A filter judges; it never
// changes the mail, whose bytes stay as they were received.
package milter

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"time"

	"postdesk/internal/addr"
	"postdesk/internal/message"
)

// Action is what a filter wants to be done with the mail.
type Action string

// The actions, in the words of the protocol.
const (
	Accept     Action = "accept"
	Reject     Action = "reject"   // 5xx
	TempFail   Action = "tempfail" // 4xx
	Discard    Action = "discard"  // accept and drop
	Quarantine Action = "quarantine"
)

// Header is a field that a filter adds to the mail, such as X-Spam.
type Header struct {
	Name, Value string
}

// Verdict is the filters' answer: the first that is not Accept, with what all
// filters asked so far have added.
type Verdict struct {
	Action   Action
	Code     int    // of the reply when the mail is refused: 4xx or 5xx
	Enhanced [3]int // RFC 3463
	Text     string // one line without control characters; may be shown to the peer
	Spam     bool   // a filter flagged the mail: X-Spam and its like, or a changed subject
	Headers  []Header
	Filter   string // the address of the filter that refused, "" if none did
}

// In is a received mail with its envelope.
type In struct {
	ServerName string         // our host name
	Peer       netip.AddrPort // invalid for a unix socket
	PeerName   string         // host name of the peer, "" if it is not known
	Helo       string
	Login      string // after AUTH, else ""
	From       addr.Address
	To         []addr.Address
	QueueID    string

	// Fields is the mail's header in its order, Body what follows the empty
	// line.
	Fields []message.Field
	Body   message.Source
}

// Client asks a list of filters, one after the other. It keeps no connections
// and no goroutines. It may be used by many goroutines.
type Client struct {
	filters []filter
	timeout time.Duration
}

type filter struct {
	name, network, address string
}

// DefaultTimeout is for one filter and one mail.
const DefaultTimeout = 60 * time.Second

// New reads the addresses: "unix:/path" or "inet:host:port". timeout is for
// each filter and mail, 0 is DefaultTimeout.
func New(addresses []string, timeout time.Duration) (*Client, error) {
	if timeout <= 0 {
		timeout = DefaultTimeout
	}
	c := &Client{timeout: timeout}
	for _, a := range addresses {
		f, err := parseAddress(a)
		if err != nil {
			return nil, err
		}
		c.filters = append(c.filters, f)
	}
	return c, nil
}

func parseAddress(a string) (filter, error) {
	kind, rest, _ := strings.Cut(a, ":")
	switch {
	case kind == "unix" && strings.HasPrefix(rest, "/"):
		return filter{name: a, network: "unix", address: rest}, nil
	case kind == "inet":
		if i := strings.LastIndexByte(rest, ':'); i > 0 && i < len(rest)-1 {
			return filter{name: a, network: "tcp", address: rest}, nil
		}
	}
	return filter{}, fmt.Errorf(`filter %q: want "unix:/path" or "inet:host:port"`, a)
}

// Len is the number of filters.
func (c *Client) Len() int { return len(c.filters) }

// Ask asks the filters in their order and stops at the first that does not
// accept. An error means that a filter could not be asked, or broke off: the
// mail must not be accepted then (451), since nobody knows what the filter
// would have said.
func (c *Client) Ask(ctx context.Context, in In) (Verdict, error) {
	all := Verdict{Action: Accept}
	for _, f := range c.filters {
		v, err := c.askOne(ctx, f, in)
		if err != nil {
			return Verdict{}, fmt.Errorf("filter %s: %w", f.name, err)
		}
		v.Spam = v.Spam || all.Spam
		v.Headers = append(all.Headers, v.Headers...)
		if v.Action != Accept {
			v.Filter = f.name
			return v, nil
		}
		all = v
	}
	return all, nil
}

// askOne gives one filter its time.
func (c *Client) askOne(ctx context.Context, f filter, in In) (v Verdict, err error) {
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	defer func() {
		// The library trusts the filter's packets to be well-formed.
		if p := recover(); p != nil {
			err = fmt.Errorf("bad answer: %v", p)
		}
		if err != nil && ctx.Err() != nil {
			err = errors.Join(context.Cause(ctx), err)
		}
	}()
	s, closeSession, err := open(ctx, f, c.timeout)
	if err != nil {
		return Verdict{}, err
	}
	defer closeSession()
	return (&conversation{ClientSession: s, in: in}).run()
}
