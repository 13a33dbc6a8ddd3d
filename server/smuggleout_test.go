package server_test

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"net/textproto"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"
)

// wiretap stands between postdesk and a mail server and keeps what postdesk
// says, byte for byte and by connection.
type wiretap struct {
	ln      net.Listener
	to      string
	running sync.WaitGroup

	mu   sync.Mutex
	said []*bytes.Buffer
}

func newWiretap(t *testing.T, to string) *wiretap {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w := &wiretap{ln: ln, to: to}
	w.running.Go(w.accept)
	t.Cleanup(func() {
		ln.Close()
		w.running.Wait()
	})
	return w
}

func (w *wiretap) accept() {
	for {
		c, err := w.ln.Accept()
		if err != nil {
			return
		}
		w.running.Go(func() { w.pass(c) })
	}
}

func (w *wiretap) pass(c net.Conn) {
	defer c.Close()
	far, err := net.Dial("tcp", w.to)
	if err != nil {
		return
	}
	defer far.Close()
	said := &bytes.Buffer{}
	w.mu.Lock()
	w.said = append(w.said, said)
	w.mu.Unlock()
	w.running.Go(func() {
		_, _ = io.Copy(c, far)
		c.Close()
	})
	_, _ = io.Copy(far, io.TeeReader(c, lockedWriter{&w.mu, said})) // until one side hangs up
}

// lockedWriter writes under a lock.
type lockedWriter struct {
	mu *sync.Mutex
	b  *bytes.Buffer
}

func (l lockedWriter) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

// streams is what was said on each connection so far.
func (w *wiretap) streams() (list []string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, b := range w.said {
		list = append(list, b.String())
	}
	return list
}

// tapped puts a wiretap before each mail server of the configuration.
func tapped(t *testing.T, taps *[]*wiretap) func(string) string {
	return func(config string) string {
		routes := regexp.MustCompile(`(?m)^("(?:client|other|example|corp)[a-z.]*" = )"([0-9.:]+)"$`)
		return routes.ReplaceAllStringFunc(oneDomain(config), func(line string) string {
			m := routes.FindStringSubmatch(line)
			w := newWiretap(t, m[2])
			*taps = append(*taps, w)
			return fmt.Sprintf("%s%q", m[1], w.ln.Addr())
		})
	}
}

// ends are byte sequences that some server takes for the end of a mail, and what
// would be a second mail behind each.
func ends() string {
	var b strings.Builder
	for i, end := range []string{"\n.\n", "\n.\r\n", "\r\n.\n", "\r.\r", "\r.\r\n", "\r\n.\r", "\r.\n", "\n.\r", "\r\n.\r\r\n", "\r\n.\x00\r\n", "\r\n\x00.\r\n", "\r\n..\r\n", "\r\n. \r\n",
		"\r\n.\t\r\n", "\u2028.\u2028", "\x85.\x85", "\x0b.\x0b", "\r\n.\r\n", "\r\r\n.\r\r\n"} {
		fmt.Fprintf(&b, "outer %d%sMAIL FROM:<admin@b.test>\r\nRCPT TO:<victim@b.test>\r\nDATA\r\nSubject: smuggled\r\n\r\nx\r\n", i, end)
	}
	return b.String()
}

func base64Ends() string {
	s := base64.StdEncoding.EncodeToString([]byte(ends()))
	var b strings.Builder
	for ; len(s) > 76; s = s[76:] {
		b.WriteString(s[:76] + "\r\n")
	}
	return b.String() + s + "\r\n"
}

func quotedEnds() string {
	var b strings.Builder
	for i, c := range []byte(ends()) {
		fmt.Fprintf(&b, "=%02X", c)
		if i%20 == 19 {
			b.WriteString("=\r\n")
		}
	}
	return b.String() + "\r\n"
}

