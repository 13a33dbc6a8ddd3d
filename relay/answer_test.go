package relay

import (
	"bufio"
	"bytes"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"postdesk/internal/message"
)

func parseReply(s string) (answer, error) {
	code, lines, err := readReply(bufio.NewReaderSize(strings.NewReader(s), 16))
	return newAnswer(code, lines), err
}

func TestReply(t *testing.T) {
	for in, want := range map[string]answer{
		"250 ok\r\n":                          {250, "", "ok"},
		"250\r\n":                             {250, "", ""},
		"250 ok\n":                            {250, "", "ok"},
		"550 5.1.1 no such user\r\n":          {550, "5.1.1", "no such user"},
		"550-5.1.1 no\r\n550 5.1.1 such user": {550, "5.1.1", "no"}, // cut off: see the error
		"550-5.1.1 no\r\n550-5.1.1 such\r\n550 5.1.1 user\r\n": {550, "5.1.1", "no such user"},
		"550 4.1.1 odd class\r\n":                              {550, "", "4.1.1 odd class"},
		"250 2.0.0\r\n":                                        {250, "2.0.0", ""},
		"421 a\x00b\x1b[31mc\u202ed\u2028e\xff\r\n":            {421, "", "ab[31mcd e\ufffd"},
		"451   spaces \t here  \r\n":                           {451, "", "spaces here"},
	} {
		got, err := parseReply(in)
		if got != want || err != nil && !strings.HasSuffix(in, "user") {
			t.Errorf("%q: %+v %v", in, got, err)
		}
	}
	for _, in := range []string{"", "25", "250", "2x0 a\r\n", "250a\r\n", "199 a\r\n", "600 a\r\n", "250-a\r\n251 b\r\n", "250-a\r\n", "\r\n", "hello\r\n"} {
		if got, err := parseReply(in); err == nil {
			t.Errorf("%q is taken for %+v", in, got)
		}
	}
}

func TestAnswerTextIsBounded(t *testing.T) {
	got, err := parseReply("550 " + strings.Repeat("é", 5000) + "\r\n")
	if err != nil || utf8.RuneCountInString(got.text) > maxAnswerText || !utf8.ValidString(got.text) {
		t.Errorf("%d characters, %v", utf8.RuneCountInString(got.text), err)
	}
	// The code of what is too long is known.
	if got, err := parseReply(strings.Repeat("250-"+strings.Repeat("x", 1000)+"\r\n", 2000)); err != errReplyTooLong || got.code != 250 {
		t.Errorf("%d %v", got.code, err)
	}
}

func FuzzReply(f *testing.F) {
	for _, s := range []string{"250 ok\r\n", "550-5.1.1 a\r\n550 5.1.1 b\r\n", "421\r\n", "220 \x00\xff\u202e\n", "250-a\n"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		code, lines, err := readReply(bufio.NewReaderSize(bytes.NewReader(in), 16))
		if err == nil && (code < 200 || code > 599) {
			t.Errorf("code %d", code)
		}
		a := newAnswer(code, lines)
		if len(lines) > maxReplyLines || utf8.RuneCountInString(a.text) > maxAnswerText || !utf8.ValidString(a.text) {
			t.Errorf("not bounded: %d lines, %q", len(lines), a.text)
		}
		for _, r := range a.text + a.enhanced {
			if unicode.IsControl(r) || r == '\u2028' || r == '\u2029' {
				t.Errorf("control character %U", r)
			}
		}
	})
}

// FuzzDotStuffing: whatever the mail and however it is cut, what a strict
// server reads is the mail, and nothing in it ends it early.
func FuzzDotStuffing(f *testing.F) {
	f.Add([]byte(".\r\n..\r\nx\r\n.\r\n"), uint8(1))
	f.Add([]byte("a\r\n.b"), uint8(3))
	f.Fuzz(func(t *testing.T, in []byte, size uint8) {
		if tr, _ := inspect(message.BytesSource(in)); tr.stray {
			return
		}
		var out bytes.Buffer
		d := dotStuffer{w: &out, start: true}
		for p := in; len(p) > 0; {
			n := min(int(size)+1, len(p))
			d.write(p[:n])
			p = p[n:]
		}
		d.end()
		want := string(in)
		if !strings.HasSuffix(want, "\r\n") {
			want += "\r\n"
		}
		var got strings.Builder
		for line := range strings.SplitAfterSeq(out.String(), "\r\n") {
			if line == ".\r\n" {
				t.Fatal("the mail ends itself")
			}
			got.WriteString(strings.TrimPrefix(line, "."))
		}
		if got.String() != want {
			t.Errorf("%q became %q", in, got.String())
		}
	})
}
