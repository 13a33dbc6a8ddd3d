// Package reply holds the one error type that crosses package borders on the
// way to an SMTP client: a code, an enhanced code, a sentence for the public,
// and a private cause for the log.
package reply

import (
	"errors"
	"fmt"
)

// Error is a refusal. Public is all that the other side ever sees; Err is for
// the log only. RFC 5321 §4.2, RFC 3463.
type Error struct {
	Code     int    // 4xx or 5xx, RFC 5321 §4.2.1
	Enhanced [3]int // RFC 3463
	Public   string // one sentence, no control characters, no private cause
	Err      error  // the private cause, may be nil
}

// New makes a refusal with a public sentence and no private cause.
func New(code int, enhanced [3]int, public string) *Error {
	return &Error{Code: code, Enhanced: enhanced, Public: public}
}

// Wrap is New with a private cause.
func Wrap(err error, code int, enhanced [3]int, public string) *Error {
	return &Error{Code: code, Enhanced: enhanced, Public: public, Err: err}
}

// Error is for logs: it includes the private cause.
func (e *Error) Error() string {
	s := fmt.Sprintf("%d %d.%d.%d %s", e.Code, e.Enhanced[0], e.Enhanced[1], e.Enhanced[2], e.Public)
	if e.Err != nil {
		s += ": " + e.Err.Error()
	}
	return s
}

// Unwrap gives the private cause.
func (e *Error) Unwrap() error { return e.Err }

// Temporary says whether the other side should try again (4xx).
func (e *Error) Temporary() bool { return e.Code/100 == 4 }

// From finds the refusal in a chain of errors. An error without one is
// nobody's business outside: 451 4.3.0 that carries id, so that the admin can
// find the cause in the log.
func From(err error, id string) *Error {
	var e *Error
	if errors.As(err, &e) {
		return e
	}
	return Wrap(err, 451, [3]int{4, 3, 0}, "Internal error, please try again later (id "+id+")")
}
