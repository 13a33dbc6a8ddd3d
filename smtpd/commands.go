package smtpd

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxCommand is the longest command line that is looked at. RFC 5321
// §4.5.3.1.4 wants 512 octets, and more for the parameters of extensions.
const maxCommand = 2048

// maxHelo is the longest name that a client may give itself.
const maxHelo = 255

// command decides on one command line. What it returns goes to go-smtp; ""
// when the command has been answered here. go-smtp keeps too little of a
// command (it drops the quotes of addresses), allows too much (a second MAIL,
// AUTH within a transaction) and says too little, so that syntax and sequence
// are checked here, and go-smtp sees only what is in order.
func (s *session) command(line string) (pass string) {
	verb, arg, _ := strings.Cut(line, " ")
	verb, arg = strings.ToUpper(verb), strings.TrimSpace(arg)
	switch verb {
	case "HELO", "EHLO", "LHLO":
		return s.helo(verb, arg)
	case "MAIL":
		return s.mailCommand(arg)
	case "RCPT":
		return s.rcptCommand(arg)
	case "DATA":
		return s.dataCommand(arg)
	case "AUTH":
		return s.authCommand(arg)
	case "STARTTLS":
		s.startTLS(arg)
	case "RSET", "NOOP", "QUIT":
		return verb
	case "VRFY": // RFC 5321 §3.5.3: without telling
		s.answer(say(252, 5, 2, "Cannot verify, but will take mail and attempt delivery"))
	case "HELP":
		s.answer(say(214, 0, 0, "See RFC 5321"))
	case "EXPN", "ETRN", "TURN", "ATRN", "SEND", "SOML", "SAML":
		s.answer(say(502, 5, 1, "Command not implemented"))
	case "BDAT":
		s.bdat(arg)
	case "GET", "POST", "PUT", "HEAD", "CONNECT", "OPTIONS", "PATCH", "DELETE":
		s.g.end(answerNoSMTP) // a browser that was talked into it
	default:
		s.answer(say(500, 5, 1, "Command not recognised"))
	}
	return ""
}

// isPrintable says that a command has no control characters (but TAB). Neither
// has any command of SMTP, and what one program takes for a line end in the
// middle of an address, another may not.
func isPrintable(line string) bool {
	if !utf8.ValidString(line) {
		return false
	}
	return strings.IndexFunc(line, func(r rune) bool { return unicode.IsControl(r) && r != '\t' }) < 0
}

// helo is HELO, EHLO and LHLO: RFC 5321 §4.1.1.1, RFC 2033 §4.1. It ends a
// transaction.
func (s *session) helo(verb, arg string) string {
	name, _, _ := strings.Cut(strings.ReplaceAll(arg, "\t", " "), " ")
	switch {
	case s.peer.Listener == LMTP && verb != "LHLO":
		s.answer(say(500, 5, 1, "This is LMTP, use LHLO"))
		return ""
	case s.peer.Listener != LMTP && verb == "LHLO":
		s.answer(say(500, 5, 1, "This is SMTP, use EHLO"))
		return ""
	case name == "" || len(name) > maxHelo:
		s.answer(say(501, 5, 4, "Your name, please: "+verb+" host.example"))
		return ""
	}
	s.tx, s.greeted = nil, true
	s.refresh()
	s.peer.Helo = name
	hello := answer{code: 250, lines: []string{s.policy.Hostname}}
	if verb != "HELO" {
		hello.lines = append(hello.lines, s.extensions()...)
	}
	s.leg.instead = &instead{2, hello}
	return verb + " client" // go-smtp has no use for the name
}

// extensions is what EHLO announces. CHUNKING, which go-smtp can't be told to
// leave out, is not among it: a chunk that was cut off would be delivered.
func (s *session) extensions() []string {
	list := []string{"PIPELINING", "SIZE " + strconv.FormatInt(s.policy.MessageSize, 10),
		"8BITMIME", "ENHANCEDSTATUSCODES", "SMTPUTF8"}
	if s.canTLS() {
		list = append(list, "STARTTLS")
	}
	if s.isSubmission() && s.peer.TLS != "" && s.peer.Login == "" {
		list = append(list, "AUTH PLAIN LOGIN")
	}
	return list
}

func (s *session) canTLS() bool { return s.peer.TLS == "" && s.policy.GetCertificate != nil }

func (s *session) isSubmission() bool {
	return s.peer.Listener == Submission || s.peer.Listener == Submissions
}

