package smtpd

import (
	"encoding/base64"
	"fmt"
	"math/rand/v2"
	"strings"
)

// sequence is a session that a client plays, made from its seed alone.
type sequence struct {
	seed  uint64
	start model // before the greeting
	end   model // after the last command

	greeting string
	parts    []turn
	cut      string // begun, and cut off in the middle; the client hangs up then
}

// newSequence makes up to 50 commands, and asks the model what they must give.
func newSequence(seed uint64) *sequence {
	r := rand.New(rand.NewPCG(seed, 1))
	m := &model{kind: []Kind{MX, MX, Submission, Submission, Submissions, LMTP}[r.IntN(6)], cert: r.IntN(10) > 0, size: 3000}
	m.tls = m.kind == Submissions
	m.cert = m.cert || m.tls
	m.frontend = m.kind == LMTP && r.IntN(50) > 0 || m.kind == MX && r.IntN(4) == 0
	if r.IntN(60) == 0 {
		m.size = 200_000 // room for a line that is too long
	}
	s := &sequence{seed: seed, start: *m, greeting: "220"}
	long, fishing := 50, r.IntN(60) == 0 // for addresses: refused recipients, one after the other
	if fishing {
		long = 300
	}
	if m.kind == LMTP && !m.frontend { // nobody else may speak LMTP
		s.greeting, m.over = "421", true
	}
	for range 1 + r.IntN(long) {
		if m.over {
			break
		}
		c := m.draw(r)
		if fishing && m.tx != nil && r.IntN(8) > 0 {
			c = command{verb: "RCPT", addr: "nobody@ours.test", line: "RCPT TO:<nobody@ours.test>\r\n"}
		}
		if r.IntN(100) == 0 {
			s.interrupt(m, c, r)
			break
		}
		s.parts = append(s.parts, m.step(c)...)
	}
	s.end = *m
	return s
}

// interrupt sends a part of a command, and no more.
func (s *sequence) interrupt(m *model, c command, r *rand.Rand) {
	parts := new(*m).step(c)
	k := r.IntN(len(parts))
	for i := range k + 1 {
		if parts[i].then != "" {
			return
		}
	}
	s.parts = append(s.parts, parts[:k]...)
	if n := len(parts[k].send); n > 0 {
		s.cut = parts[k].send[:r.IntN(n)]
	}
}

// draw takes a command: mostly what leads on, else anything.
func (m *model) draw(r *rand.Rand) command {
	if r.IntN(4) == 0 {
		return anything(r)
	}
	switch {
	case !m.greeted:
		return m.rightHello(r)
	case m.submission() && !m.tls:
		return startTLS(r)
	case m.submission() && m.login == "":
		return auth(r)
	case m.tx == nil:
		return mail(r)
	case len(m.tx.slots) == 0 || r.IntN(2) == 0:
		return rcpt(r)
	}
	return data(r, m)
}

func (m *model) rightHello(r *rand.Rand) command {
	for {
		if c := hello(r); (c.verb == "LHLO") == (m.kind == LMTP) {
			return c
		}
	}
}

func anything(r *rand.Rand) command {
	makers := []func(*rand.Rand) command{hello, mail, mail, rcpt, rcpt, auth, startTLS, simple, simple, simple, junk, bdat,
		func(r *rand.Rand) command { return data(r, &model{size: 3000}) }}
	return makers[r.IntN(len(makers))](r)
}

func pick[T any](r *rand.Rand, list ...T) T { return list[r.IntN(len(list))] }

// spoken writes a command as some client would.
func spoken(r *rand.Rand, verb, rest string) string {
	switch r.IntN(8) {
	case 0:
		verb = strings.ToLower(verb)
	case 1:
		verb = strings.ToUpper(verb[:1]) + strings.ToLower(verb[1:])
	}
	if rest != "" {
		rest = pick(r, " ", " ", " ", "  ") + rest
	}
	return verb + rest + pick(r, "", "", "", " ") + pick(r, "\r\n", "\r\n", "\r\n", "\r\n", "\n")
}

func hello(r *rand.Rand) command {
	c := command{verb: pick(r, "EHLO", "EHLO", "EHLO", "LHLO", "LHLO", "HELO"), name: pick(r, "a.test", "[127.0.0.1]", "b", "sünde.test")}
	rest := c.name + pick(r, "", "", " and more")
	switch r.IntN(12) {
	case 0:
		c.flaw, rest = "501", ""
	case 1:
		c.flaw, rest = "501", strings.Repeat("x", 256)
	}
	c.line = spoken(r, c.verb, rest)
	return c
}

