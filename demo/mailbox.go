package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strings"
	"sync"
	"time"

	"postdesk/internal/addr"
	"postdesk/internal/message"
	"postdesk/smtpd"
)

// mailHost is the ordinary mail server of everyone but postdesk: it takes every
// mail and keeps it for whom it is addressed to. It listens with postdesk's own
// package for receiving.
type mailHost struct {
	listen net.Listener
	server *smtpd.Server

	mu    sync.Mutex
	boxes map[string]chan *letter // by address
}

// letter is a mail that arrived.
type letter struct {
	*message.Message
	raw      []byte
	from, to string // of the envelope
}

func newMailHost() (*mailHost, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	h := &mailHost{listen: l, boxes: map[string]chan *letter{}}
	h.server = smtpd.New(smtpd.Options{Handler: h, Policy: smtpd.Policy{Hostname: "mx.elsewhere.example"}})
	go h.server.Serve(smtpd.MX, l) // ends with close
	return h, nil
}

func (h *mailHost) close() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	_ = h.server.Shutdown(ctx)
}

func (h *mailHost) addr() string { return h.listen.Addr().String() }

// box is where the mails to an address lie.
func (h *mailHost) box(address string) chan *letter {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.boxes[address] == nil {
		h.boxes[address] = make(chan *letter, 100)
	}
	return h.boxes[address]
}

// empty throws away what lies unread.
func (h *mailHost) empty() {
	h.mu.Lock()
	defer h.mu.Unlock()
	for address := range h.boxes {
		h.boxes[address] = make(chan *letter, 100)
	}
}

// Authenticate lets nobody in: this is no postdesk.
func (h *mailHost) Authenticate(context.Context, smtpd.Peer, string, string) (string, error) {
	return "", errors.New("no logins here")
}

// Mail takes every sender.
func (h *mailHost) Mail(context.Context, *smtpd.Envelope) error { return nil }

// Recipient takes every recipient.
func (h *mailHost) Recipient(context.Context, *smtpd.Envelope, addr.Address) error { return nil }

// Deliver keeps the mail in memory.
func (h *mailHost) Deliver(_ context.Context, env *smtpd.Envelope, raw message.Source) (string, []error, error) {
	data := make([]byte, raw.Size())
	if _, err := raw.ReadAt(data, 0); err != nil && err != io.EOF {
		return "", nil, err
	}
	parsed, err := message.Parse(message.BytesSource(data))
	if err != nil {
		return "", nil, err
	}
	for _, to := range env.To {
		select {
		case h.box(to.String()) <- &letter{Message: parsed, raw: data, from: env.From.String(), to: to.String()}:
		default:
			return "", nil, fmt.Errorf("the mailbox %s is full", to)
		}
	}
	return "demo", nil, nil
}

// names is the DNS of the demo: everybody's domain says that mail from this
// machine is its own.
type names struct{}

func (names) LookupTXT(_ context.Context, name string) ([]string, error) {
	if name = strings.TrimSuffix(name, "."); elsewhere[name] {
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
