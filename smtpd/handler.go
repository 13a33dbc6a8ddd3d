// Package smtpd is where mail comes in: listeners, sessions, AUTH and limits.
// It knows the interface that it calls, not who answers.
package smtpd

import (
	"context"
	"net/netip"
	"time"

	"postdesk/internal/addr"
	"postdesk/internal/message"
)

// Kind is the kind of a listener, and the metrics' label.
type Kind string

// The kinds of listener.
const (
	MX          Kind = "mx"
	Submission  Kind = "submission"
	Submissions Kind = "submissions"
	LMTP        Kind = "lmtp"
)

// Peer is who is connected and what is known of the connection.
type Peer struct {
	Listener Kind
	Addr     netip.Addr // invalid for a unix socket
	Unix     bool
	Frontend bool   // one of the MTAs in front of us
	Trusted  bool   // in trusted_networks
	Helo     string // as given
	TLS      string // version and cipher, "" without TLS
	Login    string // agent id after AUTH
	Session  string // id for the log
}

// Envelope is one SMTP transaction. It is replaced, never cleared.
type Envelope struct {
	Peer     Peer
	From     addr.Address // zero is <>
	To       []addr.Address
	SMTPUTF8 bool
	Size     int64 // as declared with SIZE, 0 if not
	Received time.Time
}

// Handler is who answers. An error with a *reply.Error in its chain is told to
// the client; any other is 451 4.3.0 with an id. Every method may be called
// from many goroutines.
type Handler interface {
	// Authenticate returns the agent's id, or an error that the client hears
	// as 535, whatever it is. It must take the same time for unknown names.
	Authenticate(ctx context.Context, peer Peer, user, password string) (agent string, err error)
	// Mail decides on the envelope's sender. Called before the first Recipient.
	Mail(ctx context.Context, env *Envelope) error
	// Recipient decides on one more recipient, not yet in env.To.
	Recipient(ctx context.Context, env *Envelope, to addr.Address) error
	// Deliver takes the mail. A nil error means that it is durable; id is what
	// the client is told in "250 2.0.0 queued as id". Verdicts has one entry for
	// each of env.To (used by LMTP); nil means err holds for all of them. raw is
	// valid until Deliver returns.
	Deliver(ctx context.Context, env *Envelope, raw message.Source) (id string, verdicts []error, err error)
}