// mailForms are senders, with the reply to a bad one.
var mailForms = [][3]string{ // path, meaning, flaw
	{"FROM:<>", "", ""}, {"FROM:<a@b.test>", "a@b.test", ""}, {"FROM:<a@b.test>", "a@b.test", ""}, {"from:<c@d.test>", "c@d.test", ""}, {"FROM: <a@b.test>", "a@b.test", ""},
	{`FROM:<"q>\" x"@b.test>`, `"q>\" x"@b.test`, ""}, {"FROM:a@b.test", "a@b.test", ""}, {"FROM:<@x.test,@y.test:a@b.test>", "a@b.test", ""},
	{"FROM:<banned@b.test>", "banned@b.test", ""}, {"FROM:<full@b.test>", "full@b.test", ""}, {"FROM:<bad>", "", "501"}, {"FROM:", "", "501"}, {"", "", "501"},
	{"TO:a@b.test", "", "501"}, {"FROM:<a@b.test", "", "501"}, {"FROM:<a@b.test>x", "", "501"}, {"FROM:<a b@c.test>", "", "501"}, {"FROM:<é@b.test>", "é@b.test", "553"},
}

func mail(r *rand.Rand) command {
	form := mailForms[r.IntN(len(mailForms))]
	c := command{verb: "MAIL", addr: form[1], flaw: form[2]}
	if strings.HasSuffix(form[0], ">") || form[2] == "" {
		form[0] += c.mailParams(r)
	}
	c.line = spoken(r, "MAIL", form[0])
	return c
}

// mailParams adds parameters. A bad one is found before a bad address, but not
// before a bad path.
func (c *command) mailParams(r *rand.Rand) (text string) {
	pathFlaw := c.flaw
	switch r.IntN(12) {
	case 0, 1:
		c.size = pick(r, int64(0), 1, 3000, 3001, 200_001)
		text += fmt.Sprint(pick(r, " SIZE=", " size="), c.size)
	case 2:
		text += pick(r, " BODY=8BITMIME", " body=7bit", " AUTH=<>", " AUTH=<> BODY=8BITMIME")
	case 3:
		c.size = 1 << 62
		text += pick(r, " SIZE=99999999999999999999", " SIZE=18446744073709551616")
	case 4:
		text, c.flaw = pick(r, " X=1", " RET=FULL ENVID=1", " SMTPUTF8X", " REQUIRETLS", " ="), "555"
	case 5:
		text, c.flaw = pick(r, " SIZE=", " SIZE=-1", " SIZE=1x", " SIZE=999999999999999999999", " BODY=BINARYMIME", " BODY", " SMTPUTF8=1", " SIZE=1 SIZE=1", " AUTH="), "501"
	}
	if r.IntN(3) == 0 {
		c.utf8 = true
		text += " SMTPUTF8"
		if pathFlaw == "553" && c.flaw == "553" {
			c.flaw = ""
		}
	}
	return text
}

// rcptForms are recipients, likewise.
var rcptForms = [][3]string{
	{"TO:<one@ours.test>", "one@ours.test", ""}, {"TO:<one@ours.test>", "one@ours.test", ""}, {"to: <two@ours.test>", "two@ours.test", ""}, {"TO:<TWO@ours.test>", "", ""},
	{"TO:<dbroken@ours.test>", "dbroken@ours.test", ""}, {"TO:<dpanic@ours.test>", "dpanic@ours.test", ""}, {"TO:<drefused@ours.test>", "drefused@ours.test", ""},
	{"TO:<nobody@ours.test>", "nobody@ours.test", ""}, {"TO:<broken@ours.test>", "broken@ours.test", ""}, {"TO:<panic@ours.test>", "panic@ours.test", ""},
	{"TO:<x@other.test>", "x@other.test", ""}, {"TO:<Postmaster>", "postmaster@", ""}, {"TO:<@a.test:one@ours.test>", "one@ours.test", ""}, {"TO:<é@ours.test>", "é@ours.test", ""},
	{"TO:<bad>", "", "501"}, {"TO:<>", "", "501"}, {"FROM:<one@ours.test>", "", "501"}, {"", "", "501"}, {"TO:<one@ours.test", "", "501"}, {"TO:<a@b@ours.test>", "", "501"},
	{"TO:<one@ours.test> NOTIFY=NEVER", "", "555"}, {"TO:<one@ours.test> X", "", "555"}, {`TO:<"x y"@ours.test>`, `"x y"@ours.test`, ""},
}

