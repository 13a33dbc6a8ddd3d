package smtpd

import (
	"errors"
	"io"

	gosmtp "github.com/emersion/go-smtp"

	"postdesk/internal/message"
)

// outcome is what became of a mail.
type outcome struct {
	id       string
	verdicts []error // by place in env.To; nil: err is for all
	err      error
}

// of is the outcome for one recipient.
func (o outcome) of(place int) error {
	switch {
	case o.verdicts == nil:
		return o.err
	case place < len(o.verdicts):
		return o.verdicts[place]
	case o.err != nil:
		return o.err
	}
	return errors.New("the handler gave too few verdicts")
}

// Data is called by go-smtp after 354 over SMTP: one reply for the mail. It
// reads from the gate, and r only to let go-smtp see an end of data.
func (s *session) Data(r io.Reader) error {
	tx := s.tx
	o, err := s.receive(tx, r)
	if err != nil {
		return s.goneMidway(err)
	}
	w := s.tell(o.id, o.err)
	s.count(w)
	s.logMail(tx, o, w)
	return w.said
}

// LMTPData is Data over LMTP: one reply per recipient, in the order of RCPT.
// RFC 2033 §4.2.
func (s *session) LMTPData(r io.Reader, status gosmtp.StatusCollector) error {
	tx := s.tx
	o, err := s.receive(tx, r)
	if err != nil {
		return s.goneMidway(err)
	}
	told := make([]word, len(tx.slots))
	for i, slot := range tx.slots {
		if i > 0 && o.verdicts == nil {
			told[i] = told[0] // one fault, one name
		} else {
			told[i] = s.tell(o.id, o.of(slot.place))
		}
		s.count(told[i])
	}
	for i, w := range told {
		if i == 0 || o.verdicts != nil && w.cause != nil {
			s.logMail(tx, o, w)
		}
	}
	for i, slot := range tx.slots { // from here on go-smtp's other goroutine writes
		status.SetStatus(slot.name, told[i].said)
	}
	return nil
}

// receive reads the mail to its end and hands it over. An error means that
// there was no end; nothing has been handed over then.
func (s *session) receive(tx *transaction, r io.Reader) (outcome, error) {
	spool := s.srv.spools.New(tx.env.Size)
	defer spool.Close()
	found, err := s.g.readData(meter{s, spool}, s.policy.MessageSize, !s.peer.Frontend)
	if err != nil {
		return outcome{}, err
	}
	s.unsure = found.ambiguous
	s.leg.pending = []byte(".\r\n")
	if _, err := io.Copy(io.Discard, r); err != nil {
		return outcome{}, err
	}
	if err := s.judge(found); err != nil {
		return outcome{err: err}, nil
	}
	if err := spool.Seal(); err != nil {
		return outcome{err: err}, nil
	}
	return s.deliver(tx.env, spool), nil
}

// judge refuses a mail for its form, after its real end, so that the session
// stays in step. From a frontend only size counts: a refusal there is a bounce
// to whoever was forged as the sender.
func (s *session) judge(found defects) error {
	switch {
	case found.store != nil:
		return found.store
	case found.tooBig: // RFC 1870 §6.3
		return smtpError(552, [3]int{5, 3, 4}, "Message too big")
	case s.peer.Frontend:
		return nil
	case found.stray: // RFC 5321 §2.3.8
		return smtpError(550, [3]int{5, 6, 0}, "Message contains a NUL or a bare CR")
	case found.longLine:
		return smtpError(500, [3]int{5, 5, 2}, "Line too long in message")
	}
	return nil
}

// deliver asks the handler.
func (s *session) deliver(env *Envelope, spool *message.Spool) (o outcome) {
	o.err = s.guard(func() (err error) {
		o.id, o.verdicts, err = s.srv.opts.Handler.Deliver(s.ctx, env, spool)
		return err
	})
	return o
}

// tell is the reply for one outcome.
func (s *session) tell(id string, err error) word {
	var e *gosmtp.SMTPError
	switch {
	case err == nil:
		text := "queued"
		if id = publicText(id, false); id != "" {
			text += " as " + id
		}
		return word{said: smtpError(250, [3]int{2, 0, 0}, text)}
	case errors.As(err, &e):
		return word{said: e, cause: err}
	}
	return s.refuse(err)
}

// count counts one reply to a mail.
func (s *session) count(w word) {
	verdict := VerdictAccepted
	switch w.said.Code / 100 {
	case 2:
		s.bad, s.refused = 0, 0
	case 4:
		verdict = VerdictDeferred
	default:
		verdict = VerdictRefused
	}
	s.srv.opts.Observer.Mail(s.peer.Listener, verdict)
}

// goneMidway is for a mail whose end never came. go-smtp's reply goes nowhere.
func (s *session) goneMidway(err error) error {
	s.srv.opts.Observer.Mail(s.peer.Listener, VerdictAborted)
	s.log.Info("mail cut off", "err", clean(err.Error()))
	return smtpError(451, [3]int{4, 4, 2}, "No end of data")
}

func (s *session) logMail(tx *transaction, o outcome, w word) {
	args := []any{"helo", clean(s.peer.Helo), "from", tx.env.From.String(), "recipients", len(tx.env.To),
		"took_ms", s.srv.opts.Now().Sub(tx.env.Received).Milliseconds()}
	if o.id != "" {
		args = append(args, "id", clean(o.id))
	}
	s.logWord("received", w, args...)
}