// mailCommand checks a MAIL, RFC 5321 §4.1.1.2.
func (s *session) mailCommand(arg string) string {
	if s.tx == nil {
		s.refresh()
	}
	if no := s.mailNotNow(); no != nil {
		s.answer(*no)
		return ""
	}
	parsed, no := parseMail(arg)
	if no == nil && parsed.size > s.policy.MessageSize { // RFC 1870 §6.1
		no = refusal(552, 3, 4, "Message too big, the limit is "+strconv.FormatInt(s.policy.MessageSize, 10)+" bytes")
	}
	if no != nil {
		s.answer(*no)
		return ""
	}
	s.mail = parsed
	s.leg.instead = &instead{2, say(250, 1, 0, "Sender ok")}
	return "MAIL FROM:<>"
}

// mailNotNow is why a MAIL would be out of place.
func (s *session) mailNotNow() *answer {
	switch {
	case !s.greeted:
		return refusal(503, 5, 1, "Introduce yourself first")
	case s.tx != nil: // go-smtp would take it, and keep the recipients
		return refusal(503, 5, 1, "Sender already given, use RSET")
	case s.isSubmission() && s.peer.TLS == "":
		return refusal(530, 7, 0, "Must issue a STARTTLS command first")
	case s.isSubmission() && s.peer.Login == "": // RFC 4954 §6
		return refusal(530, 7, 0, "Authentication required")
	case s.peer.Listener == LMTP && !s.peer.Frontend: // no more, since a reload
		return &answerNoFrontend
	}
	return nil
}

// rcptCommand checks an RCPT, RFC 5321 §4.1.1.3.
func (s *session) rcptCommand(arg string) string {
	if s.tx == nil {
		s.answer(say(503, 5, 1, "Need MAIL before RCPT"))
		return ""
	}
	to, no := parseRcpt(arg, s.tx.env.SMTPUTF8)
	if no != nil {
		s.answer(*no)
		return ""
	}
	s.rcpt = to
	s.leg.instead = &instead{2, say(250, 1, 5, "Recipient ok")}
	if to.Domain == "" { // RFC 5321 §4.5.1: "<postmaster>"; go-smtp wants a domain
		to.Domain = "localhost"
	}
	return "RCPT TO:<" + to.String() + ">"
}

// dataCommand checks a DATA, RFC 5321 §4.1.1.4 and §3.3.
func (s *session) dataCommand(arg string) string {
	switch {
	case arg != "":
		s.answer(say(501, 5, 4, "DATA takes no argument"))
	case s.tx == nil:
		s.answer(say(503, 5, 1, "Need MAIL and RCPT before DATA"))
	case len(s.tx.env.To) == 0: // RFC 2033 §4.2 wants 503, RFC 5321 §3.3 allows both
		s.g.put(say(503, 5, 1, "No valid recipients").String()) // no error of a pipelining client
	default:
		return "DATA"
	}
	return ""
}

// bdat refuses a chunk, RFC 3030, that nobody offered to take. It follows the
// command without waiting for a reply, and must not be read as commands.
func (s *session) bdat(arg string) {
	s.answer(say(502, 5, 1, "BDAT is not offered here"))
	size, _, _ := strings.Cut(arg, " ")
	n, err := strconv.ParseUint(size, 10, 63)
	switch {
	case err != nil:
	case int64(n) > maxRaw(s.policy.MessageSize):
		s.g.end(answerTooBig)
	default:
		_ = s.g.skip(int64(n)) // sticky: the next read has it too
	}
}

// startTLS is STARTTLS, RFC 3207. Afterwards this session is over.
func (s *session) startTLS(arg string) {
	switch {
	case arg != "":
		s.answer(say(501, 5, 4, "STARTTLS takes no argument"))
	case s.peer.TLS != "":
		s.answer(say(503, 5, 1, "TLS is in use"))
	case !s.canTLS():
		s.answer(say(502, 5, 1, "TLS is not available"))
	default:
		s.g.put(say(220, 0, 0, "Ready to start TLS").String())
		if n := s.g.in.Buffered(); n > 0 {
			s.log.Warn("input before the TLS handshake was thrown away", "bytes", n)
		}
		if _, err := s.g.startTLS(s.ctx, s.srv.tls[s.peer.Listener]); err != nil {
			s.log.Info("TLS failed", "err", clean(err.Error()))
			return
		}
		s.upgraded = true
	}
}