func rcpt(r *rand.Rand) command {
	if r.IntN(200) == 0 {
		return command{verb: "RCPT", addr: "goodbye@ours.test", line: "RCPT TO:<goodbye@ours.test>\r\n"}
	}
	form := rcptForms[r.IntN(len(rcptForms))]
	if form[0] == "TO:<TWO@ours.test>" { // another spelling of the same; the first one stands
		form[0], form[1] = "TO:<two@OURS.test>", "two@ours.test"
	}
	return command{verb: "RCPT", addr: form[1], flaw: form[2], line: spoken(r, "RCPT", form[0])}
}

// data is DATA, with a mail for the case that it is asked for.
func data(r *rand.Rand, m *model) command {
	if r.IntN(15) == 0 {
		return command{verb: "DATA", flaw: "501", line: spoken(r, "DATA", "x")}
	}
	return command{verb: "DATA", line: spoken(r, "DATA", ""), body: body(r, m.size)}
}

// pieces are lines of a mail: as they are sent, and as they must be kept.
var pieces = []struct {
	wire, text string
	stray      bool
}{
	{"Subject: x\r\n", "Subject: x\r\n", false}, {"\r\n", "\r\n", false}, {"hello\r\n", "hello\r\n", false}, {"MAIL FROM:<evil@b.test>\r\n", "MAIL FROM:<evil@b.test>\r\n", false},
	{"RCPT TO:<two@ours.test>\r\nDATA\r\n", "RCPT TO:<two@ours.test>\r\nDATA\r\n", false}, {"..\r\n", ".\r\n", false}, {".x\r\n", "x\r\n", false}, {"...\r\n", "..\r\n", false},
	{"a\nb\r\n", "a\r\nb\r\n", false}, {"a\n.\r\n", "a\r\n.\r\n", false}, {"a\n.\nb\r\n", "a\r\n.\r\nb\r\n", false}, {". \r\n", " \r\n", false}, {"é\x85\xff\r\n", "é\x85\xff\r\n", false},
	{"a\r.\rb\r\n", "a\r.\rb\r\n", true}, {"a\r.\r\nb\r\n", "a\r.\r\nb\r\n", true}, {"a\x00b\r\n", "a\x00b\r\n", true}, {"a\r\r\nb\r\n", "a\r\r\nb\r\n", true}, {".\r\r\nb\r\n", "\r\r\nb\r\n", true},
}

func body(r *rand.Rand, limit int64) (b modelBody) {
	for range r.IntN(6) {
		p := pieces[r.IntN(len(pieces))]
		if p.stray && r.IntN(3) > 0 {
			continue
		}
		b.wire, b.text, b.stray = b.wire+p.wire, b.text+p.text, b.stray || p.stray
	}
	switch n := r.IntN(40); {
	case n == 0: // about as long as is allowed
		fill := strings.Repeat("x", int(max(0, limit-int64(len(b.text))-2+int64(r.IntN(3))-1))%60_000) + "\r\n"
		b.wire, b.text = b.wire+fill, b.text+fill
	case n == 1 && limit > modelLine:
		fill := strings.Repeat("y", modelLine-1+r.IntN(3)) + "\r\n"
		b.wire, b.text, b.long = b.wire+fill, b.text+fill, len(fill) > modelLine
	case n == 2:
		b.wire, b.text, b.stray, b.unclear = b.wire+"z\r\r\n", b.text+"z\r\r\n", true, true
	}
	b.wire += ".\r\n"
	return b
}

func bdat(r *rand.Rand) command {
	chunk := pick(r, "", "x", "MAIL FROM:<evil@b.test>\r\n", "\r\n.\r\n", "QUIT\r\nRSET\r\n\x00")
	c := command{verb: "BDAT", chunk: chunk, line: spoken(r, "BDAT", fmt.Sprint(len(chunk), pick(r, "", " LAST")))}
	switch r.IntN(20) {
	case 0:
		c.chunk, c.line = "", spoken(r, "BDAT", pick(r, "", "x", "-1", "99999999999999999999"))
	case 1:
		c.chunk, c.flaw, c.line = "", "552", spoken(r, "BDAT", "9999999999 LAST")
	}
	return c
}

func startTLS(r *rand.Rand) command {
	c := command{verb: "STARTTLS", line: spoken(r, "STARTTLS", ""), after: "TLS"}
	switch r.IntN(12) {
	case 0:
		c.flaw, c.line = "501", spoken(r, "STARTTLS", "now")
	case 1:
		c.after = "junk"
	case 2: // said in clear, and must never be heard
		c.after = "inject"
	}
	return c
}

