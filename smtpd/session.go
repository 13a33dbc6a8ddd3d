package smtpd

import (
	"context"
	"fmt"
	"log/slog"
	"runtime/debug"
	"time"

	gosmtp "github.com/emersion/go-smtp"

	"postdesk/internal/addr"
)

// maxBad is how many syntax and sequence errors a client may make.
const maxBad = 10

// maxRefused is how many refused recipients a client may try between two
// accepted mails: more is fishing for addresses.
const maxRefused = 50

// session is one client, from the greeting or from STARTTLS on. go-smtp calls
// it as its Session; the leg asks it about each command before that.
type session struct {
	srv    *Server
	g      *gate
	leg    *leg
	log    *slog.Logger
	ctx    context.Context
	policy *Policy
	peer   Peer

	greeted  bool         // HELO, EHLO or LHLO was said
	tx       *transaction // nil outside of one; replaced, never cleared
	mail     mailArg      // of the MAIL that go-smtp is handling
	rcpt     addr.Address // of the RCPT that go-smtp is handling
	inSASL   bool         // the next line is not a command
	upgraded bool         // STARTTLS succeeded; this session is over
	unsure   bool         // the last mail had an ambiguous end: read no further

	bad, refused, authFailures, incidents int
}

var (
	_ gosmtp.LMTPSession = (*session)(nil)
	_ gosmtp.AuthSession = (*session)(nil)
)

// transaction is one MAIL with its RCPTs. RFC 5321 §3.3.
type transaction struct {
	env   *Envelope
	slots []slot
}

// slot is one accepted RCPT: the name that go-smtp has for it, and its place
// in env.To. The same address twice has two slots and one place.
type slot struct {
	name  string
	place int
}

// next reads the next line. pass is what go-smtp gets to see of it; ok is false
// when it has been answered here.
func (s *session) next() (pass string, ok bool, err error) {
	switch {
	case s.unsure:
		s.g.end(answerAmbiguous)
	case s.inSASL:
		pass, err = s.nextSASL()
		return pass, err == nil, err
	default:
		pass = s.nextCommand()
	}
	return pass, pass != "", s.g.err
}

// nextCommand reads a command. "" means that it has been answered here, or that
// the session is over.
func (s *session) nextCommand() (pass string) {
	line, long, err := s.g.readLine(maxCommand, s.patience())
	switch {
	case err != nil:
	case long:
		s.answer(say(500, 5, 2, "Line too long"))
	case !isPrintable(line):
		s.answer(say(500, 5, 2, "Bad character in command"))
	default:
		return s.command(line)
	}
	return ""
}

// patience is how long to wait for a command: short while most connections are
// taken, except for the MTAs in front of us.
func (s *session) patience() time.Duration {
	t := s.srv.opts.Timeouts
	if !s.peer.Frontend && s.srv.conns.crowded(s.policy.Connections) {
		return min(t.Overload, t.Command)
	}
	return t.Command
}

// answer replies without go-smtp.
func (s *session) answer(a answer) {
	s.g.put(a.String())
	s.replied(a.code)
}

// replied counts what was said to the client, and ends the session of one who
// only makes errors. RFC 5321 §3.8 allows 421 at any time.
func (s *session) replied(code int) {
	switch {
	case code == 421:
		if s.g.err == nil {
			s.g.flush()
			s.g.err = errEnded
		}
	case code >= 500 && code <= 504 || code == 555:
		if s.bad++; s.bad >= maxBad {
			s.g.end(answerTooManyErrors)
		}
	case s.refused >= maxRefused && !s.peer.Frontend:
		s.g.end(answerTooManyErrors)
	case s.authFailures >= maxAuthFailures:
		s.g.end(answerTooManyLogins)
	}
}

// refresh takes the policy of now. Called where no transaction is open.
func (s *session) refresh() {
	s.policy = s.srv.policy.Load()
	s.peer.Frontend = s.policy.isFrontend(s.peer.Addr, s.peer.Unix)
	s.peer.Trusted = !s.peer.Frontend && contains(s.policy.TrustedNetworks, s.peer.Addr)
}

// Mail is called by go-smtp for a MAIL that command has let through; the
// arguments are those of s.mail, not go-smtp's.
func (s *session) Mail(string, *gosmtp.MailOptions) error {
	arg := s.mail
	s.tx = nil
	if !s.srv.spools.HasRoom(arg.size) {
		s.log.Warn("no room for a mail", "from", arg.from.String(), "size", arg.size)
		return smtpError(452, [3]int{4, 3, 1}, noRoom)
	}
	if !s.srv.takeMessage(s.peer, s.policy, arg.size) {
		s.log.Info("message rate exceeded", "from", arg.from.String())
		return smtpError(450, [3]int{4, 7, 1}, "Too many messages from your address, please try again later")
	}
	env := &Envelope{Peer: s.peer, From: arg.from, SMTPUTF8: arg.utf8, Size: arg.size, Received: s.srv.opts.Now()}
	err := s.guard(func() error { return s.srv.opts.Handler.Mail(s.ctx, env) })
	if err != nil {
		w := s.refuse(err)
		s.logWord("sender refused", w, "from", arg.from.String())
		return w.said
	}
	s.tx = &transaction{env: env}
	return nil
}

// Rcpt is called by go-smtp for an RCPT that command has let through. name is
// how go-smtp calls the recipient; the address is s.rcpt.
func (s *session) Rcpt(name string, _ *gosmtp.RcptOptions) error {
	to, tx := s.rcpt, s.tx
	if len(tx.slots) >= s.policy.Recipients { // RFC 5321 §4.5.3.1.10
		return smtpError(452, [3]int{4, 5, 3}, "Too many recipients")
	}
	for i, known := range tx.env.To {
		if known.Equal(to) {
			tx.slots = append(tx.slots, slot{name, i})
			return nil
		}
	}
	err := s.guard(func() error { return s.srv.opts.Handler.Recipient(s.ctx, tx.env, to) })
	if err != nil {
		w := s.refuse(err)
		s.refused++
		s.logWord("recipient refused", w, "from", tx.env.From.String(), "to", to.String())
		return w.said
	}
	tx.env.To = append(tx.env.To, to)
	tx.slots = append(tx.slots, slot{name, len(tx.env.To) - 1})
	return nil
}

// Reset is called by go-smtp for RSET, EHLO and after DATA.
func (s *session) Reset() { s.tx = nil }

// Logout is called by go-smtp, possibly from another goroutine. The session
// has an owner that cleans up.
func (s *session) Logout() error { return nil }

// guard runs a method of the handler and turns its panic into an error: one
// mail that nobody thought of must not take the server down.
func (s *session) guard(fn func() error) (err error) {
	defer func() {
		if r := recover(); r != nil {
			s.log.Error("panic", "what", "handler", "err", fmt.Sprint(r), "stack", string(debug.Stack()))
			err = fmt.Errorf("panic: %v", r)
		}
	}()
	return fn()
}
