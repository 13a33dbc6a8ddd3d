package server_test

import (
	"regexp"
	"strings"
	"testing"

	"postdesk/internal/testkit"
	"postdesk/internal/ticket"
)

// files is a mail with a small picture, a large archive and a large text.
func files() (body string, headers []string) {
	big := strings.Repeat(strings.Repeat("QUJD", 19)+"\n", 20000)
	file := func(kind, name, content string) string {
		return "--b\nContent-Type: " + kind + "\nContent-Disposition: attachment; filename=" + name + "\nContent-Transfer-Encoding: base64\n\n" + content
	}
	return "--b\nContent-Type: text/plain\n\nVoici trois fichiers.\n" + file("image/png", "petit.png", "QUJDREVG\n") + file("application/zip", "gros.zip", big) +
		file("text/csv", "long.csv", "REVG"+big[4:]) + "--b--\n", []string{"MIME-Version: 1.0", "Content-Type: multipart/mixed; boundary=b"}
}

// reduced is a copy that the agent's server refused for its size.
func (d *desk) reduced(jean, anne *person) received {
	d.Helper()
	d.agents.SetScript(testkit.Script{testkit.AtDot: {Reply: "552 5.3.4 message too big", Times: 1}})
	body, headers := files()
	jean.writes(generic, "Trois fichiers", body, headers...)
	jean.reads()
	return anne.reads()
}

// What was too large for the copy is listed with a link each, and comes in a
// mail of its own, byte for byte.
func TestAttach(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ command, names string }{
		{"#attach 2", "gros.zip"}, {"#joindre n°3", "long.csv"}, {"#attach 2, 3", "gros.zip long.csv"}, {"#joindre tout", "gros.zip long.csv petit.png"},
	} {
		t.Run(c.command, func(t *testing.T) {
			t.Parallel()
			d := newDesk(t, nil)
			jean, anne := d.jean(), d.anne()
			copy := d.reduced(jean, anne)
			d.says(copy, "2\u00a0: gros.zip", "3\u00a0: long.csv", "%23joindre%202", "%23joindre%203")
			if strings.Contains(copy.text(), "%23joindre%201") {
				t.Error("a link for what is there")
			}
			anne.answers(copy, c.command+"\n")
			for _, name := range strings.Fields(c.names) {
				got := anne.finds("pièce jointe demandée", name)
				if attached(got) != name {
					t.Errorf("attachments: %s, want %s", attached(got), name)
				}
				want := "QUJDQUJD"
				if name == "long.csv" {
					want = "REVGQUJD"
				} else if name == "petit.png" {
					want = "QUJDREVG"
				}
				if !strings.Contains(string(got.Raw), want) {
					t.Errorf("%s is not as it was", name)
				}
			}
			d.says(anne.finds("C’est fait"), strings.Fields(c.names)[0])
			if n := len(d.happened(10000, ticket.AttachmentSent)); n != len(strings.Fields(c.names)) {
				t.Errorf("%d events", n)
			}
			jean.hearsNothing()
		})
	}
}

// The link in the copy answers nothing, and is enough.
func TestAttachByLink(t *testing.T) {
	t.Parallel()
	d := newDesk(t, nil)
	jean, anne := d.jean(), d.anne()
	copy := d.reduced(jean, anne)
	anne.clicks(copy, "#joindre 2", "")
	if got := anne.finds("pièce jointe demandée"); attached(got) != "gros.zip" {
		t.Errorf("attachments: %s", attached(got))
	}
	jean.hearsNothing()
}

func TestAttachRefused(t *testing.T) {
	t.Parallel()
	d := newDesk(t, nil)
	jean, anne := d.jean(), d.anne()
	copy := d.reduced(jean, anne)
	for _, typed := range []string{"#attach 4", "#attach 0", "#attach gros.zip", "#attach 2 9"} {
		anne.answers(copy, typed+"\n")
		d.says(anne.reads(), typed, "1 petit.png", "2 gros.zip", "3 long.csv")
	}
	jean.writes(generic, "Sans fichier", "Bonjour\n")
	jean.reads()
	bruno := d.bruno()
	bruno.answers(bruno.reads(), "#attach 1\n")
	d.says(bruno.reads(), "pas de pièce jointe")
	anne.hearsNothing()
}

// An attachment that the agent's server refuses again: the agent hears it in
// words, once, and the postmaster nothing.
func TestAnAttachmentTooLargeAgain(t *testing.T) {
	t.Parallel()
	small := testkit.NewSink(t, testkit.SinkOptions{Hostname: "mx.corp.example", MaxSize: 1 << 20})
	d := newDesk(t, func(config string) string {
		return regexp.MustCompile(`"corp.example" = "[^"]*"`).ReplaceAllString(config, `"corp.example" = "`+small.Addr+`"`)
	})
	d.agents = small
	jean, anne := d.jean(), d.anne()
	body, headers := files()
	jean.writes(generic, "Trois fichiers", body, headers...)
	jean.reads()
	anne.answers(anne.reads(), "#attach 2\n")
	d.says(anne.finds("de nouveau refusé"), "552", "ticket show 10000 --raw 1")
	anne.finds("C’est fait")
	anne.hearsNothingBut(2)
	d.person("", "it@corp.example").hearsNothing()
}
