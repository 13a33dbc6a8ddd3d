package relay

import (
	"bytes"
	"errors"
	"io"
	"strconv"
	"time"

	"postdesk/internal/addr"
)

// envelope is what one SMTP transaction is about.
type envelope struct {
	from       addr.Address // zero is <>
	to         []addr.Address
	utf8       bool // SMTPUTF8 is needed, RFC 6531
	notifyNone bool // NOTIFY=NEVER where DSN is offered, RFC 3461 §4.1
}

// verdict is what became of one recipient: nil failure is accepted.
type verdict struct {
	answer  answer
	failure *failure
}

// errWithdrawn says that a row was held, dropped or changed since it was
// claimed: the final dot must not be sent.
var errWithdrawn = errors.New("the mail was withdrawn from the queue")

// transact sends one mail to several recipients and returns one verdict for
// each, RFC 5321 §3.3. body is asked for when the server's extensions are known.
// started is called with the accepted recipients before the answer to DATA is
// read; the final dot is only sent when it returned nil. It is called without a
// recipient before a dot that ends no mail. fault is a failure that
// concerns the connection as well as the verdicts.
func (c *conn) transact(env *envelope, body *outgoingBody, started func(accepted []int) error) (verdicts []verdict, fault *failure) {
	verdicts = make([]verdict, len(env.to))
	if c.dirty {
		if a, f := c.command("RSET", c.timeouts.Command, "RSET"); f != nil || a.code != 250 {
			if f == nil {
				f = unwelcome(c.host, "RSET", a)
			}
			return fill(verdicts, f), f
		}
		c.dirty = false
	}
	accepted, f := c.envelope(env, body, verdicts)
	var a answer
	switch {
	case f != nil:
	case len(accepted) > 0:
		a, f = c.data(body, accepted, started)
	default:
		f = c.undata(started)
	}
	if f != nil && errors.Is(f.err, errOutOfStep) {
		verdicts = make([]verdict, len(env.to)) // what was said about one recipient may have been said about another
	}
	switch {
	case f != nil && f.lost:
		return fill(verdicts, f), f
	case f != nil || len(accepted) == 0:
		c.dirty = true
		return fill(verdicts, f), nil
	}
	c.mails++
	for _, i := range accepted {
		verdicts[i].answer = a
	}
	return verdicts, nil
}

// fill gives f to every recipient that has no verdict of its own.
func fill(verdicts []verdict, f *failure) []verdict {
	for i := range verdicts {
		if verdicts[i].failure == nil {
			verdicts[i].failure = f
		}
	}
	return verdicts
}

// pipelines says whether MAIL, RCPT and DATA are said in one go, RFC 2920 §3.1.
func (c *conn) pipelines() bool { return c.has("PIPELINING") }

// envelope says MAIL and RCPT, and DATA with them where the server lets us
// (RFC 2920); its answer is still to be read then. Recipients that are refused
// have their verdict set.
func (c *conn) envelope(env *envelope, body *outgoingBody, verdicts []verdict) (accepted []int, fault *failure) {
	c.nc.SetWriteDeadline(c.deadline(c.timeouts.Command)) // many recipients are more than is buffered
	c.writeMail(env, body)
	if c.pipelines() {
		for _, to := range env.to {
			c.writeRcpt(env, to)
		}
		c.write("DATA")
	}
	if f := c.flush("MAIL", c.timeouts.Command); f != nil {
		return nil, f
	}
	a, f := c.read("MAIL", c.timeouts.Command)
	if f != nil {
		return nil, f
	}
	refused := !a.positive()
	if refused {
		f := c.refusedMail(a)
		fill(verdicts, f)
		if f.lost || !c.pipelines() {
			return nil, lostOnly(f)
		}
	}
	for i, to := range env.to {
		if !c.pipelines() {
			c.writeRcpt(env, to)
			if f := c.flush("RCPT", c.timeouts.Command); f != nil {
				return nil, f
			}
		}
		a, f := c.read("RCPT", c.timeouts.Command)
		switch {
		case f != nil:
			return nil, f
		case refused: // whatever is said of a recipient
		case a.positive():
			accepted = append(accepted, i)
		default:
			f := refusal(c.host, "RCPT", a)
			verdicts[i].failure = f
			if f.lost {
				return nil, f
			}
		}
	}
	return accepted, nil
}

// lostOnly is f when the connection is over with it.
func lostOnly(f *failure) *failure {
	if f.lost {
		return f
	}
	return nil
}

// refusedMail reads a refusal of MAIL. That we must authenticate or begin TLS
// is our own configuration's fault; no mail is given up for it.
func (c *conn) refusedMail(a answer) *failure {
	f := refusal(c.host, "MAIL", a)
	switch a.code {
	case 530, 534, 535, 538:
		f.final, f.config = false, true
	}
	return f
}

func (c *conn) writeMail(env *envelope, body *outgoingBody) {
	params := ""
	if c.has("SIZE") {
		params += " SIZE=" + strconv.FormatInt(body.size(), 10) // RFC 1870
	}
	if body.eightBit && c.has("8BITMIME") {
		params += " BODY=8BITMIME" // RFC 6152
	}
	if env.utf8 {
		params += " SMTPUTF8" // RFC 6531 §3.4
	}
	c.write("MAIL FROM:<", env.from.String(), ">", params)
}

func (c *conn) writeRcpt(env *envelope, to addr.Address) {
	params := ""
	if env.notifyNone && c.has("DSN") {
		params = " NOTIFY=NEVER"
	}
	c.write("RCPT TO:<", to.String(), ">", params)
}

