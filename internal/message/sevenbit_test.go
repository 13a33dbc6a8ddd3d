package message

import (
	"errors"
	"io"
	"strings"
	"testing"
)

func crlf(s string) string { return strings.ReplaceAll(s, "\n", "\r\n") }

func TestSevenBit(t *testing.T) {
	raw := crlf(`From: a@b.test
Content-Type: multipart/mixed; boundary=x
Content-Transfer-Encoding: 8bit

--x
Content-Type: text/plain; charset=utf-8
Content-Transfer-Encoding: 8bit

Réclamation
--x
Content-Type: application/pdf; name="Été à Paris.pdf"

` + "\xff\x00\xfe" + `
--x
Content-Type: text/plain

plain  
--x--
`)
	m := mustParse(t, raw)
	out, err := SevenBit(m.Source, m)
	if err != nil {
		t.Fatal(err)
	}
	got := readSource(t, out)
	if !isASCII(got) {
		t.Fatalf("got %q", got)
	}
	m2 := mustParse(t, got)
	if len(m2.Root.Children) != 3 || m2.Root.Encoding != "7bit" || m2.Root.Children[1].FileName() != "Été à Paris.pdf" {
		t.Fatalf("got %s, %q", got, m2.Root.Children[1].FileName())
	}
	for i, c := range m.Root.Children {
		before, _ := io.ReadAll(c.Decode())
		after, _ := io.ReadAll(m2.Root.Children[i].Decode())
		if string(before) != string(after) {
			t.Errorf("part %d: %q became %q", i, before, after)
		}
	}
	if !strings.Contains(got, "\r\n\r\nplain  \r\n--x--") {
		t.Errorf("a 7-bit part was changed: %q", got)
	}
}

func TestSevenBitRefuses(t *testing.T) {
	for _, raw := range []string{
		"Subject: \xc3\xa9\r\n\r\nx",
		"Content-Type: multipart/signed; boundary=x\r\n\r\n--x\r\n\r\n\xc3\xa9\r\n--x\r\n\r\nsig\r\n--x--\r\n",
		"Content-Type: multipart/mixed\r\n\r\n\xe9",
	} {
		m := mustParse(t, raw)
		if _, err := SevenBit(m.Source, m); !errors.Is(err, ErrCannotDowngrade) {
			t.Errorf("%q: %v", raw, err)
		}
	}
	m := mustParse(t, "Subject: x\r\n\r\nx")
	if out, err := SevenBit(m.Source, m); err != nil || out != m.Source {
		t.Errorf("a 7-bit mail was changed: %v", err)
	}
}

func TestSevenBitOfTheCorpora(t *testing.T) {
	refused := 0
	eachMail(t, corpora(t), func(name string, raw []byte) {
		m := mustParse(t, string(raw))
		out, err := SevenBit(m.Source, m)
		if errors.Is(err, ErrCannotDowngrade) {
			refused++
			return
		}
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if got := readSource(t, out); !isASCII(got) {
			t.Errorf("%s: still 8 bit", name)
		}
	})
	t.Logf("refused: %d", refused)
}
