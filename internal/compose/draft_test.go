package compose

import (
	"slices"
	"strings"
	"testing"
)

// What clients make of the line "#cc +a@x.example -b@y.example", and how it reads.
func TestTidyLine(t *testing.T) {
	for typed, want := range map[string]string{
		"#note":                       "#note",
		"\ufeff#note":                 "#note",
		"\u00a0 \u200b#note\u00a0":    "#note\u00a0",
		"*#note*":                     "#note",
		"*#note* texte":               "#note texte",
		"• #note":                     "#note",
		"- #note":                     "#note",
		"1. #note":                    "#note",
		"＃note":                       "#note",
		"#\ufe0f\u20e3note":           "#note",
		"* #solved":                   "#solved",
		"#cc +a@x<mailto:a@x> -b@y":   "#cc +a@x -b@y",
		"#cc +a@x <mailto:a@x>":       "#cc +a@x ",
		"#cc +a@x [mailto:a@x]":       "#cc +a@x ",
		"un #note au milieu":          "un #note au milieu",
		"3 #note":                     "3 #note",
		"<https://x.example/#note>":   "<https://x.example/#note>",
		"Voir <mailto:a@x> pour cela": "Voir <mailto:a@x> pour cela",
	} {
		if got := tidyLine(typed); got != want {
			t.Errorf("%q: %q, want %q", typed, got, want)
		}
	}
}

// A signature is no text, and a sentence is.
func TestSaid(t *testing.T) {
	for _, s := range []string{
		"", "\u00a0\n", "-- \nAnne", "Anne", "Anne Durand", "Durand Anne", "Cordialement,\n\nAnne Durand\nRelation Client\nTél. 01 02 03 04 05\nwww.example.com",
		"Bien à vous", "Kind regards,\nAnne", "[cid:image001.png@01DA]\nAnne Durand | Relation Client", "Envoyé de mon iPhone", "Anne Durand, conseillère\nPensez à l’environnement avant d’imprimer ce message.",
		"*Anne Durand*\n_Relation Client_",
	} {
		if got := said(s, "", "Anne Durand"); got != "" {
			t.Errorf("%q says %q", s, got)
		}
	}
	for _, s := range []string{
		"Merci", "👍", "ok", "Anne,\nVotre appareil est prêt.", "Anne Durand viendra demain.", "Cordialement, mais non.", "Bonjour\nCordialement\nAnne",
		"Anne Durand\nElle vous rappellera demain matin.", "Écrivez à Anne Durand", "01 02 03 04 05",
	} {
		if said(s, "", "Anne Durand") == "" {
			t.Errorf("%q says nothing", s)
		}
	}
	if got := said("Oui.\n\nService Relation Client\n1 rue X", "Service Relation Client 1 rue X", "Anne"); got != "Oui." {
		t.Errorf("a marked signature: %q", got)
	}
}

const draftHeader = "From: Anne <anne.durand@corp.example>\nMIME-Version: 1.0\n"

func twoForms(plain, html string) string {
	return draftHeader + "Content-Type: multipart/alternative; boundary=b\n\n--b\nContent-Type: text/plain; charset=utf-8\n\n" + plain +
		"\n--b\nContent-Type: text/html; charset=utf-8\n\n" + html + "\n--b--\n"
}

// Commands come from the HTML, whose lines are whole, and go from both forms.
func TestADraftOfTwoForms(t *testing.T) {
	c := testComposer(t)
	d := c.Draft(parse(t, twoForms("#solved L'appareil a été remplacé par un neuf ce matin, et sera\nlivré lundi.\n\nBonjour\n", "<p>#solved L’appareil a été remplacé par un neuf ce matin, et sera livré lundi.</p><p>Bonjour</p>")))
	first, _, _ := strings.Cut(d.Text(), "\n")
	rest, missing := d.Strike([]string{first})
	if len(missing) > 0 || strings.TrimSpace(rest.Plain) != "Bonjour" || strings.TrimSpace(rest.HTML) != "Bonjour" {
		t.Errorf("%q: missing %q, left %q and %q", first, missing, rest.Plain, rest.HTML)
	}
	d = c.Draft(parse(t, twoForms("Votre logiciel n'affiche pas le HTML.", "<p>#note</p><p>secret</p>")))
	if _, missing := d.Strike([]string{"#note"}); !slices.Equal(missing, []string{"#note"}) {
		t.Errorf("the text has no command, and missing is %q", missing)
	}
}

// Apple Mail writes an empty text above an attachment.
func TestADraftBelowAnAttachment(t *testing.T) {
	raw := draftHeader + "Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: text/plain\n\n\n\n--b\nContent-Type: application/pdf; name=a.pdf\nContent-Disposition: inline; filename=a.pdf\n\nx\n--b\nContent-Type: text/plain\n\n#solved\n\nVoici.\n--b--\n"
	d := testComposer(t).Draft(parse(t, raw))
	if !strings.HasPrefix(d.Text(), "#solved\n") {
		t.Fatalf("%q", d.Text())
	}
	in := testReplyIn(t, raw)
	in.Commands = []string{"#solved"}
	out, err := testComposer(t).Reply(in)
	if err != nil || len(out.Findings) > 0 || strings.Contains(decodeAll(t, out.Source), "#solved") {
		t.Errorf("%v %v:\n%s", err, out.Findings, bytesOf(t, out.Source))
	}
}

// A calendar part repeats the text, and an RTF one too.
func TestCommandsLeaveOtherForms(t *testing.T) {
	raw := draftHeader + "Content-Type: multipart/alternative; boundary=b\n\n--b\nContent-Type: text/plain\n\n#solved fini\n\nVoici la date.\n" +
		"--b\nContent-Type: text/rtf\n\n{\\rtf1 #solved fini\\par Voici la date.}\n--b\nContent-Type: application/rtf\n\n{\\rtf1 #solved fini}\n" +
		"--b\nContent-Type: text/calendar; method=REQUEST\n\nBEGIN:VCALENDAR\nDESCRIPTION;LANGUAGE=\"fr:FR\":#solved \n fini\\n\\nVoici\\, la date.\nEND:VCALENDAR\n--b--\n"
	in := testReplyIn(t, raw)
	in.Commands = []string{"#solved fini"}
	out, err := testComposer(t).Reply(in)
	all := decodeAll(t, out.Source)
	if err != nil || len(out.Findings) > 0 || strings.Contains(all, "solved") || strings.Contains(all, "fini") || !strings.Contains(all, `Voici\, la date.`) {
		t.Errorf("%v %v:\n%s", err, out.Findings, all)
	}
}

// A command that was obeyed and stands in the mail once more is found.
func TestACommandThatSurvives(t *testing.T) {
	in := testReplyIn(t, plainReply("#tag +x\n\nBonjour\n\n> > * #tag +x\n"))
	in.Commands = []string{"#tag +x"}
	out, err := testComposer(t).Reply(in)
	if err != nil || kinds(out.Findings) != "command" {
		t.Errorf("%v %v", err, out.Findings)
	}
}