// saslAnswer is what a client may say to a challenge.
func saslAnswer(r *rand.Rand, text string) answer64 {
	switch r.IntN(14) {
	case 0:
		return answer64{"*\r\n", "", "501"}
	case 1:
		return answer64{pick(r, "!!!\r\n", "MAIL FROM:<a@b.test>\r\n", "=\r\n", "QQ=\r\n", "\x00\r\n"), "", "501"}
	case 2:
		return answer64{strings.Repeat("QUJD", (modelSASL+8)/4) + "\r\n", "", "501"}
	case 3:
		return answer64{"QUIT\r\n", "\x41\x42\x13", ""}
	case 4:
		return answer64{"\r\n", "", ""}
	}
	return answer64{base64.StdEncoding.EncodeToString([]byte(text)) + "\r\n", text, ""}
}

func auth(r *rand.Rand) command {
	c := command{verb: "AUTH", mech: pick(r, "PLAIN", "LOGIN"), initial: r.IntN(2) == 0}
	user, password := "anne", pick(r, rightPassword, rightPassword, "wrong", "")
	if r.IntN(6) == 0 {
		user = pick(r, "panic", "nobody", "")
	}
	if c.mech == "PLAIN" {
		c.answers = []answer64{saslAnswer(r, pick(r, "", "", "anne", "bruno")+"\x00"+user+"\x00"+password)}
	} else {
		c.answers = []answer64{saslAnswer(r, user), saslAnswer(r, password)}
	}
	rest := pick(r, c.mech, strings.ToLower(c.mech))
	if c.initial {
		rest += c.initialAnswer()
	}
	c.line = spoken(r, "AUTH", rest)
	if r.IntN(10) == 0 {
		form := pick(r, [2]string{"", "501"}, [2]string{"PLAIN a b", "501"}, [2]string{"CRAM-MD5", "504"}, [2]string{"XOAUTH2 QQ==", "504"})
		c.flaw, c.line = form[1], spoken(r, "AUTH", form[0])
	}
	return c
}

// initialAnswer moves the first answer into the command, RFC 4954 §4: an empty
// one is "=", and what can't be said there waits for its challenge.
func (c *command) initialAnswer() string {
	a := c.answers[0]
	line := strings.TrimSuffix(a.line, "\r\n")
	switch {
	case line == "" || line == "=":
		c.answers[0] = answer64{"=", "", ""}
		return " ="
	case strings.Contains(line, " ") || len(line) > 1000 || line == "\x00":
		c.initial = false
		return ""
	}
	if line == "*" || a.flaw != "" {
		c.flaw = "501"
	}
	return " " + line
}

// simple are commands that change little.
func simple(r *rand.Rand) command {
	verb := pick(r, "RSET", "RSET", "RSET", "NOOP", "NOOP", "NOOP", "VRFY", "VRFY", "HELP", "HELP", "EXPN", "ETRN", "TURN")
	switch r.IntN(150) {
	case 0:
		verb = "QUIT"
	case 1:
		return command{verb: "GET", line: "GET / HTTP/1.1\r\n"}
	}
	return command{verb: verb, line: spoken(r, verb, pick(r, "", "", "junk <a@b.test> = é"))}
}

// junk is no command.
func junk(r *rand.Rand) command {
	line := pick(r, "\r\n", "\n", " \r\n", " NOOP\r\n", "NOOP\tx\r\n", "MAILFROM:<a@b.test>\r\n", "NOOP\r\r\n", "NO\rOP\r\n", "RSET\x00\r\n", "\xff\xfe\r\n", "NOOP \xc3\r\n",
		"RCPT TO:<one@ours.test\x00>\r\n", "MAIL FROM:<a@b.test>\rRSET\r\n", "NOOP \u0085\r\n", "STARTTLS\x00\r\n", "DATA\r.\r\n", "XCLIENT ADDR=127.0.0.1\r\n", ".\r\n", "\x16\x03\x01\r\n",
		"NOOP "+strings.Repeat("x", modelCommand)+"\r\n", strings.Repeat("y", 50_000)+"\r\n", "RCPT TO:<"+strings.Repeat("z", 2*modelCommand)+"@ours.test>\r\n")
	if r.IntN(4) == 0 {
		line = "\x01" + strings.Map(func(r rune) rune { return max(r, '\v') }, randomText(r)) + "\r\n"
	}
	return command{line: line, flaw: "500"}
}

func randomText(r *rand.Rand) string {
	b := make([]byte, r.IntN(30))
	for i := range b {
		b[i] = byte(r.IntN(256))
	}
	return string(b)
}
