package demo

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"maps"
	"mime/multipart"
	"net/textproto"
	"slices"
	"strings"
	"time"

	"postdesk/internal/message"
)

// write is what an ordinary mail client writes.
func (s *stage) write(from, to, subject, text string, files map[string][]byte, headers ...string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "From: %s\r\nTo: %s\r\nSubject: %s\r\n", from, to, message.EncodeWord(subject))
	s.written++
	fmt.Fprintf(&b, "Message-ID: <%d.%d@%s>\r\n", s.now().Unix(), s.written, domainOf(from))
	fmt.Fprintf(&b, "Date: %s\r\nMIME-Version: 1.0\r\n", s.now().Format(time.RFC1123Z))
	for _, h := range headers {
		b.WriteString(h + "\r\n")
	}
	text = strings.ReplaceAll(text, "\n", "\r\n")
	plain := "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n"
	if len(files) == 0 {
		return b.String() + plain + "\r\n" + text
	}
	var body bytes.Buffer
	w := multipart.NewWriter(&body)
	fmt.Fprintf(&b, "Content-Type: multipart/mixed; boundary=%s\r\n\r\n", w.Boundary())
	part(w, textproto.MIMEHeader{"Content-Type": {"text/plain; charset=utf-8"}, "Content-Transfer-Encoding": {"8bit"}}, text)
	for _, name := range slices.Sorted(maps.Keys(files)) {
		part(w, textproto.MIMEHeader{"Content-Type": {"application/octet-stream"}, "Content-Transfer-Encoding": {"base64"},
			"Content-Disposition": {fmt.Sprintf("attachment; filename=%q", name)}}, lines(files[name]))
	}
	_ = w.Close() // writes to memory
	return b.String() + body.String()
}

func part(w *multipart.Writer, h textproto.MIMEHeader, text string) {
	p, err := w.CreatePart(h)
	if err == nil {
		_, _ = p.Write([]byte(text)) // to memory
	}
}

// lines is base64 in lines of 76, RFC 2045 §6.8.
func lines(data []byte) string {
	var b strings.Builder
	for s := base64.StdEncoding.EncodeToString(data); s != ""; {
		n := min(76, len(s))
		b.WriteString(s[:n] + "\r\n")
		s = s[n:]
	}
	return b.String()
}

func domainOf(from string) string {
	_, domain, _ := strings.Cut(strings.TrimSuffix(from, ">"), "@")
	return domain
}

// reply is what a client writes when its user presses Reply.
func (s *stage) reply(to *letter, from, text string, files map[string][]byte, headers ...string) string {
	id := to.Header.Get("Message-ID")
	sender := to.Header.Mailboxes("From")[0]
	subject := to.Header.Text("Subject")
	if !strings.HasPrefix(subject, "Re: ") {
		subject = "Re: " + subject
	}
	quote := fmt.Sprintf("\nLe %s, %s a écrit :\n> %s\n", s.now().Format("02/01/2006 à 15:04"), sender.Name,
		strings.ReplaceAll(strings.TrimRight(to.text(), "\n"), "\n", "\n> "))
	headers = append(headers, "In-Reply-To: "+id, "References: "+strings.Join(strings.Fields(to.Header.Get("References")+" "+id), "\r\n "))
	return s.write(from, sender.Address.String(), subject, text+quote, files, headers...)
}

// post hands a reply to the MX, as the sender's mail server would.
func (s *stage) post(to *letter, from, mail string) error {
	return s.deliver(from, to.Header.Mailboxes("From")[0].Address.String(), mail, nil)
}

// dialogue is post that shows what the two servers say to each other.
func (s *stage) dialogue(from, to, mail string) error {
	return s.deliver(from, to, mail, func(who, line string) { fmt.Fprintf(s.out, "   %s %s\n", who, line) })
}

// deliver is one session with the MX; show, unless nil, is told what is said.
func (s *stage) deliver(from, to, mail string, show func(who, line string)) error {
	if show == nil {
		show = func(string, string) {}
	}
	c, err := textproto.Dial("tcp", s.desk.Addr("mx"))
	if err != nil {
		return err
	}
	defer c.Close()
	if err := answer(c, 220, show); err != nil {
		return err
	}
	for _, step := range []struct {
		line string
		code int
	}{{"EHLO mx." + from[strings.IndexByte(from, '@')+1:], 250}, {"MAIL FROM:<" + from + ">", 250}, {"RCPT TO:<" + to + ">", 250}, {"DATA", 354}} {
		show("C:", step.line)
		if err := c.PrintfLine("%s", step.line); err != nil {
			return err
		}
		if err := answer(c, step.code, show); err != nil {
			return err
		}
	}
	show("C:", "(the mail)")
	w := c.DotWriter()
	if _, err := w.Write([]byte(mail)); err != nil {
		return err
	}
	if err := w.Close(); err != nil {
		return err
	}
	return answer(c, 250, show)
}

// answer reads a reply and shows its last line.
func answer(c *textproto.Conn, want int, show func(who, line string)) error {
	code, text, err := c.ReadResponse(want)
	if err != nil {
		return err
	}
	all := strings.Split(text, "\n")
	show("S:", fmt.Sprintf("%d %s", code, all[len(all)-1]))
	return nil
}
