package bounce

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"postdesk/internal/message"
)

// corpus calls fn for every bounce that others collected, or skips the test.
func corpus(t *testing.T, folder string, fn func(name string, raw []byte)) {
	dir := os.Getenv("POSTDESK_CORPORA")
	if dir == "" {
		dir = filepath.Join("..", "..", "..", "shared", "corpora")
	}
	files, _ := filepath.Glob(filepath.Join(dir, "sisimai-bounces", folder, "*.eml"))
	if len(files) == 0 {
		t.Skip("no bounces: set POSTDESK_CORPORA")
	}
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		fn(filepath.Base(file), raw)
	}
}

var returnedHeader = regexp.MustCompile(`(?im)^([>| \t]*message-id:[ \t]*)\r?\n?[ \t]*<[^>\r\n]*>`)

// What eighty kinds of servers write to nobody is known as theirs, and the Message-ID that came back is found.
func TestBouncesAreKnownFromTheNullSender(t *testing.T) {
	all, known, named, found := 0, 0, 0, 0
	corpus(t, "bsd", func(name string, raw []byte) {
		if strings.HasPrefix(name, "rfc3834") {
			return // vacation answers
		}
		head, body, _ := strings.Cut(strings.ReplaceAll(string(raw), "\r\n", "\n"), "\n\n")
		planted := false
		body = returnedHeader.ReplaceAllStringFunc(body, func(string) string { planted = true; return "Message-ID: <planted.id@example.com>" })
		m, err := message.Parse(message.BytesSource([]byte(head + "\n\n" + body)))
		if err != nil {
			t.Fatal(err)
		}
		all++
		if m.Report() != nil || Prose(m) {
			known++
		} else {
			t.Logf("%s is not known: %s, %q, %v", name, m.Header.Get("From"), m.Header.Text("Subject"), Read(m))
		}
		if planted {
			named++
			if slices.Contains(Returned(m), "planted.id@example.com") {
				found++
			} else {
				t.Logf("%s: what came back is not found", name)
			}
		}
	})
	t.Logf("%d of %d are known, %d of %d Message-IDs found", known, all, found, named)
	if known*100 < all*97 || found*100 < named*97 {
		t.Error("want 97 of 100")
	}
}

// A shop's mail, a person's and an answer from the holidays are no bounces, though they come from nobody.
func TestWhatIsNoBounce(t *testing.T) {
	for _, mail := range []string{
		"From: no-reply@shop.example\nSubject: Your order\n\nYour disk is full of music. If delivery fails, user unknown.\n",
		"From: jean@client.example\nSubject: Absent\n\nMy mailbox is full.\n",
		"From: Jean <jean@client.example>\nSubject: Re: erreur de livraison\n\nLe colis n'existe pas, does not exist.\n",
		"From: postmaster@client.example\nSubject: Bonjour\n\nMerci de me rappeler.\n",
	} {
		m, err := message.Parse(message.BytesSource([]byte(mail)))
		if err != nil {
			t.Fatal(err)
		}
		if Prose(m) {
			t.Errorf("a bounce: %s", mail)
		}
	}
}

func FuzzReturned(f *testing.F) {
	f.Add("\n\n> Message-ID: <a.b@c>\n")
	f.Add(report("text", failed("a@x.example", "5.1.1", "550 no")))
	f.Fuzz(func(t *testing.T, mail string) {
		m, err := message.Parse(message.BytesSource([]byte(mail)))
		if err != nil {
			t.Fatal(err)
		}
		if list := Returned(m); len(list) > maxIDs {
			t.Fatal(list)
		}
		Prose(m)
	})
}
