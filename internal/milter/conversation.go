package milter

import (
	"context"
	"io"
	"net"
	"net/netip"
	"strings"
	"time"

	"github.com/emersion/go-milter"

	"postdesk/internal/message"
)

// What we let a filter ask for. All actions of protocol version 2 are offered,
// since filters refuse to work without those that they might use; what would
// change the mail is not done. All that may be left out may be left out.
const (
	actionMask = milter.OptAddHeader | milter.OptChangeBody | milter.OptAddRcpt | milter.OptRemoveRcpt |
		milter.OptChangeHeader | milter.OptQuarantine
	protocolMask = milter.OptNoConnect | milter.OptNoHelo | milter.OptNoMailFrom | milter.OptNoRcptTo |
		milter.OptNoBody | milter.OptNoHeaders | milter.OptNoEOH
)

// dialer makes one connection that ends with its context. The library forgets
// to close it when the negotiation fails, and sets deadlines of its own for
// each packet, so that closing is the only way to end a conversation in time.
type dialer struct {
	ctx  context.Context
	conn net.Conn
}

// Dial implements the library's Dialer.
func (d *dialer) Dial(network, address string) (net.Conn, error) {
	var nd net.Dialer
	conn, err := nd.DialContext(d.ctx, network, address)
	d.conn = conn
	return conn, err
}

// open connects and negotiates. closeSession must be called when the error is
// nil.
func open(ctx context.Context, f filter, timeout time.Duration) (s *milter.ClientSession, closeSession func(), err error) {
	d := &dialer{ctx: ctx}
	stop := func() bool { return true }
	hook := dialFunc(func(network, address string) (net.Conn, error) {
		conn, err := d.Dial(network, address)
		if err == nil {
			stop = context.AfterFunc(ctx, func() { _ = conn.Close() })
		}
		return conn, err
	})
	c := milter.NewClientWithOptions(f.network, f.address, milter.ClientOptions{
		Dialer: hook, ReadTimeout: timeout, WriteTimeout: timeout, ActionMask: actionMask, ProtocolMask: protocolMask,
	})
	s, err = c.Session()
	if err != nil {
		stop()
		if d.conn != nil {
			_ = d.conn.Close()
		}
		return nil, nil, err
	}
	return s, func() {
		_ = s.Close()
		stop()
		_ = d.conn.Close()
	}, nil
}

type dialFunc func(network, address string) (net.Conn, error)

func (f dialFunc) Dial(network, address string) (net.Conn, error) { return f(network, address) }

// conversation tells one filter about one mail. done holds an answer that ends
// it before the end of the mail.
type conversation struct {
	*milter.ClientSession
	in   In
	done *milter.Action
	err  error
}

// run plays the stages of a transaction in their order.
func (c *conversation) run() (Verdict, error) {
	for _, stage := range []func(){c.connect, c.envelope, c.header, c.body} {
		stage()
		if c.err != nil {
			return Verdict{}, c.err
		}
		if c.done != nil {
			return verdict(nil, c.done)
		}
	}
	c.macros(milter.CodeEOB, "i", c.in.QueueID)
	if c.err != nil {
		return Verdict{}, c.err
	}
	changes, act, err := c.End()
	if err != nil {
		return Verdict{}, err
	}
	return verdict(changes, act)
}

// ended notes an answer and says whether the conversation is over.
func (c *conversation) ended(act *milter.Action, err error) bool {
	switch {
	case err != nil:
		c.err = err
	case act.Code != milter.ActContinue:
		c.done = act
	}
	return c.err != nil || c.done != nil
}

// macros sends what is not empty.
func (c *conversation) macros(stage milter.Code, kv ...string) {
	var list []string
	for i := 0; i+1 < len(kv); i += 2 {
		if kv[i+1] != "" {
			list = append(list, kv[i], cString(kv[i+1]))
		}
	}
	if len(list) > 0 && c.err == nil {
		c.err = c.Macros(stage, list...)
	}
}

func (c *conversation) connect() {
	c.macros(milter.CodeConn, "j", c.in.ServerName, "{daemon_name}", "postdesk")
	ip := c.in.Peer.Addr().Unmap()
	name, family, text := cString(c.in.PeerName), familyOf(ip), ""
	if ip.IsValid() {
		text = ip.WithZone("").String()
	}
	if name == "" {
		name = "[" + text + "]"
	}
	if c.err != nil || c.ended(c.Conn(name, family, c.in.Peer.Port(), text)) {
		return
	}
	c.ended(c.Helo(cString(c.in.Helo)))
}

func familyOf(ip netip.Addr) milter.ProtoFamily {
	switch {
	case ip.Is4():
		return milter.FamilyInet
	case ip.Is6():
		return milter.FamilyInet6
	}
	return milter.FamilyUnknown
}

// envelope tells sender and recipients. A filter that refuses one recipient
// refuses the mail: at this point all have been accepted already.
func (c *conversation) envelope() {
	c.macros(milter.CodeMail, "i", c.in.QueueID, "{mail_addr}", c.in.From.String(), "{auth_authen}", c.in.Login)
	if c.err != nil || c.ended(c.Mail(cString(c.in.From.String()), nil)) {
		return
	}
	for _, to := range c.in.To {
		c.macros(milter.CodeRcpt, "{rcpt_addr}", to.String())
		if c.err != nil || c.ended(c.Rcpt(cString(to.String()), nil)) {
			return
		}
	}
}

func (c *conversation) header() {
	for _, f := range c.in.Fields {
		if f.Name == "" {
			continue // a line that is no field
		}
		if c.ended(c.HeaderField(cString(f.Name), fieldValue(f))) {
			return
		}
	}
	c.ended(c.HeaderEnd())
}

// fieldValue is a field's value as the protocol wants it: without the space
// after the colon, lines ended by LF.
func fieldValue(f message.Field) string {
	_, v, _ := strings.Cut(string(f.Raw), ":")
	v = strings.TrimSuffix(strings.ReplaceAll(v, "\r\n", "\n"), "\n")
	return cString(strings.TrimPrefix(v, " "))
}

// cString makes text safe for a field that ends at the first NUL: what stands
// behind one would be read as something else.
func cString(s string) string { return strings.ReplaceAll(s, "\x00", " ") }

// body sends the body in pieces. The library's own loop loses a last piece
// that comes together with the end of the file.
func (c *conversation) body() {
	if c.in.Body == nil {
		return
	}
	buf := make([]byte, milter.MaxBodyChunk)
	for off, size := int64(0), c.in.Body.Size(); off < size; {
		n, err := c.in.Body.ReadAt(buf[:min(int64(len(buf)), size-off)], off)
		if n == 0 {
			if err == nil || err == io.EOF {
				err = io.ErrUnexpectedEOF
			}
			c.err = err
			return
		}
		if c.ended(c.BodyChunk(buf[:n])) {
			return
		}
		off += int64(n)
	}
}
