package server_test

import (
	"html"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"postdesk/internal/ticket"
)

// follows clicks a link of a notice and sends what the mail client opens.
func (p *person) follows(m received, label string) {
	p.d.Helper()
	found := regexp.MustCompile(`<a href="(mailto:[^"]+)">` + regexp.QuoteMeta(label) + `</a>`).FindStringSubmatch(m.HTMLPart().Text(1 << 20))
	if found == nil {
		p.d.Fatalf("no link %q in:\n%s", label, m.text())
	}
	u, err := url.Parse(html.UnescapeString(found[1]))
	if err != nil {
		p.d.Fatal(err)
	}
	to, err := url.PathUnescape(u.Opaque)
	if err != nil {
		p.d.Fatal(err)
	}
	q := u.Query()
	mail := p.mail(to, q.Get("subject"), strings.ReplaceAll(q.Get("body"), "\r\n", "\n"), "In-Reply-To: "+q.Get("In-Reply-To"))
	if err := p.posts([]string{to}, mail); err != nil {
		p.d.Fatal(err)
	}
}

// A wrong command is corrected by Reply: the mail goes its way with the right one, and the customer
// sees none of them.
func TestAWrongCommandIsCorrectedByReply(t *testing.T) {
	t.Parallel()
	d := newDesk(t, nil)
	jean, anne, bruno := d.jean(), d.anne(), d.bruno()
	_, copy := d.ask(jean, anne, "Une question", "Bonjour\n")

	anne.answers(copy, "#tag +garantie\n#asign bruno\n# solved\n\nVOICI la réponse.\n")
	notice := anne.reads()
	d.says(notice, "«\u00a0#asign bruno\u00a0»", "# solved", "#assign anne (me, none)", "VOICI la réponse.")
	jean.hearsNothing()
	anne.answers(notice, "#assign brno\n#solved\n")
	notice = anne.reads()
	d.says(notice, "brno", "#assign anne")
	jean.hearsNothing()
	d.expect(10000, ticket.New, "anne")
	anne.answers(notice, "#assign bruno\n#résolu remplacé\n")
	reply := jean.reads()
	d.says(reply, "VOICI la réponse.")
	d.without(reply, "#asign", "#assign", "# solved", "#tag", "garantie", "remplacé")
	d.expect(10000, ticket.Solved, "bruno")
	if got := d.ticket(10000); !slices.Equal(got.Tags, []string{"garantie"}) || got.Resolution != "remplacé" {
		t.Errorf("tags %q, resolution %q", got.Tags, got.Resolution)
	}
	bruno.reads()
	if len(d.held()) > 0 {
		t.Errorf("held: %+v", d.held())
	}
}

// The notice has a link with the corrected mail.
func TestACorrectionIsPrepared(t *testing.T) {
	t.Parallel()
	d := newDesk(t, nil)
	jean, anne := d.jean(), d.anne()
	_, copy := d.ask(jean, anne, "Une question", "Bonjour\n")
	anne.answers(copy, "#prioritée haute\n#résollu fait\n\nVOICI.\n")
	anne.follows(anne.reads(), "Corriger")
	d.without(jean.reads(), "#", "haute", "fait")
	if got := d.ticket(10000); got.Priority != ticket.High || got.Status != ticket.Solved || got.Resolution != "fait" {
		t.Errorf("%+v", got)
	}

	// A command below the text is lifted up.
	anne.answers(copy, "Bonjour,\n\nVOICI la suite.\n\n#clore\n")
	notice := anne.reads()
	d.says(notice, "#clore", "n’est pas en tête")
	anne.follows(notice, "Corriger")
	reply := jean.reads()
	d.says(reply, "VOICI la suite.")
	d.without(reply, "#clore")
	d.expect(10000, ticket.Closed, "anne")
}

// Commands alone are held too, corrected, and answered with a transcript.
func TestWrongCommandsAlone(t *testing.T) {
	t.Parallel()
	d := newDesk(t, nil)
	jean, anne := d.jean(), d.anne()
	_, copy := d.ask(jean, anne, "Une question", "Bonjour\n")
	anne.answers(copy, "#assign\n")
	notice := anne.reads()
	d.says(notice, "il manque la suite", "#assign anne")
	anne.answers(notice, "#assigner personne\n\nAnne Durand\nRelation Client\n")
	d.says(anne.reads(), "personne")
	d.expect(10000, ticket.New, "")

	// What cannot be carried out sends nothing, and #send sends it without.
	anne.answers(copy, "#assign zoe\n#tag +x\n\nVOICI.\n")
	notice = anne.reads()
	d.says(notice, "zoe")
	anne.answers(notice, "#assigner anne\nMerci !\n")
	d.says(anne.reads(), "toujours retenu")
	jean.hearsNothing()
	anne.answers(notice, "#envoyer\n")
	d.without(jean.reads(), "zoe", "#assign", "#tag")
	if got := d.ticket(10000); !slices.Equal(got.Tags, []string{"x"}) {
		t.Errorf("tags %q", got.Tags)
	}

	// #cancel drops it.
	anne.answers(copy, "#frobnicate\nNON.\n")
	anne.answers(anne.reads(), "#annuler\n")
	anne.reads()
	jean.hearsNothing()
	if len(d.held()) > 0 {
		t.Errorf("held: %+v", d.held())
	}
}

