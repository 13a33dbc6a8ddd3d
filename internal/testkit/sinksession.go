package testkit

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"strings"
	"time"
)

// sinkSession is one connection of a sink. Answers are flushed when nothing
// more is there to be read, as a server that offers PIPELINING does (RFC 2920).
type sinkSession struct {
	sink *Sink
	conn net.Conn
	raw  net.Conn
	r    *bufio.Reader
	w    *bufio.Writer
	n    int
	tls  bool
	helo string
	user string
	mail *Received
}

// reset begins anew on c, after STARTTLS with nothing of before (RFC 3207 §4.2).
func (s *sinkSession) reset(c net.Conn) {
	s.conn, s.r, s.w = c, newSinkReader(c), bufio.NewWriter(c)
	s.helo, s.user, s.mail = "", "", nil
}

func (s *sinkSession) run() {
	if !s.say(AtConnect, "220 "+s.sink.opts.Hostname+" ESMTP") {
		return
	}
	for {
		if s.r.Buffered() == 0 && s.w.Flush() != nil {
			return
		}
		line, err := s.r.ReadString('\n')
		if err != nil {
			return
		}
		line = strings.TrimRight(line, "\r\n")
		s.sink.note(line)
		if !s.command(line) {
			s.w.Flush()
			return
		}
	}
}

// say answers at a stage, as the script wants or with the ordinary reply. It is
// false when the connection is over.
func (s *sinkSession) say(at Stage, reply string) bool {
	step, ok := s.sink.step(at)
	if !ok {
		_, err := s.w.WriteString(reply + "\r\n")
		return err == nil
	}
	return s.act(step, reply)
}

func (s *sinkSession) act(step Step, ordinary string) bool {
	if step.Stall {
		s.w.Flush()
		io.Copy(io.Discard, s.r)
		return false
	}
	reply := step.Reply
	if step.Reply == "" && !step.Drop {
		reply = ordinary
	}
	if step.Big > 0 {
		s.pad(reply, step.Big)
	}
	if reply != "" && !step.Raw {
		reply = strings.ReplaceAll(reply, "\n", "\r\n") + "\r\n"
	}
	s.w.WriteString(reply)
	if step.Drop {
		s.w.Flush()
		return false
	}
	return true
}

func (s *sinkSession) pad(reply string, size int) {
	line := reply[:min(3, len(reply))] + "-" + strings.Repeat("x", 500) + "\r\n"
	for n := 0; n < size; n += len(line) {
		if _, err := s.w.WriteString(line); err != nil {
			return
		}
	}
}

func (s *sinkSession) command(line string) bool {
	verb, arg, _ := strings.Cut(line, " ")
	switch strings.ToUpper(verb) {
	case "EHLO":
		s.helo, s.mail = arg, nil
		return s.say(AtEHLO, s.extensions())
	case "HELO":
		s.helo, s.mail = arg, nil
		return s.say(AtHELO, "250 "+s.sink.opts.Hostname)
	case "STARTTLS":
		return s.startTLS()
	case "AUTH":
		return s.auth(arg)
	case "MAIL":
		return s.mailFrom(arg)
	case "RCPT":
		return s.rcptTo(arg)
	case "DATA":
		return s.data()
	case "RSET":
		s.mail = nil
		return s.say(AtRSET, "250 2.0.0 ok")
	case "NOOP":
		return s.say("NOOP", "250 2.0.0 ok")
	case "QUIT":
		s.say(AtQUIT, "221 2.0.0 bye")
		return false
	}
	return s.say("unknown", "500 5.5.1 what?")
}