// roads are the places of a mail in which the sequences can travel: headers and a
// body.
func roads() map[string][2]string {
	part := func(head, body string) [2]string {
		return [2]string{"Content-Type: multipart/mixed; boundary=b\r\n", "--b\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nBonjour, voici.\r\n--b\r\n" + head + "\r\n" + body + "--b--\r\n"}
	}
	plain := "Content-Type: text/plain; charset=utf-8\r\n"
	word := "=?utf-8?B?" + base64.StdEncoding.EncodeToString([]byte("a\r\n.\r\nMAIL FROM:<admin@b.test>\r\nb\n.\nc\r.\r\x00")) + "?="
	return map[string][2]string{
		"raw":                {plain + "Content-Transfer-Encoding: 8bit\r\n", ends()},
		"raw latin":          {"Content-Type: text/plain; charset=iso-8859-1\r\nContent-Transfer-Encoding: binary\r\n", ends()},
		"base64":             {plain + "Content-Transfer-Encoding: base64\r\n", base64Ends()},
		"quoted-printable":   {plain + "Content-Transfer-Encoding: quoted-printable\r\n", quotedEnds()},
		"html":               {"Content-Type: text/html; charset=utf-8\r\n", "<p>Bonjour</p><pre>" + ends() + "</pre>\r\n"},
		"html base64":        {"Content-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n", base64Ends()},
		"attachment raw":     part("Content-Type: application/octet-stream\r\nContent-Disposition: attachment; filename=a.bin\r\nContent-Transfer-Encoding: binary\r\n", ends()),
		"attachment base64":  part("Content-Type: text/plain\r\nContent-Disposition: attachment; filename=a.txt\r\nContent-Transfer-Encoding: base64\r\n", base64Ends()),
		"attachment quoted":  part("Content-Type: text/plain\r\nContent-Disposition: attachment; filename=a.txt\r\nContent-Transfer-Encoding: quoted-printable\r\n", quotedEnds()),
		"mail in a mail":     part("Content-Type: message/rfc822\r\n", "From: x@b.test\r\nSubject: "+word+"\r\nContent-Type: text/plain\r\n\r\n"+ends()),
		"mail in it, base64": part("Content-Type: message/rfc822\r\nContent-Transfer-Encoding: base64\r\n", base64Ends()),
		"calendar":           part("Content-Type: text/calendar; method=REQUEST\r\nContent-Transfer-Encoding: base64\r\n", base64Ends()),
		"names": part("Content-Type: application/octet-stream; name=\""+word+"\"\r\nContent-Disposition: attachment; filename*=utf-8''"+url.PathEscape("a\r\n.\r\nb\n.\nc\r.\r\x00")+"\r\n",
			"x\r\n"),
		"subject":   {"Subject: " + word + "\r\n" + plain, "Bonjour\r\n"},
		"long line": {plain, "Bonjour " + strings.Repeat("x.\r", 3000) + "\r\n" + strings.Repeat(".", 5000) + "\r\n.\n" + strings.Repeat("é", 3000) + "\r\n"},
	}
}

// handsOver gives a mail to postdesk as the MTA in front does that lets everything
// through.
func (d *desk) handsOver(from, to, mail string) {
	d.Helper()
	c, err := textproto.Dial("tcp", d.srv.Addr("lmtp"))
	if err != nil {
		d.Fatal(err)
	}
	defer c.Close()
	expect := func(code int) {
		if _, _, err := c.ReadResponse(code); err != nil {
			d.Fatalf("%v: %.300q", err, mail)
		}
	}
	expect(220)
	for _, line := range []string{"LHLO front.example.com", "MAIL FROM:<" + from + ">", "RCPT TO:<" + to + ">"} {
		_ = c.PrintfLine("%s", line) // shows in the reply
		expect(250)
	}
	_ = c.PrintfLine("DATA")
	expect(354)
	_, _ = c.W.WriteString(strings.ReplaceAll(mail, "\r\n.", "\r\n..") + ".\r\n")
	_ = c.W.Flush()
	expect(250)
}