// What the guard holds becomes a note by Reply.
func TestAHeldAnswerBecomesANote(t *testing.T) {
	t.Parallel()
	d := newDesk(t, nil)
	jean, anne := d.jean(), d.anne()
	_, copy := d.ask(jean, anne, "Une question", "Bonjour\n")
	anne.answers(copy, "Ci-joint le devis, à ne pas envoyer au client.\n")
	anne.follows(anne.reads(), "En faire une note interne")
	d.says(anne.reads(), "Votre note est gardée")
	jean.hearsNothing()
	if kinds := d.messages(10000); kinds != "in note" {
		t.Errorf("messages: %s", kinds)
	}

	// Other commands decide nothing about it.
	anne.answers(copy, "Ci-joint le devis.\n")
	notice := anne.reads()
	anne.answers(notice, "#solved\n")
	d.says(anne.reads(), "toujours retenu")
	jean.hearsNothing()
	anne.answers(notice, "#envoyer\n#solved\n")
	d.says(jean.reads(), "Ci-joint le devis.")
	d.expect(10000, ticket.Solved, "anne")
}

// The two forms of a mail that do not say the same are asked about: a command in one of them must not
// be read by the customer in the other.
func TestTwoFormsThatDiffer(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, plain, html string }{
		{"a command in the HTML alone", "SECRET : le client est fâché.", "<p>#note</p><p>SECRET : le client est fâché.</p>"},
		{"a command in the text alone", "#note\n\nSECRET : le client est fâché.", "<p>SECRET : le client est fâché.</p>"},
		{"a text that says nothing of it", "Votre logiciel ne montre pas le HTML.", "<p>#note</p><p>SECRET</p>"},
		{"other commands", "#clore\n\nSECRET", "<p>#note</p><p>SECRET</p>"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			d := newDesk(t, nil)
			jean, anne := d.jean(), d.anne()
			_, copy := d.ask(jean, anne, "Une question", "Bonjour\n")
			contentType, body := alternativeOf(c.plain, c.html)
			anne.mime(copy, contentType, body)
			d.says(anne.reads(), "deux versions du message")
			jean.hearsNothing()
			d.expect(10000, ticket.New, "anne")
		})
	}
}

// Commands alone are answered with what was done and what the ticket is now.
func TestATranscriptSaysWhatTheTicketIs(t *testing.T) {
	t.Parallel()
	d := newDesk(t, nil)
	jean, anne := d.jean(), d.anne()
	_, copy := d.ask(jean, anne, "Une question", "Bonjour\n")
	anne.answers(copy, "#attente\n#priorité urgente\n#motif garantie\n#tag +vip\n")
	transcript := anne.reads()
	d.says(transcript, "#attente", "Statut\u00a0: en attente du client – au client de répondre", "Suivie par\u00a0: Anne Durand", "Pôle\u00a0: Relation Client",
		"Priorité\u00a0: urgente", "Motif\u00a0: garantie", "Étiquettes\u00a0: vip", "rien d’autre n’a été envoyé au client")
	anne.follows(transcript, "Résolue")
	done := anne.reads()
	d.expect(10000, ticket.Solved, "anne")
	anne.follows(done, "Rouvrir")
	anne.reads()
	d.expect(10000, ticket.Open, "anne")
	jean.hearsNothing()
}

// A long command that the mail program broke in two is asked about: its second half must not
// become a text for the customer.
func TestABrokenCommand(t *testing.T) {
	t.Parallel()
	d := newDesk(t, nil)
	jean, anne := d.jean(), d.anne()
	_, copy := d.ask(jean, anne, "Une question", "Bonjour\n")
	anne.answers(copy, "#résolu la carte mère a été changée par un prestataire que le client n’a\npas à connaître\n\nVOICI la réponse.\n")
	notice := anne.reads()
	d.says(notice, "où finit cette commande", "pas à connaître")
	jean.hearsNothing()
	anne.follows(notice, "Corriger")
	reply := jean.reads()
	d.says(reply, "VOICI la réponse.")
	d.without(reply, "#résolu", "prestataire", "connaître")
	if got := d.ticket(10000).Resolution; !strings.HasSuffix(got, "pas à connaître") {
		t.Errorf("the resolution is %q", got)
	}
	anne.answers(copy, "#résolu court\nVOICI la suite.\n")
	d.says(jean.reads(), "VOICI la suite.")
}

// A correction that is a letter is refused in words, and the mail still waits: its record holds only so much.
func TestACorrectionThatIsTooLong(t *testing.T) {
	t.Parallel()
	d := newDesk(t, nil)
	jean, anne := d.jean(), d.anne()
	_, copy := d.ask(jean, anne, "Une question", "Bonjour\n")
	anne.answers(copy, "#asign bruno\n\nVOICI.\n")
	notice := anne.reads()
	for range 2 {
		anne.answers(notice, "#note "+strings.Repeat("mot ", 5000)+"\n#assign brno\n")
		d.says(anne.reads(), "renvoyez le message lui-même")
	}
	if held := d.held(); len(held) != 1 || held[0].Why != "command" || len(held[0].Instead) != 0 {
		t.Errorf("held: %+v", held)
	}
	jean.hearsNothing()
	anne.answers(notice, "#assign bruno\n")
	d.says(jean.reads(), "VOICI.")
}
