package smtpd

import (
	"encoding/base64"
	"errors"
	"strings"
	"time"

	"github.com/emersion/go-sasl"
	gosmtp "github.com/emersion/go-smtp"

	"postdesk/internal/addr"
)

const (
	maxAuthFailures = 3           // per connection
	maxSASLLine     = 12288       // RFC 4954 §4
	maxUser         = 256         // bytes
	maxPassword     = 1024        // bytes
	firstDelay      = time.Second // doubled with each failure of a connection
	knownFor        = 30 * 24 * time.Hour
)

// authCommand checks an AUTH, RFC 4954 §4.
func (s *session) authCommand(arg string) string {
	fields := strings.Fields(arg)
	if no := s.authNotNow(fields); no != nil {
		s.answer(*no)
		return ""
	}
	pass := "AUTH " + strings.ToUpper(fields[0])
	if len(fields) == 2 {
		if fields[1] != "=" && !isBase64(fields[1]) {
			s.answer(answerBase64)
			return ""
		}
		pass += " " + fields[1]
	}
	s.leg.instead = &instead{2, say(235, 7, 0, "Authentication succeeded")}
	return pass
}

var answerBase64 = say(501, 5, 2, "Cannot decode the response")

// authNotNow is why an AUTH would be out of place.
func (s *session) authNotNow(fields []string) *answer {
	switch {
	case !s.isSubmission():
		return refusal(502, 5, 1, "No authentication here, use the submission port")
	case s.peer.TLS == "": // not announced either: the password is out, but here it is not believed
		return refusal(538, 7, 11, "Encryption required, use STARTTLS first")
	case !s.greeted:
		return refusal(503, 5, 1, "Introduce yourself first")
	case s.peer.Login != "":
		return refusal(503, 5, 1, "Already authenticated")
	case s.tx != nil:
		return refusal(503, 5, 1, "Not within a mail transaction")
	case len(fields) < 1 || len(fields) > 2:
		return refusal(501, 5, 4, "Syntax: AUTH mechanism [initial-response]")
	case !isMechanism(fields[0]):
		return refusal(504, 5, 4, "Mechanism not available")
	}
	return nil
}

func isMechanism(name string) bool {
	return strings.EqualFold(name, sasl.Plain) || strings.EqualFold(name, sasl.Login)
}

func isBase64(s string) bool {
	_, err := base64.StdEncoding.DecodeString(s)
	return err == nil
}

// nextSASL reads the client's answer to a challenge. It is never logged.
func (s *session) nextSASL() (string, error) {
	line, long, err := s.g.readLine(maxSASLLine, s.patience())
	switch {
	case err != nil:
		return "", err
	case line == "*":
		s.cancelSASL(say(501, 7, 0, "Authentication cancelled"))
	case long || !isBase64(line):
		s.cancelSASL(answerBase64)
	default:
		return line, s.g.err
	}
	return "*", s.g.err
}

// cancelSASL makes go-smtp end the exchange, with our answer.
func (s *session) cancelSASL(a answer) {
	s.inSASL = false
	s.leg.instead = &instead{0, a}
}

// AuthMechanisms is called by go-smtp; what is announced is in extensions.
func (s *session) AuthMechanisms() []string { return nil }

// Auth is called by go-smtp for an AUTH that command has let through.
func (s *session) Auth(mech string) (sasl.Server, error) {
	inner := sasl.Server(&loginServer{check: s.login})
	if mech == sasl.Plain {
		inner = sasl.NewPlainServer(s.plain)
	}
	return &exchange{s: s, inner: inner}, nil
}

// exchange follows an AUTH, so that the session knows what the next line is.
type exchange struct {
	s     *session
	inner sasl.Server
}

// Next implements sasl.Server. Errors that are no refusal are malformed input.
func (e *exchange) Next(response []byte) (challenge []byte, done bool, err error) {
	challenge, done, err = e.inner.Next(response)
	e.s.inSASL = err == nil && !done
	var refused *gosmtp.SMTPError
	if err != nil && !errors.As(err, &refused) {
		return nil, false, smtpError(501, [3]int{5, 5, 2}, "Cannot decode the response")
	}
	return challenge, done, err
}

// loginServer is the LOGIN mechanism (draft-murchison-sasl-login): two
// challenges. Old clients know nothing else.
type loginServer struct {
	check   func(user, password string) error
	user    string
	hasUser bool
}

// Next implements sasl.Server.
func (l *loginServer) Next(response []byte) (challenge []byte, done bool, err error) {
	switch {
	case response == nil && !l.hasUser:
		return []byte("Username:"), false, nil
	case !l.hasUser:
		l.user, l.hasUser = string(response), true
		return []byte("Password:"), false, nil
	}
	return nil, true, l.check(l.user, string(response))
}

// plain is the PLAIN mechanism, RFC 4616. Nobody may act for somebody else.
func (s *session) plain(identity, user, password string) error {
	if identity != "" && !strings.EqualFold(identity, user) {
		password = "" // never right; the refusal looks and takes as any other
	}
	return s.login(user, password)
}

// login checks a password. What the client hears of a failure is always the
// same, RFC 4954 §4.
func (s *session) login(user, password string) error {
	account := accountKey(user)
	if !s.srv.logins.take(account, s.peer.Addr) {
		s.loginFailed(user, "too many attempts")
		return smtpError(454, [3]int{4, 7, 0}, "Too many attempts, please try again later")
	}
	agent, err := s.authenticate(user, password)
	if err != nil {
		s.loginFailed(user, clean(err.Error()))
		return smtpError(535, [3]int{5, 7, 8}, "Authentication credentials invalid")
	}
	s.srv.logins.succeeded(account, s.peer.Addr)
	s.peer.Login, s.authFailures = agent, 0
	s.log.Info("logged in", "agent", agent)
	return nil
}

// authenticate asks the handler. Only a few passwords are hashed at a time:
// argon2id takes its memory each time.
func (s *session) authenticate(user, password string) (agent string, err error) {
	select {
	case s.srv.hashing <- struct{}{}:
		defer func() { <-s.srv.hashing }()
	case <-s.ctx.Done():
		return "", s.ctx.Err()
	}
	if len(user) > maxUser || len(password) > maxPassword {
		user, password = "", ""
	}
	err = s.guard(func() (err error) {
		agent, err = s.srv.opts.Handler.Authenticate(s.ctx, s.peer, user, password)
		return err
	})
	if err == nil && (agent == "" || password == "") {
		err = errors.New("no agent")
	}
	return agent, err
}

// loginFailed counts and slows down. The delay grows with each failure of the
// connection and does not depend on why it failed.
func (s *session) loginFailed(user, why string) {
	s.authFailures++
	s.srv.opts.Observer.AuthFailure(s.peer.Listener)
	s.log.Warn("login refused", "user", clean(user), "why", why)
	s.g.flush()
	s.srv.opts.Sleep(s.ctx, firstDelay<<(s.authFailures-1))
}

// accountKey is the name under which an account's attempts are counted.
func accountKey(user string) string {
	if a, err := addr.Parse(user); err == nil {
		return a.Key()
	}
	return strings.ToLower(clean(user))
}
