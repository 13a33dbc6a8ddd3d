package smtpd

import (
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"syscall"
	"unicode"
	"unicode/utf8"

	gosmtp "github.com/emersion/go-smtp"
	"golang.org/x/text/unicode/norm"

	"postdesk/internal/reply"
)

// answer is a reply of ours: code, enhanced code (RFC 2034) and text. Class 3
// and the greeting have no enhanced code, neither has a multi-line 250 of EHLO.
type answer struct {
	code     int
	enhanced [3]int
	lines    []string
}

// say makes an answer of one line.
func say(code, subject, detail int, text string) answer {
	return answer{code, [3]int{code / 100, subject, detail}, []string{text}}
}

// The answers that end a session.
var (
	answerShutdown      = say(421, 3, 2, "Going down, please come back later")
	answerTimeout       = say(421, 4, 2, "Timeout, closing the connection")
	answerTooManyErrors = say(421, 7, 0, "Too many errors, closing the connection")
	answerTooManyLogins = say(421, 7, 0, "Too many failed logins, closing the connection")
	answerPanic         = say(421, 3, 0, "Internal error, please try again later")
	answerBusy          = say(421, 3, 2, "Too many connections, please try again later")
	answerTooManyOfYou  = say(421, 7, 0, "Too many connections from your address")
	answerNoFrontend    = say(421, 7, 1, "Only the mail servers in front of us may speak LMTP here")
	answerTooBig        = say(552, 3, 4, "Message too big, closing the connection")
	answerNoSMTP        = say(502, 7, 0, "This is a mail server, closing the connection")
	answerAmbiguous     = say(421, 6, 0, "Ambiguous end of data, closing the connection")
)

// String is the answer as it goes over the wire.
func (a answer) String() string {
	var b strings.Builder
	for i, line := range a.lines {
		sep := "-"
		if i == len(a.lines)-1 {
			sep = " "
		}
		fmt.Fprintf(&b, "%d%s", a.code, sep)
		if a.enhanced[0] != 0 {
			fmt.Fprintf(&b, "%d.%d.%d ", a.enhanced[0], a.enhanced[1], a.enhanced[2])
		}
		b.WriteString(line + "\r\n")
	}
	return b.String()
}

// maxText bounds the text of a reply so that the line keeps to the 512 octets
// of RFC 5321 §4.5.3.1.5.
const maxText = 400

// publicText is s without anything that could end a line or command a
// terminal. Without SMTPUTF8 a reply is ASCII (RFC 5321 §4.2, RFC 6531
// §3.7.4.2), so that accents go.
func publicText(s string, utf8OK bool) string {
	var b strings.Builder
	if !utf8OK {
		s = norm.NFKD.String(plainPunctuation.Replace(s))
	}
	for _, r := range s {
		switch {
		case unicode.IsSpace(r):
			r = ' '
		case unicode.IsControl(r), unicode.In(r, unicode.Cf, unicode.Co, unicode.Cs), r == utf8.RuneError:
			continue
		case r >= utf8.RuneSelf && !utf8OK:
			if unicode.Is(unicode.Mn, r) {
				continue
			}
			r = '?'
		}
		if b.Len()+utf8.RuneLen(r) > maxText {
			break
		}
		b.WriteRune(r)
	}
	return strings.TrimSpace(b.String())
}

var plainPunctuation = strings.NewReplacer("’", "'", "‘", "'", "“", `"`, "”", `"`, "«", `"`, "»", `"`,
	"–", "-", "—", "-", "…", "...", "œ", "oe", "Œ", "OE", "æ", "ae", "Æ", "AE", "ß", "ss", "€", "EUR")

// word is a reply, with what only the log may know of it.
type word struct {
	said     *gosmtp.SMTPError
	cause    error  // nil: accepted
	incident string // names a fault of ours to the client; "" when said tells the reason
}

// refuse turns whatever went wrong into what go-smtp may tell the client. It
// is the only way out for an error: go-smtp makes 554, permanent, with the
// error's own text of any error that is not exactly *SMTPError. The caller logs
// it.
func (s *session) refuse(err error) word {
	w := word{cause: err}
	var known *reply.Error
	if !errors.As(err, &known) {
		s.incidents++
		w.incident = fmt.Sprintf("%s-%d", s.peer.Session, s.incidents)
		known = internalError(err, w.incident)
	}
	w.said = s.public(known)
	return w
}

// logWord writes the one line of the log about a reply: a fault of ours is an
// error, and what the client is to try again a warning.
func (s *session) logWord(what string, w word, args ...any) {
	args = append(args, "code", w.said.Code)
	if w.cause != nil {
		args = append(args, "err", clean(w.cause.Error()))
	}
	level := slog.LevelInfo
	switch {
	case w.incident != "":
		level, args = slog.LevelError, append(args, "incident", w.incident)
	case w.said.Code/100 == 4:
		level = slog.LevelWarn
	}
	s.log.Log(s.ctx, level, what, args...)
}

// public is what the client is told of a refusal.
func (s *session) public(e *reply.Error) *gosmtp.SMTPError {
	code, enhanced := e.Code, e.Enhanced
	if code < 400 || code > 599 {
		code = 451
	}
	if enhanced[0] != code/100 {
		enhanced = [3]int{code / 100, 0, 0}
	}
	utf8OK := s.tx != nil && s.tx.env.SMTPUTF8
	return smtpError(code, enhanced, publicText(e.Public, utf8OK))
}

// internalError is 451, or 452 when it is the disk that is full, RFC 3463 §3.4.
func internalError(err error, id string) *reply.Error {
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		return reply.Wrap(err, 452, [3]int{4, 3, 1}, "Insufficient system storage, please try again later (id "+id+")")
	}
	return reply.From(err, id)
}

func smtpError(code int, enhanced [3]int, text string) *gosmtp.SMTPError {
	return &gosmtp.SMTPError{Code: code, EnhancedCode: gosmtp.EnhancedCode(enhanced), Message: text}
}
