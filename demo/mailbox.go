package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strings"
	"time"

	"postdesk/internal/addr"
	"postdesk/internal/message"
	"postdesk/smtpd"
)

// mailbox is somebody's ordinary mail server: it takes every mail and shows it.
// It listens with postdesk's own package for receiving.
type mailbox struct {
	name    string
	listen  net.Listener
	server  *smtpd.Server
	letters chan *letter
	last    *letter // the latest that wait returned
}

// letter is a mail that arrived.
type letter struct {
	*message.Message
	raw []byte
	to  string
}

func newMailbox(name string) (*mailbox, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	m := &mailbox{name: name, listen: l, letters: make(chan *letter, 100)}
	m.server = smtpd.New(smtpd.Options{Handler: m, Policy: smtpd.Policy{Hostname: name}})
	go m.server.Serve(smtpd.MX, l) // ends with close
	return m, nil
}

func (m *mailbox) close() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	_ = m.server.Shutdown(ctx)
}

func (m *mailbox) addr() string { return m.listen.Addr().String() }

// wait returns the next mail.
func (m *mailbox) wait(d time.Duration) (*letter, error) {
	select {
	case l := <-m.letters:
		m.last = l
		return l, nil
	case <-time.After(d):
		return nil, fmt.Errorf("%s waited %v for a mail that did not come", m.name, d)
	}
}

// Authenticate lets nobody in: this is no postdesk.
func (m *mailbox) Authenticate(context.Context, smtpd.Peer, string, string) (string, error) {
	return "", errors.New("no logins here")
}

// Mail takes every sender.
func (m *mailbox) Mail(context.Context, *smtpd.Envelope) error { return nil }

// Recipient takes every recipient.
func (m *mailbox) Recipient(context.Context, *smtpd.Envelope, addr.Address) error { return nil }

// Deliver keeps the mail in memory.
func (m *mailbox) Deliver(_ context.Context, env *smtpd.Envelope, raw message.Source) (string, []error, error) {
	data := make([]byte, raw.Size())
	if _, err := raw.ReadAt(data, 0); err != nil && err != io.EOF {
		return "", nil, err
	}
	parsed, err := message.Parse(message.BytesSource(data))
	if err != nil {
		return "", nil, err
	}
	m.letters <- &letter{Message: parsed, raw: data, to: env.To[0].String()}
	return "demo", nil, nil
}

// names is the DNS of the demo: the domains of the customer and of the agents
// say that mail from this machine is theirs.
type names struct{}

func (names) LookupTXT(_ context.Context, name string) ([]string, error) {
	if name = strings.TrimSuffix(name, "."); name == "client.example" || name == "corp.example" {
		return []string{"v=spf1 ip4:127.0.0.0/8 -all"}, nil
	}
	return nil, notFound(name)
}
func (names) LookupMX(_ context.Context, name string) ([]*net.MX, error) { return nil, notFound(name) }
func (names) LookupIPAddr(_ context.Context, name string) ([]net.IPAddr, error) {
	return nil, notFound(name)
}
func (names) LookupAddr(_ context.Context, name string) ([]string, error) { return nil, notFound(name) }
func (names) LookupNetIP(_ context.Context, _, name string) ([]netip.Addr, error) {
	return nil, notFound(name)
}

func notFound(name string) error {
	return &net.DNSError{Err: "no such host", Name: name, IsNotFound: true}
}
