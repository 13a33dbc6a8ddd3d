package smtpd

import (
	"fmt"
	"slices"
	"strings"
)

// The numbers that the model shares with the server: they are policy, no RFC has
// them.
const (
	modelErrors     = 10   // syntax and sequence errors of a session
	modelRefused    = 50   // refused recipients between two mails
	modelLogins     = 3    // failed logins
	modelRecipients = 5    // of a transaction
	modelCommand    = 2048 // octets of a command line
	modelSASL       = 12288
	modelLine       = 64 << 10 // octets of a line of a mail
)

// model is an SMTP session as the RFCs have it, in a few variables and without a
// look at the server: what each command is answered in each state, and which
// envelopes come out. RFC 5321, 1870 (SIZE), 2033 (LMTP), 2920 (pipelining),
// 3207 (STARTTLS), 4954 (AUTH), 6531 (SMTPUTF8).
type model struct {
	kind     Kind
	frontend bool  // one of the MTAs in front of us: judged by size alone
	cert     bool  // there is one
	size     int64 // the largest mail

	tls, greeted, over        bool
	helo, login               string
	errors, refused, failures int
	tx                        *modelTx
	mails                     []string // the envelopes and texts that must have come out

	out []turn // of the command at hand
}

// modelTx is one MAIL with its RCPTs.
type modelTx struct {
	from  string
	utf8  bool
	size  int64
	slots []string // as given, twice is twice
}

// step takes one command and gives what a client sends for it.
func (m *model) step(c command) []turn {
	m.out = []turn{{send: c.line}}
	switch {
	case c.verb == "":
		m.say(c.flaw)
	case c.verb == "HELO" || c.verb == "EHLO" || c.verb == "LHLO":
		m.hello(c)
	case c.verb == "MAIL":
		m.mail(c)
	case c.verb == "RCPT":
		m.rcpt(c)
	case c.verb == "DATA":
		m.data(c)
	case c.verb == "AUTH":
		m.auth(c)
	case c.verb == "STARTTLS":
		m.startTLS(c)
	case c.verb == "BDAT":
		m.bdat(c)
	default:
		m.simple(c.verb)
	}
	return m.out
}

// simple is what is answered the same in every state, RFC 5321 §4.1.4.
func (m *model) simple(verb string) {
	switch verb {
	case "RSET":
		m.tx = nil
		m.say("250")
	case "NOOP":
		m.say("250")
	case "VRFY":
		m.say("252") // §3.5.3
	case "HELP":
		m.say("214")
	case "EXPN", "ETRN", "TURN":
		m.say("502")
	case "QUIT":
		m.say("221")
		m.over = true
	case "GET": // no command, and no one who will ever say one
		m.last("502")
		m.over = true
	}
}

// say expects a reply. Whoever makes only errors is sent away, §3.8.
func (m *model) say(code string) {
	if m.over {
		return
	}
	m.last(code)
	word := code[:3]
	switch {
	case word == "421":
		m.over = true
	case slices.Contains([]string{"500", "501", "502", "503", "504", "555"}, word):
		if m.errors++; m.errors >= modelErrors {
			m.last("421")
			m.over = true
		}
	case m.refused >= modelRefused && !m.frontend, m.failures >= modelLogins:
		m.last("421")
		m.over = true
	}
}

// last expects a reply to what was sent last.
func (m *model) last(code string) {
	e := &m.out[len(m.out)-1]
	e.want = append(e.want, code)
}

// then sends more.
func (m *model) then(send string) { m.out = append(m.out, turn{send: send}) }

// hello is §4.1.1.1 and RFC 2033 §4.1. It ends a transaction.
func (m *model) hello(c command) {
	switch {
	case (m.kind == LMTP) != (c.verb == "LHLO"):
		m.say("500")
	case c.flaw != "":
		m.say(c.flaw)
	default:
		m.tx, m.greeted, m.helo = nil, true, c.name
		if c.verb == "HELO" {
			m.say("250")
			return
		}
		m.say("250 " + strings.Join(m.extensions(), " "))
	}
}

// extensions is what EHLO must announce, sorted: STARTTLS never within TLS (RFC
// 3207 §4.2), AUTH only where it works (RFC 4954 §4).
func (m *model) extensions() []string {
	list := []string{"8BITMIME", "ENHANCEDSTATUSCODES", "PIPELINING", fmt.Sprint("SIZE=", m.size), "SMTPUTF8"}
	if !m.tls && m.cert {
		list = append(list, "STARTTLS")
	}
	if m.submission() && m.tls && m.login == "" {
		list = append(list, "AUTH=LOGIN=PLAIN")
	}
	slices.Sort(list)
	return list
}

func (m *model) submission() bool { return m.kind == Submission || m.kind == Submissions }

// mail is §4.1.1.2; a second one within a transaction is out of sequence, §4.1.4.
func (m *model) mail(c command) {
	switch {
	case !m.greeted || m.tx != nil:
		m.say("503")
	case m.submission() && (!m.tls || m.login == ""): // RFC 4954 §6, RFC 3207 §4
		m.say("530")
	case c.flaw != "":
		m.say(c.flaw)
	case c.size > m.size: // RFC 1870 §6.1
		m.say("552")
	case decision(c.addr) != "250":
		m.say(decision(c.addr))
	default:
		m.tx = &modelTx{from: c.addr, utf8: c.utf8, size: c.size}
		m.say("250")
	}
}

// decision is what the tests' desk makes of an address, by its local part.
func decision(address string) string {
	local, _, _ := strings.Cut(address, "@")
	switch local {
	case "banned", "nobody":
		return "550"
	case "full":
		return "452"
	case "broken", "panic":
		return "451"
	case "goodbye":
		return "421"
	}
	return "250"
}