func (s *sinkSession) extensions() string {
	opts := s.sink.opts
	list := []string{opts.Hostname}
	for _, ext := range []string{"PIPELINING", "8BITMIME", "SMTPUTF8", "DSN", "ENHANCEDSTATUSCODES"} {
		if s.sink.offers(ext) {
			list = append(list, ext)
		}
	}
	if s.sink.offers("SIZE") {
		list = append(list, strings.TrimSuffix(fmt.Sprintf("SIZE %d", opts.MaxSize), " 0"))
	}
	if opts.TLS != nil && !s.tls {
		list = append(list, "STARTTLS")
	}
	if opts.Users != nil && (s.tls || opts.AuthInClear) {
		mechanisms := opts.Mechanisms
		if mechanisms == nil {
			mechanisms = []string{"PLAIN", "LOGIN"}
		}
		list = append(list, "AUTH "+strings.Join(mechanisms, " "))
	}
	for i := range list {
		sep := "-"
		if i == len(list)-1 {
			sep = " "
		}
		list[i] = "250" + sep + list[i]
	}
	return strings.Join(list, "\r\n")
}

func (s *sinkSession) startTLS() bool {
	if s.sink.opts.TLS == nil || s.tls {
		return s.say(AtSTARTTLS, "502 5.5.1 no TLS here")
	}
	step, scripted := s.sink.step(AtSTARTTLS)
	if scripted {
		if !s.act(step, "220 2.0.0 go on") || !strings.HasPrefix(step.Reply, "220") {
			return !step.Drop && !step.Stall
		}
	} else {
		s.w.WriteString("220 2.0.0 go on\r\n")
	}
	if step, ok := s.sink.step(AtTLS); ok {
		return s.act(step, "")
	}
	if s.w.Flush() != nil {
		return false
	}
	tc := tls.Server(s.conn, s.sink.opts.TLS)
	if tc.Handshake() != nil {
		return false
	}
	s.tls = true
	s.reset(tc)
	return true
}

func (s *sinkSession) auth(arg string) bool {
	if step, ok := s.sink.step(AtAUTH); ok {
		return s.act(step, "235 2.7.0 welcome")
	}
	mechanism, initial, _ := strings.Cut(arg, " ")
	var user, password string
	switch strings.ToUpper(mechanism) {
	case "PLAIN":
		if initial == "" {
			initial = s.ask("")
		}
		parts := strings.Split(sinkBase64(initial), "\x00")
		if len(parts) == 3 {
			user, password = parts[1], parts[2]
		}
	case "LOGIN":
		if initial == "" {
			initial = s.ask("Username:")
		}
		user, password = sinkBase64(initial), sinkBase64(s.ask("Password:"))
	default:
		return s.put("504 5.5.4 unknown mechanism")
	}
	if want, ok := s.sink.opts.Users[user]; !ok || want != password {
		return s.put("535 5.7.8 wrong user or password")
	}
	s.user = user
	return s.put("235 2.7.0 welcome")
}

func (s *sinkSession) put(reply string) bool {
	_, err := s.w.WriteString(reply + "\r\n")
	return err == nil
}

func (s *sinkSession) ask(challenge string) string {
	s.put("334 " + base64.StdEncoding.EncodeToString([]byte(challenge)))
	s.w.Flush()
	line, _ := s.r.ReadString('\n')
	return strings.TrimRight(line, "\r\n")
}

func sinkBase64(s string) string {
	b, err := base64.StdEncoding.DecodeString(s)
	if err != nil {
		return ""
	}
	return string(b)
}

// sinkPath splits "FROM:<a@b> SIZE=1" into the path without brackets and the
// parameters.
func sinkPath(arg, word string) (p, params string, ok bool) {
	if len(arg) < len(word) || !strings.EqualFold(arg[:len(word)], word) {
		return "", "", false
	}
	arg = strings.TrimLeft(arg[len(word):], " ")
	end := strings.LastIndexByte(arg, '>')
	if !strings.HasPrefix(arg, "<") || end < 0 {
		return "", "", false
	}
	return arg[1:end], strings.TrimSpace(arg[end+1:]), true
}

