package relay

import (
	"bufio"
	"errors"
	"fmt"
	"strings"

	"postdesk/internal/message"
)

// Bounds of what a remote server may say. Its replies are hostile input.
const (
	maxReply      = 1 << 20 // octets of one reply that are read at all
	maxReplyLines = 64      // lines of one reply that are kept
	maxReplyLine  = 512     // octets of one line that are kept; RFC 5321 §4.5.3.1.5
	maxAnswerText = 512     // characters of the text that a row keeps
)

var (
	errReplyTooLong = errors.New("the server's reply is too long")
	errGarbage      = errors.New("the server does not speak SMTP")
	errOutOfStep    = errors.New("the server answers what was not said yet")
)

// answer is a server's reply, RFC 5321 §4.2, cleaned: no control characters,
// one line, bounded. Code 0 is none.
type answer struct {
	code     int
	enhanced string // RFC 3463, may be empty
	text     string
}

func (a answer) positive() bool  { return a.code/100 == 2 }
func (a answer) permanent() bool { return a.code/100 == 5 }

// readReply reads one reply of one or more lines. When the reply is too long
// the code is known all the same and is returned with errReplyTooLong: nothing
// more can be said on that connection.
func readReply(r *bufio.Reader) (code int, lines []string, err error) {
	for total := 0; ; {
		line, n, err := readReplyLine(r, maxReply-total)
		total += n
		c, more, ok := splitReplyLine(line)
		if !ok && err == nil {
			return 0, nil, errGarbage
		}
		if ok && code != 0 && c != code {
			return 0, nil, errGarbage
		}
		if ok {
			code = c
		}
		if err != nil {
			return code, lines, err
		}
		if len(lines) < maxReplyLines {
			lines = append(lines, strings.TrimRight(string(line[min(4, len(line)):]), "\r\n"))
		}
		if !more {
			return code, lines, nil
		}
	}
}

// readReplyLine reads a line of any length below limit and keeps its beginning.
func readReplyLine(r *bufio.Reader, limit int) (line []byte, n int, err error) {
	for {
		part, err := r.ReadSlice('\n')
		n += len(part)
		if room := maxReplyLine - len(line); room > 0 {
			line = append(line, part[:min(room, len(part))]...)
		}
		switch {
		case n > limit:
			return line, n, errReplyTooLong
		case err == nil:
			return line, n, nil
		case !errors.Is(err, bufio.ErrBufferFull):
			return nil, n, err
		}
	}
}

// splitReplyLine reads "250-text", "250 text" or "250", RFC 5321 §4.2.1.
func splitReplyLine(line []byte) (code int, more, ok bool) {
	if len(line) < 3 {
		return 0, false, false
	}
	for _, c := range line[:3] {
		if c < '0' || c > '9' {
			return 0, false, false
		}
		code = code*10 + int(c-'0')
	}
	if code < 200 || code > 599 {
		return 0, false, false
	}
	if len(line) == 3 {
		return code, false, true
	}
	switch line[3] {
	case '-':
		return code, true, true
	case ' ', '\r', '\n':
		return code, false, true
	}
	return 0, false, false
}

// newAnswer cleans a reply: the enhanced code that stands before each line
// (RFC 2034 §4) is taken off, the lines are joined.
func newAnswer(code int, lines []string) answer {
	a := answer{code: code}
	var b strings.Builder
	for _, line := range lines {
		first, rest, _ := strings.Cut(line, " ")
		if isEnhanced(first, code) {
			if a.enhanced == "" {
				a.enhanced = first
			}
			line = rest
		}
		if b.Len() > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(line)
		if b.Len() > 4*maxAnswerText {
			break
		}
	}
	a.text = message.Clean(b.String(), maxAnswerText)
	return a
}

// isEnhanced says whether s is an enhanced status code of code's class, RFC
// 3463 §2.
func isEnhanced(s string, code int) bool {
	if len(s) < 5 || len(s) > 9 || s[0] != byte('0'+code/100) {
		return false
	}
	parts := strings.Split(s, ".")
	if len(parts) != 3 || len(parts[0]) != 1 {
		return false
	}
	for _, p := range parts[1:] {
		if p == "" || len(p) > 3 || strings.Trim(p, "0123456789") != "" {
			return false
		}
	}
	return true
}

// failure is why a mail, or some of its recipients, did not get through: an
// answer of the server, or what went wrong before one came (code 0).
type failure struct {
	answer
	host   string
	stage  string
	err    error // nil when the server answered
	final  bool  // no use to try again
	lost   bool  // the connection is over; another host may do better
	tls    bool  // TLS did not come about; clear text may
	doubt  bool  // the final dot was sent and nothing heard: a duplicate is possible
	config bool  // our own configuration is at fault, whatever the server's code says
}

func (f *failure) Error() string {
	if f.err != nil {
		return fmt.Sprintf("%s: %s: %v", f.host, f.stage, f.err)
	}
	return fmt.Sprintf("%s: %s: %d %s %s", f.host, f.stage, f.code, f.enhanced, f.text)
}

// localFailure is a decision of our own, with a code as a server would give.
func localFailure(code int, enhanced, text string) *failure {
	return &failure{answer: answer{code: code, enhanced: enhanced, text: message.Clean(text, maxAnswerText)}, final: code/100 == 5}
}

// brokenOff is a network or protocol fault: always worth another try.
func brokenOff(host, stage string, err error) *failure {
	text := message.Clean(stage+": "+err.Error(), maxAnswerText)
	return &failure{answer: answer{text: text}, host: host, stage: stage, err: err, lost: true}
}

// refusal is a negative answer. 421 says that the server closes the connection,
// at any stage (RFC 5321 §3.8); an answer of class 2 or 3 where none belongs is
// a server out of step.
func refusal(host, stage string, a answer) *failure {
	f := &failure{answer: a, host: host, stage: stage, final: a.permanent()}
	if a.code == 421 || a.code < 400 {
		f.lost = true
	}
	return f
}
