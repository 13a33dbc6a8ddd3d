package smtpd

import (
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// differs holds the dialogues in which we answer otherwise on purpose, with the
// line of the dialogue and what we say.
var differs = map[string]string{
	"bad_data_dot 521":           "250", // a bare LF is made a line end, and ends nothing
	"bad_data_dot_2 521":         "250",
	"bad_data 554":               "250", // no mail is refused for a bad header
	"auth_too_many_failures 421": "501", // more patience with what is no password at all
}

// Another server's conversations: the class of each reply is the same.
func TestDialogsOfAnotherServer(t *testing.T) {
	corpora := os.Getenv("POSTDESK_CORPORA")
	if corpora == "" {
		corpora = filepath.Join("..", "..", "shared", "corpora")
	}
	root := filepath.Join(corpora, "chasquid-dialogs", "test")
	files, _ := filepath.Glob(filepath.Join(root, "t-12-minor_dialogs", "*.cmy"))
	more, _ := filepath.Glob(filepath.Join(root, "t-05-null_address", "*.cmy"))
	if files = append(files, more...); len(files) == 0 {
		t.Skip("no dialogues in POSTDESK_CORPORA")
	}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".cmy")
		t.Run(name, func(t *testing.T) { playForeign(t, name, file) })
	}
}

func playForeign(t *testing.T, name, file string) {
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	w := newWorld(t, nil)
	var c *client
	for i, line := range strings.Split(string(text), "\n") {
		step, ok := strings.CutPrefix(line, "c ")
		if !ok {
			continue
		}
		word, arg, _ := strings.Cut(step, " ")
		switch word {
		case "tcp_connect":
			c = w.dial(MX, 0)
		case "tls_connect":
			c = w.dial(Submissions, 0)
		case "close":
			c.conn.Close()
		case "->":
			c.send(arg)
		case "~>":
			c.raw(pythonString(t, arg))
		case "<~", "<-", "<...":
			got, want := c.reply(), arg[:3]
			if other, ok := differs[name+" "+want]; ok {
				want = other
			}
			if got[:1] != want[:1] {
				t.Fatalf("%s:%d: %q, want %s", name, i+1, got, want)
			}
		}
	}
	if want, err := os.ReadFile(file + ".verify"); err == nil {
		all := w.desk.all()
		if len(all) != 1 || strings.TrimSpace(strings.ReplaceAll(all[0].raw, "\r", "")) != strings.TrimSpace(string(want)) {
			t.Errorf("%s: %+v", name, all)
		}
	}
}

var (
	pythonProduct = regexp.MustCompile(`^\((.*)\) \* (\d+)$`)
	pythonTerm    = regexp.MustCompile(`^'((?:[^'\\]|\\.)*)'(?: \* (\d+))?(?: \+ (.*))?$`)
)

// pythonString reads the few expressions that the dialogues use.
func pythonString(t *testing.T, s string) string {
	if m := pythonProduct.FindStringSubmatch(s); m != nil {
		n, _ := strconv.Atoi(m[2])
		return strings.Repeat(pythonString(t, m[1]), n)
	}
	m := pythonTerm.FindStringSubmatch(s)
	if m == nil {
		t.Fatalf("cannot read %q", s)
	}
	out := strings.NewReplacer(`\r`, "\r", `\n`, "\n").Replace(m[1])
	if m[2] != "" {
		n, _ := strconv.Atoi(m[2])
		out = strings.Repeat(out, n)
	}
	if m[3] != "" {
		out += pythonString(t, m[3])
	}
	return out
}