func (s *sinkSession) mailFrom(arg string) bool {
	from, params, ok := sinkPath(arg, "FROM:")
	switch {
	case !ok:
		return s.put("501 5.5.4 syntax: MAIL FROM:<address>")
	case s.helo == "" || s.mail != nil:
		return s.put("503 5.5.1 not now")
	case s.sink.opts.Users != nil && s.user == "":
		return s.put("530 5.7.0 authentication required")
	}
	step, scripted := s.sink.step(AtMAIL)
	if scripted && (step.Drop || step.Stall || !strings.HasPrefix(step.Reply, "2")) {
		return s.act(step, "")
	}
	s.mail = &Received{From: from, Helo: s.helo, User: s.user, TLS: s.tls, Conn: s.n}
	if params != "" {
		s.mail.Params = append(s.mail.Params, params)
	}
	if scripted {
		return s.act(step, "")
	}
	return s.put("250 2.1.0 ok")
}

func (s *sinkSession) rcptTo(arg string) bool {
	to, params, ok := sinkPath(arg, "TO:")
	if !ok {
		return s.put("501 5.5.4 syntax: RCPT TO:<address>")
	}
	if s.mail == nil {
		return s.put("503 5.5.1 MAIL first")
	}
	if reply := s.sink.opts.Recipients[to]; reply != "" {
		return s.put(reply)
	}
	step, scripted := s.sink.step(AtRCPT)
	if scripted && !strings.HasPrefix(step.Reply, "2") {
		return s.act(step, "")
	}
	s.mail.To = append(s.mail.To, to)
	if params != "" {
		s.mail.Params = append(s.mail.Params, params)
	}
	if scripted {
		return s.act(step, "")
	}
	return s.put("250 2.1.5 ok")
}

func (s *sinkSession) data() bool {
	if s.mail == nil || len(s.mail.To) == 0 {
		return s.dataForNobody()
	}
	begin, ok := s.sink.step(AtDATA)
	if ok && !strings.HasPrefix(begin.Reply, "354") {
		return s.act(begin, "")
	}
	if !s.act(begin, "354 go on") || s.w.Flush() != nil {
		return false
	}
	mail := *s.mail
	s.mail = nil
	raw, whole, ok := s.body()
	if !ok {
		return false
	}
	mail.Raw, mail.At = raw, time.Now()
	step, scripted := s.sink.step(AtDot)
	switch {
	case s.sink.opts.MaxSize > 0 && whole > s.sink.opts.MaxSize:
		return s.put("552 5.3.4 too large")
	case !scripted:
		s.sink.keep(mail)
		return s.put("250 2.0.0 queued as sink")
	}
	yes := strings.HasPrefix(step.Reply, "2")
	if step.Accept || yes {
		mail.Unanswered = !yes
		s.sink.keep(mail)
	}
	return s.act(step, "250 2.0.0 queued as sink")
}

// dataForNobody refuses DATA when no recipient was accepted, or by its script takes
// the mail and throws it away.
func (s *sinkSession) dataForNobody() bool {
	step, ok := s.sink.step(AtNobody)
	if !ok {
		return s.put("503 5.5.1 no recipient")
	}
	if !s.act(step, "") || s.w.Flush() != nil {
		return false
	}
	if !strings.HasPrefix(step.Reply, "354") {
		return true
	}
	_, size, ok := s.body()
	if !ok {
		return false
	}
	s.sink.note(".")
	if size > 0 {
		s.sink.t.Errorf("%d octets of a mail for nobody", size)
	}
	return s.put("250 2.0.0 thrown away")
}

// body reads a mail up to the final dot. Only CRLF.CRLF ends it, RFC 5321
// §4.1.1.4. A script at AtBody acts after the first line.
func (s *sinkSession) body() (raw []byte, size int64, ok bool) {
	var buf bytes.Buffer
	crlf, first := true, true
	for {
		line, err := s.r.ReadSlice('\n')
		if err != nil && err != bufio.ErrBufferFull {
			return nil, 0, false
		}
		if crlf && string(line) == ".\r\n" {
			return buf.Bytes(), size, true
		}
		if crlf && line[0] == '.' {
			line = line[1:]
		}
		crlf = bytes.HasSuffix(line, []byte("\r\n"))
		size += int64(len(line))
		if !s.sink.opts.Discard {
			buf.Write(line)
		}
		if first {
			first = false
			if step, scripted := s.sink.step(AtBody); scripted && !s.act(step, "") {
				return nil, 0, false
			}
		}
	}
}
