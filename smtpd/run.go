package smtpd

import (
	"context"
	"crypto/tls"
	"fmt"
	"log/slog"

	gosmtp "github.com/emersion/go-smtp"

	"postdesk/internal/message"
)

// newSession makes the session of a leg.
func (s *Server) newSession(g *gate, peer Peer, log *slog.Logger) *session {
	ses := &session{srv: s, g: g, leg: newLeg(g), log: log, ctx: s.base, peer: peer}
	ses.leg.s = ses
	if c, ok := g.conn.(*tls.Conn); ok {
		state := c.ConnectionState()
		ses.peer.TLS = tls.VersionName(state.Version) + " " + tls.CipherSuiteName(state.CipherSuite)
	}
	ses.refresh()
	return ses
}

// run lets go-smtp serve the session, and returns when none of its goroutines
// is left. Each session has a server of its own: go-smtp's settings can't
// change while it runs, ours can. Its limits are off, since the gate has them.
func (s *session) run(greet bool) {
	srv := gosmtp.NewServer(gosmtp.BackendFunc(func(*gosmtp.Conn) (gosmtp.Session, error) { return s, nil }))
	srv.Domain = s.policy.Hostname
	srv.LMTP = s.peer.Listener == LMTP
	srv.MaxLineLength = 2 * maxSASLLine
	srv.AllowInsecureAuth = true // it does not see the TLS; authCommand does
	srv.EnableSMTPUTF8 = true
	srv.ErrorLog = debugLog{s.log}
	if !greet { // after STARTTLS there is no greeting
		s.leg.instead = &instead{}
	}
	_ = srv.Serve(&oneConn{l: s.leg})      // errNoMore, always
	_ = srv.Shutdown(context.Background()) // waits for the connection's goroutine
}

// debugLog takes what go-smtp has to say: broken connections, mostly.
type debugLog struct{ log *slog.Logger }

// Printf implements gosmtp.Logger.
func (d debugLog) Printf(format string, v ...any) { d.log.Debug(clean(fmt.Sprintf(format, v...))) }

// Println implements gosmtp.Logger.
func (d debugLog) Println(v ...any) { d.log.Debug(clean(fmt.Sprintln(v...))) }

// maxLogged bounds what a client can put into one value of the log, in bytes.
const maxLogged = 256

// clean makes a client's words fit for a log.
func clean(s string) string { return message.Clean(s, maxLogged) }