// rcpt is §4.1.1.3. The same one twice is taken twice, and delivered to once.
func (m *model) rcpt(c command) {
	switch {
	case m.tx == nil:
		m.say("503")
	case c.flaw != "":
		m.say(c.flaw)
	case strings.Contains(c.addr, "é") && !m.tx.utf8: // RFC 6531 §3.5
		m.say("553")
	case len(m.tx.slots) >= modelRecipients: // §4.5.3.1.10
		m.say("452")
	case slices.Contains(m.tx.slots, c.addr):
		m.tx.slots = append(m.tx.slots, c.addr)
		m.say("250")
	default:
		m.newRecipient(c.addr)
	}
}

func (m *model) newRecipient(address string) {
	code := decision(address)
	if strings.HasSuffix(address, "@other.test") && m.login == "" {
		code = "550"
	}
	if code == "250" {
		m.tx.slots = append(m.tx.slots, address)
	} else {
		m.refused++
	}
	m.say(code)
}

// data is §4.1.1.4: one reply, or one for each recipient (RFC 2033 §4.2). After
// it there is no transaction, however it went.
func (m *model) data(c command) {
	switch {
	case c.flaw != "":
		m.say(c.flaw)
	case m.tx == nil:
		m.say("503")
	case len(m.tx.slots) == 0: // §3.3; a client that pipelines can't know, and it is no error of it
		m.last("503")
	default:
		m.say("354")
		m.then(c.body.wire)
		m.taken(c.body)
		if c.body.unclear && !m.over {
			m.say("421")
		}
	}
}

// taken is the end of data.
func (m *model) taken(b modelBody) {
	tx, code := m.tx, ""
	m.tx = nil
	switch {
	case int64(len(b.text)) > m.size: // RFC 1870 §6.3
		code = "552"
	case m.frontend:
	case b.stray: // §2.3.8
		code = "550"
	case b.long:
		code = "500"
	}
	for _, to := range tx.slots {
		if strings.HasPrefix(to, "dbroken@") || strings.HasPrefix(to, "dpanic@") {
			code = first(code, "451")
		}
	}
	if code == "" {
		m.mails = append(m.mails, m.envelope(tx, b.text))
	}
	m.verdicts(tx, code)
}

// verdicts are the replies to a mail; code is the one for all, if there is one.
func (m *model) verdicts(tx *modelTx, code string) {
	if m.kind != LMTP {
		if code == "" {
			m.errors, m.refused = 0, 0
		}
		m.say(first(code, "250"))
		return
	}
	var codes []string
	for _, to := range tx.slots {
		one := first(code, "250")
		if code == "" && strings.HasPrefix(to, "drefused@") {
			one = "550"
		}
		if one == "250" {
			m.errors, m.refused = 0, 0
		}
		codes = append(codes, one)
	}
	for _, one := range codes {
		m.say(one)
	}
}

func first(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

// envelope is how a mail that was taken is written down, for comparison.
func (m *model) envelope(tx *modelTx, text string) string {
	var to []string
	for _, s := range tx.slots {
		if !slices.Contains(to, s) {
			to = append(to, s)
		}
	}
	return fmt.Sprintf("helo=%s tls=%v login=%s from=%s to=%s utf8=%v size=%d %q", m.helo, m.tls, m.login, tx.from, strings.Join(to, ","), tx.utf8, tx.size, text)
}

// bdat is RFC 3030, which is not offered. The chunk comes all the same, since a
// client does not wait, and is no command.
func (m *model) bdat(c command) {
	m.say("502")
	if c.flaw != "" && !m.over { // a chunk that nobody will wait for
		m.last(c.flaw)
		m.over = true
	}
	m.then(c.chunk)
}

// startTLS is RFC 3207 §4: afterwards nothing that was said before counts.
func (m *model) startTLS(c command) {
	switch {
	case c.flaw != "":
		m.say(c.flaw)
	case m.tls:
		m.say("503")
	case !m.cert:
		m.say("502")
	default:
		m.last("220")
		m.out[0].then = c.after
		m.over = c.after == "junk"
		*m = model{kind: m.kind, frontend: m.frontend, cert: m.cert, size: m.size, tls: true, over: m.over, mails: m.mails, out: m.out}
	}
}

// auth is RFC 4954 §4.
func (m *model) auth(c command) {
	switch {
	case !m.submission():
		m.say("502")
	case !m.tls: // §4: not before the line is private
		m.say("538")
	case !m.greeted, m.login != "", m.tx != nil:
		m.say("503")
	case c.flaw != "":
		m.say(c.flaw)
	default:
		m.exchange(c)
	}
}

// exchange is one AUTH that has begun: a challenge for each answer but an
// initial one, until one is bad or all are there.
func (m *model) exchange(c command) {
	need := map[string]int{"PLAIN": 1, "LOGIN": 2}[c.mech]
	var said []string
	for i := range need {
		a := c.answers[i]
		if i > 0 || !c.initial {
			m.say("334")
			m.then(a.line)
		}
		if a.flaw != "" {
			m.say(a.flaw)
			return
		}
		said = append(said, a.text)
	}
	if c.mech == "PLAIN" { // RFC 4616 §2
		said = strings.Split(said[0], "\x00")
		if len(said) != 3 {
			m.say("501")
			return
		}
		if said[0] != "" && said[0] != said[1] {
			said[2] = ""
		}
		said = said[1:]
	}
	if said[0] == "anne" && said[1] == rightPassword {
		m.login, m.failures = "anne", 0
		m.say("235")
		return
	}
	m.failures++
	m.say("535")
}