// Whatever a customer or an agent puts into a mail, and wherever: what leaves has
// no bare CR, LF or NUL, no line over 998 octets, dots are stuffed, and each
// transaction is one mail.
func TestNothingIsSmuggledOut(t *testing.T) {
	t.Parallel()
	var taps []*wiretap
	d := newDesk(t, tapped(t, &taps))
	jean, anne := d.jean(), d.person("Anne Durand", "anne.durand@example.com")
	i := 0
	for name, road := range roads() {
		i++
		head := func(p *person, to string) string {
			h := fmt.Sprintf("Authentication-Results: front.example.com; auth=pass smtp.auth=%s\r\nFrom: %s\r\nTo: %s\r\nMessage-ID: <%d.%s>\r\nDate: %s\r\nMIME-Version: 1.0\r\n%s",
				p.address, p, to, i, p.address, d.now().Format(time.RFC1123Z), road[0]) // an old mail is not acknowledged
			if !strings.Contains(road[0], "Subject:") {
				h += "Subject: " + name + "\r\n"
			}
			return strings.Replace(h, "auth=pass smtp.auth=jean@client.example", "spf=pass smtp.mailfrom=jean@client.example", 1)
		}
		d.handsOver(jean.address, generic, head(jean, generic)+"\r\n"+road[1])
		d.drained()
		copies := anne.mailbox()
		if len(copies) == anne.read {
			t.Fatalf("%s: no copy for the agent", name)
		}
		copy := parse(t, copies[len(copies)-1])
		anne.read = len(copies)
		id := copy.id()
		d.handsOver(anne.address, copy.token(), strings.Replace(head(anne, copy.token()), "Subject:", "In-Reply-To: <"+id+">\r\nReferences: <"+id+">\r\nSubject:", 1)+"\r\n"+road[1])
		d.drained()
	}
	d.checkTaps(taps)
	if n := len(jean.mailbox()); n < i+5 { // an answer for each, and as many acknowledgements as an hour allows
		t.Errorf("only %d mails came to the customer", n)
	}
}

func (d *desk) checkTaps(taps []*wiretap) {
	d.Helper()
	transactions := 0
	for _, w := range taps {
		for _, s := range w.streams() {
			n, err := strictly(s)
			if err != nil {
				d.Errorf("%v", err)
			}
			transactions += n
		}
	}
	if got := d.customers.Count() + d.agents.Count(); got != transactions || got == 0 {
		d.Errorf("%d mails of %d transactions", got, transactions)
	}
}

// strictly reads one side of an SMTP connection and counts the transactions. RFC
// 5321 §2.3.8, §4.5.2, §4.5.3.1.6.
func strictly(stream string) (mails int, err error) {
	data := false
	for line := range strings.SplitAfterSeq(stream, "\r\n") {
		text, whole := strings.CutSuffix(line, "\r\n")
		verb, _, _ := strings.Cut(text, " ")
		switch {
		case text == "" && !whole:
		case !whole:
			return mails, fmt.Errorf("no line end after %.300q", line)
		case strings.ContainsAny(text, "\r\n\x00"):
			return mails, fmt.Errorf("a bare CR, LF or NUL in %.300q", line)
		case len(text) > 998:
			return mails, fmt.Errorf("%d octets in %.300q", len(text), line)
		case data && text == ".":
			data = false
		case data && strings.HasPrefix(text, ".") && !strings.HasPrefix(text, ".."):
			return mails, fmt.Errorf("a dot that is not stuffed: %.300q", line)
		case data:
		case verb == "DATA":
			data = true
			mails++
		case !strings.Contains(" EHLO HELO MAIL RCPT RSET NOOP QUIT ", " "+verb+" "):
			return mails, fmt.Errorf("no command: %.300q", line)
		case verb == "MAIL" && strings.Contains(text, "admin@b.test"):
			return mails, fmt.Errorf("a smuggled mail: %.300q", line)
		}
	}
	return mails, nil
}

func TestStrictlySeesWhatIsWrong(t *testing.T) {
	for stream, fine := range map[string]bool{
		"EHLO a\r\nMAIL FROM:<>\r\nRCPT TO:<a@b>\r\nDATA\r\nx\r\n..\r\n.\r\nQUIT\r\n": true,
		"DATA\r\nx\n.\r\n.\r\n":                             false,
		"DATA\r\n.x\r\n.\r\n":                               false,
		"DATA\r\nx\r\n.\r\nSubject: y\r\n":                  false,
		"DATA\r\nx\r.\r\n.\r\n":                             false,
		"DATA\r\nx\x00\r\n.\r\n":                            false,
		"MAIL FROM:<admin@b.test>\r\n":                      false,
		strings.Repeat("x", 999) + "\r\n":                   false,
		"DATA\r\n" + strings.Repeat("x", 998) + "\r\n.\r\n": true,
	} {
		if _, err := strictly(stream); (err == nil) != fine {
			t.Errorf("%.60q: %v", stream, err)
		}
	}
}