// data sends the mail. The record that it began is made while the server's
// answer to DATA may be on its way, and always before the final dot.
func (c *conn) data(body *outgoingBody, accepted []int, started func([]int) error) (answer, *failure) {
	c.until = time.Time{} // from here on each step has its own time
	if !c.pipelines() {
		c.write("DATA")
		if f := c.flush("DATA", c.timeouts.Data); f != nil {
			return answer{}, f
		}
	}
	if err := started(accepted); err != nil {
		return answer{}, brokenOff(c.host, "DATA", err)
	}
	a, f := c.readGoAhead()
	switch {
	case f != nil:
		return answer{}, f
	case c.r.Buffered() > 0:
		return answer{}, brokenOff(c.host, "DATA", errOutOfStep)
	case a.code != 354:
		return answer{}, refusal(c.host, "DATA", a)
	}
	if f := c.sendBody(body); f != nil {
		return answer{}, f
	}
	return c.finish()
}

// readGoAhead takes the answer to DATA, which is 354 or a refusal. A yes is the
// answer to something else.
func (c *conn) readGoAhead() (answer, *failure) {
	a, f := c.read("DATA", c.timeouts.Data)
	if f == nil && a.positive() {
		f = brokenOff(c.host, "DATA", errOutOfStep)
	}
	return a, f
}

// undata takes back a DATA that was said before the answers to MAIL and RCPT were
// known: nobody is to have the mail. A server that says 354 all the same gets a
// dot, RFC 2920 §3.1. What it says to that is no delivery, and it has no more time
// for it than for the envelope.
func (c *conn) undata(started func([]int) error) (fault *failure) {
	if !c.pipelines() {
		return nil
	}
	a, f := c.readGoAhead()
	switch {
	case f != nil:
		return f
	case a.code != 354:
		return lostOnly(refusal(c.host, "DATA", a))
	}
	if err := started(nil); err != nil {
		return brokenOff(c.host, "DATA", err)
	}
	if _, f = c.finish(); f != nil {
		return lostOnly(f)
	}
	return nil // not even a yes: there was no mail
}

// finish sends the final dot and takes the answer that decides. Any positive
// completion is one, RFC 5321 §4.3.2.
func (c *conn) finish() (answer, *failure) {
	c.w.WriteString(".\r\n")
	if f := c.flush("end of data", c.timeouts.Block); f != nil {
		f.doubt = true
		return answer{}, f
	}
	a, f := c.read("end of data", c.timeouts.Dot)
	switch {
	case f != nil && errors.Is(f.err, errReplyTooLong) && a.positive():
		return a, nil // it is taken; the next command finds out about the line
	case f != nil:
		f.doubt = true
		return answer{}, f
	case a.positive():
		return a, nil
	}
	f = refusal(c.host, "end of data", a)
	f.doubt = a.code < 400
	return answer{}, f
}

// errRead marks a fault of our own disk in the middle of a mail.
var errRead = errors.New("the stored mail can't be read")

// sendBody sends the mail without the final dot. When the mail can't be read to
// its end the connection is dropped, so that half a mail is never finished with
// a dot.
func (c *conn) sendBody(body *outgoingBody) *failure {
	stuff := dotStuffer{w: c.w, start: true}
	err := body.copyTo(func(chunk []byte) error {
		c.nc.SetWriteDeadline(time.Now().Add(c.timeouts.Block))
		return stuff.write(chunk)
	})
	if err == nil {
		err = stuff.end()
	}
	switch {
	case err == nil:
		return nil
	case errors.Is(err, errRead):
		f := brokenOff(c.host, "mail", err)
		f.config = true
		return f
	}
	return c.lastWords(err)
}

// lastWords looks for the answer of a server that closed the connection in the
// middle of the mail, since it says why.
func (c *conn) lastWords(err error) *failure {
	if a, f := c.read("data", time.Second); f == nil && a.code >= 400 {
		f := refusal(c.host, "data", a)
		f.lost = true
		return f
	}
	return brokenOff(c.host, "data", err)
}

// dotStuffer doubles the dot at the beginning of a line, RFC 5321 §4.5.2.
type dotStuffer struct {
	w     io.Writer
	start bool // at the beginning of a line
	any   bool
}

var (
	dotLine = []byte("\n.")
	oneDot  = []byte(".")
)

func (d *dotStuffer) write(p []byte) error {
	if len(p) == 0 {
		return nil
	}
	if d.start && p[0] == '.' {
		if _, err := d.w.Write(oneDot); err != nil {
			return err
		}
	}
	d.start, d.any = p[len(p)-1] == '\n', true
	for {
		i := bytes.Index(p, dotLine)
		if i < 0 {
			_, err := d.w.Write(p)
			return err
		}
		if _, err := d.w.Write(p[:i+1]); err != nil {
			return err
		}
		if _, err := d.w.Write(oneDot); err != nil {
			return err
		}
		p = p[i+1:]
	}
}

// end closes an unfinished last line: the final dot needs one of its own.
func (d *dotStuffer) end() error {
	if d.start && d.any {
		return nil
	}
	_, err := d.w.Write([]byte("\r\n"))
	return err
}

// sizeLimit is the largest mail that the server takes, RFC 1870 §4; 0 is unknown
// or none.
func (c *conn) sizeLimit() int64 {
	n, err := strconv.ParseInt(c.ext["SIZE"], 10, 64)
	if err != nil || n < 0 {
		return 0
	}
	return n
}
